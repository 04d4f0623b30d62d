"""Mapping files: which points a plant from outside has, and what of it each one is.

```yaml
points:
  weather.outdoor_temp: {variable: weaSta.TDryBul, unit: degC}
each:                                     # the same points for several objects
  - of: {ahu-1: {loop: VAV_1}, ahu-2: {loop: VAV_2}}
    points:
      "{name}.supply_temp": {variable: "{loop}.TSup", unit: degC}
```

What else such a file has is said by the kind of plant.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from simulators.attached.point_meaning import MappingModel, PointMeaning

PointT = TypeVar("PointT", bound=PointMeaning)


DAY_S: Final = 86_400


def _of_a_day(step_s: int) -> int:
    if DAY_S % step_s:
        raise ValueError("a day has to be a whole number of steps")
    return step_s


StepS: TypeAlias = Annotated[int, Field(ge=1, le=DAY_S), AfterValidator(_of_a_day)]
"""Seconds of a step of which a day has a whole number."""


class MappingError(ValueError):
    """The file cannot be used; the message has every problem with its place."""


class EachSpec(MappingModel):
    """The same points for several objects. `{name}` and the other keys in braces are replaced."""

    of: dict[str, dict[str, str | float]]
    points: dict[str, dict[str, Any]]


class PointsFile(MappingModel, Generic[PointT]):
    """What every mapping file has."""

    points: dict[str, PointT] = {}
    each: list[EachSpec] = []


FileT = TypeVar("FileT", bound=PointsFile[Any])


@dataclass(frozen=True, slots=True)
class PlantMapping(Generic[FileT, PointT]):
    """A mapping that can be used: every point has its own name and one meaning."""

    path: Path
    file: FileT
    points: Mapping[str, PointT]
    places: Mapping[str, str]
    """File and line of each point."""

    @property
    def commanded(self) -> dict[Hashable, list[str]]:
        """Which points set each thing that can be set."""
        found: dict[Hashable, list[str]] = {}
        for name, point in self.points.items():
            if point.commands is not None:
                found.setdefault(point.commands, []).append(name)
        return found

    def beside(self, name: str) -> Path:
        """A file that the mapping names."""
        return self.path.parent / name


def read_points(
    path: Path, of_file: type[FileT], of_point: type[PointT]
) -> PlantMapping[FileT, PointT]:
    """Raises MappingError with every problem, OSError if the file cannot be read."""
    document = _Document.read(path)
    try:
        file = of_file.model_validate(document.data)
    except ValidationError as error:
        raise MappingError(document.said(error)) from None
    points: dict[str, PointT] = dict(file.points)
    places = {name: document.place(("points", name)) for name in points}
    problems: list[str] = []
    for number, each in enumerate(file.each):
        where = ("each", number, "points")
        for name, template, spec in _expanded(document, number, each, of_point):
            if isinstance(spec, str):
                problems.append(spec)
            elif name in points:
                problems.append(document.at((*where, template), f"two points are called '{name}'"))
            else:
                points[name] = spec
                places[name] = document.place((*where, template))
    mapping = PlantMapping(path, file, points, places)
    for target, names in mapping.commanded.items():
        rules = {points[name].share for name in names}
        if len(names) > 1 and (None in rules or len(rules) > 1):
            said = ", ".join(target) if isinstance(target, tuple) else str(target)
            problems.append(
                f"{places[names[0]]}: {', '.join(names)} command one thing ({said}); give each the "
                "same share: lowest, highest or mean"
            )
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

    def place(self, where: tuple[str | int, ...]) -> str:
        """File and line of the nearest written part of `where`."""
        line, data = 1, self.data
        for step in where:
            try:
                place = data.lc.item(step) if isinstance(step, int) else data.lc.key(step)
                line, data = place[0] + 1, data[step]
            except (AttributeError, KeyError, IndexError, TypeError):
                break
        return f"{self.file}:{line}"

    def at(self, where: tuple[str | int, ...], text: str) -> str:
        """What is wrong, with its place."""
        return f"{self.place(where)}: {text}"

    def said(self, error: ValidationError, below: tuple[str | int, ...] = ()) -> str:
        """All that pydantic says, each at its line."""
        return "; ".join(
            self.at((*below, *item["loc"]), f"{_key_of(item['loc'])}{item['msg'].lower()}")
            for item in error.errors()
        )


def _key_of(where: tuple[str | int, ...]) -> str:
    return f"{where[-1]}: " if where else ""


def _expanded(
    document: _Document, number: int, each: EachSpec, of_point: type[PointT]
) -> Iterator[tuple[str, str, PointT | str]]:
    """Name, template and meaning of each point; a text in its place says what is wrong."""
    for name, words in each.of.items():
        for template, body in each.points.items():
            where = ("each", number, "points", template)
            filled = {"name": name, **words}
            try:
                spec = of_point.model_validate(_filled(body, filled))
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
