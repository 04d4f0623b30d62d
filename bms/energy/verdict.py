"""The verdict on a base: has its energy grown less than its target allows?

Definitions (kWh, local calendar of the base):

- *load* = imports + generation - exports. Judged on load, new PV cannot hide growth. One meter
  without energy makes the load missing, and its coverage is that of its worst meter.
- *period*: the whole year Y once it is over, else 1 January to the last complete local day; the
  baseline period is the same dates of year B (29 February answers to 28 February).
- *raw growth* = load(period) / load(baseline period) - 1. It is not normalised, neither for
  weather and production nor for the leap day, which is only named (0.27 % of a year by itself).
- *verdict*: `under` if growth < target, `over` if not. `cannot tell` if either coverage is below
  `MIN_COVERAGE_PCT`, if a value is missing, or if the verdict would turn had the unmeasured part
  used as much as the rest (a meter installed in February saves no energy).
- *year-end projection*, while the year runs: load(B) x load(period) / load(baseline period), the
  simple pace that keeps the baseline's seasons; if year B is not complete, load(period) x days of
  the year / days so far, which knows no seasons and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from bms.config.site import MeterRole
from bms.core.instants import local_midnight
from bms.energy.intervals import Energy
from bms.texts.messages import joined, msg

MIN_COVERAGE_PCT = 90.0
"""Below this share of a period in measured intervals there is no verdict (as CalTRACK 2 asks)."""


class Verdict(StrEnum):
    UNDER = "under"
    OVER = "over"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class MeterData:
    """One meter of a base; `energy` tells what it measured from one instant to another."""

    meter: str
    role: MeterRole
    energy: Callable[[datetime, datetime], Energy]


@dataclass(frozen=True, slots=True)
class Period:
    """Whole local days, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def bounds(self, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Start and end in UTC."""
        return local_midnight(self.first, zone), local_midnight(self.last + timedelta(days=1), zone)

    def has_leap_day(self) -> bool:
        return _is_leap(self.first.year) and self.first <= date(self.first.year, 2, 29) <= self.last


@dataclass(frozen=True, slots=True)
class MeterEnergy:
    """What one meter contributes to a load."""

    meter: str
    role: MeterRole
    energy: Energy


@dataclass(frozen=True, slots=True)
class Load:
    """Energy that a base used in a period; None if a meter is missing."""

    period: Period
    exact_kwh: Fraction | None
    coverage_pct: float
    meters: tuple[MeterEnergy, ...]

    @property
    def kwh(self) -> float | None:
        return None if self.exact_kwh is None else float(self.exact_kwh)

    @property
    def complete(self) -> bool:
        return self.exact_kwh is not None and self.coverage_pct >= MIN_COVERAGE_PCT


@dataclass(frozen=True, slots=True)
class Projection:
    """Energy of the whole year if it goes on as it began."""

    kwh: float
    method: str


@dataclass(frozen=True, slots=True)
class Growth:
    """The verdict on one base, with every number it rests on."""

    base: str
    year: int
    baseline_year: int
    partial: bool
    """The year is not over: dates up to the last complete local day are compared."""
    target_pct: float
    this: Load | None
    """None if there is nothing to compare yet, or no meters."""
    baseline: Load | None
    baseline_full: Load | None
    growth_pct: float | None
    verdict: Verdict
    reason: str
    """One sentence: why this verdict."""
    projection: Projection | None
    notes: tuple[str, ...] = ()


def growth(
    base: str,
    meters: Sequence[MeterData],
    *,
    zone: ZoneInfo,
    year: int,
    now: datetime,
    target_pct: float,
    baseline_year: int | None = None,
) -> Growth:
    """Judge one base. `now` is aware; `baseline_year` defaults to the year before `year`."""
    before = year - 1 if baseline_year is None else baseline_year
    period = period_of(year, now, zone)
    partial = period is None or period.last != date(year, 12, 31)

    def undecided(reason: str) -> Growth:
        return Growth(
            base, year, before, partial, target_pct, None, None, None, None, Verdict.CANNOT_TELL,
            reason, None,
        )  # fmt: skip

    if not meters:
        return undecided(
            msg(
                "no import meter is declared for this base under `{key}` in {file}",
                key="energy",
                file="site.yaml",
            )
        )
    if before == year:
        return undecided(msg("the baseline year is {year} itself", year=year))
    if period is None:
        return undecided(msg("{year} has no complete day yet", year=year))
    this = load_of(meters, period, zone)
    baseline = load_of(meters, same_dates(period, before), zone)
    full = load_of(meters, Period(date(before, 1, 1), date(before, 12, 31)), zone)
    pct = raw_growth_pct(this, baseline)
    reasons = [*_shortfalls(this), *_shortfalls(baseline)]
    if not reasons and pct is None:
        reasons = [msg("the load of {period} is not above zero", period=_text(baseline.period))]
    if not reasons and pct is not None:
        filled_pct = _filled_growth_pct(pct, this, baseline)
        if (filled_pct < target_pct) != (pct < target_pct):
            reasons = [
                msg(
                    "{measured_pct:+.2f} % as measured, {filled_pct:+.2f} % if what was not "
                    "measured used as much as the rest: the target of {target_pct:g} % lies "
                    "between",
                    measured_pct=pct,
                    filled_pct=filled_pct,
                    target_pct=target_pct,
                )
            ]
    if reasons or pct is None:
        verdict, reason = Verdict.CANNOT_TELL, joined("; ", *reasons)
    else:
        verdict = Verdict.UNDER if pct < target_pct else Verdict.OVER
        reason = msg(
            "{growth_pct:+.2f} % against {period}, target below {target_pct:g} %",
            growth_pct=pct,
            period=_text(baseline.period),
            target_pct=target_pct,
        )
    return Growth(
        base,
        year,
        before,
        partial,
        target_pct,
        this,
        baseline,
        full,
        pct,
        verdict,
        reason,
        _projection(this, baseline, full) if partial else None,
        _notes(this, baseline),
    )


def period_of(year: int, now: datetime, zone: ZoneInfo) -> Period | None:
    """The complete local days of `year` up to `now`; None before the first."""
    today = now.astimezone(zone).date()
    last = min(today - timedelta(days=1), date(year, 12, 31))
    return Period(date(year, 1, 1), last) if last.year == year else None


def same_dates(period: Period, year: int) -> Period:
    """The same months and days of another year; 29 February becomes 28 where there is none."""
    last = period.last
    leap_day = (last.month, last.day) == (2, 29)
    day = 28 if leap_day and not _is_leap(year) else last.day
    return Period(date(year, period.first.month, period.first.day), date(year, last.month, day))


def load_of(meters: Sequence[MeterData], period: Period, zone: ZoneInfo) -> Load:
    """Imports + generation - exports of a period. `meters` is not empty."""
    start, end = period.bounds(zone)
    parts = tuple(MeterEnergy(m.meter, m.role, m.energy(start, end)) for m in meters)
    total: Fraction | None = Fraction(0)
    for part in parts:
        kwh = part.energy.amount
        if total is None or kwh is None:
            total = None
        else:
            total += -kwh if part.role is MeterRole.EXPORT else kwh
    return Load(period, total, min(part.energy.coverage_pct for part in parts), parts)


def raw_growth_pct(this: Load, baseline: Load) -> float | None:
    """Growth in percent; None if a load is missing or the baseline's is not above zero."""
    if this.exact_kwh is None or baseline.exact_kwh is None or baseline.exact_kwh <= 0:
        return None
    return float((this.exact_kwh / baseline.exact_kwh - 1) * 100)


def _filled_growth_pct(pct: float, this: Load, baseline: Load) -> float:
    """The growth if the parts that no meter covers had used as much as the parts they cover."""
    return ((1 + pct / 100) * baseline.coverage_pct / this.coverage_pct - 1) * 100


def _projection(this: Load, baseline: Load, full: Load) -> Projection | None:
    if this.exact_kwh is None or not this.complete:
        return None
    year = this.period.first.year
    if (
        full.exact_kwh is not None
        and baseline.exact_kwh is not None
        and full.complete
        and baseline.complete
        and baseline.exact_kwh > 0
    ):
        kwh = full.exact_kwh * this.exact_kwh / baseline.exact_kwh
        before = full.period.first.year
        return Projection(
            float(kwh),
            msg(
                "pace: all of {baseline_year}, times {year} so far over the same dates of "
                "{baseline_year}",
                baseline_year=before,
                year=year,
            ),
        )
    days = 366 if _is_leap(year) else 365
    return Projection(
        float(this.exact_kwh * days / this.period.days),
        msg(
            "days: {year} so far, times {year_days} days over {days}; seasons are not considered "
            "because the baseline year is not complete",
            year=year,
            year_days=days,
            days=this.period.days,
        ),
    )


def _shortfalls(load: Load) -> list[str]:
    """Why a load cannot carry a verdict, one phrase for each meter that falls short."""
    result: list[str] = []
    for part in load.meters:
        if part.energy.amount is None:
            result.append(
                msg(
                    "{meter} has no energy in {period}", meter=part.meter, period=_text(load.period)
                )
            )
        elif part.energy.coverage_pct < MIN_COVERAGE_PCT:
            result.append(
                msg(
                    "{meter} covers {coverage_pct:.1f} % of {period}, less than {least_pct:g} %",
                    meter=part.meter,
                    coverage_pct=part.energy.coverage_pct,
                    period=_text(load.period),
                    least_pct=MIN_COVERAGE_PCT,
                )
            )
    return result


def _notes(this: Load, baseline: Load) -> tuple[str, ...]:
    notes = []
    if this.period.has_leap_day() != baseline.period.has_leap_day():
        longer = this if this.period.has_leap_day() else baseline
        notes.append(
            msg(
                "{period} has a leap day more: about {share_pct:.2f} % of its energy; raw growth "
                "does not remove it",
                period=_text(longer.period),
                share_pct=100 / longer.period.days,
            )
        )
    for load in (this, baseline):
        for part in load.meters:
            if part.energy.guessed:
                notes.append(
                    msg(
                        "{meter}: {energy_kwh:.0f} kWh of {period} are the linear share of a gap "
                        "across its border",
                        meter=part.meter,
                        energy_kwh=float(part.energy.guessed),
                        period=_text(load.period),
                    )
                )
            notes += [
                msg("{meter}: {problem}", meter=part.meter, problem=problem)
                for problem in part.energy.problems
            ]
    return tuple(dict.fromkeys(notes))


def _text(period: Period) -> str:
    if (period.first.month, period.first.day, period.last.month, period.last.day) == (1, 1, 12, 31):
        return str(period.first.year)
    return f"{period.first.isoformat()}..{period.last.isoformat()}"


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
