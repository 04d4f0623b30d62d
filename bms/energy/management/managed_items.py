"""What is managed: goals, rounds, findings and measures, each as one frozen value. Pure.

Days are local days of the place that an item is about; amounts are kWh.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from bms.texts.field import Words as Said

Kwh: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Words: TypeAlias = Annotated[str, Field(min_length=1)]


class _Item(BaseModel):
    """One thing with its number, which it keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    number: int = Field(default=0, ge=0)
    """Given when it is kept; 0 before."""
    title: Words


class Level(StrEnum):
    """Whose goal it is."""

    COMPANY = "company"
    BASE = "base"
    AREA = "area"
    PERSON = "person"


RANKS: Final = tuple(Level)
"""From the whole to its parts."""


class Acknowledged(BaseModel):
    """That somebody knows a goal as theirs."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    by: Words
    at: AwareDatetime


class Goal(_Item):
    """What somebody may use in a year."""

    parent: int | None = None
    level: Level
    place: str = ""
    """A base, a group or a meter, whose energy counts; empty: all bases."""
    year: int
    budget_kwh: Kwh
    responsible: Words
    acknowledged: Acknowledged | None = None


class Visit(BaseModel):
    """One round that was made."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    on: date
    by: Words
    found: str = ""
    """What was seen; empty: nothing that is wrong."""


class Round(_Item):
    """A list of things that somebody looks at again and again."""

    place: Words
    """A base, a group, equipment, or an area by its own name."""
    look_at: tuple[Words, ...] = Field(min_length=1)
    every_days: int | None = Field(default=None, ge=1, le=366)
    first_day: date | None = None
    """From which `every_days` counts."""
    on_days: tuple[date, ...] = ()
    """Fixed days, in place of `every_days`."""
    responsible: Words
    visits: tuple[Visit, ...] = ()

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if (self.every_days is None) == (not self.on_days):
            raise ValueError("either every so many days, or on fixed days")
        if self.every_days is not None and self.first_day is None:
            raise ValueError("a first day is missing")
        return self


class FindingKind(StrEnum):
    """What is wrong."""

    OUTSIDE_PLAN = "outside_plan"
    HAND = "hand"
    LEAK = "leak"
    OLD_OVERRIDE = "old_override"
    WASTE = "waste"
    """Seen by a person."""
    OTHER = "other"


class Worth(BaseModel):
    """What it would save to put something right."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kwh: Kwh
    per: Literal["year", "once"] = "year"
    estimated: bool = True
    basis: Said
    """How it was come by."""


class Closure(BaseModel):
    """That something was put right."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    on: date
    by: Words
    note: Words
    achieved_kwh: Kwh | None = None


class Finding(_Item):
    """Something that wastes energy, and who puts it right by when."""

    title: Said
    kind: FindingKind
    place: Words
    key: str = ""
    """By which the product knows again what it found; empty: a person found it."""
    by: Words
    at: AwareDatetime
    owner: str = ""
    due: date | None = None
    worth: Worth | None = None
    unknown: Said = ""
    """Why nobody knows what it is worth."""
    closed: Closure | None = None


class Means(StrEnum):
    """How a measure saves."""

    MANAGEMENT = "management"
    TECHNICAL = "technical"
    SMART = "smart"


class Category(StrEnum):
    """On what a measure saves."""

    AIR_CONDITIONING = "air_conditioning"
    LIGHTING = "lighting"
    MACHINERY = "electrical_machinery"
    WATER_HEATING = "water_heating"
    OTHER = "other"


class Achieved(BaseModel):
    """What a measure saved in a period, as it was entered or worked out."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kwh: float = Field(allow_inf_nan=False)
    low_kwh: float | None = Field(default=None, allow_inf_nan=False)
    high_kwh: float | None = Field(default=None, allow_inf_nan=False)
    method: Words
    first_day: date
    last_day: date

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.last_day < self.first_day:
            raise ValueError("the last day lies before the first one")
        if self.low_kwh is not None and self.low_kwh > self.kwh:
            raise ValueError("the least lies above the saving itself")
        if self.high_kwh is not None and self.high_kwh < self.kwh:
            raise ValueError("the most lies below the saving itself")
        return self


class Measure(_Item):
    """A renovation, or another way of running things."""

    base: Words
    means: Means
    category: Category
    meters: tuple[Words, ...] = ()
    state: Literal["planned", "ongoing", "launched"] = "planned"
    first_day: date | None = None
    """From which it works."""
    last_day: date | None = None
    expected_kwh: Kwh | None = None
    """A year."""
    manpower: str = ""
    comfort: str = ""
    """Comfort and safety."""
    maintenance: str = ""
    achieved: Achieved | None = None

    @model_validator(mode="after")
    def _has_order(self) -> Self:
        if self.last_day is not None and (self.first_day is None or self.last_day < self.first_day):
            raise ValueError("the last day lies before the first one")
        if self.state == "launched" and self.first_day is None:
            raise ValueError("what is launched has a first day")
        return self


Item: TypeAlias = Goal | Round | Finding | Measure
