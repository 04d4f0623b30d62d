"""The page of what happens when …, printed from the tests that show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.cases import Case, NoCase, cases, chinese, page

WRITTEN = """
import pytest

@pytest.mark.case("E10", when="A meter | stops", then="Its energy is missing.")
@pytest.mark.case("E2", when="A total comes once an hour", then="It is spread.")
def test_it(): ...

@pytest.mark.case("E2", when="A total comes once an hour", then="It is spread.")
def test_again(): ...
"""


def test_each_case_is_told_once_in_the_order_of_numbers(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(WRITTEN)
    assert cases(tmp_path) == [
        Case("E2", "A total comes once an hour", "It is spread."),
        Case("E10", "A meter | stops", "Its energy is missing."),
    ]
    lines = page(cases(tmp_path), "en", {}).splitlines()
    assert lines[-2:] == [
        "| A total comes once an hour | It is spread. |",
        "| A meter \\| stops | Its energy is missing. |",
    ]


@pytest.mark.parametrize(
    "marker",
    [
        'case("E1", when="it stops")',
        'case("X1", when="it stops", then="it goes")',
        'case("E1", when=WORDS, then="it goes")',
    ],
)
def test_a_marker_that_cannot_be_printed_is_refused(tmp_path: Path, marker: str) -> None:
    (tmp_path / "test_it.py").write_text(f"@pytest.mark.{marker}\ndef test_it(): ...\n")
    with pytest.raises(NoCase, match=r"test_it\.py:1"):
        cases(tmp_path)


def test_every_sentence_is_said_in_chinese() -> None:
    said = chinese()
    wanted = {text for case in cases() for text in (case.when, case.then)}
    assert sorted(wanted - said.keys()) == []
    assert sorted(said.keys() - wanted) == []
