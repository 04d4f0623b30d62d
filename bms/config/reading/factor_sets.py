"""The factor sets that are shipped, and `energy.yaml`, which names those that count."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib import resources
from typing import Final

from bms.config.reading.files import ENERGY
from bms.config.reading.sections import Names, entries, read_all
from bms.config.shapes.energy_keys import EnergyFile, FactorSetEntry, FactorSetsFile
from bms.core.errors import InvalidInput
from bms.texts.messages import msg
from bms.texts.problems import Document, Problem, suggestion
from bms.texts.yaml.parsing import validate

OWN: Final = ("water", "pv", "wind")
"""Kinds of energy that have no factor: they are shown, and added to nothing."""
_STAND_IN: Final = FactorSetEntry.model_construct(of="tce", source="", per={})


def shipped_sets() -> dict[str, FactorSetEntry]:
    """Every set of the package, by id. Raises InvalidInput if one of its files is damaged."""
    texts = {
        file.name: file.read_text(encoding="utf-8")
        for file in resources.files("bms.config").joinpath("factors").iterdir()
        if file.name.endswith(".yaml")
    }
    documents, problems, _ = read_all(texts)
    found: dict[str, FactorSetEntry] = {}
    for document in documents:
        _, sets, more = entries(
            document, FactorSetsFile, "sets", lambda _: FactorSetEntry, _STAND_IN
        )
        problems += more
        found |= sets
    if problems:
        raise InvalidInput(msg("the factor sets of the package cannot be used"), problems)
    return found


def read_energy_file(
    text: str, bases: Names, meters: Names
) -> tuple[EnergyFile | None, list[Problem]]:
    """`energy.yaml`, and every problem of it. None if it cannot be used.

    Only reports read it: each problem withholds them, and nothing that controls.
    """
    documents, problems, _ = read_all({ENERGY: text})
    if not documents:
        return None, withheld(problems)
    (document,) = documents
    file, found = validate(EnergyFile, document)
    problems += found
    if file is not None:
        problems += _names(document, file, bases, meters)
    return (None if problems else file), withheld(problems)


def withheld(problems: Collection[Problem]) -> list[Problem]:
    """The same as demands that keep back the report, not the site."""
    return [replace(problem, withholds=ENERGY) for problem in problems]


def _names(document: Document, file: EnergyFile, bases: Names, meters: Names) -> list[Problem]:
    sets = shipped_sets() | file.sets
    kinds = {kind for one in sets.values() for kind in one.per} | set(OWN)
    problems = []
    for index, use in enumerate(file.use):
        if use.set not in sets:
            problems.append(
                document.problem(
                    ("use", index, "set"),
                    msg("no factor set '{set_id}'", set_id=use.set),
                    suggestion(use.set, sets),
                )
            )
        for at, base in enumerate(use.bases):
            problems += bases.unknown(document, ("use", index, "bases", at), base, msg("base"))
        if None not in (use.from_year, use.to_year) and _later(use.from_year, use.to_year):
            message = msg("the last year is before the first")
            problems.append(document.problem(("use", index, "to_year"), message))
    for name, energy in file.energies.items():
        path = ("energies", name)
        if energy.kind not in kinds:
            message = msg("no factor set knows the energy '{energy}'", energy=energy.kind)
            hint = suggestion(energy.kind, kinds)
            problems.append(document.problem((*path, "kind"), message, hint))
        if energy.base is not None:
            problems += bases.unknown(document, (*path, "base"), energy.base, msg("base"))
        for at, meter in enumerate(energy.meters):
            problems += meters.unknown(document, (*path, "meters", at), meter, msg("meter"))
    return problems + _rows(document, file)


def _later(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one > other


def _rows(document: Document, file: EnergyFile) -> list[Problem]:
    """Rows of a printed table that this table does not have."""
    rows = printed_rows(file)
    return [
        document.problem(
            ("printed", row), msg("no row '{row}' in the table", row=row), suggestion(row, rows),
            key=True,
        )
        for row in file.printed
        if row not in rows
    ]  # fmt: skip


def printed_rows(file: EnergyFile) -> Mapping[str, str]:
    """What a row of `printed` is called there, and its id in the table."""
    totals = ("tce", "co2", "water")
    rows = {name: name for name in ("scope_1", "scope_2", *totals)}
    rows |= {"tce_direct": "tce:direct", "tce_indirect": "tce:indirect"}
    for activity in file.activities:
        rows |= {f"{total}_per_{activity}": f"{total}/{activity}" for total in totals}
    return rows
