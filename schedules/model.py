"""What the rest of the house uses: the library of a site's schedules, and their answers.

All times are wall-clock times of the base. A question is asked with an aware instant, and is
answered from the *state* of the calendar at that instant, never from an event: a restart, a
missed tick or a clock jump needs no repair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from schedules.answers import Change, Entry, Stretch
from schedules.calendar import Calendar
from schedules.context import NOTHING, Context, Place
from schedules.overlays import Overlay
from schedules.problems import Origin
from schedules.programme import Schedule
from schedules.resolve import Resolver
from schedules.seasons import SeasonSet
from schedules.timeunits import TimeUnit

__all__ = ["Change", "Entry", "Library", "Resolver", "Schedule", "Stretch", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """A mode with setpoints that a schedule gives to a group, to be checked against the group."""

    schedule_id: str
    group_id: str
    group_origin: Origin
    """Where the schedule says that it governs the group."""
    mode: str
    mode_origin: Origin
    setpoints: Mapping[str, Origin]
    """Setpoint names, and where each is written."""


@dataclass(frozen=True, slots=True)
class Library:
    """All schedules, seasons and calendars of a site."""

    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    """By id."""
    governed: Mapping[str, str] = field(default_factory=dict)
    """Group id to schedule id."""
    seasons: Mapping[str, SeasonSet] = field(default_factory=dict)
    base_seasons: Mapping[str, str] = field(default_factory=dict)
    """By base, and by target where it differs from its base: the id of its season set."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    overlays: tuple[Overlay, ...] = ()
    """In declared order: the later lies on top."""
    time_units: Mapping[str, TimeUnit] = field(default_factory=dict)
    _resolvers: dict[tuple[str, str], Resolver] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def season_set(self, target: str) -> SeasonSet | None:
        """The seasons of a target: its own, or those of its base; None if it has none."""
        set_id = self.base_seasons.get(target) or self.base_seasons.get(target.partition(".")[0])
        return self.seasons[set_id] if set_id is not None else None

    def missing_years(self, today: date) -> Mapping[str, int]:
        """The calendars that lack this year, or from 1 December on the next, and which they lack.

        Only calendars that a schedule or an overlay uses.
        """
        wanted = [today.year] + ([today.year + 1] if today.month == 12 else [])
        used = {
            rule.calendar.id: rule.calendar
            for schedule in self.schedules.values()
            for rule in schedule.exceptions
            if rule.calendar is not None
        } | {
            occasion.calendar.id: occasion.calendar
            for overlay in self.overlays
            for occasion in overlay.occasions
            if occasion.calendar is not None
        }
        return {
            name: year
            for name, calendar in sorted(used.items())
            for year in reversed(wanted)
            if year not in calendar.years
        }

    @property
    def calendar_years(self) -> Mapping[str, frozenset[int]]:
        """By schedule id: the years that its calendars cover. Absent: it uses no calendar."""
        return {
            schedule.id: frozenset().union(*(calendar.years for calendar in used))
            for schedule in self.schedules.values()
            if (used := [rule.calendar for rule in schedule.exceptions if rule.calendar])
        }

    def resolver(
        self,
        group_id: str,
        zone: str,
        *,
        place: Place | None = None,  # noqa: ARG002
        context: Context = NOTHING,  # noqa: ARG002
    ) -> Resolver | None:
        """Answers for a group of a base in `zone` (IANA name); None if no schedule governs it.

        `place` is where the base is, for sunrise and sunset. Groups that no answer can tell apart
        share a resolver. Raises ValueError for unknown zones.
        """
        schedule_id = self.governed.get(group_id)
        if schedule_id is None:
            return None
        key = (schedule_id, zone)
        resolver = self._resolvers.get(key)
        if resolver is None:
            resolver = self._resolvers[key] = Resolver(self.schedules[schedule_id], zone)
        return resolver

    def uses(self) -> list[Use]:
        """Every mode and setpoint of every schedule, once for each group that it governs."""
        return [
            Use(
                schedule.id,
                group_id,
                group_origin,
                setting.mode,
                setting.mode_origin,
                setting.setpoint_origins,
            )
            for schedule in self.schedules.values()
            for group_id, group_origin in schedule.governs.items()
            for setting in schedule.settings()
        ]
