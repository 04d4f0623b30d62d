"""The growth report: every base of a site against its target, from the energy ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.site import Base, MeterRole, MeterSpec, Site
from bms.core.instants import from_ms, to_ms
from bms.energy.comparing.day_values import Day
from bms.energy.comparing.loads import Load, MeterData
from bms.energy.comparing.unknowns import Unknown
from bms.energy.intervals import Energy
from bms.energy.verdict import Growth, Verdict, growth
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import EntryKind
from bms.reports.free_days import known_holidays
from bms.texts.messages import msg


@dataclass(frozen=True, slots=True)
class MeterCoverage:
    """How well one meter covers one of the two periods."""

    meter: str
    role: MeterRole
    first_day: date
    last_day: date
    kwh: float | None
    coverage_pct: float
    shares_pct: dict[str, float]
    """The part of the energy under each label of the ledger, in percent."""
    missing_low_kwh: float
    missing_high_kwh: float
    """What the days that are missing used, by days like them."""


@dataclass(frozen=True, slots=True)
class BaseGrowth:
    """One base: the judgement and the coverage of its meters."""

    growth: Growth
    meters: tuple[MeterCoverage, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; energies in kWh to the Wh, missing ones None."""
        g = self.growth
        projection = g.projection
        full = g.baseline_full.kwh if g.baseline_full is not None else None
        return {
            "base": g.base,
            "year": g.year,
            "baseline_year": g.baseline_year,
            "partial": g.partial,
            "first_day": None if g.this is None else g.this.period.first.isoformat(),
            "last_day": None if g.this is None else g.this.period.last.isoformat(),
            "kwh": _kwh(g.this.kwh if g.this is not None else None),
            "baseline_kwh": _kwh(g.baseline.kwh if g.baseline is not None else None),
            "baseline_full_kwh": _kwh(full),
            "growth_pct": _rounded(g.growth_pct),
            "growth_low_pct": _rounded(g.low_pct),
            "growth_high_pct": _rounded(g.high_pct),
            "target_pct": g.target_pct,
            "coverage_pct": _pct(g.this),
            "baseline_coverage_pct": _pct(g.baseline),
            "verdict": g.verdict.value,
            "reason": g.reason,
            "would_decide": list(g.decides),
            "projection_kwh": _kwh(projection.kwh if projection is not None else None),
            "projection_low_kwh": _kwh(projection.low_kwh if projection is not None else None),
            "projection_high_kwh": _kwh(projection.high_kwh if projection is not None else None),
            "projection_method": projection.method if projection is not None else None,
            "meters": [
                {
                    "meter": m.meter,
                    "role": m.role.value,
                    "first_day": m.first_day.isoformat(),
                    "last_day": m.last_day.isoformat(),
                    "kwh": _kwh(m.kwh),
                    "coverage_pct": round(m.coverage_pct, 2),
                    "shares_pct": m.shares_pct,
                    "missing_low_kwh": _kwh(m.missing_low_kwh),
                    "missing_high_kwh": _kwh(m.missing_high_kwh),
                }
                for m in self.meters
            ],
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """What a reader has to know besides the numbers, as sentences."""
        g = self.growth
        first = [g.reason] if g.verdict is Verdict.CANNOT_TELL else []
        if g.projection is None:
            return [*first, *g.notes]
        return [*first, *g.notes, msg("year-end by {method}", method=g.projection.method)]


@dataclass(frozen=True, slots=True)
class GrowthReport:
    """All bases of a site. There is no total: targets are given per base."""

    site: str
    year: int
    made: datetime
    bases: tuple[BaseGrowth, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values. `baseline_year` is None if the bases have different ones."""
        years = {item.growth.baseline_year for item in self.bases}
        return {
            "site": self.site,
            "year": self.year,
            "made": self.made.isoformat(timespec="seconds"),
            "baseline_year": years.pop() if len(years) == 1 else None,
            "partial": any(item.growth.partial for item in self.bases),
            "bases": [item.to_json() for item in self.bases],
        }


def growth_report(site: Site, ledger: Ledger, year: int, now: datetime) -> GrowthReport:
    """Judge every base of `site` for `year` from the `ledger`, as far as it is kept.

    Raises StoreError if the ledger cannot be read.
    """
    return GrowthReport(
        site.file.id,
        year,
        now,
        tuple(_base_growth(site, ledger, base, year, now) for base in site.bases.values()),
    )


def _base_growth(site: Site, ledger: Ledger, base: Base, year: int, now: datetime) -> BaseGrowth:
    before = base.file.baseline_year
    meters = [
        _meter(ledger, site, site.meter_named(name), role)
        for role, names in (
            (MeterRole.IMPORT, base.imports),
            (MeterRole.GENERATION, base.generation),
            (MeterRole.EXPORT, base.exports),
        )
        for name in names
    ]
    result = growth(
        base.id,
        meters,
        zone=ZoneInfo(base.zone),
        year=year,
        now=now,
        target_pct=base.file.target_growth_pct,
        baseline_year=before,
        holidays=known_holidays(site, base, year, year - 1 if before is None else before),
    )
    lines = [
        line
        for load, this in ((result.this, True), (result.baseline, False))
        if load is not None
        for line in _coverage(load, result.unknowns, this=this)
    ]
    return BaseGrowth(result, tuple(lines))


def _meter(ledger: Ledger, site: Site, spec: MeterSpec, role: MeterRole) -> MeterData:
    registers = _registers(site, spec)
    return MeterData(
        spec.name,
        role,
        lambda start, end: ledger.energy_in(spec, start, end),
        lambda period: {
            day: Day(*found) for day, found in ledger.days(spec, period.first, period.last).items()
        },
        lambda instant: [
            s._replace(amount=None if s.amount is None else s.amount * factor)
            for factor, register in registers
            for s in ledger.across(register.id, to_ms(instant))
        ],
        ledger.first_day(spec),
        tuple(sorted({at for _, register in registers for at in _exchanged(ledger, register)})),
        max(register.accuracy_pct for _, register in registers),
    )


def _registers(site: Site, spec: MeterSpec) -> list[tuple[Fraction, MeterSpec]]:
    """The registers that a meter is made of, each with its factor: a formula taken apart."""
    if not spec.virtual:
        return [(Fraction(1), spec)]
    return [
        (factor * inner, register)
        for factor, key in spec.terms
        for inner, register in _registers(site, site.metering[key])
    ]


def _exchanged(ledger: Ledger, spec: MeterSpec) -> list[datetime]:
    """When another register or other transformers took over, as people said."""
    told = ledger.entries(spec.id, EntryKind.REPLACEMENT)
    ratios = [from_ms(ms) for ms, _ in spec.ratios[1:]]
    return [*(entry.start for entry in told if not entry.withdrawn), *ratios]


def shares_pct(energy: Energy) -> dict[str, float]:
    """The part of an amount under each label, in percent; empty if there is none."""
    total = sum((abs(share) for share in energy.shares.values()), Fraction(0))
    if not total:
        return {}
    return {
        label.value: round(float(abs(share) / total * 100), 2)
        for label, share in energy.shares.items()
    }


def _coverage(load: Load, unknowns: Sequence[Unknown], *, this: bool) -> list[MeterCoverage]:
    def missing(meter: str) -> tuple[float, float]:
        """In kWh, the least and the most."""
        amounts = [
            [abs(corner.this if this else corner.before) for corner in unknown.corners]
            for unknown in unknowns
            if unknown.meter == meter
        ]
        return sum(map(min, amounts)), sum(map(max, amounts))

    return [
        MeterCoverage(
            part.meter,
            part.role,
            load.period.first,
            load.period.last,
            None if part.energy.amount is None else float(part.energy.amount),
            part.energy.coverage_pct,
            shares_pct(part.energy),
            *missing(part.meter),
        )
        for part in load.meters
    ]


def _kwh(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _pct(load: Load | None) -> float:
    return 0.0 if load is None else round(load.coverage_pct, 2)
