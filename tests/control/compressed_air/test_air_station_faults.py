"""What holds of a station of compressors whatever happens to it, over random lives."""

from __future__ import annotations

from random import Random

import pytest

from bms.core.decisions import Priority
from bms.core.machines.equipment_kinds import KINDS
from simulators.physics.air_station import AirUnitSpec
from tests.control.compressed_air.air_rig import (
    CRITICAL_KPA,
    Station,
    Works,
    compressor,
    dryer,
)
from tests.control.parts import BASE
from tests.extent import extent

NAMED_S = 90.0
"""Beyond its proof time a unit that never runs has its alarm."""
SERVED_S = 420.0
"""Below the critical pressure for so long, all that can run is told to: 60 s of the cap, and 20 s
and a start for each unit."""


class Life:
    """One station, unlike others, and what goes wrong with it."""

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(seed)
        sizes = [rng.choice([10.0, 20.0, 20.0, 30.0]) for _ in range(rng.randint(2, 5))]
        if rng.random() < 0.5:
            sizes = [20.0] * len(sizes)
        specs = [AirUnitSpec(5.5 * size, size) for size in sizes]
        lacks = rng.choice([(), ("fault",), ("load",), ("status",), ("load", "power")])
        members = [
            compressor(f"ac-{i}", size, 5.5 * size, without=("speed", *lacks))
            for i, size in enumerate(sizes, 1)
        ]
        self.fault_contacts = "fault" not in lacks
        dryers = [dryer(f"dr-{i}", sum(sizes) / 2.0) for i in (1, 2)]
        self.station = Station(specs, [*members, *dryers], leaks_m3min=0.1 * sum(sizes),
                               critical_kpa=CRITICAL_KPA, volume_m3=sum(sizes) / 3.0)  # fmt: skip
        self.station.demand_m3min = Works(seed, rng.uniform(0.3, 0.75) * sum(sizes))
        self.found: list[str] = []
        self.seed = seed
        self._ran: dict[str, bool] = {}
        self._dead_s: dict[str, float] = {}
        self._low_s = 0.0
        self._idle_s: dict[str, float] = {}
        self.cap = len(sizes)

    def run(self, hours: float) -> list[str]:
        station, rng = self.station, self.rng
        end_s = hours * 3600.0
        while station.rig.seconds < end_s and len(self.found) < 5:
            if rng.random() < 0.25:
                self._happens(rng)
            for _ in range(rng.randint(5, 60)):
                station.rig.step(station.rig.seconds + 5.0)
                self._holds(5.0)
        return self.found

    def _happens(self, rng: Random) -> None:
        station, rig = self.station, self.station.rig
        what = rng.choice(["dead", "alive", "fault", "well", "bad", "good", "cap", "reset", "lie"])
        unit = rng.choice(station.units)
        if what == "dead" and len(station.broken) < len(station.units) - 1:
            station.broken.add(unit)
        elif what == "alive":
            station.broken.clear()
        elif what == "fault" and self.fault_contacts:
            rig.put(f"{unit}.fault", 1)
        elif what == "well" and self.fault_contacts:
            for name in station.units:
                rig.put(f"{name}.fault", 0)
        elif what == "bad":
            rig.bad.add("b.hdr.pressure")
        elif what == "good":
            rig.bad.clear()
            station.shown = lambda kpa: kpa
        elif what == "lie":
            off_kpa = rng.choice([-30.0, 15.0])
            station.shown = lambda kpa: kpa + off_kpa
        elif what == "cap":
            self.cap = rng.randint(1, len(station.units))
            rig.give("max_units", self.cap)
        elif what == "reset":
            rig.reset(unit)

    def _holds(self, step_s: float) -> None:
        station, rig = self.station, self.station.rig
        active = {condition.key for condition in rig.engine.conditions}
        wanted = [n for n in station.units if self._wanted(n)]
        if len(wanted) > self.cap and "b.g:pressure" not in active:
            self._say(f"{len(wanted)} units under a cap of {self.cap}, and no alarm says why")
        for name in station.units:
            self._watch(name, step_s, active)
        if wanted and not any(rig.values[d.points["enable"]] for d in station.dryers):
            self._say("compressors run and no dryer does")
        known = "b.hdr.pressure" not in rig.bad
        low = station.kpa < CRITICAL_KPA - 40.0 and known and station.shown(0.0) == 0.0
        self._low_s = self._low_s + step_s if low else 0.0
        for name in station.units:
            idle = low and name not in station.on and self._could(name)
            self._idle_s[name] = self._idle_s.get(name, 0.0) + step_s if idle else 0.0
            if self._idle_s[name] > SERVED_S:
                self._say(f"{station.kpa:.0f} kPa for {self._low_s:g} s, and {name} stands still")
        if self._low_s > SERVED_S and "b.g:pressure" not in active:
            self._say("below the critical pressure and no alarm")

    def _watch(self, name: str, step_s: float, active: set[str]) -> None:
        rig = self.station.rig
        told = bool(rig.values[f"{BASE}.{name}.enable"])
        if told and self.fault_contacts and rig.get(f"{name}.fault"):
            self._dead_s[f"{name}!"] = self._dead_s.get(f"{name}!", 0.0) + step_s
            if self._dead_s[f"{name}!"] > 15.0:
                self._say(f"{name} is on with its fault contact closed")
        else:
            self._dead_s[f"{name}!"] = 0.0
        # One that ran may pause by itself; one that never ran since it was told to may not.
        runs = self.station.plant.running[self.station.units.index(name)]
        self._ran[name] = told and (runs or self._ran.get(name, False))
        dead = told and name in self.station.broken and not self._ran[name]
        self._dead_s[name] = self._dead_s.get(name, 0.0) + step_s if dead else 0.0
        late_s = KINDS["air_compressor"].proves_s + NAMED_S
        if self._dead_s[name] > late_s and not any(k.startswith(f"b.{name}:") for k in active):
            self._say(f"{name} does not run for {late_s:g} s and nobody says so")
            self._dead_s[name] = 0.0

    def _could(self, name: str) -> bool:
        """Whether nothing but the strategy keeps it off."""
        award = self.station.rig.engine.why(f"{BASE}.{name}.enable")
        return award is not None and award.winner.priority is Priority.SEQUENCE

    def _wanted(self, name: str) -> bool:
        award = self.station.rig.engine.why(f"{BASE}.{name}.enable")
        commands = () if award is None else (award.winner, *award.losers)
        return any(c.priority is Priority.SEQUENCE and c.value for c in commands)

    def _say(self, text: str) -> None:
        at = self.station.rig.seconds
        self.found.append(f"seed {self.seed} at {at / 3600.0:.2f} h: {text}")


@pytest.mark.parametrize("seed", range(4))
def test_a_life_of_faults(seed: int) -> None:
    assert Life(seed).run(6.0) == []


@pytest.mark.slow
def test_many_lives_of_faults() -> None:
    found = [text for seed in range(100, 100 + extent(24, 240)) for text in Life(seed).run(24.0)]
    assert found == []
