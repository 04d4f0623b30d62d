"""What schedules depend on beside the date: what people or the weather have switched.

A context is a value. Whoever keeps it (the runtime, a simulation, a preview that asks "what
if?") replaces it as a whole when something is switched, and makes new resolvers with it; within
one context every answer is again a function of the instant alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Place:
    """Where a base is, for sunrise and sunset. Degrees, north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class SeasonSpell:
    """From `start` (aware UTC) on, until the next spell of its set, this season."""

    start: datetime
    season: str
    reason: str
    """For people: `running mean 22.4 degC for 3 days`, `switched by wang: heating is off`."""


@dataclass(frozen=True, slots=True)
class OverlayLevel:
    """From `start` until `until` (aware UTC), an overlay that is switched by hand is at a level.

    `until` is the renewal date: the level ends there unless somebody renews it.
    """

    overlay: str
    level: str
    start: datetime
    until: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extension:
    """What the people of an area changed for a while: it runs longer, or not at all.

    Lies on top of the target's own schedule (exceptions included) and below every overlay.
    """

    id: int
    unit: str
    """The time unit of `time-units.yaml` that allowed it."""
    target: str
    """Group or equipment id."""
    start: datetime
    end: datetime
    mode: str
    setpoints: Mapping[str, float]
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Context:
    """Everything switched that is in force, past and planned."""

    seasons: Mapping[tuple[str, str], tuple[SeasonSpell, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """By season set and base, for sets switched by weather or by hand; in order of `start`.

    Before the first spell, and for sets without any, the set's own dates decide.
    """
    overlays: tuple[OverlayLevel, ...] = ()
    extensions: tuple[Extension, ...] = ()
    """In order of id; the later lies on top."""


NOTHING = Context()
