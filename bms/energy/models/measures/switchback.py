"""Two ways of running a plant, changed from day to day on a drawn plan, and their difference.

The strongest proof there is, on the user's own plant: whatever else changes from day to day falls
on both ways alike. The plan is a function of its seed, so that nobody can choose the days.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Final

import numpy as np

from bms.energy.models.baseline_model import BaselineModel, bend_slopes
from bms.energy.models.daily_frames import Frame
from bms.energy.models.least_squares import fitted
from bms.energy.models.measures.saving_methods import Method, Saving
from bms.energy.models.model_choice import CannotFit, fit
from bms.energy.models.model_terms import columns_of
from bms.energy.models.student import Estimate
from bms.texts.messages import msg

BLOCK_WEEKS: Final = 2
"""In each block every weekday is once on and once off."""
LEAST_DAYS: Final = 14
"""Of either way: with fewer, weather and weeks cannot be told from it."""


def plan(days: Sequence[date], seed: int) -> dict[date, bool]:
    """On which days the strategy is on: drawn for pairs of the same weekday in two weeks' blocks.

    The same first day and seed give the same plan, however many days follow. A day whose partner is
    not among `days` is drawn by itself.
    """
    pairs: dict[tuple[int, int], list[date]] = defaultdict(list)
    ordered = sorted(set(days))
    for day in ordered:
        block = (day.toordinal() - ordered[0].toordinal()) // (7 * BLOCK_WEEKS)
        pairs[block, day.weekday()].append(day)
    found: dict[date, bool] = {}
    for (block, weekday), both in pairs.items():
        first_on = Random(f"{seed} {block} {weekday}").random() < 0.5
        for at, day in enumerate(both):
            found[day] = first_on == (at % 2 == 0)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Switchback:
    """What the strategy does on a day of it."""

    per_day: Estimate
    """The difference of a day with it, in kWh; below zero where it saves."""
    on_days: int
    off_days: int
    model: BaselineModel
    """Of all days, the strategy left out."""

    def saving(self, on_days: int | None = None) -> Saving:
        """S = -beta x days: of the days that were on, or of as many as one asks for."""
        days = self.on_days if on_days is None else on_days
        return Saving(Method.SWITCHBACK, self.per_day.scaled(-float(days)), days)


def switchback(frame: Frame, on: Mapping[date, bool], *, settling: bool = False) -> Switchback:
    """Measure the difference of the days that were on.

    Days that are not in `on` are left out. With `settling`, so is the first day after each change:
    where a store or heavy walls carry one day into the next. Raises CannotFit if fewer than
    `LEAST_DAYS` days of either way are known.
    """
    told = [day in on for day in frame.days]
    if settling:
        told = [
            known and on.get(date.fromordinal(day.toordinal() - 1), on.get(day)) == on.get(day)
            for known, day in zip(told, frame.days, strict=True)
        ]
    used = frame.where(np.array(told, np.bool_) & frame.known)
    switched = np.array([on[day] for day in used.days], np.float64)
    on_days = int(switched.sum())
    off_days = len(used) - on_days
    if min(on_days, off_days) < LEAST_DAYS:
        raise CannotFit(
            msg(
                "{on_days} days with the strategy and {off_days} without are known; {least} of "
                "either are needed",
                on_days=on_days,
                off_days=off_days,
                least=LEAST_DAYS,
            )
        )
    model = fit(used, least_days=2 * LEAST_DAYS)
    # The model is chosen without the strategy; its terms are then fitted together with it.
    complete = used.where(np.isfinite(model.mean_of(used)))
    column = np.array([on[day] for day in complete.days], np.float64)[:, None]
    columns = np.hstack((columns_of(model.terms, complete, model.bends), column))
    found = fitted(columns, complete.kwh, complete.ordinals, bend_slopes(model, complete))
    place = columns.shape[1] - 1
    parameters = found.covariance.shape[0]
    effect = Estimate(
        float(found.values[place]),
        math.sqrt(max(0.0, float(found.covariance[place, place]))),
        max(1.0, found.independent_days - parameters),
    )
    return Switchback(effect, int(column.sum()), len(complete) - int(column.sum()), model)
