"""A works behind the `Plant` protocol: made from a blueprint, stepped as finely as it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Self
from zlib import crc32

from drivers.plant import PlantPoint
from simulators.activity import WorkCalendar
from simulators.parks.board import Board
from simulators.parks.works.air_side import AirSide
from simulators.parks.works.blueprint import Blueprint, LoadPattern, read_blueprint
from simulators.parks.works.cold_side import ColdSide
from simulators.parks.works.heat_side import HeatSide
from simulators.physics.air.moist_air import Air, water_of
from simulators.physics.air.rooms import Surroundings
from simulators.physics.counters import CounterBank
from simulators.physics.loops.consumers import Consumer, ProcessLoad
from simulators.physics.machines.gas_boiler import GAS_KWH_M3
from simulators.weather import Conditions, EpwWeather, GeneratedWeather, Weather

SHIPPED = Path(__file__).parent / "works.yaml"
_QUIET_STEP_S = 900.0
_AIR_STEP_S = 60.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UTC_OFFSET_S = 8 * 3600.0


class Works:
    """Any plant, from `start` (aware).

    Options (text): `blueprint` a YAML file (the shipped works without it), `seed` of the
    weather, `weather` an EPW file to use instead. Raises ValueError for a file that cannot be
    used, OSError if one cannot be read. Point names are `<base>.<machine>.<role>`.
    """

    def __init__(
        self,
        start: datetime,
        blueprint: str = "",
        seed: str = "1",
        weather: str = "",
    ) -> None:
        self._begin(
            start,
            read_blueprint(Path(blueprint) if blueprint else SHIPPED),
            EpwWeather(weather) if weather else GeneratedWeather(seed),
        )

    @classmethod
    def of(cls, start: datetime, blueprint: Blueprint, weather: Weather | None = None) -> Self:
        """A works from a blueprint in memory."""
        made = cls.__new__(cls)
        made._begin(start, blueprint, weather or GeneratedWeather("1"))
        return made

    def _begin(self, start: datetime, blueprint: Blueprint, weather: Weather) -> None:
        if start.tzinfo is None:
            raise ValueError("the start of a works has no time zone")
        self.blueprint = blueprint
        self._time = start.astimezone(UTC)
        self._weather = weather
        self._calendar = WorkCalendar()
        self._board = board = Board()
        cold, heat = blueprint.cold, blueprint.heat
        self.cold = ColdSide(board, blueprint, cold) if cold is not None else None
        self.heat = HeatSide(board, blueprint, heat) if heat is not None else None
        self._cooled: list[tuple[str, ProcessLoad, LoadPattern]] = []
        self._heated: list[tuple[str, ProcessLoad, LoadPattern]] = []
        for name, (spec, pattern) in blueprint.processes.items():
            side = self._cooled if spec.design_kw > 0.0 else self._heated
            side.append((name, ProcessLoad(spec), pattern))
        self._forced_kw: dict[str, float] = {}
        self.air = AirSide(board, blueprint.base, blueprint.air, blueprint.fans)
        cooled: list[Consumer] = [load for _, load, _ in self._cooled]
        heated: list[Consumer] = [load for _, load, _ in self._heated]
        self._consumers = ([*cooled, *self.air.cooled], [*heated, *self.air.heated])
        self._meter()
        self._weather_keys = board.add(
            blueprint.base, "weather", "outdoor_temp wet_bulb_temp humidity irradiance"
        )
        around = self._weather.at(self._time)
        self.outdoor = Air(
            around.outdoor_temp_c, water_of(around.outdoor_temp_c, around.humidity_pct)
        )
        """The air outside in the last step."""
        self._show_weather(around)
        for plant in (self.cold, self.heat):
            if plant is not None:
                plant.show()
        self.air.show(Surroundings(self.outdoor, 0.0, 0.0, 0.0))
        self._view = MappingProxyType(board.values)

    def _meter(self) -> None:
        base, board = self.blueprint.base, self._board
        cold = self.cold.machines if self.cold is not None else []
        heat = self.heat.machines if self.heat is not None else []
        air = self.air.machines
        meters = ["meter-main"]
        if cold:
            meters.append("meter-cold")
        if heat:
            meters.append("meter-heat")
        if air:
            meters.append("meter-air")
        energy = [f"{base}.{name}.energy" for name in (*cold, *heat, *air)]
        for name in meters:
            board.add(base, name, "power energy")
            energy.append(f"{base}.{name}.energy")
        self._power_keys = [f"{base}.{name}.power" for name in meters]
        self._volume_flow: list[str] = []
        if cold:
            flow, volume = board.add(base, "meter-water", "flow volume")
            self._volume_flow.append(flow)
            energy.append(volume)
        if self.blueprint.boilers:
            flow, volume = board.add(base, "meter-gas", "flow volume")
            self._volume_flow.append(flow)
            energy.append(volume)
        self._counter_keys = energy
        # Meters were installed at different times: no two begin at the same reading.
        self._counters = CounterBank(
            [float(crc32(key.encode()) % 50_000) for key in energy], [100] * len(energy)
        )
        board.values.update(zip(energy, self._counters.registers(), strict=True))

    # --- the protocol of a plant ------------------------------------------------------------

    @property
    def time(self) -> datetime:
        """The time reached."""
        return self._time

    def points(self) -> Sequence[PlantPoint]:
        """Every point; the order never changes."""
        return tuple(self._board.points)

    def read(self) -> Mapping[str, float]:
        """A live view of all values: it changes with the next `write` or `advance`."""
        return self._view

    def write(self, values: Mapping[str, float | None]) -> None:
        """Command points, all or none. None lets a point rest at its local default.

        Values outside a device's limits stop at the limit. Raises KeyError for an unknown name,
        ValueError for one that cannot be written.
        """
        self._board.write(values)

    def advance(self, until: datetime) -> datetime:
        """Simulate up to `until`; nothing happens if the works is already there or later."""
        while self._time < until:
            left = (until - self._time).total_seconds()
            longest = self._longest_s()
            # Steps of one length: the last is not a splinter.
            self._step(left / -(-left // longest) if left > longest else left)
        return self._time

    def close(self) -> None:
        """Nothing to keep."""

    # --- what tests may do ------------------------------------------------------------------

    @property
    def processes(self) -> list[tuple[str, ProcessLoad, LoadPattern]]:
        """Loads without air."""
        return [*self._cooled, *self._heated]

    def force(self, process: str, wanted_kw: float | None) -> None:
        """Let a process want that much heat; None: what its pattern says. Raises KeyError."""
        if process not in self.blueprint.processes:
            raise KeyError(process)
        if wanted_kw is None:
            self._forced_kw.pop(process, None)
        else:
            self._forced_kw[process] = wanted_kw

    def facts(self) -> dict[str, float]:
        """What was done to machines since the beginning, as `<machine>.<fact>`.

        `dry_s` enabled without its flows, `dead_head_s` pumping against shut valves, `cold_s`
        fired on water too cold, `frozen_s` at frost, `starts`; `latched` is 1 if a person is
        needed; `missing_kwh` what a process wanted and did not get.
        """
        base = self.blueprint.base
        sides = [side for side in (self.cold, self.heat, self.air) if side is not None]
        found = {f"{base}.{name}": value for side in sides for name, value in side.facts()}
        return found | {
            f"{base}.{n}.missing_kwh": load.missing_kwh for n, load, _ in self.processes
        }

    def inject(self, kind: str, target: str, on: bool) -> None:
        """Break a machine (`break`: coupling or belt), reset what it latched (`reset`), or let a
        valve or damper stick that no command reaches (`stick`, of a point).

        Raises KeyError for an unknown target, ValueError for what it cannot have.
        """
        base, _, name = target.partition(".")
        if base != self.blueprint.base or not any(
            point.name == target or point.name.startswith(f"{target}.")
            for point in self._board.points
        ):
            raise KeyError(target)
        sides: list[ColdSide | HeatSide | AirSide] = [self.air]
        if kind != "stick":
            sides += [side for side in (self.cold, self.heat) if side is not None]
        if kind not in ("break", "reset", "stick") or not any(
            side.inject(kind, name, on) for side in sides
        ):
            raise ValueError(f"{target} has nothing to {kind}")

    # --- one step ---------------------------------------------------------------------------

    def _longest_s(self) -> float:
        longest = _QUIET_STEP_S
        if self.cold is not None and not self.cold.quiet:
            longest = min(longest, self.cold.plant.longest_s)
        if self.heat is not None and not self.heat.quiet:
            longest = min(longest, self.heat.plant.longest_s)
        if not self.air.quiet:
            longest = min(longest, _AIR_STEP_S)
        return longest

    def _step(self, dt_s: float) -> None:
        middle = self._time + timedelta(seconds=dt_s / 2)
        self._time += timedelta(seconds=dt_s)
        around = self._weather.at(middle)
        activity = self._calendar.at((middle - _EPOCH).total_seconds() + _UTC_OFFSET_S)
        self._want(activity.occupancy, around.outdoor_temp_c, dt_s)
        self.outdoor = outdoor = Air(
            around.outdoor_temp_c, water_of(around.outdoor_temp_c, around.humidity_pct)
        )
        cooled, heated = self._consumers
        self.air.blow(outdoor, dt_s)
        if self.heat is not None:
            self.heat.step(heated, around.outdoor_temp_c, dt_s)
        self.air.pass_on()
        if self.cold is not None:
            self.cold.step(cooled, around.wet_bulb_c, dt_s)
        self.air.arrive(
            Surroundings(outdoor, around.irradiance_w_m2, activity.occupancy, activity.production),
            dt_s,
        )
        self._count(self.blueprint.base_kw * activity.production, dt_s)
        self._show_weather(around)

    def _want(self, occupancy: float, outdoor_c: float, dt_s: float) -> None:
        """Tell process loads what they want now."""
        for loads, heating in ((self._cooled, False), (self._heated, True)):
            for name, load, pattern in loads:
                wanted = self._forced_kw.get(name)
                if wanted is None:
                    share = pattern.share(occupancy, outdoor_c, heating=heating)
                    wanted = abs(load.spec.design_kw) * share
                load.want(wanted, dt_s)

    def _count(self, rest_kw: float, dt_s: float) -> None:
        """Meter what the step took."""
        powers: list[float] = []
        meters: list[float] = []
        volumes: list[float] = []
        if self.cold is not None:
            powers += self.cold.powers()
            meters.append(sum(powers))
            volumes.append(self.cold.plant.condenser.towers.makeup_m3h)
        if self.heat is not None:
            drawn = self.heat.powers()
            powers += drawn
            meters.append(sum(drawn))
            if self.heat.plant.boilers:
                volumes.append(self.heat.plant.gas_kw / GAS_KWH_M3)
        if self.air.units:
            drawn = self.air.powers()
            powers += drawn
            meters.append(sum(drawn))
        meters.insert(0, sum(powers) + rest_kw)
        values = self._board.values
        registers = self._counters.add([*powers, *meters, *volumes], dt_s)
        values.update(zip(self._counter_keys, registers, strict=True))
        values.update(zip(self._power_keys, meters, strict=True))
        values.update(zip(self._volume_flow, volumes, strict=True))

    def _show_weather(self, conditions: Conditions) -> None:
        self._board.values.update(zip(self._weather_keys, conditions, strict=True))
