"""Two fans, a thermometer and a meter in process, as before and after the change of layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from drivers.plant import PlantPoint

_FANS = ("b.holds.enable", "b.holds.speed", "b.lets-go.enable", "b.lets-go.speed")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_KW = 12.0


class Rig:
    """Obeys; 12 kW run through its meter, which was replaced at the moment it is told."""

    def __init__(self, start: datetime, replaced: str) -> None:
        self._replaced = datetime.fromisoformat(replaced)
        self._now = start
        self._told = dict.fromkeys(_FANS, 0.0)

    def points(self) -> Sequence[PlantPoint]:
        units = {"b.station.outdoor_temp": "degC", "b.m.energy": "kWh"}
        return [PlantPoint(name, "", True) for name in _FANS] + [
            PlantPoint(name, unit) for name, unit in units.items()
        ]

    def read(self) -> Mapping[str, float]:
        since = self._replaced if self._now >= self._replaced else _EPOCH
        hours = (self._now - since).total_seconds() / 3600
        return {
            **self._told,
            "b.station.outdoor_temp": 20.0 + round(hours) % 10,
            "b.m.energy": round(_KW * hours, 2),
        }

    def write(self, values: Mapping[str, float | None]) -> None:
        self._told |= {name: 0.0 if value is None else value for name, value in values.items()}

    def advance(self, until: datetime) -> datetime:
        self._now = until
        return until

    def close(self) -> None:
        pass
