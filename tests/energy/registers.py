"""Register marks and the energy they make, for tests that need no ledger on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from bms.core.instants import to_ms
from bms.core.readings import Reading
from bms.energy.intervals import Energy, Interval, Mark
from bms.energy.quarters import Course, Slot, Stretch, energy_of


def marks_of(readings: Iterable[Reading]) -> list[Mark]:
    return [Mark(to_ms(reading.time), reading.counts) for reading in readings]


def energy_from(
    parts: Sequence[Interval], resolution: Decimal
) -> Callable[[datetime, datetime], Energy]:
    """What the ledger would say of these intervals."""
    scale = Fraction(resolution)
    slots = [
        (q.start_ms, Slot(q.counts, scale, q.label, q.covered_ms, 0))
        for q in Course().quarters(parts)
    ]
    stretches = [
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
    return lambda start, end: energy_of(slots, stretches, start, end)
