"""What a groups file says about pumps that hold the pressure of a water main. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.control.strategies.water_supply.level_parameters import NightHours
from bms.texts.messages import msg

PRESSURE_KPA = "pressure_setpoint_kpa"


class PressureParameters(FileModel):
    """Parameters of `pressure_pumps`: gauge pressures of the main in kPa, times in seconds."""

    main: str
    """Equipment of kind water_main: its pressure, and its flow where it is measured."""
    setpoint_kpa: float = Field(default=400.0, gt=0)
    """What the pumps hold; a schedule may give another."""
    band_kpa: float = Field(default=40.0, gt=0)
    """So far below the setpoint a pump that rests starts, and another one comes."""
    critical_kpa: float | None = Field(default=None, gt=0)
    """Below it for a minute there is an alarm; absent: 60 % of the setpoint."""
    most_kpa: float | None = Field(default=None, gt=0)
    """Above it pumps stop at once; absent: 130 % of the setpoint."""
    add_delay_s: float = Field(default=15.0, ge=0)
    """How long the running pumps have to be short before another one comes."""
    shed_delay_s: float = Field(default=180.0, ge=0)
    """How long they have to be slow before one goes."""
    rest_delay_s: float = Field(default=120.0, ge=0)
    """How long next to nothing has to be drawn before the last pump rests."""
    least_speed_pct: float = Field(default=40.0, ge=0, le=100)
    """Of pumps with a drive."""
    shed_speed_pct: float = Field(default=88.0, ge=0, le=100)
    """Slower than this, one pump less would do; where the flow is not measured."""
    blind_speed_pct: float = Field(default=80.0, gt=0, le=100)
    """The speed of one pump where the pressure is not known."""
    proof_s: float = Field(default=30.0, gt=0)
    """A pump shows within this time that it runs."""
    burst_m3h: float | None = Field(default=None, gt=0)
    """A flow above it for ten minutes is a burst; absent: what all pumps are made for."""
    night: NightHours = NightHours()
    """When leaks show."""

    @property
    def lowest_kpa(self) -> float:
        """The pressure below which people notice."""
        return 0.6 * self.setpoint_kpa if self.critical_kpa is None else self.critical_kpa

    @property
    def highest_kpa(self) -> float:
        """The pressure that pipes are not made for."""
        return 1.3 * self.setpoint_kpa if self.most_kpa is None else self.most_kpa

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.lowest_kpa < self.setpoint_kpa - self.band_kpa:
            raise ValueError(msg("critical_kpa must lie below setpoint_kpa less band_kpa"))
        if self.highest_kpa <= self.setpoint_kpa:
            raise ValueError(msg("most_kpa must lie above setpoint_kpa"))
        return self
