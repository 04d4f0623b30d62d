"""Reads `schedules/overlays.yaml`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

from bms.texts.messages import msg
from bms.texts.problems import Origin, Path, TextError
from bms.texts.yaml.sheet import Sheet
from schedules.answering.stacking import LONGEST_AFTER_MIN
from schedules.files import keys
from schedules.files.governing import complain_nothing, read_targets
from schedules.files.schedule_files import Known, read_calendar_use
from schedules.files.targets import Targets, chosen
from schedules.files.values import MODE, read_values
from schedules.model.calendar import Span, parse_span
from schedules.model.overlays import IN_FORCE, OFF, Giving, Occasion, Overlay
from schedules.model.week import DAY_MINUTES, parse_minutes, parse_time, parse_weekdays

_RENEW_DAYS = 14
"""An epidemic level is renewed every 14 days unless its file says otherwise (a default of ours)."""


def read_overlays(sheet: Sheet, known: Known) -> list[Overlay]:
    """The overlays of a file in the order written; those with problems are left out."""
    if not sheet.keys((), *keys.OVERLAYS.names):
        return []
    found = [
        _overlay(sheet, ("overlays", name), name, known) for name in sheet.mapping(("overlays",))
    ]
    return [overlay for overlay in found if overlay is not None]


def _overlay(sheet: Sheet, path: Path, name: str, known: Known) -> Overlay | None:
    before = len(sheet.problems)
    sheet.identifier(path, msg("overlay"), key=True)
    by_hand = sheet.has((*path, "levels"))
    if not isinstance(sheet.value(path), dict) or not (by_hand or sheet.has((*path, "when"))):
        hint = msg(
            "'levels' for one that people switch, 'when' and 'give' for one that comes by itself"
        )
        sheet.complain(
            path,
            msg("'{name}' does not say when it is in force", name=name),
            msg("write {hint}", hint=hint),
            key=True,
        )
        return None
    if by_hand:
        sheet.keys(path, *keys.OVERLAY_BY_HAND.names)
        levels = _levels(sheet, (*path, "levels"))
    else:
        sheet.keys(path, *keys.OVERLAY_BY_ITSELF.names)
        given = _givings(sheet, (*path, "give")) if sheet.has((*path, "give")) else ()
        levels = {IN_FORCE: given}
    occasions = (
        [_occasion(sheet, place, known) for place in sheet.items((*path, "when"), msg("occasions"))]
        if not by_hand
        else []
    )
    if not by_hand and sheet.value((*path, "when")) == []:
        sheet.complain(
            (*path, "when"), msg("an overlay needs an occasion"), msg("list when it is in force")
        )
    renew_days = _RENEW_DAYS
    if by_hand and sheet.has((*path, "renew_days")):
        renew_days = int(sheet.number((*path, "renew_days"), 1, 366, whole=True))
    title = sheet.title((*path, "title"))
    if len(sheet.problems) > before:
        return None
    return Overlay(
        name,
        title,
        MappingProxyType(levels),
        tuple(occasion for occasion in occasions if occasion is not None),
        renew_days,
        sheet.at(path, key=True),
    )


def _levels(sheet: Sheet, path: Path) -> dict[str, tuple[Giving, ...]]:
    levels: dict[str, tuple[Giving, ...]] = {}
    for level in sheet.mapping(path):
        here = (*path, level)
        if level == OFF:
            hint = msg("remove it: every overlay can be off")
            sheet.complain(here, msg("the level 'off' gives nothing"), hint, key=True)
            continue
        sheet.identifier(here, msg("level"), key=True)
        levels[level] = _givings(sheet, here)
    if not levels and isinstance(sheet.value(path), dict):
        sheet.complain(
            path, msg("an overlay needs a level"), msg("write for example 'full: [...]'"), key=True
        )
    return levels


def _givings(sheet: Sheet, path: Path) -> tuple[Giving, ...]:
    read = [
        _giving(sheet, place) for place in sheet.items(path, msg("targets with modes or setpoints"))
    ]
    return tuple(giving for giving in read if giving is not None)


def _giving(sheet: Sheet, path: Path) -> Giving | None:
    before = len(sheet.problems)
    data = sheet.mapping(path)
    if not data:
        if isinstance(sheet.value(path), dict):
            sheet.complain(path, msg("'targets' is missing"), msg("add it"))
        return None
    targets: dict[str, Origin] = {}
    if "targets" not in data:
        sheet.complain(path, msg("'targets' is missing"), msg("say which groups it is for"))
    else:
        targets = read_targets(sheet, (*path, "targets"))
    values = read_values(sheet, path, *keys.GIVING.names)
    while_mode = sheet.word((*path, "while"), msg("the mode")) if "while" in data else None
    after_min = 0
    if "after" in data:
        after_min = sheet.read((*path, "after"), _after) or 0
        if "while" not in data:
            hint = msg('add while: "on", the mode of the schedule that it goes on after')
            sheet.complain((*path, "after"), msg("'after' needs 'while'"), hint, key=True)
    if values is None or len(sheet.problems) > before:
        return None
    if values.mode is None and not values.setpoints:
        sheet.complain(
            path, msg("nothing is given here"), msg("add '{mode}' or a setpoint", mode=MODE)
        )
        return None
    return Giving(
        MappingProxyType(targets),
        values.mode,
        values.setpoints,
        sheet.at(path),
        values.mode_origin,
        values.setpoint_origins,
        while_mode,
        after_min,
    )


def _after(value: object) -> int:
    minutes = parse_minutes(value)
    if minutes > LONGEST_AFTER_MIN:
        raise TextError(
            msg("{text} is too long", text=value),
            msg("at most {hours}h", hours=LONGEST_AFTER_MIN // 60),
        )
    return minutes


def _occasion(sheet: Sheet, path: Path, known: Known) -> Occasion | None:
    before = len(sheet.problems)
    sheet.keys(path, *keys.OCCASION.names)
    data = sheet.value(path)
    if not isinstance(data, dict):
        return None
    if not data:
        sheet.complain(
            path, msg("this occasion has no dates, weekdays or times"), msg("write one of them")
        )
        return None
    name = sheet.word((*path, "name"), msg("the name")) if "name" in data else ""
    spans: list[Span | None] = []
    calendar = None
    if "dates" in data and "calendar" in data:
        message = msg("an occasion has either 'dates' or a 'calendar'")
        sheet.complain((*path, "calendar"), message, msg("make two occasions of it"), key=True)
    elif "dates" in data:
        places = sheet.one_or_more((*path, "dates"), msg("date"))
        spans = [sheet.read(place, parse_span) for place in places]
    elif "calendar" in data:
        calendar = read_calendar_use(sheet, path, known)
    weekdays = list(range(7))
    if "weekdays" in data and sheet.word((*path, "weekdays"), msg("the weekdays")):
        weekdays = sheet.read((*path, "weekdays"), parse_weekdays) or weekdays
    start, end = _window(sheet, path)
    if len(sheet.problems) > before:
        return None
    return Occasion(
        name or "",
        tuple(span for span in spans if span is not None),
        calendar,
        data.get("entries", ""),
        frozenset(weekdays),
        start,
        end,
        sheet.at(path),
    )


def _window(sheet: Sheet, path: Path) -> tuple[int, int]:
    """The times of an occasion; the whole day if it has none."""
    has = [sheet.has((*path, name)) for name in ("from", "to")]
    if not any(has):
        return 0, DAY_MINUTES
    if not all(has):
        missing = "to" if has[0] else "from"
        sheet.complain(
            path,
            msg("'{missing}' is missing", missing=missing),
            msg("write both, or neither for the whole day"),
        )
        return 0, DAY_MINUTES
    start = sheet.read((*path, "from"), parse_time) or 0
    end = sheet.read((*path, "to"), parse_time)
    if end is None:
        return 0, DAY_MINUTES
    if start in (end, DAY_MINUTES):
        sheet.complain(
            (*path, "to"), msg("the window is empty"), msg("write 00:00 to 24:00 for a whole day")
        )
    return start, end if end > start else end + DAY_MINUTES


def settle_targets(
    sheets: dict[str, Sheet],
    overlays: Iterable[Overlay],
    governed: Iterable[str],
    targets: Targets | None,
) -> tuple[Overlay, ...]:
    """The overlays with their targets chosen among what schedules govern.

    What chooses nothing is a problem in the sheet of its file, unless the site is not known.
    """
    ids = list(governed)
    settled = []
    for overlay in overlays:
        levels = {
            level: tuple(_settled(sheets, giving, ids, targets) for giving in givings)
            for level, givings in overlay.levels.items()
        }
        settled.append(replace(overlay, levels=MappingProxyType(levels)))
    return tuple(settled)


def _settled(
    sheets: dict[str, Sheet], giving: Giving, ids: list[str], targets: Targets | None
) -> Giving:
    found: dict[str, str] = {}
    for text, place in giving.targets.items():
        names = chosen(text, ids, targets)
        found |= {name: text for name in names if name not in found}
        if not names and targets is not None and targets.complete:
            complain_nothing(sheets[place.file], place, text, ids, targets)
    return replace(giving, chosen=MappingProxyType(found))
