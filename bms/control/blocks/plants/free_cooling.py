"""Waterside economizer: how cold the tower alone can make the water, and when it may. Pure.

Guideline 36, 5.20.3 (control reference, 3): PHXLWT = Twb + HXapp min(1, V/Vdes) + CTapp +
m (Twb,des - Twb). On after 20 min off, if the return is 2 K warmer than that; off after 20 min on,
if what comes out is less than 1 K colder than the return for 2 min. m learns from the length of
runs.
"""

from __future__ import annotations

from dataclasses import dataclass

from bms.control.blocks.delays import held_for, holds_since, passed_s

OFF_S = 1200.0
ON_S = 1200.0
GAIN_ON_K = 2.0
GAIN_OFF_K = 1.0
LOST_S = 120.0
TUNING = 0.02
TUNING_RANGE = (-0.2, 0.5)
LONG_S = 3600.0
SHORT_S = 1800.0


@dataclass(frozen=True, slots=True)
class HeatExchanger:
    """A heat exchanger and the towers on its other side, at design."""

    approach_k: float
    tower_approach_k: float
    wet_bulb_c: float
    flow: float
    """Of chilled water through it, in the unit of the flow that is given; above 0."""

    def leaving_c(self, wet_bulb_c: float, flow: float, tuning: float = 0.0) -> float:
        """PHXLWT: the predicted leaving temperature in degC."""
        share = min(1.0, max(0.0, flow / self.flow))
        away_k = tuning * (self.wet_bulb_c - wet_bulb_c)
        return wet_bulb_c + self.approach_k * share + self.tower_approach_k + away_k


@dataclass(frozen=True, slots=True)
class FreeCooling:
    """Whether it runs, and what it learned."""

    on: bool = False
    since_s: float | None = None
    """Since when it has been on or off; None: nobody knows, and it may begin."""
    lost_since_s: float | None = None
    tuning: float = 0.0


@dataclass(frozen=True, slots=True)
class FreeCoolingInputs:
    """Temperatures in degC; None is not good: then it does not begin, and goes on until it is
    seen to be of no use."""

    return_c: float | None
    """Chilled water before the heat exchanger."""
    downstream_c: float | None
    """After it."""
    leaving_c: float | None
    """As predicted, with the tuning of the state."""
    fans_full: bool = False
    allowed: bool = True
    """The plant is on, and nothing forbids it."""


def run_free_cooling(
    state: FreeCooling, inputs: FreeCoolingInputs, watched_s: float
) -> FreeCooling:
    """The economizer at a look."""
    if not state.on:
        rested = state.since_s is None or held_for(state.since_s, OFF_S, watched_s)
        known = inputs.return_c is not None and inputs.leaving_c is not None
        if not (inputs.allowed and rested and known):
            return state
        assert inputs.return_c is not None
        assert inputs.leaving_c is not None
        if inputs.return_c > inputs.leaving_c + GAIN_ON_K:
            return FreeCooling(True, watched_s, None, state.tuning)
        return state
    if not inputs.allowed:
        return FreeCooling(False, watched_s, None, state.tuning)
    useless = (
        inputs.return_c is not None
        and inputs.downstream_c is not None
        and inputs.downstream_c > inputs.return_c - GAIN_OFF_K
    )
    lost_since_s = holds_since(useless, state.lost_since_s, watched_s)
    if held_for(state.since_s, ON_S, watched_s) and held_for(lost_since_s, LOST_S, watched_s):
        ran_s = passed_s(state.since_s, watched_s)
        return FreeCooling(False, watched_s, None, _tuned(state.tuning, ran_s, inputs.fans_full))
    return FreeCooling(True, state.since_s, lost_since_s, state.tuning)


def _tuned(tuning: float, ran_s: float, fans_full: bool) -> float:
    """Long runs: it could have begun earlier. Short ones at full fans: it began too early."""
    if ran_s > LONG_S:
        tuning -= TUNING
    elif ran_s < SHORT_S and fans_full:
        tuning += TUNING
    return min(max(tuning, TUNING_RANGE[0]), TUNING_RANGE[1])
