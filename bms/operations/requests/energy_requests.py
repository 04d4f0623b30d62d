"""Asked of meters and their energy: the list, one meter, intervals, demand, the tree, growth.

Carried out on the files of a site; the ledger is brought up to date first, wherever it may be.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Rows,
)
from bms.texts.field import Words


class _OfPeriod(Request):
    start: AwareDatetime | None = Field(default=None, alias="from")
    """Energy is known by whole quarter hours. None for the first day of this month."""
    end: AwareDatetime | None = Field(default=None, alias="to")
    """Not included. None for now."""


class _OfMeter(_OfPeriod):
    meter: Given
    """Equipment, name or point id."""


class ListMeters(Request):
    """Every meter, with its energy of this month."""


class ShowMeter(_OfMeter):
    """One meter in a period."""


class AskIntervals(_OfMeter):
    """The energy of each quarter hour, local day or local month."""

    by: Literal["15m", "day", "month"] = "15m"


class AskDemand(_OfMeter):
    """The greatest 15-minute demand of each month."""


class AskMeterTree(_OfPeriod):
    """Meters behind meters, and what is not metered apart."""


class AskGrowth(Request):
    """Energy growth of a year per base, against its target."""

    year: int
    ledger: Path | None = None
    """The directory with the ledger; None for the state directory of the site."""


# --- meters ----------------------------------------------------------------------------------


class MeterRow(Answer):
    """One meter, with its energy of this month so far, in its unit."""

    meter: str
    id: str
    base: str
    title: dict[str, str]
    medium: str
    unit: str
    role: str
    kind: Literal["formula", "polled", "read by hand"]
    known_until: LocalTime | None
    rated: bool
    """Whether a swapped register would be noticed."""
    month: str
    amount: float | None
    coverage_pct: float
    shares_pct: dict[str, float] = Field(default_factory=dict)
    """The part of the amount under each label; left out while the month has no quarter hour."""


class Meters(Rows[MeterRow]):
    """In the order of the site's files."""

    leaves_out: ClassVar = True


class RatioView(Answer):
    """The factor of transformers from a day on."""

    start: str = Field(alias="from")
    factor: float


class RegisterEvent(Answer):
    """What happened to a register, and what the ledger made of it."""

    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")
    event: str
    label: str
    amount: float | None
    reason: Words


class EntryView(Answer):
    """What a person said; which of the figures there are depends on its kind."""

    entry: int
    kind: Literal["replacement", "reading", "intervals", "correction", "withdrawal"]
    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")
    final: str | None = None
    initial: str | None = None
    value: str | None = None
    by: str | None = None
    """Of a reading: `instrument` if no person took it."""
    step_ms: int | None = None
    """Of intervals: how long each is."""
    label: str | None = None
    amount: float | None = None
    who: str
    why: Words
    recorded: LocalTime
    withdrawn: bool


class MeterShown(Answer):
    """One meter: how it is set, its energy in a period, what happened, and what was said."""

    leaves_out: ClassVar = True

    meter: str
    id: str
    base: str
    title: dict[str, str]
    medium: str
    unit: str
    role: str
    kind: Literal["formula", "polled", "read by hand"]
    resolution: float
    register_size: float | None
    most_per_h: float | None
    rated: bool
    ratios: tuple[RatioView, ...]
    formula: str
    parent: str | None
    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")
    amount: float | None
    coverage_pct: float
    shares_pct: dict[str, float]
    problems: tuple[Words, ...]
    events: tuple[RegisterEvent, ...]
    entries: tuple[EntryView, ...]


class QuarterRow(Answer):
    """The energy of one quarter hour."""

    start: LocalTime
    end: LocalTime
    amount: float | None
    label: str
    coverage_pct: float
    rev: int | None
    """How often it was posted again; None if it is missing."""


class PeriodRow(Answer):
    """The energy of one local day or month, or the part of it that was asked for."""

    start: LocalTime
    end: LocalTime
    amount: float | None
    coverage_pct: float
    shares_pct: dict[str, float]


class Intervals(Rows[QuarterRow | PeriodRow]):
    """The earliest first."""


class PeakRow(Answer):
    """The greatest demand of a month."""

    month: str
    peak: float | None
    unit: str
    start: LocalTime | None
    """The quarter hour of it."""
    filled_pct: float
    """How much of the month is known."""


class Demand(Rows[PeakRow]):
    """The earliest month first."""


class MeterNode(Answer):
    """A meter with those behind it."""

    meter: str
    unit: str
    amount: float | None
    coverage_pct: float
    shares_pct: dict[str, float]
    residual: float | None
    """What is not metered apart."""
    uncertainty: float | None
    impossible: bool
    """Whether the residual is less than nothing by more than the meters may err."""
    children: tuple[MeterNode, ...]


class MeterTree(Rows[MeterNode]):
    """The meters that others stand behind."""


# --- growth ----------------------------------------------------------------------------------


class MeterCovered(Answer):
    """How well one meter covers one of the two periods."""

    meter: str
    role: str
    first_day: str
    last_day: str
    kwh: float | None
    coverage_pct: float
    shares_pct: dict[str, float]
    missing_low_kwh: float
    """What the days that are missing used at least, by days like them."""
    missing_high_kwh: float


class BaseGrown(Answer):
    """One base: the verdict, with every number it rests on."""

    base: str
    year: int
    baseline_year: int
    partial: bool
    """The year is not over: the same days are compared."""
    first_day: str | None
    last_day: str | None
    kwh: float | None
    baseline_kwh: float | None
    baseline_full_kwh: float | None
    growth_pct: float | None
    """What it probably is; exactly, where nothing is missing."""
    growth_low_pct: float | None
    """It is at least this much."""
    growth_high_pct: float | None
    """It is at most this much."""
    target_pct: float
    coverage_pct: float
    baseline_coverage_pct: float
    verdict: Literal["under", "over", "cannot tell"]
    reason: Words
    would_decide: tuple[Words, ...]
    """Readings that would decide what cannot be told, the most useful first."""
    projection_kwh: float | None
    projection_low_kwh: float | None
    projection_high_kwh: float | None
    projection_method: Words | None
    meters: tuple[MeterCovered, ...]
    notes: tuple[Words, ...]


class Growths(Answer):
    """All bases of a site. There is no total: targets are given per base."""

    site: str
    year: int
    made: str
    """When, in ISO form with the offset."""
    baseline_year: int | None
    """None if the bases have different ones."""
    partial: bool
    bases: tuple[BaseGrown, ...]


LIST = Operation("meter.list", ListMeters, Meters)
SHOW = Operation("meter.show", ShowMeter, MeterShown)
INTERVALS = Operation("meter.intervals", AskIntervals, Intervals)
DEMAND = Operation("meter.demand", AskDemand, Demand)
TREE = Operation("meter.tree", AskMeterTree, MeterTree)
GROWTH = Operation("report.growth", AskGrowth, Growths)
