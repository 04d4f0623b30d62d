"""What one schedule file says, checked and complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bms.texts.messages import msg
from bms.texts.problems import Origin
from schedules.model.calendar import Calendar, Span
from schedules.model.seasons import SeasonSet
from schedules.model.sun import SunMinutes
from schedules.model.week import DAY_MINUTES, WEEKDAYS, SunTime, time_text

ANY_SEASON = "any"
"""The programme of the seasons that have none, and of schedules without seasons."""
LOWEST_PRIORITY = 16
"""Of exceptions that do not say theirs."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A mode with its setpoints, and where each is written."""

    mode: str
    setpoints: Mapping[str, float]
    origin: Origin
    mode_origin: Origin
    setpoint_origins: Mapping[str, Origin]


@dataclass(frozen=True, slots=True)
class Block:
    """A setting from `start` until just before `end`, in minutes of the day it belongs to.

    `start` is 0-1439; `end` over 1440 lies on the next day, by less than 24 h after `start`.
    Where a time hangs on the sun, these are nominal, with the sun up from 06:00 to 18:00: they
    tell whether the block crosses midnight, and `sun_start` or `sun_end` has the time itself. A
    nominal end at or before the start is one of the same day: some seasons leave no time for it.
    """

    start: int
    end: int
    setting: Setting
    sun_start: SunTime | None = None
    sun_end: SunTime | None = None

    @property
    def hangs_on_sun(self) -> bool:
        return self.sun_start is not None or self.sun_end is not None

    @property
    def text(self) -> str:
        """`07:30-18:00`, `22:00-06:00`, `22:00-24:00`, `sunset..22:00`."""
        end = self.end - 1440 if self.end > 1440 else self.end
        first = time_text(self.start) if self.sun_start is None else str(self.sun_start)
        last = time_text(end) if self.sun_end is None else str(self.sun_end)
        return f"{first}{'..' if self.hangs_on_sun else '-'}{last}"

    def times(self, today: SunMinutes | None, tomorrow: SunMinutes | None) -> tuple[int, int]:
        """Start and end on a day with this sun; an end at or before the start is no block.

        `start` may then lie beyond midnight, where the sun sets after it. Raises ValueError for
        a block that hangs on the sun if there is none.
        """
        if not self.hangs_on_sun:
            return self.start, self.end
        if today is None or tomorrow is None:
            raise ValueError(msg("{text} needs the place of the base, for the sun", text=self.text))
        start, end = self.start, self.end
        if self.sun_start is not None:
            start = max(0, today.at(self.sun_start))
        if self.sun_end is not None:
            crosses = self.end > DAY_MINUTES
            end = DAY_MINUTES + tomorrow.at(self.sun_end) if crosses else today.at(self.sun_end)
        return start, end


@dataclass(frozen=True, slots=True)
class DayProgramme:
    """The blocks of a weekday, none overlapping; `label` is the key they stand under."""

    label: str
    blocks: tuple[Block, ...]


Week = Mapping[int, DayProgramme]
"""By weekday 0-6; a weekday that is not named has no blocks."""


@dataclass(frozen=True, slots=True)
class DayRule:
    """An exception: what to do on certain days.

    `replace`: only `blocks`. `use`: the weekly programme of weekday `day` in the date's own
    season. `add`: `blocks` lie on top of whatever else the day has.
    """

    do: Literal["replace", "use", "add"]
    name: str
    spans: tuple[Span, ...]
    calendar: Calendar | None
    kind: str
    """Which entries of the calendar."""
    blocks: tuple[Block, ...]
    day: int
    origin: Origin
    priority: int = LOWEST_PRIORITY
    """1-16 as BACnet's event priority, 1 the highest; among equals the first written wins."""

    def label(self, day: date) -> str | None:
        """Why the rule applies to a date, for people; None if it does not."""
        if self.calendar is None:
            return (
                msg("exception {name}", name=self.name)
                if any(day in s for s in self.spans)
                else None
            )
        entry = self.calendar.entry(self.kind, day)
        if entry is None:
            return None
        found = msg("calendar {calendar} {entry}", calendar=self.calendar.id, entry=entry.name)
        return (
            msg("exception {exception} ({occasion})", exception=self.name, occasion=found)
            if self.name
            else found
        )

    @property
    def weekday(self) -> str:
        """The word for `day`."""
        return WEEKDAYS[self.day]


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule with everything resolved."""

    id: str
    title: Mapping[str, str]
    governs: Mapping[str, Origin]
    """Group ids, and where each is written."""
    seasons: SeasonSet | Literal["base"] | None
    """`base`: those of the base it runs in."""
    otherwise: Setting
    weeks: Mapping[str, Week]
    """By season name, or `any`."""
    exceptions: tuple[DayRule, ...]
    """In the order written."""
    origin: Origin
    hangs_on_sun: Origin | None = None
    """Where the first block stands that hangs on the sun, if any does."""

    def programme(self, season: str, weekday: int) -> DayProgramme | None:
        """The weekly programme of a weekday 0-6, from the season's own week or from `any`."""
        week = self.weeks.get(season)
        return (week if week is not None else self.weeks[ANY_SEASON]).get(weekday)

    def settings(self) -> Iterator[Setting]:
        """Every setting the file writes, each once, in no particular order of time."""
        yield self.otherwise
        seen: set[int] = set()
        blocks = [b for week in self.weeks.values() for day in week.values() for b in day.blocks]
        blocks += [b for rule in self.exceptions for b in rule.blocks]
        for block in blocks:
            if id(block) not in seen:  # the days of `mon-fri` share their blocks
                seen.add(id(block))
                yield block.setting
