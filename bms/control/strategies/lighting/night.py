"""Whether it is dark: the sun over the base, and photocells that vote near sunset and sunrise.

A photocell knows about clouds and shadows, the sun about everything else: a cell under a lamp, a
bird's nest or a broken wire cannot make night of the day. Beyond the polar circles the sun counts
as `schedules/model/sun.py` defines it: in polar day there is no night, in polar night no day. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.control.blocks.delays import held_for, holds_since
from schedules.model.context import Place
from schedules.model.sun import Sun

CONTRADICTS_S: Final = 1800.0
"""A photocell that contradicts the sun for so long is named."""


class SunSays(NamedTuple):
    """What the sun says of an instant."""

    dark: bool
    twilight: bool
    """Close to sunset or sunrise: photocells decide."""
    until: datetime
    """It says so until then."""


class Nights:
    """Nights over one place. `dusk_min` shortens (or, negative, prolongs) each end of a night."""

    def __init__(self, place: Place, zone: str, dusk_min: float, twilight_min: float) -> None:
        self._zone = ZoneInfo(zone)
        self._sun = Sun(place, self._zone)
        self._dusk = timedelta(minutes=dusk_min)
        self._twilight = timedelta(minutes=twilight_min)
        self._last: tuple[datetime, SunSays] | None = None

    def at(self, now: datetime) -> SunSays:
        """What the sun says; remembered until it says something else."""
        if self._last is not None and self._last[0] <= now < self._last[1].until:
            return self._last[1]
        found = self._find(now)
        self._last = (now, found)
        return found

    def _find(self, now: datetime) -> SunSays:
        day = now.astimezone(self._zone).date()
        dark = twilight = False
        edges: list[datetime] = []
        for n in (-2, -1, 0, 1):
            first, second = day + timedelta(days=n), day + timedelta(days=n + 1)
            evening, morning = (
                self._instant(first, self._sun.minutes(first).sunset),
                self._instant(second, self._sun.minutes(second).sunrise),
            )
            begin, end = evening + self._dusk, morning - self._dusk
            dark = dark or (evening < morning and begin <= now < end)
            edges += [begin, end]
            for edge in (evening, morning):
                low, high = edge - self._twilight, edge + self._twilight
                twilight = twilight or low <= now < high
                edges += [low, high]
        until = min((edge for edge in edges if edge > now), default=now + timedelta(hours=12))
        return SunSays(dark, twilight, until)

    def _instant(self, day: date, minute: int) -> datetime:
        wall = datetime.combine(day, time()) + timedelta(minutes=minute)
        return wall.replace(tzinfo=self._zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Darkness:
    """What photocells have shown."""

    dark: bool | None = None
    """None: nobody knows."""
    cells: tuple[bool | None, ...] = ()
    against_since_s: tuple[float | None, ...] = ()
    """Since when each contradicts the sun, by day or in the dead of night."""


def vote(
    before: Darkness, sun: SunSays | None, cells: Sequence[bool | None], watched_s: float
) -> Darkness:
    """The state at a look; `sun` is None where nobody said where the base is."""
    for_dark = sum(cell is True for cell in cells)
    for_light = sum(cell is False for cell in cells)
    if sun is not None and not (sun.twilight and for_dark != for_light):
        dark: bool | None = sun.dark
    elif for_dark or for_light:
        dark = for_dark >= for_light
    else:
        dark = None
    sure = sun is not None and not sun.twilight
    since = before.against_since_s or (None,) * len(cells)
    against = tuple(
        holds_since(sure and cell is not None and cell is not sun.dark, since_s, watched_s)
        if sun is not None
        else None
        for cell, since_s in zip(cells, since, strict=False)
    )
    return Darkness(dark, tuple(cells), against)


def contradicting(darkness: Darkness, watched_s: float) -> list[int]:
    """Which photocells contradict the sun for long."""
    return [
        index
        for index, since_s in enumerate(darkness.against_since_s)
        if held_for(since_s, CONTRADICTS_S, watched_s)
    ]


def cell_dark(
    dark: bool | None, lux: float | None, limit_lux: float, before: bool | None
) -> bool | None:
    """What one photocell says: its contact, or its light with a hysteresis of twice the limit."""
    if dark is not None or lux is None:
        return dark
    return lux < (2.0 * limit_lux if before else limit_lux)
