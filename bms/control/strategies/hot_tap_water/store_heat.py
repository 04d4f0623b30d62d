"""What one store shows, and how hot it has to be. Pure.

A sensor at the bottom that stands still while heat for several kelvin goes in is frozen: it is not
believed, and the next one above it decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bms.control.blocks.delays import passed_s
from bms.control.blocks.replacing import replace
from bms.control.strategies.hot_tap_water.hot_tap_layout import KWH_M3K, StoreLayout
from bms.core.decisions import Snapshot
from drivers.points import PointId

SPAN_C: Final = (-5.0, 110.0)
STILL_K: Final = 0.2
FROZEN_K: Final = 4.0
"""So much heat, as kelvin of the whole store, moves a sensor at the bottom (D)."""
UNKNOWN_K_H: Final = 10.0
"""What a source heats where nobody wrote power and volume down (D)."""
START_K: Final = 1.0
STOP_K: Final = 3.0
"""A store is heated from so little above its target, until all of it is so far above (D)."""
TOLD_K: Final = 5.0
"""Sources with a thermostat are told so much more than the target: what they approach ever more
slowly is above what ends the heat (D)."""
DRAWN_K: Final = 10.0
"""A lowest sensor so far below the target says that much was drawn (D)."""
LONGEST_STEP_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class SensorState:
    """What is remembered of the sensors of a store."""

    anchors: Mapping[PointId, tuple[float, float]] = field(default_factory=dict)
    """By sensor: what it showed when it last moved, and the heat until then."""
    heated_k: float = 0.0
    """Heat that went in so far, as kelvin of the whole store."""
    since_s: float | None = None
    frozen: tuple[PointId, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreSeen:
    """What a store shows; None: no sensor is believed."""

    top_c: float | None = None
    low_c: float | None = None
    """The lowest sensor that is believed."""
    hottest_c: float | None = None
    layers: int = 0
    """So many sensors are believed."""


def judge_sensors(
    store: StoreLayout, state: SensorState, snapshot: Snapshot, heating_kw: float
) -> SensorState:
    """The sensors at a look, with the power of what heats now."""
    now_s = snapshot.watched_s
    heated = state.heated_k
    if state.since_s is not None:
        step_h = min(LONGEST_STEP_S, passed_s(state.since_s, now_s)) / 3600.0
        rate_k_h = UNKNOWN_K_H
        if store.volume_m3 is not None and heating_kw:
            rate_k_h = heating_kw / (KWH_M3K * store.volume_m3)
        heated += rate_k_h * step_h
    anchors, frozen = dict(state.anchors), list(state.frozen)
    lowest: PointId | None = None
    for point in store.sensors:
        shown = shown_c(snapshot, point)
        if shown is None:
            anchors.pop(point, None)
            continue
        before = anchors.get(point)
        if before is None or abs(shown - before[0]) >= STILL_K:
            anchors[point] = (shown, heated)
            if point in frozen:
                frozen.remove(point)
        if point not in frozen:
            lowest = point
    if lowest is not None and heated - anchors[lowest][1] >= FROZEN_K:
        frozen.append(lowest)
        # The next one is judged from here on.
        anchors = {point: (shown, heated) for point, (shown, _) in anchors.items()}
    after = replace(
        state,
        anchors=anchors,
        heated_k=heated,
        since_s=now_s if heating_kw else None,
        frozen=tuple(frozen),
    )
    return state if after == state else after


def seen(store: StoreLayout, state: SensorState, snapshot: Snapshot) -> StoreSeen:
    """What the believed sensors of a store show."""
    shown = [
        value
        for point in store.sensors
        if point not in state.frozen and (value := shown_c(snapshot, point)) is not None
    ]
    return StoreSeen(shown[0], shown[-1], max(shown), len(shown)) if shown else StoreSeen()


def shown_c(snapshot: Snapshot, point: PointId) -> float | None:
    """What a sensor shows; None if it is not good, or cannot be."""
    value = snapshot.number(point)
    low, high = SPAN_C
    return value if value is not None and low <= value <= high else None


def needs_heat(heating: bool, store: StoreSeen, target_c: float) -> bool:
    """Whether a store is heated: until all of it is hot, from when its top is about to cool, or
    much was drawn. Nothing known: no."""
    if store.top_c is None or store.low_c is None:
        return False
    if store.hottest_c is not None and store.hottest_c >= target_c + TOLD_K:
        return False  # heat comes in below and rises: one that shows less is cold water, or lies
    if heating:
        return store.low_c < target_c + STOP_K
    drawn = store.layers > 1 and store.low_c < target_c - DRAWN_K
    return store.top_c < target_c + START_K or drawn
