"""The verdict on a base: has its energy grown less than its target allows?

Definitions (kWh, local calendar of the base):

- *load* = imports + generation - exports. Judged on load, new PV cannot hide growth. One meter
  without energy makes the load missing, and its coverage is that of its worst meter.
- *period*: the whole year Y once it is over, else 1 January to the last complete local day; the
  baseline period is the same dates of year B (29 February answers to 28 February).
- *raw growth* = load(period) / load(baseline period) - 1. It is not normalised, neither for
  weather and production nor for the leap day, which is only named (0.27 % of a year by itself).
- *growth is an interval*, from the least to the most that can be true (`comparing`). What both
  years have counts in full. A lost day is bounded by what its partners in other years tell of it;
  energy measured across a period's border by how much of it may lie inside; where a meter was
  exchanged, its class and that of the one before count.
- *verdict*: `under` only if all of the interval is below the target, `over` only if all of it is
  not. Else `cannot tell`, with what would decide it. So too if less than `MIN_COVERAGE_PCT` of
  the load is covered, or if a festival that moves is in one of the two periods only.
- *year-end projection*, while the year runs: load(B) x growth so far, the simple pace that keeps
  the baseline's seasons, as an interval too; if year B is not complete, load(period) x days of
  the year / days so far, which knows no seasons and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from bms.energy.comparing.borders import Crossing
from bms.energy.comparing.day_values import Period, whole_year
from bms.energy.comparing.evidence import Evidence, Exchange, weigh, widths
from bms.energy.comparing.festivals import Holidays
from bms.energy.comparing.loads import (
    MIN_COVERAGE_PCT,
    Load,
    MeterData,
    load_of,
    period_of,
    same_dates,
    shares_of,
)
from bms.energy.comparing.projection import Projection, projection
from bms.energy.comparing.unknowns import Unknown
from bms.texts.messages import joined, msg

NO_HOLIDAYS: Final = Holidays()

SHIFT_PCT: Final = 2.0
"""A festival in one of the periods only that moves growth by this much leaves nothing to tell."""


class Verdict(StrEnum):
    UNDER = "under"
    OVER = "over"
    CANNOT_TELL = "cannot tell"


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
    low_pct: float | None
    """Growth is at least so much; None if it cannot be bounded."""
    growth_pct: float | None
    """It is probably so much; exactly, where nothing is missing."""
    high_pct: float | None
    verdict: Verdict
    reason: str
    """One sentence: why this verdict."""
    decides: tuple[str, ...]
    """What would decide a verdict that cannot be told, the most useful first."""
    projection: Projection | None
    unknowns: tuple[Unknown, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, why, and what would decide it."""

    verdict: Verdict
    reason: str
    decides: tuple[str, ...] = ()


def growth(
    base: str,
    meters: Sequence[MeterData],
    *,
    zone: ZoneInfo,
    year: int,
    now: datetime,
    target_pct: float,
    baseline_year: int | None = None,
    holidays: Holidays = NO_HOLIDAYS,
) -> Growth:
    """Judge one base. `now` is aware; `baseline_year` defaults to the year before `year`."""
    before = year - 1 if baseline_year is None else baseline_year
    period = period_of(year, now, zone)
    partial = period is None or period != whole_year(year)
    if period is None or not meters or before == year:
        reason = _nothing_to_compare(year, before, bool(meters))
        return Growth(
            base, year, before, partial, target_pct, None, None, None, None, None, None,
            Verdict.CANNOT_TELL, reason, (), None,
        )  # fmt: skip
    this = load_of(meters, period, zone)
    baseline = load_of(meters, same_dates(period, before), zone)
    full = load_of(meters, whole_year(before), zone)
    evidence = None
    if this.exact_kwh is not None and baseline.exact_kwh is not None:
        evidence = weigh(meters, this, baseline, holidays, zone)
    judged = _judged(this, baseline, evidence, target_pct)
    low, mid, high = _percents(evidence)
    return Growth(
        base,
        year,
        before,
        partial,
        target_pct,
        this,
        baseline,
        full,
        low,
        mid,
        high,
        judged.verdict,
        judged.reason,
        judged.decides,
        projection(this, baseline, full, evidence) if partial and not _apart(evidence) else None,
        evidence.unknowns if evidence is not None else (),
        _notes(this, baseline, evidence),
    )


def _nothing_to_compare(year: int, before: int, has_meters: bool) -> str:
    if not has_meters:
        return msg(
            "no import meter is declared for this base under `{key}` in {file}",
            key="energy",
            file="site.yaml",
        )
    if before == year:
        return msg("the baseline year is {year} itself", year=year)
    return msg("{year} has no complete day yet", year=year)


def _percents(evidence: Evidence | None) -> tuple[float | None, float | None, float | None]:
    if evidence is None or evidence.interval is None:
        return None, None, None
    low, mid, high = ((value - 1) * 100 for value in evidence.interval)
    return low, mid, high


def _apart(evidence: Evidence | None) -> bool:
    """Whether the two periods do not have the same festivals, and that matters."""
    return evidence is not None and evidence.shift * 100 >= SHIFT_PCT


def _judged(this: Load, baseline: Load, evidence: Evidence | None, target_pct: float) -> Judged:
    shares = shares_of((this, baseline))
    reasons = [*_shortfalls(this, shares), *_shortfalls(baseline, shares)]
    low, mid, high = _percents(evidence)
    if evidence is not None:
        reasons += [
            msg(
                "nothing tells what {meter} used in the days that are missing: no other year has "
                "days to compare them with",
                meter=meter,
            )
            for meter in evidence.without_partners
        ]
        if mid is None and not reasons:
            reasons.append(
                msg("the load of {period} is not above zero", period=text_of(baseline.period))
            )
        if _apart(evidence):
            reasons += _festivals(evidence, this.period)
    if low is not None and high is not None and not reasons and low < target_pct <= high:
        reasons.append(
            msg(
                "{low_pct:+.2f} … {high_pct:+.2f} % against {period}: the target of "
                "{target_pct:g} % lies between",
                low_pct=low,
                high_pct=high,
                period=text_of(baseline.period),
                target_pct=target_pct,
            )
        )
    if reasons or low is None or mid is None or high is None:
        decides = _decides((this, baseline), evidence, target_pct)
        if decides:
            reasons.append(msg("what would decide it: {readings}", readings=joined("; ", *decides)))
        return Judged(Verdict.CANNOT_TELL, joined("; ", *reasons), decides)
    return Judged(
        Verdict.UNDER if high < target_pct else Verdict.OVER,
        msg(
            "{growth} against {period}, target below {target_pct:g} %",
            growth=percent_text(low, mid, high),
            period=text_of(baseline.period),
            target_pct=target_pct,
        ),
    )


def _decides(
    loads: Sequence[Load], evidence: Evidence | None, target_pct: float
) -> tuple[str, ...]:
    """What would decide a verdict, the most useful first."""
    if evidence is None or evidence.interval is None:
        alone = frozenset() if evidence is None else frozenset(evidence.without_partners)
        return tuple(
            msg("the register of {meter} on {day}", meter=part.meter, day=load.period.first)
            for load in reversed(loads)
            for part in load.meters
            if part.energy.amount is None or (part.meter in alone and part.energy.covered < 1)
        )
    if _apart(evidence):
        return tuple(
            msg("the year so far from {day} on", day=found.until) for found in evidence.shifted
        )
    return _readings(evidence, target_pct)


def _readings(evidence: Evidence, target_pct: float) -> tuple[str, ...]:
    """The readings that would make the interval narrow enough, the most useful first."""
    assert evidence.interval is not None
    found: list[str] = []
    target = 1 + target_pct / 100
    low, _, high = evidence.interval
    for width, part in widths(evidence):
        if width <= 0 or len(found) == _MOST_READINGS:
            break
        found.append(_reading(part))
        low, high = low + width / 2, high - width / 2
        if not low < target <= high:
            break
    return tuple(dict.fromkeys(found))


_MOST_READINGS: Final = 3


def _reading(part: Unknown | Crossing | Exchange) -> str:
    if isinstance(part, Exchange):
        return msg("the accuracy of {meter} before and after {day}", meter=part.meter, day=part.day)
    if isinstance(part, Crossing):
        return msg("the register of {meter} on {day}", meter=part.meter, day=part.day)
    return msg("the register of {meter} on {day}", meter=part.meter, day=part.reading)


def _festivals(evidence: Evidence, this: Period) -> list[str]:
    return [
        msg(
            "{festival} was on {first_day}..{last_day} and is on {this_first}..{this_last} this "
            "year: up to {day} the same dates are not the same days, which alone makes "
            "{points:.1f} points",
            festival=found.festival.name,
            first_day=found.festival.before.first,
            last_day=found.festival.before.last,
            this_first=found.festival.this.first,
            this_last=found.festival.this.last,
            day=this.last,
            points=evidence.shift * 100,
        )
        for found in evidence.shifted
    ]


def _shortfalls(load: Load, shares: Mapping[str, float]) -> list[str]:
    """Why a load cannot carry a verdict, one phrase for each meter that falls short."""
    result: list[str] = [
        msg("{meter} has no energy in {period}", meter=part.meter, period=text_of(load.period))
        for part in load.meters
        if part.energy.amount is None
    ]
    if result or load.covered_pct(shares) >= MIN_COVERAGE_PCT:
        return result
    return [
        msg(
            "{meter} covers {coverage_pct:.1f} % of {period}, less than {least_pct:g} %",
            meter=part.meter,
            coverage_pct=part.energy.coverage_pct,
            period=text_of(load.period),
            least_pct=MIN_COVERAGE_PCT,
        )
        for part in load.meters
        if part.energy.coverage_pct < MIN_COVERAGE_PCT
    ]


def _notes(this: Load, baseline: Load, evidence: Evidence | None) -> tuple[str, ...]:
    notes: list[str] = []
    if this.period.has_leap_day() != baseline.period.has_leap_day():
        longer = this if this.period.has_leap_day() else baseline
        notes.append(
            msg(
                "{period} has a leap day more: about {share_pct:.2f} % of its energy; raw growth "
                "does not remove it",
                period=text_of(longer.period),
                share_pct=100 / longer.period.days,
            )
        )
    if evidence is not None:
        notes += [_missing(unknown) for unknown in evidence.unknowns]
        notes += [_crossed(crossing) for crossing in evidence.crossings]
        notes += [
            msg(
                "{meter} was exchanged on {day}: the errors of both meters let growth "
                "move by {points:.2f} points",
                meter=exchange.meter,
                day=exchange.day,
                points=exchange.doubt * 100,
            )
            for exchange in evidence.exchanges
        ]
        if not _apart(evidence):
            notes += _festivals(evidence, this.period)
    notes += [
        msg("{meter}: {problem}", meter=part.meter, problem=problem)
        for load in (this, baseline)
        for part in load.meters
        for problem in part.energy.problems
    ]
    return tuple(dict.fromkeys(notes))


def _missing(unknown: Unknown) -> str:
    amounts = [abs(c.this) + abs(c.before) for c in unknown.corners]
    low_kwh, high_kwh = min(amounts), max(amounts)
    if unknown.days.days == 1:
        return msg(
            "{meter} is missing on {day}, or a part of it: {low_kwh:.0f} … {high_kwh:.0f} kWh, as "
            "days like it use",
            meter=unknown.meter,
            day=unknown.days.first,
            low_kwh=low_kwh,
            high_kwh=high_kwh,
        )
    return msg(
        "{meter} is missing from {first_day} to {last_day}: {low_kwh:.0f} … {high_kwh:.0f} kWh, "
        "as days like these use",
        meter=unknown.meter,
        first_day=unknown.days.first,
        last_day=unknown.days.last,
        low_kwh=low_kwh,
        high_kwh=high_kwh,
    )


def _crossed(crossing: Crossing) -> str:
    return msg(
        "{meter} was not read on {day}: {energy_kwh:.0f} kWh may lie on either side",
        meter=crossing.meter,
        day=crossing.day,
        energy_kwh=crossing.kwh,
    )


def percent_text(low: float, mid: float, high: float) -> str:
    """Growth as people read it: one number where it is known, else from the least to the most."""
    if high - low < 0.005:
        return f"{mid:+.2f} %"
    return f"{low:+.2f} … {high:+.2f} %"


def text_of(period: Period) -> str:
    if period == whole_year(period.first.year):
        return str(period.first.year)
    return f"{period.first.isoformat()}..{period.last.isoformat()}"
