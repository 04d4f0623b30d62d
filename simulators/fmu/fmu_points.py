"""The file that attaches an FMU: which points it has, and which variable each one is.

```yaml
fmu: heater.fmu                # beside this file
step_s: 60
utc_offset_h: 8
parameters: {rated_w: 6000}
points:
  heater.enable: {input: heater_on}
  heater.tank_temp: {variable: T_tank, unit: degC}
```
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from simulators.attached.mappings import MappingError, PlantMapping, PointsFile, StepS, read_points
from simulators.attached.named import NamedPoint, in_its_unit, unknown
from simulators.fmu.description import Description


class FmuPoint(NamedPoint):
    """One point of an FMU: it shows a `variable` or a `constant`; an `input` beside that is
    commanded by the one and shows the other."""

    input: str | None = None
    """The input that a command sets."""
    activate: str | None = None
    """An input that is 1 while somebody commands, and 0 while the model's own control has it.
    Absent: a point that is given back goes to `rest`, or to what the input starts with."""

    @model_validator(mode="after")
    def _of_an_input(self) -> FmuPoint:
        if self.activate is not None and self.input is None:
            raise ValueError("activate goes with an input")
        return self

    @property
    def commands(self) -> Hashable | None:
        return self.input


class FmuFile(PointsFile[FmuPoint]):
    """The whole file."""

    fmu: str
    step_s: StepS = 60
    """Time between two looks of the controller. A day is a whole number of steps."""
    utc_offset_h: float = Field(default=0.0, ge=-12.0, le=14.0)
    """Local standard time of the model, less UTC."""
    time: Literal["year", "zero"] = "year"
    """What the model's time is: seconds since new year, as in Modelica's weather readers; or zero
    at the beginning."""
    warm_up_h: float = Field(default=0.0, ge=0.0)
    """How long it runs by its own control before the first step."""
    parameters: dict[str, float | bool | str] = {}
    """Set before it begins: parameters, and inputs that nobody commands."""
    within_s: float = Field(default=60.0, gt=0.0)
    """A step that takes longer hangs."""
    begins_within_s: float = Field(default=300.0, gt=0.0)
    """So does a begin: it is unpacked, loaded and initialised."""


FmuMapping: TypeAlias = PlantMapping[FmuFile, FmuPoint]


def read_fmu_mapping(path: Path) -> FmuMapping:
    """Raises MappingError with every problem, OSError if the file cannot be read."""
    return read_points(path, FmuFile, FmuPoint)


def checked(mapping: FmuMapping, fmu: Description) -> FmuMapping:
    """The mapping with the units and limits that the FMU says.

    Raises MappingError with every name that it does not have, each with file and line.
    """
    problems = []
    points = {}
    for name, point in mapping.points.items():
        place = mapping.places[name]
        missing = list(_missing(point, fmu, place))
        problems += missing
        try:
            points[name] = point if missing else _in_its_units(point, fmu, place)
        except MappingError as error:
            problems.append(str(error))
    for parameter in mapping.file.parameters:
        if parameter not in fmu.settable:
            problems.append(unknown("parameter", parameter, mapping.path.name, fmu.settable))
    if problems:
        raise MappingError("; ".join(dict.fromkeys(problems)))
    return PlantMapping(mapping.path, mapping.file, points, mapping.places)


def _missing(point: FmuPoint, fmu: Description, place: str) -> Iterator[str]:
    for read in point.reads:
        if read not in fmu.variables:
            yield unknown("variable", read, place, fmu.variables)
    for told in (point.input, point.activate):
        if told is not None and told not in fmu.inputs:
            yield unknown("input", told, place, fmu.inputs)


def _in_its_units(point: FmuPoint, fmu: Description, place: str) -> FmuPoint:
    source = point.variable or point.input
    if source is None:
        return point
    point = in_its_unit(point, fmu.variables[source].unit, place, source)
    if point.input is None or point.activate is not None or point.rest is not None:
        return point
    start = fmu.variables[point.input].start
    if start is None:
        return point
    if not point.levels:
        return point.model_copy(update={"rest": point.shown(start)})
    states = [state for state, level in point.levels.items() if level == start]
    return point.model_copy(update={"rest": states[0]}) if states else point
