"""Asked of energy management: goals, rounds, findings and the register of measures.

Changes are carried out by the running controller; where none runs, by whoever owns the state
directory. Lists are read from the files. Days are those of the place that an item is about.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, Field

from bms.energy.management.managed_items import (
    Achieved,
    Category,
    Finding,
    FindingKind,
    Goal,
    Level,
    Means,
    Measure,
    Round,
)
from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Rows,
    on_files,
)
from bms.texts.field import Words


class Change(Answer):
    """One version of an item."""

    time: LocalTime
    who: str
    what: str
    """A dotted word, as in the audit."""
    why: str


# --- goals ----------------------------------------------------------------------------------


class AddGoal(Request):
    """Another goal."""

    title: Given
    level: Level
    place: str = ""
    """A base, a group or a meter, whose energy counts; empty: all bases."""
    year: int = Field(ge=1990, le=2200)
    budget_kwh: float = Field(ge=0, allow_inf_nan=False)
    responsible: Given
    """An account of the site's people, or a name."""
    parent: int | None = Field(default=None, ge=1)
    """The number of the goal that it is a part of."""


class SetGoal(Request):
    """Another budget of a goal, or somebody else for it: whoever it is acknowledges it again."""

    goal: int = Field(ge=1)
    budget_kwh: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    responsible: str | None = None
    reason: Given


class AcknowledgeGoal(Request):
    """Somebody knows a goal as theirs."""

    goal: int = Field(ge=1)


class GoalKept(Answer):
    """A goal as it stands."""

    goal: Goal
    remarks: tuple[Words, ...] = ()
    """Where parts may use more than their whole."""


class ListGoals(Request):
    """The goals of a year, or of all."""

    year: int | None = None
    goal: int | None = None
    """One of them."""


class GoalRow(Answer):
    """A goal and how it stands."""

    goal: Goal
    depth: int
    until: date
    """The first day that does not count yet."""
    used_kwh: float | None
    known_kwh: float | None
    """What is known of it where `used_kwh` is None."""
    planned_kwh: float | None
    """The budget's part up to then, by last year's use."""
    pace_pct: float | None
    """Used over planned; None where it is not known, for `reason`."""
    reason: Words
    changes: tuple[Change, ...] = ()
    """Where one goal was asked for."""


class GoalsListed(Answer):
    """The tree of goals, each part below its whole."""

    goals: tuple[GoalRow, ...]
    acknowledged_pct: float | None
    remarks: tuple[Words, ...]


# --- rounds ---------------------------------------------------------------------------------


class AddRound(Request):
    """Another round of inspection."""

    title: Given
    place: Given
    """A base, a group or equipment; or an area by its name, `<base>.<name>`."""
    look_at: tuple[Given, ...] = Field(min_length=1)
    every_days: int | None = Field(default=None, ge=1, le=366)
    first_day: date | None = None
    on_days: tuple[date, ...] = ()
    """Fixed days, in place of `every_days`."""
    responsible: Given


class AddVisit(Request):
    """A round was made."""

    round: int = Field(ge=1)
    on: date | None = None
    """None: today."""
    found: str = ""


class RoundKept(Answer):
    """A round as it stands."""

    round: Round


class ListRounds(Request):
    """All rounds, with the turns of a year."""

    year: int | None = None
    """None: this one."""


class TurnRow(Answer):
    """One time that a round was or is to be made."""

    day: date
    state: Literal["kept", "missed", "due"]
    late_days: int
    on: date | None
    by: str
    found: str


class RoundRow(Answer):
    """A round and its turns up to today."""

    round: Round
    kept: int
    missed: int
    turns: tuple[TurnRow, ...]


class RoundsListed(Rows[RoundRow]):
    """By number."""


# --- findings -------------------------------------------------------------------------------


class AddFinding(Request):
    """Something that a person has found."""

    title: Given
    kind: FindingKind = FindingKind.WASTE
    place: Given
    owner: str = ""
    due: date | None = None
    worth_kwh: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    worth_per: Literal["year", "once"] = "year"
    basis: str = ""
    """How the worth was estimated."""


class AssignFinding(Request):
    """Who puts it right, and by when."""

    finding: int = Field(ge=1)
    owner: Given
    due: date | None = None


class CloseFinding(Request):
    """It was put right, or is none."""

    finding: int = Field(ge=1)
    note: Given
    on: date | None = None
    """None: today."""
    achieved_kwh: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class LookForFindings(Request):
    """Look through what is recorded of a period for what wastes energy."""

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")
    """Not included. None for now."""


class FindingKept(Answer):
    """A finding as it stands."""

    finding: Finding


class FindingsSeen(Answer):
    """What was found in a period."""

    opened: tuple[Finding, ...]
    known: tuple[int, ...]
    """Numbers of those that are open already."""
    remarks: tuple[Words, ...] = ()
    """What could not be looked at."""


class ListFindings(Request):
    """Findings, the open ones first."""

    state: Literal["open", "overdue", "closed"] | None = None
    """None: all."""


class FindingRow(Answer):
    """A finding and how it stands."""

    finding: Finding
    state: Literal["open", "overdue", "closed"]


class FindingsListed(Rows[FindingRow]):
    """Overdue ones, open ones, closed ones; by number."""


# --- measures -------------------------------------------------------------------------------


class AddMeasure(Request):
    """Another measure in the register."""

    title: Given
    base: Given
    means: Means
    category: Category
    meters: tuple[Given, ...] = ()
    state: Literal["planned", "ongoing", "launched"] = "planned"
    first_day: date | None = None
    """From which it works."""
    last_day: date | None = None
    expected_kwh: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """A year."""
    manpower: str = ""
    comfort: str = ""
    maintenance: str = ""


class SetMeasure(Request):
    """What is different with a measure; what is not given stays."""

    measure: int = Field(ge=1)
    state: Literal["planned", "ongoing", "launched"] | None = None
    first_day: date | None = None
    last_day: date | None = None
    expected_kwh: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    manpower: str | None = None
    comfort: str | None = None
    maintenance: str | None = None
    achieved: Achieved | None = None
    reason: Given


class MeasureKept(Answer):
    """A measure as it stands."""

    measure: Measure


class ListMeasures(Request):
    """The register, with what counts of each measure in a year."""

    year: int | None = None
    """None: this one."""
    measure: int | None = None
    """One of them."""


class MeasureRow(Answer):
    """A measure and what of it counts in a year."""

    measure: Measure
    year: int
    days: int
    """On which it works in that year, at most 365."""
    expected_in_year_kwh: float | None
    interventions_before: float | None
    """Overrides and locks by people at its base in a mean month of the year before it worked; None
    where no whole month is recorded."""
    interventions_since: float | None
    changes: tuple[Change, ...] = ()
    """Where one measure was asked for."""


class MeasuresListed(Rows[MeasureRow]):
    """By number."""


GOAL_ADD = on_files("goal.add", AddGoal, GoalKept)
GOAL_SET = on_files("goal.set", SetGoal, GoalKept)
GOAL_ACKNOWLEDGE = on_files("goal.acknowledge", AcknowledgeGoal, GoalKept)
GOAL_LIST = Operation("goal.list", ListGoals, GoalsListed)
ROUND_ADD = on_files("round.add", AddRound, RoundKept)
ROUND_VISIT = on_files("round.visit", AddVisit, RoundKept)
ROUND_LIST = Operation("round.list", ListRounds, RoundsListed)
FINDING_ADD = on_files("finding.add", AddFinding, FindingKept)
FINDING_ASSIGN = on_files("finding.assign", AssignFinding, FindingKept)
FINDING_CLOSE = on_files("finding.close", CloseFinding, FindingKept)
FINDING_LOOK = on_files("finding.look", LookForFindings, FindingsSeen)
FINDING_LIST = Operation("finding.list", ListFindings, FindingsListed)
MEASURE_ADD = on_files("measure.add", AddMeasure, MeasureKept)
MEASURE_SET = on_files("measure.set", SetMeasure, MeasureKept)
MEASURE_LIST = Operation("measure.list", ListMeasures, MeasuresListed)
ALL: Final[tuple[Operation[Request, BaseModel], ...]] = (
    GOAL_LIST,
    GOAL_ADD,
    GOAL_SET,
    GOAL_ACKNOWLEDGE,
    ROUND_LIST,
    ROUND_ADD,
    ROUND_VISIT,
    FINDING_LIST,
    FINDING_ADD,
    FINDING_ASSIGN,
    FINDING_CLOSE,
    FINDING_LOOK,
    MEASURE_LIST,
    MEASURE_ADD,
    MEASURE_SET,
)
"""All of them: each works on the files of a site."""
