"""The demo park: three industrial bases behind the `Plant` protocol."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from drivers.plant import PlantPoint
from simulators.activity import WorkCalendar
from simulators.parks.board import Board
from simulators.parks.demo.binjiang import Binjiang
from simulators.parks.demo.chongqing import Chongqing
from simulators.parks.demo.surroundings import Base, Step
from simulators.parks.demo.tonglu import Tonglu
from simulators.weather import CHONGQING, Conditions, EpwWeather, GeneratedWeather, Weather

_LONGEST_STEP_S = 1800.0
"""Longer advances are cut into steps of this length: weather and people change meanwhile.

Measured over 20 July days: meters differ by at most 0.3 % from steps of 300 s."""
_LONGEST_RIGHT_STEP_S = 900.0
_UTC_OFFSET_S = 8 * 3600.0
"""China has one time and no summer time."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GROWTH_ORIGIN_S = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
_YEAR_S = 365.2425 * 86400.0
_STATE_VERSION = 1


class Park:
    """Binjiang, Tonglu and Chongqing, from `start` (aware).

    Options (text): `seed` of the weather, `weather` an EPW file used for all bases instead,
    `state` a file to continue from, if it exists, and to save to on `close`; its time then
    replaces `start`. Raises ValueError for an unusable option or file, OSError if one cannot be
    read. Point names are the point ids of the site in `site/`.
    """

    def __init__(
        self, start: datetime, seed: str = "1", weather: str = "", state: str = ""
    ) -> None:
        if start.tzinfo is None:
            raise ValueError("the park's start has no time zone")
        self._time = start.astimezone(UTC)
        self._board = Board()
        self._calendar = WorkCalendar()
        east: Weather
        west: Weather
        if weather:
            east = west = EpwWeather(weather)
        else:
            east = GeneratedWeather(seed)
            west = GeneratedWeather(f"{seed} west", CHONGQING)
        self._weathers = (east, west)
        binjiang, tonglu, chongqing = (
            Binjiang(self._board),
            Tonglu(self._board),
            Chongqing(self._board),
        )
        self._binjiang, self._tonglu = binjiang, tonglu
        self._east: tuple[Base, ...] = (binjiang, tonglu)
        self._west: tuple[Base, ...] = (chongqing,)
        self._bases: dict[str, Base] = {
            "binjiang": binjiang,
            "tonglu": tonglu,
            "chongqing": chongqing,
        }
        self._view = MappingProxyType(self._board.values)
        self._state = Path(state) if state else None
        if self._state is not None and self._state.exists():
            self._load(self._state)
        self._begun = self._time
        self._before = tuple(w.at(self._time) for w in self._weathers)
        self._show_weather()

    @property
    def longest_step_s(self) -> float:
        """Longer steps than this, in seconds, are seen in its meters."""
        return _LONGEST_RIGHT_STEP_S

    @property
    def time(self) -> datetime:
        """The time reached."""
        return self._time

    def points(self) -> Sequence[PlantPoint]:
        """Every point; the order never changes."""
        return tuple(self._board.points)

    def read(self) -> Mapping[str, float]:
        """A live view of all values: it changes with the next `write` or `advance`."""
        return self._view

    def write(self, values: Mapping[str, float | None]) -> None:
        """Command points, all or none. None lets a point rest at its local default.

        Values outside a device's limits stop at the limit. Raises KeyError for an unknown name,
        ValueError for one that cannot be written.
        """
        self._board.write(values)

    def inject(self, kind: str, target: str, on: bool) -> None:
        """Break the panels, a pump or a pipe of Tonglu, or the mixing valve of Binjiang; or mend
        them.

        Raises ValueError for a target or a kind that the park does not know.
        """
        if kind != "break":
            raise ValueError(f"this park does not know how to {kind}")
        if self._binjiang.break_(target.removeprefix("binjiang."), on):
            return
        try:
            self._tonglu.inject(kind, target, on)
        except KeyError:
            raise ValueError(f"this park does not know how to {kind} {target}") from None

    def advance(self, until: datetime) -> datetime:
        """Simulate up to `until`; nothing happens if the park is already there or later."""
        while self._time < until:
            dt_s = min(_LONGEST_STEP_S, (until - self._time).total_seconds())
            self._step(dt_s)
        return self._time

    def _step(self, dt_s: float) -> None:
        middle_s = (self._time - _EPOCH).total_seconds() + dt_s / 2
        self._time = time = self._time + timedelta(seconds=dt_s)
        activity = self._calendar.at(middle_s + _UTC_OFFSET_S)
        local_s = middle_s + dt_s / 2 + _UTC_OFFSET_S
        years = (middle_s - _GROWTH_ORIGIN_S) / _YEAR_S
        ends = tuple(weather.at(time) for weather in self._weathers)
        for bases, before, end in zip((self._east, self._west), self._before, ends, strict=True):
            mean = Conditions(
                (before[0] + end[0]) / 2,
                (before[1] + end[1]) / 2,
                (before[2] + end[2]) / 2,
                (before[3] + end[3]) / 2,
            )
            step = Step(dt_s, mean, end, activity, years, local_s)
            for base in bases:
                base.step(step)
        self._before = ends

    def _show_weather(self) -> None:
        for name, conditions in zip(
            ("binjiang", "tonglu", "chongqing"),
            (self._before[0], self._before[0], self._before[1]),
            strict=True,
        ):
            for role, value in zip(
                ("outdoor_temp", "wet_bulb_temp", "humidity", "irradiance"), conditions, strict=True
            ):
                self._board.values[f"{name}.weather.{role}"] = value

    def close(self) -> None:
        """Save the state, if a file was given and time went on: who only asks for the points
        changes nothing."""
        if self._state is None or self._time == self._begun:
            return
        document = {
            "version": _STATE_VERSION,
            "time": self._time.isoformat(),
            "values": self._board.values,
            "bases": {name: base.state() for name, base in self._bases.items()},
        }
        partial = self._state.with_name(self._state.name + ".partial")
        with partial.open("w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._state)

    def _load(self, path: Path) -> None:
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if document["version"] != _STATE_VERSION:
                raise ValueError(f"its version is {document['version']}, not {_STATE_VERSION}")
            values = {str(name): float(value) for name, value in document["values"].items()}
            if values.keys() != self._board.values.keys():
                raise ValueError("it has other points")
            time = datetime.fromisoformat(document["time"])
            for name, base in self._bases.items():
                base.restore(document["bases"][name])
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise ValueError(f"{path} is not a state of this park: {error}") from error
        self._time = time.astimezone(UTC)
        self._board.values.update(values)
