"""How many pumps of a header run, and the least flow that machines need. Pure.

Guideline 36, 5.20.6, 5.20.8 and 5.21.6 (control reference, 3 and 4). With a meter: one more above
n/N - 0.03 of the design flow for 10 min, one less at (n-1)/N - 0.03. Without: by speed. Failsafe:
at full speed and 10 kPa short of the pressure for 5 min.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bms.control.blocks.delays import Accumulated, accumulate

FLOW_MARGIN = 0.03
FLOW_S = 600.0
SPEED_UP_PCT = 90.0
SPEED_UP_S = 300.0
FULL_PCT = 99.0
FULL_S = 60.0
SPEED_DOWN_PCT = 40.0
SPEED_DOWN_S = 600.0
SHORT_KPA = 10.0
SHORT_S = 300.0


@dataclass(frozen=True, slots=True)
class PumpInputs:
    """What pumps of one header are staged by; None is not there, or not good."""

    flow_share: float | None
    """Flow by design flow, as a part of 1."""
    speed_pct: float | None = None
    short_kpa: float | None = None
    """Setpoint minus measured differential pressure."""


@dataclass(frozen=True, slots=True)
class PumpStage:
    """How many pumps run, and what has pointed elsewhere for how long."""

    count: int = 1
    up: Accumulated = field(default_factory=Accumulated)
    down: Accumulated = field(default_factory=Accumulated)
    full: Accumulated = field(default_factory=Accumulated)
    short: Accumulated = field(default_factory=Accumulated)


def stage_pumps(state: PumpStage, pumps: int, inputs: PumpInputs, watched_s: float) -> PumpStage:
    """The stage at a look, of 1 to `pumps` pumps alike."""
    count = min(max(state.count, 1), max(pumps, 1))
    share, speed_pct = inputs.flow_share, inputs.speed_pct
    if share is not None:
        more = share > count / pumps - FLOW_MARGIN
        fewer = share <= (count - 1) / pumps - FLOW_MARGIN
        up_s = down_s = FLOW_S
    else:
        more = speed_pct is not None and speed_pct > SPEED_UP_PCT
        fewer = speed_pct is not None and speed_pct < SPEED_DOWN_PCT
        up_s, down_s = SPEED_UP_S, SPEED_DOWN_S
    at_full = speed_pct is not None and speed_pct > FULL_PCT
    weak = at_full and inputs.short_kpa is not None and inputs.short_kpa > SHORT_KPA
    after = PumpStage(
        count,
        accumulate(state.up, more, watched_s, up_s),
        accumulate(state.down, fewer and not at_full, watched_s, down_s),
        accumulate(state.full, at_full and share is None, watched_s, FULL_S),
        accumulate(state.short, weak, watched_s, SHORT_S),
    )
    due = after.up.held_s >= up_s or after.full.held_s >= FULL_S or after.short.held_s >= SHORT_S
    if due and count < pumps:
        return PumpStage(count + 1)
    if after.down.held_s >= down_s and count > 1 and not due:
        return PumpStage(count - 1)
    return after


@dataclass(frozen=True, slots=True)
class FlowRange:
    """What one machine of a stage can be given, in one unit; `most` is its design flow."""

    least: float
    most: float


def minimum_flow(machines: Sequence[FlowRange], series: bool = False) -> float:
    """The least flow of a stage: that of the machine that needs the largest share of its own.

    In parallel each gets its share of the whole; in series all of it. 0 without machines.
    """
    if series:
        return max((machine.least for machine in machines), default=0.0)
    share = max((m.least / m.most for m in machines if m.most > 0.0), default=0.0)
    return share * sum(machine.most for machine in machines)
