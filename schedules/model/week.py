"""Weekdays and times of day, as they are written in schedule files.

A time of day is a number of minutes after midnight, or hangs on the sun: `sunrise`,
`sunset-00:15`, `sunrise+30m`.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, TypeAlias

from bms.texts.messages import msg
from bms.texts.problems import TextError, suggestion

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday()`."""
DAILY = "daily"
DAY_MINUTES = 1440

SUNRISE_MINUTE, SUNSET_MINUTE = 6 * 60, 18 * 60
"""Where a sunrise and a sunset count as lying when only the order of two times matters."""
LONGEST_OFFSET = 6 * 60


@dataclass(frozen=True, slots=True)
class SunTime:
    """A time that hangs on the sun, `offset` minutes after (or before) it."""

    event: Literal["sunrise", "sunset"]
    offset: int = 0

    @property
    def nominal(self) -> int:
        """Minutes after midnight with the sun up from 06:00 to 18:00."""
        return (SUNRISE_MINUTE if self.event == "sunrise" else SUNSET_MINUTE) + self.offset

    def __str__(self) -> str:
        if not self.offset:
            return self.event
        return f"{self.event}{'+' if self.offset > 0 else '-'}{time_text(abs(self.offset))}"


TimeOfDay: TypeAlias = int | SunTime

_SUN = re.compile(
    r"(sunrise|sunset)(?:([+-])(?:([0-9]{2}):([0-9]{2})|(?:([0-9]{1,2})h)?(?:([0-9]{1,3})m)?))?"
)
_SUN_FORM = msg("write sunset, sunset-00:15 or sunrise+30m")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2})")
_LOOSE = re.compile(r"([0-9]{1,2})\s*[:.hH点时]\s*([0-9]{2})分?")
_FORM = msg("write HH:MM, for example 07:30")


def parse_time(value: object) -> int:
    """`HH:MM` from 00:00 to 24:00, as minutes after midnight. Raises TextError."""
    if not isinstance(value, str):
        raise TextError(msg("{text!r} is not a time", text=value), _FORM)
    written = _TIME.fullmatch(value)
    if written:
        hour, minute = int(written[1]), int(written[2])
        if minute > 59 or hour * 60 + minute > DAY_MINUTES:
            raise TextError(
                msg("there is no time {text}", text=value), msg("times are 00:00 to 24:00")
            )
        return hour * 60 + minute
    loose = _LOOSE.fullmatch(unicodedata.normalize("NFKC", value).strip())
    if loose and int(loose[1]) <= 24 and int(loose[2]) <= 59:
        raise TextError(
            msg("{text} is not a time", text=value),
            msg("write {int:02}:{loose}", int=int(loose[1]), loose=loose[2]),
        )
    if re.fullmatch(r"[0-9]{2}:[0-9]{2}:[0-9]{2}", value):
        raise TextError(
            msg("{text} has seconds; times are in minutes", text=value),
            msg("write {text}", text=value[:5]),
        )
    raise TextError(msg("{text} is not a time", text=value), _FORM)


def parse_time_of_day(value: object) -> TimeOfDay:
    """`HH:MM`, or sunrise or sunset with an offset. Raises TextError."""
    if not isinstance(value, str) or not re.match(r"\s*(sun|日出|日落)", value, re.IGNORECASE):
        return parse_time(value)
    found = _SUN.fullmatch(value)
    if found is None or value[-1] in "+-":
        plain = "".join(unicodedata.normalize("NFKC", value).lower().split())
        plain = plain.replace("日出", "sunrise").replace("日落", "sunset").replace("−", "-")
        meant = plain if plain != value and _SUN.fullmatch(plain) and plain[-1] not in "+-" else ""
        hint = msg("write {text}", text=meant) if meant else _SUN_FORM
        raise TextError(msg("{text} is not a time of the sun", text=value), hint)
    event, sign, *parts = found.groups()
    hours, minutes, h, m = (int(part or 0) for part in parts)
    offset = (hours + h) * 60 + minutes + m
    if minutes > 59 or offset > LONGEST_OFFSET:
        raise TextError(
            msg("{text} is too far from the sun", text=value), msg("an offset is at most 06:00")
        )
    return SunTime(
        "sunrise" if event == "sunrise" else "sunset", -offset if sign == "-" else offset
    )


def time_text(minutes: int) -> str:
    """Minutes after midnight as `HH:MM`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def parse_weekday(value: object) -> int:
    """`mon` to `sun` as 0 to 6. Raises TextError."""
    if value not in WEEKDAYS:
        hint = suggestion(value, WEEKDAYS)
        raise TextError(msg("'{text}' is not a weekday", text=value), hint)
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
                raise TextError(
                    msg("'{text}' is not a weekday", text=word),
                    suggestion(word, (*WEEKDAYS, DAILY)),
                )
        first = WEEKDAYS.index(first_text)
        last = WEEKDAYS.index(last_text) if dash else first
        days += [(first + n) % 7 for n in range((last - first) % 7 + 1)]
    return days


def parse_minutes(value: object) -> int:
    """A length of time, `1h`, `90m`, `1h30m` or `01:30`, in minutes. Raises TextError."""
    text = value if isinstance(value, str) else ""
    found = re.fullmatch(r"(?:([0-9]{1,3})h)?(?:([0-9]{1,4})m(?:in)?)?|([0-9]{2}):([0-9]{2})", text)
    if not text or found is None:
        raise TextError(
            msg("{text!r} is not a length of time", text=value), msg("write 1h, 90m or 1h30m")
        )
    hours, minutes, h, m = (int(part or 0) for part in found.groups())
    return (hours + h) * 60 + minutes + m
