"""Dates and times as files write them. Pure.

A text is taken apart first, without deciding whether the day or the month comes first: only the
whole column may tell, and else somebody has to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta, timezone
from typing import Final, Literal, NamedTuple, TypeAlias

from bms.ledger.files.words.numerals import normal

DateOrder: TypeAlias = Literal["dmy", "mdy", "ymd"]

_YMD: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")
_COMPACT: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?=$|[ T]|\d{4}(?:\d\d)?(?:$|[Z+ -]))")
_THREE: Final = re.compile(r"(\d{1,2})\s*([-/.])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})(?!\d)\.?")
_NAMED: Final = re.compile(r"(\d{1,2})[. -]*([^\W\d_]{3,9})\.?[, -]*(\d{4}|\d{2})(?!\d)")
_NAMED_US: Final = re.compile(r"([^\W\d_]{3,9})\.? (\d{1,2}),? (\d{4})(?!\d)")
_MONTH: Final = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*月?")
_MONTH_NAMED: Final = re.compile(r"([^\W\d_]{3,9})\.?[ -](\d{4})")
_WEEKDAY: Final = re.compile(r"(?:[^\W\d_]{2,9}\.?,?\s+)(?=\d)|(?:周|星期)[一二三四五六日天]\s*")
_EPOCH: Final = re.compile(r"(1\d{9})(?:\.\d+)?|(1\d{9})\d{3}")
_CLOCK: Final = re.compile(
    r"(?:(上午|下午|中午|凌晨|晚上|[AaPp]\.?[Mm]\.?)\s*)?(\d{1,2})\s*[:.h时：]\s*(\d{2})"
    r"(?:\s*[:.分]\s*(\d{2})(?:[.,]\d{1,9})?\s*秒?|\s*分)?\s*([AaPp]\.?\s?[Mm]\.?)?(?:\s*Uhr)?"
    r"\s*(Z|[A-Z]{2,5}|(?:UTC|GMT)?[+-]\d{1,2}(?::?\d{2})?)?"
)
_DIGITS: Final = re.compile(r"(\d{2})(\d{2})(\d{2})?\s*(Z|[+-]\d{2}:?\d{2})?")
_HOUR: Final = re.compile(r"(\d{1,2})\s*([AaPp])\.?\s?[Mm]\.?()")
_RANGE: Final = re.compile(
    r"\s*(?:\s[-–—]\s|~|～|—|–|至|\bto\b|\bbis\b|(?<=\d)-(?=\d{1,2}:\d\d))\s*"
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("jan ene gen janv januar january enero gennaio janvier",
         "feb fév fev febr februar february",
         "mar mär mrz mrt mars märz march marzo", "apr abr avr april avril", "may mai mag mei mayo",
         "jun giu juin juni june", "jul lug juil juli july", "aug ago aoû août agosto august",
         "sep set sept september", "oct okt ott oktober october", "nov novem november",
         "dec dez dic déc dezember december"), 1)
    for name in names.split()
}  # fmt: skip
_AFTER_NOON: Final = ("下午", "晚上", "p")
_BEFORE_NOON: Final = ("上午", "凌晨", "a")
YEARS: Final = (1990, 2200)


class Clock(NamedTuple):
    """A time of day; `days` is 1 for 24:00. `zone` is an offset like `+01:00`, or a name."""

    time: time
    days: int = 0
    zone: str = ""


class Stamp(NamedTuple):
    """A text that was taken apart: three numbers in the written order, and a clock.

    `order` is None while only the column can tell it.
    """

    one: int
    two: int
    three: int
    order: DateOrder | None
    clock: Clock | None

    def moment(self, order: DateOrder) -> datetime | None:
        """The instant (naive unless an offset stands in it); None if there is no such day."""
        order = self.order or order
        day, month, year = {
            "dmy": (self.one, self.two, self.three),
            "mdy": (self.two, self.one, self.three),
            "ymd": (self.three, self.two, self.one),
        }[order]
        try:
            short = year < 100 and self.order != "ymd"
            found = datetime(year + 2000 if short else year, month, day)  # noqa: DTZ001
            return found if self.clock is None else at_clock(found, self.clock)
        except (ValueError, OverflowError):
            return None


def at_clock(day: datetime, clock: Clock) -> datetime:
    """A clock's instant on a day."""
    found = datetime.combine(day.date(), clock.time) + timedelta(days=clock.days)
    offset = offset_of(clock.zone)
    return found if offset is None else found.replace(tzinfo=offset)


def offset_of(text: str) -> timezone | None:
    """The fixed offset that a text names; None if it is none."""
    if text in ("Z", "UTC", "GMT"):
        return UTC
    found = re.fullmatch(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", text)
    if found is None or int(found[2]) > 14 or int(found[3] or 0) > 59:
        return None
    span = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-span if found[1] == "-" else span)


def clock_of(text: str) -> Clock | None:
    """The time of day that is written, and nothing else; None if it is none."""
    written = normal(text)
    if not 3 <= len(written) <= 40:
        return None
    found = _CLOCK.fullmatch(written)
    if found is not None:
        before, hour, minute, second, after, zone = found.groups()
        half = (before or after or "").lower()
        return _clock(int(hour), int(minute), int(second or 0), half, zone or "")
    found = _HOUR.fullmatch(written)
    return None if found is None else _clock(int(found[1]), 0, 0, found[2].lower(), "")


def _clock(hour: int, minute: int, second: int, half: str, zone: str) -> Clock | None:
    if half.startswith(_AFTER_NOON) or half == "中午":
        hour += 12 if hour < 12 and not (half == "中午" and hour > 9) else 0
    elif half.startswith(_BEFORE_NOON):
        hour = 0 if hour == 12 else hour
    if (hour, minute, second) == (24, 0, 0):
        return Clock(time(0), 1, zone)
    if hour > 23 or minute > 59 or second > 59:
        return None
    return Clock(time(hour, minute, second), 0, zone)


def stamp_of(text: str) -> Stamp | datetime | None:
    """The date, with or without a time, that is written: an aware instant if it says all."""
    written = normal(text)
    if not 6 <= len(written) <= 60:
        return None
    epoch = _EPOCH.fullmatch(written)
    if epoch is not None:
        return datetime.fromtimestamp(int(epoch[1] or epoch[2]), UTC)
    weekday = _WEEKDAY.match(written)
    if weekday is not None and _month(weekday[0].strip(" .,")) is None:
        written = written[weekday.end() :]
    month = _MONTH.fullmatch(written)
    if month is not None and 1 <= int(month[2]) <= 12:
        return Stamp(int(month[1]), int(month[2]), 1, "ymd", None)
    named = _MONTH_NAMED.fullmatch(written)
    if named is not None and _month(named[1]) is not None:
        return Stamp(int(named[2]), _month(named[1]) or 0, 1, "ymd", None)
    for pattern in (_YMD, _COMPACT, _THREE, _NAMED, _NAMED_US):
        found = pattern.match(written)
        if found is not None:
            date = _numbers(pattern, found)
            rest = written[found.end() :].lstrip(" T,\t")
            clock = None
            if rest:
                clock = clock_of(rest) or _digits(rest)
                if clock is None:
                    continue
            if date is not None:
                return Stamp(*date, clock)
    return None


def _numbers(
    pattern: re.Pattern[str], found: re.Match[str]
) -> tuple[int, int, int, DateOrder | None] | None:
    if pattern in (_YMD, _COMPACT):
        return int(found[1]), int(found[2]), int(found[3]), "ymd"
    if pattern is _THREE:
        # With dots the day comes first, wherever dates are written with them.
        order: DateOrder | None = "dmy" if found[2] == "." else None
        return int(found[1]), int(found[3]), int(found[4]), order
    day, name, year = (found[1], found[2], found[3])
    if pattern is _NAMED_US:
        day, name = name, day
    month = _month(name)
    return None if month is None else (int(day), month, int(year), "dmy")


def _month(name: str) -> int | None:
    return _MONTHS.get(name.lower()) or _MONTHS.get(name.lower()[:3])


def _digits(text: str) -> Clock | None:
    found = _DIGITS.fullmatch(text)
    if found is None:
        return None
    hour, minute, second, zone = found.groups()
    return _clock(int(hour), int(minute), int(second or 0), "", zone or "")


def is_month(text: str) -> bool:
    """Whether a text names a month and no day."""
    written = normal(text)
    return bool(_MONTH.fullmatch(written) or _MONTH_NAMED.fullmatch(written))


def plausible(text: str) -> bool:
    """Whether digits alone are a date of the years that have readings."""
    found = stamp_of(text)
    moment = found.moment("ymd") if isinstance(found, Stamp) else found
    return moment is not None and YEARS[0] <= moment.year < YEARS[1]


def range_of(text: str) -> tuple[str, str] | None:
    """The two ends of a period that one cell names, `00:00 - 00:15`; None if it names none."""
    parts = _RANGE.split(normal(text))
    if len(parts) != 2 or not all(parts):
        return None
    if all(clock_of(part) for part in parts) or all(stamp_of(part) for part in parts):
        return parts[0], parts[1]
    return (parts[0], parts[1]) if stamp_of(parts[0]) and clock_of(parts[1]) else None


def orders(stamps: Iterable[Stamp | datetime | None]) -> tuple[set[DateOrder], Stamp | None]:
    """In which orders all these dates exist, and one of them that could be read otherwise.

    An empty set: no order fits all. Only dates whose order is open are looked at.
    """
    possible: set[DateOrder] = {"dmy", "mdy", "ymd"}
    example: Stamp | None = None
    for stamp in stamps:
        if not isinstance(stamp, Stamp) or stamp.order is not None:
            continue
        fits = {order for order in possible if stamp.moment(order) is not None}
        if stamp.three >= 100:
            fits.discard("ymd")
        possible &= fits
        # 03/03/2026 is the same day either way.
        if example is None and stamp.one != stamp.two:
            example = stamp
    return possible, example
