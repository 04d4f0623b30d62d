"""Which rounds were kept, and which were missed. Pure.

A round every so many days is kept if somebody came within those days. One on a fixed day is kept
if somebody came on it, or before the next one; then it was late.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from bms.energy.management.managed_items import Finding, Round, Visit

State = Literal["kept", "missed", "due"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One time that a round is to be made."""

    day: date
    """From which it is due."""
    state: State
    visit: Visit | None = None
    late_days: int = 0
    """Of a fixed day."""


def turns(asked: Round, first: date, last: date, today: date) -> list[Turn]:
    """The turns that begin between two days, those included; none that are still ahead."""
    return [turn for turn in _all(asked, min(last, today), today) if turn.day >= first]


def _all(asked: Round, last: date, today: date) -> Iterator[Turn]:
    visits = sorted(asked.visits, key=lambda visit: visit.on)
    for day, end in _windows(asked, last):
        visit = next((v for v in visits if day <= v.on and (end is None or v.on < end)), None)
        if visit is not None:
            late = 0 if asked.every_days is not None else (visit.on - day).days
            yield Turn(day, "kept", visit, late)
        elif asked.every_days is not None:
            assert end is not None
            yield Turn(day, "due" if today < end else "missed")
        else:
            yield Turn(day, "due" if today <= day else "missed")


def _windows(asked: Round, last: date) -> Iterator[tuple[date, date | None]]:
    """The first day of each turn up to `last`, and the one on which it is over."""
    if asked.every_days is not None:
        assert asked.first_day is not None
        step, day = timedelta(days=asked.every_days), asked.first_day
        while day <= last:
            yield day, day + step
            day += step
        return
    days = sorted(set(asked.on_days))
    for day, end in zip(days, [*days[1:], None], strict=True):
        if day <= last:
            yield day, end


def overdue(finding: Finding, today: date) -> bool:
    """Whether a finding should have been dealt with by now."""
    return finding.closed is None and finding.due is not None and finding.due < today
