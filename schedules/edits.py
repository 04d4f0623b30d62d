"""What people want to change in a schedule, as the data that its file will hold afterwards.

Every function takes the data of a file and returns other data; nothing is changed in place.
`patch.rewrite` then finds the words that differ.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from bms.texts.messages import msg
from bms.texts.problems import TextError, suggestion
from bms.texts.yaml.difference import Edit, Insert, Remove, Rename, difference
from schedules.model.week import DAILY, WEEKDAYS, parse_weekdays

Data = dict[str, Any]


def season_of(data: Data, day: str, season: str | None) -> str:
    """The season whose week is meant; needed only where several have one. Raises TextError."""
    week = data.get("week")
    if not isinstance(week, dict) or not week:
        raise TextError(msg("this file has no week: it is no schedule"), msg("name a schedule"))
    if season is not None:
        if season not in week:
            raise TextError(
                msg("there is no week for '{season}'", season=season), suggestion(season, week)
            )
        return season
    days = set(parse_weekdays(day))
    having = [
        name
        for name, programme in week.items()
        if isinstance(programme, dict) and days & _days(programme)
    ] or list(week)
    if len(having) > 1:
        names = ", ".join(having)
        raise TextError(
            msg("{day} has a plan in several seasons", day=day),
            msg("say which: --season {names}", names=names),
        )
    return str(having[0])


def set_block(data: Data, season: str, day: str, block: str, changes: Mapping[str, Any]) -> Data:
    """Change some keys of one block of a day; None takes a setpoint away.

    `block` is its number in the file, from 1, or the time it begins at. Days that stand on several
    lines are changed line by line; other weekdays that share a line keep what they have. Raises
    TextError, also where a number means blocks that begin at different times.
    """
    made = copy.deepcopy(data)
    for blocks, at in _blocks(made, season, day, block):
        for key, value in changes.items():
            if value is None:
                blocks[at].pop(key, None)
            else:
                blocks[at][key] = value
    return made


def add_block(data: Data, season: str, day: str, block: Mapping[str, Any]) -> Data:
    """Another block, at its place in time, on each of the days. Raises TextError."""
    made = copy.deepcopy(data)
    for blocks in own_lines(made, season, parse_weekdays(day)).values():
        at = sum(str(one.get("from", "")) < str(block["from"]) for one in blocks)
        blocks.insert(at, dict(block))
    return made


def remove_block(data: Data, season: str, day: str, block: str) -> Data:
    """One block less on each of the days. Raises TextError."""
    made = copy.deepcopy(data)
    for blocks, at in _blocks(made, season, day, block):
        del blocks[at]
    return made


def copy_day(data: Data, season: str, day: str, to: Sequence[str]) -> Data:
    """Give other weekdays the plan of one. Raises TextError."""
    made = copy.deepcopy(data)
    week = _week(made, season)
    source = parse_weekdays(day)[0]
    label = next((label for label in week if source in _label(label)), None)
    plan = list_at(week, label) if label is not None and week[label] else []
    targets = {target for words in to for target in parse_weekdays(words)} - {source}
    for blocks in own_lines(made, season, sorted(targets)).values():
        blocks[:] = copy.deepcopy(plan)
    return made


def set_otherwise(data: Data, changes: Mapping[str, Any]) -> Data:
    """Change what is in force whenever no block is."""
    made = copy.deepcopy(data)
    setting = made.setdefault("otherwise", {})
    for key, value in changes.items():
        if value is None:
            setting.pop(key, None)
        else:
            setting[key] = value
    return made


def add_exception(data: Data, rule: Mapping[str, Any]) -> Data:
    """Another exception, before all others: the first that replaces a day decides it."""
    made = copy.deepcopy(data)
    made["exceptions"] = [dict(rule), *(made.get("exceptions") or [])]
    return made


def remove_exception(data: Data, which: str) -> tuple[Data, Data]:
    """Without the exception of that number (from 1) or name, and what it was. Raises TextError."""
    made = copy.deepcopy(data)
    rules = made.get("exceptions") or []
    found = [n for n, rule in enumerate(rules, 1) if which in (str(n), str(rule.get("name", "")))]
    if len(found) != 1:
        names = [str(rule.get("name") or rule.get("calendar", "?")) for rule in rules]
        listed = ", ".join(f"{n} {name}" for n, name in enumerate(names, 1)) or msg("there is none")
        raise TextError(
            msg("several exceptions are called '{name}'", name=which)
            if found
            else msg("there is no exception '{name}'", name=which),
            msg("name one by its number: {listed}", listed=listed),
        )
    gone = rules.pop(found[0] - 1)
    return made, gone


def own_lines(data: Data, season: str, days: Sequence[int]) -> dict[str, list[Any]]:
    """The lines of `data` that hold these weekdays and no others, by label: their lists of blocks.

    A line with other weekdays, too, is split; weekdays without a line get one. Raises TextError.
    """
    week = _week(data, season)
    if not days:
        return {}
    open_days = set(days)
    mine: list[str] = []
    renewed: Data = {}
    split: Data = {}
    for label, blocks in week.items():
        common = _label(label) & open_days
        rest = _label(label) - common
        open_days -= common
        if not common or not rest:
            renewed[label] = blocks
            mine += [label] if common else []
        else:
            renewed[_words(sorted(rest))] = blocks
            split[_words(sorted(common))] = copy.deepcopy(blocks)
    if open_days:
        split[_words(sorted(open_days))] = []
    week.clear()
    week.update(renewed | split)
    found = {}
    for label in (*mine, *split):
        week[label] = week[label] or []
        found[label] = list_at(week, label)
    return found


def _blocks(data: Data, season: str, day: str, block: str) -> list[tuple[list[Any], int]]:
    """Where the block stands on each line of the days. Raises TextError."""
    lines = own_lines(data, season, parse_weekdays(day))
    found = [(blocks, _index(blocks, block, label)) for label, blocks in lines.items()]
    starts = {str(blocks[at].get("from")) for blocks, at in found}
    if len(starts) > 1:
        raise TextError(
            msg("block {block} begins at {starts}", block=block, starts=", ".join(sorted(starts))),
            msg(
                "name it by the time it begins at, or change {names} apart", names=", ".join(lines)
            ),
        )
    return found


def list_at(week: Data, label: str) -> list[Any]:
    """The blocks under a label. Raises TextError if there is something else."""
    blocks = week[label]
    if not isinstance(blocks, list) or not all(isinstance(one, dict) for one in blocks):
        raise TextError(
            msg("'{label}' has no list of blocks", label=label), msg("correct it in the file")
        )
    return blocks


def in_words(old: Any, new: Any) -> list[str]:
    """The differences for people, one line each."""
    return [_say(edit, old) for edit in difference(old, new)]


def _say(edit: Edit, old: Any) -> str:
    where = _place(edit.path)
    if isinstance(edit, Rename):
        return f"{where} → {edit.word}"
    if isinstance(edit, Insert):
        return f"+ {where}: {_shown(edit.value)}"
    before = _before(old, edit.path)
    if isinstance(edit, Remove):
        return f"- {where}: {_shown(before)}"
    if before is None:
        return f"+ {where}: {_shown(edit.value)}"
    return f"{where}: {_shown(before)} → {_shown(edit.value)}"


def _place(path: Sequence[str | int]) -> str:
    words = [f"#{step + 1}" if isinstance(step, int) else step for step in path]
    return " ".join(words[1:] if words[:1] == ["week"] and len(words) > 1 else words)


def _before(data: Any, path: Sequence[str | int]) -> Any:
    try:
        for step in path:
            data = data[step]
    except (KeyError, IndexError, TypeError):
        return None
    return data


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(_shown, value)) or "—"
    if not isinstance(value, dict):
        return str(value)
    words = [f"{value['from']}–{value['to']}"] if {"from", "to"} <= value.keys() else []
    for key, one in value.items():
        if not (words and key in ("from", "to")):
            words.append(str(one) if key in ("mode", "name", "do") else f"{key}={_shown(one)}")
    return " ".join(words)


def _index(blocks: Sequence[Any], block: str, day: str) -> int:
    starts = [str(one.get("from")) for one in blocks]
    if block in starts:
        return starts.index(block)
    if block.isdecimal() and 1 <= int(block) <= len(blocks):
        return int(block) - 1
    listed = ", ".join(f"{n} ({start})" for n, start in enumerate(starts, 1))
    raise TextError(
        msg("{day} has no block '{block}'", day=day, block=block),
        msg("blocks: {names}", names=listed) if listed else msg("it has none; --add one"),
    )


def _week(data: Data, season: str) -> Data:
    week = data["week"][season]
    if week is None:
        week = data["week"][season] = {}
    if not isinstance(week, dict):
        raise TextError(
            msg("the week of '{season}' cannot be read", season=season),
            msg("correct it in the file"),
        )
    return week


def _days(programme: Mapping[str, Any]) -> set[int]:
    return {day for label in programme for day in _label(label)}


def _label(label: str) -> set[int]:
    return set(_ordered(label))


def _ordered(label: str) -> list[int]:
    try:
        return parse_weekdays(label)
    except TextError:
        return []


def _words(days: Sequence[int]) -> str:
    """Weekdays as they are written: `mon-fri`, `mon,wed-fri`, `daily`."""
    days = sorted(set(days))
    if len(days) == 7:
        return DAILY
    runs: list[list[int]] = []
    for day in days:
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(
        WEEKDAYS[run[0]] if len(run) == 1
        else f"{WEEKDAYS[run[0]]}{'-' if len(run) > 2 else ','}{WEEKDAYS[run[-1]]}"
        for run in runs
    )  # fmt: skip
