"""One chiller of a plant: the steps in which it starts and stops. Pure.

Cold start (Guideline 36, 5.20.2.4): valves; pumps and towers; their proofs and steady flow; the
chiller. Stage up while others run (5.20.4.16): hold the others back; raise the least flow;
condenser water; head pressure; open the valve; the chiller; release the others. Stop: the chiller;
when it has been still for the overrun, its valves, pumps and towers together. A step that is not
proven in time undoes the steps before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bms.control.blocks.delays import held_for
from bms.control.engine.states import Words
from bms.texts.messages import msg


class Step(StrEnum):
    """Where a chiller stands between standing still and running."""

    OFF = "off"
    LIMIT = "limit"
    """Those that run are held back."""
    FLOW = "flow"
    """The least flow rises to that of one chiller more."""
    VALVES = "valves"
    """Its isolation valves open."""
    WATER = "water"
    """Pumps and towers on, waiting for their proofs."""
    SETTLING = "settling"
    """Proven; flow and condenser water steady themselves."""
    CHILLER = "chiller"
    """Enabled: proving, running, or pausing by itself."""
    STOPPING = "stopping"
    """Disabled; water flows until the overrun is over."""


COLD = (Step.VALVES, Step.WATER, Step.SETTLING, Step.CHILLER)
WARM = (Step.LIMIT, Step.FLOW, Step.WATER, Step.SETTLING, Step.VALVES, Step.CHILLER)

FLOW_WAIT_S = 600.0
"""The least flow ramps over 5 min; as long again, and the change is given up (D)."""
FLOW_SETTLES_S = 60.0
"""Guideline 36, 5.20.4.16: 60 s after flow and least flow agree."""
CONDENSER_SETTLES_S = 40.0
"""Guideline 36, 5.20.4.16: 10 s for the pump, 30 s for head pressure."""


@dataclass(frozen=True, slots=True)
class UnitState:
    """Where one chiller stands."""

    step: Step = Step.OFF
    since_s: float | None = None
    cold: bool = True
    """It starts while no other one runs."""
    proven_since_s: float | None = None
    """Since when what its step waits for has been there."""

    @property
    def path(self) -> tuple[Step, ...]:
        """The steps of its start."""
        return COLD if self.cold else WARM

    def reached(self, step: Step) -> bool:
        """Whether its start has come to a step, or it is stopping and still needs it."""
        if self.step is Step.STOPPING:
            return step is not Step.CHILLER and step is not Step.LIMIT
        if self.step is Step.OFF:
            return False
        path = self.path
        return step not in path or path.index(self.step) >= path.index(step)

    @property
    def chiller_on(self) -> bool:
        """Whether the chiller itself is told to run."""
        return self.step is Step.CHILLER

    @property
    def needs_water(self) -> bool:
        """Whether its pumps run."""
        return self.reached(Step.WATER)

    @property
    def starting(self) -> bool:
        """Between standing still and being told to run."""
        return self.step not in (Step.OFF, Step.CHILLER, Step.STOPPING)


@dataclass(frozen=True, slots=True)
class UnitHold:
    """Why a chiller is not tried, beside what its machines show."""

    failed: Words = ""
    """Its valve does not open: until a person resets it."""
    rests_until_s: float | None = None
    """When it is tried again: its flow did not come, or its valve did not open and no other chiller
    is left."""


FREE = UnitHold()


@dataclass(frozen=True, slots=True)
class UnitRules:
    """Times in seconds, watched."""

    overrun_s: float = 180.0
    valve_s: float = 120.0
    flow_settles_s: float = FLOW_SETTLES_S
    condenser_settles_s: float = CONDENSER_SETTLES_S
    """Both 0 where a plant is described by trains."""


@dataclass(frozen=True, slots=True)
class UnitInputs:
    """What is known of a chiller and what is there for it."""

    wanted: bool
    available: bool
    """Nothing of it is out of use."""
    running: bool
    """It shows that it runs, or is kept on by somebody else."""
    still: bool
    """It may be taken as standing still."""
    water: bool
    """Its pumps and towers, own and on headers, are proven."""
    others_ready: bool = True
    """Those that run are held back, as far as they can be."""
    flow_raised: bool = True
    """The least flow of one chiller more is there; True where it is not measured."""
    valves_open: bool | None = True
    """None: nobody can tell."""


class Outcome(StrEnum):
    """What a look made of a start."""

    GOES_ON = "goes on"
    NO_FLOW = "no flow"
    """The least flow was never reached: it is nobody's fault yet, and the change is given up."""
    VALVE = "valve"
    """A valve does not open."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A chiller one look later."""

    state: UnitState
    outcome: Outcome = Outcome.GOES_ON


def move(
    state: UnitState, rules: UnitRules, inputs: UnitInputs, cold: bool, watched_s: float
) -> Moved:
    """The chiller at a look; takes several steps at once if all is proven.

    `cold`: no other chiller runs or starts.
    """
    outcome = Outcome.GOES_ON
    for _ in range(len(Step)):
        moved = _once(state, rules, inputs, cold, watched_s)
        outcome = moved.outcome
        if moved.state == state or outcome is not Outcome.GOES_ON:
            return moved
        state = moved.state
    return Moved(state, outcome)


def _once(
    state: UnitState, rules: UnitRules, inputs: UnitInputs, cold: bool, watched_s: float
) -> Moved:
    wanted = inputs.wanted and inputs.available
    if state.step is Step.OFF:
        if wanted:
            first = (COLD if cold else WARM)[0]
            if inputs.running:
                return Moved(_adopted(inputs, watched_s))
            return Moved(UnitState(first, watched_s, cold))
        if inputs.running:  # it runs without us: it needs its water all the same
            return Moved(UnitState(Step.STOPPING, watched_s))
        return Moved(state)
    if state.step is Step.STOPPING:
        if wanted:
            return Moved(_adopted(inputs, watched_s))
        if not inputs.still:
            return Moved(UnitState(Step.STOPPING, watched_s, state.cold))
        if held_for(state.since_s, rules.overrun_s, watched_s):
            return Moved(UnitState(Step.OFF, watched_s))
        return Moved(state)
    if not wanted:
        # A chiller that was never told to run leaves nothing that needs an overrun.
        after = Step.STOPPING if state.chiller_on or inputs.running else Step.OFF
        if inputs.available and state.reached(Step.WATER):
            after = Step.STOPPING
        return Moved(UnitState(after, watched_s, state.cold))
    if state.chiller_on:
        return Moved(state)
    if cold and not state.cold:  # whoever ran has stopped: nothing moves water any more
        return Moved(UnitState(COLD[0], watched_s))
    return _start(state, rules, inputs, watched_s)


def _adopted(inputs: UnitInputs, watched_s: float) -> UnitState:
    """One that runs already, or has just been told to stop: with its water it goes on, without it
    needs its water first of all."""
    there = inputs.water and inputs.valves_open is not False
    return UnitState(Step.CHILLER if there and inputs.running else Step.VALVES, watched_s)


def _start(state: UnitState, rules: UnitRules, inputs: UnitInputs, watched_s: float) -> Moved:
    began_s = watched_s if state.since_s is None else state.since_s
    if state.step is Step.LIMIT:
        return _on(state, inputs.others_ready, 0.0, watched_s)
    if state.step is Step.FLOW:
        if not inputs.flow_raised and held_for(began_s, FLOW_WAIT_S, watched_s):
            return Moved(UnitState(Step.OFF, watched_s), Outcome.NO_FLOW)
        return _on(state, inputs.flow_raised, rules.flow_settles_s, watched_s)
    if state.step is Step.VALVES:
        late = held_for(began_s, rules.valve_s, watched_s)
        if inputs.valves_open is False and late:
            return Moved(UnitState(Step.OFF, watched_s), Outcome.VALVE)
        opened = inputs.valves_open or (inputs.valves_open is None and late)
        return _on(state, bool(opened), 0.0, watched_s)
    if state.step is Step.WATER:
        return _on(state, inputs.water, 0.0, watched_s)
    settles_s = rules.flow_settles_s if state.cold else rules.condenser_settles_s
    if not inputs.water:  # lost again before anything ran
        return Moved(UnitState(Step.WATER, watched_s, state.cold))
    if not inputs.flow_raised and held_for(began_s, FLOW_WAIT_S, watched_s):
        return Moved(UnitState(Step.OFF, watched_s), Outcome.NO_FLOW)
    return _on(state, inputs.flow_raised, settles_s, watched_s)


def _on(state: UnitState, proven: bool, settles_s: float, watched_s: float) -> Moved:
    """To the next step, once what this one waits for has been there long enough."""
    if not proven:
        if state.proven_since_s is None:
            return Moved(state)
        return Moved(UnitState(state.step, state.since_s, state.cold))
    since_s = state.proven_since_s
    since_s = watched_s if since_s is None or since_s > watched_s else since_s
    if not held_for(since_s, settles_s, watched_s):
        return Moved(UnitState(state.step, state.since_s, state.cold, since_s))
    following = state.path[state.path.index(state.step) + 1]
    return Moved(UnitState(following, watched_s, state.cold))


def told(name: str, state: UnitState, running: bool, failed: Words) -> str:
    """What a chiller does, for people."""
    if failed:
        return msg("{train} out of use: {reason}", train=name, reason=failed)
    if state.step is Step.CHILLER:
        if running:
            return msg("{train} running", train=name)
        return msg("{train} proving", train=name)
    if state.step is Step.OFF:
        return msg("{train} off", train=name)
    if state.step is Step.STOPPING:
        return msg("{train} stopping", train=name)
    if state.step is Step.LIMIT:
        return msg("{train} starting: others held back", train=name)
    if state.step is Step.FLOW:
        return msg("{train} starting: least flow rises", train=name)
    if state.step is Step.VALVES:
        return msg("{train} starting: valves open", train=name)
    if state.step is Step.SETTLING:
        return msg("{train} starting: water settles", train=name)
    return msg("{train} starting", train=name)
