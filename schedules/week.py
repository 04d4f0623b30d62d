"""Weekdays and times of day, as they are written in schedule files."""

from __future__ import annotations

import re
import unicodedata

from schedules.calendar import TextError
from schedules.problems import suggestion

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday()`."""
DAILY = "daily"
DAY_MINUTES = 1440

_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")
_LOOSE = re.compile(r"([0-9]{1,2})\s*[:.hH点时]\s*([0-9]{2})分?")
_FORM = "write HH:MM, for example 07:30"


def parse_time(value: object) -> int:
    """`HH:MM` from 00:00 to 24:00, as minutes after midnight. Raises TextError."""
    if not isinstance(value, str):
        raise TextError(f"{value!r} is not a time", _FORM)
    written = _TIME.fullmatch(value)
    if written:
        hour, minute = int(written[1]), int(written[2])
        if minute > 59 or hour * 60 + minute > DAY_MINUTES:
            raise TextError(f"there is no time {value}", "times are 00:00 to 24:00")
        return hour * 60 + minute
    loose = _LOOSE.fullmatch(unicodedata.normalize("NFKC", value).strip())
    if loose and int(loose[1]) <= 24 and int(loose[2]) <= 59:
        raise TextError(f"{value} is not a time", f"write {int(loose[1]):02}:{loose[2]}")
    if re.fullmatch(r"[0-9]{2}:[0-9]{2}:[0-9]{2}", value):
        raise TextError(f"{value} has seconds; times are in minutes", f"write {value[:5]}")
    raise TextError(f"{value} is not a time", _FORM)


def time_text(minutes: int) -> str:
    """Minutes after midnight as `HH:MM`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def parse_weekday(value: object) -> int:
    """`mon` to `sun` as 0 to 6. Raises TextError."""
    if value not in WEEKDAYS:
        hint = suggestion(value, WEEKDAYS)
        raise TextError(f"'{value}' is not a weekday", hint)
    return WEEKDAYS.index(str(value))


def parse_weekdays(text: str) -> list[int]:
    """`mon`, `mon-fri`, `sat-mon`, `mon,wed,fri`, `daily`: as 0-6, in the order written.

    A day named twice is in the list twice. Raises TextError.
    """
    if text == DAILY:
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first_text, dash, last_text = part.strip().partition("-")
        for word in (first_text, last_text) if dash else (first_text,):
            if word not in WEEKDAYS:
                raise TextError(f"'{word}' is not a weekday", suggestion(word, (*WEEKDAYS, DAILY)))
        first = WEEKDAYS.index(first_text)
        last = WEEKDAYS.index(last_text) if dash else first
        days += [(first + n) % 7 for n in range((last - first) % 7 + 1)]
    return days
