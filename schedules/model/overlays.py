"""Overlays: what lies on top of schedules for a while, each with its own cause.

An overlay is either at one of its levels because somebody set it (epidemic ventilation, until a
renewal date), or in force on certain days and hours (demand limit, holiday shut-down). It gives
its targets a mode, setpoints, or both; where several give the same, the one declared later wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bms.texts.problems import Origin
from schedules.model.calendar import Calendar, Span

OFF = "off"
"""The level of an overlay that gives nothing; every overlay switched by hand has it."""
IN_FORCE = "on"
"""The only level of an overlay that is in force by itself."""


@dataclass(frozen=True, slots=True)
class Giving:
    """What a level gives to its targets."""

    targets: Mapping[str, Origin]
    """Group and equipment ids and selections, as written, and where each is."""
    mode: str | None
    """None: the mode stays whatever it is."""
    setpoints: Mapping[str, float]
    origin: Origin
    mode_origin: Origin
    setpoint_origins: Mapping[str, Origin]
    while_mode: str | None = None
    """Only while the schedule has this mode; None: at all times."""
    after_min: int = 0
    """And this many minutes after it: fresh air goes on when people have gone."""
    chosen: Mapping[str, str] = field(default_factory=dict)
    """The governed ids that `targets` stand for, each with the text that selects it."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """When an overlay is in force by itself: on these days, between these times."""

    name: str
    spans: tuple[Span, ...]
    """Empty with no calendar: on all days."""
    calendar: Calendar | None
    kind: str
    weekdays: frozenset[int]
    """0-6; all seven if none is written."""
    start: int
    """Minutes of the day, 0-1439."""
    end: int
    """Over 1440 on the next day."""
    origin: Origin


@dataclass(frozen=True, slots=True)
class Overlay:
    """One overlay with its levels."""

    id: str
    title: Mapping[str, str]
    levels: Mapping[str, tuple[Giving, ...]]
    """`off` is not in here: it gives nothing. `on` if it is in force on occasions."""
    occasions: tuple[Occasion, ...]
    """Empty: it is switched by hand."""
    renew_days: int
    """The longest that a level set by hand lasts unless somebody renews it."""
    origin: Origin

    @property
    def by_hand(self) -> bool:
        return not self.occasions


@dataclass(frozen=True, slots=True)
class Given:
    """One value that an overlay gives."""

    value: str | float
    overlay: str
    level: str
    reason: str
    """For people: `epidemic full until 2026-03-01 by wang: case in hall 2`."""
    origin: Origin
    until: datetime | None
    """When the level ends by itself; None if it is in force on occasions."""


@dataclass(frozen=True, slots=True)
class OverlayEntry:
    """What all overlays together give to one target at an instant."""

    mode: Given | None
    """None: none of them gives a mode."""
    setpoints: Mapping[str, Given]
    beaten: tuple[tuple[str, Given], ...] = ()
    """What other overlays gave for the same, the nearest first: (`mode` or setpoint, value)."""
