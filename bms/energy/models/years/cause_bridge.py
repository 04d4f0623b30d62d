"""From the baseline's energy to the reported one, cause by cause; the steps sum exactly.

E_r - E_b = weather + production + calendar + static + residual - savings + days left out.

What weather, production and the calendar did is asked of the baseline's model. Each is changed
before and after each of the others, and the average over all orders (Shapley) is its step: so the
sum is exact, and no cause is favoured by its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Final

import numpy as np

from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.daily_frames import Floats, Frame
from bms.energy.models.model_terms import Cause

CAUSES: Final = (Cause.WEATHER, Cause.PRODUCTION, Cause.CALENDAR)


@dataclass(frozen=True, slots=True)
class Bridge:
    """In kWh; positive where the reported period used more for it."""

    baseline_kwh: float
    reported_kwh: float
    causes: Mapping[Cause, float]
    static_kwh: Mapping[str, float]
    """Changes that people declared, by their reason: a hall built, a shift added."""
    savings_kwh: Mapping[str, float]
    """What measures saved, by name; positive where they saved."""
    left_out_kwh: float
    """The difference of days that the model refuses or nobody measured."""
    residual_kwh: float
    """What nothing explains."""

    def steps(self) -> list[tuple[str, float]]:
        """Every step in order; their sum is `reported_kwh - baseline_kwh`."""
        return [
            *((cause.value, kwh) for cause, kwh in self.causes.items()),
            *self.static_kwh.items(),
            *((name, -kwh) for name, kwh in self.savings_kwh.items()),
            ("left out", self.left_out_kwh),
            ("residual", self.residual_kwh),
        ]


def shapley(
    players: Sequence[Cause], value: Callable[[frozenset[Cause]], float]
) -> dict[Cause, float]:
    """What each player adds on average over all orders; sums to value(all) - value(none)."""
    count = len(players)
    known = {
        frozenset(chosen): value(frozenset(chosen))
        for size in range(count + 1)
        for chosen in combinations(players, size)
    }
    shares = {}
    for player in players:
        others = [other for other in players if other != player]
        shares[player] = math.fsum(
            factorial(size)
            * factorial(count - size - 1)
            / factorial(count)
            * (known[frozenset((*chosen, player))] - known[frozenset(chosen)])
            for size in range(count)
            for chosen in combinations(others, size)
        )
    return shares


def bridge(
    model: BaselineModel,
    pairs: tuple[Frame, Frame],
    totals: tuple[float, float],
    *,
    static_kwh: Mapping[str, float] | None = None,
    savings_kwh: Mapping[str, float] | None = None,
) -> Bridge:
    """Explain `totals` (reported, baseline kWh) by `pairs` (reported, baseline): frames whose rows
    answer each other, the same date of either year. A day that one year has more (29 February) is
    paired with 28 February, which then stands twice; what it adds is the calendar's.

    Rows that the model refuses, or whose energy is not known, are left out of both.
    """
    reported, baseline = pairs
    usable = (
        model.predict(reported).inside
        & model.predict(baseline).inside
        & reported.known
        & baseline.known
    )
    ours, theirs = reported.where(usable), baseline.where(usable)
    once, once_before = _first_use(ours), _first_use(theirs)

    def value(changed: frozenset[Cause]) -> float:
        mixed = _mixed(ours, theirs, changed)
        means = model.mean_of(mixed)
        weights = once if Cause.CALENDAR in changed else once_before
        return math.fsum(means * weights)

    causes = shapley(CAUSES, value)
    static, savings = dict(static_kwh or {}), dict(savings_kwh or {})
    compared = math.fsum(ours.kwh * once) - math.fsum(theirs.kwh * once_before)
    change = totals[0] - totals[1]
    left_out = change - compared
    residual = math.fsum(
        (
            change,
            -left_out,
            *(-kwh for kwh in causes.values()),
            *(-kwh for kwh in static.values()),
            *savings.values(),
        )
    )
    return Bridge(totals[1], totals[0], causes, static, savings, left_out, residual)


def _first_use(frame: Frame) -> Floats:
    """1 for the first row of a day, 0 where it stands for another one once more."""
    seen: set[object] = set()
    uses = []
    for day in frame.days:
        uses.append(0.0 if day in seen else 1.0)
        seen.add(day)
    return np.array(uses, np.float64)


def _mixed(ours: Frame, theirs: Frame, changed: frozenset[Cause]) -> Frame:
    def side(cause: Cause) -> Frame:
        return ours if cause in changed else theirs

    return Frame(
        ours.days,
        ours.kwh,
        side(Cause.WEATHER).outdoor_c,
        side(Cause.PRODUCTION).drivers,
        side(Cause.CALENDAR).classes,
    )
