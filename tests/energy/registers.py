"""Register marks and the energy they make, for tests that need no ledger on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.site import MeterRole
from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.core.readings import Reading
from bms.energy.comparing.day_values import Day
from bms.energy.comparing.loads import MeterData
from bms.energy.intervals import Energy, Interval, Mark
from bms.energy.quarters import Course, Slot, Stretch, crosses, energy_of


def marks_of(readings: Iterable[Reading]) -> list[Mark]:
    return [Mark(to_ms(reading.time), reading.counts) for reading in readings]


def slots_of(parts: Sequence[Interval], scale: Fraction) -> list[tuple[int, Slot]]:
    return [
        (q.start_ms, Slot(q.counts, scale, q.label, q.covered_ms, 0))
        for q in Course().quarters(parts)
    ]


def stretches_of(parts: Sequence[Interval], scale: Fraction) -> list[Stretch]:
    return [
        Stretch(
            p.start_ms,
            p.end_ms,
            p.event,
            p.label,
            None if p.counts is None else p.counts * scale,
            p.reason,
        )
        for p in parts
        if p.event is not None
    ]


def energy_from(
    parts: Sequence[Interval], resolution: Decimal
) -> Callable[[datetime, datetime], Energy]:
    """What the ledger would say of these intervals."""
    scale = Fraction(resolution)
    slots, stretches = slots_of(parts, scale), stretches_of(parts, scale)
    return lambda start, end: energy_of(slots, stretches, start, end)


def meter_of(
    parts: Sequence[Interval],
    resolution: Decimal,
    zone: ZoneInfo,
    role: MeterRole = MeterRole.IMPORT,
    name: str = "b.meter-main",
    **more: Any,
) -> MeterData:
    """A meter as the growth verdict sees it."""
    scale = Fraction(resolution)
    stretches = stretches_of(parts, scale)
    energy = energy_from(parts, resolution)
    sums: dict[date, list[float]] = {}
    worth = float(scale)
    for ms, slot in slots_of(parts, scale):
        day = sums.setdefault(from_ms(ms).astimezone(zone).date(), [0.0, 0.0])
        day[0] += slot.counts * worth
        day[1] += slot.covered_ms
    days = {day: Day(kwh, ms / DAY_MS) for day, (kwh, ms) in sums.items()}
    return MeterData(
        name,
        role,
        energy,
        lambda period: {day: days[day] for day in period if day in days},
        lambda instant: [s for s in stretches if crosses(s, to_ms(instant))],
        min(days, default=None),
        **more,
    )
