"""Where heating ends and cooling begins: outdoor temperatures at which consumption bends.

Found by a grid over the temperatures that occur, then by finer ones around the best. All other
columns are taken out first, so that each pair of change points costs a division only.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bms.energy.models.daily_frames import Floats

_STEPS_K: Final = (1.0, 0.2, 0.05)
"""The grid, and the finer ones around what the one before found."""
_LEAST_DAYS: Final = 10
_LEAST_SHARE: Final = 0.05
"""A bend is believed only if so many days lie beyond it."""
_LEAST_LEFT: Final = 1e-6
"""A column of which the others explain more than all but this share tells nothing itself."""


class Weather(StrEnum):
    """In which way a model depends on the outdoor temperature."""

    NONE = "none"
    HEATING = "heating"
    COOLING = "cooling"
    BOTH = "heating and cooling"

    @property
    def heats(self) -> bool:
        return self in (Weather.HEATING, Weather.BOTH)

    @property
    def cools(self) -> bool:
        return self in (Weather.COOLING, Weather.BOTH)


class ChangePoints(NamedTuple):
    """The bends in °C, and what is left unexplained; a bend that the form has not is None."""

    heating_c: float | None
    cooling_c: float | None
    rss: float


def degree_columns(points: tuple[float | None, float | None], outdoor_c: Floats) -> list[Floats]:
    """Kelvins below the heating point and above the cooling point, as far as there are any."""
    heating_c, cooling_c = points
    columns = []
    if heating_c is not None:
        columns.append(np.maximum(0.0, heating_c - outdoor_c))
    if cooling_c is not None:
        columns.append(np.maximum(0.0, outdoor_c - cooling_c))
    return columns


def search(fixed: Floats, kwh: Floats, outdoor_c: Floats, form: Weather) -> ChangePoints | None:
    """The change points that leave least unexplained, with slopes above zero.

    `fixed` are the other columns. None if no slope is above zero anywhere, or if temperatures
    hardly vary.
    """
    if form is Weather.NONE:
        raise ValueError("nothing to search")
    basis = _basis(fixed)
    rest = kwh - basis @ (basis.T @ kwh)
    beyond = max(_LEAST_DAYS, int(_LEAST_SHARE * len(kwh)))
    ordered = np.sort(outdoor_c)
    if len(ordered) <= 2 * beyond:
        return None
    low_c, high_c = float(ordered[beyond]), float(ordered[-beyond - 1])
    if high_c - low_c < _STEPS_K[0]:
        return None
    heating = cooling = np.arange(low_c, high_c + 1e-9, _STEPS_K[0])
    found: ChangePoints | None = None
    for step, next_step in zip(_STEPS_K, (*_STEPS_K[1:], None), strict=True):
        better = _best(basis, rest, outdoor_c, form, (heating, cooling))
        if better is None:
            return found
        found = better
        if next_step is not None:
            heating, cooling = (
                _around(at, step, next_step, (low_c, high_c))
                for at in (found.heating_c, found.cooling_c)
            )
    return found


def _around(at: float | None, step: float, finer: float, limits: tuple[float, float]) -> Floats:
    if at is None:
        return np.empty(0)
    return np.asarray(np.clip(np.arange(at - step, at + step + finer / 2, finer), *limits))


def _basis(columns: Floats) -> Floats:
    """An orthonormal basis of what some columns span."""
    scale = np.linalg.norm(columns, axis=0)
    kept = columns[:, scale > 0.0] / scale[scale > 0.0]
    left, sizes, _ = np.linalg.svd(kept, full_matrices=False)
    return np.asarray(left[:, sizes > 1e-9 * sizes[0]], np.float64)


def _best(
    basis: Floats, rest: Floats, outdoor_c: Floats, form: Weather, grids: tuple[Floats, Floats]
) -> ChangePoints | None:
    """The best of a grid of heating and one of cooling points."""
    whole = float(rest @ rest)
    heating, cooling = grids
    if form.heats:
        cold, cold_y, cold_2, cold_ok = _columns(basis, rest, heating[None, :] - outdoor_c[:, None])
    if form.cools:
        warm, warm_y, warm_2, warm_ok = _columns(basis, rest, outdoor_c[:, None] - cooling[None, :])
    if form is not Weather.BOTH:
        y, size, ok = (cold_y, cold_2, cold_ok) if form.heats else (warm_y, warm_2, warm_ok)
        gain = np.where(ok & (y > 0.0), y * y / size, 0.0)
        at = int(np.argmax(gain))
        if gain[at] <= 0.0:
            return None
        rss = whole - float(gain[at])
        if form.heats:
            return ChangePoints(float(heating[at]), None, rss)
        return ChangePoints(None, float(cooling[at]), rss)
    cross = cold.T @ warm
    det = cold_2[:, None] * warm_2[None, :] - cross * cross
    apart = det > _LEAST_LEFT * cold_2[:, None] * warm_2[None, :]
    det = np.where(apart, det, 1.0)
    slope_cold = (cold_y[:, None] * warm_2[None, :] - warm_y[None, :] * cross) / det
    slope_warm = (warm_y[None, :] * cold_2[:, None] - cold_y[:, None] * cross) / det
    allowed = (
        apart
        & (slope_cold > 0.0)
        & (slope_warm > 0.0)
        & cold_ok[:, None]
        & warm_ok[None, :]
        & (heating[:, None] <= cooling[None, :])
    )
    gain = np.where(allowed, slope_cold * cold_y[:, None] + slope_warm * warm_y[None, :], 0.0)
    i, j = np.unravel_index(int(np.argmax(gain)), gain.shape)
    if gain[i, j] <= 0.0:
        return None
    return ChangePoints(float(heating[i]), float(cooling[j]), whole - float(gain[i, j]))


def _columns(
    basis: Floats, rest: Floats, degrees: Floats
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Degree columns without what the basis explains: with their products with what is left, their
    sizes, and whether anything is left of them."""
    raw = np.maximum(0.0, degrees)
    left = raw - basis @ (basis.T @ raw)
    sizes = np.einsum("ij,ij->j", left, left)
    before = np.einsum("ij,ij->j", raw, raw)
    usable = sizes > _LEAST_LEFT * np.maximum(before, 1e-300)
    return left, left.T @ rest, np.where(usable, sizes, 1.0), usable
