"""What a schedule says, and what it answers.

All times are wall-clock times of the base. A question is asked with an aware instant, and is
answered from the *state* of the calendar at that instant, never from an event: a restart, a
missed tick or a clock jump needs no repair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from schedules.yamltext import Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """The one answer in force at an instant."""

    mode: str
    setpoints: Mapping[str, float]
    season: str
    reason: str
    """For people, without the place: `weekly mon-fri 07:30-18:00`, `exception Earth Hour`."""
    origin: Origin
    """The line that decided."""


@dataclass(frozen=True, slots=True)
class Change:
    """The next instant at which the answer differs, and what it will be."""

    time: datetime
    entry: Entry


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a preview: one answer from `start` to `end` (aware UTC)."""

    start: datetime
    end: datetime
    entry: Entry


@dataclass(frozen=True, slots=True)
class Library:
    """All schedules, seasons and calendars of a site."""

    schedules: Mapping[str, object] = field(default_factory=dict)
    governed: Mapping[str, str] = field(default_factory=dict)
    """Group id to schedule id."""
    holidays_known_until: date | None = None
