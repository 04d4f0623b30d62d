"""Base Binjiang: a chilled-water plant, boilers, four large air handlers, a showroom, lighting."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from simulators.parks.board import Board, keys
from simulators.parks.demo.hot_tap import HotTap
from simulators.parks.demo.metering import Metering
from simulators.parks.demo.surroundings import (
    CoolingPlant,
    Step,
    Switched,
    WeatherStation,
    latent_factor,
)
from simulators.physics.chilled_water import TrainSpec
from simulators.physics.chiller import CENTRIFUGAL_VSD, SCREW
from simulators.physics.daylight_rooms import outdoor_lux, room_lux
from simulators.physics.hot_water import HotWaterPlant
from simulators.physics.zones import Around, Water, ZoneBank, ZoneSpec

BASE = "binjiang"
_PRODUCTION_KW = 900.0
_GROWTH = 1.02
"""Production energy grows by 2 % a year."""
_LARGE = TrainSpec(CENTRIFUGAL_VSD, 700.0, 22.0, 18.5, 7.5)
_SMALL = TrainSpec(SCREW, 350.0, 15.0, 11.0, 5.5)
_HALL = ZoneSpec(9.0, 650_000.0, 120.0, 90.0, 330.0, 220.0, 22.0)
_SHOWROOM = ZoneSpec(0.6, 43_000.0, 12.0, 15.0, 35.0, 25.0, 0.8)
_FRESH_AIR_KW_K = 0.6
"""Heat of the outdoor air that one showroom fan at full speed brings, per kelvin and room."""
_AHUS = ("ahu-1", "ahu-2", "ahu-3", "ahu-4")
_COILS = ("show-fc-1", "show-fc-2")
_FANS = {"show-fan-1": 4.0, "show-fan-2": 4.0}
_BOILERS = ("boiler-1", "boiler-2")
_LIGHTS = {"light-1": 60.0, "light-2": 20.0}
_LANDSCAPE = {"light-3": 30.0, "light-4": 8.0}
_DAYLIGHT_FACTOR = 0.0055
_LAMPS_LUX = 450.0
_DUSK_LUX = 30.0


class Binjiang:
    """See the module; steps are driven by the park."""

    def __init__(self, board: Board) -> None:
        self._values = board.values
        self._weather = WeatherStation(board, BASE)
        self._cooling = CoolingPlant(
            board, BASE, ("ch-1", "ch-2", "ch-3"), (_LARGE, _LARGE, _SMALL), 60.0
        )
        self._heating = HotWaterPlant((600.0, 600.0), 30.0)
        for name in _BOILERS:
            board.add(
                BASE, name,
                "enable hw_setpoint status fault hw_supply_temp hw_return_temp power energy",
            )  # fmt: skip
        self._halls = ZoneBank([_HALL] * 4)
        for name in _AHUS:
            board.add(
                BASE, name,
                "enable zone_setpoint supply_setpoint fan_speed status fault supply_temp zone_temp "
                "=cooling_valve power",
            )  # fmt: skip
        self._showroom = ZoneBank([_SHOWROOM] * 2)
        for name in _COILS:
            board.add(BASE, name, "enable zone_setpoint status zone_temp power")
        self._fans = Switched(board, BASE, _FANS, "speed")
        self._lights = Switched(board, BASE, _LIGHTS, "level")
        self._landscape = Switched(board, BASE, _LANDSCAPE, "level")
        self._tap = HotTap(board, BASE)
        self._office = board.add(BASE, "light-1", "illuminance occupied")
        self._photocell = board.add(BASE, "photocell", "dark illuminance")
        self._metering = Metering(
            board,
            BASE,
            {
                "meter-chw": self._cooling.machines,
                "meter-boilers": _BOILERS,
                "meter-ahu": _AHUS,
                "meter-showroom": [*_COILS, *_FANS],
                "meter-lighting": [*_LIGHTS],
                "meter-landscape": [*_LANDSCAPE],
                "meter-hot-water": self._tap.machines,
            },
            counted=("ch-1", "ch-2", "ch-3", *_BOILERS),
        )
        units = (*_AHUS, *_COILS)
        self._enables = itemgetter(*keys(BASE, units, "enable"))
        self._setpoints = itemgetter(*keys(BASE, units, "zone_setpoint"))
        self._speeds = itemgetter(*keys(BASE, _AHUS, "fan_speed"))
        self._hw = itemgetter(
            *(f"{BASE}.{n}.{role}" for n in _BOILERS for role in ("enable", "hw_setpoint"))
        )
        self._hall_keys = [
            keys(BASE, _AHUS, role)
            for role in ("status", "supply_temp", "zone_temp", "cooling_valve")
        ]
        self._room_keys = [keys(BASE, _COILS, role) for role in ("status", "zone_temp")]
        self._boiler_keys = [
            keys(BASE, _BOILERS, role) for role in ("status", "hw_supply_temp", "hw_return_temp")
        ]

    def step(self, step: Step) -> None:
        """Advance the base by one step."""
        values, dt, mean = self._values, step.dt_s, step.mean
        occupancy = step.activity.occupancy
        enables = self._enables(values)
        halls_on, rooms_on = enables[:4], enables[4:]
        setpoints = self._setpoints(values)
        halls, rooms = self._halls, self._showroom
        fans = self._fans.step(3)

        latent = latent_factor(mean.wet_bulb_c)
        cold_kw = self._cooling.begin(step)
        cooled = (halls.demand_kw(halls_on) + rooms.demand_kw(rooms_on)) * latent
        cold = self._cooling.plant.coil_share()
        if cooled > cold_kw:
            cold *= cold_kw / cooled
        hw = self._hw(values)
        hot_kw = self._heating.begin((hw[:2], hw[2:]), dt)
        heated = halls.heat_demand_kw(halls_on) + rooms.heat_demand_kw(rooms_on)
        hot = self._heating.coil_share()
        if heated > hot_kw:
            hot *= hot_kw / heated

        around = Around(mean.outdoor_temp_c, mean.irradiance_w_m2, occupancy)
        water = Water(cold, hot)
        speeds = [pct * 0.01 for pct in self._speeds(values)]
        halls.step(dt, around, halls_on, setpoints[:4], speeds, water)
        # Fan power is the cube of the air flow: the air is its cube root.
        air = sum((p / 4.0) ** (1 / 3) for p in fans)
        room_c = sum(rooms.temps_c) / 2
        fresh_kw = _FRESH_AIR_KW_K * air * (mean.outdoor_temp_c - room_c)
        around = around._replace(extra_kw=fresh_kw)
        rooms.step(dt, around, rooms_on, setpoints[4:], (1.0, 1.0), water)

        powers = self._cooling.finish((halls.cooling_kw + rooms.cooling_kw) * latent, dt)
        self._heating.finish(halls.heating_kw + rooms.heating_kw, dt)
        powers += self._heating.powers_kw
        powers += halls.powers_kw
        powers += rooms.powers_kw
        powers += fans
        lights = self._lights.step(1)
        powers += lights
        powers += self._landscape.step(1)
        powers += self._tap.step(step)
        self._show(step, lights[0])
        self._metering.book(
            powers, _PRODUCTION_KW * step.activity.production * _GROWTH**step.years, dt
        )

    def _show(self, step: Step, office_kw: float) -> None:
        values, heating = self._values, self._heating
        halls, rooms = self._halls, self._showroom
        for names, shown in zip(
            self._hall_keys,
            (halls.running, halls.supply_c, halls.temps_c, halls.valves_pct),
            strict=True,
        ):
            values.update(zip(names, shown, strict=True))
        for names, shown in zip(self._room_keys, (rooms.running, rooms.temps_c), strict=True):
            values.update(zip(names, shown, strict=True))
        status, supply, back = self._boiler_keys
        for i, starter in enumerate(heating.starters):
            values[status[i]] = 1.0 if starter.running else 0.0
            values[supply[i]] = heating.supply_c
            values[back[i]] = heating.return_c
        lux, occupied = self._office
        lamps_lux = _LAMPS_LUX * office_kw / _LIGHTS["light-1"]
        values[lux] = room_lux(step.end.irradiance_w_m2, _DAYLIGHT_FACTOR, lamps_lux)
        dark, outside = self._photocell
        values[outside] = outdoor_lux(step.end.irradiance_w_m2)
        values[dark] = 1.0 if values[outside] < _DUSK_LUX else 0.0
        values[occupied] = 1.0 if step.activity.occupancy > 0.2 else 0.0
        self._weather.show(step.end)

    def state(self) -> dict[str, Any]:
        return {
            "cooling": self._cooling.plant.state(),
            "heating": self._heating.state(),
            "halls": self._halls.state(),
            "showroom": self._showroom.state(),
            "tap": self._tap.state(),
            "kwh": self._metering.counters.kwh,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self._cooling.plant.restore(state["cooling"])
        self._heating.restore(state["heating"])
        self._halls.restore(state["halls"])
        self._showroom.restore(state["showroom"])
        self._tap.restore(state["tap"])
        self._metering.counters.restore(state["kwh"])

    def break_(self, machine: str, on: bool) -> bool:
        """Break a machine; whether there is such a thing."""
        return self._tap.break_(machine, on)
