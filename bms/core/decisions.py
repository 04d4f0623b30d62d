"""Types that the whole controller shares: commands, awards, snapshots, controllers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Final, Generic, Protocol, TypeVar

from bms.texts.messages import Message
from drivers.points import PointId, Quality, Sample, Value

_GOOD: Final = Quality.GOOD


class Priority(IntEnum):
    """Slots of the sixteen-slot priority array; the lowest number wins (ASHRAE 135, 19.2)."""

    LIFE_SAFETY_MANUAL = 1
    LIFE_SAFETY = 2
    EQUIPMENT = 5
    MIN_ON_OFF = 6
    RESTART = 7
    OPERATOR = 8
    DEMAND = 9
    SEQUENCE = 10
    OVERLAY = 12
    OPTIMISER = 14
    SCHEDULE = 15
    DEFAULT = 16


class Stage(IntEnum):
    """Controllers run in this order; each stage sees the awards of the stages before it.

    What stands above them all is seen by every stage as of the cycle before: minimum times, and
    what PROTECT commanded.
    """

    SUPERVISE = 1
    """Schedules, seasons, overlays, operators, defaults: modes and set points of groups."""
    PLAN = 2
    """Requests, resets, limits, staging targets: set points of groups, and facts."""
    SEQUENCE = 3
    """Strategies: the equipment."""
    PROTECT = 4
    """Safety, restart, limits of starts: over what the others want of the equipment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What one controller wants of one point, and why.

    `source` is the controller's name; `reason` is a sentence for people and names the file and
    line where one decided (`on: weekly mon-fri 07:30-18:00, schedules/ahu.yaml:12`).
    A command with `expires` at or before now counts as absent.
    """

    point: PointId
    value: Value
    priority: Priority
    source: str
    reason: str
    expires: datetime | None = None
    beaten: tuple[Command, ...] = ()
    """What the same source has for the point beside this, the nearest first: the week under an
    exception. The arbiter lists them among the losers; the commands of an award have none."""


@dataclass(frozen=True, slots=True)
class Award:
    """What a point gets: the winning command and every loser, in priority order."""

    winner: Command
    losers: tuple[Command, ...] = ()

    @property
    def point(self) -> PointId:
        return self.winner.point

    @property
    def value(self) -> Value:
        return self.winner.value


class Severity(IntEnum):
    """Alarm levels of Guideline 36: 1 life safety to 4 normal."""

    LIFE_SAFETY = 1
    CRITICAL = 2
    URGENT = 3
    NORMAL = 4


@dataclass(frozen=True, slots=True)
class Condition:
    """Something abnormal that holds now. `key` identifies it for as long as it holds."""

    key: str
    """For example `binjiang.ch-1:proof`."""
    severity: Severity
    text: Message


@dataclass(frozen=True, slots=True)
class Steady:
    """What a clock that nobody sets shows: seconds since the machine began, and which boot of it
    that was. Seconds of different boots say nothing about each other."""

    boot: str
    s: float


@dataclass(frozen=True, slots=True)
class Fact:
    """What a controller works out, for everybody to see: a load, a count of requests, a limit.

    It is a sample of the next cycle, with quality and history like any other point. A controller
    publishes all its facts in each decision; one that it leaves out has no value from then on.
    """

    point: PointId
    value: Value | None
    """None with a quality that is not GOOD only."""
    quality: Quality = Quality.GOOD
    detail: str = ""
    """Why it is not GOOD."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The process image of one cycle: what is known at `time`. Frozen for the whole cycle."""

    time: datetime
    samples: Mapping[PointId, Sample]
    awards: Mapping[PointId, Award] = field(default_factory=dict)
    """Awards in force, including those that earlier stages made in this cycle."""
    steady_s: float = 0.0
    """Seconds by a clock that nobody sets; it goes on over restarts of the controller, and over
    boots without the time in between, of which nobody knows. Never goes back."""
    watched_s: float = 0.0
    """Seconds that the controller has looked on, over its whole life: what a delay is measured
    in. A stop of the controller, a jump of the clock and a boot add nothing."""
    boot: str = ""
    """Which boot of the machine `steady_s` was last continued in."""

    # Asked hundreds of times in a cycle: each of the three goes straight to the sample.

    def good(self, point: PointId) -> Value | None:
        """The value if its quality is GOOD, else None."""
        sample = self.samples.get(point)
        return sample[1] if sample is not None and sample[2] is _GOOD else None

    def number(self, point: PointId) -> float | None:
        """The good value as a float; None if it is missing, bad or text."""
        sample = self.samples.get(point)
        if sample is None or sample[2] is not _GOOD:
            return None
        value = sample[1]
        return None if value is None or isinstance(value, str) else float(value)

    def flag(self, point: PointId) -> bool | None:
        """The good value as on/off; None if it is missing, bad or text."""
        sample = self.samples.get(point)
        if sample is None or sample[2] is not _GOOD:
            return None
        value = sample[1]
        return None if value is None or isinstance(value, str) else value != 0


S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """What a controller wants this cycle. A point not commanded is relinquished.

    Returning the same `commands` tuple object as last cycle costs the engine nothing. A decision
    with `depends_on` stands, and its controller is not asked, until one of these points changes
    its value, quality or award, or one of the two times has come.
    """

    commands: tuple[Command, ...]
    state: S
    conditions: tuple[Condition, ...] = ()
    facts: tuple[Fact, ...] = ()
    stands_until: datetime | None = None
    """By the clock on the wall: when a schedule changes."""
    stands_until_s: float | None = None
    """By `Snapshot.watched_s`: when a delay has passed."""
    depends_on: frozenset[PointId] | None = None
    """None: it is asked in every cycle."""


ON_NOTHING: frozenset[PointId] = frozenset()
"""For a decision that stands on times only."""


@dataclass(frozen=True, slots=True)
class FactKind:
    """What a fact means: its unit, and how history treats it."""

    unit: str = ""
    state: bool = False
    """On or off: kept when it changes; else a number, kept at intervals."""
    text: bool = False
    """A word: kept when it changes."""


class Controller(Protocol[S]):
    """Everything that commands: schedules, strategies, operators, safeties. Pure.

    One controller has one priority; two may not claim the same (point, priority).
    `state` is a frozen dataclass of plain values (or None): it is saved and restored.
    """

    @property
    def name(self) -> str: ...
    @property
    def stage(self) -> Stage: ...
    @property
    def priority(self) -> Priority: ...
    @property
    def reads(self) -> frozenset[PointId]: ...
    @property
    def writes(self) -> frozenset[PointId]: ...

    def initial(self) -> S: ...

    def decide(self, snapshot: Snapshot, state: S, now: datetime) -> Decision[S]: ...


@dataclass(frozen=True, slots=True)
class OutputRules:
    """How one commandable point is protected, and what it gets when the controller stops."""

    min_on_s: float = 0.0
    min_off_s: float = 0.0
    tolerance: float = 0.0
    """Largest difference between the value written and read back that still confirms it."""
    refresh_s: float | None = None
    """Write again after this long even if nothing changed (for devices with a watchdog)."""
    release_on_stop: bool = False
    """At shutdown: True releases the point, False holds its last value."""
    number: bool = False
    """It takes numbers, which a device may clamp and keep in memory that wears; no on and off."""
    whole: bool = False
    """Its register holds whole numbers, and a fraction of its unit matters."""


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's command (slot 8). Always has an end, an owner and a reason."""

    id: int
    point: PointId
    value: Value
    start: datetime
    until: datetime
    reason: str
    owner: str
