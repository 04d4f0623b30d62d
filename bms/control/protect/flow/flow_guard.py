"""No machine is enabled without flow that is proven, nor stays enabled once it is lost. Pure.

Control reference, 3: proof of flow before the start, and running flow loss. Each side of a machine
has its own vote (`bms.control.blocks.inputs.flow_vote`), and all of them have to prove flow. While
a machine has not shown yet that it runs, the first look without flow withdraws its enable; later
the loss has to last, because a machine that runs is not stopped for one odd reading. Where nothing
can be read, a machine that runs goes on for five minutes, and one that stands does not start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bms.control.blocks.delays import held_for
from bms.control.blocks.inputs.flow_vote import (
    Flow,
    FlowEvidence,
    FlowRules,
    FlowState,
    prove_flow,
)
from bms.control.blocks.inputs.signals import Signal, signal_of
from bms.control.engine.states import Words
from bms.control.protect.flow.flow_paths import FlowPath, GuardedMachine
from bms.control.protect.withheld import reset_now
from bms.core.decisions import Snapshot
from bms.texts.messages import Message, msg
from drivers.points import PointId, Quality

_STILL = FlowState()


@dataclass(frozen=True, slots=True)
class FlowHold:
    """What is remembered of a machine that somebody wants on."""

    allowed: bool = False
    """It may be enabled on the flow that there is."""
    ran: bool = False
    """It has shown that it runs since it was allowed."""
    votes: Mapping[str, FlowState] = field(default_factory=dict)
    """By side."""
    why: Words = ""
    """Why it is not allowed."""
    since_s: float = 0.0
    """Since when it has been as it is (watched seconds)."""
    lost: bool = False
    """It ran, and lost its flow: told until its flow is proven again, or a person resets it."""
    idle: bool = False
    """Nobody wants it on: nothing is commanded."""


def guard(
    guarded: GuardedMachine, before: FlowHold | None, snapshot: Snapshot, *, wanted: bool
) -> FlowHold | None:
    """The hold of one machine at a look; None while nobody wants it on and nothing is to tell."""
    if not wanted:
        told = before is not None and before.lost and not reset_now(snapshot, guarded.machine.id)
        if before is None or not told:
            return None
        return before if before.idle else replace(before, votes={}, idle=True)
    runs = None if guarded.runs is None else guarded.runs.flag(snapshot)
    enabled = snapshot.flag(guarded.enable)
    unread = enabled is None and guarded.enable in snapshot.samples
    votes: dict[str, FlowState] = {}
    lost = missing = False
    least: FlowState | None = None
    known = {} if before is None else before.votes
    for path in guarded.paths:
        if not path.provable:
            continue
        rules = FlowRules(path.least_m3h)
        vote = prove_flow(
            known.get(path.side, _STILL), rules, evidence(path, snapshot), snapshot.watched_s
        )
        votes[path.side] = vote
        # While the machine's own link is away, no command reaches it: what was not seen meanwhile
        # must not stop it when the link is back.
        seen_lost = held_for(vote.unproven_since_s, rules.loss_s, snapshot.watched_s)
        lost = lost or (seen_lost if unread else vote.lost(rules))
        missing = missing or vote.verdict is Flow.NOT_PROVEN
        if least is None and not vote.proven:
            least = vote
    if before is None:
        # Who looks for the first time leaves alone what is on, and what cannot be read yet.
        allowed, ran = bool(enabled) or bool(runs) or unread, False
    else:
        allowed, ran = before.allowed, before.ran
    ran = allowed and (ran or bool(runs))
    if enabled is False and not ran:  # it is not on yet: only what is proven lets it start
        allowed = least is None
    elif allowed:
        allowed = not (lost or (missing and not ran))
    else:
        allowed = least is None
    same = before is not None and before.allowed is allowed
    since_s = before.since_s if before is not None and same else snapshot.watched_s
    if allowed or least is None:
        return FlowHold(allowed, ran, votes, "", since_s)
    if before is not None and same and _said(before.votes) == _said(votes):
        why = before.why
    else:
        why = _why(guarded, least, votes)
    gone = before is not None and (before.lost if same else before.allowed)
    return FlowHold(False, False, votes, why, since_s, gone)


def evidence(path: FlowPath, snapshot: Snapshot) -> FlowEvidence:
    """What the witnesses of a path say now."""
    samples = snapshot.samples
    pumps = {name: runs.signal(snapshot) for name, runs in path.pumps.items()}
    return FlowEvidence(
        _first_good(path.meters, snapshot),
        None if path.pressure is None else signal_of(samples.get(path.pressure)),
        pumps or None,
        _all_on(path.switches, snapshot),
        _all_on(path.valves, snapshot),
    )


def _first_good(points: tuple[PointId, ...], snapshot: Snapshot) -> Signal | None:
    found: Signal | None = None
    for point in points:
        signal = signal_of(snapshot.samples.get(point))
        if signal.good is not None:
            return signal
        found = found or signal
    return found


def _all_on(points: tuple[PointId, ...], snapshot: Snapshot) -> Signal | None:
    """One that is off counts, whatever the others show."""
    found: Signal | None = None
    for point in points:
        signal = signal_of(snapshot.samples.get(point))
        if signal.good == 0.0:
            return signal
        if found is None or signal.quality is not Quality.GOOD:
            found = signal
    return found


def _said(votes: Mapping[str, FlowState]) -> dict[str, str]:
    return {side: vote.said for side, vote in votes.items()}


def _why(guarded: GuardedMachine, least: FlowState, votes: Mapping[str, FlowState]) -> Message:
    side = next(side for side, vote in votes.items() if vote is least)
    if side == "condenser":
        return msg("its condenser water is not proven: {reason}", reason=least.reason)
    if side == "chilled":
        return msg("its chilled water is not proven: {reason}", reason=least.reason)
    if side == "hot":
        return msg("its hot water is not proven: {reason}", reason=least.reason)
    return msg("the water of {machine} is not proven: {reason}", machine=guarded.machine.id,
               reason=least.reason)  # fmt: skip
