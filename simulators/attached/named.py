"""Points that show variables by their names, in the units that the plant says."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from typing import TypeVar

from simulators.attached.mappings import MappingError
from simulators.attached.point_meaning import PointMeaning, Weighted


class NamedPoint(PointMeaning):
    """One point of a plant whose variables have names and nothing else."""

    plus: list[Weighted] = []
    """More variables, added to the first."""
    or_more: list[Weighted] = []
    """Another sum, in the unit of the point: it is shown where it is more."""

    @property
    def of_variable(self) -> dict[str, object]:
        return {**super().of_variable, "plus": self.plus, "or_more": self.or_more}

    @property
    def reads(self) -> list[str]:
        """Every variable that it shows."""
        first = [] if self.variable is None else [self.variable]
        return first + [item.variable for item in (*self.plus, *self.or_more)]


PointT = TypeVar("PointT", bound=NamedPoint)

_LINEAR = {
    ("K", "degC"): (1.0, -273.15),
    ("degC", "K"): (1.0, 273.15),
    ("W", "kW"): (1e-3, 0.0),
    ("kW", "W"): (1e3, 0.0),
    ("J", "kWh"): (1 / 3.6e6, 0.0),
    ("Pa", "kPa"): (1e-3, 0.0),
    ("Pa", "bar"): (1e-5, 0.0),
    ("Pa", "MPa"): (1e-6, 0.0),
    ("1", "%"): (100.0, 0.0),
    ("%", "1"): (0.01, 0.0),
    ("m3/s", "m3/h"): (3600.0, 0.0),
    ("s", "h"): (1 / 3600.0, 0.0),
}
"""Scale and offset from a unit of models to one of points."""
_SAME = {"C": "degC", "Cel": "degC", "degreeCelsius": "degC", "m3/h": "m3/h", "-": "1"}
"""What models call a unit otherwise."""


def in_its_unit(point: PointT, unit: str, place: str, name: str) -> PointT:
    """The point with the scale from the plant's unit to its own, where the file says no scale.

    Raises MappingError where nobody knows it.
    """
    if not unit:
        return point
    theirs = _SAME.get(unit, unit)
    if point.counts:
        theirs = {"W": "kWh", "kW": "1000 kWh"}.get(theirs, theirs)
    if point.above is not None or {"scale", "offset"} & point.model_fields_set:
        return point
    if not point.unit:
        return point.model_copy(update={"unit": theirs})
    if point.unit == theirs:
        return point
    try:
        scale, offset = _LINEAR[theirs, point.unit]
    except KeyError:
        raise MappingError(
            f"{place}: {name} is in {unit}, the point in {point.unit}; give scale and offset"
        ) from None
    return point.model_copy(update={"scale": scale, "offset": offset})


def unknown(kind: str, name: str, place: str, known: Iterable[str]) -> str:
    """The sentence for a name that the plant does not have."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    has = f"it has {', '.join(names[:12])}{', …' if len(names) > 12 else ''}"
    return f"{place}: no {kind} '{name}'; " + (f"did you mean '{near[0]}'?" if near else has)


class Shown:
    """What points show of the values of variables, step by step."""

    def __init__(self, points: Mapping[str, NamedPoint], step_s: float) -> None:
        self._points = {name: point for name, point in points.items() if point.variable}
        self._hours = step_s / 3600.0
        self._kwh = dict.fromkeys(self._points, 0.0)

    def after(self, values: Mapping[str, float]) -> dict[str, float]:
        """The points after a step. Energy is the power at its end, over the step: commands change
        at its begin."""
        return {name: self._one(name, point, values) for name, point in self._points.items()}

    def _one(self, name: str, point: NamedPoint, values: Mapping[str, float]) -> float:
        assert point.variable is not None
        raw = values.get(point.variable, math.nan) + _sum(values, point.plus)
        if point.counts:
            # A power that is not known for once must not spoil the count of years.
            if math.isfinite(raw):
                self._kwh[name] += max(0.0, raw) / 1000.0 * self._hours
            return point.shown(self._kwh[name])
        value = point.shown(raw)
        if point.or_more:
            value = max(value, _sum(values, point.or_more))
        return point.limited(value)


def _sum(values: Mapping[str, float], items: Iterable[Weighted]) -> float:
    return sum(values.get(item.variable, math.nan) * item.scale for item in items)
