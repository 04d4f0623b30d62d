"""Base Tonglu: compressed air on a joined header, water pumps, parking lighting, PV."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from simulators.parks.board import Board, keys
from simulators.parks.demo.metering import Metering
from simulators.parks.demo.surroundings import Step, Switched, WeatherStation
from simulators.parks.demo.water_supply import WaterSupply
from simulators.physics.car_park import CarPark
from simulators.physics.compressed_air import AirHeader, dryer_power_kw
from simulators.physics.motor import Motor
from simulators.physics.pv import pv_power_kw

BASE = "tonglu"
_PRODUCTION_KW = 1100.0
_GROWTH = 1.087
"""Production energy grows by 8.7 % a year; with what does not grow, the base grows by about 7 %."""
_COMPRESSORS = ("ac-1", "ac-2", "ac-3", "ac-4")
_COMPRESSOR_KW = 110.0
_COMPRESSOR_M3MIN = 20.0
_LEAKS_M3MIN = 9.0
_TOOLS_M3MIN = 36.0
"""Free air that leaks all the time, and that full production uses besides."""
_BURST_M3MIN = 15.0
"""What a burst line takes besides."""
_DRYERS = ("dryer-1", "dryer-2")
_DRYER_KW = 12.0
_PUMPS = ("wp-1", "wp-2")
_PUMP_KW = 15.0
_ZONES = {
    "park-1": 10.5, "park-2": 10.5, "park-3": 10.5, "park-4": 10.5, "aisle-1": 5.0, "aisle-2": 5.0
}  # fmt: skip
"""About 1,300 lamps of 40 W: over the bays of four zones, and over two aisles."""
_ROWS = (4, 4, 4, 4)
"""Bays that are seen one by one, by zone."""
_PV_KW = 1500.0
_CHARGERS = ("charger-1", "charger-2", "charger-3", "charger-4")
_CHARGER_KW = 60.0
"""Full at the highest occupancy; in parallel as many as there are people."""


class Tonglu:
    """See the module; steps are driven by the park."""

    def __init__(self, board: Board) -> None:
        self._values = board.values
        self._weather = WeatherStation(board, BASE)
        self._header = AirHeader([_COMPRESSOR_KW] * 4, [_COMPRESSOR_M3MIN] * 4, 25.0)
        for name in _COMPRESSORS:
            board.add(BASE, name, "enable status fault load power energy")
        self._header_keys = board.add(BASE, "air-header", "pressure flow")
        self._burst_m3min = 0.0
        self._second = board.add(BASE, "air-header-2", "pressure")[0]
        board.values[self._header_keys[0]] = self._header.pressure_kpa
        board.values[self._second] = self._header.pressure_kpa
        for name in _DRYERS:
            board.add(BASE, name, "enable status power")
        self._pumps = [Motor(_PUMP_KW) for _ in _PUMPS]
        for name in _PUMPS:
            board.add(BASE, name, "enable speed status fault power")
        self._water = WaterSupply(board, BASE)
        self._parking = Switched(board, BASE, _ZONES, "level")
        self._occupied = [board.add(BASE, name, "occupied")[0] for name in _ZONES]
        self._cars = CarPark(_ROWS)
        self._bays = [
            board.add(BASE, f"bay-{i:02d}", "occupied")[0] for i in range(1, sum(_ROWS) + 1)
        ]
        self._lanes = [board.add(BASE, f"lane-{i}", "motion")[0] for i in (1, 2)]
        self._charging: list[str] = []
        for name in _CHARGERS:
            made = board.add(BASE, name, "enable demand_limit status power")
            self._charging += made[:2]
            board.values[f"{BASE}.{name}.demand_limit"] = 100.0
        self._charger_commands = itemgetter(*self._charging)
        self._charger_status = keys(BASE, _CHARGERS, "status")
        self._sun_lost = False
        self._metering = Metering(
            board,
            BASE,
            {
                "meter-air": _COMPRESSORS,
                "meter-dryers": _DRYERS,
                "meter-pumps": _PUMPS,
                "meter-parking": [*_ZONES],
                "meter-chargers": _CHARGERS,
                "meter-roof-water": self._water.machines[:2],
                "meter-drainage": self._water.machines[2:],
            },
            counted=_COMPRESSORS,
            generation=("pv-1",),
            export="meter-export",
        )
        self._enables = itemgetter(*keys(BASE, (*_COMPRESSORS, *_DRYERS), "enable"))
        self._pump_commands = itemgetter(
            *(f"{BASE}.{name}.{role}" for name in _PUMPS for role in ("enable", "speed"))
        )
        self._status = keys(BASE, (*_COMPRESSORS, *_DRYERS, *_PUMPS, "pv-1"), "status")
        self._loads = keys(BASE, _COMPRESSORS, "load")

    def step(self, step: Step) -> None:
        """Advance the base by one step."""
        values, dt, mean = self._values, step.dt_s, step.mean
        production = step.activity.production
        growth = _GROWTH**step.years
        enables = self._enables(values)
        header = self._header
        header.step(
            enables[:4], _LEAKS_M3MIN + self._burst_m3min + _TOOLS_M3MIN * production * growth, dt
        )
        powers = list(header.powers_kw)
        # Two dryers share the air; each is made for half of what the compressors can give.
        dryers_on = enables[4:]
        count = sum(dryers_on)
        flow = header.delivered_m3min
        share = flow / (count * 2.0 * _COMPRESSOR_M3MIN) if count else 0.0
        powers += [dryer_power_kw(_DRYER_KW, share) if on else 0.0 for on in dryers_on]
        on_1, speed_1, on_2, speed_2 = self._pump_commands(values)
        first, second = self._pumps
        first.step(on_1 != 0.0, speed_1, dt)
        second.step(on_2 != 0.0, speed_2, dt)
        powers += [first.power_kw, second.power_kw]
        powers += self._parking.step(1)
        powers += self._charge(step.activity.occupancy)
        powers += self._water.step(step)
        sun = 0.0 if self._sun_lost else mean.irradiance_w_m2
        pv_kw = pv_power_kw(_PV_KW, sun, mean.outdoor_temp_c)

        starters = header.starters
        values.update(
            zip(
                self._status,
                [
                    *(1.0 if s.running else 0.0 for s in starters),
                    *dryers_on,
                    1.0 if first.starter.running else 0.0,
                    1.0 if second.starter.running else 0.0,
                    1.0 if pv_kw > 0.0 else 0.0,
                ],
                strict=True,
            )
        )
        for name, starter in zip(self._loads, starters, strict=True):
            values[name] = header.load_pct if starter.running else 0.0
        values[self._header_keys[0]] = header.pressure_kpa
        values[self._second] = header.pressure_kpa
        values[self._header_keys[1]] = flow * 60.0
        self._show_cars(step)
        self._weather.show(step.end)
        self._metering.book(powers, _PRODUCTION_KW * production * growth, dt, [pv_kw])

    def _charge(self, occupancy: float) -> list[float]:
        """Powers of the chargers: the more people, the more vehicles."""
        given = self._charger_commands(self._values)
        wanted_kw = _CHARGER_KW * min(1.0, occupancy)
        powers = [
            min(wanted_kw, _CHARGER_KW * limit * 0.01) if on else 0.0
            for on, limit in zip(given[::2], given[1::2], strict=True)
        ]
        self._values.update(
            zip(self._charger_status, [1.0 if kw else 0.0 for kw in powers], strict=True)
        )
        return powers

    def inject(self, kind: str, target: str, on: bool) -> None:
        """`break tonglu.pv-1`: the panels give nothing; `break tonglu.air-header`: an air line
        bursts; `break tonglu.roof-tank`: the pipe behind the tank bursts; pumps lose their
        coupling. Raises KeyError for another target."""
        if kind == "break" and self._water.break_(target.removeprefix(f"{BASE}."), on):
            return
        if kind == "break" and target == f"{BASE}.air-header":
            self._burst_m3min = _BURST_M3MIN if on else 0.0
            return
        if kind != "break" or target != f"{BASE}.pv-1":
            raise KeyError(target)
        self._sun_lost = on

    def _show_cars(self, step: Step) -> None:
        values, cars = self._values, self._cars
        taken = cars.occupied(step.local_s)
        values.update(zip(self._bays, [1.0 if bay else 0.0 for bay in taken], strict=True))
        moves = cars.moving(step.local_s - step.dt_s, step.local_s)
        lanes = [moves[0] or moves[1], moves[2] or moves[3]]
        values.update(zip(self._lanes, [1.0 if lane else 0.0 for lane in lanes], strict=True))
        zones = [any(taken[row * 4 : row * 4 + 4]) for row in range(4)]
        shown = [1.0 if zone else 0.0 for zone in (*zones, *lanes)]
        values.update(zip(self._occupied, shown, strict=True))

    def state(self) -> dict[str, Any]:
        return {
            "air": self._header.state(),
            "pumps": [pump.starter.state for pump in self._pumps],
            "water": self._water.state(),
            "kwh": self._metering.counters.kwh,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._header.restore(state["air"])
        for pump, waited in zip(self._pumps, state["pumps"], strict=True):
            pump.starter.restore(waited)
        self._water.restore(state["water"])
        self._metering.counters.restore(state["kwh"])
