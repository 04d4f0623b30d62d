"""The condenser side of a plant: pumps, cells and fans, head pressure, frost, free cooling. Pure.

Guideline 36: pumps and cells by the chillers that need water (5.20.9), the setpoint by lift, fans
by the least of the loop and its caps (5.20.12), head pressure (5.20.10), the waterside economizer
(5.20.3). Cells take as little water as wets them, because fans are cheap when slow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.delays import holds_since, passed_s
from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track
from bms.control.blocks.plants.condenser_water import (
    HEAD_PRESSURE_K,
    START_BELOW_DESIGN_K,
    FanRules,
    FanState,
    LiftReset,
    fan_by_load,
    head_pressure,
    return_setpoint_c,
    run_fans,
    supply_setpoint_c,
)
from bms.control.blocks.plants.free_cooling import (
    FreeCooling,
    FreeCoolingInputs,
    HeatExchanger,
    run_free_cooling,
)
from bms.control.blocks.replacing import replace
from bms.control.strategies.chilled_water.instruments import Measured
from bms.control.strategies.chilled_water.parameters import ChilledWaterPlantParameters
from bms.control.strategies.chilled_water.plant_layout import Layout
from bms.control.strategies.water.pump_bank import enough
from bms.control.strategies.water.unit_steps import UnitState

RANGE_K = 5.0
"""Of condenser water at design, where nobody wrote it down (D)."""
SUPPLY_C = 32.0
"""Of condenser water at design, the same (D: GB/T 18430)."""
CELL_SHARE = 0.5
"""Of its design flow a cell takes at least, so that its fill is wetted (D)."""
FAN_LOOP = PidRules(8.0, 300.0, direct=True)
"""Percent per kelvin (D)."""
HEAD_LOOP = PidRules(5.0, 120.0)
"""Percent per kelvin of missing lift (D)."""
BYPASS_LOOP = PidRules(20.0, 120.0, rate_pct_per_min=100.0)
"""Percent per kelvin (D); quick, because it is open for minutes only, after a start."""
CLOSED_PCT = 95.0
"""From so much bypass on the cells take no water: all of it goes around them (D)."""
ENTERING_K = 6.0
"""Condenser water enters chillers so much above the chilled water at least, where their maker did
not say (D): less, and oil does not return."""
LEAST_VALVE_PCT = 30.0
"""Head pressure throttles water no further (D)."""
TOWER_APPROACH_K = 4.0
EXCHANGER_APPROACH_K = 2.0
WET_BULB_C = 27.0
"""Design of towers and exchanger where nobody wrote it down (D)."""
ALONE_K = 1.0
"""Guideline 36, 5.20.4: chillers may stop once the exchanger would leave water so much below the
setpoint."""
WARM_SHARE = 0.5
"""Of the lift that a chiller needs where it enters: with so much it makes the rest itself, before
it stops for want of it (D: machines bear a short lift for a quarter of an hour)."""
HELPS_K = (0.5, 1.5)
"""Return water goes through the exchanger while condenser water is so much colder, and once it is
so much colder again (D)."""
CIRCULATES_K = 3.0
"""A basin that is moved against frost rests once it is so much above the limit (D)."""


@dataclass(frozen=True, slots=True)
class CondensingState:
    """What is remembered of the condenser side."""

    pumps: int = 0
    cells: int = 0
    on_since_s: float | None = None
    setpoint_c: float | None = None
    """Of the water from the towers."""
    loop: PidState = field(default_factory=PidState)
    head: PidState = field(default_factory=PidState)
    bypass: PidState = field(default_factory=PidState)
    """Around the towers, where the loop has such a valve."""
    fans: FanState = field(default_factory=FanState)
    circulating: bool = False
    """Water is moved against frost."""
    free: FreeCooling = field(default_factory=FreeCooling)
    exchanging: bool = False
    """Return water goes through the economizer: condenser water is colder."""
    warming: bool = False
    """Condenser water is too cold for the chiller that comes, and gets warmer."""

    @property
    def fan_pct(self) -> float:
        """The speed of fans; 0: they stand still."""
        return self.fans.speed_pct if self.fans.on else 0.0

    def throttle_pct(self) -> float:
        """How far condenser valves, or pumps, are open for head pressure."""
        return head_pressure(self.head.output_pct, LEAST_VALVE_PCT, self.free.on).valve_pct


@dataclass(frozen=True, slots=True)
class CondensingInputs:
    """What the rest of the plant says."""

    enabled: bool
    """The plant is on: free cooling may run."""
    load_share: float | None
    """Load by the capacity of the chillers that run."""
    setpoint_c: float | None
    """Of chilled water."""
    running: bool
    """A chiller shows that it runs."""
    fixed_c: float | None = None
    """A setpoint of condenser water that somebody gives."""
    flow_share: float | None = None
    """Of the exchanger's design flow."""
    coming: bool = False
    """A chiller starts, or is told to run: its water has to be warm enough for it."""

    @property
    def lifts(self) -> bool:
        """Whether condenser water is that of a chiller, now or in a moment."""
        return self.running or self.coming


class CondenserSide:
    """The condenser side of one plant."""

    def __init__(
        self, layout: Layout, parameters: ChilledWaterPlantParameters, bypasses: bool
    ) -> None:
        self._layout = layout
        self.bypasses = bypasses and parameters.does("head_pressure")
        self._parameters = parameters
        self._pump_flows = [pump.design.flow_m3h for pump in layout.cw_pumps]
        towers = [tower.design for tower in layout.towers]
        supply_c = next((d.supply_c for d in towers if d.supply_c is not None), SUPPLY_C)
        return_c = next((d.return_c for d in towers if d.return_c is not None), None)
        chillers = [unit.chiller.design for unit in layout.units.values()]
        lifts = [d.lift_min_k for d in chillers if d.lift_min_k is not None]
        coldest = [d.supply_c for d in chillers if d.supply_c is not None]
        self.reset = LiftReset(
            supply_c + RANGE_K if return_c is None else return_c,
            min(coldest, default=7.0),
            max([12.0, *lifts]),
        )
        self._entering_k = max(lifts, default=ENTERING_K)
        self._cold_fans = layout.throttled_by_valves or not bypasses
        """Where the water of each chiller can be throttled, fans may run for the economizer beside
        it; else both live on the same water, and a chiller that runs trips on a short lift."""
        self._unvalved = {
            name
            for name, unit in layout.units.items()
            if layout.cw_pumps and unit.cw_valve is None and unit.cw_flow_m3h != 0.0
        }
        """Chillers through which water of the header flows whenever it flows."""
        cells = [d.flow_m3h for d in towers if d.flow_m3h is not None]
        self._cells_m3h = sum(cells) if cells and len(cells) == len(towers) else None
        self._fan_rules = FanRules(least_pct=parameters.least_speed_pct)
        self._exchanger = self._exchanger_of(layout)
        self.frees = layout.exchanger is not None and parameters.does("economizer")

    @staticmethod
    def _exchanger_of(layout: Layout) -> HeatExchanger:
        tower = next(iter(layout.towers), None)
        approach_k = wet_bulb_c = None
        if tower is not None:
            approach_k, wet_bulb_c = tower.design.approach_k, tower.design.wet_bulb_c
        own = layout.exchanger.design if layout.exchanger is not None else None
        exchanger_k = own.approach_k if own is not None else None
        return HeatExchanger(
            EXCHANGER_APPROACH_K if exchanger_k is None else exchanger_k,
            TOWER_APPROACH_K if approach_k is None else approach_k,
            WET_BULB_C if wet_bulb_c is None else wet_bulb_c,
            1.0,
        )

    def predicted_c(self, state: CondensingState, wet_bulb_c: float | None,
                    flow_share: float | None) -> float | None:  # fmt: skip
        """What the exchanger would leave now; None without a wet bulb."""
        if wet_bulb_c is None or not self.frees:
            return None
        share = 1.0 if flow_share is None else flow_share
        return self._exchanger.leaving_c(wet_bulb_c, share, state.free.tuning)

    def suffices(
        self,
        state: CondensingState,
        measured: Measured,
        inputs: CondensingInputs,
        watched_s: float,
    ) -> bool:
        """Whether the exchanger alone would do, with fans to spare, and runs or may begin."""
        leaves_c = self.predicted_c(state, measured.wet_bulb_c, inputs.flow_share)
        if leaves_c is None or inputs.setpoint_c is None:
            return False
        told = FreeCoolingInputs(measured.return_c, None, leaves_c, allowed=inputs.enabled)
        begins = run_free_cooling(state.free, told, watched_s).on
        return begins and leaves_c < inputs.setpoint_c - ALONE_K and state.fan_pct < 100.0

    def run(
        self,
        state: CondensingState,
        units: Mapping[str, UnitState],
        measured: Measured,
        inputs: CondensingInputs,
        watched_s: float,
    ) -> CondensingState:
        """The condenser side at a look."""
        state = self._free(state, measured, inputs, watched_s)
        asking = [
            name
            for name, unit in units.items()
            if unit.needs_water and self._layout.units[name].cw_flow_m3h != 0.0
        ]
        if asking:
            asking = sorted({*asking, *self._unvalved})
        state = self._frost(state, measured)
        running = bool(asking) or state.free.on
        number, flow_m3h = len(asking), self._asked(asking)
        exchanger = self._layout.exchanger
        if state.free.on and not asking:
            number = 1
            flow_m3h = None if exchanger is None else exchanger.design.cw_flow_m3h
        pumps = enough(self._pump_flows, flow_m3h, number)
        if not running:
            after = replace(
                state, pumps=int(state.circulating and bool(self._layout.cw_pumps)),
                cells=len(self._layout.towers) if state.circulating else 0,
                on_since_s=None, setpoint_c=None, loop=track(state.loop, 0.0, watched_s),
                head=track(state.head, 0.0, watched_s),
                bypass=track(state.bypass, 0.0, watched_s),
                fans=FanState(off_since_s=_rests(state.fans, watched_s)),
            )  # fmt: skip
            return state if after == state else after
        on_since_s = holds_since(True, state.on_since_s, watched_s)
        setpoint_c = self._setpoint_c(state, measured, inputs, passed_s(on_since_s, watched_s))
        state = replace(
            state, pumps=max(pumps, 1), cells=self._cells(flow_m3h), on_since_s=on_since_s,
            setpoint_c=setpoint_c,
        )  # fmt: skip
        return self._fans(state, measured, inputs, watched_s)

    def _asked(self, asking: list[str]) -> float | None:
        flows = [self._layout.units[name].cw_flow_m3h for name in asking]
        known = [flow for flow in flows if flow is not None]
        return sum(known) if known and len(known) == len(flows) else None

    def _cells(self, flow_m3h: float | None) -> int:
        size = len(self._layout.towers)
        if flow_m3h is None or not self._cells_m3h:
            return size
        wetted = flow_m3h / self._cells_m3h * size / CELL_SHARE
        return min(size, max(1, math.floor(wetted + 1e-6)))

    def _setpoint_c(
        self, state: CondensingState, measured: Measured, inputs: CondensingInputs, on_s: float
    ) -> float:
        design_c = self.reset.design_return_c - RANGE_K
        setpoint_c: float
        if self._for_exchanger(state, inputs) and inputs.setpoint_c is not None:
            setpoint_c = inputs.setpoint_c - self._exchanger.approach_k
        elif inputs.fixed_c is not None:
            setpoint_c = inputs.fixed_c
        elif not self._parameters.does("condenser") or inputs.setpoint_c is None:
            setpoint_c = design_c - START_BELOW_DESIGN_K
        elif inputs.load_share is None and state.setpoint_c is not None:
            setpoint_c = state.setpoint_c  # not known: it stays
        else:
            load = 1.0 if inputs.load_share is None else min(inputs.load_share, 1.0)
            return_c = return_setpoint_c(self.reset, inputs.setpoint_c, load, on_s)
            range_k = measured.cw_range_k
            setpoint_c = supply_setpoint_c(return_c, RANGE_K * load if range_k is None else range_k)
            setpoint_c = max(setpoint_c, self._parameters.coldest_cw_c)
        return setpoint_c

    def _for_exchanger(self, state: CondensingState, inputs: CondensingInputs) -> bool:
        """Whether towers make water as cold as the economizer likes it."""
        return state.free.on and (self._cold_fans or not inputs.lifts)

    def _fans(
        self,
        state: CondensingState,
        measured: Measured,
        inputs: CondensingInputs,
        watched_s: float,
    ) -> CondensingState:
        setpoint_c, supply_c = state.setpoint_c, measured.cw_supply_c
        assert setpoint_c is not None
        head = state.head
        if self._parameters.does("head_pressure") and inputs.running:
            head = regulate(head, HEAD_LOOP, HEAD_PRESSURE_K, measured.lift_k, watched_s)
        else:
            head = track(head, 0.0, watched_s)
        free = self._for_exchanger(state, inputs)
        caps = [head_pressure(head.output_pct, LEAST_VALVE_PCT, free).fan_most_pct]
        if inputs.load_share is not None and not state.free.on:
            caps.append(fan_by_load(inputs.load_share))
        error_k = None if supply_c is None else supply_c - setpoint_c
        least = self._fan_rules.least_pct
        loop = state.loop
        if supply_c is None:  # not known: what chillers stand at any load
            loop, error_k = track(loop, 100.0, watched_s), FAN_LOOP.gain_pct
        elif not state.fans.on:
            loop = track(loop, least, watched_s)
        else:
            rules = replace(FAN_LOOP, low_pct=least, high_pct=max(least, min(caps)))
            loop = regulate(loop, rules, setpoint_c, supply_c, watched_s)
        fans = run_fans(state.fans, self._fan_rules, error_k, (loop.output_pct, *caps), watched_s)
        lifts = inputs.lifts if state.free.on else inputs.running
        bypass = self._bypass(state.bypass, measured, lifts, watched_s)
        around = self.bypasses and bypass.output_pct >= CLOSED_PCT and not fans.on
        return replace(
            state, loop=loop, head=head, fans=fans, bypass=bypass,
            cells=0 if around else state.cells,
        )  # fmt: skip

    def _bypass(
        self, before: PidState, measured: Measured, lifts: bool, watched_s: float
    ) -> PidState:
        """Water that is too cold for the chillers goes around the towers."""
        if not self._parameters.does("head_pressure") or not lifts:
            return track(before, 0.0, watched_s)
        lift_k = _lift_k(measured)
        return regulate(before, BYPASS_LOOP, self._entering_k + 1.0, lift_k, watched_s)

    def _frost(self, state: CondensingState, measured: Measured) -> CondensingState:
        """Move the water of a basin that would freeze. Where no basin is measured, nobody knows."""
        if not self._parameters.does("winter"):
            return replace(state, circulating=False) if state.circulating else state
        basin_c, frost_c = measured.basin_c, self._parameters.frost_c
        circulating = state.circulating
        if basin_c is not None:
            circulating = basin_c < frost_c + (CIRCULATES_K if circulating else 0.0)
        return (
            state if circulating is state.circulating else replace(state, circulating=circulating)
        )

    def _short(self, measured: Measured) -> bool:
        """Whether condenser water is too cold for a chiller that runs."""
        lift_k = _lift_k(measured)
        return lift_k is not None and lift_k < self._entering_k

    def _free(
        self,
        state: CondensingState,
        measured: Measured,
        inputs: CondensingInputs,
        watched_s: float,
    ) -> CondensingState:
        if not self.frees:
            return state
        leaves_c = self.predicted_c(state, measured.wet_bulb_c, inputs.flow_share)
        cw_c, return_c = measured.cw_supply_c, measured.return_c
        shares = inputs.running and not self._cold_fans
        if leaves_c is not None and cw_c is not None and shares:
            # Towers make water as the chiller needs it: the exchanger gets no colder one.
            share = 1.0 if inputs.flow_share is None else min(1.0, inputs.flow_share)
            leaves_c = max(leaves_c, cw_c + share * self._exchanger.approach_k)
        told = FreeCoolingInputs(
            return_c,
            measured.exchanger_c,
            leaves_c,
            state.fan_pct >= 99.0,
            # A chiller that has taken over warms its water first, and stops on a short lift.
            inputs.enabled and not (shares and self._short(measured)),
        )
        free = run_free_cooling(state.free, told, watched_s)
        coming = free.on and inputs.coming and not inputs.running and not self._cold_fans
        warming = coming and cw_c is not None and inputs.setpoint_c is not None
        if cw_c is not None and inputs.setpoint_c is not None:
            warming = warming and cw_c < inputs.setpoint_c + WARM_SHARE * self._entering_k
        exchanging = free.on
        if exchanging and cw_c is not None and return_c is not None:
            # After a chiller condenser water is warmer than what comes back: it would heat it.
            exchanging = cw_c < return_c - (HELPS_K[0] if state.exchanging else HELPS_K[1])
        known = (state.free, state.exchanging, state.warming)
        if (free, exchanging, warming) == known:
            return state
        return replace(state, free=free, exchanging=exchanging, warming=warming)


def _lift_k(measured: Measured) -> float | None:
    """Condenser water above chilled water, as it enters and leaves a chiller."""
    if measured.cw_supply_c is None or measured.supply_c is None:
        return None
    return measured.cw_supply_c - measured.supply_c


def _rests(fans: FanState, watched_s: float) -> float | None:
    return watched_s if fans.on else fans.off_since_s
