"""Which interval of the utility it is, and which limit holds in it. Pure.

Intervals are those of the clock of the base: on the hour and its halves and quarters, also over a
change of summer time. Where the utility gives a pulse, an interval begins with it; one that stays
away is taken for come a tenth of an interval late.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.control.strategies.demand.demand_parameters import (
    WEEKDAYS,
    DemandParameters,
    TariffLimit,
    minutes_of,
)

SOONEST_SHARE = 0.5
"""A pulse sooner than this share of an interval after the last begin is none (D: contacts
bounce)."""
LATE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Pulse:
    """The pulse of the utility, as far as it was seen."""

    high: bool = False
    last_s: float | None = None
    """Steady seconds of the last one; None: none was seen yet."""
    missed: int = 0
    """How many stayed away since."""


def watch_pulse(pulse: Pulse, shown: bool | None, interval_s: float, steady_s: float) -> Pulse:
    """The pulse at a look; None: its point cannot be read."""
    if shown and not pulse.high:
        last_s = pulse.last_s
        if last_s is None or steady_s - last_s >= SOONEST_SHARE * interval_s:
            return Pulse(True, steady_s)
        return Pulse(True, last_s, pulse.missed)
    last_s, missed = pulse.last_s, pulse.missed
    if last_s is not None:
        late = int((steady_s - last_s) / interval_s - LATE_SHARE)
        if late > 0:
            last_s, missed = last_s + late * interval_s, missed + late
    high = pulse.high if shown is None else shown
    if (high, last_s, missed) == (pulse.high, pulse.last_s, pulse.missed):
        return pulse
    return Pulse(high, last_s, missed)


def begun(now: datetime, zone: ZoneInfo, interval_s: float) -> datetime:
    """When the interval of the clock began in which `now` lies."""
    offset_s = (now.astimezone(zone).utcoffset() or timedelta()).total_seconds()
    return now - timedelta(seconds=(now.timestamp() + offset_s) % interval_s)


def elapsed_s(
    now: datetime, zone: ZoneInfo, interval_s: float, pulse: Pulse | None, steady_s: float
) -> float:
    """How far into the interval it is."""
    if pulse is not None and pulse.last_s is not None:
        return min(max(0.0, steady_s - pulse.last_s), interval_s)
    return (now - begun(now, zone, interval_s)).total_seconds()


def limit_kw(parameters: DemandParameters, begin: datetime, zone: ZoneInfo) -> float:
    """The limit of the interval that began then: a tariff changes between intervals."""
    local = begin.astimezone(zone)
    found = _of_tariff(parameters.limits, local)
    if found is None:
        found = parameters.limit_kw
    if found is None:
        assert parameters.contract_kw is not None
        return parameters.contract_kw
    return found if parameters.contract_kw is None else min(found, parameters.contract_kw)


def _of_tariff(limits: Sequence[TariffLimit], local: datetime) -> float | None:
    minute = local.hour * 60 + local.minute
    for limit in limits:
        first, last = minutes_of(limit.begin), minutes_of(limit.end)
        over = last <= first and minute < last  # of the evening before
        day = local - timedelta(days=1) if over else local
        inside = over or first <= minute < (last if last > first else 1440)
        fits = not limit.months or day.month in limit.months
        fits = fits and (limit.since is None or day.date() >= limit.since)
        if inside and fits and (not limit.days or WEEKDAYS[day.weekday()] in limit.days):
            return limit.limit_kw
    return None
