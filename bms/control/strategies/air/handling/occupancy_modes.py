"""Modes of an air handler: which of several reasons to run wins. Pure.

Guideline 36, 5.4 and 5.15: occupied, cool-down, setup, warm-up, setback, freeze setback,
unoccupied; the first that holds. Beside them what this product knows: ventilation without coils,
night purge, and isolation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean
from typing import NamedTuple

from bms.control.strategies.air.air_parameters import AirParameters
from bms.texts.messages import Message, msg

ZONES_ENOUGH = 5
"""So many zones that are too cold or too warm make the whole handler run, or all of fewer."""
REST_HYSTERESIS_K = 1.0
FROST_HYSTERESIS_K = 3.0


class AirMode(StrEnum):
    """What an air handler is doing, and for whom."""

    OCCUPIED = "occupied"
    COOL_DOWN = "cool-down"
    SETUP = "setup"
    WARM_UP = "warm-up"
    SETBACK = "setback"
    FREEZE_SETBACK = "freeze-setback"
    VENTILATION = "ventilation"
    PURGE = "purge"
    UNOCCUPIED = "unoccupied"
    ISOLATED = "isolated"

    @property
    def runs(self) -> bool:
        return self not in (AirMode.UNOCCUPIED, AirMode.ISOLATED)

    @property
    def people(self) -> bool:
        """Outdoor air is owed to somebody."""
        return self in (AirMode.OCCUPIED, AirMode.VENTILATION)

    @property
    def cools(self) -> bool:
        return self in (AirMode.OCCUPIED, AirMode.COOL_DOWN, AirMode.SETUP)

    @property
    def heats(self) -> bool:
        return self in (
            AirMode.OCCUPIED, AirMode.WARM_UP, AirMode.SETBACK, AirMode.FREEZE_SETBACK,
        )  # fmt: skip


class Called(NamedTuple):
    """A mode, and the numbers that called for it."""

    mode: AirMode
    reason: Message


@dataclass(frozen=True, slots=True)
class RestRules:
    """What makes a machine run although nobody is there."""

    heats: bool
    cools: bool
    parameters: AirParameters


def resting(zones_c: Sequence[float], rules: RestRules, before: AirMode) -> Called:
    """The mode while nobody is there, by the temperatures of its zones that are good."""
    p = rules.parameters
    if zones_c:
        warm_c = p.rest_cooling_c - (REST_HYSTERESIS_K if before is AirMode.SETUP else 0.0)
        if rules.cools and _too_many([t > warm_c for t in zones_c], fmean(zones_c) > warm_c):
            return Called(
                AirMode.SETUP,
                msg(
                    "rooms at {warmest_c:.1f} degC, above {limit_c:g} degC",
                    warmest_c=max(zones_c),
                    limit_c=warm_c,
                ),
            )
        cold_c = p.rest_heating_c + (REST_HYSTERESIS_K if before is AirMode.SETBACK else 0.0)
        if rules.heats and _too_many([t < cold_c for t in zones_c], fmean(zones_c) < cold_c):
            mode = AirMode.SETBACK
            return Called(mode, _too_cold(min(zones_c), cold_c))
        frozen = before is AirMode.FREEZE_SETBACK
        frost_c = p.frost_c + (FROST_HYSTERESIS_K if frozen else 0.0)
        if rules.heats and min(zones_c) < frost_c:
            return Called(AirMode.FREEZE_SETBACK, _too_cold(min(zones_c), frost_c))
    return Called(AirMode.UNOCCUPIED, msg("nobody is there"))


def _too_many(beyond: Sequence[bool], mean_beyond: bool) -> bool:
    return mean_beyond or sum(beyond) >= min(ZONES_ENOUGH, len(beyond))


def _too_cold(coldest_c: float, limit_c: float) -> Message:
    return msg(
        "rooms at {coldest_c:.1f} degC, below {limit_c:g} degC",
        coldest_c=coldest_c,
        limit_c=limit_c,
    )


def early(coldest_k: float | None, warmest_k: float | None) -> Called:
    """The mode before people come: by how much the coldest zone is below what it is heated to,
    and the warmest above what it is cooled to; not known (None): as if people were there."""
    if warmest_k is not None and warmest_k > 0.0 and warmest_k >= (coldest_k or 0.0):
        return Called(
            AirMode.COOL_DOWN,
            msg("the warmest zone is {above_k:.1f} K too warm", above_k=warmest_k),
        )
    if coldest_k is not None and coldest_k > 0.0:
        return Called(
            AirMode.WARM_UP, msg("the coldest zone is {below_k:.1f} K too cold", below_k=coldest_k)
        )
    return Called(AirMode.OCCUPIED, msg("rooms are ready"))
