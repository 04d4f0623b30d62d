"""Tariffs: which period a quarter hour belongs to, and what a kWh, a kW and a kVA cost then. Pure.

A tariff is dated data. Its *tables* say which hours belong to which period, its *price lists* what
the periods cost; each holds from a day to a day, both included, on its own. The first rule of a
table that fits the day and names the time decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Protocol, TypeVar

from schedules.model.calendar import Calendar

QUARTERS: Final = 96
QUARTER_MINUTES: Final = 15


class Period(StrEnum):
    """The periods of a day, the dearest first."""

    SHARP = "sharp"
    PEAK = "peak"
    FLAT = "flat"
    VALLEY = "valley"
    DEEP_VALLEY = "deep_valley"


class Dated(Protocol):
    """What holds from a day to a day."""

    @property
    def first(self) -> date: ...

    @property
    def last(self) -> date | None: ...


D = TypeVar("D", bound=Dated)


@dataclass(frozen=True, slots=True)
class DayRule:
    """The hours of certain days; times that it does not name are left to the rules below it."""

    hours: tuple[Period | None, ...]
    """One for each quarter hour of the wall clock, 96."""
    months: frozenset[int] = frozenset(range(1, 13))
    weekdays: frozenset[int] = frozenset(range(7))
    """0 is Monday."""
    calendar: Calendar | None = None
    """Only on its days of `kind`, of certain names if `names` has any."""
    kind: str = ""
    names: tuple[str, ...] = ()

    def fits(self, day: date) -> bool:
        """Whether the rule speaks of a day."""
        if day.month not in self.months or day.weekday() not in self.weekdays:
            return False
        if self.calendar is None:
            return True
        entry = self.calendar.entry(self.kind, day)
        return entry is not None and (
            not self.names or any(name in entry.name for name in self.names)
        )


@dataclass(frozen=True, slots=True)
class HoursTable:
    """Which hours belong to which period, from a day to a day."""

    first: date
    last: date | None
    rules: tuple[DayRule, ...]

    def of(self, day: date) -> tuple[Period | None, ...]:
        """The periods of a day by quarter hours of the wall clock."""
        found: list[Period | None] = [None] * QUARTERS
        for rule in self.rules:
            if rule.fits(day):
                found = [
                    rule.hours[n] if period is None else period for n, period in enumerate(found)
                ]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class DemandPrice:
    """A charge by the greatest quarter hour of a month, and what it is measured against."""

    per_kw: Decimal
    contract_kw: Decimal | None = None
    """What is paid for at least; None: what was drawn."""
    free_over_pct: Decimal = Decimal(0)
    """So much above the contract costs nothing more."""
    over_times: Decimal = Decimal(1)
    """How many times the price is paid for what lies above that."""


@dataclass(frozen=True, slots=True)
class CapacityPrice:
    """A charge by what the transformers could carry."""

    per_kva: Decimal
    kva: Decimal


@dataclass(frozen=True, slots=True)
class PriceList:
    """What is paid, from a day to a day."""

    first: date
    last: date | None
    per_kwh: Mapping[Period, Decimal]
    demand: DemandPrice | None = None
    capacity: CapacityPrice | None = None
    power_factor: tuple[tuple[Decimal, Decimal], ...] = ()
    """From a power factor on, by how many per cent the charges change; the greatest first."""


@dataclass(frozen=True, slots=True)
class Tariff:
    """What a base or a meter pays by."""

    id: str
    currency: str
    source: str
    """Where it was read."""
    read_on: date
    tables: tuple[HoursTable, ...]
    prices: tuple[PriceList, ...]
    title: Mapping[str, str] = field(default_factory=dict)
    example: bool = False
    """Somebody's example: a report that uses it says so."""

    def periods(self, day: date) -> tuple[Period | None, ...]:
        """The periods of a day by quarter hours of the wall clock; None where nothing is said."""
        table = in_force(self.tables, day)
        return (None,) * QUARTERS if table is None else table.of(day)

    def price_list(self, day: date) -> PriceList | None:
        """What is paid on a day; None if nothing is said."""
        return in_force(self.prices, day)

    def lacking(self, years: Sequence[int]) -> dict[str, tuple[int, ...]]:
        """The calendars that its rules ask and that say nothing about some years."""
        found: dict[str, tuple[int, ...]] = {}
        for table in self.tables:
            for rule in table.rules:
                if rule.calendar is not None:
                    lacks = tuple(year for year in years if rule.calendar.lacks(year))
                    if lacks:
                        found[rule.calendar.id] = lacks
        return found


def in_force(dated: Sequence[D], day: date) -> D | None:
    """The one that holds on a day, the last to begin; None if none does."""
    for item in reversed(dated):
        if item.first <= day:
            return item if item.last is None or day <= item.last else None
    return None


def quarter_of(wall: datetime) -> int:
    """Which quarter hour of the wall clock a moment lies in, 0 to 95."""
    return (wall.hour * 60 + wall.minute) // QUARTER_MINUTES
