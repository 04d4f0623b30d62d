"""Moments as people write them: `18:30`, `tomorrow 07:00`, `2026-07-01T18:30`. Pure.

Wall-clock times are those of one zone. Where the clocks go forward, a time that does not exist is
refused with the one that does; where they go back, a time that comes twice is the one that the
asker can mean: the first that is still to come, or the last that has been.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bms.core.errors import InvalidInput
from bms.core.instants import shown_at
from bms.texts.messages import Message, msg

END_OF_BLOCK = "end-of-block"

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAYS = {"today": 0, "tomorrow": 1, "yesterday": -1, "今天": 0, "明天": 1, "昨天": -1}


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a text can mean: the instants (UTC) of a wall-clock time, in order, usually one."""

    instants: tuple[datetime, ...]
    skipped: Message | None = None
    """Why the time does not exist; the instants are then what it would be without the change."""


def _until_forms() -> str:
    return msg(
        "write 18:30, tomorrow 07:00, 2026-07-01T18:30 or {end_of_block}", end_of_block=END_OF_BLOCK
    )


def _at_forms() -> str:
    return msg("write 18:30, yesterday 07:00 or 2026-07-01T18:30")


def coming(text: str, now: datetime, zone: str) -> datetime:
    """The next moment (aware UTC) that `text` means after `now`.

    A time of day is today's, or tomorrow's if it has passed. Raises InvalidInput for what is no
    moment, does not exist, or lies in the past.
    """
    for reading in _readings(text, now, ZoneInfo(zone), (0, 1), _until_forms()):
        later = [moment for moment in reading.instants if moment > now]
        if later:
            return _real(reading, later[0])
    raise InvalidInput(
        msg("'{text}' is in the past; {until_forms}", text=text, until_forms=_until_forms())
    )


def past(text: str, now: datetime, zone: str) -> datetime:
    """The last moment (aware UTC) that `text` means, not after `now`.

    A time of day is today's, or yesterday's if it is still to come. Raises InvalidInput for what
    is no moment, does not exist, or lies in the future.
    """
    for reading in _readings(text, now, ZoneInfo(zone), (0, -1), _at_forms()):
        earlier = [moment for moment in reading.instants if moment <= now]
        if earlier:
            return _real(reading, earlier[-1])
    raise InvalidInput(
        msg("'{text}' is still to come; {at_forms}", text=text, at_forms=_at_forms())
    )


def _real(reading: _Reading, moment: datetime) -> datetime:
    if reading.skipped is not None:
        raise InvalidInput(reading.skipped)
    return moment


def _readings(
    text: str, now: datetime, place: ZoneInfo, days: tuple[int, ...], forms: str
) -> Iterator[_Reading]:
    """What the text can mean, the likeliest first; `days` are those that a bare time is tried on,
    counted from today."""
    today = now.astimezone(place).date()
    words = text.split()
    if len(words) == 2 and words[0].lower() in _DAYS:
        days = (_DAYS[words[0].lower()],)
        words = words[1:]
    elif len(words) != 1 or not _CLOCK.fullmatch(words[0]):
        yield _written(text, place, forms)
        return
    minutes = _minutes(words[0], forms)
    for offset in days:
        yield _wall(text, _midnight(today, offset) + timedelta(minutes=minutes), place)


def _written(text: str, place: ZoneInfo, forms: str) -> _Reading:
    """A date with a time of day, in ISO form; with an offset it is one instant."""
    date_part, _, time_part = text.strip().replace(" ", "T").partition("T")
    try:
        moment = datetime.fromisoformat(f"{date_part}T{time_part}")
    except ValueError:
        raise InvalidInput(msg("'{text}' is no moment; {forms}", text=text, forms=forms)) from None
    if not 1990 <= moment.year <= 2200:
        raise InvalidInput(msg("'{text}' is not between 1990 and 2200", text=text))
    if moment.tzinfo is not None:
        return _Reading((moment.astimezone(UTC),))
    return _wall(text, moment, place)


def _minutes(clock: str, forms: str) -> int:
    written = _CLOCK.fullmatch(clock)
    if written is None or int(written[2]) > 59 or int(written[1]) * 60 + int(written[2]) > 1440:
        raise InvalidInput(msg("'{clock}' is no time of day; {forms}", clock=clock, forms=forms))
    return int(written[1]) * 60 + int(written[2])


def _midnight(today: date, offset: int) -> datetime:
    """A wall-clock reading."""
    day = today + timedelta(days=offset)
    return datetime(day.year, day.month, day.day)  # noqa: DTZ001


def _wall(text: str, wall: datetime, place: ZoneInfo) -> _Reading:
    """The instants at which clocks in the zone show `wall`."""
    real = shown_at(wall, place)
    if real:
        return _Reading(tuple(real))
    later = wall.replace(tzinfo=place).astimezone(UTC)
    return _Reading(
        (later,),
        msg(
            "'{text}': there is no {wall:%H:%M} on {wall:%a %Y-%m-%d} in {key}, the clocks "
            "go forward; write {time:%H:%M}",
            text=text,
            wall=wall,
            key=place.key,
            time=later.astimezone(place),
        ),
    )
