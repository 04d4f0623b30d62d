"""A day of a group as a row of signs, half an hour each: how a terminal draws a schedule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.core.instants import local_midnight, shown_at

CELLS = 48
CELL = timedelta(minutes=30)
RULER = "".join(f"{hour:02}".ljust(12) for hour in (0, 6, 12, 18)) + "24"
OFF, ON, OTHER, FORCED = "·", "█", "▓", "▒"
NOBODY = " "


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch to draw: aware instants and the sign of its cells."""

    start: datetime
    end: datetime
    sign: str


def day_bar(parts: Sequence[Part], day: date, zone: ZoneInfo) -> str:
    """The signs of a local day, each showing what is in force in the middle of its half hour.

    Half hours are those of the wall clock: one that clocks skip repeats the sign before it, one
    that they repeat shows its first pass.
    """
    begin = datetime.combine(day, time.min)
    signs: list[str] = []
    place = 0
    for cell in range(CELLS):
        shown = shown_at(begin + cell * CELL + CELL / 2, zone)
        if not shown and signs:
            signs.append(signs[-1])
            continue
        at = shown[0] if shown else local_midnight(day, zone)
        while place < len(parts) and parts[place].end <= at:
            place += 1
        inside = place < len(parts) and parts[place].start <= at
        signs.append(parts[place].sign if inside else NOBODY)
    return "".join(signs)


def days_of(parts: Sequence[Part], zone: ZoneInfo) -> list[date]:
    """The local days that the parts touch, in order."""
    if not parts:
        return []
    first = parts[0].start.astimezone(zone).date()
    last = (parts[-1].end - timedelta(microseconds=1)).astimezone(zone).date()
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def sign_of(mode: object, *, forced: bool) -> str:
    """How a mode is drawn; None is nobody's."""
    if forced:
        return FORCED
    if mode is None:
        return NOBODY
    return {"off": OFF, "on": ON}.get(str(mode), OTHER)


def within(
    parts: Sequence[Part], day: date, zone: ZoneInfo, clip: Callable[[Part], bool]
) -> timedelta:
    """How long parts chosen by `clip` last on a local day; 23 and 25 hours count as they are."""
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone)
    total = timedelta(0)
    for part in parts:
        if clip(part):
            # in UTC: two readings of one zone are subtracted by the wall clock
            start, until = max(part.start, begin), min(part.end, end)
            if start < until:
                total += timedelta(seconds=until.timestamp() - start.timestamp())
    return total
