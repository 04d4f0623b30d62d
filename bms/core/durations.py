"""Durations as people write them: `90m`, `2h`, `1h30m`, `1d`."""

from __future__ import annotations

import re
from datetime import timedelta

from bms.texts.messages import Message, joined, msg

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


def in_words(duration: timedelta) -> Message:
    """`1 h 30 min`, `45 s`, `2 d 3 h`: the two largest parts."""
    minutes, seconds = divmod(max(0, round(duration.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [
        *([msg("{days} d", days=days)] if days else []),
        *([msg("{hours} h", hours=hours)] if hours else []),
        *([msg("{minutes} min", minutes=minutes)] if minutes else []),
        *([msg("{seconds} s", seconds=seconds)] if seconds else []),
    ]
    if not parts:
        return msg("{seconds} s", seconds=0)
    return parts[0] if len(parts) == 1 else joined(" ", *parts[:2])
