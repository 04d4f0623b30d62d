"""How the savings of many measures add up to that of the main meter, without counting twice.

A meter's days belong to one measure, or to one bundle: measures on the same meter whose starts lie
close cannot be told apart. Savings are then reconciled with what the main meter shows, each moved
by as much as it is unsure: S*_m = S_m - u_m² (sum S - A) / (u_A² + sum u²). What is left stays a
line of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np

from bms.energy.models.baseline_model import BaselineModel, bend_slopes
from bms.energy.models.daily_frames import Floats, Frame
from bms.energy.models.least_squares import fitted
from bms.energy.models.model_choice import CannotFit
from bms.energy.models.model_terms import columns_of
from bms.energy.models.student import Estimate
from bms.texts.messages import msg

APART_DAYS: Final = 30
MOST_INFLATION: Final = 10.0
"""A step whose variance the others inflate by more (VIF) cannot be told from them."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """Savings of measures against the saving of the main meter, in kWh."""

    main: Estimate
    measures: Mapping[str, Estimate]
    """As each was measured."""
    reconciled_kwh: Mapping[str, float]
    residual_kwh: float
    """Of the main meter's saving, what no measure claims."""

    @property
    def moved_kwh(self) -> float:
        """By how much all measures together were moved."""
        return math.fsum(self.reconciled_kwh.values()) - math.fsum(
            estimate.value for estimate in self.measures.values()
        )


def reconcile(main: Estimate, measures: Mapping[str, Estimate]) -> Reconciled:
    """The savings moved towards the main meter, each by its share of the doubt.

    `reconciled + residual` is the main meter's saving. A figure without doubt is not moved.
    """
    excess = math.fsum(estimate.value for estimate in measures.values()) - main.value
    doubt = main.error**2 + math.fsum(estimate.error**2 for estimate in measures.values())
    moved = {
        name: estimate.value - (estimate.error**2 * excess / doubt if doubt > 0.0 else 0.0)
        for name, estimate in measures.items()
    }
    residual = math.fsum((main.value, *(-kwh for kwh in moved.values())))
    return Reconciled(main, dict(measures), moved, residual)


def bundles(starts: Mapping[str, date]) -> list[tuple[str, ...]]:
    """Measures of one meter in order of their starts; those less than 30 days apart together."""
    ordered = sorted(starts, key=lambda name: (starts[name], name))
    found: list[list[str]] = [[name] for name in ordered[:1]]
    for before, name in pairwise(ordered):
        if (starts[name] - starts[before]).days < APART_DAYS:
            found[-1].append(name)
        else:
            found.append([name])
    return [tuple(bundle) for bundle in found]


def inflation(columns: Floats, at: int) -> float:
    """By how much the other columns inflate the variance of one (VIF), 1 or more."""
    others = np.delete(columns, at, axis=1)
    column = columns[:, at]
    explained, *_ = np.linalg.lstsq(others, column, rcond=None)
    left = column - others @ explained
    centred = column - column.mean()
    size = float(centred @ centred)
    rest = float(left @ left)
    return math.inf if rest <= 1e-12 * max(size, 1e-300) else max(1.0, size / rest)


def joint_steps(
    model: BaselineModel, frame: Frame, starts: Mapping[str, date]
) -> dict[tuple[str, ...], Estimate]:
    """What each measure on one meter saved a day, fitted together on all days, before and after.

    `model` tells the terms that drive the meter. Bundles that the others hide (VIF above 10) are
    joined with the one before. Keys are the bundles, in order of their starts. Raises CannotFit if
    the first step has no day before it.
    """
    used = frame.where(frame.known & np.isfinite(model.mean_of(frame)))
    first = min(starts.values(), default=None)
    if first is None:
        return {}
    if not len(used) or used.days[0] >= first:
        raise CannotFit(msg("there is no day before {day} to compare with", day=first))
    groups = bundles(starts)
    base = columns_of(model.terms, used, model.bends)
    while True:
        steps = _steps(used, [min(starts[name] for name in group) for group in groups])
        columns = np.hstack((base, steps))
        hidden = [
            at
            for at in range(1, len(groups))
            if inflation(columns, base.shape[1] + at) > MOST_INFLATION
        ]
        if not hidden:
            break
        at = hidden[0]
        groups[at - 1 : at + 1] = [(*groups[at - 1], *groups[at])]
    found = fitted(columns, used.kwh, used.ordinals, bend_slopes(model, used))
    freedom = max(1.0, found.independent_days - found.covariance.shape[0])
    return {
        group: Estimate(
            -float(found.values[base.shape[1] + at]),
            math.sqrt(max(0.0, float(found.covariance[base.shape[1] + at, base.shape[1] + at]))),
            freedom,
        )
        for at, group in enumerate(groups)
    }


def _steps(frame: Frame, starts: Sequence[date]) -> Floats:
    """A column for each start: 1 from that day on."""
    rows = [[float(day >= start) for start in starts] for day in frame.days]
    return np.array(rows, np.float64).reshape(len(frame), len(starts))
