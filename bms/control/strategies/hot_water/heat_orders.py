"""What a heat plant commands, publishes and complains of, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bms.config.site import Group
from bms.control.blocks.delays import held_for
from bms.control.blocks.machines.start_proof import STILL
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.control.strategies.fact_names import LOAD_KW, STAGE
from bms.control.strategies.hot_water.boiler_plant import HeatLayout, HeatUnit
from bms.control.strategies.hot_water.heat_reset import BELOW_MAIN_K
from bms.control.strategies.hot_water.heat_state import HeatState, Look
from bms.control.strategies.water.fittings import Machine
from bms.control.strategies.water.machinery import tried_again
from bms.control.strategies.water.unit_steps import Step, told
from bms.core.decisions import Command, Condition, Fact, Priority, Severity
from bms.core.equipment import base_of
from bms.texts.messages import Message, joined, msg
from drivers.points import PointId, Quality, Value

SUPPLY_C = "supply_setpoint_c"
"""The fact that says how hot the water shall be."""
PAUSES_K = 8.0
"""A thermostat fires again so far below its own setpoint, at most (D: burners swing by 5 K)."""
UNKNOWN_AFTER_S = 300.0
"""A load that is not known is an alarm once it lasts: at a start nothing is measured yet."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a look came to."""

    look: Look
    state: HeatState
    why: Words


class HeatOrders:
    """Puts the decisions of one plant into commands."""

    def __init__(self, group: Group, layout: HeatLayout, source: str, regulated: bool) -> None:
        self._group = group
        self._layout = layout
        self._source = source
        self._regulated = regulated
        found: set[PointId | None] = set(layout.header_commands.values())
        for machine in layout.machines:
            found |= {machine.enable, machine.speed}
        for unit in layout.units.values():
            found |= {unit.setpoint, unit.heating, unit.limit}
            found |= {valve.command for valve in unit.valves}
        self.writes = frozenset(point for point in found if point is not None)

    # --- commands ----------------------------------------------------------------------------

    def key(self, ordered: Ordered) -> object:
        """What the commands are made of: the same commands while it is the same."""
        look, state = ordered.look, ordered.state
        return (
            ordered.why,
            look.mode,
            look.setpoint_c,
            look.pressure_kpa,
            look.limit_pct,
            state.units,
            tuple(state.proofs.get(name, STILL).failed for name in self._layout.units),
            state.valve_faults,
            tuple(self._again(pump, state) for pump in self._layout.pumps),
            state.flow.pumps,
            state.flow.speed.pct,
            state.flow.bypass_pct,
        )

    def commands(self, ordered: Ordered) -> tuple[Command, ...]:
        """All of them; only what may be written."""
        return tuple(
            Command(
                point=point,
                value=value,
                priority=Priority.SEQUENCE,
                source=self._source,
                reason=groups.because(reason, ordered.look.mode),
            )
            for point, value, reason in self._wishes(ordered)
            if point is not None
        )

    def _wishes(self, ordered: Ordered) -> Iterator[tuple[PointId | None, Value, Words]]:
        look, state, why = ordered.look, ordered.state, ordered.why
        runs = state.enabled or bool(state.wanted)
        below_k = below_main_k(self._layout.units, state)
        for name, unit in self._layout.units.items():
            here = state.units[name]
            text = joined(", ", self._told(name, ordered), why)
            yield unit.machine.enable, int(here.chiller_on), text
            own_c = look.setpoint_c - (below_k if unit.condensing else 0.0)
            yield unit.setpoint, round(own_c, 1), look.why_setpoint
            yield unit.heating, int(here.needs_water or here.chiller_on), text
            yield unit.limit, *_limited(look.limit_pct)
            for valve in unit.valves:
                yield valve.command, valve.full if here.reached(Step.VALVES) else 0.0, text
            for pump in unit.pumps:
                yield pump.enable, int(here.needs_water), text
                yield pump.speed, 100.0, text
        flow = state.flow
        pct = round(flow.speed.pct, 1) if self._regulated else 100.0
        for pump in self._layout.pumps:
            on = pump.name in flow.pumps
            text = msg(
                "{count} of {pumps} pumps, {plant}",
                count=len(flow.pumps),
                pumps=len(self._layout.pumps),
                plant=why,
            )
            yield pump.enable, int(on), self._again(pump, state) or text
            yield pump.speed, pct, self._speed_text(look)
        header = self._layout.header_commands
        yield header.get("bypass_valve"), round(flow.bypass_pct, 1), self._bypass_text(ordered)
        yield header.get("enable"), int(runs), why
        yield header.get("loop_setpoint"), round(look.setpoint_c, 1), look.why_setpoint
        yield header.get("dp_setpoint"), look.pressure_kpa, self._speed_text(look)
        yield header.get("speed"), pct, self._speed_text(look)

    @staticmethod
    def _again(pump: Machine, state: HeatState) -> Message | None:
        return tried_again(pump.name, state.proofs.get(pump.name, STILL))

    def _told(self, name: str, ordered: Ordered) -> Words:
        state = ordered.state
        failed = state.proofs.get(name, STILL).failed
        if name in state.valve_faults:
            failed = msg("its valve does not open")
        running = bool(ordered.look.views[name].status)
        return told(name, state.units[name], running, failed)

    def _speed_text(self, look: Look) -> Words:
        if not self._regulated:
            return msg("no differential pressure to hold")
        return msg("differential pressure of {pressure_kpa:g} kPa", pressure_kpa=look.pressure_kpa)

    def _bypass_text(self, ordered: Ordered) -> Words:
        if not ordered.state.flow.pumps:
            return msg("open while no pump runs")
        return_c = ordered.look.readings.return_c
        if return_c is None:
            return msg("least flow of the boilers")
        return msg("least flow of the boilers, return {return_c:.1f} degC", return_c=return_c)

    # --- facts and conditions ----------------------------------------------------------------

    def facts(self, ordered: Ordered) -> tuple[Fact, ...]:
        """Load, stage and temperature, for everybody to see."""
        look, state = ordered.look, ordered.state
        load_kw = look.readings.load_kw
        load = Fact(
            self._group.fact_point(LOAD_KW),
            None if load_kw is None else round(load_kw, 1),
            Quality.BAD if load_kw is None else Quality.GOOD,
            msg("flow or temperatures are not known") if load_kw is None else "",
        )
        return (
            load,
            Fact(self._group.fact_point(STAGE), float(len(state.wanted))),
            Fact(self._group.fact_point(SUPPLY_C), round(look.setpoint_c, 1)),
        )

    def conditions(self, ordered: Ordered, usable: bool) -> tuple[Condition, ...]:
        """What is wrong with the plant now."""
        look, state = ordered.look, ordered.state
        found: list[Condition] = []
        base = base_of(self._group.id)
        for name in self._machines():
            proof = state.proofs.get(name, STILL)
            failed = proof.failed if not proof.available else ""
            if name in state.valve_faults:
                failed = msg("its valve does not open")
            again = tried_again(f"{base}.{name}", proof)
            if again is None and name in state.valve_failures and not failed:
                again = msg(
                    "the valve of {machine} did not open; nothing stands in for it, so it is tried "
                    "again",
                    machine=f"{base}.{name}",
                )
            if failed or again:
                text = again or (
                    msg(
                        "{machine} is out of use until it is reset: {reason}",
                        machine=f"{base}.{name}",
                        reason=failed,
                    )
                    if proof.latched or name in state.valve_faults
                    else msg(
                        "{machine} is out of use: {reason}",
                        machine=f"{base}.{name}",
                        reason=failed,
                    )
                )
                found.append(Condition(f"{base}.{name}:proof", Severity.URGENT, text))
        if state.enabled and not usable:
            text = msg("{group} is on and no boiler can run", group=self._group.id)
            found.append(Condition(f"{self._group.id}:no-boiler", Severity.CRITICAL, text))
        if held_for(state.meters.unknown_since_s, UNKNOWN_AFTER_S, look.watched_s):
            text = msg(
                "{group}: load not known (flow or return is not good): stage {stage} is held",
                group=self._group.id,
                stage=len(state.wanted),
            )
            found.append(Condition(f"{self._group.id}:load", Severity.URGENT, text))
        for point, flaw in look.readings.flaws.items():
            text = msg("{point} is not believed: {flaw}", point=point, flaw=flaw)
            found.append(Condition(f"{point}:doubt", Severity.URGENT, text))
        return tuple(found)

    def _machines(self) -> list[str]:
        return [machine.name for machine in self._layout.machines]


def _limited(limit_pct: float | None) -> tuple[float, Words]:
    """The limit of the power of a heater, and why."""
    if limit_pct is None or limit_pct >= 100.0:
        return 100.0, msg("no limit")
    return float(round(limit_pct)), msg("demand limit")


def below_main_k(units: Mapping[str, HeatUnit], state: HeatState) -> float:
    """How much colder condensing boilers make their water: they run before hotter ones."""
    hotter = any(unit.needs_water and not units[name].condensing
                 for name, unit in state.units.items())  # fmt: skip
    return BELOW_MAIN_K if hotter else 0.0


def cold(units: Mapping[str, HeatUnit], state: HeatState, look: Look) -> dict[str, bool] | None:
    """Which boilers would fire if they could: water is colder than their own thermostats pause at.
    None if nobody knows how warm it is."""
    supply_c = look.readings.supply_c
    if supply_c is None:
        return None
    below_k = below_main_k(units, state)
    return {
        name: supply_c < look.setpoint_c - (below_k if unit.condensing else 0.0) - PAUSES_K
        for name, unit in units.items()
    }
