"""The points of a hot-water plant: commands in, measurements out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulators.parks.board import Board
from simulators.parks.works.blueprint import Blueprint
from simulators.parks.works.cold_side import PumpPoints
from simulators.physics.loops.consumers import Consumer
from simulators.physics.loops.heat_plant import HeatCommand, HeatPlant, HeatSpec
from simulators.physics.machines.gas_boiler import Boiler


class HeatSide:
    """A hot-water plant between the board and its physics."""

    def __init__(self, board: Board, blueprint: Blueprint, spec: HeatSpec) -> None:
        base = blueprint.base
        self.plant = HeatPlant(spec)
        self._values = board.values
        self._valves = blueprint.valves
        roles = "enable hw_setpoint valve_enable" if blueprint.valves else "enable hw_setpoint"
        end = " valve_open" if blueprint.valves else ""
        heaters = [*blueprint.boilers, *blueprint.heat_pumps]
        self._commands = [board.add(base, name, roles) for name in heaters]
        fired = "status fault local hw_supply_temp hw_return_temp hw_flow firing power energy"
        pumped = "status fault local supply_temp return_temp flow load power energy"
        self._sensors = [board.add(base, name, fired + end) for name in blueprint.boilers]
        self._sensors += [board.add(base, name, pumped + end) for name in blueprint.heat_pumps]
        self.pumps = PumpPoints(board, base, tuple(blueprint.hw_pumps))
        self._header = board.add(
            base,
            "hw-header",
            "supply_temp return_temp flow differential_pressure far_pressure flow_switch",
        )
        self._bypass = board.add(base, "hw-header", "bypass_valve")[0] if spec.bypass else ""
        self.machines = [*heaters, *blueprint.hw_pumps]

    def step(self, consumers: Sequence[Consumer], outdoor_c: float, dt_s: float) -> None:
        """Advance the plant on what the board commands, and show it there."""
        values = self._values
        enabled = [values[names[0]] != 0.0 for names in self._commands]
        command = HeatCommand(
            [(on, values[names[1]]) for on, names in zip(enabled, self._commands, strict=True)],
            [values[names[2]] if self._valves else 1.0 for names in self._commands],
            self.pumps.commands(),
            values[self._bypass] * 0.01 if self._bypass else 0.0,
        )
        self.plant.step(command, consumers, outdoor_c, dt_s)
        self.show()

    @property
    def quiet(self) -> bool:
        """Nothing turns and nothing is told to: a step may be long."""
        if any(self.plant.pumps.running) or any(on for on, _ in self.pumps.commands()):
            return False
        return not any(self._values[names[0]] for names in self._commands)

    def show(self) -> None:
        """Bring what is measured to the board."""
        values, plant = self._values, self.plant
        for names, heater, flow in zip(self._sensors, plant.heaters, plant.flows_m3h, strict=True):
            shown = (
                float(heater.running), float(bool(heater.fault)), 0.0, heater.leaving_c,
                plant.return_c, flow, 100.0 * heater.heating_kw / heater.spec.capacity_kw,
                heater.power_kw,
            )  # fmt: skip
            values.update(zip(names, shown, strict=False))
            if self._valves:
                values[names[9]] = float(heater.valve.position >= 1.0)
        self.pumps.show(plant.pumps)
        header = (
            plant.supply_c, plant.return_c, plant.flow_m3h, plant.header_kpa, plant.far_kpa,
            float(plant.flow_m3h > 0.05 * plant.spec.flow_m3h),
        )  # fmt: skip
        values.update(zip(self._header, header, strict=True))

    def powers(self) -> list[float]:
        """Electricity of `machines`, in their order."""
        return [*(h.power_kw for h in self.plant.heaters), *self.plant.pumps.powers_kw]

    def inject(self, kind: str, name: str, on: bool) -> bool:
        """Break or reset a machine; whether it is here and can have that."""
        if kind == "break":
            return self.pumps.break_coupling(self.plant.pumps, name, on)
        for boiler, its_name in zip(self.plant.boilers, self.machines, strict=False):
            if its_name == name:
                boiler.reset()
                return True
        return False

    def facts(self) -> Iterator[tuple[str, float]]:
        """What was done to the machines; see `Works.facts`."""
        for name, heater in zip(self.machines, self.plant.heaters, strict=False):
            yield f"{name}.dry_s", heater.dry_s
            yield f"{name}.starts", float(heater.starts)
            yield f"{name}.latched", float(bool(heater.fault))
            if isinstance(heater, Boiler):
                yield f"{name}.cold_s", heater.cold_return_s
        yield from self.pumps.facts(self.plant.pumps)
