"""Decides what of each cycle is recorded: trends, changes, and meter readings at quarter hours.

Pure: no clock, no disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from bms.config.points import point_class
from bms.config.site import Site
from bms.control.engine.shadowed import shadowed
from bms.core.decisions import Award, FactKind, Severity
from bms.core.equipment import PointClass
from bms.core.readings import Reading
from bms.historian.recording.award_thinning import AwardThinning
from bms.historian.recording.meter_edges import EDGE_TOLERANCE_S, MeterEdges
from bms.historian.recording.trend_samples import TrendSamples
from bms.historian.records import (
    AlarmRow,
    AwardRow,
    Batch,
    Meter,
    Series,
)
from drivers.points import ModbusAddress, OpcUaAddress, Point, PointId, Sample

SAY_ALIVE = timedelta(minutes=1)


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
    """Every point of the site's links, and what controllers work out, with unit and class."""
    facts = [Series(point, kind.unit, _class_of(kind)) for point, kind in site.facts.items()]
    return facts + [
        Series(
            point.id,
            point.unit,
            PointClass.EVENT if _is_text(point) else point_class(site, point.id),
        )
        for link in site.links.values()
        for point in link.points
    ]


def _class_of(kind: FactKind) -> PointClass:
    if kind.text:
        return PointClass.EVENT
    return PointClass.STATE if kind.state else PointClass.ANALOG


def _is_text(point: Point) -> bool:
    address = point.address
    return isinstance(address, ModbusAddress | OpcUaAddress) and address.is_text


def meters_of(site: Site) -> list[Meter]:
    """Every counter; the resolution is the decimal that the site or the device file states."""
    return [
        Meter(m.point, m.base, Decimal(repr(float(m.resolution)))) for m in site.meters.values()
    ]


def _thinning(site: Site) -> AwardThinning:
    """For a site's awards: those of its states are all recorded."""
    units = {point.id: point.unit for link in site.links.values() for point in link.points}
    states = {p for p in site.outputs if point_class(site, p) is not PointClass.ANALOG}
    return AwardThinning(units, states)


def _sent(site: Site) -> dict[PointId, bool]:
    """Of every output whether its commands leave: not on a link in shadow mode."""
    shadow = shadowed(site)
    silent = frozenset(() if shadow is None else shadow.outputs)
    return {point: point not in silent for point in site.outputs}


class Recorder:
    """Takes every cycle with `offer`, gives a batch for the history with `take` or `flush`.

    Stored are: analog points every `trend_s` on the wall clock's grid; states when they change;
    any point when its quality changes; award changes, those of loops once a minute, and alarm
    events; and of each meter the first good register at or after each quarter hour. A sample keeps
    its own time, except that a STALE or BAD one is stored at the cycle that found it so. Registers
    that are not GOOD never become readings. Each batch says until when everything was recorded,
    once a minute also when there is nothing else to say.
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
        self._series = series_of(site)
        self._meters = meters_of(site)
        self._sent = _sent(site)
        self._thinning = _thinning(site)
        self._declared = False
        self._trends = TrendSamples(self._series, trend_s)
        self._edges = MeterEdges(self._meters, edge_tolerance_s)
        self._begun: datetime | None = None
        self._alive: datetime | None = None
        self._said_alive: datetime | None = None
        self._first: datetime | None = None
        self._samples: list[Sample] = []
        self._awards: list[AwardRow] = []
        self._alarms: list[AlarmRow] = []
        self._readings: list[Reading] = []

    def renew(self, site: Site) -> None:
        """Go on with other equipment, after what was recorded so far was taken."""
        self._series = series_of(site)
        self._meters = meters_of(site)
        self._sent = _sent(site)
        self._thinning = _thinning(site)
        self._declared = False
        self._trends = TrendSamples(self._series, self._trend_s)
        self._edges.renew(self._meters)

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
        self._record(time, self._thinning.recorded(time, award_changes))
        for event in alarms:
            row = AlarmRow(event.key, event.severity, event.text, event.kind, event.time)
            self._alarms.append(row)
        self._samples += self._trends.offer(time, samples)
        self._readings += self._edges.offer(time, samples)

    def _record(self, time: datetime, changes: Iterable[AwardChange]) -> None:
        for change in changes:
            sent = self._sent.get(change.point)
            self._awards.append(AwardRow(change.point, time, change.award, change.held_since, sent))

    def last(self) -> Batch | None:
        """Everything, also what small steps of loops have led to: nothing comes after it."""
        if self._alive is not None:
            self._record(self._alive, self._thinning.rest())
        return self.flush()

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
