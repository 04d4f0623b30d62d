"""What shedding a load really gave, and whether it obeys. Pure.

A load with a meter or power points shows it. What a load without them gives shows at the boundary,
if nothing else was done at that time; that is noisy, and learned slowly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from bms.control.strategies.demand.sheddable_loads import Load, LoadSeen
from bms.control.strategies.demand.shedding import LoadState

MEAN_S: Final = 60.0
"""The boundary's power is a mean of so long."""
SETTLES_S: Final = 60.0
OBEYS_SHARE: Final = 0.3
"""A load that gave less of what was expected does not obey (D)."""
OWN_WEIGHT: Final = 0.3
BOUNDARY_WEIGHT: Final = 0.1
SHOWS_SHARE: Final = 0.03
"""Of the boundary's power: what is less is lost in its noise."""
MOST: Final = 1.5
OVER_S: Final = 20.0
"""A load that is measured is waited for so much longer than it should take."""


def judged(
    load: Load, state: LoadState, seen: LoadSeen, boundary_kw: float | None, steady_s: float
) -> LoadState:
    """The load once it has had its time; judged again and again while it does not obey."""
    if state.shed_s is None or seen.by_hand:
        return state
    due_s = state.shed_s + load.file.takes_s + MEAN_S + SETTLES_S
    if steady_s < due_s or seen.ready_in_s > 0.0 or state.expected_kw <= 0.0:
        return state
    gave = _gave(load, state, seen, boundary_kw)
    if gave is None:
        return state if state.judged else replace(state, judged=True)
    share, weight, sure = gave
    obeys = share >= OBEYS_SHARE if sure else True
    if state.judged:
        if obeys == state.obeys:
            return state
        return replace(state, obeys=obeys)
    learned = state.learned
    if obeys:
        learned += weight * (min(max(state.learned * share, 0.0), MOST) - learned)
        learned = min(max(learned, 0.05), MOST)
    return replace(state, judged=True, obeys=obeys, learned=learned)


def _gave(
    load: Load, state: LoadState, seen: LoadSeen, boundary_kw: float | None
) -> tuple[float, float, bool] | None:
    """The share of what was expected that it gave, how much that weighs, whether it is sure."""
    expected_kw = state.expected_kw * state.learned
    if seen.measured:
        return (state.before_kw - seen.draws_kw) / expected_kw, OWN_WEIGHT, load.file.how == "off"
    if load.file.how == "off" and seen.status is True:
        return 0.0, OWN_WEIGHT, True
    if not state.alone or boundary_kw is None or state.judged:
        return None
    if expected_kw < SHOWS_SHARE * state.before_kw:
        return None
    return (state.before_kw - boundary_kw) / expected_kw, BOUNDARY_WEIGHT, False


def pending_kw(load: Load, state: LoadState, seen: LoadSeen, steady_s: float) -> float:
    """What the boundary's power does not show yet of the last thing done to a load.

    The mean of the power begins again with each action, so that only what the load itself has
    still to do counts.
    """
    kw = state.expected_kw * state.learned
    if state.shed_s is not None:
        since_s = steady_s - state.shed_s
        if not state.obeys or since_s > load.file.takes_s + OVER_S:
            return 0.0
        if seen.measured:
            return -min(kw, max(0.0, seen.draws_kw - (state.before_kw - kw)))
        return -kw * max(0.0, 1.0 - since_s / max(load.file.takes_s, 1.0))
    if state.back_s is not None:
        since_s = steady_s - state.back_s
        if since_s > load.file.takes_s:
            return 0.0
        if seen.measured:
            return max(0.0, min(kw, state.before_kw - seen.draws_kw))
        return kw * max(0.0, 1.0 - since_s / max(load.file.takes_s, 1.0))
    return 0.0
