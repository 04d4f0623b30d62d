"""A fan and a thermometer in process, for a controller that is a separate process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from drivers.plant import PlantPoint


class Rig:
    """Obeys; the outdoor temperature is 25 degC."""

    def __init__(self, start: datetime) -> None:
        self._values = {
            "b.holds.enable": 0.0,
            "b.holds.speed": 0.0,
            "b.station.outdoor_temp": 25.0,
        }

    def points(self) -> Sequence[PlantPoint]:
        return [PlantPoint(name, "", name.startswith("b.holds")) for name in self._values]

    def read(self) -> Mapping[str, float]:
        return dict(self._values)

    def write(self, values: Mapping[str, float | None]) -> None:
        self._values |= {name: 0.0 if v is None else v for name, v in values.items()}

    def advance(self, until: datetime) -> datetime:
        return until

    def close(self) -> None:
        pass
