"""What people have done to single machines: locked out for maintenance, reset. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Lock:
    """A machine that must not run, until the lock is taken off by hand. Has no end."""

    id: int
    machine: str
    """`<base>.<name>`."""
    start: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reset:
    """A machine that may be used again, though it had been latched."""

    id: int
    """Greater than those of earlier resets."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Interventions:
    """Everything of the kind that is in force."""

    locks: tuple[Lock, ...] = ()
    """The oldest first; one for each machine at most."""
    resets: Mapping[str, Reset] = field(default_factory=dict)
    """The last reset of each machine."""


NO_INTERVENTIONS = Interventions()
