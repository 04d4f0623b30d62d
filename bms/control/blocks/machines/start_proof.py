"""Does a machine do what it is told? Starts, proofs, faults and latches, for every kind. Pure.

Control reference, 3 and 7: 15 s for small motors, 30 s for pumps, 300 s for chillers. A machine
that never shows that it runs, or that stops showing it, has failed and its command goes; one whose
fault input comes on is withdrawn at once. A failed proof latches: a person resets the machine (3,
"Fail"). One that nothing stands in for is tried again, a few times a day (`retries`). A fault that
goes by itself does not latch, but the third within a day does. No fault of a machine: it pauses by
its own thermostat, its status cannot be read for a while, its power was away, somebody else keeps
its command off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from bms.control.blocks.delays import held_for, holds_since, later, soonest
from bms.control.blocks.machines.retries import DAY_S, SOUND_S, retry_due_s
from bms.control.engine.states import Words
from bms.texts.messages import Message, msg


class MachinePhase(StrEnum):
    """Where a machine stands between standing still and running."""

    OFF = "off"
    STARTING = "starting"
    """Told to run, not proven yet."""
    RUNNING = "running"
    PAUSED = "paused"
    """Told to run; its own thermostat has stopped it."""
    STOPPING = "stopping"
    """Told to stop; still shows that it runs."""


class Failure(StrEnum):
    """Why a machine is out of use."""

    NONE = "none"
    NOT_PROVEN = "not proven"
    LOST = "lost"
    """It ran and no longer shows it."""
    FAULT = "fault"
    UNREAD = "unread"
    """Nobody can tell: its status cannot be read. Never latches."""


@dataclass(frozen=True, slots=True)
class ProofRules:
    """Times of one machine in seconds."""

    within_s: float = 30.0
    """It shows that it runs within this time of being commanded on."""
    lost_s: float = 15.0
    """A status that has gone for so long is lost (D)."""
    coast_s: float = 300.0
    """It may show that it runs for so long after it was told to stop (D)."""
    cycles: bool = False
    """It pauses by itself while it is commanded on."""
    provable: bool = True
    """It has a status at all; otherwise it counts as running once commanded."""
    failures_to_latch: int = 1
    """So many failed or lost proofs within a day latch it."""
    faults_to_latch: int = 3
    """The same for faults that went by themselves."""
    retry_s: float = 600.0
    """What is not latched may be tried again after this, its fault gone (D)."""
    power_s: float = 60.0
    """Power has to be back for so long before anything counts (control reference, 7)."""


@dataclass(frozen=True, slots=True)
class ProofInputs:
    """What is known of a machine now. None is what cannot be read, or is not there."""

    wanted: bool
    """The sequence wants it on."""
    status: bool | None
    fault: bool | None = None
    commanded: bool | None = None
    """Its command is in force: not held back by a stagger, a minimum time or a person. None: as
    wanted."""
    powered: bool = True
    """False while its power is known to be away."""
    needed: bool | None = None
    """What it makes is short: for machines that pause by themselves."""
    reset: bool = False
    """A person says that it may be used again."""
    alone: bool = False
    """What it serves is short of it: no whole machine stands in."""


@dataclass(frozen=True, slots=True)
class ProofState:
    """What is remembered of a machine."""

    phase: MachinePhase = MachinePhase.OFF
    since_s: float | None = None
    """Since when it has been in its phase; while starting, since its command has been in force."""
    lost_since_s: float | None = None
    failure: Failure = Failure.NONE
    failed: Words = ""
    """Why it is out of use, for people."""
    failed_s: float | None = None
    latched: bool = False
    """It stays out of use until a person resets it, or until it is tried again."""
    retry_s: float | None = None
    """When it is tried again by itself; None if it is not."""
    doubted: Words = ""
    """Why it was out of use, while it is tried again and has not shown yet that it is whole."""
    failures_s: tuple[float, ...] = ()
    """When proofs failed within the last day."""
    faults_s: tuple[float, ...] = ()
    power_since_s: float | None = None
    """Since when power has been back, while that is waited for."""
    unpowered: bool = False

    @property
    def available(self) -> bool:
        """It may be told to run."""
        return self.failure is Failure.NONE

    @property
    def on(self) -> bool:
        """Its command should be on."""
        return self.phase in (MachinePhase.STARTING, MachinePhase.RUNNING, MachinePhase.PAUSED)

    @property
    def proven(self) -> bool:
        """It runs and shows it."""
        return self.phase is MachinePhase.RUNNING and self.lost_since_s is None

    def runs_though_stopped(self, rules: ProofRules, watched_s: float) -> bool:
        """It shows that it runs long after it was told to stop: somebody runs it by hand."""
        return self.phase is MachinePhase.STOPPING and held_for(
            self.since_s, rules.coast_s, watched_s
        )


STILL = ProofState()


def watch_machine(
    state: ProofState, rules: ProofRules, inputs: ProofInputs, watched_s: float
) -> ProofState:
    """The machine at a look."""
    state = _power(state, rules, inputs, watched_s)
    if inputs.reset:
        state = replace(
            state,
            failure=Failure.NONE,
            failed="",
            failed_s=None,
            latched=False,
            retry_s=None,
            doubted="",
            failures_s=(),
            faults_s=(),
        )
    if state.unpowered:
        return _waiting_for_power(state, inputs, watched_s)
    if inputs.fault and state.failure is not Failure.FAULT:
        state = _fail(state, rules, Failure.FAULT, msg("its fault input is on"), watched_s)
    elif state.failure is not Failure.NONE and not state.latched and not inputs.fault:
        if held_for(state.failed_s, rules.retry_s, watched_s):
            state = replace(state, failure=Failure.NONE, failed="", failed_s=None)
    elif state.failure is Failure.FAULT and inputs.fault and not state.latched:
        state = replace(state, failed_s=watched_s)  # the wait begins when it has gone
    if state.latched:
        state = _tried_again(state, rules, inputs, watched_s)
    if not inputs.wanted or not state.available:
        return _stopped(state, inputs, watched_s)
    return _run(state, rules, inputs, watched_s)


def proof_due_s(state: ProofState, rules: ProofRules, watched_s: float) -> float | None:
    """Until when a machine's phase and failure stand if its inputs do; None: for ever."""
    phase, since_s = state.phase, state.since_s
    return soonest(
        watched_s,
        later(since_s, rules.within_s) if phase is MachinePhase.STARTING else None,
        later(since_s, rules.coast_s) if phase is MachinePhase.STOPPING else None,
        later(state.lost_since_s, rules.within_s if rules.cycles else rules.lost_s),
        None if state.latched else later(state.failed_s, rules.retry_s),
        state.retry_s,
        later(since_s, SOUND_S) if state.doubted and phase is MachinePhase.RUNNING else None,
        later(state.power_since_s, rules.power_s),
    )


def _tried_again(
    state: ProofState, rules: ProofRules, inputs: ProofInputs, watched_s: float
) -> ProofState:
    """One that is latched by failed proofs, and that nothing stands in for, when its time comes."""
    due_s = None
    if inputs.alone and not inputs.fault and len(state.faults_s) < rules.faults_to_latch:
        due_s = retry_due_s(state.failures_s, watched_s)
    if due_s is None or watched_s < due_s:
        return state if state.retry_s == due_s else replace(state, retry_s=due_s)
    return replace(
        state,
        failure=Failure.NONE,
        failed="",
        failed_s=None,
        latched=False,
        retry_s=None,
        doubted=state.failed,
    )


def _power(
    state: ProofState, rules: ProofRules, inputs: ProofInputs, watched_s: float
) -> ProofState:
    """Whether nothing counts now, because power is away or has just come back."""
    if not inputs.powered:
        if state.unpowered:
            return state if state.power_since_s is None else replace(state, power_since_s=None)
        # What failed just before was the power: it takes a moment to be noticed.
        return replace(_forgiven(state, watched_s), unpowered=True, power_since_s=None)
    if not state.unpowered:
        return state
    since_s = holds_since(True, state.power_since_s, watched_s)
    if held_for(since_s, rules.power_s, watched_s):
        return replace(state, unpowered=False, power_since_s=None)
    return replace(state, power_since_s=since_s)


NOTICED_WITHIN_S = 60.0
"""A failure so shortly before power is known to be away was the power's (D)."""


def _forgiven(state: ProofState, watched_s: float) -> ProofState:
    recent = watched_s - NOTICED_WITHIN_S
    if state.failed_s is None or state.failed_s < recent:
        return state
    return replace(
        state,
        failure=Failure.NONE,
        failed="",
        failed_s=None,
        latched=False,
        retry_s=None,
        failures_s=tuple(time_s for time_s in state.failures_s if time_s < recent),
        faults_s=tuple(time_s for time_s in state.faults_s if time_s < recent),
    )


def _waiting_for_power(state: ProofState, inputs: ProofInputs, watched_s: float) -> ProofState:
    """It starts again from the beginning once power is back."""
    phase = MachinePhase.STARTING if inputs.wanted and state.available else MachinePhase.OFF
    return replace(state, phase=phase, since_s=watched_s, lost_since_s=None)


def _stopped(state: ProofState, inputs: ProofInputs, watched_s: float) -> ProofState:
    if not inputs.status:
        if state.phase is MachinePhase.OFF:
            return state
        return replace(state, phase=MachinePhase.OFF, since_s=watched_s, lost_since_s=None)
    if state.phase is MachinePhase.STOPPING:
        return state
    return replace(state, phase=MachinePhase.STOPPING, since_s=watched_s, lost_since_s=None)


def _run(state: ProofState, rules: ProofRules, inputs: ProofInputs, watched_s: float) -> ProofState:
    if not state.on:
        state = replace(state, phase=MachinePhase.STARTING, since_s=watched_s, lost_since_s=None)
    commanded = inputs.wanted if inputs.commanded is None else inputs.commanded
    if not commanded:
        # Held back: that it does not run is no failure, and its proof begins with its command.
        if inputs.status:
            return _running(state, watched_s)
        return replace(state, phase=MachinePhase.STARTING, since_s=watched_s, lost_since_s=None)
    if inputs.status or not rules.provable:
        return _running(state, watched_s)
    if state.phase is MachinePhase.STARTING:
        return _start(state, rules, inputs, watched_s)
    return _watch(state, rules, inputs, watched_s)


def _running(state: ProofState, watched_s: float) -> ProofState:
    if state.phase is MachinePhase.RUNNING:
        if state.doubted and held_for(state.since_s, SOUND_S, watched_s):
            state = replace(state, doubted="")
        return state if state.lost_since_s is None else replace(state, lost_since_s=None)
    return replace(state, phase=MachinePhase.RUNNING, since_s=watched_s, lost_since_s=None)


def _start(
    state: ProofState, rules: ProofRules, inputs: ProofInputs, watched_s: float
) -> ProofState:
    if rules.cycles and inputs.needed is False:
        return replace(state, since_s=watched_s)  # its thermostat is satisfied
    if not held_for(state.since_s, rules.within_s, watched_s):
        return state
    if inputs.status is None:
        text = msg("its run status cannot be read")
        return _out(_fail(state, rules, Failure.UNREAD, text, watched_s), watched_s)
    text = msg("shows no run status within {proof_s:g} s", proof_s=rules.within_s)
    return _out(_fail(state, rules, Failure.NOT_PROVEN, text, watched_s), watched_s)


def _watch(
    state: ProofState, rules: ProofRules, inputs: ProofInputs, watched_s: float
) -> ProofState:
    """It ran, and does not show it now."""
    if inputs.status is None:
        # Nobody knows that it stopped; what it makes, and the flow, are watched by others.
        return state if state.lost_since_s is None else replace(state, lost_since_s=None)
    if rules.cycles:
        if state.phase is not MachinePhase.PAUSED:
            state = replace(state, phase=MachinePhase.PAUSED, since_s=watched_s)
        lost_s = rules.within_s
        lost_since_s = holds_since(inputs.needed is True, state.lost_since_s, watched_s)
    else:
        lost_s = rules.lost_s
        lost_since_s = holds_since(True, state.lost_since_s, watched_s)
    if lost_since_s != state.lost_since_s:
        state = replace(state, lost_since_s=lost_since_s)
    if not held_for(lost_since_s, lost_s, watched_s):
        return state
    text = msg("shows no run status for {lost_s:g} s", lost_s=lost_s)
    return _out(_fail(state, rules, Failure.LOST, text, watched_s), watched_s)


def _fail(
    state: ProofState, rules: ProofRules, failure: Failure, text: Message, watched_s: float
) -> ProofState:
    """Out of use; latched if it was the last that is put up with in a day."""
    failures_s = tuple(t for t in state.failures_s if watched_s - t < DAY_S)
    faults_s = tuple(t for t in state.faults_s if watched_s - t < DAY_S)
    if failure is Failure.FAULT:
        faults_s = (*faults_s, watched_s)
    elif failure is not Failure.UNREAD:
        failures_s = (*failures_s, watched_s)
    latched = (
        state.latched
        or len(failures_s) >= rules.failures_to_latch
        or len(faults_s) >= rules.faults_to_latch
    )
    return replace(
        state,
        failure=failure,
        failed=text,
        failed_s=watched_s,
        latched=latched,
        retry_s=None,
        doubted="",
        failures_s=failures_s,
        faults_s=faults_s,
    )


def _out(state: ProofState, watched_s: float) -> ProofState:
    return replace(state, phase=MachinePhase.OFF, since_s=watched_s, lost_since_s=None)
