"""What history keeps: the rows that go in and the rows that come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from bms.core.decisions import Award, Severity
from bms.core.equipment import PointClass
from bms.core.instants import EPOCH as EPOCH
from bms.core.instants import from_ms as from_ms
from bms.core.instants import to_ms as to_ms
from bms.core.readings import Reading
from drivers.points import PointId, Sample, Value


@dataclass(frozen=True, slots=True)
class Series:
    """What history knows about a point besides its values."""

    point: PointId
    unit: str = ""
    klass: PointClass = PointClass.ANALOG


@dataclass(frozen=True, slots=True)
class Meter:
    """An energy register. Its readings are whole counts of `resolution` kWh."""

    point: PointId
    base: str
    resolution: Decimal


@dataclass(frozen=True, slots=True)
class AwardRow:
    """From `time` on, `point` has this award; None: nothing commands it now."""

    point: PointId
    time: datetime
    award: Award | None
    held_since: datetime | None = None
    """Where a minimum time wins: when it began."""
    sent: bool | None = None
    """Of an output: False if its link was in shadow mode. None: no output, or recorded by a version
    that did not note it."""


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Something that happened to an alarm: `kind` is raised, cleared, acknowledged and so on."""

    key: str
    severity: Severity
    text: str
    kind: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Dropped:
    """Samples that are gone, and why: what queries show as a gap that has a cause.

    `group` is the class of points, or `all`; `start` and `end` are the first and last sample.
    """

    time: datetime
    """When they were given up."""
    group: str
    start: datetime
    end: datetime
    samples: int
    bytes: int
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything of one commit. `series` and `meters` declare points before their first use."""

    samples: Sequence[Sample] = ()
    awards: Sequence[AwardRow] = ()
    alarms: Sequence[AlarmRow] = ()
    readings: Sequence[Reading] = ()
    series: Sequence[Series] = ()
    meters: Sequence[Meter] = ()
    alive: datetime | None = None
    """The newest cycle in it: until then everything was recorded that there was to record."""
    begun: datetime | None = None
    """Set in a recorder's first batch: its first cycle. What was held before is no longer known."""
    dropped: Sequence[Dropped] = ()
    """What had to be given up before it was stored."""

    def without_samples(self) -> Batch:
        """The part that is never given up: readings, awards, alarms and declarations."""
        return replace(self, samples=())

    def shifted(self, by: timedelta) -> Batch:
        """The same, `by` later: as a clock that has been set since should have shown."""
        return replace(
            self,
            samples=[s._replace(time=s.time + by) for s in self.samples],
            awards=[replace(a, time=a.time + by) for a in self.awards],
            alarms=[replace(a, time=a.time + by) for a in self.alarms],
            readings=[r._replace(time=r.time + by) for r in self.readings],
            alive=None if self.alive is None else self.alive + by,
            begun=None if self.begun is None else self.begun + by,
        )

    def noting(self, dropped: Sequence[Dropped]) -> Batch:
        """This batch with a note of what was given up."""
        return replace(self, dropped=(*self.dropped, *dropped))

    def joined(self, later: Batch) -> Batch:
        """This batch with a later one after it, as one commit."""
        return Batch(
            (*self.samples, *later.samples),
            (*self.awards, *later.awards),
            (*self.alarms, *later.alarms),
            (*self.readings, *later.readings),
            (*self.series, *later.series),
            (*self.meters, *later.meters),
            later.alive or self.alive,
            self.begun or later.begun,
            (*self.dropped, *later.dropped),
        )


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row of the log as a sink takes it: four columns of equal length, in recorded order.

    `damage` is set, and the columns are empty, when the row no longer reads back as written.
    """

    seq: int
    points: Sequence[PointId] = ()
    times_ms: Sequence[int] = ()
    values: Sequence[Value | None] = ()
    qualities: Sequence[int] = ()
    damage: str = ""
