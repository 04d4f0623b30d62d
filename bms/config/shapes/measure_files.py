"""The shape of `measures.yaml`: what was done to save energy, and how it is measured."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BeforeValidator, Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import Identifier, Title
from bms.texts.messages import Message, msg


def _day(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError(
            msg("'{text}' is no day; write {example}", text=value, example="2026-03-01")
        ) from None


Day: TypeAlias = Annotated[date, BeforeValidator(_day)]
Means: TypeAlias = Literal["management", "technical", "smart"]
Category: TypeAlias = Literal["air_conditioning", "lighting", "machinery", "water_heating"]
MethodName: TypeAlias = Literal[
    "before_after", "control_group", "key_parameter", "avoided", "switchback"
]

_NEEDS: dict[str, tuple[str, ...]] = {
    "before_after": ("meter",),
    "control_group": ("meter", "control"),
    "key_parameter": ("saved_kw", "hours_per_day"),
    "avoided": ("meter", "output", "alternative_kwh"),
    "switchback": ("meter", "seed"),
}


class MeasureFile(FileModel):
    """One measure. Which keys it needs besides `base` and `from` depends on its method."""

    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    base: Identifier
    """Where it is."""
    means: Means
    """How it saves: by management, by other machines, by control."""
    category: Category
    """On what it saves."""
    method: MethodName
    """How its saving is found."""
    from_: Day = Field(alias="from", examples=["2026-03-01"])
    """The first day with it; of `switchback` the first day of the plan."""
    to: Day | None = None
    """The last day of it; it goes on if absent."""
    expected_kwh: float | None = Field(default=None, gt=0)
    """What was promised, in a year."""
    meter: str | None = None
    """The meter it is seen on."""
    baseline_from: Day | None = None
    """The first day of its meter's baseline, which ends the day before it; a year if absent."""
    control: str | None = None
    """A meter like it without the measure."""
    saved_kw: float | None = None
    """The power that it takes away."""
    saved_kw_error: float = Field(default=0.0, ge=0)
    """Its standard uncertainty."""
    hours_per_day: float | None = Field(default=None, gt=0, le=24)
    """How long it takes it away, on each day."""
    output: str | None = None
    """The meter of what is made: air, water, cold."""
    alternative_kwh: float | None = Field(default=None, gt=0)
    """What the design that was not built would use for a unit of it."""
    alternative_kwh_error: float = Field(default=0.0, ge=0)
    """Its standard uncertainty."""
    seed: int | None = None
    """Of the plan of days on which the strategy is on."""
    settling: bool = False
    """Whether the first day after each change is left out."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = [key for key in _NEEDS[self.method] if getattr(self, key) is None]
        if lacking:
            raise ValueError(_lacks(self.method, lacking))
        if self.to is not None and self.to < self.from_:
            raise ValueError(msg("the last day is before the first"))
        if self.baseline_from is not None and self.baseline_from >= self.from_:
            raise ValueError(msg("the baseline begins before the measure"))
        return self


def _lacks(method: str, keys: list[str]) -> Message:
    return msg("the method {method} needs {names}", method=method, names=", ".join(keys))


class MeasuresFile(FileModel):
    """`measures.yaml`: read by reports alone."""

    measures: dict[Identifier, MeasureFile] = Field(min_length=1)
    """The measures by id."""
