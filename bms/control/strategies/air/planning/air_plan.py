"""Requests and resets of one group: the PLAN stage of `air_handlers`. Pure.

Every 10 s it looks at all zones and machines of the group. What it finds are facts: the requests to
the plants behind (`fact_names`), and for each air handler the supply temperature and the duct
pressure that trim and respond arrives at. Zones that ask nearly always are left out, and named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.inputs.filtered import RULES, FilterState, filter_input
from bms.control.blocks.inputs.voted import VoteRules, VoteState, vote
from bms.control.blocks.resets.linear_reset import supply_air_by_outdoor
from bms.control.blocks.resets.request_counters import (
    NO_ROGUES,
    RogueRules,
    RogueState,
    left_out,
    rogues,
    total_requests,
    watch_rogues,
)
from bms.control.blocks.resets.trim_respond import (
    SUPPLY_AIR,
    TrimRespondState,
    duct_static,
    of_few,
    reset,
)
from bms.control.strategies import fact_names
from bms.control.strategies.air.air_facts import UnitFact, fact_name
from bms.control.strategies.air.air_parameters import AirParameters, Function
from bms.control.strategies.air.asked import OCCUPIED, asked, pair_of
from bms.control.strategies.air.handling.fan_proof import proven
from bms.control.strategies.air.humidity_limits import at_dampest
from bms.control.strategies.air.planning import zone_requests
from bms.control.strategies.air.planning.zone_requests import UnitAsks, UnitSeen, ZoneAsks
from bms.control.strategies.air.served import COIL_KINDS, Unit, units_of
from bms.core.decisions import (
    Condition,
    Decision,
    Fact,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.core.equipment import Equipment
from bms.texts.messages import msg
from drivers.points import PointId, Quality

LOOK_S = 10.0
"""Nothing here is a matter of less; requests last at least a minute."""
OUTDOOR_VOTE = VoteRules(2.0)
ROGUES = RogueRules()
FREEZE_REQUESTS = 2
"""A machine near freezing asks for hot water so urgently (control reference, 5)."""
DRYING_REQUESTS = 4
DRYING_SHORT_K = 1.0
"""A machine that dries, and whose supply air stays so far above its aim, asks for colder water so
urgently: more than a plant ignores, since no warm room speaks for a damp one (D)."""


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """Of one air handler: its resets, and what it asked for."""

    supply: TrimRespondState = field(default_factory=TrimRespondState)
    static: TrimRespondState = field(default_factory=TrimRespondState)
    asks: UnitAsks = field(default_factory=UnitAsks)


@dataclass(frozen=True, slots=True)
class AirPlanState:
    """Of all zones and machines of a group, by name; the outdoor temperature by point."""

    zones: Mapping[str, ZoneAsks] = field(default_factory=dict)
    units: Mapping[str, UnitPlan] = field(default_factory=dict)
    rogues: RogueState = NO_ROGUES
    outdoor: Mapping[str, FilterState] = field(default_factory=dict)
    outdoor_vote: VoteState = field(default_factory=VoteState)
    looked_s: float | None = None


class AirPlan:
    """See the module. It commands nothing: its facts are what the machines' controllers use."""

    stage = Stage.PLAN
    priority = Priority.SEQUENCE
    writes: frozenset[PointId] = frozenset()

    def __init__(self, group: Group) -> None:
        self.name = f"air_plan:{group.id}"
        self._group = group
        self._parameters: AirParameters = group.parameters
        self._units = units_of(group, COIL_KINDS)
        outdoor = [point for unit in self._units for point in unit.outdoor_points]
        self._outdoor = tuple(dict.fromkeys(outdoor))
        seen = {p for unit in self._units for p in unit.machine.points.values()}
        seen |= {p for unit in self._units for z in unit.zones for p in z.points.values()}
        self.reads = frozenset(seen | {*self._outdoor, group.mode_point})
        self._last: Decision[AirPlanState] | None = None

    def initial(self) -> AirPlanState:
        return AirPlanState()

    def decide(
        self,
        snapshot: Snapshot,
        state: AirPlanState,
        now: datetime,  # noqa: ARG002
    ) -> Decision[AirPlanState]:
        watched_s, last = snapshot.watched_s, self._last
        if last is not None and last.state is state and _young(state, watched_s):
            return last
        state, outdoor = self._look_outdoors(snapshot, state)
        zones: dict[str, ZoneAsks] = {}
        units: dict[str, UnitPlan] = {}
        colder: dict[str, int] = {}
        facts = [outdoor]
        for unit in self._units:
            before = state.units.get(unit.name, UnitPlan())
            runs = self._runs(snapshot, unit)
            for zone in unit.zones:
                name = zone_name(zone)
                if runs:
                    pair = pair_of(snapshot, self._group, unit, zone)
                    asked_before = state.zones.get(name, ZoneAsks())
                    zones[name] = zone_requests.ask(asked_before, zone, pair, snapshot, watched_s)
                    colder[name] = zones[name].colder.requests
            plan, told = self._plan(snapshot, unit, before, zones, state.rogues)
            units[unit.name] = plan
            facts += told
        facts += self._to_plants(snapshot, zones, units)
        state = replace(
            state,
            zones=zones,
            units=units,
            rogues=watch_rogues(state.rogues, ROGUES, colder, watched_s),
            looked_s=watched_s,
        )
        self._last = Decision(
            (),
            state,
            self._rogue_conditions(state.rogues),
            tuple(facts),
            stands_until_s=watched_s + LOOK_S,
            depends_on=frozenset({self._group.mode_point}),
        )
        return self._last

    # --- outdoors ----------------------------------------------------------------------------

    def _look_outdoors(self, snapshot: Snapshot, state: AirPlanState) -> tuple[AirPlanState, Fact]:
        """The outdoor temperature of all sensors together, judged before it is used."""
        rules, watched_s = RULES["outdoor_temp"], snapshot.watched_s
        filters = {
            point: filter_input(
                state.outdoor.get(point, FilterState()),
                rules,
                snapshot.samples.get(point),
                watched_s,
            )
            for point in self._outdoor
        }
        signals = {point: found.value for point, found in filters.items()}
        found = vote(state.outdoor_vote, OUTDOOR_VOTE, signals, watched_s)
        result = found.result
        point = self._group.fact_point(fact_names.OUTDOOR_C)
        good = result.good is not None
        quality = Quality.GOOD if good else Quality.BAD
        told = Fact(point, result.good, quality, "" if good else result.detail)
        return replace(state, outdoor=filters, outdoor_vote=found.state), told

    # --- one machine -------------------------------------------------------------------------

    def _runs(self, snapshot: Snapshot, unit: Unit) -> bool:
        mode = asked(snapshot, self._group, unit.machine, "mode")
        return proven(snapshot, unit, mode is not None and mode.value in OCCUPIED)

    def _plan(
        self,
        snapshot: Snapshot,
        unit: Unit,
        before: UnitPlan,
        zones: Mapping[str, ZoneAsks],
        rogue: RogueState,
    ) -> tuple[UnitPlan, list[Fact]]:
        runs = self._runs(snapshot, unit)
        names = [zone_name(zone) for zone in unit.zones if zone_name(zone) in zones]
        without = left_out(rogue, ROGUES, names)
        weights = self._parameters.importance
        requests = {name: zones[name].colder.requests for name in names}
        colder = total_requests(requests, weights, without)
        pressure = total_requests({name: zones[name].pressure.requests for name in names}, weights)
        facts = []
        supply = before.supply
        if Function.SUPPLY_RESET in unit.active and not unit.zone_led:
            p = self._parameters
            rules = replace(
                SUPPLY_AIR, start=p.supply_max_c, least=p.supply_min_c, most=p.supply_max_c
            )
            rules = of_few(rules, len(names))
            supply = reset(
                supply, rules, proven=runs, requests=colder, watched_s=snapshot.watched_s
            )
            setpoint_c = self._by_outdoor(snapshot, unit, supply.setpoint)
            facts += [
                self._fact(fact_name(unit.name, UnitFact.SUPPLY_SETPOINT_C), round(setpoint_c, 2)),
                self._fact(fact_name(unit.name, UnitFact.COLDER_REQUESTS), colder),
            ]
        static = before.static
        if Function.STATIC_RESET in unit.active:
            design_pa = unit.machine.design.static_pa or self._parameters.design_static_pa
            rules = of_few(duct_static(design_pa), len(names))
            static = reset(
                static, rules, proven=runs, requests=pressure, watched_s=snapshot.watched_s
            )
            facts += [
                self._fact(
                    fact_name(unit.name, UnitFact.STATIC_SETPOINT_PA),
                    round(static.setpoint or 0.0, 1),
                ),
                self._fact(fact_name(unit.name, UnitFact.PRESSURE_REQUESTS), pressure),
            ]
        asks = UnitAsks()
        if runs:
            seen = self._seen(snapshot, unit)
            asks = zone_requests.ask_plants(before.asks, seen, snapshot.watched_s)
        return UnitPlan(supply, static, asks), facts

    def _by_outdoor(self, snapshot: Snapshot, unit: Unit, setpoint_c: float | None) -> float:
        """Guideline 36, 5.16.2: in warm weather the coldest air, whatever zones ask."""
        p = self._parameters
        reset_c = p.supply_max_c if setpoint_c is None else setpoint_c
        wanted = p.supply_by_outdoor
        if wanted is None:
            wanted = unit.variable or not unit.humidity_points
        outdoor_c = snapshot.number(self._group.fact_point(fact_names.OUTDOOR_C))
        if not wanted or outdoor_c is None:
            return reset_c
        return supply_air_by_outdoor(reset_c, p.supply_min_c).at(outdoor_c)

    def _dries_too_little(self, snapshot: Snapshot, unit: Unit) -> bool:
        """Its zones need the coldest air, and its coil does not reach it."""
        if Function.HUMIDITY_LIMIT not in unit.active or not self._runs(snapshot, unit):
            return False
        shown = (snapshot.number(point) for point in unit.humidity_points)
        dampest_pct = max((value for value in shown if value is not None), default=None)
        warm_k = self._seen(snapshot, unit).too_warm_k
        damp = at_dampest(dampest_pct, self._parameters)
        return damp and warm_k is not None and warm_k > DRYING_SHORT_K

    def _seen(self, snapshot: Snapshot, unit: Unit) -> UnitSeen:
        """What a machine shows of its coils."""
        supply_c = _number(snapshot, unit.machine, "supply_temp")
        setpoint_c = _number(snapshot, unit.machine, "supply_setpoint")
        if setpoint_c is None or not unit.commanded("supply_setpoint"):
            setpoint_c = snapshot.number(
                self._group.fact_point(fact_name(unit.name, UnitFact.SUPPLY_AIM_C))
            )
        warm_k = cold_k = None
        if supply_c is not None and setpoint_c is not None:
            warm_k, cold_k = supply_c - setpoint_c, setpoint_c - supply_c
        elif unit.zones:
            zone_c = zone_requests.temperature_of(snapshot, unit.zones[0])
            pair = pair_of(snapshot, self._group, unit, unit.zones[0])
            if zone_c is not None:
                warm_k, cold_k = zone_c - pair.cooling_c, pair.heating_c - zone_c
        cooling = _number(snapshot, unit.machine, "cooling_valve")
        heating = _number(snapshot, unit.machine, "heating_valve")
        own_heat = bool(unit.machine.relations.heated_by) or "heating_valve" in unit.machine.points
        return UnitSeen(
            warm_k if unit.cools else None,
            cold_k if own_heat else None,
            zone_requests.valve_or_need(cooling, warm_k) if unit.cools else None,
            zone_requests.valve_or_need(heating, cold_k) if own_heat else None,
        )

    # --- the group ---------------------------------------------------------------------------

    def _to_plants(
        self, snapshot: Snapshot, zones: Mapping[str, ZoneAsks], units: Mapping[str, UnitPlan]
    ) -> list[Fact]:
        weights = self._parameters.importance
        frozen = {
            unit.name: FREEZE_REQUESTS
            for unit in self._units
            if snapshot.number(self._group.fact_point(fact_name(unit.name, UnitFact.FREEZE_STAGE)))
        }
        chw = {name: plan.asks.chiller.requests for name, plan in units.items()}
        chw_resets = {
            unit.name: max(
                units[unit.name].asks.colder_water.requests,
                DRYING_REQUESTS if self._dries_too_little(snapshot, unit) else 0,
            )
            for unit in self._units
        }
        hw = {name: plan.asks.boiler.requests for name, plan in units.items()}
        hw_resets = {name: plan.asks.hotter_water.requests for name, plan in units.items()}
        hw |= {name: zone.boiler.requests for name, zone in zones.items() if name not in units}
        hw_resets |= {n: zone.hot_water.requests for n, zone in zones.items() if n not in units}
        hw |= frozen
        hw_resets |= frozen
        totals = {
            fact_names.CHW_REQUESTS: chw,
            fact_names.CHW_RESETS: chw_resets,
            fact_names.HW_REQUESTS: hw,
            fact_names.HW_RESETS: hw_resets,
        }
        return [self._fact(name, total_requests(by, weights)) for name, by in totals.items()]

    def _rogue_conditions(self, state: RogueState) -> tuple[Condition, ...]:
        found = rogues(state)
        if not found:
            return ()
        text = msg(
            "{zones} ask {group} for colder air nearly always, and are left out: look for a valve "
            "or damper that sticks, an open window, a sensor in the sun, too small a unit",
            zones=", ".join(found),
            group=self._group.id,
        )
        return (Condition(f"{self._group.id}:rogue", Severity.NORMAL, text),)

    def _fact(self, name: str, value: float) -> Fact:
        return Fact(self._group.fact_point(name), value)


def zone_name(zone: Equipment) -> str:
    """The name of a zone within its base."""
    return zone.id.rpartition(".")[2]


def _young(state: AirPlanState, watched_s: float) -> bool:
    return state.looked_s is not None and 0.0 <= watched_s - state.looked_s < LOOK_S


def _number(snapshot: Snapshot, machine: Equipment, role: str) -> float | None:
    point = machine.points.get(role)
    return None if point is None else snapshot.number(point)
