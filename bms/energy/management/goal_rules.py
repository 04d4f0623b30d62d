"""Whether goals add up, and whether their pace holds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from bms.energy.management.managed_items import RANKS, Goal, Level
from bms.texts.messages import Message, msg


@dataclass(frozen=True, slots=True)
class Used:
    """What was used in a period; None with the reason where it is not known in full."""

    kwh: float | None
    reason: str = ""
    known_kwh: float | None = None
    """The part that is known."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a goal stands on a day."""

    until: date
    """The first day that does not count yet."""
    used: Used
    planned_kwh: float | None = None
    """The budget's part up to that day, by what last year used up to it."""
    pct: float | None = None
    """Used over planned: above 100 the goal will be missed if it goes on so."""
    reason: str = ""
    """Why the pace is not known."""


def pace(budget_kwh: float, until: date, used: Used, last_so_far: Used, last_year: Used) -> Pace:
    """Used so far against the budget times the share that last year had used by that day.

    What is not known in full makes the pace unknown.
    """
    for part, says in (
        (used, msg("this year is not known in full")),
        (last_so_far, msg("last year is not known in full up to this day")),
        (last_year, msg("last year is not known in full")),
    ):
        if part.kwh is None:
            reason = part.reason
            said = msg("{part}: {reason}", part=says, reason=reason) if reason else says
            return Pace(until, used, reason=said)
    assert used.kwh is not None
    assert last_so_far.kwh is not None
    assert last_year.kwh is not None
    if last_year.kwh <= 0:
        return Pace(until, used, reason=msg("last year used nothing: there is no share to go by"))
    planned = budget_kwh * last_so_far.kwh / last_year.kwh
    if planned <= 0:
        return Pace(until, used, planned, reason=msg("last year used nothing up to this day"))
    return Pace(until, used, planned, used.kwh / planned * 100)


def misfit(goal: Goal, parent: Goal | None) -> Message | None:
    """Why a goal cannot be a part of another; None if it can, or stands by itself."""
    if parent is None:
        return None
    if parent.year != goal.year:
        return msg(
            "goal {number} is one of {year}: a part has the year of its whole",
            number=parent.number,
            year=parent.year,
        )
    above, below = RANKS.index(parent.level), RANKS.index(goal.level)
    if below < above or (below == above and goal.level not in (Level.AREA, Level.PERSON)):
        return msg(
            "goal {number} is one of the level '{level}': a part lies below it",
            number=parent.number,
            level=parent.level.value,
        )
    return None


def over_budget(goals: Iterable[Goal]) -> Iterator[Message]:
    """The goals whose parts may use more than they may themselves."""
    known = {goal.number: goal for goal in goals}
    for goal in known.values():
        parts = [part.budget_kwh for part in known.values() if part.parent == goal.number]
        beyond = sum(parts) - goal.budget_kwh
        if parts and beyond > goal.budget_kwh * 1e-9:
            yield msg(
                "goal {number} ({title}): its parts may use {parts_kwh:,.0f} kWh, "
                "{beyond_kwh:,.0f} kWh more than it may itself",
                number=goal.number,
                title=goal.title,
                parts_kwh=sum(parts),
                beyond_kwh=beyond,
            )


def in_tree(goals: Sequence[Goal]) -> Iterator[tuple[int, Goal]]:
    """Each goal with its depth, the parts of a goal right below it."""
    parts: dict[int | None, list[Goal]] = {}
    known = {goal.number for goal in goals}
    for goal in goals:
        parts.setdefault(goal.parent if goal.parent in known else None, []).append(goal)

    def below(whole: int | None, depth: int) -> Iterator[tuple[int, Goal]]:
        for goal in parts.get(whole, []):
            yield depth, goal
            yield from below(goal.number, depth + 1)

    return below(None, 0)


def same_day_last_year(day: date) -> date:
    """The same date of the year before; 28 February for the 29th."""
    if (day.month, day.day) == (2, 29):
        return date(day.year - 1, 2, 28)
    return day.replace(year=day.year - 1)


def acknowledged_share_pct(goals: Sequence[Goal]) -> float | None:
    """Of all goals, how many are acknowledged; None without goals."""
    if not goals:
        return None
    return sum(goal.acknowledged is not None for goal in goals) / len(goals) * 100
