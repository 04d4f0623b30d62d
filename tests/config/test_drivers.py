"""drivers.yaml: what it makes, and every mistake at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.sites import Draft

FILE = "drivers.yaml"
DRIVERS = """\
bases:
  plant:
    drivers:
      production: {file: production.csv, column: tonnes}
      visitors: {file: gate.csv}
"""


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(tmp_path).add(FILE, DRIVERS)


def test_a_right_file_is_no_problem(draft: Draft) -> None:
    assert draft.check()[1] == []


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("  plant:", "  plnat:", 2, "no base 'plnat'"),
        ("file: gate.csv", "point: gate.flow", 5, "no point 'plant.gate.flow'"),
        ("file: gate.csv", "meter: gate", 5, "no meter 'plant.gate'"),
        ("file: gate.csv", "file: ../gate.csv", 5, "lies in the site's directory"),
        ("file: gate.csv", "file: gate.xlsx", 5, "is no CSV file"),
        ("file: gate.csv", "column: people", 5, "has one of 'point', 'meter' and 'file'"),
    ],
)
def test_a_mistake_is_told_at_its_place(
    draft: Draft, old: str, new: str, line: int, says: str
) -> None:
    draft.add(FILE, DRIVERS.replace(old, new, 1))
    _, problems = draft.check()
    assert [(p.file, p.line) for p in problems] == [(FILE, line)], [str(p) for p in problems]
    assert says in str(problems[0])
    assert problems[0].withholds == FILE
    assert draft.site() is not None
