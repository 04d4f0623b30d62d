"""The points of a chilled-water plant: commands in, measurements out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulators.parks.board import Board
from simulators.parks.works.blueprint import Blueprint
from simulators.physics.loops.cold_plant import ColdCommand, ColdPlant, ColdSpec
from simulators.physics.loops.condenser_loop import CondenserCommand
from simulators.physics.loops.consumers import Consumer
from simulators.physics.loops.pump_station import PumpStation


class PumpPoints:
    """Enable, speed, status and power of pumps side by side."""

    def __init__(self, board: Board, base: str, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._values = board.values
        self._keys = [
            board.add(base, name, "enable speed status fault local power energy speed_feedback")
            for name in names
        ]

    def commands(self) -> list[tuple[bool, float]]:
        values = self._values
        return [(values[enable] != 0.0, values[speed]) for enable, speed, *_ in self._keys]

    def break_coupling(self, station: PumpStation, name: str, broken: bool) -> bool:
        """Whether the pump is one of these, and it is done."""
        if name in self.names:
            station.broken[self.names.index(name)] = broken
        return name in self.names

    def facts(self, station: PumpStation) -> Iterator[tuple[str, float]]:
        for name, dead_s, starts in zip(
            self.names, station.dead_head_s, station.starts, strict=True
        ):
            yield f"{name}.dead_head_s", dead_s
            yield f"{name}.starts", float(starts)

    def show(self, station: PumpStation) -> None:
        values = self._values
        for keys, running, power, drive in zip(
            self._keys, station.running, station.powers_kw, station.drives, strict=True
        ):
            values[keys[2]] = 1.0 if running else 0.0
            values[keys[5]] = power
            values[keys[7]] = 100.0 * drive.position


class ColdSide:
    """A chilled-water plant between the board and its physics."""

    def __init__(self, board: Board, blueprint: Blueprint, spec: ColdSpec) -> None:
        base = blueprint.base
        self.plant = ColdPlant(spec)
        self._values = board.values
        self._valves = blueprint.valves
        roles = "enable chw_setpoint demand_limit"
        sensed = (
            "status fault local flow_switch chw_supply_temp chw_return_temp cw_supply_temp "
            "cw_return_temp chw_flow cw_flow load power energy"
        )
        if blueprint.valves:
            roles += " valve_enable cw_valve"
            sensed += " valve_open cw_valve_open cw_valve_position"
        self._chiller_commands = [board.add(base, c, roles) for c in blueprint.chillers]
        self._chiller_sensors = [board.add(base, c, sensed) for c in blueprint.chillers]
        self.pumps = PumpPoints(board, base, tuple(blueprint.chw_pumps))
        self.secondary = PumpPoints(board, base, tuple(blueprint.secondary_pumps))
        self.cw_pumps = PumpPoints(board, base, tuple(blueprint.cw_pumps))
        roles = "enable speed"
        sensed = "status fault local cw_supply_temp basin_temp power energy"
        if blueprint.valves:
            roles += " valve_enable"
            sensed += " valve_open"
        self._tower_commands = [board.add(base, tower, roles) for tower in blueprint.towers]
        self._tower_sensors = [board.add(base, tower, sensed) for tower in blueprint.towers]
        header = board.add(
            base,
            "chw-header",
            "supply_temp return_temp flow differential_pressure far_pressure flow_switch",
        )
        if spec.secondary:
            header += board.add(base, "chw-secondary", "supply_temp return_temp flow")
        header += board.add(base, "cw-header", "supply_temp return_temp flow flow_switch")
        self._header_sensors = header
        self._bypass = board.add(base, "chw-header", "bypass_valve")[0] if spec.bypass else ""
        self._cw_bypass = ""
        if spec.condenser.bypass:
            self._cw_bypass = board.add(base, "cw-header", "bypass_valve")[0]
        self._economizer: list[str] = []
        self._economizer_sensors: list[str] = []
        for name in blueprint.economizer:
            self._economizer = board.add(base, name, "valve cw_valve")
            self._economizer_sensors = board.add(
                base, name, "cw_valve_open chw_return_temp chw_supply_temp"
            )
        self.machines = [
            *blueprint.chillers, *blueprint.chw_pumps, *blueprint.secondary_pumps,
            *blueprint.cw_pumps, *blueprint.towers,
        ]  # fmt: skip

    def _command(self) -> ColdCommand:
        values = self._values
        chillers, valves, cw_valves = [], [], []
        for names in self._chiller_commands:
            enabled = values[names[0]] != 0.0
            chillers.append((enabled, values[names[1]], values[names[2]] * 0.01))
            if self._valves:
                valves.append(values[names[3]])
                cw_valves.append(values[names[4]] * 0.01)
        fans, cells = [], []
        for names in self._tower_commands:
            fans.append((values[names[0]] != 0.0, values[names[1]]))
            if self._valves:
                cells.append(values[names[2]])
        if not self._valves:  # water passes all that hangs on a header
            valves = cw_valves = [1.0] * len(chillers)
            cells = [1.0] * len(fans)
        condenser = CondenserCommand(
            self.cw_pumps.commands(),
            fans,
            cells,
            values[self._cw_bypass] * 0.01 if self._cw_bypass else 0.0,
        )
        economizer = (0.0, 0.0)
        if self._economizer:
            chw, cw = self._economizer
            economizer = (values[chw] * 0.01, values[cw] * 0.01)
        return ColdCommand(
            chillers,
            valves,
            cw_valves,
            self.pumps.commands(),
            condenser,
            self.secondary.commands(),
            values[self._bypass] * 0.01 if self._bypass else 0.0,
            economizer,
        )

    def step(self, consumers: Sequence[Consumer], wet_bulb_c: float, dt_s: float) -> None:
        """Advance the plant on what the board commands, and show it there."""
        self.plant.step(self._command(), consumers, wet_bulb_c, dt_s)
        self.show()

    @property
    def quiet(self) -> bool:
        """Nothing turns and nothing is told to: a step may be long."""
        plant, values = self.plant, self._values
        stations = (plant.pumps, plant.secondary, plant.condenser.pumps)
        if any(any(station.running) for station in stations):
            return False
        for points in (self.pumps, self.secondary, self.cw_pumps):
            if any(on for on, _ in points.commands()):
                return False
        return not any(values[names[0]] for names in self._chiller_commands)

    def show(self) -> None:
        """Bring what is measured to the board."""
        values, plant = self._values, self.plant
        condenser = plant.condenser
        per_machine = zip(
            self._chiller_sensors, plant.chillers, plant.flows_m3h, plant.cw_flows_m3h, strict=True
        )
        for names, chiller, flow, cw_flow in per_machine:
            switched = flow >= chiller.spec.least_flow * chiller.spec.chw_m3h
            shown: list[float] = [
                float(chiller.running), float(bool(chiller.fault)), 0.0, float(switched),
                chiller.leaving_c, plant.cooled_c, condenser.supply_c, chiller.cw_leaving_c,
                flow, cw_flow, 100.0 * chiller.load, chiller.power_kw,
            ]  # fmt: skip
            values.update(zip(names, shown, strict=False))
            if self._valves:
                values[names[13]] = float(chiller.valve.position >= 1.0)
                values[names[14]] = float(chiller.cw_valve.position >= 1.0)
                values[names[15]] = 100.0 * chiller.cw_valve.position
        self.pumps.show(plant.pumps)
        self.secondary.show(plant.secondary)
        self.cw_pumps.show(condenser.pumps)
        basin_c = condenser.towers.basin.temp_c
        for names, cell in zip(self._tower_sensors, condenser.towers.cells, strict=True):
            values[names[0]] = float(cell.fan.running)
            values[names[3]] = cell.leaving_c
            values[names[4]] = basin_c
            values[names[5]] = cell.fan.power_kw
            if self._valves:
                values[names[7]] = float(cell.valve.position >= 1.0)
        flows = plant.flows
        least = 0.05 * plant.spec.flow_m3h
        shown = [
            plant.supply_c, plant.return_c, flows.primary, flows.header_kpa, flows.far_kpa,
            float(flows.primary > least),
        ]  # fmt: skip
        if plant.spec.secondary:
            shown += [plant.supply.out_c, plant.back.out_c, flows.consumers]
        shown += [
            condenser.supply_c, condenser.return_c, condenser.flow_m3h,
            float(condenser.flow_m3h > least),
        ]  # fmt: skip
        values.update(zip(self._header_sensors, shown, strict=True))
        if self._economizer_sensors:
            opened = float(plant.economizer_valves[1].position >= 1.0)
            shown = [opened, plant.return_c, plant.cooled_c]
            values.update(zip(self._economizer_sensors, shown, strict=True))

    def powers(self) -> list[float]:
        """Electricity of `machines`, in their order; the basin's heater with the last tower."""
        plant = self.plant
        cells = [cell.fan.power_kw for cell in plant.condenser.towers.cells]
        cells[-1] += plant.condenser.towers.heating_kw
        return [
            *(chiller.power_kw for chiller in plant.chillers),
            *plant.pumps.powers_kw,
            *plant.secondary.powers_kw,
            *plant.condenser.pumps.powers_kw,
            *cells,
        ]

    def inject(self, kind: str, name: str, on: bool) -> bool:
        """Break or reset a machine; whether it is here and can have that."""
        plant = self.plant
        if kind == "reset":
            for chiller, its_name in zip(plant.chillers, self.machines, strict=False):
                if its_name == name:
                    chiller.reset()
                    return True
            return False
        return (
            self.pumps.break_coupling(plant.pumps, name, on)
            or self.secondary.break_coupling(plant.secondary, name, on)
            or self.cw_pumps.break_coupling(plant.condenser.pumps, name, on)
        )

    def facts(self) -> Iterator[tuple[str, float]]:
        """What was done to the machines; see `Works.facts`."""
        plant = self.plant
        for name, chiller in zip(self.machines, plant.chillers, strict=False):
            yield f"{name}.dry_s", chiller.dry_s
            yield f"{name}.starts", float(chiller.starts)
            yield f"{name}.latched", float(bool(chiller.fault))
        yield from self.pumps.facts(plant.pumps)
        yield from self.secondary.facts(plant.secondary)
        yield from self.cw_pumps.facts(plant.condenser.pumps)
        yield "cw-header.frozen_s", plant.condenser.towers.frozen_s
