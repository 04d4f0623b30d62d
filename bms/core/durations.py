"""Durations as people write them: `90m`, `2h`, `1h30m`, `1d`."""

from __future__ import annotations

import re
from datetime import timedelta

from bms.texts.messages import msg

_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> timedelta:
    """A positive duration from `1h30m`; raises ValueError saying how to write one."""
    compact = text.strip().lower().replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(
            msg("'{text}' is not a duration; write for example 45m, 2h or 1h30m", text=text)
        )
    seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    try:
        duration = timedelta(seconds=seconds)
    except OverflowError as error:
        raise ValueError(msg("'{text}' is too long", text=text)) from error
    # Asked of the result: what is shorter than a microsecond has become nothing.
    if duration <= timedelta(0):
        raise ValueError(
            msg("'{text}' is no time at all; write for example 45m, 2h or 1h30m", text=text)
        )
    return duration


def in_words(duration: timedelta) -> str:
    """`1 h 30 min`, `45 s`, `2 d 3 h`: the two largest parts."""
    seconds = round(duration.total_seconds())
    if seconds <= 0:
        return "0 s"
    words = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {name}")
    return " ".join(words[:2])
