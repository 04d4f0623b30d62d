"""What a groups file says about hot tap water. Pure."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.texts.messages import msg

MODES = ("on", "off", "heat", "disinfect")
STORE_C = "tank_setpoint_c"


class HeatSourceFile(FileModel):
    """A heat source of a store, the cheapest first."""

    machine: str
    """A member: boiler, heat_pump, water_heater, or the pump that charges from a loop."""
    power_kw: float | None = Field(default=None, gt=0)
    """The heat that it gives; absent: its capacity_kw, or a water_heater's rated_kw."""
    hottest_c: float | None = Field(default=None, ge=30, le=130)
    """It makes water no hotter; absent: `hottest_c` of its design, or 58 of a heat pump, 75 of a
    pump, 90 of others."""


class DisinfectionFile(FileModel):
    """A weekly heat that kills legionella. Never without a scald interlock."""

    weekday: int = Field(default=6, ge=0, le=6)
    """The day: 0 is Monday, 6 Sunday."""
    from_h: float = Field(default=2.0, ge=0, lt=24)
    """The hour on the wall from which it may begin."""
    within_h: float = Field(default=4.0, gt=0, le=12)
    """It has to be over so many hours later; else it is tried the next night."""
    store_c: float = Field(default=70.0, ge=60, le=85)
    """As hot is the whole store."""
    return_c: float = Field(default=60.0, ge=50, le=80)
    """As hot comes the circulation back, where that is measured."""
    hold_min: float = Field(default=30.0, gt=0, le=240)
    """So long."""


class HotTapParameters(FileModel):
    """Parameters of `hot_tap_water`. The plant is made from the relations of its members: heat
    sources `serves` their store, a mixing valve `draws_from` it, and its `isolation_valve` shuts
    the outlets."""

    sources: list[HeatSourceFile] = Field(default_factory=list)
    """In order of cost; absent: heat pumps, pumps that charge from a loop, boilers, heaters."""
    circulation: list[str] = Field(default_factory=list)
    """Pumps of the circulation: the first that can runs."""
    loop: str | None = None
    """Equipment of kind tap_water_loop: the return's temperature, what is drawn."""
    store_c: float = Field(default=60.0, ge=45, le=75)
    """The store is as hot while water is used, all of it once a day at least."""
    setback_c: float = Field(default=45.0, ge=10, le=75)
    """It falls no further while nobody uses it."""
    distribution_c: float = Field(default=50.0, ge=40, le=65)
    """What circulates comes back as hot."""
    mix_c: float | None = Field(default=None, ge=30, le=60)
    """What mixing valves are told; absent: they keep their own."""
    max_lead_h: float = Field(default=6.0, ge=0, le=24)
    """Heat-up begins so long before use at most; 0 switches it off."""
    overrun_min: float = Field(default=15.0, ge=0, le=120)
    """Circulation follows use so long."""
    stagnant_h: float = Field(default=24.0, gt=1, le=72)
    """Water stands in the pipes no longer."""
    disinfection: DisinfectionFile | None = None
    """Absent: none."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.setback_c > self.store_c:
            raise ValueError(msg("setback_c lies above store_c"))
        if self.distribution_c >= self.store_c:
            raise ValueError(msg("distribution_c must lie below store_c"))
        if self.disinfection is not None and self.disinfection.store_c <= self.store_c:
            raise ValueError(msg("a disinfection must be hotter than store_c"))
        return self
