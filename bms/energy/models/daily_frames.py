"""Daily data of one meter, with what drives it: the table that models are fitted to.

A day that is not known is NaN, never zero.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bms.energy.comparing.festivals import AROUND, Holidays, moved

Floats: TypeAlias = NDArray[np.float64]
Bools: TypeAlias = NDArray[np.bool_]

WORK: Final = "work"
"""The class of usual working days: what the others are held against."""
FREE: Final = "free"
HOLIDAY_WEEK: Final = "holiday_week"
FESTIVAL: Final = "festival"
BEFORE: Final = "before_festival"
AFTER: Final = "after_festival"
_LONG_DAYS: Final = 5
"""A holiday of so many days stops plants that a single free day leaves running."""


@dataclass(frozen=True, slots=True)
class DayClass:
    """What a day is in the calendar."""

    name: str
    """`work`, `sat`, `sun`, `free` (a short holiday), `holiday_week` (a long one) or `festival`
    (a long one that falls on other dates every year)."""
    before: float = 0.0
    """How near a festival is that comes: 1 on the day before, falling to 0."""
    after: float = 0.0
    """The same of one that was: 1 on the first day after it."""


_WEEK: Final = {5: "sat", 6: "sun"}


def weekday_class(day: date) -> DayClass:
    """By the weekday alone, where no calendar is known."""
    return DayClass(_WEEK.get(day.weekday(), WORK))


def classes_of(holidays: Holidays, years: Iterable[int]) -> Callable[[date], DayClass]:
    """Tells the class of every day of `years`: festivals that move are aligned by their name."""
    asked = sorted(set(years))
    long = {
        found.name
        for one in asked
        for other in asked
        if one < other
        for found in moved(holidays, one, other)
        if found.long
    }
    zones = [run for year in asked for name, run in holidays.runs(year).items() if name in long]
    weeks = [
        run
        for year in asked
        for name, run in holidays.runs(year).items()
        if name not in long and run.days >= _LONG_DAYS
    ]

    def told(day: date) -> DayClass:
        if any(day in run for run in zones):
            return DayClass(FESTIVAL)
        if any(day in run for run in weeks):
            return DayClass(HOLIDAY_WEEK)
        before = max((_near((run.first - day).days) for run in zones), default=0.0)
        after = max((_near((day - run.last).days) for run in zones), default=0.0)
        if day in holidays.free:
            return DayClass(FREE, before, after)
        name = WORK if day in holidays.worked else _WEEK.get(day.weekday(), WORK)
        return DayClass(name, before, after)

    return told


def _near(distance: int) -> float:
    return (AROUND + 1 - distance) / AROUND if 0 < distance <= AROUND else 0.0


@dataclass(frozen=True)
class Frame:
    """One row per day, oldest first. All columns have the length of `days`."""

    days: tuple[date, ...]
    kwh: Floats
    """NaN where a day is not known in full."""
    outdoor_c: Floats | None = None
    """Mean outdoor temperature of each day; None where nobody measures it."""
    drivers: Mapping[str, Floats] = field(default_factory=dict)
    """Production, occupancy and the like, by name; NaN where unknown."""
    classes: tuple[DayClass, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.days)
        columns = [self.kwh, *self.drivers.values()]
        if self.outdoor_c is not None:
            columns.append(self.outdoor_c)
        if any(len(column) != count for column in columns) or len(self.classes) != count:
            raise ValueError("columns of a frame are as long as its days")

    @classmethod
    def of(
        cls,
        days: Sequence[date],
        kwh: Mapping[date, float | None],
        *,
        outdoor_c: Mapping[date, float] | None = None,
        drivers: Mapping[str, Mapping[date, float]] | None = None,
        class_of: Callable[[date], DayClass] | None = None,
    ) -> Self:
        """From values by day; what is not in a mapping is not known."""
        told = class_of or weekday_class
        return cls(
            tuple(days),
            _column(days, kwh),
            None if outdoor_c is None else _column(days, outdoor_c),
            {name: _column(days, values) for name, values in (drivers or {}).items()},
            tuple(told(day) for day in days),
        )

    def __len__(self) -> int:
        return len(self.days)

    @property
    def ordinals(self) -> Floats:
        """The day as a number, for what hangs together in time."""
        return np.array([day.toordinal() for day in self.days], np.float64)

    @property
    def known(self) -> Bools:
        """The days whose energy is known."""
        return np.isfinite(self.kwh)

    def where(self, mask: Bools) -> Frame:
        """The same with some of its days."""
        return self.rows([int(at) for at in np.flatnonzero(mask)])

    def rows(self, chosen: Sequence[int]) -> Frame:
        """The same with the rows at some places, in that order."""
        at = np.array(chosen, np.int64)
        return Frame(
            tuple(self.days[i] for i in chosen),
            self.kwh[at],
            None if self.outdoor_c is None else self.outdoor_c[at],
            {name: column[at] for name, column in self.drivers.items()},
            tuple(self.classes[i] for i in chosen),
        )

    def between(self, first: date, last: date) -> Frame:
        """Its days from `first` to `last`, both included."""
        return self.where(np.array([first <= day <= last for day in self.days], np.bool_))

    def digest(self) -> str:
        """What it holds, as a short hash: two models of one hash saw the same data."""
        text = hashlib.sha256()
        for i, day in enumerate(self.days):
            values = [self.kwh[i]]
            if self.outdoor_c is not None:
                values.append(self.outdoor_c[i])
            values += [self.drivers[name][i] for name in sorted(self.drivers)]
            told = self.classes[i]
            numbers = " ".join(f"{float(value):.9g}" for value in values)
            text.update(f"{day} {numbers} {told.name} {told.before:g} {told.after:g}\n".encode())
        return text.hexdigest()[:16]


def _column(days: Iterable[date], values: Mapping[date, float | None]) -> Floats:
    found = (values.get(day) for day in days)
    return np.array([np.nan if value is None else value for value in found], np.float64)
