"""Boosters on a main: pressure, staging, rest, and what they do when something fails."""

from __future__ import annotations

from dataclasses import replace

from bms.core.machines.relations import Design, Standing
from simulators.physics.motor import Starter
from simulators.physics.water.basins import Main
from tests.control.parts import BASE, Rig, group
from tests.control.water_supply.waterworks import thing

PUMP_M3H = 12.0
SETPOINT_KPA = 400.0


class Mains(Rig):
    """A main with boosters; `taps_m3h` is what people draw at 400 kPa."""

    def __init__(self, count: int = 3, roles: tuple[str, ...] = ("pressure", "flow")) -> None:
        pumps = [
            thing(f"b-{n}", "pump", ("enable", "status", "fault", "speed"),
                  Standing(design=Design(flow_m3h=PUMP_M3H)))
            for n in range(1, count + 1)
        ]  # fmt: skip
        made = group(
            "pressure_pumps", pumps, [thing("main", "water_main", roles, Standing())],
            main="main", setpoint_kpa=SETPOINT_KPA,
        )  # fmt: skip
        super().__init__(replace(made, zone="Asia/Shanghai"))
        self.main = Main(SETPOINT_KPA, 0.5)
        self.starters = {f"b-{n}": Starter(2.0) for n in range(1, count + 1)}
        self.taps_m3h = 0.0
        self.lowest_kpa = SETPOINT_KPA
        self._at = 0.0
        self.plant = self._flow
        self._flow()
        self.mode("on")

    def _flow(self) -> None:
        dt_s = self.seconds - self._at
        self._at = self.seconds
        if dt_s > 0.0:
            given = []
            for name, starter in self.starters.items():
                on = bool(self.get(f"{name}.enable")) and name not in self.dead
                share = starter.run(on, dt_s)
                speed = float(self.get(f"{name}.speed")) / 100.0 if share else 0.0
                given.append((PUMP_M3H, speed))
            self.main.step(given, self.taps_m3h, dt_s)
            self.lowest_kpa = min(self.lowest_kpa, self.main.pressure_kpa)
        for role, shown in (("pressure", self.main.pressure_kpa), ("flow", self.main.flow_m3h),
                            ("second_pressure", self.main.pressure_kpa)):  # fmt: skip
            if f"{BASE}.main.{role}" in self.values:
                self.put(f"main.{role}", shown)

    def live(self, minutes: float) -> None:
        """Live for so long."""
        self.run(self.seconds + minutes * 60.0, 2.0)


def test_pressure_is_held_by_as_many_pumps_as_it_takes() -> None:
    mains = Mains()
    mains.taps_m3h = 8.0
    mains.live(10)
    assert abs(mains.main.pressure_kpa - SETPOINT_KPA) < 10.0
    assert len(mains.running("pump")) == 1
    mains.lowest_kpa = SETPOINT_KPA
    mains.taps_m3h = 28.0
    mains.live(10)
    assert abs(mains.main.pressure_kpa - SETPOINT_KPA) < 15.0
    assert len(mains.running("pump")) == 3
    mains.taps_m3h = 8.0
    mains.live(30)
    assert len(mains.running("pump")) == 1
    assert mains.active() == set()


def test_the_last_pump_rests_while_nobody_draws_and_wakes_in_time() -> None:
    mains = Mains()
    mains.taps_m3h = 8.0
    mains.live(10)
    mains.taps_m3h = 0.0
    mains.live(10)
    assert mains.running("pump") == set()
    mains.lowest_kpa = SETPOINT_KPA
    mains.taps_m3h = 4.0
    mains.live(10)
    assert len(mains.running("pump")) == 1
    assert mains.lowest_kpa > 240.0
    assert mains.active() == set()


def test_the_next_booster_stands_in_for_one_that_fails() -> None:
    mains = Mains()
    mains.taps_m3h = 8.0
    mains.live(5)
    (first,) = mains.running("pump")
    mains.dead.add(first)
    mains.live(3)
    assert mains.running("pump")
    assert first not in mains.running("pump")
    assert f"b.{first}:proof" in mains.active()
    assert abs(mains.main.pressure_kpa - SETPOINT_KPA) < 15.0


def test_without_a_pressure_one_pump_runs_at_a_fixed_speed() -> None:
    mains = Mains()
    mains.taps_m3h = 8.0
    mains.live(5)
    mains.bad.add("b.main.pressure")
    mains.live(3)
    assert len(mains.running("pump")) == 1
    assert {mains.get(f"{name}.speed") for name in mains.running("pump")} == {80.0}
    assert mains.active() == {"b.g:pressure-sensor"}


def test_a_flow_beyond_the_pumps_is_a_burst() -> None:
    mains = Mains(count=2)
    mains.taps_m3h = 60.0
    mains.live(15)
    assert {"b.g:burst", "b.g:pressure"} <= mains.active()
