"""What a model of daily consumption is made of: its terms, and the days it can speak for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from bms.energy.models.change_points import degree_columns
from bms.energy.models.daily_frames import AFTER, BEFORE, WORK, Bools, Floats, Frame
from bms.texts.messages import Message, msg

MARGIN: Final = 0.1
"""A driver may lie beyond what the baseline has seen by this share of the range it has seen."""
_FEW_DAYS: Final = 3
"""A class of days that occurs more rarely tells nothing of itself."""
OUTDOOR: Final = "outdoor_c"


class Cause(StrEnum):
    """Why consumption changes from one day to the next."""

    BASE = "base load"
    WEATHER = "weather"
    PRODUCTION = "production"
    CALENDAR = "calendar"


class Term(NamedTuple):
    """One column of a model. Names of drivers are those of the site's files."""

    cause: Cause
    name: str


INTERCEPT: Final = Term(Cause.BASE, "intercept")
HEATING: Final = Term(Cause.WEATHER, "heating")
COOLING: Final = Term(Cause.WEATHER, "cooling")


def calendar_terms(frame: Frame) -> list[Term]:
    """The calendar terms that a frame's known days can tell apart from working days."""
    known = [told for told, usable in zip(frame.classes, frame.known, strict=True) if usable]
    counts = Counter(told.name for told in known)
    names = [name for name in sorted(counts) if name != WORK and counts[name] >= _FEW_DAYS]
    if len(names) == len(counts):  # no usual working day: the most frequent class is the base
        names.remove(max(names, key=lambda name: counts[name]))
    names += [
        name
        for name, count in (
            (BEFORE, sum(told.before > 0 for told in known)),
            (AFTER, sum(told.after > 0 for told in known)),
        )
        if count >= _FEW_DAYS
    ]
    return [Term(Cause.CALENDAR, name) for name in names]


def columns_of(
    terms: Sequence[Term], frame: Frame, bends: tuple[float | None, float | None]
) -> Floats:
    """The columns of some terms (days x terms); `bends` are the heating and cooling points."""
    heating = cooling = None
    if frame.outdoor_c is not None:
        heating, cooling = (
            degree_columns(points, frame.outdoor_c)[0] if at is not None else None
            for at, points in ((bends[0], (bends[0], None)), (bends[1], (None, bends[1])))
        )
    columns: list[Floats] = []
    for term in terms:
        if term == INTERCEPT:
            columns.append(np.ones(len(frame)))
        elif term.cause is Cause.WEATHER:
            column = heating if term == HEATING else cooling
            columns.append(np.full(len(frame), np.nan) if column is None else column)
        elif term.cause is Cause.CALENDAR:
            columns.append(_calendar_column(term.name, frame))
        else:
            found = frame.drivers.get(term.name)
            columns.append(np.full(len(frame), np.nan) if found is None else found)
    return np.column_stack(columns) if columns else np.empty((len(frame), 0))


def _calendar_column(name: str, frame: Frame) -> Floats:
    if name == BEFORE:
        return np.array([told.before for told in frame.classes], np.float64)
    if name == AFTER:
        return np.array([told.after for told in frame.classes], np.float64)
    return np.array([told.name == name for told in frame.classes], np.float64)


@dataclass(frozen=True, slots=True)
class Outside:
    """A day that a model cannot speak for, and why."""

    day: date
    driver: str
    value: float | None = None
    """None where it is not known, or where it is no number."""
    low: float = 0.0
    high: float = 0.0

    def text(self) -> Message:
        """One sentence for people."""
        return self.text_of(str(self.day))

    def text_of(self, days: str) -> Message:
        """The same of a run of days that are outside for the same reason."""
        driver = msg("the outdoor temperature") if self.driver == OUTDOOR else self.driver
        if self.low == self.high == 0.0 and self.value is None:
            return msg(
                "{day}: the baseline has too few days of this kind ({driver})",
                day=days,
                driver=driver,
            )
        if self.value is None:
            return msg("{day}: {driver} is not known", day=days, driver=driver)
        return msg(
            "{day}: {driver} {amount:g} lies beyond {low:g} … {high:g}, what the baseline has "
            "seen and a tenth of it more",
            day=days,
            driver=driver,
            amount=self.value,
            low=self.low,
            high=self.high,
        )


@dataclass(frozen=True, slots=True)
class Support:
    """What the baseline has seen."""

    ranges: Mapping[str, tuple[float, float]]
    """The least and the most of each driver, used by the model or not."""
    classes: frozenset[str]
    """The classes of days that occur often enough."""

    @classmethod
    def of(cls, frame: Frame) -> Support:
        """Of the days of a frame."""
        columns = dict(frame.drivers)
        if frame.outdoor_c is not None:
            columns[OUTDOOR] = frame.outdoor_c
        ranges = {
            name: (float(np.nanmin(column)), float(np.nanmax(column)))
            for name, column in columns.items()
            if np.isfinite(column).any()
        }
        counts = Counter(told.name for told in frame.classes)
        return cls(ranges, frozenset(n for n, count in counts.items() if count >= _FEW_DAYS))

    def limits(self, driver: str) -> tuple[float, float]:
        """How far a driver may go."""
        low, high = self.ranges[driver]
        spare = MARGIN * (high - low)
        return low - spare, high + spare

    def outside(self, frame: Frame, needed: Sequence[str]) -> list[Outside]:
        """The days of a frame that cannot be spoken for; `needed` drivers have to be known."""
        found = [
            Outside(day, told.name)
            for day, told in zip(frame.days, frame.classes, strict=True)
            if told.name not in self.classes
        ]
        for driver in self.ranges:
            column = frame.outdoor_c if driver == OUTDOOR else frame.drivers.get(driver)
            low, high = self.limits(driver)
            if column is None:
                column = np.full(len(frame), np.nan)
            beyond = (column < low) | (column > high)
            unknown = np.isnan(column) if driver in needed else np.zeros(len(frame), np.bool_)
            for at in np.flatnonzero(beyond | unknown):
                amount = None if np.isnan(column[at]) else float(column[at])
                found.append(Outside(frame.days[at], driver, amount, low, high))
        return sorted(found, key=lambda item: (item.day, item.driver))


def inside(frame: Frame, outside: Sequence[Outside]) -> Bools:
    """The days of a frame that are not outside."""
    left_out = {item.day for item in outside}
    return np.array([day not in left_out for day in frame.days], np.bool_)
