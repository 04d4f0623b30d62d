"""Reads the schedule files, `schedules/*.yaml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, cast

from bms.texts.messages import msg
from bms.texts.problems import Origin, Path, nearest, suggestion
from bms.texts.yaml.sheet import Sheet
from schedules.files import keys
from schedules.files.governing import read_targets
from schedules.files.season_files import Seasons
from schedules.files.targets import matches
from schedules.files.values import read_values
from schedules.model.calendar import Calendar, Span, parse_span
from schedules.model.programme import (
    ANY_SEASON,
    LOWEST_PRIORITY,
    Block,
    DayProgramme,
    DayRule,
    Schedule,
    Setting,
    Week,
)
from schedules.model.seasons import SeasonSet
from schedules.model.week import (
    DAY_MINUTES,
    WEEKDAYS,
    SunTime,
    TimeOfDay,
    parse_time_of_day,
    parse_weekday,
    parse_weekdays,
)

BASE_SEASONS: Final = "base"
"""Written for `seasons`: those of the base that the schedule runs in."""
_ACTIONS = ("replace", "use", "add")
_LONGEST_SUN_NIGHT = 20 * 60
"""A block over midnight that hangs on the sun lasts at most this long. What would be longer ends on
the day that it begins on: `07:00` to `sunrise` is for the winter, and leaves no time in summer."""


@dataclass(frozen=True, slots=True)
class Known:
    """What schedules may refer to. A name whose own definition is broken still counts."""

    seasons: Seasons
    calendar_kinds: Mapping[str, tuple[str, ...]]
    """By calendar."""
    calendars: Mapping[str, Calendar | None]
    all_seasons: bool = True
    """False if the seasons file cannot be parsed: then nobody can say that a name is unknown."""
    all_calendars: bool = True


def read_schedule(sheet: Sheet, known: Known) -> Schedule | None:
    """A schedule; None if it has problems."""
    before = len(sheet.problems)
    sheet.keys((), *keys.SCHEDULE.names)
    schedule_id = (
        sheet.identifier(("schedule",), msg("schedule")) if sheet.has(("schedule",)) else None
    )
    title = sheet.title(("title",))
    governs = read_targets(sheet, ("governs",)) if sheet.has(("governs",)) else {}
    names, seasons = _seasons(sheet, known, governs)
    otherwise = (
        _setting(sheet, ("otherwise",), keys.OTHERWISE) if sheet.has(("otherwise",)) else None
    )
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
        _on_sun(weeks, exceptions),
    )


def _on_sun(weeks: Mapping[str, Week], exceptions: Sequence[DayRule]) -> Origin | None:
    """Where the first block stands that hangs on the sun."""
    blocks = [b for week in weeks.values() for day in week.values() for b in day.blocks]
    blocks += [b for rule in exceptions for b in rule.blocks]
    return next((b.setting.origin for b in blocks if b.hangs_on_sun), None)


def _seasons(
    sheet: Sheet, known: Known, governs: Mapping[str, Origin]
) -> tuple[tuple[str, ...] | None, SeasonSet | Literal["base"] | None]:
    """The season names (None: not known) and the season set, if there is one."""
    if not sheet.has(("seasons",)):
        misspelt = any(nearest(key, ["seasons"]) for key in sheet.mapping(()))
        return None if misspelt else (), None
    set_id = sheet.value(("seasons",))
    seasons = known.seasons
    if isinstance(set_id, str) and set_id in seasons.names:
        return seasons.names[set_id], seasons.sets[set_id]
    if set_id == BASE_SEASONS:
        return _base_seasons(sheet, known, governs), BASE_SEASONS
    if known.all_seasons or not isinstance(set_id, str):
        hint = suggestion(set_id, (*seasons.names, BASE_SEASONS))
        sheet.complain(
            ("seasons",), msg("no seasons '{set_id}' in seasons.yaml", set_id=set_id), hint
        )
    return None, None


def _base_seasons(
    sheet: Sheet, known: Known, governs: Mapping[str, Origin]
) -> tuple[str, ...] | None:
    """The seasons of all bases that a schedule may run in; None if they are not known."""
    of_base = known.seasons.of_base
    names: dict[str, None] = {}
    for base in dict.fromkeys(target.partition(".")[0] for target in governs):
        sets = {
            i for name, i in of_base.items() if matches(f"{base}.x", f"{name.partition('.')[0]}.x")
        }
        if not sets and known.all_seasons:
            message = msg("base '{base}' has no seasons", base=base)
            hint = msg("name its set under 'bases' of seasons.yaml")
            sheet.complain(("seasons",), message, hint)
        for set_id in sorted(sets):
            found = known.seasons.names[set_id]
            if found is None:
                return None
            names |= dict.fromkeys(found)
    return tuple(names) if names else None


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
                hint = msg(
                    "name a set of seasons with 'seasons', or write '{any_season}'",
                    any_season=ANY_SEASON,
                )
            sheet.complain(
                ("week", season), msg("unknown season '{season}'", season=season), hint, key=True
            )
        weeks[season] = _week(sheet, ("week", season))
    if names is not None and ANY_SEASON not in programmes:
        missing = [name for name in names if name not in programmes]
        if missing or not names:
            what = ", ".join(f"'{name}'" for name in missing) if names else f"'{ANY_SEASON}'"
            message = msg("there is no week for {season}", season=what)
            sheet.complain(
                ("week",),
                message,
                msg("add it, or '{any_season}'", any_season=ANY_SEASON),
                key=True,
            )
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
            message = msg("{key} is already given on line {line}", key=words, line=first.line)
            sheet.complain(here, message, msg("name each weekday once"), key=True)
        for day in days:
            if day not in week:
                week[day], places[day] = programme, here
    _check_tails(sheet, week)
    return MappingProxyType(week)


def _blocks(sheet: Sheet, path: Path) -> tuple[Block, ...]:
    """The blocks of one day in order of time, checked against each other."""
    if sheet.value(path) is None:
        sheet.complain(
            path, msg("a list of blocks belongs here"), msg("write [] for a day without blocks")
        )
        return ()
    read = [_block(sheet, place) for place in sheet.items(path, msg("blocks"))]
    blocks = sorted((b for b in read if b is not None), key=_order)
    longest: Block | None = None
    for block in blocks:
        if block.hangs_on_sun:  # where such blocks meet, the one written first is in force
            continue
        if longest is not None and block.start < longest.end:
            _overlap(sheet, longest, block)
        if longest is None or block.end > longest.end:
            longest = block
    if any(block.hangs_on_sun for block in blocks):
        blocks.sort(key=lambda b: (b.setting.origin.line, b.setting.origin.column))
    return tuple(blocks)


def _order(block: Block) -> tuple[int, int]:
    return block.start, block.setting.origin.line


def _check_tails(sheet: Sheet, week: Mapping[int, DayProgramme]) -> None:
    """Blocks that cross midnight against the blocks of the next weekday of the same week."""
    found: dict[tuple[int, int], tuple[Block, Block, list[int]]] = {}
    for day, programme in sorted(week.items()):
        following = (day + 1) % 7
        if following not in week:
            continue
        for tail in programme.blocks:
            for block in week[following].blocks:
                if tail.hangs_on_sun or block.hangs_on_sun:
                    continue
                if block.start < tail.end - DAY_MINUTES:
                    key = (id(tail), id(block))  # the days of `mon-fri` share their blocks
                    found.setdefault(key, (tail, block, []))[2].append(following)
    for tail, block, days in found.values():
        _overlap(sheet, tail, block, days)


def _overlap(sheet: Sheet, first: Block, second: Block, days: Sequence[int] = ()) -> None:
    """A problem at the block that is written later; `days` if the first runs into these."""
    first_place, second_place = first.setting.origin, second.setting.origin
    words = ", ".join(WEEKDAYS[day] for day in days)
    place, other = second_place, first_place
    block, other_block = second.text, first.text
    first_is_later = second_place.line < first_place.line
    if first_is_later:
        place, other, block, other_block = other, place, other_block, block
    texts = {"block": block, "other_block": other_block, "line": other.line}
    if not days:
        message = msg("{block} overlaps {other_block} on line {line}", **texts)
    elif first_is_later:
        message = msg(
            "{block} runs into {days} and overlaps {other_block} on line {line}",
            days=words,
            **texts,
        )
    else:
        message = msg(
            "{block} overlaps {other_block} on line {line}, which runs into {days}",
            days=words,
            **texts,
        )
    sheet.complain_at(place, message, msg("end one before the other begins"))


def _block(sheet: Sheet, path: Path) -> Block | None:
    setting = _setting(sheet, path, keys.BLOCK)
    start, end = (
        sheet.read((*path, name), parse_time_of_day) if sheet.has((*path, name)) else None
        for name in ("from", "to")
    )
    if setting is None or start is None or end is None:
        return None
    first, last = (t.nominal if isinstance(t, SunTime) else t for t in (start, end))
    if first == DAY_MINUTES:
        hint = msg("begin it at 00:00, on the next day")
        sheet.complain((*path, "from"), msg("a block cannot begin at 24:00"), hint)
        return None
    if first == last and not (isinstance(start, SunTime) or isinstance(end, SunTime)):
        text = sheet.value((*path, "from"))
        hint = msg("write 00:00 to 24:00 for the whole day")
        sheet.complain(
            (*path, "to"), msg("the block from {text} to {text} is empty", text=text), hint
        )
        return None
    if _of_one_event(start, end) and 0 <= first - last < DAY_MINUTES - _LONGEST_SUN_NIGHT:
        texts = [sheet.value((*path, name)) for name in ("from", "to")]
        message = msg("from {start} to {end} no time is left", start=texts[0], end=texts[1])
        sheet.complain((*path, "to"), message, msg("end it later than it begins"))
        return None
    night = last - first + DAY_MINUTES
    of_the_sun = isinstance(start, SunTime) or isinstance(end, SunTime)
    crosses = last <= first and not (of_the_sun and night > _LONGEST_SUN_NIGHT)
    return Block(
        first,
        last + DAY_MINUTES if crosses else last,
        setting,
        start if isinstance(start, SunTime) else None,
        end if isinstance(end, SunTime) else None,
    )


def _of_one_event(start: TimeOfDay, end: TimeOfDay) -> bool:
    """Whether both hang on the sunrise, or both on the sunset: no season changes their distance."""
    return isinstance(start, SunTime) and isinstance(end, SunTime) and start.event == end.event


def _setting(sheet: Sheet, path: Path, known: keys.Keys) -> Setting | None:
    values = read_values(sheet, path, *known.names)
    if values is None or values.mode is None:
        return None
    return Setting(
        values.mode,
        values.setpoints,
        sheet.at(path, key=known is keys.OTHERWISE),  # a block is a list item; `otherwise` is a key
        values.mode_origin,
        values.setpoint_origins,
    )


def _exceptions(sheet: Sheet, known: Known) -> list[DayRule]:
    read = [_rule(sheet, place, known) for place in sheet.items(("exceptions",), msg("exceptions"))]
    return [rule for rule in read if rule is not None]


def _rule(sheet: Sheet, path: Path, known: Known) -> DayRule | None:
    before = len(sheet.problems)
    sheet.keys(path, *keys.EXCEPTION.names)
    data = sheet.value(path)
    if not isinstance(data, dict):
        return None
    if "do" not in data:
        sheet.complain(path, msg("'do' is missing"), msg("write do: replace, do: use or do: add"))
    do = sheet.choice((*path, "do"), msg("action"), _ACTIONS) if "do" in data else None
    name = sheet.word((*path, "name"), msg("the name")) if "name" in data else ""
    spans: list[Span] = []
    calendar: Calendar | None = None
    if "dates" in data and "calendar" in data:
        message = msg("an exception has either 'dates' or a 'calendar'")
        sheet.complain((*path, "calendar"), message, msg("make two exceptions of it"), key=True)
    elif "dates" in data:
        places = sheet.one_or_more((*path, "dates"), msg("date"))
        read = [sheet.read(place, parse_span) for place in places]
        spans = [span for span in read if span is not None]
        if "name" not in data:
            sheet.complain(
                path, msg("'name' is missing"), msg("say what the dates are, for people")
            )
    elif "calendar" in data:
        calendar = read_calendar_use(sheet, path, known)
    else:
        sheet.complain(
            path, msg("'dates' or 'calendar' is missing"), msg("say when the exception applies")
        )
    if "entries" in data and "calendar" not in data:
        message = msg("'entries' are those of a calendar")
        sheet.complain(
            (*path, "entries"), message, msg("name the 'calendar', or remove it"), key=True
        )
    blocks, day = _plan(sheet, path, do)
    priority = LOWEST_PRIORITY
    if "priority" in data:
        priority = int(sheet.number((*path, "priority"), 1, LOWEST_PRIORITY, whole=True))
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
        priority,
    )


def read_calendar_use(sheet: Sheet, path: Path, known: Known) -> Calendar | None:
    """The calendar that `calendar` and `entries` at a path name; None with problems."""
    here, kind_path = (*path, "calendar"), (*path, "entries")
    calendar_id = sheet.value(here)
    if not isinstance(calendar_id, str) or calendar_id not in known.calendar_kinds:
        if known.all_calendars or not isinstance(calendar_id, str):
            hint = suggestion(calendar_id, known.calendar_kinds)
            sheet.complain(
                here,
                msg("no calendar '{calendar_id}' in schedules/calendars", calendar_id=calendar_id),
                hint,
            )
        return None
    kinds = known.calendar_kinds[calendar_id]
    if not sheet.has(kind_path):
        sheet.complain(path, msg("'entries' is missing"), suggestion("", kinds))
    elif (kind := sheet.value(kind_path)) not in kinds:
        message = msg(
            "calendar '{calendar_id}' has no entries '{kind}'", calendar_id=calendar_id, kind=kind
        )
        sheet.complain(kind_path, message, suggestion(kind, kinds))
    return known.calendars[calendar_id]


def _plan(sheet: Sheet, path: Path, do: str | None) -> tuple[tuple[Block, ...], int]:
    """The blocks of an exception, or the weekday whose plan it uses."""
    has_blocks, has_day = sheet.has((*path, "blocks")), sheet.has((*path, "day"))
    blocks = _blocks(sheet, (*path, "blocks")) if has_blocks else ()
    day = sheet.read((*path, "day"), parse_weekday) if has_day else None
    if do == "use":
        if not has_day:
            sheet.complain(
                path, msg("'day' is missing"), msg("say whose plan to use, for example day: mon")
            )
        if has_blocks:
            hint = msg("remove them, or write do: replace")
            message = msg("'use' takes the blocks of a weekday, not its own")
            sheet.complain((*path, "blocks"), message, hint, key=True)
    elif do is not None:
        if not has_blocks:
            hint = (
                msg("list them, or write blocks: [] for none")
                if do == "replace"
                else msg("list them")
            )
            sheet.complain(path, msg("'blocks' is missing"), hint)
        elif do == "add" and sheet.value((*path, "blocks")) == []:
            sheet.complain(
                (*path, "blocks"), msg("there is nothing to add"), msg("list the blocks")
            )
        if has_day:
            hint = msg("remove it, or write do: use")
            sheet.complain(
                (*path, "day"), msg("'day' has no meaning with {action}", action=do), hint, key=True
            )
    return blocks, day or 0
