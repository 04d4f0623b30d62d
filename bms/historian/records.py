"""What history keeps: the rows that go in and the rows that come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bms.energy.ledger import Reading
from bms.equipment import PointClass
from bms.instants import EPOCH as EPOCH
from bms.instants import from_ms as from_ms
from bms.instants import to_ms as to_ms
from bms.model import Award, Severity
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
    """From `time` on, `point` has this award; None: nothing commands it any more."""

    point: PointId
    time: datetime
    award: Award | None


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Something that happened to an alarm: `kind` is raised, cleared, acknowledged and so on."""

    key: str
    severity: Severity
    text: str
    kind: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything of one commit. `series` and `meters` declare points before their first use."""

    samples: Sequence[Sample] = ()
    awards: Sequence[AwardRow] = ()
    alarms: Sequence[AlarmRow] = ()
    readings: Sequence[Reading] = ()
    series: Sequence[Series] = ()
    meters: Sequence[Meter] = ()

    def without_samples(self) -> Batch:
        """The part that is never given up: readings, awards, alarms and declarations."""
        return replace(self, samples=())

    def joined(self, later: Batch) -> Batch:
        """This batch with a later one after it, as one commit."""
        return Batch(
            (*self.samples, *later.samples),
            (*self.awards, *later.awards),
            (*self.alarms, *later.alarms),
            (*self.readings, *later.readings),
            (*self.series, *later.series),
            (*self.meters, *later.meters),
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
