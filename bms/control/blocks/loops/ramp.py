"""Ramps: a value that moves steadily to where it should be, and the load limit of machines. Pure.

Control reference, 3, "Stage-up": running chillers are limited to 75 % before another one starts
(wait for less than 80 %, or 5 min), the minimum flow ramps over 5 min, an isolation valve takes
300 s; 5.20.12: condenser water ramps to its reset within 10 min after a start.
"""

from __future__ import annotations

from dataclasses import dataclass

from bms.control.blocks.delays import held_for, holds_since, passed_s


@dataclass(frozen=True, slots=True)
class RampState:
    """Where a ramp stands, in the unit of what it moves."""

    value: float | None = None
    """None: it begins at its target."""
    watched_s: float | None = None


def ramp(state: RampState, target: float, per_s: float, watched_s: float) -> RampState:
    """The ramp at a look, moved to `target` by at most `per_s` (above 0) for each second."""
    if state.value is None:
        return RampState(target, watched_s)
    most = per_s * passed_s(state.watched_s, watched_s)
    return RampState(state.value + min(max(target - state.value, -most), most), watched_s)


def stands_at(value: float, watched_s: float) -> RampState:
    """A ramp that begins at a value: that of a running machine, or where a valve is."""
    return RampState(value, watched_s)


@dataclass(frozen=True, slots=True)
class LoadLimitRules:
    """How far running machines are held back before the next one starts."""

    limit_pct: float = 75.0
    ready_below_pct: float = 80.0
    wait_s: float = 300.0
    release_pct_per_min: float = 10.0
    """How fast the limit goes up again once the next machine is proven (D)."""


@dataclass(frozen=True, slots=True)
class LoadLimit:
    """The limit on the load of running machines, in percent; None: there is none."""

    limit_pct: float | None = None
    since_s: float | None = None
    ready: bool = False
    """The next machine may start: the load is below `ready_below_pct`, or it was waited for."""
    watched_s: float | None = None


def limit_load(
    state: LoadLimit, rules: LoadLimitRules, limited: bool, load_pct: float | None, watched_s: float
) -> LoadLimit:
    """The limit at a look: `limited` while the next machine is got ready and started.

    `load_pct` is the highest load of the running machines; not known (None), the wait decides.
    After that the limit goes up to 100 % at its rate, and away.
    """
    if limited:
        since_s = holds_since(True, state.since_s, watched_s)
        low = load_pct is not None and load_pct < rules.ready_below_pct
        ready = state.ready or low or held_for(since_s, rules.wait_s, watched_s)
        return LoadLimit(rules.limit_pct, since_s, ready, watched_s)
    if state.limit_pct is None:
        return state
    step_s = passed_s(state.watched_s, watched_s)
    limit_pct = state.limit_pct + rules.release_pct_per_min * step_s / 60.0
    return LoadLimit() if limit_pct >= 100.0 else LoadLimit(limit_pct, watched_s=watched_s)
