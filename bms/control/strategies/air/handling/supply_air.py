"""Supply air: what it is aimed at, and how coils and outdoor air are split over one loop. Pure.

Guideline 36, 5.16.2 and 5.18: one loop from full heating over nothing to full cooling, so that the
two coils are never open together; while outdoor air cools it has the first half of cooling. A
machine with one zone takes supply temperature and fan from the zone: half of its loop moves the
temperature, the other half the fan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

from bms.control.blocks.loops.pid import SUPPLY_AIR, PidRules, PidState, regulate, track
from bms.control.blocks.resets.linear_reset import Line
from bms.control.strategies.air.air_parameters import AirParameters
from bms.control.strategies.air.handling.occupancy_modes import AirMode
from bms.texts.messages import Message, msg

LOOP = replace(SUPPLY_AIR, direct=True, low_pct=-100.0)
ZONE_COOLING = PidRules(20.0, 900.0, direct=True)
ZONE_HEATING = PidRules(20.0, 900.0)
"""Per kelvin of a zone: twice the gain of Guideline 36's terminals, since nothing stands between
this loop and the coil (D)."""
STATIC = PidRules(10.0, 60.0)
DEADBAND_PCT = 10.0
"""Of a zone's loop, in which nothing is done (control reference, 6)."""
HALF_PCT = 50.0
NEAR_K, FAR_K = 0.5, 1.5
"""Rooms so far off need more than their loop says, and everything (D)."""


class Aim(NamedTuple):
    """What supply air is held at; None: coils rest."""

    supply_c: float | None
    reason: Message
    low_pct: float = -100.0
    """How far the loop may heat."""
    high_pct: float = 100.0
    """How far it may cool."""
    loose: bool = False
    """Any air above it will do: nobody asks a plant for it."""


@dataclass(frozen=True, slots=True)
class ZoneLoops:
    """What one zone needs, 0 to 100 % of cooling and of heating."""

    cooling: PidState = field(default_factory=PidState)
    heating: PidState = field(default_factory=PidState)


class Needs(NamedTuple):
    """What zones need, 0 to 100 %."""

    cooling_pct: float
    heating_pct: float


class Split(NamedTuple):
    """The loop's output, shared out."""

    cooling_pct: float
    heating_pct: float
    outdoor_pct: float
    """Of what outdoor air can give above its minimum."""


def follow_zone(
    loops: ZoneLoops,
    too_warm_k: float | None,
    too_cold_k: float | None,
    running: bool,
    watched_s: float,
) -> ZoneLoops:
    """The loops of the zones at a look: by how much the warmest is too warm, the coldest too cold.

    One of the two rests while the other works. Not known (None): both stand.
    """
    if not running:
        return ZoneLoops(track(loops.cooling, 0.0, watched_s), track(loops.heating, 0.0, watched_s))
    cooling = regulate(loops.cooling, ZONE_COOLING, 0.0, too_warm_k, watched_s)
    cold_k = None if too_cold_k is None else -too_cold_k
    heating = regulate(loops.heating, ZONE_HEATING, 0.0, cold_k, watched_s)
    if too_cold_k is not None and too_cold_k >= max(too_warm_k or 0.0, 0.0):
        cooling = track(cooling, 0.0, watched_s)
    elif too_warm_k is not None and too_warm_k >= 0.0:
        heating = track(heating, 0.0, watched_s)
    return ZoneLoops(cooling, heating)


def needs(loops: ZoneLoops, too_warm_k: float | None, too_cold_k: float | None) -> Needs:
    """What the zones need: the loops, and all of it at once in rooms that are far off. A loop alone
    takes an hour to find out in the morning."""
    return Needs(
        max(loops.cooling.output_pct, _far_off_pct(too_warm_k)),
        max(loops.heating.output_pct, _far_off_pct(too_cold_k)),
    )


def _far_off_pct(off_k: float | None) -> float:
    if off_k is None:
        return 0.0
    return min(max(100.0 * (off_k - NEAR_K) / (FAR_K - NEAR_K), 0.0), 100.0)


def aim_of_zone(zone: Needs, parameters: AirParameters, heating_c: float) -> Aim:
    """Supply air of a machine with one zone: the first half of its need."""
    cooling, heating = zone
    if cooling > max(heating, DEADBAND_PCT):
        mildest_c = max(parameters.supply_max_c, heating_c)
        line = Line(DEADBAND_PCT, mildest_c, HALF_PCT, parameters.supply_min_c)
        reason = msg("the zone needs {need_pct:.0f} % of cooling", need_pct=cooling)
        return Aim(line.at(cooling), reason, low_pct=0.0)
    if heating > DEADBAND_PCT:
        warmest_c = max(parameters.supply_warm_c, heating_c)
        line = Line(DEADBAND_PCT, heating_c, HALF_PCT, warmest_c)
        reason = msg("the zone needs {need_pct:.0f} % of heating", need_pct=heating)
        return Aim(line.at(heating), reason, high_pct=0.0)
    reason = msg("the zone needs neither heat nor cold")
    return Aim(parameters.supply_min_c, reason, high_pct=0.0, loose=True)


def speed_of_zone(zone: Needs, least_pct: float) -> float:
    """The fan of a machine with one zone: the second half of its need."""
    return Line(HALF_PCT, least_pct, 100.0, 100.0).at(max(zone))


def aim_in_mode(mode: AirMode, parameters: AirParameters, heats: bool) -> Aim | None:
    """What supply air is held at in modes without people; None: as while they are there."""
    if mode in (AirMode.COOL_DOWN, AirMode.SETUP):
        return Aim(parameters.supply_min_c, msg("rooms are cooled for people to come"))
    if mode in (AirMode.WARM_UP, AirMode.SETBACK, AirMode.FREEZE_SETBACK):
        supply_c = parameters.supply_warm_c if heats else parameters.supply_max_c
        return Aim(supply_c, msg("rooms are heated"), high_pct=0.0)
    if mode in (AirMode.VENTILATION, AirMode.PURGE):
        return Aim(None, msg("air without heating or cooling"), 0.0, 0.0)
    return None


def hold(
    loop: PidState, aim: Aim, supply_c: float | None, limits: tuple[float, float], watched_s: float
) -> PidState:
    """The loop at a look; `limits` are what the machine's coils can do, -100 to 100."""
    if aim.supply_c is None:
        return track(loop, 0.0, watched_s)
    rules = replace(
        LOOP, low_pct=max(aim.low_pct, limits[0]), high_pct=min(aim.high_pct, limits[1])
    )
    return regulate(loop, rules, aim.supply_c, supply_c, watched_s)


def split(output_pct: float, economizer: bool, own_cooling: bool) -> Split:
    """Outdoor air first where it cools, then the coil. `own_cooling`: the controller has its
    valve; otherwise outdoor air gets the whole of the loop."""
    if output_pct <= 0.0:
        return Split(0.0, -output_pct, 0.0)
    if not economizer:
        return Split(output_pct, 0.0, 0.0)
    if not own_cooling:
        return Split(0.0, 0.0, output_pct)
    return Split(max(2.0 * output_pct - 100.0, 0.0), 0.0, min(2.0 * output_pct, 100.0))
