"""A machine that reports a fault stops at once, and one that does so again and again stays off.
Pure.

The third fault within a day latches (`FAULTS_TO_LATCH`): a machine that recovers, starts and trips
again wears out in an afternoon. Only a person's reset lifts a latch; nights, restarts and reloads
do not. Kinds that others stand in for are held off, too, when they do not show that they run.
"""

from __future__ import annotations

from typing import Final

from bms.control.blocks.machines.start_proof import (
    STILL,
    Failure,
    ProofInputs,
    ProofRules,
    ProofState,
    watch_machine,
)
from bms.control.protect.run_evidence import RunEvidence, loaded_evidence, run_evidence
from bms.control.protect.withheld import reset_now
from bms.core.decisions import Condition, Severity, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId

STOPPED_KINDS: Final = (
    "chiller", "heat_pump", "boiler", "pump", "cooling_tower", "heat_exchanger", "air_compressor",
    "air_dryer",
)  # fmt: skip
"""A fault contact of these is a trip. That of an air handler may be a filter: people breathe on."""
REPLACED_KINDS: Final = ("air_compressor",)
"""Their strategy knows no failed start of its own: they are held off when they do not run."""
FAULTS_TO_LATCH: Final = 3
"""Within a day (D; control cases: 12 restarts in 6 h)."""
RETRY_S: Final = 600.0


def evidence_of(machine: Equipment) -> RunEvidence | None:
    """What shows that it runs: of compressors what they draw, too."""
    if machine.kind.name in REPLACED_KINDS:
        return loaded_evidence(machine)
    return run_evidence(machine)


def rules_of(machine: Equipment, runs: RunEvidence | None) -> ProofRules:
    """How a machine is judged."""
    judged = runs is not None and machine.kind.name in REPLACED_KINDS
    return ProofRules(
        within_s=machine.kind.proves_s,
        cycles=machine.kind.cycles,
        provable=judged,
        failures_to_latch=FAULTS_TO_LATCH,
        faults_to_latch=FAULTS_TO_LATCH,
        retry_s=RETRY_S,
    )


def watch_faults(
    machine: Equipment,
    before: ProofState | None,
    rules: ProofRules,
    snapshot: Snapshot,
    inputs: ProofInputs,
) -> ProofState | None:
    """The machine at a look; None while there is nothing to remember of it."""
    after = watch_machine(
        before or STILL,
        rules,
        ProofInputs(
            inputs.wanted,
            inputs.status,
            inputs.fault,
            inputs.commanded,
            powered=inputs.powered,
            reset=reset_now(snapshot, machine.id),
        ),
        snapshot.watched_s,
    )
    return None if after == STILL else after


def fault_point(machine: Equipment) -> PointId | None:
    """The contact whose closing stops the machine."""
    return machine.points.get("fault") if machine.kind.name in STOPPED_KINDS else None


def why_stopped(state: ProofState) -> Message:
    """The reason of the command that holds it off."""
    if state.latched:
        return msg("{reason}, too often: it stays off until a person resets it", reason=said(state))
    if state.failure is Failure.FAULT:
        return msg("{reason}; it may start {minutes:g} min after that is gone", reason=said(state),
                   minutes=RETRY_S / 60)  # fmt: skip
    return msg("{reason}; it may be tried again after {minutes:g} min", reason=said(state),
               minutes=RETRY_S / 60)  # fmt: skip


def said(state: ProofState) -> str:
    """What is wrong with the machine."""
    return state.failed or msg("its fault input is on")


def latched(machine: Equipment, state: ProofState) -> Condition:
    """The alarm of a machine that stays off until somebody has looked at it."""
    text = msg(
        "{machine} is out of use: {reason}, the third time within 24 h; repair it, then "
        "'bms reset {machine}'",
        machine=machine.id,
        reason=said(state),
    )
    return Condition(f"{machine.id}:latched", Severity.CRITICAL, text)


def replaced(machine: Equipment, state: ProofState) -> Condition:
    """The alarm of a machine that does not run, and for which another one does."""
    text = msg(
        "{machine} {reason}: another one runs in its place; look at its local switch, its "
        "breaker and the contact of its status",
        machine=machine.id,
        reason=said(state),
    )
    return Condition(f"{machine.id}:proof", Severity.URGENT, text)
