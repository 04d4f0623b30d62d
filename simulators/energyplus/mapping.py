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

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError


class MappingError(ValueError):
    """The file cannot be used; the message has every problem with its place."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class VariableSpec(_Model):
    """One output variable of EnergyPlus, and of which object."""

    variable: str
    key: str
    scale: float = 1.0
    """In a sum."""


class PointSpec(_Model):
    """One point of the plant. Exactly one of `variable`, `meter`, `constant`, `actuator` is what
    it shows; an `actuator` with a `variable` is commanded by the one and shows the other."""

    variable: str | None = None
    """An output variable, as eplusout.rdd lists it."""
    key: str = "*"
    """The object that it is of."""
    plus: list[VariableSpec] = []
    """More variables, added to the first."""
    or_more: list[VariableSpec] = []
    """Another sum, in the unit of the point: it is shown where it is more. The position of a valve
    is what flows through it, or what its controller asks for while nothing flows."""
    meter: str | None = None
    """A meter, as eplusout.mdd lists it; counts in kWh."""
    constant: float | None = None
    actuator: tuple[str, str, str] | None = None
    """Component type, control type and key, as eplusout.edd lists them."""
    unit: str = ""
    """Of the point, canonical (kW, degC, ...)."""
    scale: float = 1.0
    """What one unit of EnergyPlus is in the unit of the point."""
    offset: float = 0.0
    """Added after scaling."""
    counts: bool = False
    """The variable is a rate in W; the point is its energy, in kWh times scale."""
    above: float | None = None
    """The point is 1 while the variable is above this, else 0: the status of a machine."""
    low: float | None = None
    """Commands below this stop here, as at a device; what is shown, too."""
    high: float | None = None
    rest: float | None = None
    """What the point shows while nobody commands it, and the model's own control has it."""
    levels: dict[float, float | None] = {}
    """What is written for a state: `{0: 1, 1: 2}` writes 1 for off and 2 for on. `null` gives the
    actuator back: for most machines on is what the model's own control does."""
    share: Literal["lowest", "highest", "mean"] | None = None
    """Which command counts where several points have one actuator: of those that command."""

    @model_validator(mode="after")
    def _one_source(self) -> PointSpec:
        shown = [self.variable, self.meter, self.constant]
        if sum(source is not None for source in shown) > 1:
            raise ValueError("give one of variable, meter and constant")
        if all(source is None for source in shown) and self.actuator is None:
            raise ValueError("give a variable, a meter, a constant or an actuator")
        of_variable = self.counts or self.above is not None or self.plus or self.or_more
        if of_variable and self.variable is None:
            raise ValueError("counts, above, plus and or_more go with a variable")
        if self.scale == 0.0:
            raise ValueError("scale must not be 0")
        return self

    @property
    def variables(self) -> list[VariableSpec]:
        """All that are added up to what it shows."""
        if self.variable is None:
            return []
        return [VariableSpec(variable=self.variable, key=self.key), *self.plus]

    def limited(self, value: float) -> float:
        """A value that stops at the limits of the device."""
        if self.low is not None:
            value = max(self.low, value)
        return value if self.high is None else min(self.high, value)

    def raw(self, value: float) -> float | None:
        """What EnergyPlus is told for a command in the unit of the point; None for nothing."""
        value = self.limited(value)
        if self.levels:
            return self.levels[min(self.levels, key=lambda level: abs(level - value))]
        return (value - self.offset) / self.scale

    def shown(self, raw: float) -> float:
        """A value of EnergyPlus in the unit of the point."""
        if self.above is not None:
            return 1.0 if raw > self.above else 0.0
        return raw * self.scale + self.offset


class ChangeSpec(_Model):
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


class EachSpec(_Model):
    """The same points for several objects. `{name}` and the other keys in braces are replaced."""

    of: dict[str, dict[str, str | float]]
    points: dict[str, dict[str, Any]]


class MappingFile(_Model):
    """The whole file."""

    model: str
    weather: str = "synthetic"
    timestep_min: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60] | None = None
    """Time between two looks of the controller; the model's own if absent."""
    idf: list[ChangeSpec] = []
    points: dict[str, PointSpec] = {}
    each: list[EachSpec] = []


@dataclass(frozen=True, slots=True)
class BuildingMapping:
    """A mapping that can be used: every point has its own name and one meaning."""

    path: Path
    file: MappingFile
    points: Mapping[str, PointSpec]

    @property
    def actuators(self) -> dict[tuple[str, str, str], list[str]]:
        """Which points command each actuator."""
        found: dict[tuple[str, str, str], list[str]] = {}
        for name, point in self.points.items():
            if point.actuator is not None:
                found.setdefault(_key(point.actuator), []).append(name)
        return found

    def beside(self, name: str) -> Path:
        """A file that the mapping names."""
        return self.path.parent / name


def _key(actuator: tuple[str, str, str]) -> tuple[str, str, str]:
    # EnergyPlus does not tell upper from lower case in names.
    kind, control, key = (word.upper() for word in actuator)
    return kind, control, key


def read_mapping(path: Path) -> BuildingMapping:
    """Raises MappingError with every problem, OSError if the file cannot be read."""
    document = _Document.read(path)
    try:
        file = MappingFile.model_validate(document.data)
    except ValidationError as error:
        raise MappingError(document.said(error)) from None
    points = dict(file.points)
    problems: list[str] = []
    for number, each in enumerate(file.each):
        where = ("each", number, "points")
        for name, template, spec in _expanded(document, number, each):
            if isinstance(spec, str):
                problems.append(spec)
            elif name in points:
                problems.append(document.at((*where, template), f"two points are called '{name}'"))
            else:
                points[name] = spec
    mapping = BuildingMapping(path, file, points)
    for actuator, names in mapping.actuators.items():
        rules = {points[name].share for name in names}
        if len(names) > 1 and (None in rules or len(rules) > 1):
            text = (
                f"{', '.join(names)} command one actuator ({', '.join(actuator)}); give each the "
                "same share: lowest, highest or mean"
            )
            problems.append(document.at(("points", names[0]), text))
    if problems:
        raise MappingError("; ".join(dict.fromkeys(problems)))
    return mapping


@dataclass(frozen=True, slots=True)
class _Document:
    """A YAML file that knows where everything in it stands."""

    file: str
    data: Any

    @classmethod
    def read(cls, path: Path) -> _Document:
        try:
            data = YAML().load(path.read_text(encoding="utf-8"))
        except (YAMLError, UnicodeDecodeError) as error:
            raise MappingError(f"{path.name}: {' '.join(str(error).split())}") from None
        return cls(path.name, data)

    def at(self, where: tuple[str | int, ...], text: str) -> str:
        """What is wrong, with the line of the nearest written part of `where`."""
        line, data = 1, self.data
        for step in where:
            try:
                place = data.lc.item(step) if isinstance(step, int) else data.lc.key(step)
                line, data = place[0] + 1, data[step]
            except (AttributeError, KeyError, IndexError, TypeError):
                break
        return f"{self.file}:{line}: {text}"

    def said(self, error: ValidationError, below: tuple[str | int, ...] = ()) -> str:
        """All that pydantic says, each at its line."""
        return "; ".join(
            self.at((*below, *item["loc"]), f"{_key_of(item['loc'])}{item['msg'].lower()}")
            for item in error.errors()
        )


def _key_of(where: tuple[str | int, ...]) -> str:
    return f"{where[-1]}: " if where else ""


def _expanded(
    document: _Document, number: int, each: EachSpec
) -> Iterator[tuple[str, str, PointSpec | str]]:
    """Name, template and meaning of each point; a text in its place says what is wrong."""
    for name, words in each.of.items():
        for template, body in each.points.items():
            where = ("each", number, "points", template)
            filled = {"name": name, **words}
            try:
                spec = PointSpec.model_validate(_filled(body, filled))
                yield str(_filled(template, filled)), template, spec
            except KeyError as error:
                yield template, template, document.at(where, f"'{name}' has no {error}")
            except ValidationError as error:
                yield template, template, document.said(error, where)


_BRACES = re.compile(r"\{(\w+)\}")


def _filled(value: Any, words: Mapping[str, str | float]) -> Any:
    if isinstance(value, str):
        whole = _BRACES.fullmatch(value)
        if whole is not None:  # a number stays a number
            return words[whole[1]]
        return _BRACES.sub(lambda match: str(words[match[1]]), value)
    if isinstance(value, list):
        return [_filled(item, words) for item in value]
    if isinstance(value, dict):
        return {key: _filled(item, words) for key, item in value.items()}
    return value
