"""How fast a zone comes to its setpoint, and drifts from it: learned from day to day. Pure.

The mean of the first three days (MBL `Utilities.OptimalStart`), then S = (1 - L) S + L s with L =
0.25, where S is a time per kelvin. There is one S for each season, each 5 K of outdoor temperature
(control reference, 5), each class of rest and each half kelvin of the way. The last half kelvin
takes a zone's own controller several times as long as those before. Measured on the simulated
rooms: one S for the whole way was wrong by up to 33 min, this by less than 10. After a weekend
walls are colder than after a night, at the same temperature of the air: with one S for both, rooms
of two nodes were 68 to 110 min late on every Monday.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from bms.texts.messages import Message, msg, plural
from bms.texts.words import season_word

LEARNING = 0.25
MEAN_OF = 3
BAND_K = 0.6
"""Closer to the setpoint than this counts as there; a smaller gap is no reason to start early. The
0.5 K of the control reference and a tenth: zone controllers have a deadband of 0.5 K, and come to
its edge ever more slowly."""
BIN_K = 5
STEP_K = 0.5
MARK_K = 0.1
SLOPE_K_H = (0.05, 30.0)
"""What a building can do; a measurement beyond is that of a broken sensor."""
SETTLED = timedelta(minutes=20)
"""A zone that has not come nearer for so long, and is within 2 `BAND_K`, is where its own
controller wants it: inside the deadband of that."""
DRIFT_MEASURED = timedelta(minutes=30)
LOOKED_AT = timedelta(minutes=5)
UNSEEN_AT_MOST = timedelta(minutes=20)

REST_H = (24, 40, 80)
"""Borders of the classes of rest: a night, a night and a day, a weekend, holidays."""
SETBACK = -1
"""The class of a change of setpoint while the group runs."""
LONGER = 1.5
"""How much longer each class of rest is taken to need, until it was met: too early costs a little
heat on one day, too late a cold building."""

Direction: TypeAlias = Literal["cooling", "heating"]


@dataclass(frozen=True, slots=True)
class Known:
    """What to reckon with: the key of learned rates, and how much longer it takes than they say."""

    key: str
    longer: float = 1.0
    sure: bool = False
    """Learned on `MEAN_OF` days of such weather, after such a rest."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A learned speed of a zone, and on how many days."""

    k_per_h: float
    days: int


Rates: TypeAlias = Mapping[str, Rate]
"""By `cooling|summer|25`: `cooling`, `heating` or `drift`, season, lower end of the outdoor bin;
and by `cooling|summer|25|3` for the step of the way that begins at 0.6 K + 3 * 0.5 K. The first
part is `cooling+2` after a rest of that class, `cooling=` for a change of setpoint."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement under way: how far the zone goes from here."""

    kind: Literal["start", "drift"]
    key: str
    direction: Direction
    begun: datetime
    from_c: float
    target_c: float
    seen: datetime
    """When it was last looked at, to `LOOKED_AT`: a gap, such as a restart, ends it."""
    level_k: float
    """The gap at the last border of a step, and when it was passed."""
    level_at: datetime
    mark_k: float
    """The gap when it last became smaller by `MARK_K`, and when."""
    mark_at: datetime


@dataclass(frozen=True, slots=True)
class Lesson:
    """What became of a measurement in one cycle."""

    rates: Rates
    measured: Measured | None
    """None: it is over."""
    followed: bool | None = None
    """Over, and the zone did, or did not, follow."""


def begin(
    kind: Literal["start", "drift"],
    direction: Direction,
    season: str,
    zone_c: float,
    target_c: float,
    outdoor_c: float | None,
    now: datetime,
    rest: int = 0,
) -> Measured:
    """A measurement that begins now; a start after a rest of class `rest`."""
    what = "drift" if kind == "drift" else kind_of(direction, rest)
    key = key_of(what, season, outdoor_c)
    gap_k = zone_c - target_c if direction == "cooling" else target_c - zone_c
    return Measured(kind, key, direction, now, zone_c, target_c, now, gap_k, now, gap_k, now)


def measure(
    rates: Rates,
    measured: Measured,
    zone_c: float | None,
    running: bool | None,
    now: datetime,
    longest: timedelta,
) -> Lesson:
    """Go on with a measurement; a start is given `longest` to come within `BAND_K`."""
    elapsed, unseen = now - measured.begun, now - measured.seen
    gone = Lesson(rates, None)
    if unseen < timedelta(0) or unseen > UNSEEN_AT_MOST or running is None:
        return gone  # the clock was set back, or nobody knows what ran
    if running is (measured.kind == "drift"):
        return gone  # somebody switched it meanwhile
    if unseen >= LOOKED_AT:
        measured = replace(measured, seen=now)
    if zone_c is None:
        return Lesson(rates, measured) if elapsed <= longest else gone
    sign = -1 if (measured.direction == "cooling") == (measured.kind == "start") else 1
    moved_k = sign * (zone_c - measured.from_c)
    if measured.kind == "drift":
        if elapsed < DRIFT_MEASURED:
            return Lesson(rates, measured)
        return Lesson(_taught(rates, measured.key, moved_k / _hours(elapsed)), None)
    return _approach(rates, measured, moved_k, now, longest)


def _approach(
    rates: Rates, measured: Measured, moved_k: float, now: datetime, longest: timedelta
) -> Lesson:
    gap_k = abs(measured.from_c - measured.target_c) - moved_k
    rates, measured = _passed(rates, measured, gap_k, now)
    if gap_k <= measured.mark_k - MARK_K:
        measured = replace(measured, mark_k=gap_k, mark_at=now)
    settled = now - measured.mark_at >= SETTLED and measured.mark_k <= 2 * BAND_K
    elapsed = now - measured.begun
    late = elapsed > longest
    if gap_k > BAND_K and not settled and not late:
        return Lesson(rates, measured)
    if gap_k > BAND_K and settled:
        elapsed, moved_k = measured.mark_at - measured.begun, moved_k + gap_k - measured.mark_k
        last_k = measured.level_k - measured.mark_k
        if last_k >= MARK_K:
            taken = measured.mark_at - measured.level_at
            rates = _taught(rates, f"{measured.key}|0", last_k / _hours(taken))
    elif late and moved_k < BAND_K:
        return Lesson(rates, None, followed=False)
    return Lesson(_taught(rates, measured.key, moved_k / _hours(elapsed)), None, followed=True)


def _passed(
    rates: Rates, measured: Measured, gap_k: float, now: datetime
) -> tuple[Rates, Measured]:
    """The rates learned from the step borders that the zone has passed since the last look."""
    first = math.ceil((measured.level_k - BAND_K) / STEP_K - 1e-9) - 1
    last = max(0, math.ceil((gap_k - BAND_K) / STEP_K - 1e-9))
    if last > first:
        return rates, measured
    border_k = BAND_K + last * STEP_K
    way_k, taken = measured.level_k - border_k, now - measured.level_at
    for step in range(last, first + 1):
        # Of a step that it entered near its end the start-up of the plant is most of the time.
        if way_k >= STEP_K / 2 and taken > timedelta(0):
            rates = _taught(rates, f"{measured.key}|{step}", way_k / _hours(taken))
    return rates, replace(measured, level_k=border_k, level_at=now)


def _taught(rates: Rates, key: str, k_per_h: float) -> Rates:
    """The rates with one more measured day; it is times that are averaged, not speeds."""
    least, most = SLOPE_K_H
    slope = min(max(k_per_h, least), most)
    before = rates.get(key)
    if before is None:
        return {**rates, key: Rate(slope, 1)}
    share = 1 / (before.days + 1) if before.days < MEAN_OF else LEARNING
    if "+" in key and slope < before.k_per_h:
        share = 1.0  # a week until the next lesson: a slower one is believed at once
    mean = 1 / ((1 - share) / before.k_per_h + share / slope)
    return {**rates, key: Rate(mean, before.days + 1)}


def needed_h(rates: Rates, key: str, gap_k: float) -> float:
    """Hours over all steps of the way from a gap to `BAND_K`; unknown steps take the mean speed of
    `key`, which has to be known."""
    hours, step, below_k = 0.0, 0, BAND_K
    while below_k < gap_k:
        above_k = min(below_k + STEP_K, gap_k)
        hours += (above_k - below_k) / rates.get(f"{key}|{step}", rates[key]).k_per_h
        step, below_k = step + 1, above_k
    return hours


def nearest_key(rates: Rates, kind: str, season: str, outdoor_c: float | None) -> str | None:
    """The key to reckon with; None if nothing is known of a kind in a season.

    In weather that has not been met, that of the nearest that has; of two as near the faster,
    which starts later.
    """
    key = key_of(kind, season, outdoor_c)
    if key in rates or outdoor_c is None:
        return key if key in rates else None
    known = {
        int(parts[2]): other
        for other in rates
        if len(parts := other.split("|")) == 3 and parts[:2] == [kind, season] and parts[2]
    }
    if not known:
        return None
    here = bin_of(outdoor_c)
    return known[min(known, key=lambda c: (abs(c - here), -rates[known[c]].k_per_h))]


def known_start(
    rates: Rates, direction: Direction, rest: int, season: str, outdoor_c: float | None
) -> Known | None:
    """What is known of a start after a rest; None if no start was learned in this season.

    After a rest that was never met it is that of the next shorter one, taken longer; else that of
    the next longer one, which is never too late.
    """
    shorter = range(rest, -1, -1) if rest >= 0 else (rest, 0)
    for known in (*shorter, *range(max(rest, 0) + 1, len(REST_H) + 1)):
        key = nearest_key(rates, kind_of(direction, known), season, outdoor_c)
        if key is not None:
            met = key == key_of(kind_of(direction, rest), season, outdoor_c)
            sure = met and rates[key].days >= MEAN_OF
            return Known(key, LONGER ** max(0, rest - known) if known >= 0 else 1.0, sure)
    return None


def rest_of(rest: timedelta) -> int:
    """The class of a rest."""
    return bisect_right(REST_H, rest / timedelta(hours=1))


def kind_of(direction: Direction, rest: int) -> str:
    """The first part of a key, see `Rates`."""
    if rest == SETBACK:
        return f"{direction}="
    return f"{direction}+{rest}" if rest else direction


def told(rates: Rates, key: str, season: str, outdoor_c: float | None) -> Message:
    """For people: where the rate of `key` comes from."""
    days = rates[key].days
    learned = plural("learned on {count} day", "learned on {count} days", count=days)
    if outdoor_c is None:
        return msg("{season}, {learned}", season=season_word(season), learned=learned)
    here, there = bin_of(outdoor_c), int(key.rpartition("|")[2])
    if here != there:
        learned = msg("as learned at {from_c} to {to_c} degC", from_c=there, to_c=there + BIN_K)
    return msg(
        "{season}, {from_c} to {to_c} degC, {learned}",
        season=season_word(season),
        from_c=here,
        to_c=here + BIN_K,
        learned=learned,
    )


def key_of(kind: str, season: str, outdoor_c: float | None) -> str:
    """See `Rates`."""
    return f"{kind}|{season}|{'' if outdoor_c is None else bin_of(outdoor_c)}"


def bin_of(outdoor_c: float) -> int:
    """The lower end of the 5 K that an outdoor temperature lies in."""
    return int(outdoor_c // BIN_K) * BIN_K


def _hours(duration: timedelta) -> float:
    return max(duration.total_seconds(), 1.0) / 3600
