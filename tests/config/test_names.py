"""Numbered runs and patterns."""

from __future__ import annotations

import re

import pytest

from bms.config.reading.names import LONGEST_RUN, RunError, expand, parallel, select

NAMES = ["ahu-01", "ahu-02", "fcu-1", "pump"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pump", ["pump"]),
        ("ahu-{08..11}", ["ahu-08", "ahu-09", "ahu-10", "ahu-11"]),
        ("{9..10}", ["9", "10"]),
        ("f{2..2}-east", ["f2-east"]),
        (f"{{1..{LONGEST_RUN}}}", [str(n) for n in range(1, LONGEST_RUN + 1)]),
    ],
)
def test_expand(text: str, expected: list[str]) -> None:
    assert expand(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ahu-{1..2}-{1..2}", "has 2 number ranges"),
        ("ahu-{2..1}", "counts down"),
        ("ahu-{a..b}", "has braces without a number range"),
        ("ahu-{1..2", "has braces without a number range"),
        ("{ahu-{1..2}", "has braces outside its number range"),
        (f"{{0..{LONGEST_RUN}}}", "counts too far"),
        ("{1..99999999999999999999}", "counts too far"),
    ],
)
def test_runs_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(RunError, match=re.escape(message)):
        expand(text)


def test_parallel() -> None:
    assert parallel("{3..4}", 2) == ["3", "4"]
    assert parallel("gateway", 2) == ["gateway", "gateway"]
    with pytest.raises(RunError, match="counts 3"):
        parallel("{3..5}", 2)


@pytest.mark.parametrize(
    ("text", "found", "missing"),
    [
        ("pump", ["pump"], []),
        ("ahu-*", ["ahu-01", "ahu-02"], []),
        ("ahu-0?", ["ahu-01", "ahu-02"], []),
        ("ahu-{01..03}", ["ahu-01", "ahu-02"], ["ahu-03"]),
        ("boiler-*", [], ["boiler-*"]),
        ("[a-f]*", [], ["[a-f]*"]),
    ],
)
def test_select(text: str, found: list[str], missing: list[str]) -> None:
    assert select(text, NAMES) == (found, missing)
