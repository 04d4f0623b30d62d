"""How much outdoor air: the least for people, CO2, epidemics, and cooling with it. Pure.

Guideline 36, 5.16: the economizer is off above a dry-bulb limit by climate or an enthalpy, with a
hysteresis of 1 K, and in every freeze stage; when it goes off the return damper opens for 3 min and
the outdoor damper follows after 15 s. CO2: proportional, from 200 ppm below its limit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.humid_air import vapour_pressure_pa
from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track
from bms.control.strategies.air.air_parameters import HIGH_LIMIT_C, AirParameters
from bms.texts.messages import Message, msg

LIMIT_HYSTERESIS_K = 1.0
ENTHALPY_HYSTERESIS_KJ_KG = 2.0
RETURN_OPEN_S = 180.0
OUTDOOR_DELAY_S = 15.0
CO2_SPAN_PPM = 200.0
COLD_SUPPLY_C = 7.0
COLD_SUPPLY_OVER_C = 9.0
ZONE_AWAY_K = 3.0
ZONE_BACK_K = 2.0
"""All outdoor air ends where supply air is below 7 degC or a zone 3 K off, and comes back at 9
and 2 (D)."""
FLOW_LOOP = PidRules(30.0, 120.0)
"""Least damper position by the measured flow of outdoor air: percent per normalised flow (D)."""
ATMOSPHERE_PA = 101_325.0


@dataclass(frozen=True, slots=True)
class OutdoorState:
    """What is remembered of a machine's outdoor air."""

    economizer: bool = False
    ended_s: float | None = None
    """When the economizer went off."""
    held_pct: float = 0.0
    """Where the outdoor damper stood then: it stays there for 15 s."""
    flow: PidState = field(default_factory=PidState)
    limited: bool = False
    """All outdoor air is too much for the coils now."""


@dataclass(frozen=True, slots=True)
class OutdoorInputs:
    """What is known now; None: not good, or not measured."""

    outdoor_c: float | None = None
    outdoor_humidity_pct: float | None = None
    return_c: float | None = None
    supply_c: float | None = None
    zone_off_k: float | None = None
    """How far the worst zone is outside its pair."""
    co2_ppm: float | None = None
    """Of the worst zone."""
    oa_flow_m3h: float | None = None
    freeze_stage: int = 0
    people: bool = False
    level: str = "on"
    """The mode that was asked for: `elevated` and `full` are those of epidemics."""
    may_economize: bool = False
    cooling_pct: float = 0.0
    """What the loop asks of outdoor air, 0 to 100."""
    dry_most_pct: float = 100.0
    """How much of it zones allow that are nearly too dry."""
    by_co2: bool = False
    """CO2 may lower the minimum."""
    min_damper_pct: float = 0.0
    """Where the damper stands for the whole of the minimum."""
    by_flow: bool = False
    """The minimum is held by the measured flow, not by a position."""


@dataclass(frozen=True, slots=True)
class OutdoorAnswer:
    """Dampers in percent, the minimum behind them, and why."""

    state: OutdoorState
    damper_pct: float
    least_pct: float
    """Owed to people now; 0 while nobody is there."""
    return_pct: float
    flow_m3h: float | None
    """The least outdoor air, where its design is known."""
    reason: Message


def enthalpy_kj_kg(dry_bulb_c: float, humidity_pct: float) -> float:
    """Of moist air at sea level, above dry air of 0 degC (Magnus formula, within 0.5 %)."""
    vapour_pa = vapour_pressure_pa(dry_bulb_c, humidity_pct)
    moisture = 0.622 * vapour_pa / (ATMOSPHERE_PA - vapour_pa)
    return 1.006 * dry_bulb_c + moisture * (2501.0 + 1.86 * dry_bulb_c)


def ventilate(
    state: OutdoorState,
    inputs: OutdoorInputs,
    parameters: AirParameters,
    design_m3h: float | None,
    watched_s: float,
) -> OutdoorAnswer:
    """Outdoor air at a look; `design_m3h` is the least that the machine was designed for."""
    economizer = _economizer(state, inputs, parameters)
    ended_s = state.ended_s
    if state.economizer and not economizer:
        ended_s = watched_s
    elif economizer:
        ended_s = None
    limited = _limited(state, inputs)
    state = replace(state, economizer=economizer, ended_s=ended_s, limited=limited)
    share, why = _least_share(inputs, parameters)
    flow_m3h = None if design_m3h is None else design_m3h * share
    state, least_pct = _least_position(state, inputs, flow_m3h, share, watched_s)
    damper_pct, reason = least_pct, why
    if inputs.freeze_stage >= 2 or (not inputs.people and not economizer):
        damper_pct, least_pct = 0.0, 0.0
        flow_m3h = None if flow_m3h is None else 0.0
        reason = msg("nobody is there") if inputs.freeze_stage < 2 else msg("coils would freeze")
    elif inputs.freeze_stage == 1:
        reason = msg("the coil is near freezing: no more than the minimum")
    elif inputs.level == "full" and inputs.people:
        if not limited:
            damper_pct, reason = 100.0, msg("epidemic ventilation: outdoor air only")
        else:
            reason = msg("epidemic ventilation, at the minimum: the coils cannot take more now")
    elif economizer:
        cooling_pct = min(inputs.cooling_pct, inputs.dry_most_pct)
        free_pct = least_pct + (100.0 - least_pct) * cooling_pct / 100.0
        if free_pct > damper_pct:
            damper_pct = free_pct
            reason = msg(
                "outdoor air of {outdoor_c:.1f} degC cools, at {cooling_pct:.0f} %",
                outdoor_c=inputs.outdoor_c,
                cooling_pct=cooling_pct,
            )
        if cooling_pct < inputs.cooling_pct:
            reason = msg("zones are nearly too dry: less outdoor air than would cool")
    closing = ended_s is not None and not held_for(ended_s, OUTDOOR_DELAY_S, watched_s)
    if closing and inputs.freeze_stage < 2:
        damper_pct = max(damper_pct, state.held_pct)
    elif economizer or damper_pct > least_pct:
        state = replace(state, held_pct=damper_pct)
    return_pct = 100.0 - damper_pct
    if ended_s is not None and not held_for(ended_s, RETURN_OPEN_S, watched_s):
        return_pct = 100.0
    if inputs.level == "full" and inputs.people and damper_pct >= 100.0:
        return_pct = 0.0
    return OutdoorAnswer(state, damper_pct, least_pct, return_pct, flow_m3h, reason)


def _economizer(state: OutdoorState, inputs: OutdoorInputs, parameters: AirParameters) -> bool:
    outdoor_c = inputs.outdoor_c
    if not inputs.may_economize or inputs.freeze_stage or outdoor_c is None:
        return False
    margin_k = 0.0 if state.economizer else LIMIT_HYSTERESIS_K
    if outdoor_c > HIGH_LIMIT_C[parameters.climate] - margin_k:
        return False
    if inputs.return_c is not None and outdoor_c > inputs.return_c - margin_k:
        return False
    if inputs.outdoor_humidity_pct is None:
        return True
    margin = 0.0 if state.economizer else ENTHALPY_HYSTERESIS_KJ_KG
    heat = enthalpy_kj_kg(outdoor_c, inputs.outdoor_humidity_pct)
    return heat <= parameters.max_enthalpy_kj_kg - margin


def _limited(state: OutdoorState, inputs: OutdoorInputs) -> bool:
    if inputs.level != "full":
        return False
    cold_c = COLD_SUPPLY_OVER_C if state.limited else COLD_SUPPLY_C
    away_k = ZONE_BACK_K if state.limited else ZONE_AWAY_K
    cold = inputs.supply_c is not None and inputs.supply_c < cold_c
    return cold or (inputs.zone_off_k is not None and inputs.zone_off_k > away_k)


def _least_share(inputs: OutdoorInputs, parameters: AirParameters) -> tuple[float, Message]:
    """Of the minimum for people, 0 to 1."""
    if not inputs.by_co2 or inputs.level != "on":
        return 1.0, msg("the minimum for people")
    if inputs.co2_ppm is None:
        return 1.0, msg("the minimum for people: CO2 is not known")
    need = (inputs.co2_ppm - parameters.co2_limit_ppm + CO2_SPAN_PPM) / CO2_SPAN_PPM
    need = min(max(need, 0.0), 1.0)
    least = parameters.least_outdoor_pct / 100.0
    share = least + (1.0 - least) * need
    reason = msg(
        "CO2 at {co2_ppm:.0f} ppm: {share_pct:.0f} % of the minimum",
        co2_ppm=inputs.co2_ppm,
        share_pct=100.0 * share,
    )
    return share, reason


def _least_position(
    state: OutdoorState,
    inputs: OutdoorInputs,
    flow_m3h: float | None,
    share: float,
    watched_s: float,
) -> tuple[OutdoorState, float]:
    """Where the outdoor damper stands at least."""
    position_pct = inputs.min_damper_pct * share
    if not inputs.by_flow or not flow_m3h or inputs.oa_flow_m3h is None or not inputs.people:
        return replace(state, flow=track(state.flow, position_pct, watched_s)), position_pct
    wider = state.economizer or inputs.level == "full"
    if wider and state.held_pct > state.flow.output_pct and inputs.oa_flow_m3h >= flow_m3h:
        # More than the minimum comes because it cools. The loop would take that for its own doing,
        # and people would be short of air once cooling ends.
        stands_pct = state.flow.output_pct
        return replace(state, flow=track(state.flow, stands_pct, watched_s)), stands_pct
    low_pct = position_pct / 2.0  # a flow meter that reads too high must not shut people off
    rules = replace(FLOW_LOOP, low_pct=low_pct)
    loop = regulate(state.flow, rules, 1.0, inputs.oa_flow_m3h / flow_m3h, watched_s)
    return replace(state, flow=loop), loop.output_pct


@dataclass(frozen=True, slots=True)
class Co2Doubt:
    """Since when a CO2 sensor shows what cannot be, or rooms have been empty."""

    empty_since_s: float | None = None
    low_since_s: float | None = None


LOWEST_PPM = 300.0
EMPTY_PPM = 600.0
EMPTY_S = 48 * 3600.0
"""Two hours are enough where air goes on being changed. Here dampers are shut, and a tight building
takes a tenth of its air in an hour: 1,200 ppm are below 600 after 14 h, so a weekend tells (D)."""
LOW_S = 600.0


def doubt_co2(
    doubt: Co2Doubt, co2_ppm: float | None, people: bool, watched_s: float
) -> tuple[Co2Doubt, Message | None]:
    """Whether a sensor needs calibration (control reference, 5): there is no air below 300 ppm,
    and above 600 after hours without people there is nobody who breathes it."""
    low = co2_ppm is not None and co2_ppm < LOWEST_PPM
    after = Co2Doubt(
        holds_since(not people, doubt.empty_since_s, watched_s),
        holds_since(low, doubt.low_since_s, watched_s),
    )
    after = doubt if after == doubt else after
    if held_for(after.low_since_s, LOW_S, watched_s):
        return after, msg("less CO2 than outdoors")
    high = co2_ppm is not None and co2_ppm > EMPTY_PPM
    if high and held_for(after.empty_since_s, EMPTY_S, watched_s):
        return after, msg("much CO2 after two empty days")
    return after, None
