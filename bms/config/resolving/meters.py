"""`meters.yaml`: what is to be known of meters besides their registers; and the meters it makes.

The file is optional: every counter of the site's equipment is a meter of the ledger without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from bms.config.reading.sections import Names, entries
from bms.config.resolving.formulas import full_name, parse
from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import IDENTIFIER, Title
from bms.config.site import (
    MANUAL_RESOLUTION,
    RATING_MARGIN,
    Base,
    MeterRegister,
    MeterRole,
    MeterSpec,
)
from bms.core.equipment import Equipment, Medium, PointClass
from bms.core.instants import local_midnight, to_ms
from bms.texts.messages import joined, message_of, msg
from bms.texts.problems import Document, Path, Problem, suggestion
from drivers.points import PointId

MOST_PER_H: Final[Mapping[Medium, int]] = {
    Medium.ELECTRICITY: 100_000,
    Medium.HEAT: 100_000,
    Medium.WATER: 20_000,
    Medium.GAS: 50_000,
}
"""Of meters whose rating nobody wrote down: more than any single feeder of a park carries (a
110 kV transformer has 63 MVA). It catches swaps by large steps only; write the rating down."""


_RATE: Final[Mapping[Medium, str]] = {
    Medium.ELECTRICITY: "power",
    Medium.HEAT: "power",
    Medium.WATER: "flow",
    Medium.GAS: "flow",
}
"""The role that shows the rate of a meter."""


class RatioFile(FileModel):
    """What a register is multiplied by from a day on: current and voltage transformers."""

    from_: date = Field(alias="from")
    """The first day on which it holds."""
    factor: float = Field(gt=0, le=1e6)
    """What the register is multiplied by."""


class MeterEntry(FileModel):
    """One meter: of equipment with a counter, by formula, or one that a person reads."""

    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    medium: Literal["electricity", "heat", "water", "gas"] | None = None
    """Of a meter that nobody polls; others have that of their equipment."""
    formula: str | None = Field(default=None, min_length=1)
    """`meter-main + pv-1 - 0.5 * meter-b`: meters of the same base, or `<base>.<name>`."""
    resolution: float | None = Field(default=None, gt=0, le=1e6)
    """What one count of the register is worth; else as the device's file says."""
    register_size: float | None = Field(default=None, gt=0)
    """The value at which the register is back at zero; else as the device's file says."""
    rated_kw: float | None = Field(default=None, gt=0)
    """The most that an electricity or heat meter can see; a register that rises faster is not
    believed."""
    rated_m3h: float | None = Field(default=None, gt=0)
    """The same of a water or gas meter."""
    ratios: list[RatioFile] = []
    """Current and voltage transformers, if the register does not count them in."""
    parent: str | None = None
    """The meter behind which this one sits."""
    accuracy_pct: float | None = Field(default=None, gt=0, le=50)
    """The maximum permissible error, of the amount; 1 (class 1) if absent."""


class MetersFile(FileModel):
    """`meters.yaml`."""

    meters: dict[str, MeterEntry] = Field(min_length=1)
    """The meters by id, `<base>.<name>`."""


def exact(value: float) -> Decimal:
    """The decimal that a person wrote."""
    return Decimal(repr(float(value)))


def load_name(base: str) -> str:
    """The id of the meter that is a base's load."""
    return f"{base}.load"


def meter_specs(
    bases: Mapping[str, Base],
    equipment: Mapping[str, Equipment],
    registers: Mapping[PointId, MeterRegister],
    entries: Mapping[str, MeterEntry] | None = None,
) -> dict[str, MeterSpec]:
    """Every meter by id, inputs before the formulas that use them. `entries` are checked ones."""
    entries = entries or {}
    found: dict[str, MeterSpec] = {}
    ids = {register.equipment: point for point, register in registers.items()}
    for point, register in registers.items():
        machine = equipment[register.equipment]
        entry = entries.get(machine.id, MeterEntry())
        base = bases[machine.base]
        found[point] = _spec(point, machine.id, base, register.medium, entry, register, machine)
    virtual: dict[str, MeterSpec] = {}
    for name, entry in entries.items():
        if name in ids:
            continue
        base = bases[name.split(".")[0]]
        medium = Medium(entry.medium or Medium.ELECTRICITY)
        if entry.formula is None:
            found[name] = _spec(name, name, base, medium, entry)
        else:
            terms = tuple((factor, ids.get(m, m)) for factor, m in parse(entry.formula, base.id))
            spec = _spec(name, name, base, medium, entry)
            virtual[name] = _with(spec, terms=terms)
    for base in bases.values():
        name = load_name(base.id)
        signed = [(1, n) for n in (*base.imports, *base.generation)]
        signed += [(-1, n) for n in base.exports]
        if signed and name not in virtual and name not in found and name not in ids:
            terms = tuple((Fraction(sign), ids.get(n, n)) for sign, n in signed)
            load = MeterSpec(name, name, base.id, base.zone, Medium.ELECTRICITY, MeterRole.LOAD)
            virtual[name] = _with(load, terms=terms)
    order = TopologicalSorter({n: [m for _, m in s.terms] for n, s in virtual.items()})
    for name in order.static_order():
        if name in virtual:
            spec = virtual[name]
            inputs = [found[m] for _, m in spec.terms]
            found[name] = _with(spec, medium=inputs[0].medium) if inputs else spec
    return {
        key: _with(spec, parent=ids.get(spec.parent, spec.parent)) if spec.parent else spec
        for key, spec in found.items()
    }


def _with(spec: MeterSpec, **changes: object) -> MeterSpec:
    return replace(spec, **changes)  # type: ignore[arg-type]


def _spec(
    key: str,
    name: str,
    base: Base,
    medium: Medium,
    entry: MeterEntry,
    register: MeterRegister | None = None,
    machine: Equipment | None = None,
) -> MeterSpec:
    sides = {
        MeterRole.IMPORT: base.imports,
        MeterRole.GENERATION: base.generation,
        MeterRole.EXPORT: base.exports,
    }
    role = next((side for side, names in sides.items() if name in names), MeterRole.SUB)
    rated = entry.rated_kw or entry.rated_m3h
    if rated is None and machine is not None and medium is Medium.ELECTRICITY:
        rated = machine.rated_kw
    size = entry.register_size or (register.register_size if register else None)
    resolution = exact(register.resolution) if register else MANUAL_RESOLUTION
    if entry.resolution is not None:
        resolution = exact(entry.resolution)
    title = {"zh": entry.title, "en": entry.title} if isinstance(entry.title, str) else entry.title
    zone = ZoneInfo(base.zone)
    return MeterSpec(
        key,
        name,
        base.id,
        base.zone,
        medium,
        role,
        resolution,
        None if size is None else exact(size),
        Fraction(MOST_PER_H[medium]) if rated is None else Fraction(exact(rated)) * RATING_MARGIN,
        rated is not None,
        tuple(
            (to_ms(local_midnight(ratio.from_, zone)), Fraction(exact(ratio.factor)))
            for ratio in sorted(entry.ratios, key=lambda r: r.from_)
        ),
        parent=full_name(entry.parent, base.id) if entry.parent else None,
        accuracy_pct=entry.accuracy_pct or 1.0,
        title=dict(title) if entry.title else dict(machine.title) if machine else {},
        power="" if machine is None else machine.points.get(_RATE[medium], ""),
    )


# --- the file --------------------------------------------------------------------------------


def read_meters(
    document: Document,
    bases: Names,
    machines: Mapping[str, Equipment],
    complete: bool,
    broken: Set[str] = frozenset(),
) -> tuple[dict[str, MeterEntry], list[Problem]]:
    """The valid entries of `meters.yaml`, and every problem of it.

    `complete` is False if equipment may be missing from `machines`: then no name is unknown.
    `broken` are ids of equipment whose own description is at fault, and is reported already.
    """
    _, valid, problems = entries(
        document, MetersFile, "meters", lambda _: MeterEntry, MeterEntry.model_construct()
    )
    raw = document.data.get("meters")
    written = [str(name) for name in raw] if isinstance(raw, dict) else []
    counted = {name: m for name, m in machines.items() if m.counter is not None}
    known = Names({*counted, *written, *broken}, complete and bases.complete)
    reader = _Checks(document, bases, machines, counted, known, valid, broken)
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
        seen: set[date] = set()
        problems = []
        for index, ratio in enumerate(entry.ratios):
            if ratio.from_ in seen:
                message = msg("two ratios from {day}", day=ratio.from_)
                at = (*path, "ratios", index, "from")
                problems.append(self.document.problem(at, message, msg("keep one")))
            seen.add(ratio.from_)
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
