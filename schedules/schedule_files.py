"""Reads the schedule files, `schedules/*.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, cast

from schedules.calendar import Calendar, Span, parse_span
from schedules.problems import Origin, Path, nearest, suggestion
from schedules.programme import (
    ANY_SEASON,
    Block,
    DayProgramme,
    DayRule,
    Schedule,
    Setting,
    Week,
)
from schedules.seasons import SeasonSet
from schedules.sheet import Sheet
from schedules.week import DAY_MINUTES, WEEKDAYS, parse_time, parse_weekday, parse_weekdays

_GROUP = re.compile(r"[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*")
_SETPOINT = re.compile(r"[a-z][a-z0-9_]*")
_ACTIONS = ("replace", "use", "add")


@dataclass(frozen=True, slots=True)
class Known:
    """What schedules may refer to. A name whose own definition is broken still counts."""

    season_names: Mapping[str, tuple[str, ...] | None]
    """By season set; None if they cannot be read."""
    season_sets: Mapping[str, SeasonSet | None]
    calendar_kinds: Mapping[str, tuple[str, ...]]
    """By calendar."""
    calendars: Mapping[str, Calendar | None]
    all_seasons: bool = True
    """False if the seasons file cannot be parsed: then nobody can say that a name is unknown."""
    all_calendars: bool = True


def read_schedule(sheet: Sheet, known: Known) -> Schedule | None:
    """A schedule; None if it has problems."""
    before = len(sheet.problems)
    sheet.keys((), ("schedule", "governs", "otherwise", "week"), ("title", "seasons", "exceptions"))
    schedule_id = sheet.identifier(("schedule",), "schedule") if sheet.has(("schedule",)) else None
    title = sheet.title(("title",))
    governs = _governs(sheet) if sheet.has(("governs",)) else {}
    names, seasons = _seasons(sheet, known)
    otherwise = _setting(sheet, ("otherwise",), ()) if sheet.has(("otherwise",)) else None
    weeks = _weeks(sheet, names) if sheet.has(("week",)) else {}
    exceptions = _exceptions(sheet, known) if sheet.has(("exceptions",)) else []
    if len(sheet.problems) > before or schedule_id is None or otherwise is None:
        return None
    return Schedule(
        schedule_id,
        title,
        MappingProxyType(governs),
        seasons,
        otherwise,
        MappingProxyType(weeks),
        tuple(exceptions),
        sheet.at(("schedule",)),
    )


def _governs(sheet: Sheet) -> dict[str, Origin]:
    governs: dict[str, Origin] = {}
    for place in sheet.one_or_more(("governs",), "group"):
        group = sheet.word(place, "the group")
        if group is None:
            continue
        if not _GROUP.fullmatch(group):
            sheet.complain(place, f"'{group}' is not the id of a group", "write <base>.<group>")
        elif group in governs:
            message = f"'{group}' is already named on line {governs[group].line}"
            sheet.complain(place, message, "remove one of the two")
        else:
            governs[group] = sheet.at(place)
    return governs


def _seasons(sheet: Sheet, known: Known) -> tuple[tuple[str, ...] | None, SeasonSet | None]:
    """The season names (None: not known) and the season set, if there is one."""
    if not sheet.has(("seasons",)):
        misspelt = any(nearest(key, ["seasons"]) for key in sheet.mapping(()))
        return None if misspelt else (), None
    set_id = sheet.value(("seasons",))
    if isinstance(set_id, str) and set_id in known.season_names:
        return known.season_names[set_id], known.season_sets[set_id]
    if known.all_seasons or not isinstance(set_id, str):
        hint = suggestion(set_id, known.season_names)
        sheet.complain(("seasons",), f"no seasons '{set_id}' in seasons.yaml", hint)
    return None, None


def _weeks(sheet: Sheet, names: tuple[str, ...] | None) -> dict[str, Week]:
    """Weeks by season; `names` are the seasons, None if they are not known."""
    weeks: dict[str, Week] = {}
    programmes = sheet.mapping(("week",))
    if not isinstance(sheet.value(("week",)), dict):
        return weeks
    for season in programmes:
        if names is not None and season not in (*names, ANY_SEASON):
            hint = suggestion(season, (*names, ANY_SEASON))
            if not names:
                hint = f"name a set of seasons with 'seasons', or write '{ANY_SEASON}'"
            sheet.complain(("week", season), f"unknown season '{season}'", hint, key=True)
        weeks[season] = _week(sheet, ("week", season))
    if names is not None and ANY_SEASON not in programmes:
        missing = [name for name in names if name not in programmes]
        if missing or not names:
            what = ", ".join(f"'{name}'" for name in missing) if names else f"'{ANY_SEASON}'"
            message = f"there is no week for {what}"
            sheet.complain(("week",), message, f"add it, or '{ANY_SEASON}'", key=True)
    return weeks


def _week(sheet: Sheet, path: Path) -> Week:
    week: dict[int, DayProgramme] = {}
    places: dict[int, Path] = {}
    for label in sheet.mapping(path):
        here = (*path, label)
        programme = DayProgramme(label, _blocks(sheet, here))
        days = sheet.read(here, parse_weekdays, key=True) or []
        twice = [day for n, day in enumerate(days) if day in places or day in days[:n]]
        if twice:
            words = ", ".join(WEEKDAYS[day] for day in sorted(set(twice)))
            first = sheet.at(places.get(twice[0], here), key=True)
            message = f"{words} is already given on line {first.line}"
            sheet.complain(here, message, "name each weekday once", key=True)
        for day in days:
            if day not in week:
                week[day], places[day] = programme, here
    _check_tails(sheet, week)
    return MappingProxyType(week)


def _blocks(sheet: Sheet, path: Path) -> tuple[Block, ...]:
    """The blocks of one day in order of time, checked against each other."""
    if sheet.value(path) is None:
        sheet.complain(path, "a list of blocks belongs here", "write [] for a day without blocks")
        return ()
    read = [_block(sheet, place) for place in sheet.items(path, "blocks")]
    blocks = sorted(
        (b for b in read if b is not None), key=lambda b: (b.start, b.setting.origin.line)
    )
    longest: Block | None = None
    for block in blocks:
        if longest is not None and block.start < longest.end:
            _overlap(sheet, longest, block)
        if longest is None or block.end > longest.end:
            longest = block
    return tuple(blocks)


def _check_tails(sheet: Sheet, week: Mapping[int, DayProgramme]) -> None:
    """Blocks that cross midnight against the blocks of the next weekday of the same week."""
    found: dict[tuple[int, int], tuple[Block, Block, list[int]]] = {}
    for day, programme in sorted(week.items()):
        following = (day + 1) % 7
        if following not in week:
            continue
        for tail in programme.blocks:
            for block in week[following].blocks:
                if block.start < tail.end - DAY_MINUTES:
                    key = (id(tail), id(block))  # the days of `mon-fri` share their blocks
                    found.setdefault(key, (tail, block, []))[2].append(following)
    for tail, block, days in found.values():
        _overlap(sheet, tail, block, days)


def _overlap(sheet: Sheet, first: Block, second: Block, days: Sequence[int] = ()) -> None:
    """A problem at the block that is written later; `days` if the first runs into these."""
    first_place, second_place = first.setting.origin, second.setting.origin
    words = ", ".join(WEEKDAYS[day] for day in days)
    if second_place.line < first_place.line:
        runs = f" runs into {words} and" if days else ""
        place, message = first_place, f"{first.text}{runs} overlaps {second.text}"
        other = second_place
        runs = ""
    else:
        place, message = second_place, f"{second.text} overlaps {first.text}"
        other = first_place
        runs = f", which runs into {words}" if days else ""
    sheet.complain_at(
        place, f"{message} on line {other.line}{runs}", "end one before the other begins"
    )


def _block(sheet: Sheet, path: Path) -> Block | None:
    setting = _setting(sheet, path, ("from", "to"))
    times = [
        sheet.read((*path, name), parse_time) if sheet.has((*path, name)) else None
        for name in ("from", "to")
    ]
    start, end = times
    if setting is None or start is None or end is None:
        return None
    if start == DAY_MINUTES:
        hint = "begin it at 00:00, on the next day"
        sheet.complain((*path, "from"), "a block cannot begin at 24:00", hint)
        return None
    if start == end:
        text = sheet.value((*path, "from"))
        hint = "write 00:00 to 24:00 for the whole day"
        sheet.complain((*path, "to"), f"the block from {text} to {text} is empty", hint)
        return None
    return Block(start, end if end > start else end + DAY_MINUTES, setting)


def _setting(sheet: Sheet, path: Path, times: tuple[str, ...]) -> Setting | None:
    """A mode and setpoints: every key beside `times` and `mode` is a setpoint."""
    if not isinstance(sheet.value(path), dict):
        sheet.mapping(path)
        return None
    data = sheet.mapping(path)
    before = len(sheet.problems)
    required = (*times, "mode")
    missing = [name for name in required if name not in data]
    setpoints: dict[str, float] = {}
    for name, value in data.items():
        if name in required:
            continue
        meant = nearest(name, missing)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if _SETPOINT.fullmatch(name):
                setpoints[name] = float(value)
                continue
            hint = "use a-z, 0-9 and '_', beginning with a letter"
            sheet.complain((*path, name), f"'{name}' is not a setpoint's name", hint, key=True)
        elif meant:
            missing.remove(meant[0])
            hint = f"did you mean '{meant[0]}'?"
            sheet.complain((*path, name), f"unknown key '{name}'", hint, key=True)
        else:
            hint = f"keys beside {', '.join(required)} are setpoints"
            sheet.complain((*path, name), f"'{name}' needs a number", hint)
    for name in missing:
        sheet.complain(path, f"'{name}' is missing", "add it")
    mode = sheet.word((*path, "mode"), "the mode") if "mode" in data else None
    if len(sheet.problems) > before or mode is None:
        return None
    return Setting(
        mode,
        MappingProxyType(setpoints),
        sheet.at(path, key=not times),  # a block is a list item; `otherwise` is a key
        sheet.at((*path, "mode")),
        MappingProxyType({name: sheet.at((*path, name), key=True) for name in setpoints}),
    )


def _exceptions(sheet: Sheet, known: Known) -> list[DayRule]:
    read = [_rule(sheet, place, known) for place in sheet.items(("exceptions",), "exceptions")]
    return [rule for rule in read if rule is not None]


def _rule(sheet: Sheet, path: Path, known: Known) -> DayRule | None:
    before = len(sheet.problems)
    sheet.keys(path, (), ("do", "name", "dates", "calendar", "entries", "day", "blocks"))
    data = sheet.value(path)
    if not isinstance(data, dict):
        return None
    if "do" not in data:
        sheet.complain(path, "'do' is missing", "write do: replace, do: use or do: add")
    do = sheet.choice((*path, "do"), "action", _ACTIONS) if "do" in data else None
    name = sheet.word((*path, "name"), "the name") if "name" in data else ""
    spans: list[Span] = []
    calendar: Calendar | None = None
    if "dates" in data and "calendar" in data:
        message = "an exception has either 'dates' or a 'calendar'"
        sheet.complain((*path, "calendar"), message, "make two exceptions of it", key=True)
    elif "dates" in data:
        places = sheet.one_or_more((*path, "dates"), "date")
        read = [sheet.read(place, parse_span) for place in places]
        spans = [span for span in read if span is not None]
        if "name" not in data:
            sheet.complain(path, "'name' is missing", "say what the dates are, for people")
    elif "calendar" in data:
        calendar = _calendar(sheet, path, known)
    else:
        sheet.complain(path, "'dates' or 'calendar' is missing", "say when the exception applies")
    if "entries" in data and "calendar" not in data:
        message = "'entries' are those of a calendar"
        sheet.complain((*path, "entries"), message, "name the 'calendar', or remove it", key=True)
    blocks, day = _plan(sheet, path, do)
    if len(sheet.problems) > before or do is None:
        return None
    return DayRule(
        cast(Literal["replace", "use", "add"], do),
        name or "",
        tuple(spans),
        calendar,
        data.get("entries", ""),
        blocks,
        day,
        sheet.at(path),
    )


def _calendar(sheet: Sheet, path: Path, known: Known) -> Calendar | None:
    here, kind_path = (*path, "calendar"), (*path, "entries")
    calendar_id = sheet.value(here)
    if not isinstance(calendar_id, str) or calendar_id not in known.calendar_kinds:
        if known.all_calendars or not isinstance(calendar_id, str):
            hint = suggestion(calendar_id, known.calendar_kinds)
            sheet.complain(here, f"no calendar '{calendar_id}' in schedules/calendars", hint)
        return None
    kinds = known.calendar_kinds[calendar_id]
    if not sheet.has(kind_path):
        sheet.complain(path, "'entries' is missing", suggestion("", kinds))
    elif (kind := sheet.value(kind_path)) not in kinds:
        message = f"calendar '{calendar_id}' has no entries '{kind}'"
        sheet.complain(kind_path, message, suggestion(kind, kinds))
    return known.calendars[calendar_id]


def _plan(sheet: Sheet, path: Path, do: str | None) -> tuple[tuple[Block, ...], int]:
    """The blocks of an exception, or the weekday whose plan it uses."""
    has_blocks, has_day = sheet.has((*path, "blocks")), sheet.has((*path, "day"))
    blocks = _blocks(sheet, (*path, "blocks")) if has_blocks else ()
    day = sheet.read((*path, "day"), parse_weekday) if has_day else None
    if do == "use":
        if not has_day:
            sheet.complain(path, "'day' is missing", "say whose plan to use, for example day: mon")
        if has_blocks:
            hint = "remove them, or write do: replace"
            message = "'use' takes the blocks of a weekday, not its own"
            sheet.complain((*path, "blocks"), message, hint, key=True)
    elif do is not None:
        if not has_blocks:
            hint = "list them, or write blocks: [] for none" if do == "replace" else "list them"
            sheet.complain(path, "'blocks' is missing", hint)
        elif do == "add" and sheet.value((*path, "blocks")) == []:
            sheet.complain((*path, "blocks"), "there is nothing to add", "list the blocks")
        if has_day:
            hint = "remove it, or write do: use"
            sheet.complain((*path, "day"), f"'day' has no meaning with {do}", hint, key=True)
    return blocks, day or 0
