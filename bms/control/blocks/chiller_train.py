"""One chiller with its pumps and tower: ordered start with proofs, ordered stop with overrun.

Start (Guideline 36, 5.20.2.4): pumps and tower, their proofs, chiller, its proof. Stop: chiller,
then pumps and tower once it has been still for the overrun. Water flows whenever it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from bms.control.blocks.proof import Proof, prove
from bms.control.blocks.timers import lasted, moved, since
from bms.control.engine.states import Words
from bms.texts.messages import msg


class Phase(StrEnum):
    """Where a train stands between standing still and running."""

    OFF = "off"
    STARTING = "starting"
    """Auxiliaries on, waiting for their proofs."""
    PROVING = "proving"
    """Chiller enabled, waiting for its proof."""
    RUNNING = "running"
    STOPPING = "stopping"
    """Chiller disabled, auxiliaries on until the overrun is over."""


@dataclass(frozen=True, slots=True)
class Auxiliary:
    """A pump's or tower's status, None where it has none, and the time it has to prove."""

    name: str
    status: bool | None
    proof_s: float
    provable: bool = True
    """Has a status at all."""


@dataclass(frozen=True, slots=True)
class TrainInputs:
    """What is known of a train now. A status of None cannot be read."""

    chiller: str
    status: bool | None
    kept_on: bool
    """Somebody with a higher priority, or its minimum time, keeps the chiller on."""
    auxiliaries: tuple[Auxiliary, ...]
    chiller_proof_s: float
    overrun_s: float


@dataclass(frozen=True, slots=True)
class TrainState:
    """Phase of a train. `failed` says why it is out of use; it stays so until it is reset."""

    phase: Phase = Phase.OFF
    phase_since: datetime | None = None
    stop_since: datetime | None = None
    """When the chiller was last told to stop."""
    lost_since: datetime | None = None
    """Since when a proof has been missing while running."""
    failed: Words = ""

    @property
    def chiller_on(self) -> bool:
        return self.phase in (Phase.PROVING, Phase.RUNNING)

    @property
    def auxiliaries_on(self) -> bool:
        return self.phase is not Phase.OFF

    def told(self, train: str) -> str:
        """What a train of this name does, for people."""
        if self.failed:
            return msg("{train} out of use: {reason}", train=train, reason=self.failed)
        return {
            Phase.OFF: msg("{train} off", train=train),
            Phase.STARTING: msg("{train} starting", train=train),
            Phase.PROVING: msg("{train} proving", train=train),
            Phase.RUNNING: msg("{train} running", train=train),
            Phase.STOPPING: msg("{train} stopping", train=train),
        }[self.phase]


def resumed(state: TrainState, gap: timedelta) -> TrainState:
    """The train after an interruption: no proof is late for time in which nobody looked."""
    return replace(
        state,
        phase_since=moved(state.phase_since, gap),
        stop_since=moved(state.stop_since, gap),
        lost_since=moved(state.lost_since, gap),
    )


def step(state: TrainState, wanted: bool, inputs: TrainInputs, now: datetime) -> TrainState:
    """The train one look later. Takes several steps of the sequence at once if all is proven."""
    for _ in range(len(Phase)):
        after = _once(state, wanted and not state.failed, inputs, now)
        if after.phase is state.phase:
            return after
        state = after
    return state


def _once(state: TrainState, wanted: bool, inputs: TrainInputs, now: datetime) -> TrainState:
    began = state.phase_since or now
    if state.phase is Phase.OFF:
        if wanted:
            return TrainState(Phase.STARTING, now)
        if inputs.status or inputs.kept_on:  # it runs without us: it needs its water all the same
            return replace(state, phase=Phase.STOPPING, phase_since=now, stop_since=now)
        return state
    if state.phase is Phase.STARTING:
        if not wanted:
            return _stop(state, now)
        proofs = [(a, _prove(a, began, now)) for a in inputs.auxiliaries]
        missing = [a for a, proof in proofs if proof is Proof.FAILED]
        if missing:
            return _fail(
                state,
                _never_proven(missing[0].name, missing[0].proof_s),
                now,
            )
        if all(proof is Proof.PROVEN for _, proof in proofs):
            return TrainState(Phase.PROVING, now)
        return state
    if state.phase is Phase.STOPPING:
        if wanted:
            return TrainState(Phase.STARTING, now)
        if inputs.status or inputs.kept_on:
            return replace(state, phase_since=now)
        if lasted(state.phase_since, inputs.overrun_s, now):
            return TrainState(Phase.OFF, now, failed=state.failed)
        return state
    if not wanted:
        return _stop(state, now)
    return _watch(state, inputs, began, now)


def _watch(state: TrainState, inputs: TrainInputs, began: datetime, now: datetime) -> TrainState:
    """PROVING and RUNNING: every proof has to be there, and to stay."""
    lost = [a for a in inputs.auxiliaries if a.provable and a.status is False]
    chiller_lost = state.phase is Phase.RUNNING and inputs.status is False
    lost_since = since(bool(lost) or chiller_lost, state.lost_since, now)
    if lost_since != state.lost_since:
        state = replace(state, lost_since=lost_since)
    for auxiliary in lost:
        if lasted(lost_since, auxiliary.proof_s, now):
            return _fail(
                state,
                _unproven(auxiliary.name, auxiliary.proof_s),
                now,
            )
    if chiller_lost and lasted(lost_since, inputs.chiller_proof_s, now):
        return _fail(state, _unproven(inputs.chiller, inputs.chiller_proof_s), now)
    if state.phase is Phase.PROVING:
        proof = prove(inputs.status, began, inputs.chiller_proof_s, now)
        if proof is Proof.PROVEN:
            return replace(state, phase=Phase.RUNNING, phase_since=now)
        if proof is Proof.FAILED:
            return _fail(state, _never_proven(inputs.chiller, inputs.chiller_proof_s), now)
    return state


def _prove(auxiliary: Auxiliary, told: datetime, now: datetime) -> Proof:
    if not auxiliary.provable:
        return Proof.PROVEN
    return prove(auxiliary.status, told, auxiliary.proof_s, now)


def _unproven(machine: str, proof_s: float) -> str:
    return msg("{machine} shows no run status for {proof_s:g} s", machine=machine, proof_s=proof_s)


def _never_proven(machine: str, proof_s: float) -> str:
    return msg(
        "{machine} shows no run status within {proof_s:g} s", machine=machine, proof_s=proof_s
    )


def _stop(state: TrainState, now: datetime) -> TrainState:
    return TrainState(Phase.STOPPING, now, stop_since=now, failed=state.failed)


def _fail(state: TrainState, reason: str, now: datetime) -> TrainState:
    """Out of use. If the chiller never ran in this start, nothing needs an overrun."""
    stopped = _stop(state, now)
    if state.phase is Phase.STARTING:
        stopped = replace(stopped, phase=Phase.OFF)
    return replace(stopped, failed=reason)
