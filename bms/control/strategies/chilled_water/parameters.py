"""What a groups file says about a chilled-water plant. Pure."""

from __future__ import annotations

from pydantic import Field

from bms.config.shapes.filemodel import FileModel

SETPOINT = "chw_setpoint_c"


class Train(FileModel):
    """Equipment that runs together, by name; an air-cooled chiller has no `cw_pump` or `tower`."""

    chiller: str
    chw_pump: str | None = None
    cw_pump: str | None = None
    tower: str | None = None


class ProofTimes(FileModel):
    """Seconds within which a run status has to appear; `pump` goes for towers too."""

    pump: float = Field(default=30.0, gt=0)
    chiller: float = Field(default=300.0, gt=0)


class ChilledWaterPlantParameters(FileModel):
    """Parameters of `chilled_water_plant`."""

    header: str
    """Equipment of kind water_loop: supply and return temperature, flow."""
    weather: str | None = None
    """Equipment of kind weather_station; without it there is no lockout by outdoor temperature."""
    trains: list[Train] = Field(min_length=1)
    lockout_oat_c: float = 4.4
    stage_up_pct: float = Field(default=90.0, gt=0, le=100)
    stage_down_pct: float = Field(default=80.0, gt=0, le=100)
    stage_delay_s: float = Field(default=900.0, ge=0)
    min_stage_s: float = Field(default=900.0, ge=0)
    proof_s: ProofTimes = ProofTimes()
    pump_overrun_s: float = Field(default=180.0, ge=0)
    failsafe_k: float = Field(default=1.0, gt=0)
