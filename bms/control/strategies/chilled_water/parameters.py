"""What a groups file says about a chilled-water plant. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.texts.messages import msg

SETPOINT = "chw_setpoint_c"
PRESSURE = "dp_setpoint_kpa"
DEMAND_LIMIT = "demand_limit_pct"
"""The most that chillers may draw, in percent of their design: a demand limit, or a schedule."""


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
    valve: float = Field(default=120.0, gt=0)
    """Of isolation valves, from one end to the other."""


class Functions(FileModel):
    """What a plant does beside starting, staging and stopping. What is not said is on in a plant
    made from relations, and off with `trains`."""

    requests: bool | None = None
    """Runs only while consumers ask for chilled water."""
    reset: bool | None = None
    """Water as warm, and pressure as low, as the requests of consumers allow."""
    pumps: bool | None = None
    """Speeds by differential pressure; pumps on a header by flow."""
    bypass: bool | None = None
    """Holds the least flow of the chillers that run."""
    limit: bool | None = None
    """Holds running chillers back while another one starts."""
    condenser: bool | None = None
    """Resets condenser water by load, stages cells and fans."""
    head_pressure: bool | None = None
    """Keeps condenser water warm enough for the chillers."""
    winter: bool | None = None
    """Protects towers against frost."""
    economizer: bool | None = None
    """Cools by the towers alone while the weather does."""
    least_power: bool | None = None
    """Chooses among sets of machines the one that draws the least."""
    night: bool | None = None
    """At night outside summer, for little load, the machine that draws the least."""


class ChilledWaterPlantParameters(FileModel):
    """Parameters of `chilled_water_plant`.

    With `trains` each chiller has its own pumps and tower. Without, the plant is made from the
    relations of its members: what has `header` feeds the loop, what `rejects_to` a loop needs it,
    and pumps and towers on one header serve all machines.
    """

    header: str
    """Equipment of kind water_loop: supply and return temperature, flow."""
    weather: str | None = None
    """Equipment of kind weather_station; without it there is no lockout by outdoor temperature."""
    trains: list[Train] = Field(default_factory=list)
    """Machines that run together; the one with the fewest run hours leads."""
    condenser: str | None = None
    """The condenser-water loop, if it is not the one that the chillers reject to."""
    economizer: str | None = None
    """A waterside heat exchanger, if it is not the member of that kind."""
    pressures: list[str] = Field(default_factory=list)
    """Equipment with a differential pressure at far consumers, beside that of the header."""
    functions: Functions = Functions()
    """What to switch off, or on."""
    lockout_oat_c: float = 4.4
    """The plant stays off at this outdoor temperature and below."""
    stage_up_pct: float | None = Field(default=None, gt=0, le=100)
    """A load above this share of the running capacity asks for more: 90 with trains, else by the
    kind of compressor (positive displacement 80, constant speed 90, variable speed by lift)."""
    stage_down_pct: float | None = Field(default=None, gt=0, le=100)
    """A load below this share of a smaller set's capacity asks for that: 80 with trains, else by
    the kind of compressor."""
    stage_delay_s: float = Field(default=900.0, ge=0)
    """How long it has to ask."""
    min_stage_s: float = Field(default=900.0, ge=0)
    """Least time between two changes of the stage."""
    proof_s: ProofTimes = ProofTimes()
    """How long a proof may take."""
    pump_overrun_s: float = Field(default=180.0, ge=0)
    """Pumps run on for so long after their chiller."""
    failsafe_k: float = Field(default=1.0, gt=0)
    """Supply water so much above its setpoint asks for another chiller, whatever the load."""
    warmest_supply_c: float = Field(default=15.6, ge=4, le=25)
    """The reset makes water no warmer. A site that dehumidifies says less."""
    design_dp_kpa: float = Field(default=103.0, gt=0)
    """The highest differential pressure that the pumps hold; a schedule may give another."""
    least_dp_kpa: float = Field(default=34.5, gt=0)
    """The lowest."""
    least_speed_pct: float = Field(default=30.0, ge=0, le=100)
    """Of pumps and fans with a drive."""
    coldest_cw_c: float = Field(default=15.6, ge=5, le=30)
    """The reset of condenser water makes it no colder."""
    frost_c: float = Field(default=2.0, ge=-10, le=10)
    """Below this outdoors, towers are protected against frost."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        if self.least_dp_kpa > self.design_dp_kpa:
            raise ValueError(msg("least_dp_kpa lies above design_dp_kpa"))
        return self

    def does(self, function: str) -> bool:
        """Whether one of the `functions` is on."""
        said: bool | None = getattr(self.functions, function)
        return not self.trains if said is None else said

    @property
    def up_share(self) -> float | None:
        """The share of the capacity for stage up; None: by the kind of compressor."""
        if self.stage_up_pct is not None:
            return self.stage_up_pct / 100.0
        return 0.9 if self.trains else None

    @property
    def down_share(self) -> float | None:
        """The share for stage down; None: by the kind of compressor."""
        if self.stage_down_pct is not None:
            return self.stage_down_pct / 100.0
        return 0.8 if self.trains else None
