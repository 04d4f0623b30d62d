"""Reads every meter at the quarter hours: the first good register at or after each. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from math import isfinite

from bms.core.readings import Reading
from bms.historian.records import EPOCH, Meter, from_ms, to_ms
from drivers.points import PointId, Quality, Sample

QUARTER_MS = 900_000
"""Meters are read at the quarter hours of UTC, which are those of every time zone in use."""
EDGE_TOLERANCE_S = 60.0
"""A reading this short after a quarter hour counts as the reading of that quarter hour."""
CLOCK_SET_BACK_QUARTERS = 96
"""A clock that was ahead by up to a day costs the readings of that time; by more, it was lost."""
AHEAD = timedelta(minutes=5)
"""A register read this far ahead of the cycle was stamped by a clock that was wrong."""
COUNTS_LIMIT = 2**62
"""No register holds this much: one that shows it is booting or broken (and SQLite ends at 2^63)."""
EXACT_COUNTS = 2**40
"""Below this a float division is right to a thousandth of a count; above it fractions are used."""


class MeterEdges:
    """Registers that are not GOOD never become readings."""

    def __init__(self, meters: Iterable[Meter], tolerance_s: float) -> None:
        self._tolerance_ms = round(tolerance_s * 1000)
        self._resolutions = _resolutions(meters)
        self._quarter: int | None = None
        """Of the last cycle."""
        self._unread: list[PointId] = []
        """Not read yet in this quarter hour."""
        self._read_quarters: dict[PointId, int] = {}
        self._edge_time = 0, EPOCH

    def renew(self, meters: Iterable[Meter]) -> None:
        """Go on with other meters; those that stay are not read twice in a quarter hour."""
        before, self._resolutions = self._resolutions, _resolutions(meters)
        self._unread = [
            point
            for point in self._resolutions
            if point in self._unread or self._resolutions[point] != before.get(point)
        ]

    def offer(self, time: datetime, samples: Mapping[PointId, Sample]) -> list[Reading]:
        """Take one cycle; the readings that it brings."""
        quarter = to_ms(time) // QUARTER_MS
        if quarter != self._quarter:
            self._quarter = quarter
            self._unread = list(self._resolutions)
        found: list[Reading] = []
        if self._unread:
            unread = []
            for point in self._unread:
                reading = self._read(time, samples.get(point))
                if reading is None:
                    unread.append(point)
                else:
                    found.append(reading)
            self._unread = unread
        return found

    def _read(self, now: datetime, sample: Sample | None) -> Reading | None:
        """The reading of a register if it belongs to a new quarter hour."""
        if sample is None or sample.quality is not Quality.GOOD or sample.time > now + AHEAD:
            return None
        value = sample.value
        if value is None or isinstance(value, str) or not isfinite(value):
            return None
        ms = to_ms(sample.time)
        quarter = ms // QUARTER_MS
        last = self._read_quarters.get(sample.point)
        if last is not None and last - CLOCK_SET_BACK_QUARTERS <= quarter <= last:
            # Read already; or the clock was set back, and a register read among older readings
            # would be a step up and a step back that never were: the ledger would invent energy.
            return None
        counts = self._counts(sample.point, value)
        if abs(counts) >= COUNTS_LIMIT:
            return None
        self._read_quarters[sample.point] = quarter
        edge = quarter * QUARTER_MS
        time = self._edge(quarter) if ms - edge <= self._tolerance_ms else sample.time
        return Reading(sample.point, time, counts)

    def _edge(self, quarter: int) -> datetime:
        known, time = self._edge_time
        if known != quarter:  # all meters of a quarter hour share one time
            time = from_ms(quarter * QUARTER_MS)
            self._edge_time = quarter, time
        return time

    def _counts(self, point: PointId, value: float) -> int:
        rough, exact = self._resolutions[point]
        counts = value / rough
        if abs(counts) < EXACT_COUNTS:
            return round(counts)
        return round(Fraction(value) / exact)


def _resolutions(meters: Iterable[Meter]) -> dict[PointId, tuple[float, Fraction]]:
    return {meter.point: (float(meter.resolution), Fraction(meter.resolution)) for meter in meters}
