"""An in-process plant behind the same `Driver` protocol as the real links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PlantPoint:
    """One point a plant offers, by its own name; `unit` is canonical (kW, degC, ...)."""

    name: str
    unit: str = ""
    writable: bool = False


class Plant(Protocol):
    """A simulated plant, stepped by whoever runs it.

    Built as `Class(start=aware_datetime, **options)` with string options.
    States (status, enable) are 0.0 or 1.0. Counters only rise. `write` of None releases a point.
    """

    def points(self) -> Sequence[PlantPoint]: ...

    def read(self) -> Mapping[str, float]: ...

    def write(self, values: Mapping[str, float | None]) -> None: ...

    def advance(self, until: datetime) -> datetime:
        """Simulate up to `until`; returns the time reached, which may be a later whole step."""
        ...

    def close(self) -> None: ...
