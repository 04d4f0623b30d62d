"""The load of a plant and the shares at which it is staged. Pure.

Guideline 36, 5.20.4 and 5.21.3 (control reference, 3 and 4). Qreq = rho cp V dT as a mean over
5 min, held while the plant changes its stage, for 15 min at least; OPLR = Qreq by the design
capacity of the stage; SPLR is the share at which a stage is left: 0.90 with a constant-speed
centrifugal machine, 0.80 with screws and scrolls alone, and between 0.45 and 0.90 by the lift with
variable speed, which saves most at part load when the lift is small.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.inputs.moving_mean import MeanState, average, mean_of
from bms.core.machines.relations import Compressor

KWH_PER_M3K = 1.163
"""Heat of a cubic metre of water for each kelvin (control reference, 9)."""
HELD_S = 900.0
FAILSAFE_K = 1.0
FAILSAFE_KPA = 13.8
CONSTANT_SPEED = 0.90
POSITIVE_DISPLACEMENT = 0.80
VARIABLE_SPEED = (0.45, 0.90)


def water_kw(flow_m3h: float, warm_c: float, cold_c: float) -> float:
    """Thermal power of a flow between two temperatures; negative if the cold one is warmer.

    For a plant the leaving temperature is its setpoint: what is asked, not what is given.
    """
    return KWH_PER_M3K * flow_m3h * (warm_c - cold_c)


@dataclass(frozen=True, slots=True)
class LoadState:
    """The load of a plant as it is reckoned."""

    mean: MeanState = field(default_factory=MeanState)
    held_kw: float | None = None
    held_since_s: float | None = None

    @property
    def load_kw(self) -> float | None:
        """What the plant is staged by; None if it is not known."""
        return mean_of(self.mean) if self.held_kw is None else self.held_kw


def reckon_load(
    state: LoadState, now_kw: float | None, watched_s: float, staging: bool = False
) -> LoadState:
    """The load at a look. `now_kw` None: an input is not good; after 5 min there is no load.

    `staging`: the plant changes its stage now. The load from before it stands meanwhile.
    """
    before = state.load_kw
    mean = average(state.mean, now_kw, watched_s)
    since_s = state.held_since_s
    if staging:
        since_s = holds_since(True, since_s, watched_s)
    elif since_s is not None and (since_s > watched_s or held_for(since_s, HELD_S, watched_s)):
        since_s = None
    if since_s is None:
        return LoadState(mean)
    held_kw = state.held_kw if state.held_since_s is not None else before
    return LoadState(mean, held_kw, since_s)


def operating_share(load_kw: float, capacity_kw: float) -> float:
    """OPLR: the load by the design capacity of a stage, as a part of 1."""
    return load_kw / capacity_kw if capacity_kw > 0.0 else float("inf")


@dataclass(frozen=True, slots=True)
class Lift:
    """Condenser return minus chilled-water supply in kelvin: now, and within what it can be."""

    now_k: float
    least_k: float
    most_k: float


def variable_speed_share(lift: Lift | None) -> float:
    """SPLR of variable speed; the highest where the lift is not known."""
    low, high = VARIABLE_SPEED
    if lift is None or lift.most_k <= lift.least_k:
        return high
    range_k = lift.most_k - lift.least_k
    share = 0.9 * (lift.now_k + 0.4 * lift.most_k - 1.4 * lift.least_k) / range_k
    return min(max(share, low), high)


def share_to_go_up(
    here: Collection[Compressor], above: Collection[Compressor], lift: Lift | None
) -> float:
    """SPLR above which the next stage is taken; both stages by what turns their machines."""
    return _share(above, here, lift)


def share_to_go_down(
    here: Collection[Compressor], below: Collection[Compressor], lift: Lift | None
) -> float:
    """SPLR of the lower stage below which it suffices."""
    return _share(here, below, lift)


def _share(
    larger: Collection[Compressor], smaller: Collection[Compressor], lift: Lift | None
) -> float:
    if Compressor.CONSTANT_CENTRIFUGAL in larger:
        return CONSTANT_SPEED
    if smaller and all(kind is Compressor.POSITIVE_DISPLACEMENT for kind in smaller):
        return POSITIVE_DISPLACEMENT
    return variable_speed_share(lift)


def supply_fails(
    supply_c: float | None,
    setpoint_c: float | None,
    pressure_kpa: float | None = None,
    pressure_setpoint_kpa: float | None = None,
) -> bool:
    """Whether a chilled-water plant gives too little now, whatever its load is reckoned to be.

    More than 1 K above its setpoint, or 13.8 kPa below that of the pressure; None is not judged.
    It has to last 15 min before a stage is added.
    """
    warm = supply_c is not None and setpoint_c is not None and supply_c > setpoint_c + FAILSAFE_K
    weak = (
        pressure_kpa is not None
        and pressure_setpoint_kpa is not None
        and pressure_kpa < pressure_setpoint_kpa - FAILSAFE_KPA
    )
    return warm or weak
