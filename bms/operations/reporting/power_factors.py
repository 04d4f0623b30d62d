"""Reactive energy of a month, out of the history: of a register, or of a power factor's point."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from math import isnan, sqrt
from zoneinfo import ZoneInfo

from bms.config.site import Base, Site
from bms.core.errors import StoreError
from bms.core.instants import to_ms
from bms.energy.quarters import QUARTER_MS
from bms.historian.reading.trends import Trends
from bms.reports.month.gathering import Factor, spans_of
from drivers.points import PointId

REGISTER, POINT = "reactive_energy", "power_factor"
QUARTER = timedelta(milliseconds=QUARTER_MS)
LEAST_COVERED_PCT = 90
"""Of a month, for a power factor that is a mean of samples."""


def factors_of(site: Site, base: Base, month: date) -> dict[str, Factor]:
    """By meter: what is known of its reactive energy in a month; empty where none is metered."""
    wanted = {
        spec.id: machine
        for name in base.imports
        if (machine := site.equipment.get(name)) is not None
        and (REGISTER in machine.points or POINT in machine.points)
        for spec in (site.meter_named(name),)
    }
    if not wanted:
        return {}
    found: dict[str, Factor] = {}
    span = spans_of(month, ZoneInfo(base.zone), None)[0]
    try:
        with Trends(site.state_dir) as trends:
            for key, machine in wanted.items():
                kvarh: float | None = None
                how = "register"
                if REGISTER in machine.points:
                    kvarh = _rise(trends, machine.points[REGISTER], span.start, span.end)
                if kvarh is None and POINT in machine.points and "power" in machine.points:
                    points = machine.points[POINT], machine.points["power"]
                    kvarh, how = _from_factor(trends, points, span.start, span.end), "point"
                if kvarh is not None:
                    found[key] = Factor(kvarh, how)
    except StoreError:
        return {}  # without the history nothing of this is known
    return found


def _rise(trends: Trends, point: PointId, start: datetime, end: datetime) -> float | None:
    """What a register rose by; None where one of its ends is not known, or it fell."""
    block = trends.quarters(point, start - QUARTER, end)
    if block is None:
        return None
    at = dict(zip(block.starts_ms.tolist(), block.rows.last.tolist(), strict=True))
    before, after = (at.get(to_ms(moment - QUARTER), float("nan")) for moment in (start, end))
    rise = after - before
    return float(rise) if rise >= 0 else None


def _from_factor(
    trends: Trends, points: tuple[PointId, PointId], start: datetime, end: datetime
) -> float | None:
    """Reactive energy from quarter hours of a power factor and the power beside it."""
    blocks = [trends.quarters(point, start, end) for point in points]
    factor, power = blocks
    if factor is None or power is None:
        return None
    factors = dict(zip(factor.starts_ms.tolist(), factor.mean().tolist(), strict=True))
    kvarh, found = 0.0, 0
    for ms, kw in zip(power.starts_ms.tolist(), power.mean().tolist(), strict=True):
        value = abs(factors.get(ms, float("nan")))
        if 0 < value <= 1 and not isnan(kw):
            found += 1
            kvarh += kw / 4 * sqrt(1 / value**2 - 1)
    expected = (to_ms(end) - to_ms(start)) // QUARTER_MS
    if found * 100 < LEAST_COVERED_PCT * expected:
        return None
    return kvarh * expected / found
