"""Energy management of a year as a report to be signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from bms.core.instants import local_midnight
from bms.core.readings import Label
from bms.energy.management.goal_rules import Pace, acknowledged_share_pct, over_budget
from bms.energy.management.managed_items import Category, Finding, Goal, Means, Measure, Round
from bms.energy.management.measure_rules import Interventions, days_in_year, expected_in_year_kwh
from bms.energy.management.round_rules import Turn, overdue
from bms.reports.documents.document import (
    Cell,
    Column,
    Document,
    Figure,
    Headline,
    Headlines,
    Kind,
    Lines,
    Name,
    Ratio,
    Receipt,
    Row,
    Section,
    Table,
    missing,
    sum_of,
)
from bms.texts.messages import msg

LEVELS: Final[Mapping[str, str]] = {
    "company": msg("company"), "base": msg("base"), "area": msg("area"), "person": msg("person"),
}  # fmt: skip
KINDS: Final[Mapping[str, str]] = {
    "outside_plan": msg("out of plan"), "hand": msg("hand mode"), "leak": msg("leak"),
    "old_override": msg("old override"), "waste": msg("waste"), "other": msg("other"),
}  # fmt: skip
MEANS: Final[Mapping[Means, str]] = {
    Means.MANAGEMENT: msg("management"),
    Means.TECHNICAL: msg("technical transformation"),
    Means.SMART: msg("smart transformation"),
}
CATEGORIES: Final[Mapping[Category, str]] = {
    Category.AIR_CONDITIONING: msg("air conditioning"),
    Category.LIGHTING: msg("lighting"),
    Category.MACHINERY: msg("electrical machinery"),
    Category.WATER_HEATING: msg("water heating"),
    Category.OTHER: msg("other"),
}
STATES: Final[Mapping[str, str]] = {
    "planned": msg("planned"), "ongoing": msg("ongoing"), "launched": msg("launched"),
}  # fmt: skip
_NOT_ENTERED: Final = msg("nobody has entered it")


@dataclass(frozen=True, slots=True)
class GoalLine:
    """A goal in its tree, and how it stands."""

    depth: int
    goal: Goal
    pace: Pace


@dataclass(frozen=True, slots=True)
class Managed:
    """What the report is made of; `today` is the day of the site."""

    site: Name
    zone: ZoneInfo
    year: int
    today: date
    goals: Sequence[GoalLine]
    rounds: Sequence[tuple[Round, Sequence[Turn]]]
    findings: Sequence[Finding]
    measures: Sequence[tuple[Measure, Interventions]]
    receipt: Receipt


def management_document(managed: Managed) -> Document:
    """Goals with their pace, rounds kept, findings by state, measures expected and achieved."""
    year = managed.year
    sections = (
        Section("answer", msg("In all"), (_headlines(managed),)),
        Section("goals", msg("Goals"), (_goals(managed), *_remarks(managed))),
        Section("rounds", msg("Rounds of inspection"), (_rounds(managed),)),
        Section("findings", msg("Findings"), (_findings(managed),)),
        Section(
            "measures",
            msg("Measures"),
            (_measures(managed), _by_group(managed, "means"), _by_group(managed, "category")),
            msg("in {year}", year=year),
        ),
    )
    return Document(
        kind="management",
        title=msg("Energy management"),
        site=managed.site,
        subject=managed.site,
        period=f"{year}",
        start=_local(managed, date(year, 1, 1)),
        end=_local(managed, date(year + 1, 1, 1)),
        answer=_answer(managed),
        sections=sections,
        receipt=managed.receipt,
        signatures=(msg("Drawn up by"), msg("Checked by"), msg("Approved by")),
    )


def _answer(managed: Managed) -> str:
    late = [one.goal for one in managed.goals if one.pace.pct is not None and one.pace.pct > 100]
    unknown = sum(one.pace.pct is None for one in managed.goals)
    due = sum(overdue(one, managed.today) for one in managed.findings)
    return msg(
        "{year}: {late} of {goals} goals use more than their pace allows, of {unknown} nobody can "
        "tell; findings overdue: {overdue}",
        year=managed.year,
        late=len(late),
        goals=len(managed.goals),
        unknown=unknown,
        overdue=due,
    )


def _headlines(managed: Managed) -> Headlines:
    share = acknowledged_share_pct([one.goal for one in managed.goals])
    turns = [turn for _, found in managed.rounds for turn in found if turn.state != "due"]
    kept = sum(turn.state == "kept" for turn in turns)
    return Headlines(
        (
            Headline(
                "acknowledged",
                msg("Goals acknowledged"),
                missing(msg("there are no goals")) if share is None else Figure(share),
                "%",
            ),
            Headline(
                "rounds",
                msg("Rounds kept"),
                Figure(kept / len(turns) * 100) if turns else missing(msg("none was due yet")),
                "%",
                detail=msg("{kept} of {due}", kept=kept, due=len(turns)),
            ),
            Headline(
                "open",
                msg("Findings open"),
                Figure(sum(one.closed is None for one in managed.findings)),
            ),
            Headline(
                "launched",
                msg("Measures launched"),
                Figure(sum(one.state == "launched" for one, _ in managed.measures)),
            ),
        )
    )


# --- goals and rounds -------------------------------------------------------------------------


def _goals(managed: Managed) -> Table:
    columns = (
        Column("goal", msg("Goal"), width=28),
        Column("level", msg("Level")),
        Column("responsible", msg("Responsible")),
        Column("budget", msg("Budget"), Kind.NUMBER, "kWh"),
        Column("used", msg("Used so far"), Kind.NUMBER, "kWh"),
        Column("planned", msg("Budget up to then"), Kind.NUMBER, "kWh"),
        Column("pace", msg("Pace"), Kind.NUMBER, "%", 1, Ratio("used", "planned", 100)),
        Column("until", msg("Up to, not included"), Kind.DAY),
        Column("acknowledged", msg("Acknowledged"), Kind.MOMENT),
        Column("by", msg("By")),
    )
    rows = []
    for one in managed.goals:
        goal, pace, known = one.goal, one.pace, one.goal.acknowledged
        cells: dict[str, Cell] = {
            "goal": goal.title,
            "level": LEVELS[goal.level],
            "responsible": goal.responsible,
            "budget": Figure(goal.budget_kwh),
            "used": _known(pace.used.kwh, pace.used.reason or pace.reason, pace.used.known_kwh),
            "planned": _known(pace.planned_kwh, pace.reason),
            "until": pace.until,
            "acknowledged": None if known is None else known.at.astimezone(managed.zone),
            "by": None if known is None else known.by,
        }
        late = pace.pct is not None and pace.pct > 100
        rows.append(Row(f"goal-{goal.number}", cells, marked=late, depth=one.depth))
    note = msg(
        "the pace is what was used, against the budget's part that last year had used by that day"
    )
    empty = msg("no goal is set for this year")
    return Table("goals", columns, tuple(rows), notes=(note,), empty=empty)


def _remarks(managed: Managed) -> Iterator[Lines]:
    found = tuple(over_budget(one.goal for one in managed.goals))
    if found:
        yield Lines(found)


def _rounds(managed: Managed) -> Table:
    columns = (
        Column("round", msg("Round"), width=24),
        Column("place", msg("Place")),
        Column("look_at", msg("What is looked at"), width=30),
        Column("responsible", msg("Responsible")),
        Column("kept", msg("Kept"), Kind.NUMBER),
        Column("late", msg("Of these late"), Kind.NUMBER),
        Column("missed", msg("Missed"), Kind.NUMBER),
        Column("last", msg("Last visit"), Kind.DAY),
        Column("found", msg("Visits that found something"), Kind.NUMBER),
    )
    rows = []
    for one, turns in managed.rounds:
        in_year = [visit for visit in one.visits if visit.on.year == managed.year]
        missed = sum(turn.state == "missed" for turn in turns)
        cells: dict[str, Cell] = {
            "round": one.title,
            "place": one.place,
            "look_at": "; ".join(one.look_at),
            "responsible": one.responsible,
            "kept": Figure(sum(turn.state == "kept" for turn in turns)),
            "late": Figure(sum(turn.late_days > 0 for turn in turns)),
            "missed": Figure(missed),
            "last": max((visit.on for visit in in_year), default=None),
            "found": Figure(sum(bool(visit.found) for visit in in_year)),
        }
        rows.append(Row(f"round-{one.number}", cells, marked=missed > 0))
    return Table("rounds", columns, tuple(rows), empty=msg("no round is set"))


# --- findings ---------------------------------------------------------------------------------


def _findings(managed: Managed) -> Table:
    columns = (
        Column("finding", msg("Finding"), width=40),
        Column("kind", msg("Kind")),
        Column("place", msg("Place")),
        Column("found_by", msg("Found by")),
        Column("at", msg("At"), Kind.MOMENT),
        Column("owner", msg("Owner")),
        Column("due", msg("Due"), Kind.DAY),
        Column("state", msg("State")),
        Column("worth_year", msg("Worth a year"), Kind.NUMBER, "kWh"),
        Column("worth_once", msg("Worth once"), Kind.NUMBER, "kWh"),
        Column("achieved", msg("Achieved"), Kind.NUMBER, "kWh"),
        Column("note", msg("What was done"), width=24),
    )
    ordered = sorted(
        managed.findings,
        key=lambda one: (one.closed is not None, not overdue(one, managed.today), one.number),
    )
    rows = tuple(_finding(managed, one) for one in ordered)
    note = msg("overdue findings are marked; what nobody can estimate is in no sum")
    return Table("findings", columns, rows, notes=(note,), empty=msg("nothing was found"))


def _finding(managed: Managed, one: Finding) -> Row:
    late, closed, worth = overdue(one, managed.today), one.closed, one.worth
    cells: dict[str, Cell] = {
        "finding": one.title,
        "kind": KINDS[one.kind],
        "place": one.place,
        "found_by": one.by,
        "at": one.at.astimezone(managed.zone),
        "owner": one.owner or msg("nobody yet"),
        "due": one.due,
        "state": msg("closed") if closed else msg("overdue") if late else msg("open"),
        "note": closed.note if closed else None,
    }
    if worth is None:
        cells["worth_year"] = missing(one.unknown)
    else:
        label = Label.ESTIMATED if worth.estimated else Label.MEASURED
        column = "worth_year" if worth.per == "year" else "worth_once"
        cells[column] = Figure(worth.kwh, label, worth.basis)
    if closed is not None:
        cells["achieved"] = _known(closed.achieved_kwh, _NOT_ENTERED)
    return Row(f"finding-{one.number}", cells, marked=late)


# --- measures ---------------------------------------------------------------------------------


def _measures(managed: Managed) -> Table:
    columns = (
        Column("measure", msg("Measure"), width=28),
        Column("base", msg("Base")),
        Column("means", msg("Means")),
        Column("category", msg("Category")),
        Column("state", msg("State")),
        Column("from", msg("From"), Kind.DAY),
        Column("days", msg("Days in the year"), Kind.NUMBER),
        Column("expected", msg("Expected a year"), Kind.NUMBER, "kWh"),
        Column("expected_year", msg("Expected in the year"), Kind.NUMBER, "kWh"),
        Column("achieved", msg("Achieved"), Kind.NUMBER, "kWh"),
        Column("method", msg("Method and period"), width=28),
        Column("before", msg("By hand a month, before"), Kind.NUMBER, "", 1),
        Column("since", msg("By hand a month, since"), Kind.NUMBER, "", 1),
        Column("manpower", msg("Manpower"), width=20),
        Column("comfort", msg("Comfort and safety"), width=20),
        Column("maintenance", msg("Maintenance"), width=20),
    )
    rows = tuple(_measure(managed, one, counted) for one, counted in managed.measures)
    notes = (
        msg("expected in the year is the expected saving, times the days it works, over 365"),
        msg("by hand: overrides and locks by people at the base, in a mean month"),
    )
    return Table("measures", columns, rows, notes=notes, empty=msg("the register is empty"))


def _measure(managed: Managed, one: Measure, counted: Interventions) -> Row:
    achieved = one.achieved
    cells: dict[str, Cell] = {
        "measure": one.title,
        "base": one.base,
        "means": MEANS[one.means],
        "category": CATEGORIES[one.category],
        "state": STATES[one.state],
        "from": one.first_day,
        "days": Figure(days_in_year(one, managed.year)),
        "expected": _known(one.expected_kwh, _NOT_ENTERED),
        "expected_year": _known(expected_in_year_kwh(one, managed.year), _NOT_ENTERED),
        "achieved": _achieved(one),
        "method": None
        if achieved is None
        else msg(
            "{method}, {first_day} to {last_day}",
            method=achieved.method,
            first_day=achieved.first_day.isoformat(),
            last_day=achieved.last_day.isoformat(),
        ),
        "before": _by_hand(counted.before, counted.months_before),
        "since": _by_hand(counted.since, counted.months_since),
        "manpower": one.manpower,
        "comfort": one.comfort,
        "maintenance": one.maintenance,
    }
    return Row(f"measure-{one.number}", cells, depth=0)


def _by_group(managed: Managed, which: str) -> Table:
    """Measures that work in the year, added up by means or by category."""
    of: Callable[[Measure], str] = (
        (lambda one: one.means.value) if which == "means" else (lambda one: one.category.value)
    )
    titles: Mapping[str, str] = {
        **{key.value: said for key, said in MEANS.items()},
        **{key.value: said for key, said in CATEGORIES.items()},
    }
    working = [one for one, _ in managed.measures if days_in_year(one, managed.year)]
    rows = []
    for group in dict.fromkeys(map(of, working)):
        parts = [one for one in working if of(one) == group]
        cells: dict[str, Cell] = {
            "group": titles[group],
            "measures": Figure(len(parts)),
            "expected": _added([expected_in_year_kwh(one, managed.year) for one in parts]),
            "achieved": _added([one.achieved.kwh if one.achieved else None for one in parts]),
        }
        rows.append(Row(group, cells))
    if rows:
        total = sum_of(*(row.key for row in rows))
        rows.append(Row("total", {"group": msg("In all")}, total, total=True))
    title = msg("By means") if which == "means" else msg("By category")
    columns = (
        Column("group", title, width=24),
        Column("measures", msg("Measures"), Kind.NUMBER),
        Column("expected", msg("Expected in the year"), Kind.NUMBER, "kWh"),
        Column("achieved", msg("Achieved"), Kind.NUMBER, "kWh"),
    )
    empty = msg("no measure works in this year")
    return Table(f"by_{which}", columns, tuple(rows), title, empty=empty)


def _achieved(one: Measure) -> Figure:
    if one.achieved is None:
        return missing(_NOT_ENTERED)
    found = one.achieved
    return Figure(found.kwh, Label.ESTIMATED, least=found.low_kwh, most=found.high_kwh)


def _by_hand(a_month: float | None, months: int) -> Figure:
    if a_month is None:
        return missing(msg("no whole month of it is recorded"))
    return Figure(a_month, reason=msg("whole months counted: {months}", months=months))


def _added(parts: Sequence[float | None]) -> Figure:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return missing(_NOT_ENTERED)
    return Figure(sum(known), Label.ESTIMATED)


def _known(kwh: float | None, reason: str, least: float | None = None) -> Figure:
    return missing(reason, least) if kwh is None else Figure(kwh)


def _local(managed: Managed, day: date) -> datetime:
    return local_midnight(day, managed.zone).astimezone(managed.zone)
