"""Rounds of inspection: what is looked at, how often, and whether somebody came."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from bms.config.site import Site
from bms.core.errors import InvalidInput
from bms.energy.management.managed_items import Round, Visit
from bms.energy.management.round_rules import Turn, turns
from bms.operations.managing.managed_places import check_place, today_at
from bms.operations.managing.management_store import Author, kept, open_to_change, reading
from bms.operations.managing.managing_requests import (
    AddRound,
    AddVisit,
    ListRounds,
    RoundKept,
    RoundRow,
    RoundsListed,
    TurnRow,
)
from bms.people.roles import Action, may
from bms.texts.messages import msg


def add_round(site: Site, asked: AddRound, user: str, now: datetime, via: str = "cli") -> RoundKept:
    """Another round. Raises InvalidInput where its days are not said, or are said twice."""
    check_place(site, asked.place)
    may(site, user, Action.MANAGE, asked.place)
    if (asked.every_days is None) == (not asked.on_days):
        raise InvalidInput(msg("say either --every, a number of days, or --on, each day"))
    given: dict[str, Any] = asked.model_dump()
    if asked.every_days is not None and asked.first_day is None:
        given["first_day"] = today_at(site, asked.place, now)
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            found = store.put(Round.model_validate(given), Author(user, now, via), "add")
        return RoundKept(round=found)


def add_visit(site: Site, asked: AddVisit, user: str, now: datetime, via: str = "cli") -> RoundKept:
    """Somebody made a round. Raises InvalidInput for a day that is still ahead."""
    with open_to_change(site.state_dir, now) as store:
        with store.changing():
            found = store.one(Round, asked.round)
            may(site, user, Action.FIND, found.place)
            day = past_day(site, found.place, asked.on, now)
            visit = Visit(on=day, by=user, found=asked.found)
            made = found.model_copy(update={"visits": (*found.visits, visit)})
            found = store.put(made, Author(user, now, via), "visit", asked.found)
        return RoundKept(round=found)


def list_rounds(site: Site, asked: ListRounds, now: datetime) -> RoundsListed:
    """All rounds with their turns of a year."""
    with reading(site.state_dir) as store:
        rounds = kept(store, Round)
    return RoundsListed(tuple(_row(site, one, asked.year, now) for one in rounds))


def turns_in(site: Site, one: Round, year: int | None, now: datetime) -> list[Turn]:
    """The turns of a year up to today; None: this year."""
    today = today_at(site, one.place, now)
    chosen = today.year if year is None else year
    return turns(one, date(chosen, 1, 1), date(chosen, 12, 31), today)


def past_day(site: Site, place: str, day: date | None, now: datetime) -> date:
    """A day that has begun at a place; None: today. Raises InvalidInput for one that is ahead."""
    today = today_at(site, place, now)
    if day is not None and day > today:
        raise InvalidInput(msg("--on: {day} is still ahead", day=day.isoformat()))
    return day or today


def _row(site: Site, one: Round, year: int | None, now: datetime) -> RoundRow:
    found = turns_in(site, one, year, now)
    return RoundRow(
        round=one,
        kept=sum(turn.state == "kept" for turn in found),
        missed=sum(turn.state == "missed" for turn in found),
        turns=tuple(
            TurnRow(
                day=turn.day,
                state=turn.state,
                late_days=turn.late_days,
                on=turn.visit.on if turn.visit else None,
                by=turn.visit.by if turn.visit else "",
                found=turn.visit.found if turn.visit else "",
            )
            for turn in found
        ),
    )
