"""What a heat plant believes of its instruments: filtered, and the load that they give. Pure.

An impossible or frozen value is not used: without supply water the failsafe rests, without flow
or return the stage stays, without outdoor air the lockout stays as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.inputs.filtered import (
    RULES,
    Circumstances,
    FilterState,
    Flaw,
    InputRules,
    filter_input,
)
from bms.control.blocks.plants.plant_load import LoadState, reckon_load, water_kw
from bms.control.engine.states import Words
from bms.control.strategies.hot_water.boiler_plant import HeatLayout
from bms.control.strategies.water.water_inputs import believed, flow_rules, pressure_rules
from bms.core.decisions import Snapshot
from drivers.points import PointId

LOOK_EVERY_S = 5.0
"""Instruments are judged so often: water is slower."""
SETTLES_S = 900.0
"""After machines have started or stopped, temperatures may move as fast as they like (D)."""


@dataclass(frozen=True, slots=True)
class HeatMeterState:
    """What is remembered of the instruments, by point, and of the load."""

    inputs: Mapping[PointId, FilterState] = field(default_factory=dict)
    load: LoadState = field(default_factory=LoadState)
    taken: LoadState = field(default_factory=LoadState)
    """Heat that water truly leaves behind, as a mean over 5 min."""
    judged_s: float | None = None
    turning: tuple[str, ...] = ()
    """Machines that ran at the last look."""
    unknown_since_s: float | None = None
    """Since when machines have run with a load that nobody knows."""
    moved_s: float | None = None
    """When another set of machines began to run: cold water leaves the pipes for a while."""


@dataclass(frozen=True, slots=True)
class HeatReadings:
    """What is known of the plant now; None: not known."""

    load_kw: float | None = None
    """What is asked: up to the setpoint."""
    taken_kw: float | None = None
    """What is taken: by supply and return as they are."""
    supply_c: float | None = None
    return_c: float | None = None
    flow_m3h: float | None = None
    outdoor_c: float | None = None
    pressures_kpa: tuple[float | None, ...] = ()
    flaws: Mapping[PointId, Words] = field(default_factory=dict)
    """What is wrong with points that show values, for people."""


class HeatMeters:
    """The instruments of a heat plant, judged."""

    def __init__(self, layout: HeatLayout, design_kpa: float) -> None:
        header = layout.header
        self._supply, self._return = header["supply_temp"], header["return_temp"]
        self._flow = header.get("flow")
        self._outdoor = layout.outdoor
        self._pressures = layout.pressures
        water = RULES["hot_water_temp"]
        pressure = pressure_rules(design_kpa)
        self._rules: dict[PointId, InputRules] = {self._supply: water, self._return: water}
        if self._flow is not None:
            self._rules[self._flow] = flow_rules(layout.design_m3h)
        if self._outdoor is not None:
            self._rules[self._outdoor] = RULES["outdoor_temp"]
        self._rules |= dict.fromkeys(self._pressures, pressure)
        self.reads = frozenset(self._rules)

    def judge(
        self,
        snapshot: Snapshot,
        state: HeatMeterState,
        setpoint_c: float | None,
        turning: tuple[str, ...],
        *,
        staging: bool,
    ) -> HeatMeterState:
        """The instruments at a look; the same state where it is too soon for another one.

        `turning` are the machines that run now.
        """
        watched_s = snapshot.watched_s
        soon = state.judged_s is not None and 0.0 <= watched_s - state.judged_s < LOOK_EVERY_S
        if soon and turning == state.turning:
            return state
        moved_s = state.moved_s if turning == state.turning else watched_s
        settled = moved_s is None or held_for(moved_s, SETTLES_S, watched_s)
        around = Circumstances(bool(turning), staging or not turning or not settled)
        inputs = {
            point: filter_input(
                state.inputs.get(point) or FilterState(),
                rules,
                snapshot.samples.get(point),
                watched_s,
                around,
            )
            for point, rules in self._rules.items()
        }
        load = reckon_load(state.load, self._now_kw(inputs, setpoint_c), watched_s, staging)
        taken = reckon_load(state.taken, self._now_kw(inputs, None), watched_s)
        unknown = load.load_kw is None and bool(turning) and self._flow is not None
        unknown_since_s = holds_since(unknown, state.unknown_since_s, watched_s)
        return HeatMeterState(inputs, load, taken, watched_s, turning, unknown_since_s, moved_s)

    def _now_kw(
        self, inputs: Mapping[PointId, FilterState], setpoint_c: float | None
    ) -> float | None:
        flow, return_c = believed(inputs.get(self._flow or "")), believed(inputs.get(self._return))
        warm_c = setpoint_c if setpoint_c is not None else believed(inputs.get(self._supply))
        if flow is None or return_c is None or warm_c is None:
            return None
        return max(0.0, water_kw(flow, warm_c, return_c))

    def readings(self, state: HeatMeterState) -> HeatReadings:
        """What is known now."""
        inputs = state.inputs
        return HeatReadings(
            state.load.load_kw,
            state.taken.load_kw,
            believed(inputs.get(self._supply)),
            believed(inputs.get(self._return)),
            believed(inputs.get(self._flow or "")),
            believed(inputs.get(self._outdoor or "")),
            tuple(believed(inputs.get(point)) for point in self._pressures),
            {
                point: judged.detail
                for point, judged in inputs.items()
                if judged.flaw is not Flaw.NONE
            },
        )
