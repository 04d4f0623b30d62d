"""The file that attaches a building: which points it has, and what of EnergyPlus each one is.

```yaml
model: RefBldgHospitalNew2004_Chicago     # a building of the package, or an IDF beside this file
weather: synthetic                        # or an EPW beside this file; an option replaces it
timestep_min: 15
points:
  weather.outdoor_temp: {variable: Site Outdoor Air Drybulb Temperature, key: Environment}
each:                                     # the same points for several objects
  - of: {ahu-1: {loop: VAV_1}, ahu-2: {loop: VAV_2}}
    points:
      "{name}.supply_temp": {variable: System Node Temperature, key: "{loop} Outlet Node"}
idf:                                      # changes to the model before it runs
  - {object: "SetpointManager:Scheduled", name: VAV_2 SAT setpoint, field: 3, value: VAV_2_SAT}
  - {add: "Schedule:Constant, VAV_2_SAT, Temperature, 11.1"}
```
"""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import Field, model_validator

from simulators.attached.mappings import PlantMapping, PointsFile, read_points
from simulators.attached.point_meaning import MappingModel, PointMeaning


class VariableSpec(MappingModel):
    """One output variable of EnergyPlus, and of which object."""

    variable: str
    key: str
    scale: float = 1.0
    """In a sum."""


class PointSpec(PointMeaning):
    """One point of a building: it shows a `variable`, a `meter` or a `constant`; an `actuator`
    beside that is commanded by the one and shows the other."""

    key: str = "*"
    """The object that the variable is of."""
    plus: list[VariableSpec] = []
    """More variables, added to the first."""
    or_more: list[VariableSpec] = []
    """Another sum, in the unit of the point: it is shown where it is more. The position of a valve
    is what flows through it, or what its controller asks for while nothing flows."""
    meter: str | None = None
    """A meter, as eplusout.mdd lists it; counts in kWh."""
    actuator: tuple[str, str, str] | None = None
    """Component type, control type and key, as eplusout.edd lists them."""

    @property
    def shown_by(self) -> dict[str, object]:
        return {"variable": self.variable, "meter": self.meter, "constant": self.constant}

    @property
    def of_variable(self) -> dict[str, object]:
        return {
            "counts": self.counts,
            "above": self.above is not None,
            "plus": self.plus,
            "or_more": self.or_more,
        }

    @property
    def commands(self) -> Hashable | None:
        return None if self.actuator is None else _key(self.actuator)

    @property
    def variables(self) -> list[VariableSpec]:
        """All that are added up to what it shows."""
        if self.variable is None:
            return []
        return [VariableSpec(variable=self.variable, key=self.key), *self.plus]


class ChangeSpec(MappingModel):
    """A change to the model: one field of one object, or a new object."""

    object: str | None = None
    name: str = ""
    field: int = Field(default=1, ge=1)
    """Counted from 1, which is the name."""
    value: str | int | float = ""
    remove: bool = False
    """The object is taken out of the model."""
    add: str | None = None
    """A new object as an IDF has it, without the semicolon."""

    @model_validator(mode="after")
    def _one_change(self) -> ChangeSpec:
        if (self.object is None) == (self.add is None):
            raise ValueError("give an object to change, or one to add")
        return self


class MappingFile(PointsFile[PointSpec]):
    """The whole file."""

    model: str
    weather: str = "synthetic"
    timestep_min: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60] | None = None
    """Time between two looks of the controller; the model's own if absent."""
    idf: list[ChangeSpec] = []


BuildingMapping: TypeAlias = PlantMapping[MappingFile, PointSpec]


def _key(actuator: tuple[str, str, str]) -> tuple[str, str, str]:
    # EnergyPlus does not tell upper from lower case in names.
    kind, control, key = (word.upper() for word in actuator)
    return kind, control, key


def read_mapping(path: Path) -> BuildingMapping:
    """Raises MappingError with every problem, OSError if the file cannot be read."""
    return read_points(path, MappingFile, PointSpec)
