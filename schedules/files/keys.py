"""Every key of the files in `schedules/`, and what it says to people.

The readers ask here which keys there are; the reference of keys is printed from here. So neither
can know a key that the other does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one mapping of a file, in the order in which they are asked for."""

    where: str
    """The mapping as people would point at it."""
    required: Mapping[str, str]
    """Name to meaning."""
    optional: Mapping[str, str]

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The required ones, the optional ones."""
        return tuple(self.required), tuple(self.optional)


def _keys(
    where: str, required: Mapping[str, str], optional: Mapping[str, str] | None = None
) -> Keys:
    return Keys(where, MappingProxyType(dict(required)), MappingProxyType(dict(optional or {})))


_TITLE = "A name for people: one text, or one per language, `{zh: …, en: …}`."
_FROM = "When it begins: `07:30`, or `sunrise+00:30`, `sunset-00:15`."
_TO = "When it ends. A time before `from` means the next day."
_MODE = "The mode of the group, as its strategy knows it: `on`, `off`."
_DATES = (
    "One or several of `2026-10-01`, `2026-10-01..2026-10-07`, `10-01..10-07` (every year), "
    "`2nd mon`, `last weekday`, `last day of 02`, `odd days`."
)

SCHEDULE: Final = _keys(
    "A schedule, `schedules/*.yaml`",
    {
        "schedule": "The schedule's id; one file holds one schedule.",
        "governs": "What it governs: groups `base.group`, single machines `base.machine`, "
        "`base.group.*` for each machine of a group, `base.*`. The more exact name wins.",
        "otherwise": "The mode and setpoints outside all blocks.",
        "week": "By season (or `any`), by day (`mon`, `mon-fri`, `sat,sun`, `daily`): a list of "
        "blocks. `[]` is a day without blocks.",
    },
    {
        "title": _TITLE,
        "seasons": "A set of `seasons.yaml`, or `base` for the set of the base it runs in.",
        "exceptions": "Days that differ, in a list.",
    },
)
OTHERWISE: Final = _keys("What runs outside all blocks, `otherwise`", {"mode": _MODE})
BLOCK: Final = _keys("A block of a day", {"from": _FROM, "to": _TO, "mode": _MODE})
EXCEPTION: Final = _keys(
    "An exception, an item of `exceptions`",
    {},
    {
        "do": "`replace` the day's blocks, `use` another day's plan, or `add` blocks on top.",
        "name": "What the days are, for people. Needed with `dates`.",
        "dates": _DATES,
        "calendar": "A calendar of `schedules/calendars`, in place of `dates`.",
        "entries": "Which entries of the calendar: `holiday`, `workday`, or its own kinds.",
        "day": "With `use`: the weekday whose plan runs.",
        "blocks": "With `replace` and `add`: a list of blocks; `[]` for none with `replace`.",
        "priority": "1 (highest) to 16. Among equals an `add` lies on top, and the first wins.",
    },
)
SEASONS: Final = _keys(
    "`schedules/seasons.yaml`",
    {"seasons": "Sets of seasons by id."},
    {"bases": "Which base, or `base.group` where it differs, has which set."},
)
SEASONS_BY_DATES: Final = _keys(
    "A set of seasons with `by: dates`. Without `by`, the seasons stand in the set itself",
    {
        "by": "What switches the seasons: `dates`, `outdoor` or `hand`.",
        "dates": "By season: ranges such as `06-01..09-30`, and `rest` for one of them.",
    },
)
SEASONS_BY_OUTDOOR: Final = _keys(
    "A set of seasons with `by: outdoor`",
    {
        **SEASONS_BY_DATES.required,
        "point": 'The outdoor temperature: `"{base}.weather.outdoor_temp"`.',
    },
    {
        "mean": "`running` mean of the days, or `five-day`.",
        "alpha": "The share that the running mean keeps from the day before, 0 to 0.99.",
        "summer": "`enter_c` and `leave_c`: the mean that begins summer, and that ends it.",
        "winter": "`enter_c` and `leave_c`: the mean that begins winter, and that ends it.",
        "confirm_days": "So many days in a row have to ask for a season before it begins.",
        "permitted": "By season: the ranges of dates in which it may be. Outside of them it does "
        "not begin, and ends.",
        "fallback_h": "Without a usable temperature for so many hours, the dates decide.",
        "dwell_days": "A season that has begun stays for so many days.",
    },
)
SEASONS_BY_HAND: Final = _keys(
    "A set of seasons with `by: hand`",
    SEASONS_BY_DATES.required,
    {
        "checklist": "By season: what has to be done before the switch, a list of titles.",
        "dwell_days": "A season that has begun stays for so many days.",
    },
)
THRESHOLDS: Final = _keys(
    "`summer` and `winter` of a set with `by: outdoor`",
    {
        "enter_c": "The mean outdoor temperature that begins the season, in °C.",
        "leave_c": "The mean that ends it; below `enter_c` in summer, above it in winter.",
    },
)
CALENDAR: Final = _keys(
    "A calendar, `schedules/calendars/*.yaml`",
    {
        "calendar": "The calendar's id. Several files may complete one calendar.",
        "entries": "By kind (`holiday`, `workday`, or one of yours): a list of entries.",
    },
    {
        "title": _TITLE,
        "years": "The years for which the file is complete, `[2026]`. Needed for dates "
        "with a year.",
    },
)
ENTRY: Final = _keys(
    "An entry of a calendar", {"name": "What the days are, for people.", "dates": _DATES}
)
OVERLAYS: Final = _keys(
    "`schedules/overlays.yaml`",
    {"overlays": "Overlays by id, in the order in which they lie on each other: the later wins."},
)
OVERLAY_BY_HAND: Final = _keys(
    "An overlay that people switch",
    {"levels": "By level: a list of what it gives. Every overlay can be `off` besides."},
    {
        "title": _TITLE,
        "renew_days": "The longest that a level lasts unless somebody renews it, 1 to 366.",
    },
)
OVERLAY_BY_ITSELF: Final = _keys(
    "An overlay that comes by itself",
    {"when": "A list of occasions.", "give": "A list of what it gives on them."},
    {"title": _TITLE},
)
GIVING: Final = _keys(
    "What an overlay gives: an item of `give` or of a level",
    {},
    {
        "mode": "The mode it puts in place of the schedule's; absent: the mode stays.",
        "targets": "Groups and machines that schedules govern, also with wildcards. Needed.",
        "while": "Only while the schedule has this mode.",
        "after": "With `while`: and for so long after it, `2h`.",
    },
)
OCCASION: Final = _keys(
    "An occasion, an item of `when`",
    {},
    {
        "name": "What it is, for people.",
        "dates": _DATES,
        "calendar": "A calendar, in place of `dates`.",
        "entries": "Which entries of the calendar.",
        "weekdays": "`mon-fri`, `sat,sun`; all days if absent.",
        "from": "When the window begins, `13:00`; the whole day without `from` and `to`.",
        "to": "When the window ends. A time before `from` means the next day.",
    },
)
TIME_UNITS: Final = _keys("`schedules/time-units.yaml`", {"time_units": "Time units by id."})
TIME_UNIT: Final = _keys(
    "A time unit",
    {
        "targets": "The groups and machines of the area; schedules have to govern them.",
        "people": "The local accounts that may extend it.",
        "modes": "The modes they may ask for; the first one is the default.",
        "longest": "How long one extension lasts at most, up to `24h`.",
        "latest": "By when an extension ends: `22:00`, or `+02:00` for the next day.",
    },
    {
        "title": _TITLE,
        "setpoints": "The setpoints they may set, each with its least and its most, `[24, 28]`.",
        "days": "The weekdays on which an extension may begin; all if absent.",
        "cancel": "`false`: they may not switch off what the schedule runs.",
    },
)

ALL: Final = (
    SCHEDULE,
    BLOCK,
    OTHERWISE,
    EXCEPTION,
    SEASONS,
    SEASONS_BY_DATES,
    SEASONS_BY_OUTDOOR,
    THRESHOLDS,
    SEASONS_BY_HAND,
    CALENDAR,
    ENTRY,
    OVERLAYS,
    OVERLAY_BY_HAND,
    OVERLAY_BY_ITSELF,
    GIVING,
    OCCASION,
    TIME_UNITS,
    TIME_UNIT,
)
"""For the reference of keys."""
