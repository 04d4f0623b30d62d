"""The band that zones are held against: taken from one run, used for both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bms.core.equipment import Equipment
from drivers.points import PointId

_OCCUPIED = ("occupied", "enable", "status")
"""The first of these roles that a zone's equipment has says when people are there."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What counts as good service."""

    band_c: tuple[float, float] | None = None
    """For every zone, in place of its own set points."""
    tolerance_k: float = 0.5
    """How far beyond a pair of set points a zone may be: controllers cycle."""
    around_k: float = 2.0
    """The same where one set point serves heating and cooling."""
    humidity_pct: tuple[float, float] = (30.0, 65.0)
    humidity_tolerance_pct: float = 2.0
    """Beyond: what is held at 65 % is now and then above, and sensors say no more."""
    co2_ppm: float = 1000.0


@dataclass(frozen=True, slots=True)
class Zone:
    """Where people are: one piece of equipment with a zone temperature."""

    equipment: str
    temp: PointId
    heating: PointId | None
    cooling: PointId | None
    setpoint: PointId | None
    occupied: PointId | None

    @classmethod
    def of(cls, equipment: Equipment) -> Zone | None:
        """None if the equipment measures no zone."""
        points = equipment.points
        temp = points.get("zone_temp")
        if temp is None:
            return None
        return cls(
            equipment.id,
            temp,
            points.get("heating_setpoint"),
            points.get("cooling_setpoint"),
            points.get("zone_setpoint"),
            next((points[role] for role in _OCCUPIED if role in points), None),
        )

    @property
    def points(self) -> tuple[PointId, ...]:
        named = (self.temp, self.heating, self.cooling, self.setpoint, self.occupied)
        return tuple(point for point in named if point is not None)


Band = tuple[float, float] | None
"""Lowest and highest temperature at which nobody complains; None while nobody is there."""


@dataclass(slots=True)
class Yardstick:
    """The band of each zone over time. The baseline writes it, both runs are held against it.

    So a candidate gains nothing by asking for less: it is judged by what the baseline promised.
    """

    limits: Limits
    _since: dict[str, list[tuple[datetime, Band]]] = field(default_factory=dict)

    def note(self, zones: Iterable[Zone], time: datetime, values: Mapping[PointId, float]) -> None:
        """What the run that defines the service asks for, up to `time`. Times only rise."""
        for zone in zones:
            band = self._asked(zone, values)
            told = self._since.setdefault(zone.equipment, [])
            if not told or told[-1][1] != band:
                told.append((time, band))

    def at(self, zone: Zone, time: datetime) -> Band:
        """The band at an instant."""
        told = self._since.get(zone.equipment, [])
        low, high = 0, len(told)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if told[middle][0] <= time else (low, middle)
        return told[low - 1][1] if low else None

    def _asked(self, zone: Zone, values: Mapping[PointId, float]) -> Band:
        if zone.occupied is not None and not values.get(zone.occupied, 0.0) > 0.0:
            return None
        if self.limits.band_c is not None:
            return self.limits.band_c
        asked = [
            values.get(point) if point is not None else None
            for point in (zone.heating, zone.cooling, zone.setpoint)
        ]
        heating, cooling, single = asked
        margin = self.limits.tolerance_k
        if heating is None and cooling is None:
            if single is None:
                return None
            return single - self.limits.around_k, single + self.limits.around_k
        return (
            heating - margin if heating is not None else float("-inf"),
            cooling + margin if cooling is not None else float("inf"),
        )
