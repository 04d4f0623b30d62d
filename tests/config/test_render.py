"""Problems as people read them."""

from __future__ import annotations

import pytest

from bms.config.writing.render import render, width
from bms.texts.messages import msg
from bms.texts.problems import Problem


def test_the_mark_stands_under_the_word() -> None:
    text = "title: x\nbases: {plant: {zone: Asia/Shanghi, energy: {}}}  # note\n"
    problem = Problem("site.yaml", 2, 23, msg("no time zone 'Asia/Shanghi'"), "did you mean …?")
    assert render([problem], {"site.yaml": text}) == (
        "site.yaml:2:23: no time zone 'Asia/Shanghi'\n"
        "    2 | bases: {plant: {zone: Asia/Shanghi, energy: {}}}  # note\n"
        "      |                       ^^^^^^^^^^^^ did you mean …?"
    )


def test_full_width_characters_take_two_columns() -> None:
    text = "title: {zh: 空调，机房}\n"
    problem = Problem(
        "a.yaml", 1, 15, msg("full-width character '，' cannot be used here"), "write ','"
    )
    lines = render([problem], {"a.yaml": text}).splitlines()
    source, mark = lines[1], lines[2]
    assert source[: source.index("，")].startswith("    1 | title: {zh: 空调")
    assert width(mark[: mark.index("^")]) == width(source[: source.index("，")])
    assert width(mark[: mark.index("^")]) == len("    1 | title: {zh: ") + 4


@pytest.mark.parametrize(
    ("line", "column", "marked"),
    [
        ('  "ahu-{01..02}":', 3, 14),
        ("  unit: 256", 9, 3),
        ("  url: opc.tcp://a:1 # x", 8, 13),
        ("  空调: 1", 3, 4),
        ("  key: 1", 3, 3),
        ("  - [a]", 5, 1),
    ],
)
def test_how_much_is_marked(line: str, column: int, marked: int) -> None:
    text = render([Problem("a.yaml", 1, column, msg("m"))], {"a.yaml": line})
    assert text.splitlines()[2].count("^") == marked


def test_without_the_source_the_hint_follows() -> None:
    problems = [
        Problem("gone.yaml", 1, 1, msg("this file is missing"), "every site has one"),
        Problem("a.yaml", 99, 1, msg("beyond the end")),
        Problem("a.yaml", 1, 99, msg("beyond the line")),
    ]
    assert render(problems, {"a.yaml": "a: 1"}).splitlines() == [
        "gone.yaml:1:1: this file is missing",
        "      every site has one",
        "a.yaml:99:1: beyond the end",
        "a.yaml:1:99: beyond the line",
        "    1 | a: 1",
        "      |     ^",
    ]


def test_nothing_to_say() -> None:
    assert render([], {}) == ""


def test_no_control_characters_reach_the_terminal() -> None:
    shown = render([Problem("a.yaml", 1, 3, msg("m"))], {"a.yaml": "\x1b[2J\tx\n"})
    assert "\x1b" not in shown
    assert "\t" not in shown


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("空调", 4), ("：", 2), ("e\u0301", 1)])
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("before", "marked", "after"), [(0, 5000, 0), (4000, 8, 4000), (9, 8, 900)]
)
def test_of_a_very_long_line_the_part_around_the_mark_is_shown(
    before: int, marked: int, after: int
) -> None:
    line = "空 " * (before // 2) + "x" * marked + " 调" * (after // 2)
    column = len("空 " * (before // 2)) + 1
    text = render([Problem("a.yaml", 1, column, msg("m"), "hint")], {"a.yaml": line})
    _, source, mark = text.splitlines()
    assert width(source) <= 2 * 170
    at = width(mark[: mark.index("^")])
    shown = source[source.index("x") :]
    assert width(source[: -len(shown)]) == at
    assert mark.endswith("^ hint")
    assert mark.count("^") == min(marked, 80)
