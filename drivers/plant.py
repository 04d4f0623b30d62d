"""An in-process plant behind the same `Driver` protocol as the real links."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Protocol, Self, TypeAlias, runtime_checkable

from bms.texts.messages import Message, msg
from drivers.base import Write, WriteResult, WriteStatus
from drivers.memory import bad_sample, good_samples
from drivers.points import PlantAddress, Point, PointId, Sample

_Pick: TypeAlias = Callable[[Mapping[str, float]], Sequence[float]]
_NOT_FINITE = {
    word: msg("the plant gives {number}", number=float(word)) for word in ("nan", "inf", "-inf")
}
"""Made once: thousands of points may have no value at each read."""


class PlantError(Exception):
    """A plant cannot go on; the message says why, in a sentence."""


class PlantEnded(PlantError):
    """A plant has come to the end of what it can simulate: a run period, a recorded year."""


@dataclass(frozen=True, slots=True)
class PlantPoint:
    """One point a plant offers, by its own name; `unit` is canonical (kW, degC, ...)."""

    name: str
    unit: str = ""
    writable: bool = False


class Plant(Protocol):
    """A simulated plant, stepped by whoever runs it.

    Built as `Class(start=aware_datetime, **options)` with string options. That is done to look at
    its points as well: it is quick, and a plant that was never advanced leaves nothing behind.
    States (status, enable) are 0.0 or 1.0. Counters only rise. `write` of None releases a point.
    """

    def points(self) -> Sequence[PlantPoint]: ...

    def read(self) -> Mapping[str, float]: ...

    def write(self, values: Mapping[str, float | None]) -> None: ...

    def advance(self, until: datetime) -> datetime:
        """Simulate up to `until`; returns the time reached, which may be a later whole step.

        Raises PlantEnded where there is nothing more to simulate, PlantError if it cannot go on.
        """
        ...

    def close(self) -> None: ...


@runtime_checkable
class LongSteps(Protocol):
    """A plant that stays right when it is advanced by more than usual while nobody commands it."""

    @property
    def longest_step_s(self) -> float:
        """The longest such step, in seconds."""
        ...


class PlantDriver:
    """The points of an in-process plant; a sample's time is the plant's now.

    A point with a `PlantAddress` is the plant's point of that name. A point with any other
    address is the plant's point named like the point's id, so that all links of a site can be
    bound to one simulated plant. Values are the plant's floats, by the address's scale and offset.

    Whoever steps simulated time advances the plant himself. With `live`, each read advances it
    to now first, in a thread, so that a slow plant does not hold up the other links.
    """

    def __init__(
        self,
        plant: Plant,
        points: Iterable[Point],
        now: Callable[[], datetime],
        *,
        live: bool = False,
        shadow: bool = False,
    ) -> None:
        self._plant = plant
        self._live = live
        self._shadow = shadow
        self._points = tuple(points)
        self._by_id = {point.id: point for point in self._points}
        self._name = {point.id: _name(point) for point in self._points}
        self._now = now
        self._asked: tuple[PointId, ...] = ()
        self._names: list[str] = []
        self._pick: _Pick = _picker(self._names)
        self._scaled = {
            point.id: (point.address.scale, point.address.offset)
            for point in self._points
            if isinstance(point.address, PlantAddress)
            and (point.address.scale, point.address.offset) != (1.0, 0.0)
        }
        self._missing: dict[str, Message] = {}
        self._writable = {point.name: point.writable for point in plant.points()}

    @property
    def points(self) -> Sequence[Point]:
        return self._points

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """The plant belongs to whoever made it, and is closed there."""

    async def read(self, points: Sequence[PointId]) -> list[Sample]:
        ids = tuple(points)
        if ids != self._asked:
            self._asked, self._names = ids, [self._name[point] for point in ids]
            self._pick = _picker(self._names)
        time = self._now()
        try:
            if self._live:
                await asyncio.to_thread(self._plant.advance, time)
            read = self._plant.read()
        except Exception as error:
            failed = msg("the plant failed: {error}", error=error)
            return [bad_sample(point, time, failed) for point in ids]
        with suppress(KeyError, TypeError):  # it lacks a point, or has no value for one
            known = self._pick(read)
            if self._scaled:
                known = [
                    self._scaled_value(point, value)
                    for point, value in zip(ids, known, strict=True)
                ]
            if math.isfinite(sum(known)):
                return good_samples(ids, known, time)
        return [
            self._one(point, name, read.get(name), time)
            for point, name in zip(ids, self._names, strict=True)
        ]

    def _scaled_value(self, point: PointId, value: float) -> float:
        scale, offset = self._scaled.get(point, (1.0, 0.0))
        return value * scale + offset

    def _one(self, point: PointId, name: str, value: float | None, time: datetime) -> Sample:
        if value is None:
            return bad_sample(point, time, self._no_point(name))
        if not math.isfinite(value):
            return bad_sample(point, time, _NOT_FINITE[str(value)])
        return good_samples((point,), (self._scaled_value(point, value),), time)[0]

    def _no_point(self, name: str) -> Message:
        """Made once a name: a plant that lacks thousands of points is read each second."""
        found = self._missing.get(name)
        if found is None:
            found = self._missing[name] = msg("the plant has no point {name}", name=name)
        return found

    async def write(self, writes: Sequence[Write]) -> list[WriteResult]:
        points = [self._by_id[write.point] for write in writes]
        values: dict[str, float | None] = {}
        results = []
        for write, point in zip(writes, points, strict=True):
            refusal = self._refusal(write, point)
            if not refusal and not self._shadow:
                given = point.release_value if write.value is None else write.value
                scale, offset = self._scaled.get(point.id, (1.0, 0.0))
                values[self._name[point.id]] = (
                    None if given is None else (float(given) - offset) / scale
                )
            done = WriteStatus.SHADOW if self._shadow else WriteStatus.OK
            status = WriteStatus.REFUSED if refusal else done
            results.append(WriteResult(write.point, write.value, status, refusal))
        if values:
            try:
                self._plant.write(values)
            except Exception as error:
                return [
                    result
                    if result.status is WriteStatus.REFUSED
                    else WriteResult(
                        result.point,
                        result.value,
                        WriteStatus.REFUSED,
                        msg("the plant: {error}", error=error),
                    )
                    for result in results
                ]
        return results

    def _refusal(self, write: Write, point: Point) -> str:
        """Why the write cannot be done; empty if it can. A plant point can always be released."""
        name = self._name[point.id]
        if name not in self._writable:
            return self._no_point(name)
        if not (point.writable and self._writable[name]):
            return msg("the point is not writable")
        value = write.value
        if isinstance(value, str):
            return msg("{text!r} is not a number", text=value)
        if value is not None and not math.isfinite(value):
            return msg("{number} cannot be written", number=value)
        return ""


def _picker(names: Sequence[str]) -> _Pick:
    """All values of a read at once: half of what a look-up each costs."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


def _name(point: Point) -> str:
    return point.address.name if isinstance(point.address, PlantAddress) else point.id
