"""Cold plant: enable, stages, ordered start and stop, pumps, condenser water. Pure.

After Guideline 36, 5.20; each part says which section. A look goes: what is measured, whether the
plant runs, which chillers, how far each has come, what water that needs, what is commanded. What
cannot be read has its fallback, and a condition for as long as it lasts:

- outdoor temperature: the lockout stays as it was;
- flow or return temperature: the stage stays, only the failsafe may raise it;
- supply temperature: what the running chillers show; without that the stage stays;
- condenser water: the fans run as fast as the load allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bms.config.site import Group
from bms.control.blocks.delays import held_for, holds_since, quarter_after
from bms.control.blocks.machines.lead_lag import record_hours
from bms.control.blocks.machines.start_proof import STILL, MachinePhase
from bms.control.blocks.machines.starts import count_starts, may_start
from bms.control.blocks.plants.stage_changes import unneeded_s
from bms.control.blocks.replacing import replace
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water import telling
from bms.control.strategies.chilled_water.circuits.chilled_side import ChilledInputs, ChilledSide
from bms.control.strategies.chilled_water.circuits.condensing import (
    CondenserSide,
    CondensingInputs,
)
from bms.control.strategies.chilled_water.commanding import Commands, Wishes
from bms.control.strategies.chilled_water.instruments import (
    LOOK_EVERY_S,
    Around,
    Instruments,
    Measured,
)
from bms.control.strategies.chilled_water.looking import Look
from bms.control.strategies.chilled_water.parameters import (
    DEMAND_LIMIT,
    PRESSURE,
    SETPOINT,
    ChilledWaterPlantParameters,
)
from bms.control.strategies.chilled_water.plant_layout import (
    condenser_name,
    layout_of,
    resets_of,
)
from bms.control.strategies.chilled_water.plant_proofs import alone, proof_rules, unit_rules
from bms.control.strategies.chilled_water.plant_state import PlantState, facts, known, taken_over
from bms.control.strategies.chilled_water.staging import enabling, learning_curves
from bms.control.strategies.chilled_water.staging.choosing import Chooser, Circumstances
from bms.control.strategies.chilled_water.staging.sequence import NO_FLOW_RESTS_S, Sequence
from bms.control.strategies.fact_names import CHW_REQUESTS
from bms.control.strategies.water.machinery import (
    Machinery,
    View,
    paused_of,
    proven,
    tried_again,
)
from bms.control.strategies.water.pump_bank import chosen
from bms.control.strategies.water.unit_steps import FREE, Step
from bms.core.decisions import Award, Condition, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg

REST_S = 900.0
"""A plant that is off, and of which nothing is abnormal, is looked at so often: basins freeze."""
IDLE_LOOK_S = 30.0
"""The same while its schedule has it on, and weather or consumers do not."""
NEEDED_SHARE = 0.25
"""Of the capacity that runs: below it a chiller that pauses by itself is resting (D)."""
RESTS_BELOW_K = 3.0
"""Above its setpoint by more, water is too warm for a chiller to rest (D: thermostats switch
within 2 K)."""


class ChilledWaterPlant:
    """Runs the chillers that the load needs, with their water; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: ChilledWaterPlantParameters = group.parameters
        self._parameters = parameters
        self.name = f"chilled_water_plant:{group.id}"
        self._group = group
        self._layout = layout = layout_of(group)
        self._machinery = Machinery(layout.machines, proof_rules(layout, parameters))
        self._chooser = Chooser(layout, parameters, group.zone)
        self._chilled = ChilledSide(layout, parameters.least_speed_pct, parameters.does("bypass"))
        loop = group.equipment.get("" if layout.trains else condenser_name(group))
        bypasses = loop is not None and loop.commanded("bypass_valve") is not None
        self._condensing = CondenserSide(layout, parameters, bypasses)
        self._instruments = Instruments(layout, self._chilled.design_m3h, parameters.design_dp_kpa)
        self._sequence = Sequence(layout, unit_rules(layout, parameters), self._chilled)
        self._wishes = Wishes(group, layout, self.name)
        speeds = [pump.speed for pump in layout.chw_pumps]
        self._paces = parameters.does("pumps") and bool(speeds) and None not in speeds
        consumers = group.consumers.get(parameters.header, ())
        if not parameters.does("requests"):
            consumers = ()
        self._consumers = tuple(f"{name}.{CHW_REQUESTS}" for name in consumers)
        names = (SETPOINT, PRESSURE, DEMAND_LIMIT)
        asked = [group.mode_point, *(group.setpoint_point(name) for name in names)]
        valves = [point for valve in layout.valves for point in valve.inputs]
        self.reads = frozenset(
            {*asked, *valves, *self._consumers, *self._machinery.reads, *self._instruments.reads}
        )
        self.writes = self._wishes.writes
        self._machines = layout.machines
        self._commanded = layout.commanded
        self._banks = (*layout.chw_pumps, *layout.cw_pumps, *layout.towers)
        self._resets = resets_of(layout)
        enables = [machine.enable for machine in self._machines if machine.enable is not None]
        self._events = frozenset({*asked, *self._machinery.reads, *enables, *self._resets})
        """What it answers at once; what is measured may wait for its next look."""
        outdoor = layout.weather.get("outdoor_temp")
        self._calls = self._events | {*self._consumers, *([outdoor] if outdoor else [])}
        """The same while weather or consumers keep it off."""

    def initial(self) -> PlantState:
        return PlantState()

    def decide(self, snapshot: Snapshot, state: PlantState, now: datetime) -> Decision[PlantState]:
        watched_s = snapshot.watched_s
        state = known(taken_over(state), self._layout.units)
        views = self._machinery.views(snapshot)
        shown = [name for name, view in views.items() if view.status]
        record = record_hours(state.record, shown, watched_s)
        if record is not state.record:
            state = replace(state, record=record)
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None or mode.value not in groups.MODES:
            unknown = () if mode is None else (groups.unknown_mode(self._group, mode.value),)
            kept = PlantState(record=state.record, starts=state.starts, learned=state.learned)
            return Decision((), kept, unknown)
        look, state = self._look(snapshot, state, views)
        state = self._sequence.released(look, state)
        state = self._prove(look, state, state.on)
        enabled = enabling.enable(
            state.enabling,
            mode.value == "on",
            self._lockout_c,
            look.measured.outdoor_c,
            enabling.asked(snapshot, self._consumers),
            watched_s,
            unneeded_s(state.choice.timers.changes_s, watched_s),
        )
        if enabled is not state.enabling:
            state = replace(state, enabling=enabled)
        state = self._run(look, state, now)
        state = self._circuits(look, state)
        commands = self._commands(look, state, mode)
        state = self._prove(look, state, commands.on)
        if commands.on != state.on:
            state = replace(state, on=commands.on)
        state = self._counted(look, state)
        conditions = self._conditions(look, state)
        told = facts(
            self._group,
            look.measured,
            state,
            self._sequence.staging(state),
            self._predicted_c(state, look.measured),
        )
        if not self._steady(look, state):
            return Decision(commands.commands, state, conditions, told)
        off = mode.value == "off"
        rests = not state.enabling.enabled and not conditions
        look_s = LOOK_EVERY_S if not rests else REST_S if off else IDLE_LOOK_S
        return Decision(
            commands.commands,
            state,
            conditions,
            told,
            stands_until=quarter_after(now) if rests and off else None,
            stands_until_s=state.enabling.next_s(watched_s, look_s),
            depends_on=self._events if off or not rests else self._calls,
        )

    def _steady(self, look: Look, state: PlantState) -> bool:
        """Whether nothing is waited for that may come with any look."""
        waits = any(
            unit.starting or unit.step is Step.STOPPING for unit in state.units.values()
        ) or any(
            proof.phase is MachinePhase.STARTING or proof.lost_since_s is not None
            for proof in state.proofs.values()
        )
        shown = any(view.status for name, view in look.views.items() if name not in state.on)
        return not waits and not shown and not state.holds

    @property
    def _lockout_c(self) -> float | None:
        return self._parameters.lockout_oat_c if "outdoor_temp" in self._layout.weather else None

    def _look(
        self, snapshot: Snapshot, state: PlantState, views: Mapping[str, View]
    ) -> tuple[Look, PlantState]:
        running = tuple(name for name in self._layout.units if views[name].status)
        setpoint_c = groups.setpoint(snapshot, self._group, SETPOINT)
        speed_pct = state.chilled.speed.pct if self._paces and state.on else None
        around = Around(running, setpoint_c, speed_pct, state.condensing.setpoint_c)
        judged = self._instruments.judge(snapshot, state.measured, around)
        measured = self._instruments.measured(snapshot, judged, around)
        given = groups.setpoint(snapshot, self._group, PRESSURE)
        pressure_kpa = given if given else self._parameters.design_dp_kpa
        limit_pct = groups.setpoint(snapshot, self._group, DEMAND_LIMIT)
        look = Look(
            snapshot, views, measured, setpoint_c, pressure_kpa, snapshot.watched_s, limit_pct
        )
        return look, state if judged is state.measured else replace(state, measured=judged)

    def _counted(self, look: Look, state: PlantState) -> PlantState:
        """Starts, what was learned, and for how long nothing can run."""
        units = self._layout.units
        on = [name for name in units if look.views[name].status or name in state.on]
        starts = count_starts(state.starts, on, look.snapshot.steady_s)
        idle = state.enabling.enabled and not state.choice.machines and self._commanded
        idle = idle and not self._free(state)
        idle = idle and not any(look.views[name].waits for name in units)
        idle_s = holds_since(idle, state.idle_s, look.watched_s)
        if starts is not state.starts or idle_s != state.idle_s:
            state = replace(state, starts=starts, idle_s=idle_s)
        return learning_curves.learned(
            state, self._layout, look.snapshot, look.measured, look.setpoint_c
        )

    # --- machines ----------------------------------------------------------------------------

    def _prove(self, look: Look, state: PlantState, on: tuple[str, ...]) -> PlantState:
        awards = look.snapshot.awards
        resets = [
            name for point, names in self._resets.items() if point in awards for name in names
        ]
        proofs = self._machinery.prove(
            state.proofs, look.views, on, self._needed(look, state), resets, look.watched_s,
            alone(self._layout, self._sequence, look, state),
        )  # fmt: skip
        return state if proofs is state.proofs else replace(state, proofs=proofs)

    def _needed(self, look: Look, state: PlantState) -> bool | None:
        """Whether more is asked than what a chiller that pauses by itself may leave alone."""
        warm_k = look.too_warm_k
        if warm_k is not None and warm_k > RESTS_BELOW_K:
            return True
        capacity_kw = self._chooser.capacity_kw(state.choice.machines)
        load_kw = look.measured.load_kw
        return None if load_kw is None else load_kw > NEEDED_SHARE * capacity_kw

    # --- stages and sequence -----------------------------------------------------------------

    def _run(self, look: Look, state: PlantState, now: datetime) -> PlantState:
        """Choose, and move all chillers; who fails in this look is replaced in this look."""
        for _ in range(len(self._layout.units) + 1):
            state = self._choose(look, state, now)
            holds = state.holds
            state = self._sequence.move(look, state)
            if state.holds is holds or state.holds == holds:
                break
        return state

    def _choose(self, look: Look, state: PlantState, now: datetime) -> PlantState:
        units, views = self._layout.units, look.views
        choice, commanded = state.choice, self._commanded
        usable = [name for name in units if self._sequence.usable(name, state, views)]
        manual = [name for name in usable if views[name].manual]
        if not state.enabling.enabled or not commanded:
            if choice.machines == tuple(manual):
                return state
            unneeded = state.enabling.unneeded_since_s is not None
            choice = self._chooser.off(choice, manual, look.watched_s, unneeded=unneeded)
            return replace(state, choice=choice)
        around = Circumstances(
            usable,
            [name for name in usable if self._startable(name, state, look)],
            [name for name in units if views[name].status],
            manual,
            look.measured,
            look.setpoint_c,
            look.too_warm_k,
            None if self._layout.trains else look.short_kpa,
            self._sequence.staging(state),
            self._chooser.is_night(now),
            state.condensing.free.on,
            self._condensing.frees
            and self._condensing.suffices(
                state.condensing,
                look.measured,
                self._condensing_inputs(look, state),
                look.watched_s,
            ),
            paused_of(units, state.proofs),
            state.condensing.exchanging,
        )
        choice = self._chooser.choose(choice, around, state.record, state.learned, look.watched_s)
        return state if choice is state.choice else replace(state, choice=choice)

    def _startable(self, name: str, state: PlantState, look: Look) -> bool:
        """Whether a chiller may be started: its start can be proven, and it has starts left."""
        units, kw = self._layout.units, self._chooser.capacity_kw
        if look.views[name].status is None or units[name].chiller.enable is None:
            return False
        beside = {other for other in units if look.views[other].status} | {name}
        if not look.fits(kw(beside), kw(units)):
            return False
        return may_start(state.starts, name, units[name].starts, look.snapshot.steady_s)

    # --- water -------------------------------------------------------------------------------

    def _circuits(self, look: Look, state: PlantState) -> PlantState:
        proving = any(
            not unit.cold
            and (unit.starting or (unit.chiller_on and not proven(name, state.proofs)))
            for name, unit in state.units.items()
        )
        loads = [
            look.snapshot.number(unit.chiller.points.get("load", ""))
            for name, unit in self._layout.units.items()
            if look.views[name].status
        ]
        measured = look.measured
        chilled = self._chilled.run(
            state.chilled,
            state.units,
            ChilledInputs(
                measured.flow_m3h,
                measured.flow_mean_m3h,
                measured.pressures_kpa,
                look.pressure_kpa,
                loads,
                self._free(state),
            ),
            proving and not look.overloaded,
            look.watched_s,
        )
        condensing = self._condensing.run(
            state.condensing,
            state.units,
            measured,
            self._condensing_inputs(look, state),
            look.watched_s,
        )
        if chilled is state.chilled and condensing is state.condensing:
            return state
        return replace(state, chilled=chilled, condensing=condensing)

    def _condensing_inputs(self, look: Look, state: PlantState) -> CondensingInputs:
        on = [name for name, unit in state.units.items() if unit.chiller_on]
        capacity_kw, load_kw = self._chooser.capacity_kw(on), look.measured.load_kw
        return CondensingInputs(
            state.enabling.enabled,
            load_kw / capacity_kw if load_kw is not None and capacity_kw else None,
            look.setpoint_c,
            any(proven(name, state.proofs) for name in on),
            flow_share=self._flow_share(look.measured),
            coming=bool(on) or any(unit.starting for unit in state.units.values()),
        )

    def _flow_share(self, measured: Measured) -> float | None:
        design_m3h = self._chilled.design_m3h
        if measured.flow_mean_m3h is None or not design_m3h:
            return None
        return measured.flow_mean_m3h / design_m3h

    def _predicted_c(self, state: PlantState, measured: Measured) -> float | None:
        return self._condensing.predicted_c(
            state.condensing, measured.wet_bulb_c, self._flow_share(measured)
        )

    @staticmethod
    def _free(state: PlantState) -> bool:
        return state.enabling.enabled and state.condensing.free.on

    # --- what comes out ----------------------------------------------------------------------

    def _commands(self, look: Look, state: PlantState, mode: Award) -> Commands:
        layout = self._layout
        counts = {
            "chw_pumps": (layout.chw_pumps, state.chilled.stage.count),
            "cw_pumps": (layout.cw_pumps, state.condensing.pumps),
            "towers": (layout.towers, state.condensing.cells),
        }
        banks = {
            key: chosen(machines, look.views, state.proofs, state.record, state.on, count)
            for key, (machines, count) in counts.items()
        }
        failures = {
            name: telling.failed(unit, state.proofs, state.holds.get(name, FREE))
            for name, unit in layout.units.items()
        }
        failures |= {
            machine.name: tried_again(machine.name, state.proofs.get(machine.name, STILL)) or ""
            for machine in self._banks
        }
        given = look.snapshot.awards.get(self._group.setpoint_point(SETPOINT))
        why = self._why(state, mode, look.watched_s)
        because = (why, mode, given, look.limit_pct)
        return self._wishes.commands(state, banks, failures, because, look.pressure_kpa)

    def _why(self, state: PlantState, mode: Award, watched_s: float) -> str:
        if not state.enabling.enabled:
            return enabling.why_off(
                state.enabling, mode.value == "on", self._parameters.lockout_oat_c, watched_s
            )
        stage = msg(
            "stage {stage} of {trains} ({reason})",
            stage=len(state.choice.machines),
            trains=len(self._layout.units),
            reason=state.choice.reason,
        )
        return enabling.why_on(
            state.enabling, stage, mode.value == "on", state.choice.timers.changes_s, watched_s
        )

    def _conditions(self, look: Look, state: PlantState) -> tuple[Condition, ...]:
        watched_s, group_id, layout = look.watched_s, self._group.id, self._layout
        found = telling.faults(self._machines, look.views)
        for name, unit in layout.units.items():
            hold, doubted = state.holds.get(name, FREE), name in state.valve_failures
            found += telling.of_unit(unit, hold, state.proofs, doubted)
        found += telling.of_bank(self._banks, state.proofs)
        found += telling.runs_on(
            layout, state.units, look.views, self._machinery, state.proofs, watched_s
        )
        if held_for(state.idle_s, telling.INPUT_ALARM_AFTER_S, watched_s):
            found.append(telling.no_machine(group_id))
        found += telling.outdoor_unknown(
            group_id,
            layout.weather.get("outdoor_temp", ""),
            state.enabling.outdoor_bad_since_s,
            state.enabling.locked,
            watched_s,
        )
        missing_s = state.measured.load_missing_since_s
        if state.enabling.enabled and held_for(missing_s, telling.INPUT_ALARM_AFTER_S, watched_s):
            stage = len(state.choice.machines)
            found.append(telling.load_unknown(group_id, self._instruments, stage))
        found += telling.flaws(look.measured.flaws)
        no_flow_s = state.no_flow_s
        if no_flow_s is not None and not held_for(no_flow_s, NO_FLOW_RESTS_S, watched_s):
            found.append(telling.no_flow(group_id))
        return tuple(found)
