"""How metered groups ran over the month: by half hours, against what was planned for them.

The plan is what the schedule, overlays, optimal start or a strategy asked of the group at the time,
as it was recorded; where nothing was recorded, what the schedule says now. What a person's override
asked is not the plan, so that one that is forgotten shows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import Group, Site
from bms.control.supervise.scheduled import resolver_of
from bms.core.decisions import Award, Priority
from bms.core.instants import from_ms, local_midnight, to_ms
from bms.core.readings import Label
from bms.energy.quarters import QUARTER_MS, Slot
from bms.historian.log.log_queries import Queries
from bms.reports.month.gathering import MonthData
from bms.reports.pictures.carpet import Carpet, Cell, OutOfPlan
from bms.texts.messages import msg
from schedules.model.context import NOTHING

RUNS_OVER: Final = 0.2
"""Of the usual power while it is planned: more is running, less is standing by."""
RUN_ON: Final = timedelta(minutes=30)
"""After the plan has ended, so long a plant may run down."""
SHORTEST: Final = 2
"""Quarter hours."""
_KNOWN_SHAPE: Final = (Label.MEASURED, Label.CORRECTED, Label.DERIVED)


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch that ran outside the plan."""

    start: datetime
    end: datetime
    """Local."""
    kwh: Fraction
    why: str

    @property
    def hours(self) -> Fraction:
        return Fraction(to_ms(self.end) - to_ms(self.start), 3_600_000)


@dataclass(frozen=True, slots=True)
class GroupRun:
    """One group over the month."""

    group: Group
    carpet: Carpet
    runs: tuple[Run, ...]
    kwh: Fraction
    """All that is known of it."""
    shaped: bool
    """Whether its quarter hours are measured as such: else nothing is said of runs."""


def group_runs(site: Site, data: MonthData, history: Queries | None, most: int) -> list[GroupRun]:
    """The groups of a base that have a meter and a schedule, what uses most first."""
    found = []
    for group in site.groups.values():
        key = None if group.meter is None else group.meter.points.get("energy")
        if group.base != data.base.id or group.id not in site.library.governed:
            continue
        if key is not None and key in data.slots:
            found.append(_run(site, data, group, key, history))
    return sorted(found, key=lambda run: -run.kwh)[:most]


def _run(site: Site, data: MonthData, group: Group, key: str, history: Queries | None) -> GroupRun:
    slots = dict(data.slots[key])
    first, last = to_ms(data.span.start), to_ms(data.span.end)
    plan = _Plan(site, group, history, data.span.start, data.span.end)
    quarters = range(first, last, QUARTER_MS)
    planned = {ms: plan.at(ms) for ms in quarters}
    shaped = sum(slot.label in _KNOWN_SHAPE for slot in slots.values())
    runs: list[Run] = []
    if shaped * 2 > len(quarters):
        runs = _runs(slots, planned, plan, data.zone)
    days = _days(data.span.start.date(), data.span.end)
    made = Carpet(
        days,
        _cells(slots, quarters, days, data.zone),
        {_cell(ms, days, data.zone) for ms, on in planned.items() if on},
        [box for number, run in enumerate(runs, 1) for box in _boxes(number, run, days)],
    )
    total = sum((slot.amount for slot in slots.values() if slot.covered_ms), Fraction(0))
    return GroupRun(group, made, tuple(runs), total, shaped * 2 > len(quarters))


class _Plan:
    """What was asked of a group at any instant, but by people's overrides."""

    def __init__(
        self, site: Site, group: Group, history: Queries | None, start: datetime, end: datetime
    ) -> None:
        self._times: list[int] = []
        self._awards: list[Award | None] = []
        self._resolver = resolver_of(site, group.id, NOTHING)
        if history is not None:
            before = history.award_at(group.mode_point, start)
            rows = ([] if before is None else [before]) + list(
                history.awards(group.mode_point, start, end)
            )
            self._times = [to_ms(row.time) for row in rows]
            self._awards = [row.award for row in rows]

    def _award(self, ms: int) -> Award | None:
        place = bisect_right(self._times, ms) - 1
        return self._awards[place] if place >= 0 else None

    def at(self, ms: int) -> bool:
        """Whether the group was to run in the quarter hour from `ms` on."""
        award = self._award(ms)
        if award is not None:
            commands = [award.winner, *award.losers]
            asked = [c for c in commands if c.priority > Priority.OPERATOR]
            if asked:
                return str(asked[0].value) not in ("off", "")
        if self._resolver is None:
            return False
        return self._resolver.effective(from_ms(ms)).mode not in ("off", "")

    def why(self, ms: int) -> str:
        """Who had it run outside the plan."""
        award = self._award(ms)
        winner = None if award is None else award.winner
        if winner is not None and winner.priority == Priority.OPERATOR and winner.value != "off":
            return winner.reason
        return msg("nobody asked for it here: by hand on the spot, or something else is metered")


def _runs(
    slots: dict[int, Slot], planned: dict[int, bool], plan: _Plan, zone: ZoneInfo
) -> list[Run]:
    usual = [
        float(slot.amount)
        for ms, slot in slots.items()
        if planned.get(ms) and slot.label in _KNOWN_SHAPE and slot.amount
    ]
    if not usual:
        return []
    least = median(usual) * RUNS_OVER
    found: list[Run] = []
    ended = -(10**18)
    start: int | None = None
    quarters = sorted(planned)
    for ms in [*quarters, quarters[-1] + QUARTER_MS]:
        slot = slots.get(ms)
        on = planned.get(ms, False)
        if on:
            ended = ms + QUARTER_MS
        running = (
            slot is not None
            and not on
            and ms - ended >= RUN_ON // timedelta(milliseconds=1)
            and slot.label in _KNOWN_SHAPE
            and float(slot.amount) > least
        )
        if running and start is None:
            start = ms
        elif not running and start is not None:
            if ms - start >= SHORTEST * QUARTER_MS:
                kwh = sum((slots[q].amount for q in range(start, ms, QUARTER_MS)), Fraction(0))
                moments = from_ms(start).astimezone(zone), from_ms(ms).astimezone(zone)
                found.append(Run(*moments, kwh, plan.why(start)))
            start = None
    return found


def _days(first: date, end: datetime) -> list[date]:
    last = (end - timedelta(minutes=1)).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _cell(ms: int, days: Sequence[date], zone: ZoneInfo) -> Cell:
    wall = from_ms(ms).astimezone(zone)
    return (wall.date() - days[0]).days, wall.hour * 2 + wall.minute // 30


def _cells(
    slots: dict[int, Slot], quarters: range, days: Sequence[date], zone: ZoneInfo
) -> dict[Cell, float | None]:
    found: dict[Cell, float | None] = {}
    for ms in quarters:
        cell = _cell(ms, days, zone)
        slot = slots.get(ms)
        before = found.get(cell, 0.0)
        known = slot is not None and slot.covered_ms == QUARTER_MS
        found[cell] = None if before is None or not known else before + float(slot.amount)  # type: ignore[union-attr]
    for n, day in enumerate(days):  # an hour that the clocks leave out is nothing, not unknown
        if local_midnight(day + timedelta(days=1), zone) - local_midnight(day, zone) < timedelta(
            hours=24
        ):
            for half in range(48):
                found.setdefault((n, half), 0.0)
    return found


def _boxes(number: int, run: Run, days: Sequence[date]) -> list[OutOfPlan]:
    """A stretch day by day; the number stands at the first."""
    found = []
    day = run.start.date()
    last = (run.end - timedelta(minutes=1)).date()
    while day <= last:
        first = run.start.hour * 2 + run.start.minute // 30 if day == run.start.date() else 0
        end = 48
        if day == run.end.date():
            end = -(-(run.end.hour * 60 + run.end.minute) // 30)
        found.append(OutOfPlan(number, (day - days[0]).days, first, max(end, first + 1)))
        day += timedelta(days=1)
    return found
