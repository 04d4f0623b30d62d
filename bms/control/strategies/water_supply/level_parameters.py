"""What a groups file says about pumps that fill a tank or empty a pit. Pure."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.texts.messages import msg

MODES = ("on", "off", "economy")
START_PCT = "start_level_pct"
STOP_PCT = "stop_level_pct"


class NightHours(FileModel):
    """Hours in which nobody uses water, and what flows then all the same."""

    from_h: float = Field(default=2.0, ge=0, lt=24)
    """The hour on the wall at which they begin."""
    to_h: float = Field(default=4.0, ge=0, lt=24)
    """The hour at which they end."""
    usual_m3h: float | None = Field(default=None, ge=0)
    """What flows in a usual night; absent: learned from the first nights."""


class LevelParameters(FileModel):
    """Parameters of `level_pumps`. Members are pumps or valves that fill the tank (`fills`), or
    pumps that empty the pit (`draws_from`). Levels are in percent of its height."""

    tank: str
    """Equipment of kind tank or sump, with a transmitter or floats."""
    direction: Literal["fill", "empty"]
    """What the members do to it."""
    start_pct: float | None = Field(default=None, ge=0, le=100)
    """At this level the first pump starts; absent: 70 (fill) or 60 (empty), or the float there."""
    stop_pct: float | None = Field(default=None, ge=0, le=100)
    """At this level all pumps stop; absent: 90 (fill) or 20 (empty), or the float there."""
    lag_pct: float = Field(default=10.0, gt=0, le=50)
    """Each further pump starts so much further beyond."""
    all_pct: float | None = Field(default=None, ge=0, le=100)
    """From here on all pumps run, with an alarm, a pit's in every mode; absent: 15 or 85."""
    economy_start_pct: float | None = Field(default=None, ge=0, le=100)
    """The first pump's start in the mode `economy`; absent: halfway from `start_pct` to
    `all_pct`."""
    economy_stop_pct: float | None = Field(default=None, ge=0, le=100)
    """The stop in the mode `economy`; absent: `start_pct`."""
    proof_s: float = Field(default=30.0, gt=0)
    """A pump shows within this time that it runs."""
    longest_run_s: float | None = Field(default=None, gt=0)
    """A run that is longer is an alarm, and another pump comes; absent: three times what the
    pumps' flow and the tank's volume make, an hour where nobody wrote them down."""
    flow: str | None = None
    """Equipment with the flow of all pumps: kind water_main or water_meter."""
    night: NightHours = NightHours()
    """When leaks show."""
    blind_run_s: float = Field(default=120.0, gt=0)
    """Where nothing tells the level of a pit, one pump runs for so long."""
    blind_every_s: float = Field(default=900.0, gt=0)
    """It does so each time so much has passed."""

    @property
    def fills(self) -> bool:
        """Whether its pumps bring water."""
        return self.direction == "fill"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start, stop = self.start_pct, self.stop_pct
        if start is not None and stop is not None and (start >= stop) == self.fills:
            raise ValueError(
                msg("start_pct must lie below stop_pct to fill, and above it to empty")
            )
        if self.blind_run_s >= self.blind_every_s:
            raise ValueError(msg("blind_run_s must be shorter than blind_every_s"))
        return self
