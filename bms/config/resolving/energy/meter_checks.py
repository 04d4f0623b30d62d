"""Every problem of `meters.yaml`, at its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.reading.sections import Names, entries
from bms.config.resolving.energy.formulas import full_name, parse
from bms.config.resolving.energy.meters import MeterEntry, MetersFile, instants_of
from bms.config.shapes.models import IDENTIFIER
from bms.core.equipment import Equipment, Medium, PointClass
from bms.core.instants import to_ms
from bms.texts.messages import joined, message_of, msg
from bms.texts.problems import Document, Path, Problem, suggestion

_QUARTER_MS: Final = 900_000


def read_meters(
    document: Document,
    bases: Names,
    machines: Mapping[str, Equipment],
    complete: bool,
    broken: Set[str] = frozenset(),
    zones: Mapping[str, str] = MappingProxyType({}),
) -> tuple[dict[str, MeterEntry], list[Problem]]:
    """The valid entries of `meters.yaml`, and every problem of it.

    `complete` is False if equipment may be missing from `machines`: then no name is unknown.
    `broken` are ids of equipment whose own description is at fault, and is reported already.
    `zones` are those of the bases, as far as they are known.
    """
    _, valid, problems = entries(
        document, MetersFile, "meters", lambda _: MeterEntry, MeterEntry.model_construct()
    )
    raw = document.data.get("meters")
    written = [str(name) for name in raw] if isinstance(raw, dict) else []
    counted = {name: m for name, m in machines.items() if m.counter is not None}
    known = Names({*counted, *written, *broken}, complete and bases.complete)
    reader = _Checks(document, bases, machines, counted, known, valid, broken, zones)
    for name, entry in valid.items():
        problems += reader.entry(name, entry)
    if not problems:
        problems += reader.cycles()
    return valid, problems


@dataclass(slots=True)
class _Checks:
    document: Document
    bases: Names
    machines: Mapping[str, Equipment]
    counted: Mapping[str, Equipment]
    known: Names
    valid: Mapping[str, MeterEntry]
    broken: Set[str]
    zones: Mapping[str, str]

    def entry(self, name: str, entry: MeterEntry) -> list[Problem]:
        path: Path = ("meters", name)
        base, _, short = name.partition(".")
        if not short:
            hint = suggestion(name, [n.partition(".")[2] for n in self.known.known])
            message = msg(
                "'{name}' does not say its base: write {full_name}",
                name=name,
                full_name=f"<base>.{name}",
            )
            return [self.document.problem(path, message, hint, key=True)]
        found = self.bases.unknown(self.document, path, base, msg("base"), key=True)
        if found:
            return found
        if not IDENTIFIER.fullmatch(short) or len(short) > 64:
            message = msg(
                "'{name}' is not an id: use a-z, 0-9 and '-', beginning with a letter", name=short
            )
            return [self.document.problem(path, message, key=True)]
        if name in self.machines:
            return self._of_equipment(path, name, entry)
        if entry.formula is not None:
            return self._of_formula(path, name, entry)
        if entry.medium is None:
            if name in self.broken or not self.known.complete:
                return []
            near = suggestion(name, self.counted)
            hint = joined(
                "; ", near, msg("a meter read by hand has a medium, one by formula a formula")
            )
            return [
                self.document.problem(path, msg("no meter '{name}'", name=name), hint, key=True)
            ]
        return [*self._rating(path, Medium(entry.medium), entry), *self._parent(path, name, entry)]

    def _of_equipment(self, path: Path, name: str, entry: MeterEntry) -> list[Problem]:
        machine = self.machines[name]
        if name not in self.counted:
            return self._uncounted(path, name, key=True)
        problems = self._not_here(path, entry, ("formula", "medium"), msg("it has a register"))
        medium = machine.kind.medium
        return [
            *problems,
            *self._rating(path, medium, entry),
            *self._parent(path, name, entry),
            *self._ratios(path, entry),
        ]

    def _not_here(
        self, path: Path, entry: MeterEntry, keys: Sequence[str], why: str
    ) -> list[Problem]:
        return [
            self.document.problem(
                (*path, key),
                msg("'{key}' does not belong here: {reason}", key=key, reason=why),
                key=True,
            )
            for key in keys
            if key in entry.model_fields_set
        ]

    def _of_formula(self, path: Path, name: str, entry: MeterEntry) -> list[Problem]:
        keys = ("medium", "resolution", "register_size", "rated_kw", "rated_m3h", "ratios")
        problems = self._not_here(path, entry, keys, msg("this meter is a formula of others"))
        at = (*path, "formula")
        try:
            terms = parse(entry.formula or "", name.split(".")[0])
        except ValueError as error:
            return [*problems, self.document.problem(at, message_of(error))]
        units: dict[Medium, str] = {}
        for _, meter in terms:
            problems += self._known(at, meter)
            medium = self.medium(meter)
            if medium is not None:
                units.setdefault(medium, meter)
        if len({medium.unit for medium in units}) > 1:
            listed = joined(
                ", ",
                *(
                    msg("{meter} in {unit}", meter=meter, unit=medium.unit)
                    for medium, meter in units.items()
                ),
            )
            problems.append(
                self.document.problem(at, msg("these do not add up: {meters}", meters=listed))
            )
        return [*problems, *self._parent(path, name, entry)]

    def _known(self, at: Path, meter: str) -> list[Problem]:
        if meter in self.machines and meter not in self.counted:
            return self._uncounted(at, meter)
        return self.known.unknown(self.document, at, meter, msg("meter"))

    def _uncounted(self, path: Path, name: str, *, key: bool = False) -> list[Problem]:
        """Equipment without a counter; none if its kind requires one: its device is at fault."""
        roles = self.machines[name].kind.roles.values()
        if any(role.required and role.klass is PointClass.COUNTER for role in roles):
            return []
        message = msg("'{name}' has no counter", name=name)
        return [self.document.problem(path, message, suggestion(name, self.counted), key=key)]

    def medium(self, meter: str, depth: int = 0) -> Medium | None:
        """What a meter measures; None if that cannot be said."""
        if meter in self.counted:
            return self.counted[meter].kind.medium
        entry = self.valid.get(meter)
        if entry is None or depth > len(self.valid):
            return None
        if entry.formula is None:
            return None if entry.medium is None else Medium(entry.medium)
        try:
            terms = parse(entry.formula, meter.split(".")[0])
        except ValueError:
            return None
        return self.medium(terms[0][1], depth + 1)

    def _rating(self, path: Path, medium: Medium, entry: MeterEntry) -> list[Problem]:
        key, right = ("rated_kw", "rated_m3h") if medium.unit == "m3" else ("rated_m3h", "rated_kw")
        if getattr(entry, key) is None:
            return []
        message = msg(
            "{medium} is measured in {unit}: its rating is {key}",
            medium=medium,
            unit=medium.unit,
            key=right,
        )
        return [
            self.document.problem((*path, key), message, msg("write {text}", text=right), key=True)
        ]

    def _ratios(self, path: Path, entry: MeterEntry) -> list[Problem]:
        zone = ZoneInfo(self.zones.get(str(path[1]).partition(".")[0], "UTC"))
        seen: set[datetime] = set()
        problems = []
        for index, ratio in enumerate(entry.ratios):
            at = (*path, "ratios", index, "from")
            found = instants_of(ratio, zone)
            if len(found) != 1:
                message = msg("clocks change then: {time} is no single moment", time=ratio.from_)
                hint = msg("write the offset too: {example}", example="2026-10-25 02:30+01:00")
                problems.append(self.document.problem(at, message, hint))
            elif to_ms(found[0]) % _QUARTER_MS:
                message = msg("{time} is no quarter hour", time=ratio.from_)
                hint = msg("energy is kept by quarter hours: write the nearest one")
                problems.append(self.document.problem(at, message, hint))
            elif found[0] in seen:
                message = msg("two ratios from {day}", day=ratio.from_)
                problems.append(self.document.problem(at, message, msg("keep one")))
            seen.update(found)
        return problems

    def _parent(self, path: Path, name: str, entry: MeterEntry) -> list[Problem]:
        if entry.parent is None:
            return []
        parent = full_name(entry.parent, name.split(".")[0])
        at = (*path, "parent")
        problems = self._known(at, parent)
        mine, theirs = self.medium(name), self.medium(parent)
        if not problems and mine is not None and theirs is not None and mine.unit != theirs.unit:
            message = msg(
                "'{meter}' measures in {unit}, '{other_meter}' in {other_unit}",
                meter=parent,
                unit=theirs.unit,
                other_meter=name,
                other_unit=mine.unit,
            )
            problems.append(self.document.problem(at, message))
        return problems

    def cycles(self) -> list[Problem]:
        """Formulas, and parents, that lead back to themselves."""
        formulas: dict[str, list[str]] = {}
        parents: dict[str, list[str]] = {}
        for name, entry in self.valid.items():
            base = name.split(".")[0]
            if entry.formula is not None:
                formulas[name] = [meter for _, meter in parse(entry.formula, base)]
            if entry.parent is not None:
                parents[name] = [full_name(entry.parent, base)]
        problems = []
        for key, graph in (("formula", formulas), ("parent", parents)):
            try:
                TopologicalSorter(graph).prepare()
            except CycleError as error:
                ring = error.args[1]
                first = next(name for name in ring if name in graph)
                message = msg(
                    "this leads back to itself: {meters}", meters=" - ".join(reversed(ring))
                )
                at = ("meters", first, key)
                problems.append(self.document.problem(at, message, msg("break the ring")))
        return problems
