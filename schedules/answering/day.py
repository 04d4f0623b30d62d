"""What one local date brings, as a ladder: the first rung that covers a minute wins.

From the top: `add` exceptions, and the first `replace` or `use` exception, in order of priority
(an `add` lies on top of those of the same priority); the blocks of the week, if no exception
decided; what is left of yesterday's blocks; what an exception that decided leaves open; and
`otherwise`. The deciding rung has beaten those below it. On a day that an exception decided, the
exception is also the reason while none of its blocks is in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TypeVar

from bms.texts.messages import msg
from bms.texts.problems import Origin
from bms.texts.words import days_word, in_season
from schedules.answering.answers import Entry, Layer
from schedules.model.programme import Block, DayRule, Schedule, Setting
from schedules.model.sun import Sun, SunMinutes
from schedules.model.week import DAY_MINUTES

K = TypeVar("K")
V = TypeVar("V")

_KEPT = 64


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing a date brings, in minutes of the date; `end` may lie beyond it."""

    start: int
    end: int
    entry: Entry
    layer: Layer


@dataclass(frozen=True, slots=True)
class Parts:
    """What one date brings, yesterday's blocks apart."""

    top: tuple[Rung, ...]
    """Blocks in force, the first that covers a minute wins; these run on into the next date."""
    under: tuple[Rung, ...]
    """The rung in force without a block, and those it has beaten, down to `otherwise`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer for every minute of one local date: `entries[i]` from minute `starts[i]`."""

    starts: tuple[int, ...]
    """Ascending, beginning with 0."""
    entries: tuple[Entry, ...]


class Days:
    """Plans of one schedule. `sun` is needed if the schedule hangs on it."""

    def __init__(self, schedule: Schedule, sun: Sun | None, *, seasons: bool) -> None:
        self._schedule = schedule
        self._sun = sun if schedule.hangs_on_sun else None
        self._seasons = seasons
        ranked = sorted(schedule.exceptions, key=lambda r: (r.priority, r.do != "add"))
        self._rules = tuple(ranked)
        self._labels: dict[int, tuple[tuple[int, str], ...]] = {}
        """By date: the exceptions that apply, and why."""
        self._parts: dict[tuple[object, ...], Parts] = {}
        self._plans: dict[tuple[int, int], tuple[Parts, Parts, Plan]] = {}

    def plan(self, ordinal: int, season: str, season_before: str) -> Plan:
        """The plan of a date in a season; `season_before` is the one yesterday ended in."""
        today = self.parts(ordinal, season)
        yesterday = self.parts(ordinal - 1, season_before)
        key = (id(today), id(yesterday))
        found = self._plans.get(key)
        # Parts that were forgotten may have left their id to others.
        if found is None or found[0] is not today or found[1] is not yesterday:
            found = (today, yesterday, _plan(today, yesterday))
            _keep(self._plans, key, found)
        return found[2]

    def parts(self, ordinal: int, season: str) -> Parts:
        """What a date brings in a season."""
        day = date.fromordinal(ordinal)
        labels = self._labels.get(ordinal)
        if labels is None:
            found_labels = ((n, rule.label(day)) for n, rule in enumerate(self._rules))
            labels = tuple((n, label) for n, label in found_labels if label is not None)
            _keep(self._labels, ordinal, labels)
        sun = (
            (self._sun.minutes(day), self._sun.minutes(date.fromordinal(ordinal + 1)))
            if self._sun is not None
            else (None, None)
        )
        key = (season, day.weekday(), labels, sun)
        found = self._parts.get(key)
        if found is None:
            matching = [(self._rules[n], label) for n, label in labels]
            found = _Ladder(self._schedule, season, sun, seasons=self._seasons).build(
                day.weekday(), matching
            )
            _keep(self._parts, key, found)
        return found


class _Ladder:
    """Builds the parts of one date."""

    def __init__(
        self,
        schedule: Schedule,
        season: str,
        sun: tuple[SunMinutes | None, SunMinutes | None],
        *,
        seasons: bool,
    ) -> None:
        self._schedule = schedule
        self._season = season
        self._sun = sun
        self._suffix = in_season(season) if seasons else ""

    def build(self, weekday: int, rules: list[tuple[DayRule, str]]) -> Parts:
        top: list[Rung] = []
        under: list[Rung] = []
        decided = False
        for rule, label in rules:
            blocks, left = self._rule(rule, label)
            (under if decided else top).extend(blocks)
            if left is not None:
                decided = True
                under.append(left)
        weekly = self._weekly(weekday)
        (under if decided else top).extend(weekly)
        otherwise = self._schedule.otherwise
        under.append(self._whole_day(otherwise, self._why(), otherwise.origin))
        return Parts(tuple(top), tuple(under))

    def _rule(self, rule: DayRule, label: str) -> tuple[list[Rung], Rung | None]:
        """The blocks of a rule, and what it leaves open if it decides the day."""
        if rule.do == "add":
            return [
                r
                for b in rule.blocks
                for r in self._block(b, msg("{label}: {block} on top", label=label, block=b.text))
            ], None
        if rule.do == "replace":
            blocks, why = rule.blocks, msg("{label}: replaced", label=label)
        else:
            programme = self._schedule.programme(self._season, rule.day)
            blocks, why = (
                programme.blocks if programme else (),
                msg("{label}: as {weekday}", label=label, weekday=days_word(rule.weekday)),
            )
        rungs = [
            r for b in blocks for r in self._block(b, msg("{why} {text}", why=why, text=b.text))
        ]
        return rungs, self._whole_day(self._schedule.otherwise, why, rule.origin)

    def _why(self, days: str = "", block: str = "") -> str:
        """The reason of a block of the weekly programme, or of what is outside of all blocks."""
        if not block:
            return msg("otherwise{season}", season=self._suffix)
        return msg(
            "weekly {days} {block}{season}", days=days_word(days), block=block, season=self._suffix
        )

    def _weekly(self, weekday: int) -> list[Rung]:
        programme = self._schedule.programme(self._season, weekday)
        if programme is None:
            return []
        return [
            r for b in programme.blocks for r in self._block(b, self._why(programme.label, b.text))
        ]

    def _block(self, block: Block, reason: str) -> list[Rung]:
        start, end = block.times(*self._sun)
        if end <= start:  # the sun left no time for it
            return []
        return [self._rung(start, end, block.setting, reason, block.setting.origin)]

    def _whole_day(self, setting: Setting, reason: str, origin: Origin) -> Rung:
        return self._rung(0, DAY_MINUTES, setting, reason, origin)

    def _rung(self, start: int, end: int, setting: Setting, reason: str, origin: Origin) -> Rung:
        return Rung(
            start,
            end,
            Entry(setting.mode, setting.setpoints, self._season, reason, origin),
            Layer(setting.mode, setting.setpoints, reason, origin),
        )


def _plan(today: Parts, yesterday: Parts) -> Plan:
    ladder = [(r.start, min(r.end, DAY_MINUTES), r) for r in today.top if r.start < DAY_MINUTES]
    ladder += [
        (max(0, r.start - DAY_MINUTES), min(r.end - DAY_MINUTES, DAY_MINUTES), r)
        for r in yesterday.top
        if r.end > DAY_MINUTES
    ]
    ladder += [(r.start, min(r.end, DAY_MINUTES), r) for r in today.under if r.start < DAY_MINUTES]
    starts: list[int] = []
    entries: list[Entry] = []
    before: list[Rung] = []
    for minute in sorted({edge for start, end, _ in ladder for edge in (start, end)}):
        rungs = [rung for start, end, rung in ladder if start <= minute < end]
        if rungs and rungs != before:
            entry = rungs[0].entry
            starts.append(minute)
            entries.append(
                Entry(
                    entry.mode,
                    entry.setpoints,
                    entry.season,
                    entry.reason,
                    entry.origin,
                    tuple(rung.layer for rung in rungs[1:]),
                )
            )
            before = rungs
    return Plan(tuple(starts), tuple(entries))


def _keep(cache: dict[K, V], key: K, value: V) -> None:
    """Remember something; when there is too much, forget the oldest."""
    if len(cache) >= _KEPT:
        cache.pop(next(iter(cache)), None)
    cache[key] = value
