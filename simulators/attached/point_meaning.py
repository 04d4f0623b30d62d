"""What a point of a mapping file means: the keys that every kind of plant from outside knows."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator


class MappingModel(BaseModel):
    """A part of a mapping file: nothing unknown in it, no number that is none."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Weighted(MappingModel):
    """One variable in a sum."""

    variable: str
    scale: float = 1.0


class PointMeaning(MappingModel):
    """One point of the plant. It shows one thing: a variable, or what else its kind of plant has;
    what a command sets may be another."""

    variable: str | None = None
    """What is shown, as the plant calls it."""
    constant: float | None = None
    unit: str = ""
    """Of the point, canonical (kW, degC, ...)."""
    scale: float = 1.0
    """What one unit of the plant is in the unit of the point."""
    offset: float = 0.0
    """Added after scaling."""
    counts: bool = False
    """The variable is a rate in W; the point is its energy, in kWh times scale."""
    above: float | None = None
    """The point is 1 while the variable is above this, else 0: the status of a machine."""
    low: float | None = None
    """Commands below this stop here, as at a device; what is shown, too."""
    high: float | None = None
    rest: float | None = None
    """What the point shows while nobody commands it, and the plant's own control has it."""
    levels: dict[float, float | None] = {}
    """What is written for a state: `{0: 1, 1: 2}` writes 1 for off and 2 for on. `null` gives the
    point back: for most machines on is what the plant's own control does."""
    share: Literal["lowest", "highest", "mean"] | None = None
    """Which command counts where several points set one thing: of those that command."""

    @model_validator(mode="after")
    def _one_source(self) -> PointMeaning:
        if sum(source is not None for source in self.shown_by.values()) > 1:
            *names, last = self.shown_by
            raise ValueError(f"give one of {', '.join(names)} and {last}")
        if not self.shows and self.commands is None:
            raise ValueError("give a variable, or what else it shows, or what a command sets")
        if any(self.of_variable.values()) and self.variable is None:
            raise ValueError(f"{', '.join(self.of_variable)} go with a variable")
        if self.scale == 0.0:
            raise ValueError("scale must not be 0")
        return self

    @property
    def shown_by(self) -> dict[str, object]:
        """Keys that say what is shown, of which one is given at most."""
        return {"variable": self.variable, "constant": self.constant}

    @property
    def of_variable(self) -> dict[str, object]:
        """Keys that say how a variable is shown."""
        return {"counts": self.counts, "above": self.above is not None}

    @property
    def commands(self) -> Hashable | None:
        """What a command sets; None: it cannot be written."""
        return None

    @property
    def shows(self) -> bool:
        """Whether it shows something of the plant, and not its own command."""
        return any(source is not None for source in self.shown_by.values())

    @property
    def at_rest(self) -> float:
        """What it shows before the first step, and what a command shows while nobody gives one."""
        if self.constant is not None:
            return self.constant
        return self.rest if self.rest is not None else math.nan

    def limited(self, value: float) -> float:
        """A value that stops at the limits of the device."""
        if self.low is not None:
            value = max(self.low, value)
        return value if self.high is None else min(self.high, value)

    def raw(self, value: float) -> float | None:
        """What the plant is told for a command in the unit of the point; None for nothing."""
        value = self.limited(value)
        if self.levels:
            return self.levels[min(self.levels, key=lambda level: abs(level - value))]
        return (value - self.offset) / self.scale

    def shown(self, raw: float) -> float:
        """A value of the plant in the unit of the point."""
        if self.above is not None:
            return 1.0 if raw > self.above else 0.0
        return raw * self.scale + self.offset
