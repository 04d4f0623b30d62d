"""What zones ask of their air handler, and air handlers of the plants behind them. Pure.

A zone asks for colder air as Guideline 36, 5.6.8, says: 3 or 2 requests for an error that lasts, 1
while its cooling is nearly fully open. Where nobody shows how far that is open, the zone's
temperature says it: fully open 0.3 K above where cooling begins (D). A zone with a reheat coil uses
all its cooling once that coil is shut and its damper, where it shows one, is open.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bms.control.blocks.resets.request_counters import (
    FAN_COIL,
    PLANT,
    STATIC_PRESSURE,
    SUPPLY_AIR_TO_RESET,
    ZONE_TO_SUPPLY_AIR,
    RequestState,
    count_requests,
)
from bms.control.strategies.air.asked import Pair
from bms.control.strategies.air.served import reheats
from bms.core.decisions import Snapshot
from bms.core.equipment import Equipment

SPAN_K = 1.0
FULL_ABOVE_K = 0.3
"""A zone's need goes from 0 to 100 % over 1 K, and is 100 % at 0.3 K above its setpoint (D)."""
NEAR_K = 0.5
"""Only a zone so near to its cooling setpoint uses a shut reheat coil as a reason to ask (D)."""
BEYOND_K = 0.3
"""Supply air so far off its setpoint stands for a valve that is fully open (D)."""
LEAST_C, MOST_C = -10.0, 60.0


@dataclass(frozen=True, slots=True)
class ZoneAsks:
    """What one zone remembers of what it asked for."""

    colder: RequestState = field(default_factory=RequestState)
    pressure: RequestState = field(default_factory=RequestState)
    hot_water: RequestState = field(default_factory=RequestState)
    boiler: RequestState = field(default_factory=RequestState)


@dataclass(frozen=True, slots=True)
class UnitAsks:
    """What one machine remembers of what it asked plants for."""

    colder_water: RequestState = field(default_factory=RequestState)
    chiller: RequestState = field(default_factory=RequestState)
    hotter_water: RequestState = field(default_factory=RequestState)
    boiler: RequestState = field(default_factory=RequestState)


@dataclass(frozen=True, slots=True)
class UnitSeen:
    """A machine now. Kelvin and percent; None: not known."""

    too_warm_k: float | None = None
    """Supply air above its setpoint, or the zone above its pair."""
    too_cold_k: float | None = None
    cooling_pct: float | None = None
    """How far its cooling is open."""
    heating_pct: float | None = None


def temperature_of(snapshot: Snapshot, zone: Equipment) -> float | None:
    """A zone's temperature, if it is good and can be."""
    value = snapshot.number(zone.points["zone_temp"])
    return value if value is not None and LEAST_C <= value <= MOST_C else None


def ask(
    before: ZoneAsks, zone: Equipment, pair: Pair, snapshot: Snapshot, watched_s: float
) -> ZoneAsks:
    """The requests of a zone that is served now."""
    zone_c = temperature_of(snapshot, zone)
    warm_k = None if zone_c is None else zone_c - pair.cooling_c
    cold_k = None if zone_c is None else pair.heating_c - zone_c
    reheat_pct = _number(snapshot, zone, "reheat_valve")
    return ZoneAsks(
        count_requests(
            before.colder,
            ZONE_TO_SUPPLY_AIR,
            warm_k,
            cooling_open(snapshot, zone, warm_k, reheat_pct),
            watched_s,
        ),
        count_requests(
            before.pressure,
            STATIC_PRESSURE,
            _short_of_air_pct(snapshot, zone),
            _number(snapshot, zone, "damper"),
            watched_s,
        ),
        *_heat(before, zone, cold_k, reheat_pct, watched_s),
    )


def _heat(
    before: ZoneAsks,
    zone: Equipment,
    cold_k: float | None,
    reheat_pct: float | None,
    watched_s: float,
) -> tuple[RequestState, RequestState]:
    """Of a reheat coil: for hotter water, and for water at all."""
    if not reheats(zone):
        return before.hot_water, before.boiler
    open_pct = _need_pct(cold_k) if reheat_pct is None else reheat_pct
    return (
        count_requests(before.hot_water, FAN_COIL, cold_k, open_pct, watched_s),
        count_requests(before.boiler, PLANT, None, open_pct, watched_s),
    )


def cooling_open(
    snapshot: Snapshot, zone: Equipment, warm_k: float | None, reheat_pct: float | None
) -> float | None:
    """How far the cooling of a zone is open, in percent."""
    airflow, design = _number(snapshot, zone, "airflow"), zone.design.airflow_m3h
    if airflow is not None and design is not None and warm_k is not None:
        # With much air in a cold zone the box heats.
        return 100.0 * airflow / design if warm_k > -SPAN_K else 0.0
    if reheat_pct is not None and design is None:
        shut = reheat_pct <= 5.0 and warm_k is not None and warm_k > -NEAR_K
        # A box with a half-open damper has half of its cooling left, however warm it is.
        damper_pct = _number(snapshot, zone, "damper")
        full_pct = 100.0 if damper_pct is None else damper_pct
        return full_pct if shut else 0.0
    return _need_pct(warm_k)


def ask_plants(before: UnitAsks, seen: UnitSeen, watched_s: float) -> UnitAsks:
    """The requests of a machine that runs."""
    return UnitAsks(
        count_requests(
            before.colder_water, SUPPLY_AIR_TO_RESET, seen.too_warm_k, seen.cooling_pct, watched_s
        ),
        count_requests(before.chiller, PLANT, None, seen.cooling_pct, watched_s),
        count_requests(
            before.hotter_water, SUPPLY_AIR_TO_RESET, seen.too_cold_k, seen.heating_pct, watched_s
        ),
        count_requests(before.boiler, PLANT, None, seen.heating_pct, watched_s),
    )


def valve_or_need(valve_pct: float | None, off_k: float | None) -> float | None:
    """How far a coil is open: its valve, or what its air says where nobody sees the valve."""
    if valve_pct is not None or off_k is None:
        return valve_pct
    if off_k > BEYOND_K:
        return 100.0
    return 50.0 if off_k > -SPAN_K else 0.0


def _need_pct(beyond_k: float | None) -> float | None:
    if beyond_k is None:
        return None
    return min(max(100.0 * (beyond_k - FULL_ABOVE_K + SPAN_K) / SPAN_K, 0.0), 100.0)


def _short_of_air_pct(snapshot: Snapshot, zone: Equipment) -> float | None:
    wanted, airflow = (
        _number(snapshot, zone, "airflow_setpoint"),
        _number(snapshot, zone, "airflow"),
    )
    if not wanted or airflow is None:
        return None
    return 100.0 * (wanted - airflow) / wanted


def _number(snapshot: Snapshot, machine: Equipment, role: str) -> float | None:
    point = machine.points.get(role)
    return None if point is None else snapshot.number(point)
