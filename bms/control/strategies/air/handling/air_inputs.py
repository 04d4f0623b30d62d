"""What one look at an air handler shows. A value that is not good is None. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final

from bms.config.site import Group
from bms.control.blocks.delays import passed_s
from bms.control.blocks.inputs.filtered import (
    RULES,
    Circumstances,
    FilterState,
    InputRules,
    filter_input,
)
from bms.control.strategies import fact_names
from bms.control.strategies.air.air_facts import UnitFact, fact_name
from bms.control.strategies.air.asked import Pair, pair_of
from bms.control.strategies.air.handling import fan_proof
from bms.control.strategies.air.handling.fan_proof import FanSeen
from bms.control.strategies.air.handling.handler_state import HandlerState
from bms.control.strategies.air.humidity_limits import DriestZone
from bms.control.strategies.air.planning.zone_requests import temperature_of
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Snapshot

SUPPLY_RULES: Final[InputRules] = replace(RULES["supply_air_temp"], rate_per_min=15.0)
"""Coils move supply air faster than rooms: a valve that opens by 25 % a minute, at up to half a
kelvin a percent (D)."""
DAMPER_OPEN_PCT = 5.0
"""A damper that is told to be this open leaves its end switch (D)."""
SETTLING_S = 600.0
SHARE_LEAST_K = 4.0
"""Outdoor and return air have to differ so much before mixed air tells a share (D)."""


@dataclass(frozen=True, slots=True)
class AirInputs:
    """Temperatures in degC, flows in m3/h."""

    supply: FilterState
    supply_c: float | None
    mixed_c: float | None
    return_c: float | None
    outdoor_c: float | None
    outdoor_humidity_pct: float | None
    pair: Pair
    """Of the first zone, or as asked."""
    zones_c: tuple[float, ...]
    """Of those that are good."""
    zone_c: float | None
    """The mean of them."""
    too_warm_k: float | None
    """By how much the warmest zone is above its pair."""
    too_cold_k: float | None
    humidity_pct: float | None
    """Of the dampest zone."""
    driest: DriestZone | None
    co2_ppm: float | None
    oa_flow_m3h: float | None
    airflow_m3h: float | None
    static_pa: float | None
    freeze_stage: int
    fan: FanSeen
    moves: bool
    """Air moves, as far as anything shows."""


def look(
    snapshot: Snapshot, group: Group, unit: Unit, state: HandlerState, stagger_s: float
) -> AirInputs:
    """Everything that decides about one machine now."""
    wanted = state.fan.wanted_since_s is not None
    moves = fan_proof.proven(snapshot, unit, wanted)
    supply = _supply(snapshot, unit, state, moves)
    temperatures = [(zone, temperature_of(snapshot, zone)) for zone in unit.zones]
    good = [(zone, value) for zone, value in temperatures if value is not None]
    warm: list[float] = []
    cold: list[float] = []
    for zone, value in good:
        pair = pair_of(snapshot, group, unit, zone)
        warm.append(value - pair.cooling_c)
        cold.append(pair.heating_c - value)
    zones_c = tuple(value for _, value in good)
    outdoor_c = snapshot.number(group.fact_point(fact_names.OUTDOOR_C))
    weather = unit.weather
    damp_point = None if weather is None else weather.points.get("humidity")
    return AirInputs(
        supply=supply,
        supply_c=supply.value.good if unit.measured("supply_temp") else None,
        mixed_c=_number(snapshot, unit, "mixed_temp"),
        return_c=_number(snapshot, unit, "return_temp"),
        outdoor_c=outdoor_c,
        outdoor_humidity_pct=None if damp_point is None else snapshot.number(damp_point),
        pair=pair_of(snapshot, group, unit, unit.zones[0] if unit.zones else None),
        zones_c=zones_c,
        zone_c=fmean(zones_c) if zones_c else None,
        too_warm_k=max(warm, default=None),
        too_cold_k=max(cold, default=None),
        humidity_pct=_worst(snapshot, unit.humidity_points),
        driest=_driest(snapshot, unit, fmean(zones_c) if zones_c else None),
        co2_ppm=_worst(snapshot, unit.co2_points),
        oa_flow_m3h=_number(snapshot, unit, "oa_flow"),
        airflow_m3h=_number(snapshot, unit, "airflow"),
        static_pa=_number(snapshot, unit, "static_pressure"),
        freeze_stage=_freeze_stage(snapshot, group, unit),
        fan=_fan(snapshot, unit, state, outdoor_c, stagger_s),
        moves=moves,
    )


def outdoor_share_pct(inputs: AirInputs, unit: Unit, damper_pct: float | None) -> float | None:
    """How much of the air comes from outdoors: by flows, by temperatures, by the damper."""
    if not inputs.moves:
        return 0.0
    if unit.full_outdoor:
        return 100.0
    if inputs.oa_flow_m3h is not None and inputs.airflow_m3h:
        return _share(inputs.oa_flow_m3h, inputs.airflow_m3h)
    outdoor, back, mixed = inputs.outdoor_c, inputs.return_c, inputs.mixed_c
    if outdoor is None or back is None or mixed is None:
        return damper_pct
    if abs(back - outdoor) < SHARE_LEAST_K:
        return damper_pct
    return _share(back - mixed, back - outdoor)


def _share(part: float, whole: float) -> float:
    return min(max(100.0 * part / whole, 0.0), 100.0)


def _supply(snapshot: Snapshot, unit: Unit, state: HandlerState, moves: bool) -> FilterState:
    point = unit.measured("supply_temp")
    if point is None:
        return state.supply
    watched_s = snapshot.watched_s
    running_s = passed_s(state.fan.wanted_since_s, watched_s)
    coils_pct = sum(
        state.outputs.get(role, 0.0) for role in ("cooling_valve", "heating_valve", "preheat_valve")
    )
    around = Circumstances(
        running=moves,
        settling=not moves or running_s < SETTLING_S,
        related=coils_pct,
        held_at=state.aim_c,
    )
    return filter_input(state.supply, SUPPLY_RULES, snapshot.samples.get(point), watched_s, around)


def _fan(
    snapshot: Snapshot,
    unit: Unit,
    state: HandlerState,
    outdoor_c: float | None,
    stagger_s: float,
) -> FanSeen:
    status, end_switch = unit.measured("status"), unit.measured("oa_damper_open")
    damper = unit.commanded("oa_damper")
    cold = outdoor_c is not None and outdoor_c < fan_proof.PREHEAT_BELOW_C
    heats = bool(unit.commanded("heating_valve") or unit.commanded("preheat_valve"))
    return FanSeen(
        status=None if status is None else snapshot.flag(status),
        stagger_s=stagger_s,
        damper_first=unit.full_outdoor and damper is not None,
        damper_told=unit.full_outdoor or state.outputs.get("oa_damper", 0.0) > DAMPER_OPEN_PCT,
        damper_open=None if end_switch is None else snapshot.flag(end_switch),
        has_end_switch=end_switch is not None and damper is not None,
        cold=unit.full_outdoor and heats and cold,
    )


def _freeze_stage(snapshot: Snapshot, group: Group, unit: Unit) -> int:
    stage = snapshot.number(group.fact_point(fact_name(unit.name, UnitFact.FREEZE_STAGE)))
    return 0 if stage is None else int(stage)


def _worst(snapshot: Snapshot, points: tuple[str, ...]) -> float | None:
    values = [value for point in points if (value := snapshot.number(point)) is not None]
    return max(values, default=None)


def _driest(snapshot: Snapshot, unit: Unit, mean_c: float | None) -> DriestZone | None:
    """A zone without a good temperature is taken to be as warm as the others."""
    found: list[DriestZone] = []
    for place in unit.humid_places:
        humidity_pct = snapshot.number(place.points["humidity"])
        zone_c = temperature_of(snapshot, place) if "zone_temp" in place.points else mean_c
        zone_c = mean_c if zone_c is None else zone_c
        if humidity_pct is not None and zone_c is not None:
            found.append(DriestZone(humidity_pct, zone_c))
    return min(found, key=lambda zone: zone.humidity_pct, default=None)


def _number(snapshot: Snapshot, unit: Unit, role: str) -> float | None:
    point = unit.measured(role)
    return None if point is None else snapshot.number(point)
