"""Adds up, step by step, what a plant takes and what people get."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bms.control.blocks.humid_air import humidity_at_pct
from bms.core.equipment import Equipment, Medium, PointClass
from bms.reports.saving.comparison import (
    EndUse,
    OutdoorAir,
    Run,
    Service,
    Switching,
    ZoneService,
)
from bms.reports.saving.yardstick import Yardstick, Zone
from drivers.points import PointId

HVAC: Final = frozenset(
    {
        "chiller", "pump", "cooling_tower", "heat_exchanger", "boiler", "heat_pump",
        "air_handler", "terminal_unit", "fan_coil", "fan", "gas_meter",
    }
)  # fmt: skip
"""Kinds whose energy is what cold, heat and air take."""
_STAGED: Final = frozenset({"chiller", "boiler", "heat_pump", "cooling_tower", "pump"})
"""Kinds of which as many run as the load needs."""
_METERED_TWICE: Final = frozenset({"meter", "water_meter", "heat_meter", "pv_inverter"})
"""Meters count what machines have counted already."""
_GAS_KWH_M3: Final = 10.0
"""Natural gas by its upper heating value, where a counter gives cubic metres."""
_LOW_SHARE: Final = 0.05


@dataclass(slots=True)
class _Counted:
    """One counter or rate of a machine."""

    point: PointId
    kind: str
    gas: bool
    factor: float
    """kWh per unit of the counter; of a rate, 1."""
    rate: bool
    last: float | None = None
    kwh: float | None = None

    def step(self, value: float | None, hours: float) -> None:
        if value is None or value != value:
            return
        if self.rate:
            self.kwh = (self.kwh or 0.0) + value * hours
        elif self.last is not None:
            self.kwh = (self.kwh or 0.0) + max(0.0, value - self.last) * self.factor
        self.last = value


@dataclass(slots=True)
class _ZoneSum:
    occupied_h: float = 0.0
    cold_kh: float = 0.0
    hot_kh: float = 0.0


@dataclass(slots=True)
class _Stage:
    """How many machines of a kind run at one base, and how often that changed on each day."""

    running: int | None = None
    changes: dict[int, int] = field(default_factory=lambda: defaultdict(int))


class Tally:
    """Fed with the true values of a plant after each of its steps.

    The first run notes what service it promises in the yardstick; the second is held against it.
    """

    def __init__(
        self, equipment: Iterable[Equipment], yardstick: Yardstick, *, defines: bool
    ) -> None:
        machines = list(equipment)
        self._yardstick = yardstick
        self._defines = defines
        counted = [item for machine in machines for item in _counted(machine)]
        burners = any(item.gas and item.kind != "gas_meter" for item in counted)
        self._counted = [item for item in counted if not (burners and item.kind == "gas_meter")]
        self._zones = [zone for zone in map(Zone.of, machines) if zone is not None]
        self._sums = [_ZoneSum() for _ in self._zones]
        self._occupied_of = {zone.equipment: zone for zone in self._zones}
        self._humid = _with_role(machines, "humidity")
        self._co2 = _with_role(machines, "co2")
        self._air = [(machine.points["oa_flow"], machine.design.min_oa_m3h)
                     for machine in machines if "oa_flow" in machine.points]  # fmt: skip
        known = [least_m3h for _, least_m3h in self._air if least_m3h is not None]
        self._owed_m3h = sum(known) if len(known) == len(self._air) else None
        self._humidity_h = self._co2_h = 0.0
        self._air_seen: list[tuple[float, float]] = []
        self._owed_seen: list[tuple[float, float]] = []
        self._switched = [
            (machine, machine.points.get("status") or machine.points["enable"])
            for machine in machines
            if "status" in machine.points or "enable" in machine.points
        ]
        self._was_on: dict[str, bool] = {}
        self._starts: dict[str, int] = defaultdict(int)
        self._stages: dict[tuple[str, str], _Stage] = defaultdict(_Stage)

    @property
    def points(self) -> frozenset[PointId]:
        """What it has to be told."""
        return frozenset(
            (
                *(item.point for item in self._counted),
                *(point for zone in self._zones for point in zone.points),
                *(point for _, point in (*self._humid, *self._co2, *self._switched)),
                *(point for point, _ in self._air),
            )
        )

    def step(self, before: datetime, now: datetime, values: Mapping[PointId, float]) -> None:
        """What held from `before` to `now`, as the plant shows it at `now`."""
        hours = (now - before).total_seconds() / 3600.0
        for item in self._counted:
            item.step(values.get(item.point), hours)
        if self._defines:
            self._yardstick.note(self._zones, now, values)
        self._serve(now, hours, values)
        self._switch(now, values)

    def _serve(self, now: datetime, hours: float, values: Mapping[PointId, float]) -> None:
        there: dict[str, tuple[float, tuple[float, float]]] = {}
        for zone, total in zip(self._zones, self._sums, strict=True):
            band = self._yardstick.at(zone, now)
            temp = values.get(zone.temp)
            if band is None or temp is None or temp != temp:
                continue
            there[zone.equipment] = temp, band
            total.occupied_h += hours
            total.cold_kh += max(0.0, band[0] - temp) * hours
            total.hot_kh += max(0.0, temp - band[1]) * hours
        limits = self._yardstick.limits
        low, high = limits.humidity_pct
        low -= limits.humidity_tolerance_pct
        high += limits.humidity_tolerance_pct
        for machine, point in self._humid:
            value = values.get(point)
            if value is None or not self._used(machine, there):
                continue
            dry, damp = _at_its_band(value, *there[machine]) if machine in there else (value, value)
            if dry < low or damp > high:
                self._humidity_h += hours
        for machine, point in self._co2:
            value = values.get(point)
            much = value is not None and value > limits.co2_ppm
            if self._used(machine, there) and much:
                self._co2_h += hours
        # Where nobody is, nobody misses fresh air.
        if self._air and (there or not self._zones):
            flows = [(values.get(point, 0.0), least_m3h) for point, least_m3h in self._air]
            self._air_seen.append((sum(flow for flow, _ in flows), hours))
            # What cools for free in one machine's rooms is no air for the people of another's.
            came = sum(flow if least is None else min(flow, least) for flow, least in flows)
            self._owed_seen.append((came, hours))

    def _used(self, machine: str, there: Collection[str]) -> bool:
        return machine in there or machine not in self._occupied_of

    def _switch(self, now: datetime, values: Mapping[PointId, float]) -> None:
        running: dict[tuple[str, str], int] = defaultdict(int)
        for machine, point in self._switched:
            on = values.get(point, 0.0) > 0.0
            kind = machine.kind.name
            if on and self._was_on.get(machine.id) is False:
                self._starts[kind] += 1
            self._was_on[machine.id] = on
            if kind in _STAGED:
                running[machine.base, kind] += on
        for key, count in running.items():
            stage = self._stages[key]
            if stage.running is not None and stage.running != count:
                stage.changes[now.toordinal()] += 1
            stage.running = count

    def run(self, name: str, alarms_raised: int) -> Run:
        """All of it as plain values."""
        return Run(
            name,
            tuple(self._end_uses()),
            Service(
                tuple(
                    ZoneService(zone.equipment, total.occupied_h, total.cold_kh, total.hot_kh)
                    for zone, total in zip(self._zones, self._sums, strict=True)
                ),
                self._humidity_h if self._humid else None,
                self._co2_h if self._co2 else None,
                _outdoor_air(self._air_seen, self._owed_seen, self._owed_m3h),
            ),
            tuple(self._switching()),
            alarms_raised,
        )

    def _end_uses(self) -> Iterable[EndUse]:
        for kind in dict.fromkeys(item.kind for item in self._counted):
            mine = [item for item in self._counted if item.kind == kind and item.kwh is not None]
            yield EndUse(
                kind,
                kind in HVAC,
                _sum(item.kwh for item in mine if not item.gas),
                _sum(item.kwh for item in mine if item.gas),
            )

    def _switching(self) -> Iterable[Switching]:
        for kind in dict.fromkeys(machine.kind.name for machine, _ in self._switched):
            days = [
                count
                for (_, of), stage in self._stages.items()
                if of == kind
                for count in stage.changes.values()
            ]
            yield Switching(kind, self._starts[kind], sum(days), max(days, default=0))


def _counted(machine: Equipment) -> list[_Counted]:
    """The counters of a machine; for a carrier without one, its rate."""
    if machine.kind.name in _METERED_TWICE:
        return []
    found = []
    for role in machine.kind.roles.values():
        point = machine.points.get(role.name)
        if point is None or role.klass is not PointClass.COUNTER:
            continue
        gas = role.name.startswith("gas") or machine.kind.medium is Medium.GAS
        if role.unit in ("kWh", "m3"):
            factor = _GAS_KWH_M3 if role.unit == "m3" else 1.0
            found.append(_Counted(point, machine.kind.name, gas, factor, rate=False))
    for rate, gas in (("power", False), ("gas_power", True)):
        point = machine.points.get(rate)
        if point is not None and not any(item.gas is gas for item in found):
            found.append(_Counted(point, machine.kind.name, gas, 1.0, rate=True))
    return found


def _with_role(machines: Iterable[Equipment], role: str) -> list[tuple[str, PointId]]:
    return [
        (machine.id, machine.points[role])
        for machine in machines
        if machine.kind.name != "weather_station" and role in machine.points
    ]


def _at_its_band(
    humidity_pct: float, temp_c: float, band_c: tuple[float, float]
) -> tuple[float, float]:
    """What is held against the limits of dry and of damp air.

    Where in its band a zone is kept is no matter of service, and beyond it is counted already. So
    air is dry only if it would be so at the coolest temperature of the band; and damp as it is, at
    the nearest temperature of the band: cool rooms do get mouldy.
    """
    coolest_c = band_c[0] if math.isfinite(band_c[0]) else temp_c
    nearest_c = min(max(temp_c, band_c[0]), band_c[1])
    return (
        humidity_at_pct(humidity_pct, temp_c, min(coolest_c, nearest_c)),
        humidity_at_pct(humidity_pct, temp_c, nearest_c),
    )


def _sum(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _outdoor_air(
    seen: list[tuple[float, float]], came: list[tuple[float, float]], owed_m3h: float | None
) -> OutdoorAir | None:
    hours = sum(part for _, part in seen)
    if hours <= 0.0:
        return None
    mean = sum(flow * part for flow, part in seen) / hours
    judged_m3h = None if owed_m3h is None else _exceeded(came, hours)
    return OutdoorAir(mean, _exceeded(seen, hours), judged_m3h)


def _exceeded(seen: list[tuple[float, float]], hours: float) -> float:
    """What was exceeded in 95 % of the time."""
    least = _LOW_SHARE * hours
    low = 0.0
    for flow, part in sorted(seen):
        low = flow
        least -= part
        if least < 0.0:
            break
    return low
