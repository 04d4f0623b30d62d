"""A store of hot tap water with a heat pump and a heater, under strategy and protection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bms.core.machines.relations import Design, Relations, Standing
from simulators.physics.water.hot_store import HotStore, circulation_return_c
from tests.control.parts import BASE, Rig, group
from tests.control.water_supply.waterworks import thing

VOLUME_M3 = 2.0
POWERS_KW = {"hp": 20.0, "eh": 24.0}
LOOP_M3H = 0.6
LOOP_KW_K = 0.08
COLD_C = 12.0
SENSORS = ("top_temp", "middle_temp", "bottom_temp")


class Bathhouse(Rig):
    """`draw` gives what people draw (m3/h at the tap) by seconds; none while outlets are shut."""

    def __init__(
        self,
        *,
        sensors: tuple[str, ...] = SENSORS,
        temp_c: float = 55.0,
        mixing: bool = True,
        outlets: bool = True,
        **parameters: Any,
    ) -> None:
        serves = Relations(serves=("store",))
        store = thing(
            "store", "hot_water_store", sensors,
            Standing(Relations(isolation_valve="outlets" if outlets else ""),
                     Design(volume_m3=VOLUME_M3)),
        )  # fmt: skip
        heaters = [
            replace(
                thing(name, kind, ("enable", "status", "fault"), Standing(serves)),
                capacity_kw=POWERS_KW[name],
            )
            for name, kind in (("hp", "heat_pump"), ("eh", "water_heater"))
        ]
        pumps = [thing(f"circ-{n}", "pump", ("enable", "status", "fault"), Standing())
                 for n in (1, 2)]  # fmt: skip
        others = [*pumps, thing("loop", "tap_water_loop", ("return_temp",), Standing())]
        if mixing:
            others.append(thing("mix", "mixing_valve", ("mixed_temp", "mix_setpoint", "fault"),
                                Standing(Relations(draws_from="store"))))  # fmt: skip
        if outlets:
            others.append(thing("outlets", "valve", ("enable", "closed"), Standing()))
        made = group(
            "hot_tap_water", [store, *heaters], others,
            circulation=["circ-1", "circ-2"], loop="loop",
            **parameters,
        )  # fmt: skip
        super().__init__(replace(made, zone="Asia/Shanghai"))
        self.store = HotStore(VOLUME_M3, temp_c)
        self.sensors = sensors
        self.draw: Callable[[float], float] = lambda seconds: 0.0
        self.lies: dict[str, float] = {}
        self.mix_fails = False
        self.outlets_stick = False
        self.scalded = 0
        """Looks at which people drew water above 66 degC. The one within which the mixing valve
        fails is not counted: nobody can have seen it yet."""
        self.cold_draws = 0
        self.draws = 0
        self.kwh = {"hp": 0.0, "eh": 0.0}
        self._at = 0.0
        self._shut = 0.0
        self.stood_s = self.longest_stood_s = 0.0
        self._mixed = mixing
        self.plant = self._flow
        if outlets:
            self.put("outlets.enable", 1)
        self._flow()
        self.mode("on")

    def _flow(self) -> None:
        dt_s = self.seconds - self._at
        self._at = self.seconds
        store = self.store
        has_outlets = f"{BASE}.outlets.enable" in self.values
        if has_outlets and not self.outlets_stick:
            self._shut = float(not self.get("outlets.enable"))
        shut = bool(self._shut)
        mixes = f"{BASE}.mix.mixed_temp" in self.values and not self.mix_fails
        runs = any(self.get(f"circ-{n}.status") for n in (1, 2))
        circulated = LOOP_M3H if runs else 0.0
        self.stood_s = 0.0 if runs else self.stood_s + dt_s
        self.longest_stood_s = max(self.longest_stood_s, self.stood_s)
        back_c = circulation_return_c(store.temps_c[0], circulated, LOOP_KW_K)
        if dt_s > 0.0:
            tap = 0.0 if shut else self.draw(self.seconds)
            share = 1.0
            if mixes and store.temps_c[0] > 50.0:
                share = (50.0 - COLD_C) / (store.temps_c[0] - COLD_C)
            heat_kw = 0.0
            for name, kw in POWERS_KW.items():
                on = self.get(f"{name}.status") and name not in self.dead
                heat_kw += kw if on else 0.0
                self.kwh[name] += kw * dt_s / 3600.0 if on else 0.0
            out_c = store.step(
                dt_s, draw_m3h=tap * share, cold_c=COLD_C, heat_kw=heat_kw,
                circulated_m3h=circulated, return_c=back_c,
            )  # fmt: skip
            if tap:
                self.draws += 1
                self.scalded += out_c > 66.5 and not mixes and not self._mixed
                self.cold_draws += out_c < 50.0
        self._mixed = mixes
        layers = len(store.temps_c)
        shown = {"top_temp": store.temps_c[0], "middle_temp": store.temps_c[layers // 2],
                 "bottom_temp": store.temps_c[-1]}  # fmt: skip
        for role in self.sensors:
            self.put(f"store.{role}", self.lies.get(role, shown[role]))
        self.put("loop.return_temp", back_c)
        if f"{BASE}.mix.mixed_temp" in self.values:
            self.put("mix.mixed_temp", store.temps_c[0] if self.mix_fails
                     else min(50.0, store.temps_c[0]))  # fmt: skip
        if has_outlets:
            self.put("outlets.closed", self._shut)

    def live(self, hours: float, step_s: float = 60.0) -> None:
        """Live for so long."""
        self.run(self.seconds + hours * 3600.0, step_s)

    def heats(self) -> set[str]:
        """The sources that are told to heat."""
        return {name for name in POWERS_KW if self.get(f"{name}.enable")}

    def circulates(self) -> bool:
        """Whether a circulation pump is told to run."""
        return any(self.get(f"circ-{n}.enable") for n in (1, 2))

    def text(self, key: str) -> str:
        """What an alarm says."""
        return next(str(alarm.text) for alarm in self.engine.alarms() if alarm.key == key)
