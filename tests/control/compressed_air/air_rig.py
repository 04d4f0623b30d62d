"""A station of compressors with its physics under an engine, and without one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from bms.core.decisions import OutputRules
from bms.core.equipment import Equipment
from bms.core.machines.relations import Design, Relations, Standing
from simulators.activity import WorkCalendar
from simulators.physics.air_station import AirStation, AirUnitSpec
from simulators.physics.compressed_air import dryer_power_kw
from tests.control.engine.parts import T0
from tests.control.parts import BASE, Rig, group, machine

CRITICAL_KPA = 600.0
CHINA_S = 8 * 3600.0


def compressor(
    name: str,
    flow_m3min: float = 20.0,
    rated_kw: float = 110.0,
    *,
    without: tuple[str, ...] = (),
    relations: Relations | None = None,
) -> Equipment:
    """A compressor whose file says what it can give."""
    made = machine(name, "air_compressor", without=("current", "speed_feedback", "local", *without))
    standing = Standing(
        relations=relations or Relations(), design=Design(flow_m3h=60.0 * flow_m3min)
    )
    return replace(made, rated_kw=rated_kw, standing=standing)


def dryer(name: str, flow_m3min: float = 40.0, rated_kw: float = 12.0) -> Equipment:
    made = machine(name, "air_dryer")
    standing = Standing(design=Design(flow_m3h=60.0 * flow_m3min))
    return replace(made, rated_kw=rated_kw, standing=standing)


@dataclass
class Counted:
    """What a time was like."""

    kwh: float = 0.0
    dryer_kwh: float = 0.0
    low_min: float = 0.0
    """Below the critical pressure."""
    used_m3: float = 0.0
    unit_h: float = 0.0
    seconds: float = 0.0
    kpa_s: float = 0.0
    starts: dict[str, list[float]] = field(default_factory=dict)

    def add(self, station: AirStation, dt_s: float, dryers_kw: float) -> None:
        hours = dt_s / 3600.0
        self.kwh += sum(station.powers_kw) * hours
        self.dryer_kwh += dryers_kw * hours
        self.low_min += dt_s / 60.0 if station.pressure_kpa < CRITICAL_KPA else 0.0
        self.used_m3 += station.used_m3min * dt_s / 60.0
        self.unit_h += sum(station.running) * hours
        self.seconds += dt_s
        self.kpa_s += station.pressure_kpa * dt_s

    @property
    def mean_kpa(self) -> float:
        return self.kpa_s / self.seconds


class Station:
    """Units under the strategy, second by second or in longer steps."""

    def __init__(
        self,
        specs: Sequence[AirUnitSpec],
        members: Sequence[Equipment] = (),
        others: Sequence[Equipment] = (),
        *,
        volume_m3: float = 25.0,
        leaks_m3min: float = 9.0,
        rules: Callable[[Equipment], OutputRules] | None = None,
        saved: Any = None,
        **parameters: Any,
    ) -> None:
        self.plant = AirStation(specs, volume_m3, leaks_m3min)
        made = list(members) or [
            compressor(f"ac-{i}", spec.flow_m3min, spec.rated_kw, without=("speed",))
            for i, spec in enumerate(specs, 1)
        ]
        header = machine("hdr", "air_header")
        self.units = [m.id.split(".")[1] for m in made if m.kind.name == "air_compressor"]
        self.dryers = [m for m in made if m.kind.name == "air_dryer"]
        self.rig = Rig(
            group("compressors", made, [header, *others], header="hdr", **parameters),
            rules=rules or (lambda e: OutputRules(e.kind.min_on_s, e.kind.min_off_s)),
            saved=saved,
        )
        self.demand_m3min: Callable[[float], float] = lambda _: 20.0
        self.shown: Callable[[float], float] = lambda kpa: kpa
        """What the transmitter makes of the pressure."""
        self.broken: set[str] = set()
        """Units that never run, whatever they are told."""
        self.counted = Counted()
        self._seconds: dict[str, float] = {}
        self._before: float | None = None
        self._was: set[str] = set()
        self.rig.plant = self._advance
        self.rig.mode("on")

    @property
    def kpa(self) -> float:
        return self.plant.pressure_kpa

    @property
    def on(self) -> list[str]:
        """Units that are told to run."""
        return [n for n in self.units if self.rig.values[f"{BASE}.{n}.enable"]]

    def start_with(self, names: Sequence[str]) -> None:
        """These run already."""
        for name in names:
            self.rig.values[f"{BASE}.{name}.enable"] = 1
        self.plant.step([n in names for n in self.units], self.demand_m3min(0.0), 60.0)
        self.plant.pressure_kpa = 690.0
        self._show()

    def second(self, name: str, off_kpa: float) -> None:
        """Another transmitter shows the pressure, so much off."""
        self._seconds[name] = off_kpa

    def run(self, seconds: float, step_s: float = 1.0) -> None:
        """Live for so long."""
        end = self.rig.seconds + seconds
        while self.rig.seconds < end - 1e-9:
            self.rig.step(self.rig.seconds + min(step_s, end - self.rig.seconds))

    def until(self, holds: Callable[[], bool], most_s: float, step_s: float = 1.0) -> float:
        """Live until it holds; the seconds that took."""
        begun = self.rig.seconds
        while not holds():
            assert self.rig.seconds - begun < most_s, (self.kpa, self.on, self.rig.active())
            self.rig.step(self.rig.seconds + step_s)
        return self.rig.seconds - begun

    def _advance(self) -> None:
        now, values = self.rig.seconds, self.rig.values
        if self._before is not None and now > self._before:
            dt_s = now - self._before
            told = [bool(values[f"{BASE}.{n}.enable"]) for n in self.units]
            for name in {n for n, on in zip(self.units, told, strict=True) if on} - self._was:
                self.counted.starts.setdefault(name, []).append(now)
            self._was = {n for n, on in zip(self.units, told, strict=True) if on}
            enabled = [on and n not in self.broken for n, on in zip(self.units, told, strict=True)]
            self.plant.step(enabled, self.demand_m3min(now), dt_s, self._speeds())
            self.counted.add(self.plant, dt_s, self._dryers_kw())
        self._before = now
        self._show()

    def _speeds(self) -> list[float | None]:
        points = [f"{BASE}.{n}.speed" for n in self.units]
        return [
            float(self.rig.values[p]) / 100.0 if spec.driven and p in self.rig.values else None
            for p, spec in zip(points, self.plant.units, strict=True)
        ]

    def _dryers_kw(self) -> float:
        on = [d for d in self.dryers if self.rig.values[d.points["enable"]]]
        carried = sum((d.design.flow_m3h or 0.0) / 60.0 for d in on)
        share = self.plant.delivered_m3min / carried if carried else 0.0
        return sum(dryer_power_kw(d.rated_kw or 0.0, share) for d in on)

    def _show(self) -> None:
        values = self.rig.values
        values[f"{BASE}.hdr.pressure"] = self.shown(self.kpa)
        values[f"{BASE}.hdr.flow"] = 60.0 * self.plant.delivered_m3min
        for name, off_kpa in self._seconds.items():
            values[f"{BASE}.{name}.pressure"] = self.kpa + off_kpa
        for i, name in enumerate(self.units):
            shown = {
                "status": int(self.plant.running[i]),
                "load": 100.0 * self.plant.loads[i] if self.plant.running[i] else 0.0,
                "power": self.plant.powers_kw[i],
            }
            for role, number in shown.items():
                if f"{BASE}.{name}.{role}" in values:
                    values[f"{BASE}.{name}.{role}"] = number


class Works:
    """What works use of air, in m3/min at 7 bar: shifts, gusts of minutes, and big consumers."""

    def __init__(self, seed: int, tools_m3min: float, offset_s: float = 0.0) -> None:
        self._rng = Random(seed)
        self._tools, self._offset_s = tools_m3min, offset_s
        self._calendar = WorkCalendar()
        self._gust = 0.0
        self._until_s = -1.0
        self._blow_s = -1.0

    def __call__(self, seconds: float) -> float:
        """The demand; to be asked in the order of time."""
        local_s = T0.timestamp() + CHINA_S + self._offset_s + seconds
        production = self._calendar.at(local_s).production
        if seconds >= self._until_s:
            self._gust = self._rng.gauss(0.0, 0.06)
            self._until_s = seconds + self._rng.uniform(30.0, 300.0)
            if self._rng.random() < 0.01:
                self._blow_s = seconds + self._rng.uniform(20.0, 60.0)
        blow = 0.15 if seconds < self._blow_s else 0.0
        return max(0.0, self._tools * (production + production * self._gust + blow))

    def sunday(self, seconds: float) -> bool:
        """Whether the day is one on which the works rest."""
        day_s = (T0.timestamp() + CHINA_S + self._offset_s + seconds) // 86400.0
        return (day_s + 3) % 7 == 6


def cascade(specs: Sequence[AirUnitSpec], step_kpa: float = 20.0) -> list[AirUnitSpec]:
    """The units set to a fixed cascade of their own pressure bands, the first one highest; each
    stops after ten minutes unloaded, and starts again by its band."""
    return [
        replace(
            spec,
            full_kpa=690.0 - step_kpa * i,
            none_kpa=750.0 - step_kpa * i,
            stops_s=600.0,
        )
        for i, spec in enumerate(specs)
    ]


def by_themselves(
    specs: Sequence[AirUnitSpec],
    demand: Callable[[float], float],
    seconds: float,
    step_s: float,
    *,
    leaks_m3min: float = 9.0,
    volume_m3: float = 25.0,
    dryers: Sequence[Equipment] = (),
) -> Counted:
    """The same station without a controller: all units on, by their own bands; dryers always on."""
    plant, counted = AirStation(specs, volume_m3, leaks_m3min), Counted()
    at_s = 0.0
    carried = sum((d.design.flow_m3h or 0.0) / 60.0 for d in dryers)
    while at_s < seconds:
        at_s += step_s
        plant.step([True] * len(specs), demand(at_s), step_s)
        share = plant.delivered_m3min / carried if carried else 0.0
        drawn = sum(dryer_power_kw(d.rated_kw or 0.0, share) for d in dryers)
        counted.add(plant, step_s, drawn)
    return counted
