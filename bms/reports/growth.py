"""The growth report: every base of a site against its target, from the stored readings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.models import Base, Site
from bms.energy.growth import Growth, Load, MeterData, MeterRole, Verdict, growth
from bms.energy.ledger import intervals, local_midnight
from bms.historian.queries import Queries

MARGIN = timedelta(days=1)
"""Read this much around a year; the readings next to it are always read as well."""


@dataclass(frozen=True, slots=True)
class MeterCoverage:
    """How well one meter covers one of the two periods."""

    meter: str
    role: MeterRole
    first_day: date
    last_day: date
    kwh: float | None
    coverage_pct: float


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
            "growth_pct": None if g.growth_pct is None else round(g.growth_pct, 4),
            "target_pct": g.target_pct,
            "coverage_pct": _pct(g.this),
            "baseline_coverage_pct": _pct(g.baseline),
            "verdict": g.verdict.value,
            "reason": g.reason,
            "projection_kwh": _kwh(projection.kwh if projection is not None else None),
            "projection_method": projection.method if projection is not None else None,
            "meters": [
                {
                    "meter": m.meter,
                    "role": m.role.value,
                    "first_day": m.first_day.isoformat(),
                    "last_day": m.last_day.isoformat(),
                    "kwh": _kwh(m.kwh),
                    "coverage_pct": round(m.coverage_pct, 2),
                }
                for m in self.meters
            ],
            "notes": self.notes(),
        }

    def notes(self) -> list[str]:
        """What a reader has to know besides the numbers, as sentences."""
        g = self.growth
        first = [g.reason] if g.verdict is Verdict.CANNOT_TELL else []
        method = [f"year-end by {g.projection.method}"] if g.projection is not None else []
        return [*first, *g.notes, *method]


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


def growth_report(site: Site, history: Queries, year: int, now: datetime) -> GrowthReport:
    """Judge every base of `site` for `year` from the readings in `history`.

    Raises StoreError if the history cannot be read.
    """
    return GrowthReport(
        site.file.id,
        year,
        now,
        tuple(_base_growth(site, history, base, year, now) for base in site.bases.values()),
    )


def _base_growth(site: Site, history: Queries, base: Base, year: int, now: datetime) -> BaseGrowth:
    zone = ZoneInfo(base.zone)
    baseline_year = base.file.baseline_year
    before = year - 1 if baseline_year is None else baseline_year
    meters = [
        _meter(site, history, name, role, (before, year), zone)
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
        zone=zone,
        year=year,
        now=now,
        target_pct=base.file.target_growth_pct,
        baseline_year=baseline_year,
    )
    loads = [load for load in (result.this, result.baseline) if load is not None]
    return BaseGrowth(result, tuple(line for load in loads for line in _coverage(load)))


def _meter(
    site: Site, history: Queries, name: str, role: MeterRole, years: tuple[int, int], zone: ZoneInfo
) -> MeterData:
    """One meter with its intervals over both years (one stretch: what lies between counts too)."""
    point = site.equipment[name].points["energy"]
    start = local_midnight(date(min(years), 1, 1), zone) - MARGIN
    end = local_midnight(date(max(years) + 1, 1, 1), zone) + MARGIN
    known = history.meter(point)
    readings = history.readings(point, start, end) if known is not None else []
    return MeterData(name, role, known.resolution if known else Decimal(1), intervals(readings))


def _coverage(load: Load) -> list[MeterCoverage]:
    return [
        MeterCoverage(
            part.meter,
            part.role,
            load.period.first,
            load.period.last,
            None if part.energy.exact_kwh is None else float(part.energy.exact_kwh),
            part.energy.coverage_pct,
        )
        for part in load.meters
    ]


def _kwh(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _pct(load: Load | None) -> float:
    return 0.0 if load is None else round(load.coverage_pct, 2)
