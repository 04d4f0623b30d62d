"""`meters.yaml`: what is to be known of meters besides their registers; and the meters it makes.

The file is optional: every counter of the site's equipment is a meter of the ledger without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from graphlib import TopologicalSorter
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from bms.config.resolving.energy.formulas import full_name, parse
from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import Title
from bms.config.site import (
    MANUAL_RESOLUTION,
    RATING_MARGIN,
    Base,
    MeterRegister,
    MeterRole,
    MeterSpec,
)
from bms.core.equipment import Equipment, Medium
from bms.core.instants import local_midnight, shown_at, to_ms
from bms.texts.messages import msg
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


def _moment(value: object) -> object:
    """A day, or a local time if it says one."""
    if not isinstance(value, str):
        return value
    try:
        made = datetime.fromisoformat(value.strip())
        return made if ":" in value else made.date()
    except ValueError:
        raise ValueError(
            msg("'{text}' is no date and no time; write {example}", text=value, example=_EXAMPLE)
        ) from None


_EXAMPLE: Final = "2026-03-01 14:30"


class RatioFile(FileModel):
    """What a register is multiplied by from a moment on: current and voltage transformers."""

    from_: Annotated[datetime | date, BeforeValidator(_moment)] = Field(
        alias="from", examples=["2026-03-01", f'"{_EXAMPLE}"']
    )
    """The first day on which it holds, or the quarter hour of the base's clock from which on."""
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
    department: Title = ""
    """Who answers for what it measures: a text, or one per language. The month's sheet adds up
    the meters of a department, without those of others behind them."""


class MetersFile(FileModel):
    """`meters.yaml`."""

    meters: dict[str, MeterEntry] = Field(min_length=1)
    """The meters by id, `<base>.<name>`."""


def exact(value: float) -> Decimal:
    """The decimal that a person wrote."""
    return Decimal(repr(float(value)))


def by_language(title: str | Mapping[str, str]) -> dict[str, str]:
    """A title with its languages; a plain text is the same in each, no text is none."""
    made = {"zh": title, "en": title} if isinstance(title, str) else title
    return {language: text for language, text in made.items() if text}


def instants_of(ratio: RatioFile, zone: ZoneInfo) -> list[datetime]:
    """When a ratio begins: none or two instants (UTC) where the clocks change, else one."""
    begin = ratio.from_
    if not isinstance(begin, datetime):
        return [local_midnight(begin, zone)]
    return shown_at(begin, zone) if begin.tzinfo is None else [begin.astimezone(UTC)]


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
    found = {
        key: _with(spec, parent=ids.get(spec.parent, spec.parent)) if spec.parent else spec
        for key, spec in found.items()
    }
    return {key: _behind(spec, found, bases[spec.base]) for key, spec in found.items()}


def _behind(spec: MeterSpec, found: Mapping[str, MeterSpec], base: Base) -> MeterSpec:
    """An unrated electricity meter with what its base can draw and generate, if all of that has a
    rating: more than its connection carries it cannot see."""
    if spec.rated or spec.virtual or not spec.polled or spec.medium is not Medium.ELECTRICITY:
        return spec
    named = {other.name: other for other in found.values()}
    sides = [named.get(name) for name in (*base.imports, *base.generation)]
    most = [s.most_per_h for s in sides if s is not None and s.rated and s.most_per_h is not None]
    if not most or len(most) < len(sides):
        return spec
    return _with(spec, most_per_h=sum(most, Fraction(0)))


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
    title = by_language(entry.title)
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
            sorted(
                (to_ms(instants_of(ratio, zone)[0]), Fraction(exact(ratio.factor)))
                for ratio in entry.ratios
            )
        ),
        parent=full_name(entry.parent, base.id) if entry.parent else None,
        accuracy_pct=entry.accuracy_pct or 1.0,
        title=dict(title) if entry.title else dict(machine.title) if machine else {},
        department=by_language(entry.department),
        power="" if machine is None else machine.points.get(_RATE[medium], ""),
    )
