"""Energy of the whole year if it goes on as it began."""

from __future__ import annotations

from calendar import isleap
from dataclasses import dataclass
from typing import Final

from bms.energy.comparing.evidence import Evidence
from bms.energy.comparing.loads import Load
from bms.texts.messages import msg

_FEW_DAYS: Final = 0.5
"""Less than this may be lost where nothing bounds it."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What the year will come to, from the least to the most that its days so far allow."""

    low_kwh: float
    kwh: float
    high_kwh: float
    method: str


def projection(
    this: Load, baseline: Load, full: Load, evidence: Evidence | None
) -> Projection | None:
    """None if the year so far is not known. What is missing of the baseline year after the dates
    that are compared cannot be bounded: then its seasons are not used."""
    year = this.period.first.year
    interval = None if evidence is None else evidence.interval
    rest_known = full.complete and _lost_days(full) - _lost_days(baseline) < _FEW_DAYS
    if (
        evidence is not None
        and interval is not None
        and full.exact_kwh is not None
        and baseline.complete
        and rest_known
    ):
        after = float(full.exact_kwh) - evidence.known.before
        low, mid, high = (
            kwh + after * at for kwh, at in zip(evidence.this_bounds(), interval, strict=True)
        )
        return Projection(
            low,
            mid,
            high,
            msg(
                "pace: all of {baseline_year}, times {year} so far over the same dates of "
                "{baseline_year}",
                baseline_year=full.period.first.year,
                year=year,
            ),
        )
    if this.exact_kwh is None:
        return None
    days = 366 if isleap(year) else 365
    if evidence is None and _lost_days(this) > _FEW_DAYS:
        return None
    bounds = (float(this.exact_kwh),) * 3 if evidence is None else evidence.this_bounds()
    low, mid, high = (kwh * days / this.period.days for kwh in bounds)
    return Projection(
        low,
        mid,
        high,
        msg(
            "days: {year} so far, times {year_days} days over {days}; seasons are not considered "
            "because the baseline year is not complete",
            year=year,
            year_days=days,
            days=this.period.days,
        ),
    )


def _lost_days(load: Load) -> float:
    """The days that the worst meter has lost."""
    return (1 - load.coverage_pct / 100) * load.period.days
