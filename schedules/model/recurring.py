"""Days that come every month or so, in words: `last sat of 03`, `2nd mon`, `odd days`.

The words are those of BACnet's week-n-day (ASHRAE 135, 12.9): the first week of a month is its
days 1-7, the last its last seven days, whatever weekday the month begins with.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from bms.texts.messages import msg
from bms.texts.problems import TextError, suggestion

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS = (*_WEEKDAYS, "weekday", "day")
_LAST = 0
"""The number that stands for the last of a month."""
_NUMBERS = {"1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "5th": 5, "last": _LAST}
_ODD_OR_EVEN = {"odd": 1, "even": 0}
_NTH = re.compile(r"([0-9]\w{2}|last) (\w+)(?: of (.+))?")
_ALTERNATE = re.compile(r"(odd|even) (days|months)")


@dataclass(frozen=True, slots=True)
class MonthlyDays:
    """One day of a month: the n-th monday, the last weekday, the first day."""

    number: int
    """1-5, or 0 for the last."""
    what: str
    """`mon` to `sun`, `weekday` (monday to friday) or `day`."""
    months: frozenset[int]

    def __contains__(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        length = monthrange(day.year, day.month)[1]
        if self.what == "day":
            return day.day == (self.number or length)
        if self.what == "weekday":
            return day.weekday() < 5 and self._rank(day, length) == (self.number or 1)
        if _WEEKDAYS[day.weekday()] != self.what:
            return False
        if self.number == _LAST:
            return day.day > length - 7
        return (day.day + 6) // 7 == self.number

    def _rank(self, day: date, length: int) -> int:
        """The how-many-th weekday of the month a weekday is, from the end for the last."""
        days = range(1, day.day + 1) if self.number else range(day.day, length + 1)
        return sum(day.replace(day=n).weekday() < 5 for n in days)


@dataclass(frozen=True, slots=True)
class AlternateDays:
    """Days, or months, whose number is odd (1) or even (0)."""

    remainder: int
    of_months: bool

    def __contains__(self, day: date) -> bool:
        return (day.month if self.of_months else day.day) % 2 == self.remainder


def parse_recurring(text: str) -> MonthlyDays | AlternateDays | None:
    """Days in words; None if the text is not meant as words. Raises TextError."""
    plain = " ".join(unicodedata.normalize("NFKC", text).split()).lower()
    alternate, nth = _ALTERNATE.fullmatch(plain), _NTH.fullmatch(plain)
    if alternate:
        found: MonthlyDays | AlternateDays = AlternateDays(
            _ODD_OR_EVEN[alternate[1]], alternate[2] == "months"
        )
    elif nth:
        number, what, months = nth.groups()
        if number not in _NUMBERS:
            hint = suggestion(number, _NUMBERS)
            raise TextError(
                msg("'{number}' of '{text}' is no number here", number=number, text=text), hint
            )
        if what not in _DAYS:
            raise TextError(
                msg("'{day}' of '{dates}' is no day", day=what, dates=text), suggestion(what, _DAYS)
            )
        found = MonthlyDays(_NUMBERS[number], what, _months(months, text))
    else:
        return None
    if plain != text:
        raise TextError(msg("'{text}' is not a date", text=text), msg("write {plain}", plain=plain))
    return found


def _months(text: str | None, whole: str) -> frozenset[int]:
    if text is None or text in ("the month", "every month"):
        return frozenset(range(1, 13))
    kind, space, rest = text.partition(" ")
    if space and kind in _ODD_OR_EVEN and rest == "months":
        return frozenset(n for n in range(1, 13) if n % 2 == _ODD_OR_EVEN[kind])
    if re.fullmatch(r"0[1-9]|1[0-2]", text):
        return frozenset({int(text)})
    raise TextError(
        msg("'{month}' of '{dates}' is no month", month=text, dates=whole),
        msg(
            "write {form}, {every_form} or {odd_form}",
            form="'of 03'",
            every_form="'of the month'",
            odd_form="'of odd months'",
        ),
    )
