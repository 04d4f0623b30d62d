"""A plant from outside that goes in steps: its points, its commands and its end."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from drivers.plant import PlantEnded, PlantError, PlantPoint
from simulators.attached.mappings import PlantMapping
from simulators.attached.point_meaning import PointMeaning

_YEARS = 3
"""How far a run reaches whose end nobody named."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when a plant runs, and in which steps. Days are local standard time."""

    begin: datetime
    """In UTC: the midnight before the start, or the last whole step of that day before it."""
    end: datetime
    step: timedelta
    offset: timedelta
    """Local standard time less UTC."""
    last: date
    """The day after the last."""

    @classmethod
    def of(
        cls, start: datetime, until: str, step: timedelta, offset: timedelta, *, midnight: bool
    ) -> Span:
        """From `start` (aware) until a day (ISO), the end of the third year if empty.

        A step that ends at midnight is a step of every day. Raises ValueError.
        """
        if start.tzinfo is None:
            raise ValueError("the start has no time zone")
        local = start.astimezone(UTC) + offset
        first = local.date()
        last = date.fromisoformat(until) if until else date(first.year + _YEARS, 1, 1)
        if last <= first:
            raise ValueError(f"until {last} is not after the start, {first}")
        begin = _midnight(first) - offset
        if not midnight:
            begin += (start - begin) // step * step
        return cls(begin, _midnight(last) - offset, step, offset, last)

    def second_of_year(self, time: datetime) -> float:
        """Seconds since the local new year of a year of 365 days: a 29 February is the 28th."""
        local = time.astimezone(UTC) + self.offset
        if (local.month, local.day) == (2, 29):
            local -= timedelta(days=1)
        return (local.replace(year=2001) - datetime(2001, 1, 1, tzinfo=UTC)).total_seconds()


class SteppedPlant(ABC):
    """The plant that a mapping attaches: it steps from `span.begin`, and at its end says so.

    What makes it run is started at the first `advance`: what was never advanced leaves nothing.
    """

    def __init__(self, mapping: PlantMapping[Any, Any], span: Span) -> None:
        self._points: Mapping[str, PointMeaning] = mapping.points
        self._commanded = tuple(mapping.commanded.values())
        self._span = span
        self._time = span.begin
        self._commands: dict[str, float] = {}
        self._values = {name: point.at_rest for name, point in self._points.items()}
        self._view = MappingProxyType(self._values)
        self._begun = False
        self._over: PlantError | None = None

    def points(self) -> Sequence[PlantPoint]:
        return tuple(
            PlantPoint(name, point.unit, point.commands is not None)
            for name, point in self._points.items()
        )

    def read(self) -> Mapping[str, float]:
        """A live view; NaN before the first step, and for what nobody commands or measures."""
        return self._view

    def write(self, values: Mapping[str, float | None]) -> None:
        """Commands for the next step, all or none; None gives a point back to the plant.

        Raises KeyError for an unknown name, ValueError for one that cannot be written.
        """
        for name, value in values.items():
            if self._points[name].commands is None:
                raise ValueError(f"{name} cannot be written")
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} cannot be {value}")
        for name, value in values.items():
            point = self._points[name]
            if value is None:
                self._commands.pop(name, None)
            else:
                self._commands[name] = value
            if not point.shows:
                self._values[name] = point.at_rest if value is None else point.limited(value)

    def advance(self, until: datetime) -> datetime:
        """Simulate whole steps until `until` is reached.

        Raises PlantEnded after the last day, PlantError with what the plant says if it gives up.
        """
        if self._over is not None:
            raise self._over
        try:
            while self._time < until:
                if self._time >= self._span.end:
                    raise PlantEnded(f"the run of the plant ends on {self._span.last}")
                if not self._begun:
                    self._begun = True
                    self._begin()
                self._values.update(self._stepped(self._raw_commands()))
                self._time += self._span.step
        except PlantError as error:
            self._over = error
            self._stop()
            raise
        return self._time

    def close(self) -> None:
        self._stop()

    @abstractmethod
    def _begin(self) -> None:
        """Start what makes it run, and let it warm up; called once."""

    @abstractmethod
    def _stepped(self, commands: list[float | None]) -> Mapping[str, float]:
        """One step from `_time` on; what it shows then. `commands` in order of `commanded`."""

    @abstractmethod
    def _stop(self) -> None:
        """Leave nothing behind but what somebody has to look at, which `_over` tells; may be called
        again."""

    def _raw_commands(self) -> list[float | None]:
        raw: list[float | None] = []
        for names in self._commanded:
            asked = [
                self._points[name].raw(self._commands[name])
                for name in names
                if name in self._commands
            ]
            told = [value for value in asked if value is not None]
            raw.append(_shared(told, self._points[names[0]].share))
        return raw


def _shared(asked: list[float], rule: str | None) -> float | None:
    if not asked:
        return None
    if rule == "mean":
        return sum(asked) / len(asked)
    return max(asked) if rule == "highest" else min(asked)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
