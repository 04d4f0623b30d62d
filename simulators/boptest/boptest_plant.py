"""A test case of BOPTEST as a plant: `simulators.boptest.boptest_plant:Boptest`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from drivers.plant import PlantEnded, PlantError
from simulators.attached.mappings import MappingError
from simulators.attached.named import Shown
from simulators.attached.stepped import Span, SteppedPlant
from simulators.boptest.boptest_points import (
    BoptestPoint,
    TestCase,
    checked,
    read_boptest_mapping,
)
from simulators.boptest.service import Service

_STOPS_S = 10.0
_HOUR = timedelta(hours=1)


class Boptest(SteppedPlant):
    """A test case from `start` (aware), under its own control where nobody commands.

    Options (text): `map` the mapping file; `url` of the service, that of the file if absent;
    `until` the day after the last (ISO), the end of the third year if absent.

    The service is asked for the first time at the first step: only then names are compared with
    what the test case has. Raises ValueError for a mapping or an address that cannot be used,
    OSError for a file that cannot be read.
    """

    def __init__(
        self,
        start: datetime,
        map: str,  # noqa: A002 - options are named for those who write them
        url: str = "",
        until: str = "",
    ) -> None:
        self._mapping = read_boptest_mapping(Path(map))
        self._file = self._mapping.file
        self._service = Service(url or self._file.url)
        step = timedelta(seconds=self._file.step_s)
        offset = timedelta(hours=self._file.utc_offset_h)
        super().__init__(self._mapping, Span.of(start, until, step, offset, midnight=False))
        self._inputs = [
            point.input
            for names in self._mapping.commanded.values()
            if (point := self._mapping.points[names[0]]).input is not None
        ]
        self._test = ""
        self._case = TestCase({}, {}, {})
        self._known: Mapping[str, BoptestPoint] = {}
        self._shown = Shown({}, step.total_seconds())
        self._kpis: dict[str, float] = {}

    def _stepped(self, commands: list[float | None]) -> Mapping[str, float]:
        body: dict[str, float] = {}
        for name, value in zip(self._inputs, commands, strict=True):
            if value is not None:
                body[name] = self._case.limited(name, value)
            body[f"{name[:-2]}_activate"] = 0.0 if value is None else 1.0
        payload = self._asked("POST", "advance", body)
        if not payload:
            raise PlantEnded(f"the scenario of {self._file.test_case} is over at {self._time}")
        return self._values_of(payload)

    def _values_of(self, payload: Mapping[str, Any]) -> dict[str, float]:
        values = {name: _number(value) for name, value in payload.items()}
        reached = self._time + self._span.step
        found = self._shown.after(values)
        for name, point in self._known.items():
            if point.input is not None and point.variable is None and point.shows:
                found[name] = point.shown(values.get(point.input, math.nan))
        return found | self._forecasts() | self._key_figures(reached)

    def _forecasts(self) -> dict[str, float]:
        points = {name: point for name, point in self._known.items() if point.forecast is not None}
        if not points:
            return {}
        names = sorted({point.forecast for point in points.values() if point.forecast})
        furthest = max(point.ahead_h for point in points.values())
        asked = {"point_names": names, "horizon": furthest * 3600, "interval": 3600}
        said = self._asked("PUT", "forecast", asked)
        found = {}
        for name, point in points.items():
            series = said.get(point.forecast) or ()
            value = series[point.ahead_h] if point.ahead_h < len(series) else None
            found[name] = point.limited(point.shown(_number(value)))
        return found

    def _key_figures(self, reached: datetime) -> dict[str, float]:
        points = {name: point for name, point in self._known.items() if point.kpi is not None}
        whole_hour = (reached - self._span.begin) % _HOUR < self._span.step
        if points and (whole_hour or not self._kpis):
            said = self._asked("GET", "kpi")
            self._kpis = {name: _number(value) for name, value in said.items()}
        return {
            name: point.shown(self._kpis.get(point.kpi or "", math.nan))
            for name, point in points.items()
        }

    def _begin(self) -> None:
        """Select the test case, compare names, and let it run through its warm-up."""
        file = self._file
        patience_s = file.begins_within_s
        self._test = self._service.select(file.test_case, patience_s)
        inputs = self._asked("GET", "inputs")
        measurements = self._asked("GET", "measurements")
        wants = any(point.forecast is not None for point in self._mapping.points.values())
        forecasts = self._asked("GET", "forecast_points") if wants else {}
        self._case = TestCase(inputs, measurements, forecasts)
        try:
            self._known = checked(self._mapping, self._case)
        except MappingError as error:
            raise PlantError(f"{file.test_case} is not what the file says: {error}") from None
        self._points = self._known
        self._shown = Shown(self._known, float(file.step_s))
        self._asked("PUT", "step", {"step": file.step_s})
        begin_s = self._span.second_of_year(self._span.begin)
        begun = None
        if file.scenario:
            said = self._asked("PUT", "scenario", dict(file.scenario), patience_s)
            begun = said.get("time_period")
        if begun is None:
            asked = {"start_time": begin_s, "warmup_period": file.warm_up_h * 3600.0}
            begun = self._asked("PUT", "initialize", asked, patience_s)
        if abs(_number(begun.get("time")) - begin_s) > 0.5:
            day, second = divmod(_number(begun.get("time")), 86_400)
            begins = datetime(2001, 1, 1) + timedelta(days=day, seconds=second)  # noqa: DTZ001
            raise PlantError(
                f"the scenario of {file.test_case} begins on {begins:%m-%d at %H:%M} of its local "
                "time; simulate from then"
            )

    def _asked(
        self, method: str, what: str, body: dict[str, Any] | None = None, within_s: float = 0.0
    ) -> Any:
        within_s = within_s or self._file.within_s
        return self._service.call(method, what, self._test, within_s, body)

    def _stop(self) -> None:
        if self._test:
            self._service.stop(self._test, _STOPS_S)
            self._test = ""


def _number(value: object) -> float:
    """A value of an answer; NaN for none."""
    return float(value) if isinstance(value, int | float) else math.nan
