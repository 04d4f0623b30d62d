"""Parameters of `air_handlers`, and the functions that it consists of. Pure.

Defaults: Guideline 36, 5.4 and 5.16, as the control reference lists them; D marks engineering
defaults, to be commissioned on site.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field

from bms.config.shapes.filemodel import FileModel
from bms.texts.messages import Message, msg


class Function(StrEnum):
    """What the strategy can do for a machine, if its points allow. Each can be switched off."""

    SETBACK = "setback"
    WARM_UP = "warm_up"
    SUPPLY_RESET = "supply_reset"
    STATIC_RESET = "static_reset"
    SPEED_BY_ZONE = "speed_by_zone"
    ECONOMIZER = "economizer"
    DEMAND_VENTILATION = "demand_ventilation"
    HUMIDITY_LIMIT = "humidity_limit"
    FREEZE_PROTECTION = "freeze_protection"


FUNCTION_TITLES: Final[Mapping[Function, Message]] = MappingProxyType(
    {
        Function.SETBACK: msg("keeps rooms from freezing and from overheating while off"),
        Function.WARM_UP: msg("shuts outdoor air out until people come"),
        Function.SUPPLY_RESET: msg("supply-air temperature by requests of the zones"),
        Function.STATIC_RESET: msg("duct pressure by requests of the terminals"),
        Function.SPEED_BY_ZONE: msg("fan speed by the need of the zone"),
        Function.ECONOMIZER: msg("cools with outdoor air"),
        Function.DEMAND_VENTILATION: msg("outdoor air by CO2"),
        Function.HUMIDITY_LIMIT: msg("colder supply air where it is too damp"),
        Function.FREEZE_PROTECTION: msg("saves coils from freezing, in three stages"),
    }
)
"""What each does, for people."""

FunctionName = Literal[
    "setback",
    "warm_up",
    "supply_reset",
    "static_reset",
    "speed_by_zone",
    "economizer",
    "demand_ventilation",
    "humidity_limit",
    "freeze_protection",
]

HIGH_LIMIT_C: Final[Mapping[str, float]] = MappingProxyType(
    {"humid": 18.0, "cool": 21.0, "dry": 24.0}
)
"""Above it outdoor air does not cool, by climate (control reference, 5)."""


class AirParameters(FileModel):
    """Parameters of `air_handlers`: temperatures in degC, times in seconds, shares in percent."""

    weather: str | None = None
    """A weather station: outdoor temperature, and humidity if it has one."""
    without: list[FunctionName] = []
    """Functions that are switched off. Otherwise each works wherever the points allow it."""
    stagger_s: float = Field(default=10.0, ge=0, le=3600)
    """Seconds between one machine's start and the next one's."""

    heating_c: float = Field(default=21.0, ge=5, le=30)
    """Zones are heated to this where neither schedule nor thermostat says."""
    cooling_c: float = Field(default=24.0, ge=15, le=35)
    """Zones are cooled to this where neither schedule nor thermostat says."""
    band_k: float = Field(default=1.0, ge=0.25, le=5)
    """A single `zone_setpoint_c` stands for heating and cooling so far below and above it."""
    rest_heating_c: float = Field(default=16.0, ge=5, le=25)
    """While off, rooms below this are heated; they stop 1 K above."""
    rest_cooling_c: float = Field(default=32.0, ge=25, le=45)
    """While off, rooms above this are cooled; they stop 1 K below."""
    frost_c: float = Field(default=4.0, ge=1, le=10)
    """Rooms below this are heated whatever else holds, up to 3 K above."""

    supply_min_c: float = Field(default=12.0, ge=5, le=20)
    """The coldest supply air."""
    supply_max_c: float = Field(default=18.0, ge=10, le=30)
    """The warmest supply air while zones are cooled: the reset begins here."""
    supply_warm_c: float = Field(default=35.0, ge=20, le=50)
    """Supply air that heats: in warm-up, and of machines with one zone."""
    supply_by_outdoor: bool | None = None
    """Whether warm weather (16 to 21 degC) lowers the supply air whatever zones ask. Absent: where
    the fan is variable, or where no humidity is measured."""
    max_humidity_pct: float = Field(default=65.0, ge=30, le=95)
    """Zones are kept below this by colder supply air, which begins 13 % earlier."""
    min_humidity_pct: float = Field(default=30.0, ge=0, le=60)
    """Zones are kept above this: drier outdoor air cools less and less from 8 % above it (D)."""

    climate: Literal["humid", "cool", "dry"] = "humid"
    """Above which outdoor temperature outdoor air no longer cools: 18, 21 or 24 degC."""
    max_enthalpy_kj_kg: float = Field(default=66.0, ge=20, le=100)
    """The same by enthalpy, where outdoor humidity is measured."""
    min_damper_pct: float = Field(default=20.0, ge=0, le=100)
    """Outdoor damper while people are there, where no flow of outdoor air is measured."""
    min_damper_of: dict[str, float] = {}
    """The same for single machines; there it holds although a flow is measured."""
    leave: list[str] = []
    """Roles that the strategy never commands: what the machines' own controllers shall move."""
    co2_limit_ppm: float = Field(default=894.0, ge=500, le=2000)
    """All of the minimum outdoor air at this CO2; 200 ppm lower, the least of it."""
    least_outdoor_pct: float = Field(default=40.0, ge=0, le=100)
    """Of the minimum outdoor air: what remains for the building where CO2 is low (D)."""
    full_outdoor_air: list[str] = []
    """Machines that draw outdoor air only; found by their design where it says so."""

    min_speed_pct: float = Field(default=30.0, ge=0, le=100)
    """The slowest fan (D)."""
    least_box_pct: float = Field(default=20.0, ge=0, le=100)
    """The least air of a terminal that the controller moves, of its design (D)."""
    design_static_pa: float = Field(default=250.0, ge=30, le=2500)
    """The highest duct pressure, where a machine's design does not say."""
    importance: dict[str, float] = {}
    """How much the requests of a zone or a machine count; 1 if absent, 0 for not at all."""

    exhaust: list[str] = []
    """Fans that carry air out: they follow the air handlers. Those that serve one follow it."""
    toilets: list[str] = []
    """Fans of toilets: they go on for half an hour."""
    overrun_s: float = Field(default=60.0, ge=0, le=3600)
    """How long exhaust goes on after the air handlers."""
    toilet_overrun_s: float = Field(default=1800.0, ge=0, le=14400)
    """How long fans of toilets go on."""

    def uses(self, function: Function) -> bool:
        """Whether a function is wanted here."""
        return function.value not in self.without
