"""Quarter hours of meters by the periods of a tariff, in the base's own time. Pure.

A day of 23 or 25 hours has 92 or 100 quarter hours; each is asked by what the clock on the wall
shows. What is missing stays missing, with the least and the most that it can have been.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.tariffs import Period, Tariff, quarter_of
from bms.core.instants import from_ms
from bms.core.readings import Label
from bms.energy.quarters import QUARTER_MS, Slot


class Share(NamedTuple):
    """Where energy belongs: the price list in force, by its first day, and the period."""

    prices: date | None
    """None: no price list is in force."""
    period: Period | None
    """None: no table of hours says."""


@dataclass(frozen=True, slots=True)
class Metered:
    """One meter's part in a sum."""

    sign: int
    """1 or -1."""
    slots: Mapping[int, Slot]
    """Its quarter hours by start, ms."""
    most_per_quarter: Fraction | None = None
    """The most that it can see, if somebody wrote a rating down."""


@dataclass(slots=True)
class Use:
    """The energy of one share."""

    known: Fraction = Fraction(0)
    missing_ms: int = 0
    """Of all its meters together."""
    least: Fraction | None = Fraction(0)
    most: Fraction | None = Fraction(0)
    by_label: dict[Label, Fraction] = field(default_factory=dict)

    def add(self, meter: Metered, slot: Slot | None) -> None:
        """Take in one quarter hour of one meter."""
        covered_ms = 0 if slot is None else slot.covered_ms
        amount = slot.amount if slot is not None and covered_ms else Fraction(0)
        lacks_ms = QUARTER_MS - covered_ms
        unknown: Fraction | None = Fraction(0)
        if lacks_ms:
            rated = meter.most_per_quarter
            unknown = None if rated is None else rated * lacks_ms / QUARTER_MS
        self.known += meter.sign * amount
        self.missing_ms += lacks_ms
        low, high = amount, None if unknown is None else amount + unknown
        least: Fraction | None = low
        most = high
        if meter.sign < 0:
            least, most = None if high is None else -high, -low
        self.least = None if self.least is None or least is None else self.least + least
        self.most = None if self.most is None or most is None else self.most + most
        if slot is not None and not lacks_ms:
            self.by_label[slot.label] = self.by_label.get(slot.label, Fraction(0)) + abs(amount)

    def join(self, other: Use) -> None:
        """Take in another share."""
        self.known += other.known
        self.missing_ms += other.missing_ms
        self.least = None if self.least is None or other.least is None else self.least + other.least
        self.most = None if self.most is None or other.most is None else self.most + other.most
        for label, amount in other.by_label.items():
            self.by_label[label] = self.by_label.get(label, Fraction(0)) + amount


_FIRST: Final = date.min
NO_TARIFF: Final = Share(None, None)


def allot(
    meters: Sequence[Metered], tariff: Tariff | None, zone: ZoneInfo, first_ms: int, last_ms: int
) -> dict[Share, Use]:
    """The energy between two quarter-hour edges by share, price lists in the order of their
    dates and the dearest period first. Without a tariff all is one share."""
    found: dict[Share, Use] = {}
    days: dict[date, tuple[tuple[Period | None, ...], date | None]] = {}
    for ms in range(first_ms, last_ms, QUARTER_MS):
        share = NO_TARIFF
        if tariff is not None:
            wall = from_ms(ms).astimezone(zone)
            day = wall.date()
            if day not in days:
                prices = tariff.price_list(day)
                days[day] = tariff.periods(day), None if prices is None else prices.first
            periods, since = days[day]
            share = Share(since, periods[quarter_of(wall)])
        use = found.setdefault(share, Use())
        for meter in meters:
            use.add(meter, meter.slots.get(ms))
    order = (*Period, None)
    return dict(
        sorted(
            found.items(),
            key=lambda item: (item[0].prices or _FIRST, order.index(item[0].period)),
        )
    )


def price_of(tariff: Tariff | None, share: Share) -> Decimal | None:
    """What a kWh of a share costs; None if nobody says."""
    if tariff is None or share.prices is None or share.period is None:
        return None
    prices = next(item for item in tariff.prices if item.first == share.prices)
    return prices.per_kwh.get(share.period)
