"""What a base used in a period: imports + generation - exports, and how well that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import MeterRole
from bms.energy.comparing.day_values import Days, Period, same_date
from bms.energy.intervals import Energy
from bms.energy.quarters import Stretch

MIN_COVERAGE_PCT: Final = 90.0
"""Below this share of a period in known intervals there is no verdict (as CalTRACK 2 asks)."""


@dataclass(frozen=True, slots=True)
class MeterData:
    """One meter of a base, as far as the ledger goes."""

    meter: str
    role: MeterRole
    energy: Callable[[datetime, datetime], Energy]
    """What it measured from one instant to another."""
    days: Callable[[Period], Days]
    """What it measured on each day."""
    across: Callable[[datetime], Sequence[Stretch]]
    """Long measurements across an instant whose total is known."""
    first_day: date | None
    """The day of its first reading; None before it."""
    exchanged: tuple[datetime, ...] = ()
    """When another meter, or other transformers, took its place, by time."""
    accuracy_pct: float = 1.0

    @property
    def sign(self) -> int:
        return -1 if self.role is MeterRole.EXPORT else 1


@dataclass(frozen=True, slots=True)
class MeterEnergy:
    """What one meter contributes to a load."""

    meter: str
    role: MeterRole
    energy: Energy


@dataclass(frozen=True, slots=True)
class Load:
    """Energy that a base used in a period, as far as it is known; None if a meter is missing."""

    period: Period
    exact_kwh: Fraction | None
    coverage_pct: float
    """That of its worst meter."""
    meters: tuple[MeterEnergy, ...]

    @property
    def kwh(self) -> float | None:
        return None if self.exact_kwh is None else float(self.exact_kwh)

    @property
    def complete(self) -> bool:
        return self.exact_kwh is not None and self.coverage_pct >= MIN_COVERAGE_PCT

    def covered_pct(self, shares: Mapping[str, float]) -> float:
        """The coverage of its meters, each weighing as much as its share of the load."""
        return sum(part.energy.coverage_pct * shares.get(part.meter, 0.0) for part in self.meters)


def load_of(meters: Sequence[MeterData], period: Period, zone: ZoneInfo) -> Load:
    """Imports + generation - exports of a period. `meters` is not empty."""
    start, end = period.bounds(zone)
    parts = tuple(MeterEnergy(m.meter, m.role, m.energy(start, end)) for m in meters)
    total: Fraction | None = Fraction(0)
    for part in parts:
        kwh = part.energy.amount
        if total is None or kwh is None:
            total = None
        else:
            total += -kwh if part.role is MeterRole.EXPORT else kwh
    return Load(period, total, min(part.energy.coverage_pct for part in parts), parts)


def shares_of(loads: Sequence[Load]) -> Mapping[str, float]:
    """How much of all that flows each meter measures, by what it uses while it is known."""
    rates: dict[str, float] = {}
    for load in loads:
        for part in load.meters:
            if part.energy.amount is not None and part.energy.covered > 0:
                rate = abs(float(part.energy.amount / part.energy.covered)) / load.period.days
                rates[part.meter] = max(rates.get(part.meter, 0.0), rate)
    total = sum(rates.values())
    return {meter: rate / total for meter, rate in rates.items()} if total else {}


def period_of(year: int, now: datetime, zone: ZoneInfo) -> Period | None:
    """The complete local days of `year` up to `now`; None before the first."""
    today = now.astimezone(zone).date()
    last = min(today - timedelta(days=1), date(year, 12, 31))
    return Period(date(year, 1, 1), last) if last.year == year else None


def same_dates(period: Period, year: int) -> Period:
    """The same months and days of another year; 29 February becomes 28 where there is none."""
    return Period(same_date(period.first, year), same_date(period.last, year))
