"""How hot the water of a heat plant is. Pure.

Guideline 36, 5.21.4 (control reference, 4): trim and respond on the requests of consumers. Where
no consumer says what it needs, a line by outdoor temperature. Never cooler than boilers that must
not condense can bear.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bms.control.blocks.resets.linear_reset import Line, LinearState, follow
from bms.control.blocks.resets.trim_respond import (
    HOT_WATER_CONDENSING,
    HOT_WATER_NON_CONDENSING,
    TrimRespondState,
    of_few,
    reset,
)
from bms.texts.messages import Message, msg

NON_CONDENSING_C = HOT_WATER_NON_CONDENSING.least
CONDENSING_C = HOT_WATER_CONDENSING.least
BELOW_MAIN_K = 10.0
"""Condensing boilers are set so much lower while one runs that must not condense (5.21.5)."""


@dataclass(frozen=True, slots=True)
class HeatRange:
    """The hottest and the coolest water in degC, and where outdoors they belong."""

    most_c: float
    least_c: float
    cold_oat_c: float
    warm_oat_c: float


@dataclass(frozen=True, slots=True)
class ResetState:
    """What the reset remembers."""

    trim: TrimRespondState = field(default_factory=TrimRespondState)
    line: LinearState = field(default_factory=LinearState)


@dataclass(frozen=True, slots=True)
class Asked:
    """What consumers and weather ask now."""

    resets: float | None
    """Requests for hotter water; None: no consumer says."""
    outdoor_c: float | None
    proven: bool
    staging: bool
    drawing: float | None = None
    """Requests for heat: how many draw hot water; None: nobody says."""


def reset_water(state: ResetState, within: HeatRange, asked: Asked, watched_s: float) -> ResetState:
    """The reset at a look."""
    if asked.resets is not None:
        rules = replace(
            HOT_WATER_CONDENSING, start=within.most_c, most=within.most_c, least=within.least_c
        )
        return ResetState(
            reset(
                state.trim,
                of_few(rules, asked.drawing),
                proven=asked.proven,
                requests=asked.resets,
                watched_s=watched_s,
                staging=asked.staging,
            ),
            state.line,
        )
    line = Line(within.cold_oat_c, within.most_c, within.warm_oat_c, within.least_c, 1.0)
    return ResetState(TrimRespondState(), follow(state.line, line, asked.outdoor_c))


def water_c(state: ResetState, within: HeatRange, asked: Asked) -> tuple[float, Message]:
    """How hot the water is, and why."""
    trimmed = state.trim.setpoint
    if asked.resets is not None and trimmed is not None:
        return trimmed, msg(
            "{setpoint_c:.1f} degC by {requests:g} requests of consumers",
            setpoint_c=trimmed,
            requests=asked.resets,
        )
    followed = state.line.followed
    if asked.resets is None and followed is not None:
        line = Line(within.cold_oat_c, within.most_c, within.warm_oat_c, within.least_c)
        setpoint_c = line.at(followed)
        return setpoint_c, msg(
            "{setpoint_c:.1f} degC at {outdoor_c:.1f} degC outdoors",
            setpoint_c=setpoint_c,
            outdoor_c=followed,
        )
    return within.most_c, msg("{setpoint_c:.1f} degC as designed", setpoint_c=within.most_c)
