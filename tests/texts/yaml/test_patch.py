"""Edits of messy files: the data is as intended, and nothing else has moved."""

from __future__ import annotations

import copy
import random
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.texts.problems import Path
from bms.texts.yaml.difference import same
from bms.texts.yaml.parsing import read
from bms.texts.yaml.patch import PatchRefused, rewrite
from tests.texts.yaml import ugly
from tests.texts.yaml.ugly import Written

FILE = "schedules/x.yaml"


def _data(text: str) -> Any:
    document, problems = read(FILE, text)
    assert problems == []
    assert document is not None
    return document.data


def _at(data: Any, path: Path) -> Any:
    for step in path:
        data = data[step]
    return data


def _changed(old: str, new: str) -> tuple[int, int]:
    """The smallest stretch of the old text outside which the two are the same."""
    first = _alike(old, new)
    last = _alike(old[::-1], new[::-1])
    return first, len(old) - min(last, min(len(old), len(new)) - first)


def _alike(one: str, other: str) -> int:
    """How many characters are the same from the beginning on."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _rewrite(made: Written, intended: Any) -> str:
    new = rewrite(FILE, made.text, intended)
    assert same(_data(new), intended)
    return new


def _values(data: Any, path: Path = ()) -> list[Path]:
    found = [path] if path else []
    if isinstance(data, dict):
        for key, value in data.items():
            found += _values(value, (*path, key))
    elif isinstance(data, list):
        for n, value in enumerate(data):
            found += _values(value, (*path, n))
    return found


# --- one random edit, and what it may touch --------------------------------------------------


def _set(rng: random.Random, made: Written) -> bool:
    paths = [p for p in _values(made.data) if not isinstance(_at(made.data, p), dict | list)]
    if not paths:
        return False
    path = rng.choice(paths)
    intended = copy.deepcopy(made.data)
    value = rng.choice([*ugly.WORDS, 5, 7.5, False])
    if same(_at(intended, path), value):
        return False
    _at(intended, path[:-1])[path[-1]] = value
    new = _rewrite(made, intended)
    start, end = made.values[path]
    assert new.startswith(made.text[:start]), (path, value)
    assert new.endswith(made.text[end:]), (path, value)
    return True


def _insert(rng: random.Random, made: Written) -> bool:
    paths = [p for p in [(), *_values(made.data)] if isinstance(_at(made.data, p), dict | list)]
    path = rng.choice(paths)
    intended = copy.deepcopy(made.data)
    target = _at(intended, path)
    value = rng.choice([{"from": "06:00", "to": "07:00", "mode": "on"}, "new", 3, []])
    if isinstance(target, list):
        target.insert(rng.randint(0, len(target)), value)
    else:
        at = rng.randint(0, len(target))
        pairs = [*target.items()]
        target.clear()
        target.update([*pairs[:at], ("new-key", value), *pairs[at:]])
    new = _rewrite(made, intended)
    first, last = _changed(made.text, new)
    assert len(new) > len(made.text)
    # Nothing is taken away. (An empty value in a list may first get its list: `x:` stays `x:`.)
    assert last - first == 0 or made.text[first:last].strip() == "", (path, value)
    return True


def _remove(rng: random.Random, made: Written) -> bool:
    path = rng.choice(_values(made.data))
    intended = copy.deepcopy(made.data)
    parent = _at(intended, path[:-1])
    gone = parent.pop(path[-1])
    if isinstance(parent, list) and any(same(gone, other) for other in parent):
        return False  # nobody can tell which of the two was meant
    try:
        new = _rewrite(made, intended)
    except PatchRefused:
        return False  # a comment in the way; counted by the test
    start, end = made.children[path]
    # What stands behind it on its last line is its own, and may go with it.
    tail = re.match(r"[^\r\n]*", made.text[end:])
    assert tail is not None
    kept = _comments(made.text[:start]) + _comments(made.text[end + tail.end() :])
    assert set(kept) <= set(_comments(new)), path
    # At most from the end of the text before it to the beginning of the text after it.
    siblings = [*_at(made.data, path[:-1])]
    steps = siblings if isinstance(_at(made.data, path[:-1]), dict) else [*range(len(siblings))]
    n = steps.index(path[-1])
    low = made.children[(*path[:-1], steps[n - 1])][1] if n else 0
    if not n and path[:-1]:
        low = made.children[path[:-1]][0]
    high = end + tail.end()
    if n + 1 < len(steps):
        high = made.children[(*path[:-1], steps[n + 1])][0]
    assert new.startswith(made.text[:low]), path
    assert new.endswith(made.text[high:].lstrip("\r\n")), path
    assert set(_comments(new)) <= set(_comments(made.text))
    return True


def _comments(text: str) -> list[str]:
    return [part.split()[0] for part in text.split("# note ")[1:]]


_EDITS = {"set": _set, "insert": _insert, "remove": _remove}


def _prove(kind: str, seed: int) -> bool:
    rng = random.Random(seed)
    made = ugly.document(rng)
    assert same(_data(made.text), made.data), made.text
    for path, (start, end) in made.values.items():
        assert 0 <= start <= end <= len(made.text), path
    return _EDITS[kind](rng, made)


@pytest.mark.parametrize("kind", _EDITS)
@settings(max_examples=120, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_an_edit_of_a_messy_file_changes_its_own_place_alone(kind: str, seed: int) -> None:
    _prove(kind, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", _EDITS)
def test_thousands_of_edits_of_messy_files(kind: str) -> None:
    done = sum(_prove(kind, seed) for seed in range(2500))
    assert done > 2300  # few are refused


@settings(max_examples=80, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_whole_other_content_is_written_right_or_refused(seed: int) -> None:
    rng = random.Random(seed)
    made, other = ugly.document(rng), ugly.document(rng)
    try:
        new = rewrite(FILE, made.text, other.data)
    except PatchRefused:
        return
    assert same(_data(new), other.data)


DAY = """\
week:
  summer:
    mon-fri:
      - {from: "07:30", to: "18:00", mode: "on"}   # 班次
      # 午休
      - from: '13:00'
        to: 18:00
        mode: on
    sat: []  # 休息
"""


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ((0, "from"), "06:45", '      - {from: "06:45", to: "18:00", mode: "on"}   # 班次'),
        ((1, "from"), "12:30", "      - from: '12:30'"),
        ((1, "to"), "19:00", '        to: "19:00"'),
    ],
)
def test_an_edit_of_one_value_changes_one_line(path: Path, value: str, line: str) -> None:
    intended = _data(DAY)
    _at(intended["week"]["summer"]["mon-fri"], path[:-1])[path[-1]] = value
    new = rewrite(FILE, DAY, intended)
    old_lines, new_lines = DAY.splitlines(), new.splitlines()
    assert [n for n, o in zip(new_lines, old_lines, strict=True) if n != o] == [line]


def test_a_removed_block_leaves_its_neighbours_comment() -> None:
    intended = _data(DAY)
    del intended["week"]["summer"]["mon-fri"][0]
    assert rewrite(FILE, DAY, intended) == DAY.replace(DAY.splitlines(keepends=True)[3], "")


def test_a_day_that_is_split_keeps_its_blocks() -> None:
    intended = _data(DAY)
    week = intended["week"]["summer"]
    intended["week"]["summer"] = {"tue": [], "mon,wed-fri": week["mon-fri"], "sat": []}
    new = rewrite(FILE, DAY, intended)
    assert new == DAY.replace("    mon-fri:", "    tue: []\n    mon,wed-fri:")


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\nb: *x\n", "a: &x\nb: 2\n", "a: [1\n", "", "a: *x\n", "a: 1\na: 2\n", "a: ：\n"],
)
def test_what_cannot_be_read_for_sure_is_not_touched(text: str) -> None:
    with pytest.raises(PatchRefused):
        rewrite(FILE, text, {"a": 1, "b": 3})


TABBED = """\
a: 1\t# one
b: &two 2\t# two
c: &three {d: 1}
e: &five
  f: 1\t# six
\t# nothing
  g: [1,\t2]
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("a",), 5, "a: 1\t", "a: 5\t"),
        (("b",), 6, "&two 2\t", "&two 6\t"),
        (("c", "d"), 7, "{d: 1}", "{d: 7}"),
        (("e", "f"), 8, "f: 1\t", "f: 8\t"),
        (("e", "g", 1), 9, ",\t2]", ",\t9]"),
    ],
)
def test_tabs_and_anchors_stay_where_they_are(
    path: tuple[str | int, ...], value: int, old: str, new: str
) -> None:
    intended = _data(TABBED)
    _at(intended, path[:-1])[path[-1]] = value
    assert rewrite(FILE, TABBED, intended) == TABBED.replace(old, new)
