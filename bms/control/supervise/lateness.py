"""Blocks that were started early, and yet began with the zone not there. Pure."""

from __future__ import annotations

from dataclasses import replace

from bms.config.resolving.optimal_start import Optimal
from bms.control.supervise.expected_start import OptimalState, Seen, gap_of
from bms.core.decisions import Condition, Severity
from bms.texts.messages import msg, plural
from schedules.answering.answers import Entry

LATE_K = 1.0
"""A zone further from its setpoint than this is not there; nearer, people do not notice."""
REPEATED = 3


def judged(optimal: Optimal, state: OptimalState, seen: Seen, entry: Entry) -> OptimalState:
    """The state after a block has begun that was started early."""
    target_c = entry.setpoints.get(optimal.file.setpoint)
    if target_c is None or seen.zone_c is None:
        return state
    _, gap_k = gap_of(optimal, entry.season, seen.zone_c, target_c)
    if gap_k > LATE_K:
        return replace(state, late=state.late + 1, late_k=round(gap_k, 1))
    return replace(state, late=0, late_k=0.0) if state.late else state


def lateness(group: str, state: OptimalState) -> Condition | None:
    """The alarm from the first late block until one that was not late."""
    if not state.late:
        return None
    often = plural("the last block", "the last {count} blocks in a row", count=state.late)
    text = msg(
        "{group} was started early and not at its setpoint when the block began, {often}: "
        "{missing_k:.1f} K were missing; look whether its plant gives what it should, or allow an "
        "earlier start",
        group=group,
        often=often,
        missing_k=state.late_k,
    )
    severity = Severity.URGENT if state.late >= REPEATED else Severity.NORMAL
    return Condition(f"{group}:late", severity, text)
