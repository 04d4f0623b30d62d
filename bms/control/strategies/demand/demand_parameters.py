"""What a site may write of a demand limit. Pure."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.machines import Names
from bms.texts.messages import msg

LIMIT: Final = "limit_kw"
"""The limit as a schedule or a person may give it, over that of the file."""

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _clock(text: str) -> str:
    hours, colon, minutes = text.partition(":")
    digits = hours.isdigit() and minutes.isdigit() and len(minutes) == 2 and len(hours) <= 2
    whole = int(hours) * 60 + int(minutes) if colon and digits else 1441
    if whole > 1440 or int(minutes) > 59:
        raise ValueError(msg("'{text}' is no time of day; write 08:00", text=text))
    return text


Clock = Annotated[str, AfterValidator(_clock)]
"""A time of day, 00:00 to 24:00."""


def minutes_of(clock: str) -> int:
    """Minutes since midnight."""
    hours, _, minutes = clock.partition(":")
    return int(hours) * 60 + int(minutes)


class TariffLimit(FileModel):
    """The limit of some months, days and hours of the tariff."""

    limit_kw: float = Field(gt=0)
    """The mean power of an interval that is not to be exceeded."""
    since: date | None = None
    """From this day on, as what was agreed with the utility begins; absent: always."""
    months: list[Annotated[int, Field(ge=1, le=12)]] = []
    """Months of the year; absent: all."""
    days: list[Weekday] = []
    """Days of the week; absent: all."""
    begin: Clock = Field(default="00:00", alias="from")
    """From this time of day, by the base's clock."""
    end: Clock = Field(default="24:00", alias="to")
    """To this time, not included; one before `from` is of the next day."""


class Comfort(FileModel):
    """What must hold for a load to be shed: beyond it the load comes back."""

    equipment: str
    """What measures it: a room, a tank, a header."""
    role: str
    """The point: `zone_temp`, `pressure`, `level`."""
    least: float | None = None
    """Below this the load is not shed."""
    most: float | None = None
    """Above this it is not."""
    band: float = Field(default=0.5, ge=0)
    """It is shed only this far inside both, in the unit of the point."""

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.least is None and self.most is None:
            raise ValueError(msg("a comfort limit needs 'least' or 'most'"))
        if self.least is not None and self.most is not None and self.least >= self.most:
            raise ValueError(msg("'least' lies above 'most'"))
        return self


class LoadFile(FileModel):
    """One load that may be shed: a group, or machines."""

    name: str = ""
    """For reports; absent: the group, or the first machine."""
    level: int = Field(default=1, ge=1, le=99)
    """Level 1 is shed first and comes back last. Within a level loads take turns."""
    group: str | None = None
    """A group of the base."""
    machines: Names = []
    """Machines that no sequence runs: those of plants are asked through their group."""
    how: Literal["off", "limit", "shift"] = "off"
    """`off`: the mode `off`, or the machines. `limit`: `role` of machines at most at `to`, or the
    `demand_limit_pct` of a plant. `shift`: `setpoint` of the group moved `by` so much."""
    role: str = ""
    """Of machines that are limited: `demand_limit`, `speed`, `fan_speed`, `level`."""
    to: float | None = Field(default=None, ge=0)
    """The limit, in the unit of the role or setpoint."""
    setpoint: str = ""
    """The setpoint of the group that is shifted, or limited if not `demand_limit_pct`."""
    by: float | None = None
    """How far it is shifted, in its unit: 2 for cooling, -2 for heating."""
    kw: float | None = Field(default=None, gt=0)
    """What shedding gives, by design; it is measured where the load has a power point or meter."""
    meter: str | None = None
    """The meter that measures this load alone; absent: the group's, or the machines' power."""
    takes_s: float = Field(default=30.0, ge=0, le=1800)
    """How long it takes until the power is gone."""
    min_shed_s: float = Field(default=180.0, ge=0)
    """It stays shed for at least so long; machines keep their own minimum times besides."""
    min_back_s: float = Field(default=300.0, ge=0)
    """It is left alone for at least so long after it came back."""
    longest_s: float = Field(default=7200.0, gt=0)
    """It comes back after so long, whatever the demand."""
    comfort: list[Comfort] = []
    """Limits of a room, a pressure, a level that the load keeps."""

    @property
    def title(self) -> str:
        """The name of the load."""
        return self.name or self.group or (self.machines[0] if self.machines else "")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.group is None) == (not self.machines):
            raise ValueError(msg("a load names a group, or machines"))
        if self.how == "shift" and (self.group is None or not self.setpoint or self.by is None):
            raise ValueError(msg("a shift needs a group, its setpoint, and 'by'"))
        if self.how == "shift" and not self.by:
            raise ValueError(msg("a shift by 0 gives nothing"))
        if self.how == "limit" and self.to is None:
            raise ValueError(msg("a limit needs 'to'"))
        if self.how == "limit" and self.machines and not self.role:
            raise ValueError(msg("a limit of machines needs their role"))
        return self


class DemandParameters(FileModel):
    """Parameters of `demand_limit`. Members of its group are the meters of what is bought."""

    interval_min: Literal[15, 30, 60] = 15
    """The billing interval of the tariff, by the base's clock."""
    limit_kw: float | None = Field(default=None, gt=0)
    """The limit where none of `limits` holds."""
    limits: list[TariffLimit] = []
    """Limits by month and tariff period; the first that fits holds."""
    contract_kw: float | None = Field(default=None, gt=0)
    """The demand agreed with the utility: no limit lies above it."""
    margin_pct: float = Field(default=1.0, ge=0, le=20)
    """The interval shall end so far below the limit."""
    restore_pct: float = Field(default=2.0, ge=0, le=50)
    """A load comes back if the interval would end so much farther below."""
    error_pct: float = Field(default=5.0, ge=0, le=50)
    """How wrong the power of the rest of an interval may be."""
    use_pct: float = Field(default=60.0, gt=0, le=100)
    """Of what could still be shed: as much has to be needed before anything is. Less is sooner."""
    latest_s: float = Field(default=240.0, ge=30)
    """So long before its end an interval is corrected at the latest, however little is needed."""
    restore_every_s: float = Field(default=60.0, ge=0)
    """Between two loads that come back."""
    pv: Names = []
    """Inverters behind the meter."""
    pv_firm_pct: float = Field(default=50.0, ge=0, le=100)
    """What of the present solar power is counted on for the rest of an interval."""
    known: Names = []
    """Meters and machines whose powers together stand in for a silent boundary meter."""
    known_rest_kw: float = Field(default=0.0, ge=0)
    """What none of `known` measures."""
    blind_s: float = Field(default=900.0, ge=0)
    """Without any measurement what is shed stays so for this long, then it comes back."""
    sync: str | None = None
    """Equipment whose `sync` point rises when the utility begins an interval; absent: by the
    clock."""
    price_per_kw: float | None = Field(default=None, gt=0)
    """What a kW of a month's demand costs."""
    loads: list[LoadFile] = Field(min_length=1)
    """What may be shed, in the order of `level`."""

    @model_validator(mode="after")
    def _limited(self) -> Self:
        if self.limit_kw is None and self.contract_kw is None:
            raise ValueError(msg("limit_kw or contract_kw is needed"))
        return self
