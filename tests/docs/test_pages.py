"""What the documents name is there, and they are written in plain words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import pages
from tests.docs.commands import PAGES, ROOT

CODE = re.compile(r"`([^`\n]+)`")
TREES = ("bms/", "drivers/", "schedules/", "simulators/", "tests/", "docs/", ".ci/")
OF_A_SITE = re.compile(r"(schedules|docs)/[\w*-]*(\.yaml)?|schedules/calendars.*|docs/reference.*")
"""What a site has below the same names, and what is printed when the documents are built."""
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
OLD = re.compile(r"\banew\b|\bany ?more\b|\bof (?:its|their|our) own\b", re.IGNORECASE)


def named(text: str) -> list[str]:
    """The paths of the tree that a text names in code."""
    found = [word.strip() for code in CODE.findall(text) for word in code.split(",")]
    return [
        word
        for word in found
        if word.startswith(TREES) and "<" not in word and not OF_A_SITE.fullmatch(word)
    ]


def exists(path: str) -> bool:
    """Whether a path is there, with or without `.py`, wildcards allowed."""
    return any(ROOT.glob(path)) or (ROOT / f"{path}.py").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [path for path in named(text) if not exists(path)] == []
    for target in LINK.findall(text):
        there = (page.parent / target).resolve()
        printed = there.parent == ROOT / "docs" / "reference"
        assert there.exists() or printed, target


@pytest.mark.parametrize(
    "page",
    [*PAGES, ROOT / "CHANGELOG.md"],
    ids=lambda page: page.relative_to(ROOT).as_posix(),
)
def test_a_page_is_written_in_plain_words(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if OLD.search(line)] == []


def test_what_is_printed_is_written_in_plain_words() -> None:
    lines = [line for text in pages().values() for line in text.splitlines()]
    assert [line for line in lines if OLD.search(line)] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_paths_are_found_in_a_text() -> None:
    assert named("`bms/cli/`, `schedules/calendars/*.yaml`, `drivers/plant.py`, `x/y.py`") == [
        "bms/cli/",
        "drivers/plant.py",
    ]
    assert exists("drivers/plant.py")
    assert not exists("drivers/plnt.py")
