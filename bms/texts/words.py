"""The words of site files that everybody uses: seasons, modes, weekdays. Pure.

Files write them in English; people read them in their language. A word that a site invented itself
stays as it is.
"""

from __future__ import annotations

from functools import lru_cache

from bms.texts.messages import Message, msg

_REMEMBERED = 256


@lru_cache(_REMEMBERED)
def season_word(season: str) -> str:
    """`summer`, `winter`, `transitional` as a message."""
    words: dict[str, Message] = {
        "summer": msg("summer"),
        "winter": msg("winter"),
        "transitional": msg("transitional"),
        "spring": msg("spring"),
        "autumn": msg("autumn"),
        "any": msg("any"),
    }
    return words.get(season, season)


@lru_cache(_REMEMBERED)
def in_season(season: str) -> Message:
    """What is added to the reason of a schedule that has seasons."""
    return msg(" ({season})", season=season_word(season))


@lru_cache(_REMEMBERED)
def mode_word(mode: str) -> str:
    """`on`, `off` as a message."""
    words: dict[str, Message] = {"on": msg("on"), "off": msg("off")}
    return words.get(mode, mode)


@lru_cache(_REMEMBERED)
def days_word(days: str) -> str:
    """Weekdays as a file writes them, `mon`, `mon-fri`, `sat,sun`, `daily`, as a message."""
    if days == "daily":
        return msg("daily")
    if "," in days:
        return _listed([days_word(part.strip()) for part in days.split(",")])
    first, dash, last = days.partition("-")
    if dash:
        return msg("{first_day}-{last_day}", first_day=_day(first), last_day=_day(last))
    return _day(days)


def _listed(days: list[str]) -> str:
    listed = days[0]
    for day in days[1:]:
        listed = msg("{days},{day}", days=listed, day=day)
    return listed


def _day(day: str) -> str:
    words: dict[str, Message] = {
        "mon": msg("mon"),
        "tue": msg("tue"),
        "wed": msg("wed"),
        "thu": msg("thu"),
        "fri": msg("fri"),
        "sat": msg("sat"),
        "sun": msg("sun"),
    }
    return words.get(day, day)
