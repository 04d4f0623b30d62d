"""A plant with no physics: it does what it is told and measures nothing.

`bms simulate` uses it when no `--plant` is given, to show what a site's schedules would command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from drivers.plant import PlantPoint
from drivers.points import Point


class EchoPlant:
    """Outputs read back as commanded, a `status` follows its `enable`; the rest has no value."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = [PlantPoint(p.id, p.unit, p.writable) for p in points]
        self._status = {
            f"{device}.enable": f"{device}.status"
            for device, _, role in (p.id.rpartition(".") for p in points)
            if role == "status"
        }
        self._values: dict[str, float] = {}
        for point in points:
            if point.writable:
                self._set(point.id, 0.0)

    def _set(self, name: str, value: float) -> None:
        self._values[name] = value
        status = self._status.get(name)
        if status is not None:
            self._values[status] = value

    def points(self) -> Sequence[PlantPoint]:
        return self._points

    def read(self) -> Mapping[str, float]:
        # A point without a value reads as NaN, which the driver reports as BAD, not as a number.
        return {point.name: self._values.get(point.name, float("nan")) for point in self._points}

    def write(self, values: Mapping[str, float | None]) -> None:
        for name, value in values.items():
            self._set(name, 0.0 if value is None else value)

    def advance(self, until: datetime) -> datetime:
        return until

    def close(self) -> None:
        """Nothing to keep."""
