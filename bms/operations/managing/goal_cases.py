"""Goals: who may use how much, whether they know it, and how it goes.

Each change takes the site, what is asked, who asks, when, and which way it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date, datetime

from bms.config.site import Site
from bms.core.errors import InvalidInput, Refused
from bms.core.instants import local
from bms.energy.management.goal_rules import (
    Pace,
    Used,
    acknowledged_share_pct,
    in_tree,
    misfit,
    over_budget,
    pace,
    same_day_last_year,
)
from bms.energy.management.managed_items import Acknowledged, Goal
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.ledger.database.queries import LedgerQueries
from bms.ledger.database.store import FILE_NAME as LEDGER
from bms.ledger.up_to_date import open_ledger
from bms.operations.managing.managed_places import meters_of, today_at, used, zone
from bms.operations.managing.management_store import (
    Author,
    ManagementStore,
    Version,
    kept,
    no_such,
    open_to_change,
    reading,
)
from bms.operations.managing.managing_requests import (
    AcknowledgeGoal,
    AddGoal,
    Change,
    GoalKept,
    GoalRow,
    GoalsListed,
    ListGoals,
    SetGoal,
)
from bms.people.hints import account_in
from bms.people.roles import Action, may, name_of
from bms.texts.messages import message_of, msg


@dataclass(frozen=True, slots=True)
class Standing:
    """A goal in its tree, and how it stands."""

    depth: int
    goal: Goal
    pace: Pace


def add_goal(site: Site, asked: AddGoal, user: str, now: datetime, via: str = "cli") -> GoalKept:
    """Another goal. Raises InvalidInput where it does not fit below its whole."""
    may(site, user, Action.MANAGE, *_targets(asked.place))
    meters_of(site, asked.place)
    goal = Goal.model_validate({**asked.model_dump(), "number": 0})
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            parent = None if goal.parent is None else store.one(Goal, goal.parent)
            wrong = misfit(goal, parent)
            if wrong is not None:
                raise InvalidInput(wrong)
            found = store.put(goal, Author(user, now, via), "add")
        return _kept(store, found)


def set_goal(site: Site, asked: SetGoal, user: str, now: datetime, via: str = "cli") -> GoalKept:
    """Another budget, or somebody else; what was acknowledged has to be again."""
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            goal = store.one(Goal, asked.goal)
            may(site, user, Action.MANAGE, *_targets(goal.place))
            given = {
                name: value
                for name, value in asked.model_dump(exclude={"goal", "reason"}).items()
                if value is not None
            }
            if not given:
                raise InvalidInput(msg("nothing is given that would be different"))
            changed = goal.model_copy(update={**given, "acknowledged": None})
            found = store.put(changed, Author(user, now, via), "set", asked.reason)
        return _kept(store, found)


def acknowledge_goal(
    site: Site, asked: AcknowledgeGoal, user: str, now: datetime, via: str = "cli"
) -> GoalKept:
    """Somebody knows a goal as theirs: who is responsible; where that is nobody with an account,
    whoever may set goals notes that they were told. Raises Refused."""
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            goal = store.one(Goal, asked.goal)
            if goal.responsible not in (account_in(user), name_of(site, user)):
                _for_another(site, goal, user)
            at = now.astimezone(zone(site, goal.place)).replace(microsecond=0)
            known = goal.model_copy(update={"acknowledged": Acknowledged(by=user, at=at)})
            found = store.put(known, Author(user, now, via), "acknowledge")
        return _kept(store, found)


def _for_another(site: Site, goal: Goal, user: str) -> None:
    for account, person in site.file.people.items():
        if goal.responsible in (account, person.name):
            raise Refused(
                msg(
                    "goal {number} is one of {person}, who acknowledges it",
                    number=goal.number,
                    person=name_of(site, account),
                )
            )
    may(site, user, Action.MANAGE, *_targets(goal.place))


def list_goals(site: Site, asked: ListGoals, now: datetime) -> GoalsListed:
    """The tree of goals and how each stands. Raises InvalidInput for one that there is not."""
    with reading(site.state_dir) as store:
        goals = kept(store, Goal)
        versions: Sequence[Version] = ()
        if asked.goal is not None:
            if not any(goal.number == asked.goal for goal in goals) or store is None:
                raise InvalidInput(no_such(Goal, asked.goal))
            versions = store.versions(Goal, asked.goal)
    chosen = [goal for goal in goals if asked.year in (None, goal.year)]
    rows = [
        GoalRow(
            goal=one.goal,
            depth=one.depth,
            until=one.pace.until,
            used_kwh=one.pace.used.kwh,
            known_kwh=one.pace.used.known_kwh,
            planned_kwh=one.pace.planned_kwh,
            pace_pct=one.pace.pct,
            reason=one.pace.reason,
            changes=changes_of(site, one.goal.place, versions),
        )
        for one in standings(site, chosen, now, only=asked.goal)
    ]
    return GoalsListed(
        goals=tuple(rows),
        acknowledged_pct=acknowledged_share_pct(chosen),
        remarks=tuple(over_budget(chosen)),
    )


def standings(
    site: Site, goals: Sequence[Goal], now: datetime, only: int | None = None
) -> list[Standing]:
    """The goals in their tree, each with its pace by the ledger; `only` is the number of one."""
    begun = any((site.state_dir / name).exists() for name in (HISTORY, LEDGER))
    with open_ledger(site, site.state_dir, now) if begun else nullcontext() as ledger:
        return [
            Standing(depth, goal, _pace(site, goal, ledger, now))
            for depth, goal in in_tree(goals)
            if only in (None, goal.number)
        ]


def changes_of(site: Site, place: str, versions: Sequence[Version]) -> tuple[Change, ...]:
    """Versions with their times by the clock of a place."""
    return tuple(
        Change(time=local(one.time, zone(site, place)), who=one.who, what=one.what, why=one.why)
        for one in versions
    )


def _pace(site: Site, goal: Goal, ledger: LedgerQueries | None, now: datetime) -> Pace:
    where, first = zone(site, goal.place), date(goal.year, 1, 1)
    after = date(goal.year + 1, 1, 1)
    until = max(first, min(today_at(site, goal.place, now), after))
    if until == first:
        nothing = msg("{year} has no whole day yet", year=goal.year)
        return Pace(until, Used(None), reason=nothing)
    if ledger is None:
        return Pace(until, Used(None), reason=msg("no meter was ever read"))
    try:
        terms = meters_of(site, goal.place)
    except InvalidInput as error:  # it was renamed, or its meter is gone
        return Pace(until, Used(None), reason=message_of(error))
    before = date(goal.year - 1, 1, 1)
    return pace(
        goal.budget_kwh,
        until,
        used(ledger, terms, first, until, where),
        used(ledger, terms, before, same_day_last_year(until), where),
        used(ledger, terms, before, first, where),
    )


def _kept(store: ManagementStore, goal: Goal) -> GoalKept:
    of_year = [one for one in store.all(Goal) if one.year == goal.year]
    return GoalKept(goal=goal, remarks=tuple(over_budget(of_year)))


def _targets(place: str) -> tuple[str, ...]:
    """For whom areas are limited, a place in one of them; the whole company is nobody's area."""
    return (place,) if place else ()
