"""The alarms that the pages for staff explain are said in these words."""

from __future__ import annotations

import re

import pytest

from tests.docs.commands import ROOT
from tests.messages import catalogue, templates, translations

ROW = re.compile(r"^\| ([^|]*…[^|]*?) \| ", re.MULTILINE)


def said_in(language: str) -> list[str]:
    """Every template, as it is in a language."""
    known = templates()
    if language == "en":
        return [text for template in known for text in _texts(template)]
    kept = translations(catalogue())
    return [text for template in known for text in kept.get(template, ())]


def _texts(template: str | tuple[str, str]) -> tuple[str, ...]:
    return (template,) if isinstance(template, str) else template


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_alarm_is_said_as_the_page_says(language: str) -> None:
    page = ROOT / "docs" / "staff" / language / "alarms.md"
    rows = ROW.findall(page.read_text(encoding="utf-8"))
    assert len(rows) > 10
    known = said_in(language)
    for row in rows:
        parts = [re.escape(part.strip()) for part in re.split("…+", row) if part.strip()]
        words = re.compile(".*".join(parts), re.DOTALL)
        assert any(words.search(text) for text in known), row
