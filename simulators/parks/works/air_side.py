"""The points of air handlers and fan coils: commands in, measurements out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simulators.parks.board import Board
from simulators.physics.air.air_handler import AirCommand, AirHandler, AirHandlerSpec
from simulators.physics.air.coils import Coil
from simulators.physics.air.moist_air import KG_S_PER_M3H, Air, relative_pct
from simulators.physics.air.rooms import Surroundings
from simulators.physics.air.terminals import Terminal
from simulators.physics.air.unit_control import UnitControl, UnitTargets
from simulators.physics.motor import Motor, cube_power_share
from simulators.physics.water.actuators import Actuator

_COIL_COLDEST_C = 12.0
_FILTER_SHARE = 0.25
"""Of what the unit itself takes of the fan's pressure."""


@dataclass(frozen=True)
class UnitBlueprint:
    """A unit, the names of its rooms, and who moves its valves."""

    spec: AirHandlerSpec
    rooms: tuple[str, ...]
    open: bool = False
    """Valves, damper and speed are commanded; otherwise its own controller moves them."""
    coil_only: bool = False
    """A fan coil: no damper, no duct."""


class Unit:
    """One unit between the board and its physics."""

    def __init__(self, board: Board, base: str, name: str, blueprint: UnitBlueprint) -> None:
        self.name = name
        self.physics = unit = AirHandler(blueprint.spec)
        self._blueprint = blueprint
        self._values = board.values
        self._control = UnitControl(unit)
        spec = blueprint.spec
        mark = "" if blueprint.open else "="
        moved = [f"{mark}fan_speed" if self._control.boxes else "fan_speed"]
        moved += [f"{mark}cooling_valve"] if unit.cooling is not None else []
        moved += [f"{mark}heating_valve"] if unit.heating is not None else []
        moved += ["oa_damper"] if spec.outdoor else []
        asked: list[str] = []
        if not blueprint.open:
            asked += [] if blueprint.coil_only else ["supply_setpoint"]
            asked.append("static_setpoint" if self._control.boxes else "zone_setpoint")
        self._at = {
            role.removeprefix("="): point
            for role, point in zip(
                ["enable", *asked, *moved],
                board.add(base, name, " ".join(["enable", *asked, *moved])),
                strict=True,
            )
        }
        if spec.outdoor and not blueprint.open:
            board.settle(self._at["oa_damper"], 100.0 * spec.least_oa)
        if "static_setpoint" in self._at:
            board.settle(self._at["static_setpoint"], spec.static_pa)
        sensed = "status fault local supply_temp zone_temp power energy"
        if not blueprint.coil_only:
            sensed += (
                " airflow return_temp mixed_temp static_pressure filter_pressure freezestat "
                "oa_flow humidity co2"
            )
        self._sensors = board.add(base, name, sensed)
        self._open_damper = ""
        if spec.outdoor:
            self._open_damper = board.add(base, name, "oa_damper_open")[0]
        self._boxes: list[tuple[Terminal, list[str], list[str]]] = []
        if self._control.boxes:
            for terminal, room in zip(unit.terminals, blueprint.rooms, strict=True):
                sensed = "zone_temp humidity co2 occupied airflow damper supply_temp"
                sensed += " =reheat_valve" if terminal.reheat is not None else ""
                self._boxes.append(
                    (
                        terminal,
                        board.add(base, room, "cooling_setpoint heating_setpoint"),
                        board.add(base, room, sensed),
                    )
                )

    def blow(self, outdoor: Air, dt_s: float) -> None:
        """Work out what moves, and move the air."""
        values, at, unit = self._values, self._at, self.physics
        enabled = values[at["enable"]] != 0.0
        for terminal, (cooling, heating), _ in self._boxes:
            if unit.running:
                terminal.control(values[cooling], values[heating], unit.box_kpa, dt_s)
            else:
                terminal.rest(dt_s)
        if self._blueprint.open:
            command = AirCommand(
                enabled,
                values[at["fan_speed"]] * 0.01,
                values[at["oa_damper"]] * 0.01 if "oa_damper" in at else 0.0,
                values[at["cooling_valve"]] * 0.01 if "cooling_valve" in at else 0.0,
                values[at["heating_valve"]] * 0.01 if "heating_valve" in at else 0.0,
            )
        else:
            targets = UnitTargets(
                enabled,
                values[at["supply_setpoint"]] if "supply_setpoint" in at else _COIL_COLDEST_C,
                values[at["static_setpoint"]] if self._control.boxes else 0.0,
                values[at["oa_damper"]] * 0.01 if "oa_damper" in at else 0.0,
                values[at["zone_setpoint"]] if not self._control.boxes else 0.0,
                1.0 if self._control.boxes else values[at["fan_speed"]] * 0.01,
            )
            command = self._control.command(unit, targets, outdoor, dt_s)
        unit.blow(command, outdoor, dt_s)

    def actuators(self) -> Iterator[tuple[str, Actuator]]:
        """What can stick: `<machine>.<role>` of each valve and damper."""
        unit = self.physics
        if unit.spec.outdoor:
            yield f"{self.name}.oa_damper", unit.oa_damper
        for role, coil in (("cooling_valve", unit.cooling), ("heating_valve", unit.heating)):
            if coil is not None:
                yield f"{self.name}.{role}", coil.valve
        for room, terminal in zip(self._blueprint.rooms, unit.terminals, strict=True):
            yield f"{room}.damper", terminal.damper
            if terminal.reheat is not None:
                yield f"{room}.reheat_valve", terminal.reheat.valve

    @property
    def quiet(self) -> bool:
        """It stands, and is not told to run."""
        return not self.physics.running and self._values[self._at["enable"]] == 0.0

    def show(self, around: Surroundings) -> None:
        """Bring its measurements to the board."""
        values, at, unit = self._values, self._at, self.physics
        spec = unit.spec
        room = unit.returned if unit.running else unit.terminals[0].room.air
        inside = 1.0 - spec.static_pa / spec.total_pa
        filter_pa = _FILTER_SHARE * inside * spec.total_pa
        filter_pa *= (unit.airflow_m3h / spec.airflow_m3h) ** 2
        shown = [
            float(unit.running), float(unit.stat), 0.0,
            unit.supply.temp_c if unit.running else room.temp_c, unit.zone_temp_c(),
            unit.power_kw, values[self._sensors[6]],
        ]  # fmt: skip
        if not self._blueprint.coil_only:
            shown += [
                unit.airflow_m3h, room.temp_c, unit.mixed.temp_c, unit.static_kpa * 1000.0,
                filter_pa, float(unit.stat), unit.oa_kg_s / KG_S_PER_M3H,
                relative_pct(room.temp_c, room.water), room.co2_ppm,
            ]  # fmt: skip
        values.update(zip(self._sensors, shown, strict=True))
        if not self._blueprint.open:
            if self._control.boxes:
                values[at["fan_speed"]] = 100.0 * unit.drive.position
            if unit.cooling is not None:
                values[at["cooling_valve"]] = 100.0 * unit.cooling.valve.position
            if unit.heating is not None:
                values[at["heating_valve"]] = 100.0 * unit.heating.valve.position
        if self._open_damper:
            values[self._open_damper] = float(unit.oa_damper.position > 0.02)
        for terminal, _, names in self._boxes:
            air = terminal.room.air
            measured = [
                air.temp_c, relative_pct(air.temp_c, air.water), air.co2_ppm,
                float(around.occupancy > 0.2), terminal.airflow_m3h,
                100.0 * terminal.damper.position, terminal.supply.temp_c,
            ]  # fmt: skip
            if terminal.reheat is not None:
                measured.append(100.0 * terminal.reheat.valve.position)
            values.update(zip(names, measured, strict=True))


@dataclass(frozen=True, slots=True)
class FanBlueprint:
    """An extract fan: whose rooms it draws from, and its size."""

    serves: str
    """An air handler or fan coil."""
    airflow_m3h: float
    rated_kw: float = 0.0
    """0: 0.25 kW for each 1,000 m3/h."""

    @property
    def power_kw(self) -> float:
        return self.rated_kw or 0.00025 * self.airflow_m3h


class ExtractFan:
    """An extract fan between the board and its motor."""

    def __init__(self, board: Board, base: str, name: str, blueprint: FanBlueprint) -> None:
        self.name = name
        self.blueprint = blueprint
        self.motor = Motor(blueprint.power_kw, cube_power_share)
        self.broken = False
        self.airflow_m3h = 0.0
        self._values = board.values
        self._commands = board.add(base, name, "enable speed")
        self._sensors = board.add(base, name, "status fault local airflow power energy")

    @property
    def enabled(self) -> bool:
        return self._values[self._commands[0]] != 0.0

    def step(self, dt_s: float) -> None:
        values = self._values
        enable, speed = (values[name] for name in self._commands)
        share = self.motor.step(enable != 0.0, speed, dt_s)
        self.airflow_m3h = 0.0 if self.broken else share * self.blueprint.airflow_m3h
        values[self._sensors[0]] = float(self.motor.running)
        values[self._sensors[3]] = self.airflow_m3h
        values[self._sensors[4]] = self.motor.power_kw


class AirSide:
    """All units and extract fans of a works."""

    def __init__(
        self,
        board: Board,
        base: str,
        blueprints: Mapping[str, UnitBlueprint],
        fans: Mapping[str, FanBlueprint],
    ) -> None:
        self.units = [Unit(board, base, name, unit) for name, unit in blueprints.items()]
        self.fans = [ExtractFan(board, base, name, fan) for name, fan in fans.items()]
        self.machines = [*blueprints, *fans]
        units = {unit.name: unit.physics for unit in self.units}
        self._drawn = [(fan, units[fan.blueprint.serves]) for fan in self.fans]
        self.cooled: list[Coil] = [
            u.physics.cooling for u in self.units if u.physics.cooling is not None
        ]
        self.heated: list[Coil] = [coil for u in self.units for coil in u.physics.coils]

    def blow(self, outdoor: Air, dt_s: float) -> None:
        for unit in self.units:
            unit.physics.extracted_m3h = 0.0
            unit.blow(outdoor, dt_s)
        for fan, physics in self._drawn:
            fan.step(dt_s)
            physics.extracted_m3h += fan.airflow_m3h

    def pass_on(self) -> None:
        for unit in self.units:
            unit.physics.pass_on()

    def arrive(self, around: Surroundings, dt_s: float) -> None:
        for unit in self.units:
            unit.physics.arrive(around, dt_s)
        self.show(around)

    def show(self, around: Surroundings) -> None:
        """Bring what is measured to the board."""
        for unit in self.units:
            unit.show(around)

    @property
    def quiet(self) -> bool:
        return all(unit.quiet for unit in self.units) and not any(
            fan.motor.running or fan.enabled for fan in self.fans
        )

    def powers(self) -> list[float]:
        """Electricity of `machines`, in their order."""
        units = [unit.physics.power_kw for unit in self.units]
        return units + [fan.motor.power_kw for fan in self.fans]

    def inject(self, kind: str, name: str, on: bool) -> bool:
        """Tear a belt, reset a frost stat, let a valve or damper stick; whether it is here."""
        for unit in self.units:
            if kind == "stick":
                for point, actuator in unit.actuators():
                    if point == name:
                        actuator.stuck = on
                        return True
            elif unit.name == name:
                if kind == "break":
                    unit.physics.broken = on
                else:
                    unit.physics.reset()
                return True
        for fan in self.fans:
            if fan.name == name and kind == "break":
                fan.broken = on
                return True
        return False

    def facts(self) -> Iterator[tuple[str, float]]:
        """What was done to the units; see `Works.facts`."""
        for unit in self.units:
            physics = unit.physics
            coils = (physics.cooling, physics.heating)
            yield f"{unit.name}.frozen_s", sum(coil.frozen_s for coil in coils if coil is not None)
            yield f"{unit.name}.starts", float(physics.starts)
            yield f"{unit.name}.latched", float(physics.stat)
