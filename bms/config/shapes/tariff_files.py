"""The shape of `tariffs.yaml`."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import Identifier, Title
from bms.texts.messages import msg


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(
                msg("'{text}' is no date; write {example}", text=value, example="2026-03-01")
            ) from None
    return value


def _months(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(_MONTHS)
    found: set[int] = set()
    for part in value.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise ValueError(_MONTHS)
        low, high = int(first), int(last or first)
        if not (1 <= low <= 12 and 1 <= high <= 12):
            raise ValueError(msg("months are 1 to 12, not {text}", text=part.strip()))
        found |= (
            set(range(low, high + 1)) if low <= high else {*range(low, 13), *range(1, high + 1)}
        )
    return frozenset(found)


_MONTHS: Final = msg("months are written {example}", example='"2-6, 9-11"')

Day: TypeAlias = Annotated[date, BeforeValidator(_day)]
Months: TypeAlias = Annotated[frozenset[int], BeforeValidator(_months)]
PeriodName: TypeAlias = Literal["sharp", "peak", "flat", "valley", "deep_valley"]


class OnFile(FileModel):
    """Certain days of a calendar of `schedules/calendars/`."""

    calendar: str
    """The calendar by name."""
    kind: str = "holiday"
    """The kind of its days."""
    names: list[str] = []
    """Only days whose name has one of these words; absent: all of the kind."""


class DayRuleFile(FileModel):
    """The hours of certain days. Of several rules the first that fits a day and names a time
    decides; what it does not name is left to those below it."""

    months: Months | None = Field(default=None, examples=['"2-6, 9-11"'])
    """The months; absent: all."""
    weekdays: str = Field(default="daily", examples=["mon-fri"])
    """The days of the week, as in schedules."""
    on: OnFile | None = None
    """Only on days of a calendar."""
    hours: dict[PeriodName, str] = Field(
        min_length=1, examples=['{peak: "08:00-11:00, 13:00-17:00"}']
    )
    """Times of the base's clock by period, on quarter hours; may run over midnight."""


class HoursFile(FileModel):
    """Which hours belong to which period, from a day on."""

    from_: Day = Field(alias="from")
    """The first day."""
    to: Day | None = None
    """The last day; absent: until the next begins."""
    days: list[DayRuleFile] = Field(min_length=1)
    """Rules, the special ones first. Together they name all times of every day."""


class DemandFile(FileModel):
    """A charge by the greatest demand of a month."""

    per_kw: float = Field(ge=0)
    """For each kW, a month."""
    contract_kw: float | None = Field(default=None, gt=0)
    """The contracted demand, paid for at least; absent: what was drawn is paid."""
    free_over_pct: float = Field(default=0, ge=0, le=100)
    """So many per cent above the contract cost nothing more."""
    over_times: float = Field(default=1, ge=1, le=10)
    """How many times the price is paid for what lies above that."""


class CapacityFile(FileModel):
    """A charge by the capacity of the transformers."""

    per_kva: float = Field(ge=0)
    """For each kVA, a month."""
    kva: float = Field(gt=0)
    """The capacity that is paid for."""


class PricesFile(FileModel):
    """What is paid, from a day on."""

    from_: Day = Field(alias="from")
    """The first day."""
    to: Day | None = None
    """The last day; absent: until the next begins."""
    per_kwh: dict[PeriodName, float] = Field(min_length=1)
    """For each kWh, by period."""
    demand: DemandFile | None = None
    """The charge by demand of a two-part tariff; either this or `capacity`."""
    capacity: CapacityFile | None = None
    """The charge by capacity of a two-part tariff."""
    power_factor: list[Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(
        default=[], examples=["[[0.95, -0.75], [0.90, 0], [0.89, 0.5], [0, 15]]"]
    )
    """From a power factor on, by how many per cent the charges change; the last one from 0 on."""


class TariffFile(FileModel):
    """One tariff, as dated data."""

    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    currency: str = Field(default="CNY", min_length=1, max_length=8)
    """In which its prices are."""
    source: str = Field(min_length=1)
    """Where it was read: the notice with its number, the contract."""
    read_on: Day
    """When it was read there."""
    example: bool = False
    """It is an example: reports that use it say so."""
    hours: list[HoursFile] = Field(min_length=1)
    """Which hours belong to which period, by date."""
    prices: list[PricesFile] = Field(min_length=1)
    """What the periods cost, by date."""


class TariffsFile(FileModel):
    """`tariffs.yaml`."""

    tariffs: dict[Identifier, TariffFile] = Field(min_length=1)
    """The tariffs by name."""
    applies: dict[str, str] = {}
    """By base, or by meter (`<base>.<name>`) where one has its own: the tariff."""
