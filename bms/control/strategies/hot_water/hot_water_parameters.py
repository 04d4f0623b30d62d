"""What a groups file says about a hot-water plant. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.texts.messages import msg

HW_SETPOINT = "hw_setpoint_c"
HW_PRESSURE = "dp_setpoint_kpa"
DEMAND_LIMIT = "demand_limit_pct"
"""The most that heat pumps and electric boilers may draw together, in percent of their design: a
demand limit, or a schedule. What burns fuel is not bound by it."""


class HeatFunctions(FileModel):
    """What a plant does beside starting, staging and stopping."""

    requests: bool = True
    """Runs only while consumers ask for hot water, where they say so."""
    reset: bool = True
    """Water as cool as the requests of consumers allow."""
    outdoor: bool = True
    """Without consumers that ask, water by outdoor temperature."""
    pumps: bool = True
    """Speeds by differential pressure; pumps on a header by flow."""
    bypass: bool = True
    """Holds the least flow of the boilers that run."""
    return_protection: bool = True
    """Keeps the return of boilers that must not condense warm."""


class HeatProofTimes(FileModel):
    """Seconds within which a proof has to appear."""

    pump: float = Field(default=30.0, gt=0)
    """Of pumps."""
    boiler: float = Field(default=300.0, gt=0)
    """Of boilers and heat pumps, once the water is too cold."""
    valve: float = Field(default=120.0, gt=0)
    """Of isolation valves, from one end to the other."""


class HotWaterPlantParameters(FileModel):
    """Parameters of `hot_water_plant`. The plant is made from the relations of its members: what
    has `header` feeds the loop; a pump that `serves` a boiler belongs to it."""

    header: str
    """Equipment of kind water_loop: supply and return temperature, flow, pressure."""
    weather: str | None = None
    """Equipment of kind weather_station; without it there is no lockout by outdoor temperature."""
    pressures: list[str] = Field(default_factory=list)
    """Equipment with a differential pressure at far consumers, beside that of the header."""
    functions: HeatFunctions = HeatFunctions()
    """What to switch off."""
    lockout_oat_c: float = Field(default=18.0, ge=-20, le=40)
    """The plant stays off at this outdoor temperature and above."""
    design_supply_c: float = Field(default=80.0, ge=25, le=130)
    """The hottest water; a schedule's `hw_setpoint_c` takes its place."""
    coolest_supply_c: float | None = Field(default=None, ge=20, le=130)
    """The reset makes water no cooler; absent: 32.2 °C if all boilers condense, else 68.3 °C."""
    design_oat_c: float = Field(default=-5.0, ge=-40, le=20)
    """Outdoors as cold as this, water is as hot as it gets (reset by outdoor temperature)."""
    stage_up_pct: float = Field(default=90.0, gt=0, le=100)
    """A load above this share of what runs asks for another boiler that must not condense."""
    condensing_up_pct: float = Field(default=150.0, ge=100, le=400)
    """A load above this share of the next stage's least firing asks for another condensing one."""
    stage_down_pct: float = Field(default=80.0, gt=0, le=100)
    """A load below this share of a smaller stage lets one go."""
    stage_delay_s: float = Field(default=600.0, ge=0)
    """How long it has to ask."""
    min_stage_s: float = Field(default=600.0, ge=0)
    """Least time between two changes of the stage."""
    failsafe_k: float = Field(default=5.6, gt=0)
    """Supply water so much below its setpoint asks for another boiler, whatever the load."""
    proof_s: HeatProofTimes = HeatProofTimes()
    """How long a proof may take."""
    pump_overrun_s: float = Field(default=180.0, ge=0)
    """Water flows on for so long after a boiler."""
    design_dp_kpa: float = Field(default=103.0, gt=0)
    """The differential pressure that the pumps hold; a schedule may give another."""
    least_speed_pct: float = Field(default=30.0, ge=0, le=100)
    """Of pumps with a drive."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        coolest_c = self.coolest_supply_c
        if coolest_c is not None and coolest_c > self.design_supply_c:
            raise ValueError(msg("coolest_supply_c lies above design_supply_c"))
        if self.design_oat_c >= self.lockout_oat_c:
            raise ValueError(msg("design_oat_c lies above lockout_oat_c"))
        return self
