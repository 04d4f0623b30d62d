"""What a plant believes of its instruments: filtered, checked against each other, averaged. Pure.

A value that cannot be (range, rate), that does not move while it should, or that contradicts
another for long is not used; each has a fallback. The load is a mean of 5 min; without it the stage
stays. Supply water falls back on what the running chillers show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.inputs.filtered import (
    RULES,
    Circumstances,
    FilterState,
    Flaw,
    InputRules,
    filter_input,
)
from bms.control.blocks.inputs.moving_mean import MeanState, average, mean_of
from bms.control.blocks.inputs.plausibility import (
    Contradiction,
    PlausibleState,
    backwards,
    beyond,
    doubt,
)
from bms.control.blocks.plants.plant_load import water_kw
from bms.control.engine.states import Words
from bms.control.strategies.chilled_water.plant_layout import Layout
from bms.control.strategies.water.water_inputs import believed, flow_rules, pressure_rules
from bms.core.decisions import Snapshot
from drivers.points import PointId

LOOK_EVERY_S = 5.0
"""Instruments are judged so often: water is slower."""
BRIDGE_S = 30.0
"""A load stands for so long without one of its inputs."""
LEAVING_C = (1.0, 25.0)
"""What a running chiller's leaving water can be, where it stands in for the header."""
SETTLING_S = 600.0
RETURN_MOVES = 2.5
"""Kelvin of supply, or tenths of the design flow, that do not leave a return where it was: a load
may hide less (D)."""
HELD_K = 0.5
"""So near its setpoint, water stands still because it is held there (D)."""
STANDS_K = 0.02
"""Water that a machine regulates may stand within a tenth for an hour; a frozen instrument stands
within less than this (D)."""

SUPPLY, RETURN, FLOW, OUTDOOR, WET_BULB = "supply", "return", "flow", "outdoor", "wet_bulb"
PRESSURE, CW_SUPPLY, CW_RETURN = "pressure", "cw_supply", "cw_return"


@dataclass(frozen=True, slots=True)
class MeasuredState:
    """What is remembered of the instruments of a plant."""

    inputs: Mapping[str, FilterState] = field(default_factory=dict)
    supply: PlausibleState = field(default_factory=PlausibleState)
    wrong_way: PlausibleState = field(default_factory=PlausibleState)
    load: MeanState = field(default_factory=MeanState)
    range: MeanState = field(default_factory=MeanState)
    load_missing_since_s: float | None = None
    judged_s: float | None = None
    moved_s: float | None = None
    """When a machine last started or stopped."""
    running: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What is known of the plant now; None: not known."""

    load_kw: float | None = None
    """Mean of 5 min, against the setpoint."""
    supply_c: float | None = None
    return_c: float | None = None
    flow_m3h: float | None = None
    """Now: what holds the least flow must not come 5 min late."""
    flow_mean_m3h: float | None = None
    outdoor_c: float | None = None
    wet_bulb_c: float | None = None
    cw_supply_c: float | None = None
    cw_return_c: float | None = None
    cw_range_k: float | None = None
    pressures_kpa: tuple[float | None, ...] = ()
    basin_c: float | None = None
    """The coldest of the towers."""
    exchanger_c: float | None = None
    """Chilled water behind the economizer."""
    flaws: Mapping[PointId, Words] = field(default_factory=dict)
    """What is wrong with points that show values, for people."""

    @property
    def lift_k(self) -> float | None:
        """Water leaving condensers minus chilled water."""
        warm = self.cw_return_c
        return None if warm is None or self.supply_c is None else warm - self.supply_c


@dataclass(frozen=True, slots=True)
class Around:
    """What the plant does while it is measured."""

    running: tuple[str, ...]
    """Chillers that show that they run."""
    setpoint_c: float | None
    speed_pct: float | None
    """Of chilled-water pumps."""
    cw_setpoint_c: float | None = None
    """What the towers hold."""


class Instruments:
    """The instruments of a plant, judged."""

    def __init__(self, layout: Layout, design_flow_m3h: float | None, design_kpa: float) -> None:
        header, weather, condenser = layout.header, layout.weather, layout.condenser
        self._design_flow_m3h = design_flow_m3h
        chilled = replace(RULES["chilled_water_temp"], resolution=STANDS_K)
        warm = replace(RULES["condenser_water_temp"], resolution=STANDS_K)
        named = {
            SUPPLY: (header.get("supply_temp"), chilled),
            RETURN: (header.get("return_temp"), replace(chilled, related_moved=RETURN_MOVES)),
            FLOW: (header.get("flow"), flow_rules(design_flow_m3h)),
            OUTDOOR: (weather.get("outdoor_temp"), RULES["outdoor_temp"]),
            WET_BULB: (weather.get("wet_bulb_temp"), RULES["wet_bulb_temp"]),
            CW_SUPPLY: (condenser.get("supply_temp"), warm),
            CW_RETURN: (condenser.get("return_temp"), warm),
        }
        self._inputs: dict[str, tuple[PointId, InputRules]] = {
            name: (point, rules) for name, (point, rules) in named.items() if point is not None
        }
        pressure = pressure_rules(design_kpa)
        self._pressures = []
        for number, point in enumerate(layout.pressures):
            self._inputs[f"{PRESSURE}-{number}"] = (point, pressure)
            self._pressures.append(f"{PRESSURE}-{number}")
        self._leaving = {
            name: unit.chiller.points["chw_supply_temp"]
            for name, unit in layout.units.items()
            if "chw_supply_temp" in unit.chiller.points
        }
        self._shares = {
            name: (unit.chiller.points["load"], unit.capacity_kw)
            for name, unit in layout.units.items()
            if "load" in unit.chiller.points
        }
        self._basins = [
            tower.points["basin_temp"] for tower in layout.towers if "basin_temp" in tower.points
        ]
        behind = layout.exchanger.points if layout.exchanger is not None else {}
        self._exchanger = behind.get("chw_supply_temp", behind.get("supply_temp"))
        self._flows = [
            unit.chiller.points["chw_flow"]
            for unit in layout.units.values()
            if "chw_flow" in unit.chiller.points
        ]
        if len(self._flows) < len(layout.units):
            self._flows = []
        points = {
            *self._flows,
            *(point for point, _ in self._inputs.values()),
            *self._leaving.values(),
        }
        points |= {*self._basins, *([self._exchanger] if self._exchanger else [])}
        self.reads = frozenset(points | {point for point, _ in self._shares.values()})

    def point(self, name: str) -> PointId | None:
        """The point of an instrument, None if there is none."""
        found = self._inputs.get(name)
        return found[0] if found is not None else None

    def judge(self, snapshot: Snapshot, state: MeasuredState, around: Around) -> MeasuredState:
        """The instruments at a look; the same state where it is too soon for another one."""
        watched_s = snapshot.watched_s
        moved_s = state.moved_s if around.running == state.running else watched_s
        last_s = state.judged_s
        if (
            last_s is not None
            and 0.0 <= watched_s - last_s < LOOK_EVERY_S
            and (around.running == state.running)
        ):
            return state
        settling = _settling(moved_s, watched_s)
        inputs: dict[str, FilterState] = {}
        for name, (point, rules) in self._inputs.items():
            inputs[name] = filter_input(
                state.inputs.get(name) or FilterState(),
                rules,
                snapshot.samples.get(point),
                watched_s,
                self._circumstances(name, state.inputs, around, settling),
            )
        return self._compared(snapshot, state, inputs, around, moved_s)

    def _circumstances(
        self, name: str, inputs: Mapping[str, FilterState], around: Around, settling: bool
    ) -> Circumstances:
        """What else is known when one input is judged."""
        running = bool(around.running)
        related: float | None = None
        held_at = None
        if name == SUPPLY:
            related, held_at = _value(inputs, RETURN), around.setpoint_c
        elif name == RETURN:
            # Either may move it: a kelvin of supply, or a tenth of the design flow.
            flow, related = _value(inputs, FLOW), _value(inputs, SUPPLY)
            if flow is not None and self._design_flow_m3h:
                related = 10.0 * flow / self._design_flow_m3h + (related or 0.0)
        elif name == FLOW or name.startswith(PRESSURE):
            related = around.speed_pct
        elif name == CW_SUPPLY:
            related, held_at = _value(inputs, CW_RETURN), around.cw_setpoint_c
        elif name == CW_RETURN:
            related = _value(inputs, CW_SUPPLY)
        shown = _value(inputs, name)
        if held_at is not None and shown is not None and abs(shown - held_at) <= HELD_K:
            held_at = shown
        return Circumstances(running, settling, related, held_at)

    def _compared(
        self,
        snapshot: Snapshot,
        state: MeasuredState,
        inputs: Mapping[str, FilterState],
        around: Around,
        moved_s: float | None,
    ) -> MeasuredState:
        watched_s = snapshot.watched_s
        supply_c, return_c = _value(inputs, SUPPLY), _value(inputs, RETURN)
        steady = bool(around.running) and not _settling(moved_s, watched_s)
        none = Contradiction.NONE
        supply = doubt(
            state.supply,
            beyond(supply_c, around.setpoint_c, cooling=True) if around.running else none,
            (supply_c, around.setpoint_c),
            watched_s,
        )
        wrong_way = doubt(
            state.wrong_way,
            backwards(supply_c, return_c, cooling=True) if steady else none,
            (supply_c, return_c),
            watched_s,
        )
        load_kw = None
        if wrong_way.found is none:
            load_kw = self._load_kw(snapshot, inputs, around)
        cw_supply_c, cw_return_c = _value(inputs, CW_SUPPLY), _value(inputs, CW_RETURN)
        range_k = None
        if cw_supply_c is not None and cw_return_c is not None:
            range_k = cw_return_c - cw_supply_c
        return MeasuredState(
            inputs,
            supply,
            wrong_way,
            average(state.load, load_kw, watched_s),
            average(state.range, range_k, watched_s),
            holds_since(load_kw is None, state.load_missing_since_s, watched_s),
            watched_s,
            moved_s,
            around.running,
        )

    def _load_kw(
        self, snapshot: Snapshot, inputs: Mapping[str, FilterState], around: Around
    ) -> float | None:
        """The load now: by flow and return against the setpoint (as measured, without one), else
        by what the chillers say of themselves where nothing measures the flow."""
        flow, return_c = self._flow_m3h(snapshot, inputs), _value(inputs, RETURN)
        cold_c = around.setpoint_c if around.setpoint_c is not None else _value(inputs, SUPPLY)
        if flow is not None and return_c is not None and cold_c is not None:
            return max(water_kw(flow, return_c, cold_c), 0.0)
        if FLOW in self._inputs or not around.running:
            return None
        shares = [
            (snapshot.number(self._shares[name][0]), self._shares[name][1])
            for name in around.running
            if name in self._shares
        ]
        if len(shares) < len(around.running) or any(share is None for share, _ in shares):
            return None
        return sum((share or 0.0) / 100.0 * capacity_kw for share, capacity_kw in shares)

    def measured(self, snapshot: Snapshot, state: MeasuredState, around: Around) -> Measured:
        """What is known now."""
        inputs = state.inputs
        late = held_for(state.load_missing_since_s, BRIDGE_S, snapshot.watched_s)
        # The bridge is for a load that was known: at the first look there is none to stand.
        load_kw = None if late else mean_of(state.load)
        supply_c = _mean(inputs, SUPPLY, self._inputs)
        if state.supply.found is not Contradiction.NONE:
            supply_c = None
        if supply_c is None:
            supply_c = self._leaving_c(snapshot, around)
        return Measured(
            load_kw,
            supply_c,
            _mean(inputs, RETURN, self._inputs),
            self._flow_m3h(snapshot, inputs),
            _mean(inputs, FLOW, self._inputs),
            _value(inputs, OUTDOOR),
            _value(inputs, WET_BULB),
            _value(inputs, CW_SUPPLY),
            _value(inputs, CW_RETURN),
            mean_of(state.range),
            tuple(_value(inputs, name) for name in self._pressures),
            min((c for p in self._basins if (c := snapshot.number(p)) is not None), default=None),
            None if self._exchanger is None else snapshot.number(self._exchanger),
            self._flaws(state),
        )

    def _flow_m3h(self, snapshot: Snapshot, inputs: Mapping[str, FilterState]) -> float | None:
        """The flow of the header, else that of all chillers by their own meters."""
        flow = _value(inputs, FLOW)
        if flow is not None or not self._flows:
            return flow
        shown = [snapshot.number(point) for point in self._flows]
        known = [number for number in shown if number is not None]
        return sum(known) if len(known) == len(shown) else None

    def _leaving_c(self, snapshot: Snapshot, around: Around) -> float | None:
        """Supply water by the chillers that run: their mean, weighted alike."""
        shown = [
            value
            for name in around.running
            if name in self._leaving
            and (value := snapshot.number(self._leaving[name])) is not None
            and LEAVING_C[0] < value < LEAVING_C[1]
        ]
        return sum(shown) / len(shown) if shown else None

    def _flaws(self, state: MeasuredState) -> dict[PointId, Words]:
        found: dict[PointId, Words] = {
            self._inputs[name][0]: judged.detail
            for name, judged in state.inputs.items()
            if judged.flaw is not Flaw.NONE
        }
        if state.supply.found is not Contradiction.NONE:
            found[self._inputs[SUPPLY][0]] = state.supply.detail
        if state.wrong_way.found is not Contradiction.NONE:
            found[self._inputs[RETURN][0]] = state.wrong_way.detail
        return found


def _settling(moved_s: float | None, watched_s: float) -> bool:
    return moved_s is not None and not held_for(moved_s, SETTLING_S, watched_s)


def _value(inputs: Mapping[str, FilterState], name: str) -> float | None:
    return believed(inputs.get(name))


def _mean(
    inputs: Mapping[str, FilterState], name: str, rules: Mapping[str, tuple[PointId, InputRules]]
) -> float | None:
    judged = inputs.get(name)
    return None if judged is None else judged.averaged(rules[name][1]).good
