"""What a plant commands: every machine, valve, speed and set point of its layout. Pure.

Numbers are thinned to what a machine notices, so that a loop is not a command a second.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water.parameters import (
    PRESSURE,
    SETPOINT,
    ChilledWaterPlantParameters,
)
from bms.control.strategies.chilled_water.plant_layout import Layout, Unit, condenser_name
from bms.control.strategies.chilled_water.plant_state import PlantState
from bms.control.strategies.water.machinery import proven
from bms.control.strategies.water.unit_steps import Step, UnitState, told
from bms.core.decisions import Award, Command, Priority
from bms.texts.messages import joined, msg
from drivers.points import PointId, Value

LEAST_PUMP_PCT = 70
"""Head pressure slows condenser pumps no further: open towers have a lift of their own (D)."""
WHOLE_PCT = 1.0
"""Speeds and positions are commanded in whole percent."""

Banks: TypeAlias = Mapping[str, tuple[str, ...]]
"""The machines of each bank that shall run."""
Because: TypeAlias = tuple[str, Award, Award | None, float | None]
"""Why the plant does what it does, its mode, its setpoint, and the demand limit in percent."""


class Commands(NamedTuple):
    """What is commanded, and which machines are commanded on."""

    commands: tuple[Command, ...]
    on: tuple[str, ...]


class Wishes:
    """Makes the commands of one plant."""

    def __init__(self, group: Group, layout: Layout, source: str) -> None:
        parameters: ChilledWaterPlantParameters = group.parameters
        self._group, self._layout, self._source = group, layout, source
        self._least_pct = parameters.least_speed_pct
        self._pumps = parameters.does("pumps")
        self._fans = parameters.does("condenser")
        self._bypass = None
        header = group.equipment[parameters.header]
        if parameters.does("bypass"):
            self._bypass = header.commanded("bypass_valve")
        loop = not layout.trains
        self._loop_enable = header.commanded("enable") if loop else None
        self._loop_setpoint = header.commanded("loop_setpoint") if loop else None
        self._loop_pressure = header.commanded("dp_setpoint") if loop else None
        condenser = group.equipment.get(_condenser(group))
        self._cw_setpoints = [] if condenser is None else [condenser.commanded("loop_setpoint")]
        self._cw_bypass = None
        if condenser is not None and parameters.does("head_pressure"):
            self._cw_bypass = condenser.commanded("bypass_valve")
        self._cw_setpoints += [
            group.equipment[tower.name].commanded("cw_setpoint") for tower in layout.towers
        ]
        self.writes = frozenset(self._points())
        self._last = NOTHING
        self._on: tuple[str, ...] = ()

    def _points(self) -> set[PointId]:
        layout = self._layout
        found: set[PointId | None] = {machine.enable for machine in layout.machines}
        found |= {valve.command for valve in layout.valves}
        for unit in layout.units.values():
            found |= {unit.setpoint, unit.limit}
        found |= {
            self._cw_bypass,
            self._bypass,
            self._loop_enable,
            self._loop_setpoint,
            self._loop_pressure,
        }
        if self._fans:
            found |= {*self._cw_setpoints}
            found |= {machine.speed for machine in layout.towers}
        if self._pumps:
            found |= {machine.speed for machine in (*layout.chw_pumps, *layout.cw_pumps)}
        return {point for point in found if point is not None}

    def commands(
        self,
        state: PlantState,
        banks: Banks,
        failures: Mapping[str, Words],
        because: Because,
        pressure_kpa: float,
    ) -> Commands:
        """The same tuple as long as nothing that shows in it changes."""
        why, mode, given, demand_pct = because
        running = tuple(proven(name, state.proofs) for name in self._layout.units)
        numbers = self._numbers(state, pressure_kpa, demand_pct)
        key = (
            tuple((name, unit.step, unit.cold) for name, unit in state.units.items()),
            tuple(failures.values()), state.choice.machines, why, mode, given,
            tuple(banks.values()), running, numbers, state.condensing.free.on,
            state.condensing.exchanging, state.enabling.enabled,
        )  # fmt: skip
        if self._last.key == key:
            return Commands(self._last.commands, self._on)
        wishes: dict[PointId, tuple[Value, str]] = {}
        on: dict[str, None] = {}
        for name, unit in self._layout.units.items():
            self._unit(wishes, on, (name, unit), state, failures[name], because)
        self._banks(wishes, on, banks, (state, failures), because)
        self._exchanger(wishes, on, state, because)
        self._loop(wishes, state, because, pressure_kpa)
        for point, value, reason in numbers:
            wishes[point] = (value, reason)
        commands = tuple(
            Command(
                point=point,
                value=value,
                priority=Priority.SEQUENCE,
                source=self._source,
                reason=reason,
            )
            for point, (value, reason) in wishes.items()
        )
        self._last, self._on = Commanded(key, commands), tuple(on)
        return Commands(commands, self._on)

    def _unit(
        self,
        wishes: dict[PointId, tuple[Value, str]],
        on: dict[str, None],
        named: tuple[str, Unit],
        state: PlantState,
        failed: Words,
        because: Because,
    ) -> None:
        """A chiller with what is there for it alone."""
        why, mode, given, _ = because
        name, unit = named
        here = state.units.get(name, UnitState())
        text = told(name, here, proven(name, state.proofs), failed)
        reason = groups.because(joined(", ", text, why), mode)
        for machine in unit.auxiliaries:
            if machine.enable is None:
                continue
            if here.needs_water or machine.enable not in wishes:  # on if one of its chillers is
                wishes[machine.enable] = (int(here.needs_water), reason)
            if here.needs_water:
                on[machine.name] = None
        for valve in unit.valves:
            opens = here.reached(Step.VALVES if valve is unit.chw_valve else _cw_step(here))
            # Water of an economizer that cools alone goes on through chillers that stand.
            opens = opens or (valve is unit.chw_valve and _cools_alone(state))
            full = valve.full
            if opens and valve is unit.cw_valve and valve.throttles and here.chiller_on:
                full = round(state.condensing.throttle_pct())
            wishes[valve.command] = (full if opens else 0, reason)
        if unit.chiller.enable is not None:
            wishes[unit.chiller.enable] = (int(here.chiller_on), reason)
            if here.chiller_on:
                on[name] = None
        if unit.setpoint is not None and given is not None:
            wishes[unit.setpoint] = (
                given.value,
                groups.because(msg("plant {setpoint}", setpoint=SETPOINT), given),
            )

    def _banks(
        self,
        wishes: dict[PointId, tuple[Value, str]],
        on: dict[str, None],
        banks: Banks,
        known: tuple[PlantState, Mapping[str, Words]],
        because: Because,
    ) -> None:
        """Pumps and towers on headers; `known` has what is told of those that are tried again."""
        why, mode, *_ = because
        state, failures = known
        layout = self._layout
        fans = state.condensing.fan_pct > 0.0
        for key, machines in (
            ("chw_pumps", layout.chw_pumps),
            ("cw_pumps", layout.cw_pumps),
            ("towers", layout.towers),
        ):
            chosen = banks[key]
            text = msg("{running} of {machines} on the header", running=len(chosen),
                       machines=len(machines))  # fmt: skip
            reason = groups.because(joined(", ", text, why), mode)
            for machine in machines:
                wet = machine.name in chosen
                if machine.valve is not None:
                    wishes[machine.valve.command] = (machine.valve.full if wet else 0, reason)
                runs = wet and (key != "towers" or fans)
                if machine.enable is not None:
                    told = failures.get(machine.name)
                    wishes[machine.enable] = (
                        int(runs), groups.because(joined(", ", told, why), mode) if told else reason
                    )  # fmt: skip
                    if runs:
                        on[machine.name] = None

    def _exchanger(
        self,
        wishes: dict[PointId, tuple[Value, str]],
        on: dict[str, None],
        state: PlantState,
        because: Because,
    ) -> None:
        why, mode, *_ = because
        exchanger = self._layout.exchanger
        if exchanger is None:
            return
        flows = state.condensing.free.on and state.enabling.enabled
        runs = flows and state.condensing.exchanging
        text = msg("free cooling on") if runs else msg("free cooling off")
        if flows and not runs:
            text = msg("free cooling waits for colder condenser water")
        reason = groups.because(joined(", ", text, why), mode)
        if exchanger.enable is not None:
            wishes[exchanger.enable] = (int(runs), reason)
            if runs:
                on[exchanger.name] = None
        for valve, opens in ((exchanger.valve, runs), (self._layout.exchanger_cw, flows)):
            if valve is not None:
                wishes[valve.command] = (valve.full if opens else 0, reason)

    def _loop(
        self,
        wishes: dict[PointId, tuple[Value, str]],
        state: PlantState,
        because: Because,
        pressure_kpa: float,
    ) -> None:
        """A loop that is commanded as a whole."""
        why, mode, given, _ = because
        if self._loop_enable is not None:
            wishes[self._loop_enable] = (
                int(state.enabling.enabled), groups.because(why, mode),
            )  # fmt: skip
        if self._loop_setpoint is not None and given is not None:
            reason = groups.because(msg("plant {setpoint}", setpoint=SETPOINT), given)
            wishes[self._loop_setpoint] = (given.value, reason)
        if self._loop_pressure is not None:
            reason = groups.because(msg("plant {setpoint}", setpoint=PRESSURE), mode)
            wishes[self._loop_pressure] = (round(pressure_kpa, 1), reason)

    def _numbers(
        self, state: PlantState, pressure_kpa: float, demand_pct: float | None
    ) -> tuple[tuple[PointId, float, str], ...]:
        """Speeds, positions and limits, in steps that matter."""
        layout, found = self._layout, list[tuple[PointId, float, str]]()
        if layout.trains and not self._pumps and not self._fans:
            return self._limits(state, demand_pct)
        chilled, condensing = state.chilled, state.condensing
        speed = round(chilled.speed.pct / WHOLE_PCT) * WHOLE_PCT
        if self._pumps and layout.pressures:
            reason = msg("holds {pressure_kpa:.0f} kPa", pressure_kpa=pressure_kpa)
            found += [(p.speed, speed, reason) for p in layout.chw_pumps if p.speed is not None]
        if self._pumps:
            water = 100
            if not layout.throttled_by_valves and self._cw_bypass is None:
                water = max(round(condensing.throttle_pct()), LEAST_PUMP_PCT)
            reason = msg("head pressure") if water < 100 else msg("design flow")
            found += [(p.speed, water, reason) for p in layout.cw_pumps if p.speed is not None]
        if self._fans:
            found += self._towers(state)
        if self._bypass is not None:
            least = chilled.least_flow.value or 0.0
            reason = msg("holds the least flow of {flow_m3h:.0f} m3/h", flow_m3h=least)
            found.append((self._bypass, float(round(chilled.bypass.output_pct)), reason))
        if self._cw_bypass is not None:
            around = float(round(condensing.bypass.output_pct))
            found.append((self._cw_bypass, around, msg("head pressure")))
        return (*found, *self._limits(state, demand_pct))

    def _towers(self, state: PlantState) -> list[tuple[PointId, float, str]]:
        condensing = state.condensing
        aim_c = condensing.setpoint_c
        if aim_c is None:
            return []
        reason = msg("towers hold {aim_c:.1f} degC", aim_c=aim_c)
        fan = float(round(max(condensing.fan_pct, self._least_pct)))
        found: list[tuple[PointId, float, str]] = [
            (t.speed, fan, reason) for t in self._layout.towers if t.speed is not None
        ]
        found += [(p, round(aim_c * 2) / 2, reason) for p in self._cw_setpoints if p is not None]
        return found

    def _limits(
        self, state: PlantState, demand_pct: float | None
    ) -> tuple[tuple[PointId, float, str], ...]:
        """The load limit of those that run: while another one starts, and of the demand limit."""
        limit_pct = state.chilled.limit.limit_pct
        reason = msg("no limit") if limit_pct is None else msg("another chiller starts")
        value = 100.0 if limit_pct is None else float(round(limit_pct))
        if demand_pct is not None and demand_pct < value:
            value, reason = float(round(demand_pct)), msg("demand limit")
        return tuple(
            (unit.limit, value, reason)
            for unit in self._layout.units.values()
            if unit.limit is not None
        )


def _cools_alone(state: PlantState) -> bool:
    free = state.condensing.free.on and state.enabling.enabled
    return free and not any(unit.chiller_on for unit in state.units.values())


def _cw_step(here: UnitState) -> Step:
    """Condenser water is opened with its pump; at a cold start all valves open first."""
    return Step.VALVES if here.cold else Step.WATER


def _condenser(group: Group) -> str:
    parameters: ChilledWaterPlantParameters = group.parameters
    return "" if parameters.trains else condenser_name(group)
