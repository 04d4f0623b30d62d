"""Decides what of each cycle is recorded: trends, changes, and meter readings at quarter hours.

Pure bookkeeping over what the engine hands it: no clock, no disk. In a cycle where nothing is
due it compares two lists and returns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from operator import itemgetter
from typing import Protocol

from bms.config.points import point_class
from bms.config.site import Site
from bms.core.decisions import Award, Severity
from bms.core.equipment import PointClass
from bms.core.readings import Reading
from bms.historian.records import (
    EPOCH,
    AlarmRow,
    AwardRow,
    Batch,
    Meter,
    Series,
    from_ms,
    to_ms,
)
from drivers.points import ModbusAddress, Point, PointId, Quality, Sample, Value

QUARTER_MS = 900_000
"""Meters are read at the quarter hours of UTC, which are those of every time zone in use."""
EDGE_TOLERANCE_S = 60.0
"""A reading this short after a quarter hour counts as the reading of that quarter hour."""
CLOCK_SET_BACK_QUARTERS = 96
"""A clock that was ahead by up to a day costs the readings of that time; by more, it was lost."""
STATE_REPEAT_S = 86_400.0
"""States are stored on change, and once a day, which bounds how far back a reader must look."""
SAY_ALIVE = timedelta(minutes=1)
AHEAD = timedelta(minutes=5)
"""A register read this far ahead of the cycle was stamped by a clock that was wrong."""
COUNTS_LIMIT = 2**62
"""No register holds this much: one that shows it is booting or broken (and SQLite ends at 2^63)."""
EXACT_COUNTS = 2**40
"""Below this a float division is right to a thousandth of a count; above it fractions are used."""

_VALUE, _QUALITY = itemgetter(1), itemgetter(2)


class AwardChange(Protocol):
    """What the engine reports when a point's award changes; None: nobody commands it now."""

    @property
    def point(self) -> PointId: ...
    @property
    def award(self) -> Award | None: ...
    @property
    def held_since(self) -> datetime | None: ...


class AlarmEvent(Protocol):
    """What the engine reports when something happens to an alarm."""

    @property
    def key(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def time(self) -> datetime: ...


def series_of(site: Site) -> list[Series]:
    """Every point of the site's links, with unit and class."""
    return [
        Series(
            point.id,
            point.unit,
            PointClass.EVENT if _is_text(point) else point_class(site, point.id),
        )
        for link in site.links.values()
        for point in link.points
    ]


def _is_text(point: Point) -> bool:
    address = point.address
    return isinstance(address, ModbusAddress) and (address.type == "string" or bool(address.labels))


def meters_of(site: Site) -> list[Meter]:
    """Every counter; the resolution is the decimal that the site or the device file states."""
    return [
        Meter(m.point, m.base, Decimal(repr(float(m.resolution)))) for m in site.meters.values()
    ]


class Recorder:
    """Takes every cycle with `offer`, gives a batch for the history with `take` or `flush`.

    Stored are: analog points every `trend_s` on the wall clock's grid; states when they change;
    any point when its quality changes; award changes and alarm events; and of each meter the
    first good register at or after each quarter hour. A sample keeps its own time, except that a
    STALE or BAD one is stored at the cycle that found it so. Registers that are not GOOD never
    become readings. Each batch says until when everything was recorded, once a minute also when
    there is nothing else to say.
    """

    def __init__(
        self,
        site: Site,
        *,
        trend_s: float,
        commit_s: float,
        edge_tolerance_s: float = EDGE_TOLERANCE_S,
        events_at_once: bool = False,
    ) -> None:
        """`events_at_once`: a cycle with an award or alarm is committed without waiting for others,
        so that a power cut cannot take the reason of what machines were already told."""
        self._events_at_once = events_at_once
        self._trend_s = trend_s
        self._commit = timedelta(seconds=commit_s)
        self._tolerance_ms = round(edge_tolerance_s * 1000)
        self._series = series_of(site)
        self._meters = meters_of(site)
        self._declared = False
        self._resolutions = {
            meter.point: (float(meter.resolution), Fraction(meter.resolution))
            for meter in self._meters
        }
        states = [s.point for s in self._series if s.klass in (PointClass.STATE, PointClass.EVENT)]
        analogs = [s.point for s in self._series if s.klass is PointClass.ANALOG]
        counters = [s.point for s in self._series if s.klass is PointClass.COUNTER]
        self._all = [*states, *analogs, *counters]
        self._state_points = frozenset(states)
        self._analog_points = frozenset(analogs)
        self._plan: _Plan | None = None
        self._values: list[Value | None] = []
        self._qualities: list[object] = []
        self._stored_times: dict[PointId, datetime] = {}
        self._trend_slot: int | None = None
        self._state_slot: int | None = None
        self._cycle_quarter: int | None = None
        self._read_quarters: dict[PointId, int] = {}
        self._unread: list[PointId] = []
        self._edge_time = 0, EPOCH
        self._begun: datetime | None = None
        self._alive: datetime | None = None
        self._said_alive: datetime | None = None
        self._first: datetime | None = None
        self._samples: list[Sample] = []
        self._awards: list[AwardRow] = []
        self._alarms: list[AlarmRow] = []
        self._readings: list[Reading] = []

    def offer(
        self,
        time: datetime,
        samples: Mapping[PointId, Sample],
        award_changes: Iterable[AwardChange] = (),
        alarms: Iterable[AlarmEvent] = (),
    ) -> None:
        """Take one cycle: its time, the process image, and what changed in it."""
        if self._begun is None:
            self._begun = time
        if self._alive is None:
            self._first = time
        self._alive = time
        for change in award_changes:
            self._awards.append(AwardRow(change.point, time, change.award, change.held_since))
        for event in alarms:
            row = AlarmRow(event.key, event.severity, event.text, event.kind, event.time)
            self._alarms.append(row)
        self._take_samples(time, samples)
        quarter = to_ms(time) // QUARTER_MS
        if quarter != self._cycle_quarter:
            self._cycle_quarter = quarter
            self._unread = list(self._resolutions)
        if self._unread:
            self._unread = [p for p in self._unread if not self._read(time, samples.get(p))]

    def take(self, now: datetime) -> Batch | None:
        """The batch to commit, once `commit_s` has passed since its first cycle; else None."""
        if self._events_at_once and (self._awards or self._alarms):
            return self.flush()
        if self._begun is None or timedelta(0) <= now - self._begun < self._commit:
            return None  # a batch begun after `now` is taken: the clock was set back
        return self.flush()

    def flush(self) -> Batch | None:
        """Everything not yet taken; None if there is nothing."""
        self._begun = None
        alive, said = self._alive, self._said_alive
        quiet = alive is None or (said is not None and abs(alive - said) < SAY_ALIVE)
        if quiet and not (self._samples or self._awards or self._alarms or self._readings):
            return None
        batch = Batch(
            self._samples,
            self._awards,
            self._alarms,
            self._readings,
            () if self._declared else self._series,
            () if self._declared else self._meters,
            alive,
            self._first,
        )
        self._declared = True
        self._said_alive, self._first = alive, None
        self._samples, self._awards, self._alarms, self._readings = [], [], [], []
        return batch

    # --- trends and changes ------------------------------------------------------------------

    def _take_samples(self, time: datetime, samples: Mapping[PointId, Sample]) -> None:
        plan = self._plan
        if plan is None or plan.size != len(samples):
            plan = self._replan(samples)
        try:
            found = plan.pick(samples)
        except KeyError:  # as many points as before, but others
            plan = self._replan(samples)
            found = plan.pick(samples)
        qualities: list[object] = list(map(_QUALITY, found))
        values = list(map(_VALUE, found[: plan.states]))
        changed: set[int] = set()
        if qualities != self._qualities:
            changed.update(i for i, q in enumerate(qualities) if q is not self._qualities[i])
        if values != self._values:
            changed.update(i for i, v in enumerate(values) if not _same(v, self._values[i]))
        self._qualities, self._values = qualities, values
        changed.update(self._due(time, plan, len(found)))
        for i in sorted(changed):
            self._store(time, found[i], analog=i >= plan.states)

    def _replan(self, samples: Mapping[PointId, Sample]) -> _Plan:
        old = self._plan
        known: dict[PointId, object] = (
            dict(zip(old.points, self._qualities, strict=True)) if old else {}
        )
        values = dict(zip(old.points[: old.states], self._values, strict=True)) if old else {}
        points = [point for point in self._all if point in samples]
        states = sum(1 for point in points if point in self._state_points)
        plan = self._plan = _Plan(points, states, len(samples))
        # A point seen for the first time differs from everything: it is stored at once.
        self._qualities = [known.get(point, _UNSEEN) for point in points]
        self._values = [values.get(point) for point in points[:states]]
        return plan

    def _due(self, time: datetime, plan: _Plan, count: int) -> Iterable[int]:
        seconds = time.timestamp()
        due: list[int] = []
        state_slot = int(seconds // STATE_REPEAT_S)
        if state_slot != self._state_slot:
            self._state_slot = state_slot
            due += range(plan.states)
        trend_slot = int(seconds // self._trend_s)
        if trend_slot != self._trend_slot:
            self._trend_slot = trend_slot
            due += [i for i in range(plan.states, count) if plan.points[i] in self._analog_points]
        return due

    def _store(self, time: datetime, sample: Sample, *, analog: bool) -> None:
        if sample.quality is not Quality.GOOD:
            # Its own time is that of the last good value, which is stored already.
            self._samples.append(sample._replace(time=time))
            self._stored_times.pop(sample.point, None)
        elif not analog or self._stored_times.get(sample.point) != sample.time:
            self._samples.append(sample)
            if analog:
                self._stored_times[sample.point] = sample.time

    # --- meters ------------------------------------------------------------------------------

    def _read(self, now: datetime, sample: Sample | None) -> bool:
        """Make a reading of a register if it belongs to a new quarter hour."""
        if sample is None or sample.quality is not Quality.GOOD or sample.time > now + AHEAD:
            return False
        value = sample.value
        if value is None or isinstance(value, str) or not isfinite(value):
            return False
        ms = to_ms(sample.time)
        quarter = ms // QUARTER_MS
        last = self._read_quarters.get(sample.point)
        if last is not None and last - CLOCK_SET_BACK_QUARTERS <= quarter <= last:
            # Read already; or the clock was set back, and a register read among older readings
            # would be a step up and a step back that never were: the ledger would invent energy.
            return False
        counts = self._counts(sample.point, value)
        if abs(counts) >= COUNTS_LIMIT:
            return False
        self._read_quarters[sample.point] = quarter
        edge = quarter * QUARTER_MS
        time = self._edge(quarter) if ms - edge <= self._tolerance_ms else sample.time
        self._readings.append(Reading(sample.point, time, counts))
        return True

    def _edge(self, quarter: int) -> datetime:
        known, time = self._edge_time
        if known != quarter:  # all meters of a quarter hour share one time
            time = from_ms(quarter * QUARTER_MS)
            self._edge_time = quarter, time
        return time

    def _counts(self, point: PointId, value: float) -> int:
        rough, exact = self._resolutions[point]
        counts = value / rough
        if abs(counts) < EXACT_COUNTS:
            return round(counts)
        return round(Fraction(value) / exact)


class _Plan:
    """Which points of the process image to look at, states first."""

    __slots__ = ("_get", "points", "size", "states")

    def __init__(self, points: list[PointId], states: int, size: int) -> None:
        self.points = points
        self.states = states
        self.size = size
        self._get = itemgetter(*points) if len(points) > 1 else None

    def pick(self, samples: Mapping[PointId, Sample]) -> Sequence[Sample]:
        if self._get is not None:
            found: Sequence[Sample] = self._get(samples)
            return found
        return [samples[point] for point in self.points]


_UNSEEN: object = object()


def _same(new: Value | None, old: Value | None) -> bool:
    return new == old or (new != new and old != old)
