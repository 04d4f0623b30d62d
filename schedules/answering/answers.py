"""What a schedule answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bms.texts.problems import Origin


@dataclass(frozen=True, slots=True)
class Layer:
    """Something else that a schedule has for an instant, and that lost."""

    mode: str
    setpoints: Mapping[str, float]
    reason: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Entry:
    """The one answer in force at an instant."""

    mode: str
    setpoints: Mapping[str, float]
    season: str
    """The season of the day whose programme decided; `any` if the schedule has no seasons."""
    reason: str
    """For people, without the place: `weekly mon-fri 07:30-18:00 (summer)`."""
    origin: Origin
    """The line that decided."""
    beaten: tuple[Layer, ...] = field(default=(), compare=False)
    """What it lies on, the nearest first: an exception on the week, the week on `otherwise`.

    Entries that differ only in what they have beaten are equal: no change for anybody. In a
    `Change` or a `Stretch` this is as of the beginning.
    """


@dataclass(frozen=True, slots=True)
class Change:
    """The next instant (aware UTC) at which the answer differs, and what it will be."""

    time: datetime
    entry: Entry


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a preview: one answer from `start` until just before `end` (aware UTC)."""

    start: datetime
    end: datetime
    entry: Entry
