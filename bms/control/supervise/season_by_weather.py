"""Which season a base is in, by the weather: one decision a day, at its midnight. Pure.

The rule and its defaults are `schedules.model.seasons.OutdoorRule` (control reference,
section 2). A season needs `confirm_days` days in a row that ask for it, and never ends within
`dwell_days`. Between summer and winter there is always `transitional`. A day of which less than
three quarters are known changes nothing. Without a temperature for `fallback_h` the dates decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bms.control.blocks.replacing import replace
from bms.core.switched import Cause, Spell, current, planned
from bms.texts.messages import msg
from bms.texts.words import season_word
from schedules.model.seasons import SUMMER, TRANSITIONAL, WINTER, OutdoorRule, SeasonSet

LOOK_EVERY = timedelta(minutes=5)
"""Outdoor air changes slowly: a look each second would be saved to the disk, and teach nothing."""
BRIDGED = timedelta(hours=3)
"""A reading stands for the time since the one before, but for no longer than this."""
KNOWN_S = 18 * 3600.0
"""A day's mean needs this much of the day: of a sunny afternoon alone it would be no mean."""
STALE_DAYS = 7
"""A mean older than this no longer says anything (0.8 ** 7 = 0.2 of it would be left)."""
FIVE = 5
LONGEST_DAY = timedelta(hours=27)
"""With a change of clocks, and to spare."""


@dataclass(frozen=True, slots=True)
class Outdoor:
    """What is known of a base's outdoor temperature; kept over restarts."""

    day_end: datetime | None = None
    """When the local day that is being measured ends (UTC)."""
    seen: datetime | None = None
    """When the temperature was last known."""
    known_s: float = 0.0
    """How much of the day is known, and the integral of the temperature over it."""
    degree_s: float = 0.0
    mean_c: float | None = None
    """The running mean."""
    days_c: tuple[float, ...] = ()
    """The daily means of the last days, the latest last."""
    mean_day: date | None = None
    """The last day that went into the means."""
    wanted: str = ""
    """The season that the last days asked for instead of the present one, and how many did."""
    wanted_days: int = 0


@dataclass(frozen=True, slots=True)
class _Wish:
    """The next season, and why; `at_once` needs no confirmation."""

    season: str
    cause: Cause
    reason: str
    at_once: bool = False


def advance(
    seasons: SeasonSet,
    base: str,
    spells: Sequence[Spell],
    state: Outdoor,
    outdoor_c: float | None,
    now: datetime,
    zone: ZoneInfo,
) -> tuple[Outdoor, Spell | None]:
    """The state after `now`, and the spell that begins, if one does.

    `spells` are those of this set and base; `outdoor_c` is None unless its quality is good. Call
    it as often as you like: between two looks it returns the same state.
    """
    rule = seasons.rule
    assert isinstance(rule, OutdoorRule)
    end = state.day_end
    if end is None or end - now > LONGEST_DAY:  # the first day, or the clock was set back
        state = replace(state, day_end=_midnight(_date(now, zone), zone, 1), known_s=0, degree_s=0)
        if spells:  # also if all lie ahead: then the clock was not set yet
            return _look(state, outdoor_c, now), None
        day = _date(now, zone)
        first = Spell(
            seasons.id, base, _midnight(day, zone, 0), seasons.season(day), "start", "bms",
            msg("where the dates are on the first day"),
        )  # fmt: skip
        return _look(state, outdoor_c, now), first
    if now < end:
        return _look(state, outdoor_c, now), None
    state = _look(state, outdoor_c, end)
    ended = _date(end - timedelta(seconds=1), zone)
    state, told = _close(rule, state, ended)
    today = _date(now, zone)
    begun = _midnight(today, zone, 0)
    if today != ended + timedelta(days=1):
        told = False  # days were missed: nobody knows what they were like
    state = _look(replace(state, day_end=_midnight(today, zone, 1)), outdoor_c, now)
    return _decide(seasons, rule, base, spells, state, _Today(today, begun, now, zone, told))


def is_bad(rule: OutdoorRule, state: Outdoor, now: datetime) -> bool:
    """Whether the temperature has been unknown for so long that the dates decide."""
    return state.seen is not None and now - state.seen > timedelta(hours=rule.fallback_h)


def _look(state: Outdoor, outdoor_c: float | None, until: datetime) -> Outdoor:
    """Take the temperature in, up to `until`."""
    if outdoor_c is None:
        # A sensor that has never answered is as bad as one that has stopped.
        return state if state.seen is not None else replace(state, seen=until)
    seen = state.seen
    if seen is None or until < seen:
        return replace(state, seen=until)
    passed = until - seen
    if passed < LOOK_EVERY and until != state.day_end:
        return state
    passed_s = min(passed, BRIDGED).total_seconds()
    return replace(
        state,
        seen=until,
        known_s=state.known_s + passed_s,
        degree_s=state.degree_s + outdoor_c * passed_s,
    )


def _close(rule: OutdoorRule, state: Outdoor, day: date) -> tuple[Outdoor, bool]:
    """The day is over: its mean goes into the others. False if it is not known well enough."""
    known_s, degree_s = state.known_s, state.degree_s
    state = replace(state, known_s=0.0, degree_s=0.0)
    if known_s < KNOWN_S:
        return state, False
    mean = degree_s / known_s
    fresh = state.mean_day is None or (day - state.mean_day).days > STALE_DAYS
    before = None if fresh else state.mean_c
    days = () if fresh else state.days_c
    running = mean if before is None else (1 - rule.alpha) * mean + rule.alpha * before
    return replace(state, mean_c=running, days_c=(*days, mean)[-FIVE:], mean_day=day), True


def mean_of(rule: OutdoorRule, state: Outdoor) -> float | None:
    """The mean that decides, degC; None while it is not known."""
    if rule.mean == "running":
        return state.mean_c
    return sum(state.days_c) / FIVE if len(state.days_c) == FIVE else None


@dataclass(frozen=True, slots=True)
class _Today:
    """The day that has begun."""

    day: date
    begun: datetime
    now: datetime
    zone: ZoneInfo
    told: bool
    """Whether the day before is known well enough to say anything."""


def _decide(
    seasons: SeasonSet,
    rule: OutdoorRule,
    base: str,
    spells: Sequence[Spell],
    state: Outdoor,
    today: _Today,
) -> tuple[Outdoor, Spell | None]:
    present = current(spells, today.now)
    if present is None or planned(spells, today.now):
        return replace(state, wanted="", wanted_days=0), None
    wish = _wish(seasons, rule, state, present.season, today)
    if wish is None:
        if today.told:  # an unknown day neither confirms nor breaks the row
            state = replace(state, wanted="", wanted_days=0)
        return state, None
    if not wish.at_once:
        days = state.wanted_days + 1 if wish.season == state.wanted else 1
        state = replace(state, wanted=wish.season, wanted_days=days)
        if days < rule.confirm_days or not rule.permits(wish.season, today.day):
            return state, None
    since = _date(present.start, today.zone)
    if present.cause != "start" and (today.day - since).days < rule.dwell_days:
        return state, None
    reason = wish.reason
    if not wish.at_once and state.wanted_days > 1:
        reason = msg("{reason} for {days} days", reason=reason, days=state.wanted_days)
    spell = Spell(seasons.id, base, today.begun, wish.season, wish.cause, "bms", reason)
    return replace(state, wanted="", wanted_days=0), spell


def _wish(
    seasons: SeasonSet,
    rule: OutdoorRule,
    state: Outdoor,
    present: str,
    today: _Today,
) -> _Wish | None:
    """What today asks for instead of the present season; None if it asks for nothing."""
    if is_bad(rule, state, today.now):
        way = seasons.way(present, seasons.season(today.day))
        reason = msg(
            "no outdoor temperature for {fallback_h:g} h: by the dates", fallback_h=rule.fallback_h
        )
        return _Wish(way[0], "dates", reason, at_once=True) if way else None
    if present != TRANSITIONAL and not rule.permits(present, today.day):
        return _Wish(
            TRANSITIONAL,
            "dates",
            msg("{present} is not permitted now", present=season_word(present)),
            at_once=True,
        )
    mean_c = mean_of(rule, state)
    if not today.told or mean_c is None:
        return None
    name = msg("running mean") if rule.mean == "running" else msg("five-day mean")
    said = msg("{name} {mean_c:.1f} degC", name=name, mean_c=mean_c)
    summer, winter = rule.summer, rule.winter
    if present == SUMMER:
        if summer is not None and mean_c < summer.leave_c:
            return _Wish(
                TRANSITIONAL,
                "weather",
                msg("{temperature}, below {limit_c:g}", temperature=said, limit_c=summer.leave_c),
            )
    elif present == WINTER:
        if winter is not None and mean_c > winter.leave_c:
            return _Wish(
                TRANSITIONAL,
                "weather",
                msg("{temperature}, above {limit_c:g}", temperature=said, limit_c=winter.leave_c),
            )
    elif summer is not None and mean_c >= summer.enter_c:
        return _Wish(
            SUMMER,
            "weather",
            msg("{temperature}, at or above {limit_c:g}", temperature=said, limit_c=summer.enter_c),
        )
    elif winter is not None and mean_c <= winter.enter_c:
        return _Wish(
            WINTER,
            "weather",
            msg("{temperature}, at or below {limit_c:g}", temperature=said, limit_c=winter.enter_c),
        )
    return None


def _date(at: datetime, zone: ZoneInfo) -> date:
    return at.astimezone(zone).date()


def _midnight(day: date, zone: ZoneInfo, later: int) -> datetime:
    """The first instant (UTC) of a local day, or of one `later`."""
    day += timedelta(days=later)
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return local.astimezone(UTC)
