"""The energy boundary of each base: which meters make its load."""

from __future__ import annotations

from collections.abc import Mapping, Set

from bms.config.reading.sections import Names
from bms.config.resolving.energy.formulas import parse
from bms.config.resolving.energy.meters import MeterEntry
from bms.config.resolving.fleet import Fleet, not_metered
from bms.config.shapes.models import BaseFile
from bms.core.equipment import Medium
from bms.texts.messages import msg
from bms.texts.problems import Document, Path, Problem

_SIDES = ("imports", "generation", "exports")


def check_boundaries(
    document: Document,
    bases: Mapping[str, BaseFile],
    fleet: Fleet,
    entries: Mapping[str, MeterEntry],
    written: Names,
) -> list[Problem]:
    """Every problem of the boundaries of `site.yaml`: meters of electricity, each counted once.

    `entries` are the valid ones of `meters.yaml`, `written` the names of all that stand there.
    """
    reader = _Boundaries(document, fleet, entries, written)
    return [
        problem
        for base, file in bases.items()
        for side in _SIDES
        for index, name in enumerate(getattr(file.energy, side, ()))
        for problem in reader.check(base, ("bases", base, "energy", side, index), name)
    ]


class _Boundaries:
    def __init__(
        self,
        document: Document,
        fleet: Fleet,
        entries: Mapping[str, MeterEntry],
        written: Names,
    ) -> None:
        self._document = document
        self._fleet = fleet
        self._entries = entries
        self._written = written
        self._counted: set[str] = set()
        """The meters that are counted so far, and what those are made of."""

    def check(self, base: str, at: Path, name: str) -> list[Problem]:
        full = f"{base}.{name}"
        machines = self._fleet.of_base(base)
        if name in machines and "energy" not in machines[name].points:
            return not_metered(self._document, at, name, machines)
        if name not in machines and full not in self._entries:
            if full in self._written.known:
                return []  # its own line in meters.yaml is at fault
            names = self._fleet.named(base)
            others = {n.partition(".")[2] for n in self._written.known if n.startswith(f"{base}.")}
            known = Names(names.known | others, names.complete and self._written.complete)
            return known.unknown(self._document, at, name, msg("meter"))
        medium, inputs = self._inputs(full)
        if medium is not None and medium is not Medium.ELECTRICITY:
            message = msg("'{name}' measures {medium}, not electricity", name=name, medium=medium)
            return [self._document.problem(at, message)]
        return self._once(at, name, full, inputs)

    def _once(self, at: Path, name: str, full: str, inputs: Set[str]) -> list[Problem]:
        twice = sorted(self._counted & {full, *inputs})
        self._counted |= {full, *inputs}
        if not twice:
            return []
        if full in twice:
            message = msg("'{name}' is counted twice in this base's energy", name=name)
        else:
            message = msg(
                "'{name}' contains '{meter}', which this base's energy counts already",
                name=name,
                meter=twice[0].partition(".")[2],
            )
        return [self._document.problem(at, message, msg("name it once"))]

    def _inputs(self, full: str, depth: int = 0) -> tuple[Medium | None, set[str]]:
        """What a meter measures, as far as that can be said, and the meters that it is made of."""
        machine = self._fleet.equipment.get(full)
        entry = self._entries.get(full)
        if machine is not None or entry is None:
            return (None if machine is None else machine.kind.medium), set()
        if entry.formula is None or depth > len(self._entries):
            return (None if entry.medium is None else Medium(entry.medium)), set()
        try:
            terms = parse(entry.formula, full.split(".")[0])
        except ValueError:
            return None, set()  # reported with the meters
        media, made_of = [], set()
        for _, meter in terms:
            medium, inputs = self._inputs(meter, depth + 1)
            media.append(medium)
            made_of |= {meter, *inputs}
        return media[0], made_of
