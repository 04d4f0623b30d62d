"""When hot water circulates: with use, a while after it, and before it has stood too long. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.replacing import replace

FLUSH_S: Final = 900.0
"""So long water runs through pipes that have stood (D)."""
EARLY_S: Final = 1800.0
"""And so long before the limit: a pump may have to wait (D)."""
COOL_S: Final = 1800.0
"""A return that stays cool so long is an alarm (D)."""
DRAWN_M3H: Final = 0.02


@dataclass(frozen=True, slots=True)
class CirculationState:
    """What is remembered of the pipes; `…_steady_s` in steady, others in watched seconds."""

    used_s: float | None = None
    """When hot water was last used."""
    ran_steady_s: float | None = None
    """When it last circulated."""
    flush_since_s: float | None = None
    cool_since_s: float | None = None


@dataclass(frozen=True, slots=True)
class CirculationInputs:
    """What is known at a look."""

    use: bool
    """Hours of use."""
    drawn_m3h: float | None
    """None: not measured, or not good: hours of use count."""
    disinfects: bool
    safe: bool
    """What would circulate scalds nobody."""
    runs: bool
    return_c: float | None
    steady_s: float
    watched_s: float


def circulate(
    state: CirculationState,
    inputs: CirculationInputs,
    *,
    overrun_s: float,
    stagnant_s: float,
    least_c: float,
) -> tuple[CirculationState, str]:
    """The pipes at a look, and why water circulates: `use`, `overrun`, `flush`, `disinfection`;
    empty: it does not."""
    now_s = inputs.watched_s
    ran = inputs.steady_s if inputs.runs or state.ran_steady_s is None else state.ran_steady_s
    used = inputs.drawn_m3h > DRAWN_M3H if inputs.drawn_m3h is not None else inputs.use
    used_s = now_s if used and inputs.use else state.used_s
    cool = inputs.runs and inputs.return_c is not None and inputs.return_c < least_c
    state = replace(
        state,
        used_s=used_s,
        ran_steady_s=ran,
        cool_since_s=holds_since(cool, state.cool_since_s, now_s),
    )
    if not inputs.safe:
        return replace(state, flush_since_s=None), ""
    if inputs.disinfects:
        return state, "disinfection"
    if inputs.use and used_s == now_s:
        return replace(state, flush_since_s=None), "use"
    if used_s is not None and now_s - used_s < overrun_s:
        return replace(state, flush_since_s=None), "overrun"
    flush = state.flush_since_s
    if flush is None and inputs.steady_s - ran >= stagnant_s - EARLY_S:
        flush = now_s
    elif flush is not None and held_for(flush, FLUSH_S, now_s) and inputs.runs:
        flush = None
    return replace(state, flush_since_s=flush), "flush" if flush is not None else ""
