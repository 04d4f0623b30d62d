"""Sixteen-slot arbitration: who wins a point, and who lost. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from bms.core.decisions import Award, Command
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class AwardChange:
    """A point is commanded differently from now on; `award` None: nobody commands it now."""

    point: PointId
    award: Award | None
    held_since: datetime | None = None
    """Where a minimum time wins: when it began."""


def award(commands: Iterable[Command], now: datetime) -> Award | None:
    """The award of one point, or None if nobody commands it at `now`.

    The lowest priority number wins; losers follow in the order in which they would take over
    (ASHRAE 135, 19.2). A command whose `expires` is at or before `now` is absent. Loading refuses
    two commands at one priority; if it happens all the same, the source's name decides, so that
    the answer never depends on the order of the commands.
    """
    live = [c for c in commands if c.expires is None or c.expires > now]
    if not live:
        return None
    if len(live) == 1 and not live[0].beaten:
        return Award(live[0])
    live.sort(key=_rank)
    ladder: list[Command] = []
    for command in live:
        ladder.append(replace(command, beaten=()) if command.beaten else command)
        ladder += command.beaten
    return Award(ladder[0], tuple(ladder[1:]))


def _rank(command: Command) -> tuple[int, str, str, str, str]:
    expires = command.expires
    return (
        command.priority,
        command.source,
        repr(command.value),
        command.reason,
        expires.isoformat() if expires is not None else "",
    )
