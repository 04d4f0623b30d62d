"""Chilled-water plant: enable, staging by load, lead by run hours, ordered start and stop. Pure.

After Guideline 36, 5.20, thinned: no resets, no waterside economizer, no valves. Fallbacks:

- outdoor temperature bad: the lockout stays as it was;
- flow or return temperature bad: the stage stays, only the failsafe may raise it;
- supply temperature bad as well: the stage stays.

Each is an URGENT condition for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bms.config.site import Group
from bms.control.blocks.chiller_train import Phase, TrainState, resumed, step
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.rotation import RunHours, accumulate, by_run_hours
from bms.control.blocks.staging import StageRules, StageTimers, Step, cooling_load_kw, next_step
from bms.control.blocks.timers import interruption, lasted, moved, since
from bms.control.engine.states import Words
from bms.control.protect.withheld import reset_now, reset_point
from bms.control.strategies import group as groups
from bms.control.strategies.chilled_water.parameters import SETPOINT, ChilledWaterPlantParameters
from bms.control.strategies.chilled_water.trains import PlantTrain, TrainView
from bms.core.decisions import (
    Award,
    Command,
    Condition,
    Decision,
    Priority,
    Severity,
    Snapshot,
    Stage,
)
from bms.texts.messages import joined, msg
from drivers.points import PointId, Value

LOCKOUT_HYSTERESIS_K = 0.56
"""Guideline 36, 5.20: disabled only this far below the lockout."""
PLANT_MIN_S = 900.0
"""Guideline 36, 5.20: the plant stays on, and off, for at least 15 min."""
INPUT_ALARM_AFTER_S = 10.0
"""A bad input falls back at once; it is an alarm once it lasts (at start nothing is read yet)."""

_STILL = TrainState()


@dataclass(frozen=True, slots=True)
class PlantState:
    """What a chilled-water plant remembers. Trains are named by their chillers."""

    enabled: bool = False
    enabled_since: datetime | None = None
    """When the plant was last enabled or disabled."""
    locked: bool = False
    """Too cold outside to be needed."""
    wanted: tuple[str, ...] = ()
    reason: Words = ""
    """Why this stage."""
    timers: StageTimers = field(default_factory=StageTimers)
    trains: Mapping[str, TrainState] = field(default_factory=dict)
    run: RunHours = field(default_factory=RunHours)
    step_s: float = 0.0
    """Seconds between the last two looks."""
    oat_bad_since: datetime | None = None
    load_bad_since: datetime | None = None


class ChilledWaterPlant:
    """Runs as many chiller trains as the load needs; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: ChilledWaterPlantParameters = group.parameters
        header = group.equipment[parameters.header].points
        self.name = f"chilled_water_plant:{group.id}"
        self._group = group
        self._parameters = parameters
        self._rules = StageRules(
            parameters.stage_up_pct,
            parameters.stage_down_pct,
            parameters.stage_delay_s,
            parameters.min_stage_s,
            parameters.failsafe_k,
        )
        self._trains = {
            train.chiller: PlantTrain(
                group.equipment[train.chiller],
                tuple(
                    group.equipment[name]
                    for name in (train.chw_pump, train.cw_pump, train.tower)
                    if name is not None
                ),
                parameters.proof_s.pump,
                parameters.proof_s.chiller,
                parameters.pump_overrun_s,
            )
            for train in parameters.trains
        }
        self._supply, self._return = header["supply_temp"], header["return_temp"]
        self._flow = header.get("flow", "")
        weather = group.equipment.get(parameters.weather or "")
        self._oat = weather.points["outdoor_temp"] if weather is not None else None
        setpoints = [t.setpoint for t in self._trains.values() if t.setpoint]
        inputs = {self._supply, self._return, self._flow, self._oat or ""} - {""}
        self.reads = frozenset(
            {group.mode_point, group.setpoint_point(SETPOINT), *inputs}.union(
                *(train.reads for train in self._trains.values())
            )
        )
        self._idle = self.reads - {self._supply, self._return, self._flow}
        """What it looks at while it rests."""
        self._idle |= frozenset().union(*(train.enables for train in self._trains.values()))
        self._idle |= {reset_point(train.chiller.id) for train in self._trains.values()}
        self.writes = frozenset(setpoints).union(*(t.enables for t in self._trains.values()))
        self._last = NOTHING

    def initial(self) -> PlantState:
        return PlantState()

    def decide(self, snapshot: Snapshot, state: PlantState, now: datetime) -> Decision[PlantState]:
        state = _looked(state, now)
        views = {
            name: train.view(snapshot, state.trains.get(name) or _STILL, self.priority)
            for name, train in self._trains.items()
        }
        run = accumulate(state.run, [n for n, v in views.items() if v.inputs.status], now)
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None or mode.value not in groups.MODES:
            unknown = () if mode is None else (groups.unknown_mode(self._group, mode.value),)
            return Decision((), PlantState(run=run), unknown)
        views = {
            name: view.reset() if reset_now(snapshot, self._trains[name].chiller.id) else view
            for name, view in views.items()
        }
        # A saved state may name chillers that are no longer in the file.
        known = tuple(name for name in state.wanted if name in views)
        state = self._enable(snapshot, replace(state, run=run, wanted=known), mode, now)
        state = self._stage(snapshot, state, views, now)
        trains = {
            name: step(view.judged(now), name in state.wanted, view.inputs, now)
            for name, view in views.items()
        }
        # A train that failed just now is replaced at once, not one cycle later.
        if any(trains[n].failed and not views[n].state.failed for n in trains):
            views = {n: replace(v, state=trains[n]) for n, v in views.items()}
            state = self._choose(state, len(state.wanted), views, now)
            trains = {
                n: step(v.judged(now), n in state.wanted, v.inputs, now) for n, v in views.items()
            }
        if trains != state.trains:
            state = replace(state, trains=trains)
        conditions = self._conditions(state, views, now)
        rests = mode.value == "off" and not conditions and self._rests(state, views)
        if rests:  # hours begin to count again with the first that runs
            state = replace(state, run=RunHours(run.hours))
        commands = self._commands(snapshot, state, mode)
        return Decision(commands, state, conditions, depends_on=self._idle if rests else None)

    def _rests(self, state: PlantState, views: Mapping[str, TrainView]) -> bool:
        """Whether nothing runs, and nothing is waited for."""
        if state.enabled or state.oat_bad_since is not None:
            return False
        off = all(train.phase is Phase.OFF for train in state.trains.values())
        return off and not any(view.inputs.status or view.manual for view in views.values())

    # --- enable ------------------------------------------------------------------------------

    def _enable(
        self, snapshot: Snapshot, state: PlantState, mode: Award, now: datetime
    ) -> PlantState:
        locked, oat_bad_since = False, None
        if self._oat is not None:
            oat_c = snapshot.number(self._oat)
            oat_bad_since = since(oat_c is None, state.oat_bad_since, now)
            if oat_c is None:
                locked = state.locked
            else:
                limit_c = self._parameters.lockout_oat_c
                locked = (
                    oat_c < limit_c - LOCKOUT_HYSTERESIS_K if state.enabled else oat_c <= limit_c
                )
        if (locked, oat_bad_since) != (state.locked, state.oat_bad_since):
            state = replace(state, locked=locked, oat_bad_since=oat_bad_since)
        enabled = mode.value == "on" and not locked
        if enabled == state.enabled:
            return state
        if state.enabled_since is not None and not lasted(state.enabled_since, PLANT_MIN_S, now):
            return state
        return replace(
            state,
            enabled=enabled,
            enabled_since=now,
            wanted=(),
            reason=msg("start") if enabled else "",
            timers=StageTimers(now),
        )

    # --- staging -----------------------------------------------------------------------------

    def _stage(
        self, snapshot: Snapshot, state: PlantState, views: Mapping[str, TrainView], now: datetime
    ) -> PlantState:
        if not state.enabled:
            if state.load_bad_since is not None:
                state = replace(state, load_bad_since=None)
            return self._choose(state, 0, views, now)
        if not state.wanted:
            # What already runs, because a state was lost or an operator started it, stays; also
            # if it is only seen now, because its link comes later than the others.
            running = tuple(n for n, v in views.items() if v.available and v.inputs.status)
            return self._choose(replace(state, wanted=running), max(1, len(running)), views, now)
        count = max(1, len(state.wanted))
        if len(self._trains) == 1:
            return self._choose(state, count, views, now)
        load_kw, too_warm_k = self._load(snapshot)
        ordered = by_run_hours(state.wanted, state.run)
        capacity_kw = self._capacity_kw(ordered)
        decision = next_step(
            state.timers,
            self._rules,
            load_kw=load_kw,
            too_warm_k=too_warm_k,
            capacity_kw=capacity_kw,
            lower_capacity_kw=self._capacity_kw(ordered[:-1]) if len(ordered) > 1 else None,
            can_go_up=any(v.startable and n not in state.wanted for n, v in views.items()),
            now=now,
        )
        bad_since = since(load_kw is None, state.load_bad_since, now)
        if (decision.timers, bad_since) != (state.timers, state.load_bad_since):
            state = replace(state, timers=decision.timers, load_bad_since=bad_since)
        if decision.step is Step.HOLD:
            return self._choose(state, count, views, now)
        count += 1 if decision.step is Step.UP else -1
        return self._choose(replace(state, reason=decision.reason), count, views, now)

    def _choose(
        self, state: PlantState, count: int, views: Mapping[str, TrainView], now: datetime
    ) -> PlantState:
        """The trains for a stage of `count`: those in use stay, the least run start first, the
        most run stop first; what an operator runs counts, whatever the stage."""
        manual = [n for n, v in views.items() if v.manual and v.available]
        kept = [n for n in state.wanted if n in views and views[n].available and n not in manual]
        kept = [*manual, *by_run_hours(kept, state.run)][: max(count, len(manual))]
        spare = by_run_hours(
            (n for n, v in views.items() if v.startable and n not in kept),
            state.run,
            first=[n for n, v in views.items() if v.inputs.status],
        )
        wanted = (*kept, *spare[: max(0, count - len(kept))])
        if set(wanted) == set(state.wanted):
            return state
        return replace(state, wanted=wanted, timers=StageTimers(now))

    def _load(self, snapshot: Snapshot) -> tuple[float | None, float | None]:
        """Load in kW, and kelvin by which the supply is above its setpoint; None if not known.

        Without a setpoint the load is that between return and supply as measured.
        """
        supply_c, return_c = snapshot.number(self._supply), snapshot.number(self._return)
        flow_m3h = snapshot.number(self._flow)
        setpoint_c = groups.setpoint(snapshot, self._group, SETPOINT)
        cold_c = supply_c if setpoint_c is None else setpoint_c
        load_kw = None
        if flow_m3h is not None and return_c is not None and cold_c is not None:
            load_kw = cooling_load_kw(flow_m3h, return_c, cold_c)
        known = supply_c is not None and setpoint_c is not None
        return load_kw, supply_c - setpoint_c if known else None  # type: ignore[operator]

    def _capacity_kw(self, names: Sequence[str]) -> float:
        return sum(self._trains[name].capacity_kw for name in names)

    # --- what comes out ----------------------------------------------------------------------

    def _commands(self, snapshot: Snapshot, state: PlantState, mode: Award) -> tuple[Command, ...]:
        """The same tuple as long as nothing that shows in it changes."""
        given = snapshot.awards.get(self._group.setpoint_point(SETPOINT))
        phases = tuple((train.phase, train.failed) for train in state.trains.values())
        key = (phases, state.wanted, state.reason, state.enabled, state.locked, mode, given)
        if self._last.key == key:
            return self._last.commands
        why = self._why(state, mode)
        wishes: dict[PointId, tuple[Value, str]] = {}
        for name, train in self._trains.items():
            here = state.trains[name]
            text = joined(", ", here.told(name), why)
            for point in train.auxiliary_enables:
                if here.auxiliaries_on or point not in wishes:  # on if any of its trains needs it
                    reason = groups.because(text, mode)
                    wishes[point] = (int(here.auxiliaries_on), reason)
            reason = groups.because(text, mode)
            wishes[train.enable] = (int(here.chiller_on), reason)
            if train.setpoint and given is not None:
                wishes[train.setpoint] = (
                    given.value,
                    groups.because(msg("plant {setpoint}", setpoint=SETPOINT), given),
                )
        commands = tuple(
            Command(
                point=point, value=value, priority=self.priority, source=self.name, reason=reason
            )
            for point, (value, reason) in wishes.items()
        )
        self._last = Commanded(key, commands)
        return commands

    def _why(self, state: PlantState, mode: Award) -> str:
        if not state.enabled:
            if mode.value == "on" and state.locked:
                return msg(
                    "plant off: outdoor at or below {lockout_oat_c:g} degC",
                    lockout_oat_c=self._parameters.lockout_oat_c,
                )
            if mode.value == "on":
                return msg("plant off for at least {plant_min:g} min", plant_min=PLANT_MIN_S / 60)
            return msg("plant off")
        stage = msg(
            "stage {stage} of {trains} ({reason})",
            stage=len(state.wanted),
            trains=len(self._trains),
            reason=state.reason,
        )
        if mode.value == "off" or state.locked:
            return msg(
                "{stage}, plant on for at least {plant_min:g} min",
                stage=stage,
                plant_min=PLANT_MIN_S / 60,
            )
        return stage

    def _conditions(
        self, state: PlantState, views: Mapping[str, TrainView], now: datetime
    ) -> tuple[Condition, ...]:
        found: list[Condition] = []
        for name, train in self._trains.items():
            found += train.conditions(state.trains[name], views[name], now)
        stands = state.enabled and not state.wanted and not any(v.waits for v in views.values())
        if stands and lasted(state.timers.stage_since, INPUT_ALARM_AFTER_S, now):
            text = msg("{group} is on and no chiller train can run", group=self._group.id)
            found.append(Condition(f"{self._group.id}:no-train", Severity.CRITICAL, text))
        if lasted(state.oat_bad_since, INPUT_ALARM_AFTER_S, now):
            text = (
                msg("{oat} is not good: the plant stays locked out as it was", oat=self._oat)
                if state.locked
                else msg("{oat} is not good: the plant stays released as it was", oat=self._oat)
            )
            found.append(Condition(f"{self._group.id}:outdoor-temp", Severity.URGENT, text))
        if lasted(state.load_bad_since, INPUT_ALARM_AFTER_S, now):
            text = msg(
                "{group}: load not known ({flow}, {returned} or {supply} is not good): stage "
                "{stage} is held",
                group=self._group.id,
                flow=self._flow or msg("flow"),
                returned=self._return,
                supply=self._supply,
                stage=len(state.wanted),
            )
            found.append(Condition(f"{self._group.id}:load", Severity.URGENT, text))
        return tuple(found)


def _looked(state: PlantState, now: datetime) -> PlantState:
    """The state at the beginning of a look. After a stop, or a clock that was set, proofs go on
    where they were: a train must not be out of use for time that it never had."""
    last = state.run.time
    if last is None or last == now:
        return state
    gap = interruption(last, state.step_s, now)
    step_s = max((now - last).total_seconds(), 0.0)
    if gap is None:
        # Every look takes a little longer or shorter: only a step of another size is noted.
        same = 0.5 * state.step_s <= step_s <= 2.0 * state.step_s
        return state if same else replace(state, step_s=step_s)
    state = replace(
        state,
        step_s=step_s,
        trains={name: resumed(train, gap) for name, train in state.trains.items()},
    )
    if gap >= timedelta(0):
        return state
    return replace(
        state,
        enabled_since=moved(state.enabled_since, gap),
        timers=replace(state.timers, stage_since=moved(state.timers.stage_since, gap)),
    )
