"""The file that attaches a test case of BOPTEST: which points it has, and what each one is.

```yaml
test_case: bestest_air
url: http://127.0.0.1:8000
step_s: 300
utc_offset_h: -7
warm_up_h: 168
points:
  room.zone_temp: {variable: zon_reaTRooAir_y, unit: degC}
  room.setpoint: {input: con_oveTSetCoo_u, unit: degC}
  weather.tomorrow_temp: {forecast: TDryBul, ahead_h: 24, unit: degC}
```
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import Field, model_validator

from simulators.attached.mappings import MappingError, PlantMapping, PointsFile, StepS, read_points
from simulators.attached.named import NamedPoint, in_its_unit, unknown


class BoptestPoint(NamedPoint):
    """One point of a test case: it shows a `variable`, a `forecast`, a `kpi` or a `constant`; an
    `input` beside a variable is commanded by the one and shows the other."""

    input: str | None = None
    """What a command overwrites: a name that ends in `_u`. Alone it shows what it is, whoever
    decides, but with `levels` what is commanded; its `_activate` is set while somebody commands."""
    forecast: str | None = None
    """A forecast, as `/forecast_points` lists it."""
    ahead_h: int = Field(default=0, ge=0)
    """How far ahead."""
    kpi: str | None = None
    """A key figure of the test, worked out once an hour."""

    @property
    def shown_by(self) -> dict[str, object]:
        return {**super().shown_by, "forecast": self.forecast, "kpi": self.kpi}

    @model_validator(mode="after")
    def _of_an_input(self) -> BoptestPoint:
        if self.input is not None and not self.input.endswith("_u"):
            raise ValueError("the name of an input ends in _u")
        if self.ahead_h and self.forecast is None:
            raise ValueError("ahead_h goes with a forecast")
        return self

    @property
    def commands(self) -> Hashable | None:
        return self.input

    @property
    def shows(self) -> bool:
        return super().shows or (self.input is not None and not self.levels)

    @property
    def source(self) -> str | None:
        """What it shows, by the name that the test case has for it."""
        return self.variable or self.forecast or self.input


class BoptestFile(PointsFile[BoptestPoint]):
    """The whole file."""

    test_case: str
    url: str = "http://127.0.0.1:8000"
    """Of the service; an option replaces it."""
    step_s: StepS = 300
    """Time between two looks of the controller. A day is a whole number of steps."""
    utc_offset_h: float = Field(default=0.0, ge=-12.0, le=14.0)
    """Local standard time of the test case, less UTC."""
    warm_up_h: float = Field(default=168.0, ge=0.0)
    """How long it runs by its own control before the first step."""
    scenario: dict[str, str | int] = {}
    """electricity_price, time_period, temperature_uncertainty, solar_uncertainty, seed. A
    time_period begins where it wants to, and ends the run where it ends."""
    within_s: float = Field(default=60.0, gt=0.0)
    """A step that takes longer hangs."""
    begins_within_s: float = Field(default=1200.0, gt=0.0)
    """So does a begin: it waits for a free worker, and for the warm-up."""


BoptestMapping: TypeAlias = PlantMapping[BoptestFile, BoptestPoint]


def read_boptest_mapping(path: Path) -> BoptestMapping:
    """Raises MappingError with every problem, OSError if the file cannot be read."""
    return read_points(path, BoptestFile, BoptestPoint)


@dataclass(frozen=True, slots=True)
class TestCase:
    """What a test case says that it has: by name, its unit and limits."""

    inputs: Mapping[str, Mapping[str, Any]]
    measurements: Mapping[str, Mapping[str, Any]]
    forecasts: Mapping[str, Mapping[str, Any]]

    def limited(self, name: str, value: float) -> float:
        """What the test case would take of a command; beyond, it only warns."""
        said = self.inputs[name]
        low, high = said.get("Minimum"), said.get("Maximum")
        value = value if low is None else max(float(low), value)
        return value if high is None else min(float(high), value)


def checked(mapping: BoptestMapping, case: TestCase) -> Mapping[str, BoptestPoint]:
    """The points in the units that the test case says.

    Raises MappingError with every name that it does not have, each with file and line.
    """
    problems = []
    points = {}
    for name, point in mapping.points.items():
        place = mapping.places[name]
        missing = list(_missing(point, case, place))
        problems += missing
        if missing or point.source is None:
            points[name] = point
            continue
        said = {**case.inputs, **case.measurements}
        if point.forecast is not None:
            said = dict(case.forecasts)
        try:
            unit = str(said[point.source].get("Unit") or "")
            points[name] = in_its_unit(point, unit, place, point.source)
        except MappingError as error:
            problems.append(str(error))
    if problems:
        raise MappingError("; ".join(dict.fromkeys(problems)))
    return points


def _missing(point: BoptestPoint, case: TestCase, place: str) -> Iterator[str]:
    shown = {**case.measurements, **case.inputs}
    for read in point.reads:
        if read not in shown:
            yield unknown("measurement", read, place, shown)
    if point.input is not None and point.input not in case.inputs:
        names = [name for name in case.inputs if name.endswith("_u")]
        yield unknown("input", point.input, place, names)
    if point.forecast is not None and point.forecast not in case.forecasts:
        yield unknown("forecast", point.forecast, place, case.forecasts)
