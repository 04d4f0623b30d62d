"""What a groups file says about a chilled-water plant. Pure."""

from __future__ import annotations

from pydantic import Field

from bms.config.shapes.filemodel import FileModel

SETPOINT = "chw_setpoint_c"


class Train(FileModel):
    """Equipment that runs together, by name; an air-cooled chiller has no `cw_pump` or `tower`."""

    chiller: str
    """The chiller; it needs `capacity_kw`."""
    chw_pump: str | None = None
    """Its chilled-water pump."""
    cw_pump: str | None = None
    """Its condenser-water pump."""
    tower: str | None = None
    """Its cooling tower."""


class ProofTimes(FileModel):
    """Seconds within which a run status has to appear; `pump` goes for towers too."""

    pump: float = Field(default=30.0, gt=0)
    """Of pumps and towers."""
    chiller: float = Field(default=300.0, gt=0)
    """Of chillers."""


class ChilledWaterPlantParameters(FileModel):
    """Parameters of `chilled_water_plant`."""

    header: str
    """Equipment of kind water_loop: supply and return temperature, flow."""
    weather: str | None = None
    """Equipment of kind weather_station; without it there is no lockout by outdoor temperature."""
    trains: list[Train] = Field(min_length=1)
    """The trains; the one with the fewest run hours leads."""
    lockout_oat_c: float = 4.4
    """The plant stays off at this outdoor temperature and below."""
    stage_up_pct: float = Field(default=90.0, gt=0, le=100)
    """A load above this share of the running capacity asks for another chiller."""
    stage_down_pct: float = Field(default=80.0, gt=0, le=100)
    """A load below this share of the next smaller stage's capacity lets one go."""
    stage_delay_s: float = Field(default=900.0, ge=0)
    """How long it has to ask."""
    min_stage_s: float = Field(default=900.0, ge=0)
    """Least time between two steps."""
    proof_s: ProofTimes = ProofTimes()
    """How long a run status may take."""
    pump_overrun_s: float = Field(default=180.0, ge=0)
    """Pumps run on for so long after their chiller."""
    failsafe_k: float = Field(default=1.0, gt=0)
    """Supply water so much above its setpoint asks for another chiller, whatever the load."""
