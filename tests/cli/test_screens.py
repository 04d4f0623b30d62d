"""What a terminal shows of the JSON values, in an invented site."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bms.cli.screens.labels import basis_text
from bms.cli.screens.ladder import why_screen
from bms.cli.screens.tables import NOTE, console, growth_screen, value_text
from bms.texts.language import speaking


def drawn(*renderables: RenderableType) -> str:
    out = console(200)
    out.file = StringIO()
    for renderable in renderables:
        out.print(renderable)
    return out.file.getvalue()


def why(reason: str) -> dict[str, Any]:
    return {
        "point": "b.fan.enable",
        "time": "2026-07-01T09:00:00+08:00",
        "commandable": True,
        "behind": [],
        "note": "",
        "winner": {
            "value": True,
            "priority": 8,
            "slot": "operator",
            "source": "override 1",
            "reason": reason,
            "expires": None,
        },
        "losers": [],
        "field": {"value": True, "unit": "", "quality": "good", "age_s": 0.2, "detail": ""},
    }


@pytest.mark.parametrize(
    "reason", ["[/red] belt", "[bold]belt[/bold]", "belt [x] :fire:", "皮带[换]"]
)
def test_what_people_write_is_shown_as_it_is(reason: str) -> None:
    assert reason in drawn(*why_screen(why(reason)))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "on"),
        ("cooling", "cooling"),
        (21.299999237060547, "21.3"),
        (-5.0, "-5"),
        (1234567.0, "1234567"),
        (30241234.25, "30241234.25"),
        (100000.0, "100000"),
    ],
)
def test_registers_keep_their_digits_and_measurements_lose_their_noise(
    value: object, text: str
) -> None:
    assert value_text(value) == text


@pytest.mark.parametrize(("language", "words"), [("en", "cannot tell"), ("zh", "无法判断")])
def test_a_missing_verdict_stands_out_in_every_language(language: str, words: str) -> None:
    base: dict[str, Any] = {
        "base": "b", "kwh": None, "baseline_kwh": None, "growth_pct": None, "target_pct": 5.0,
        "coverage_pct": 40.0, "baseline_coverage_pct": 100.0, "projection_kwh": None,
        "verdict": "cannot tell", "notes": [], "meters": [], "growth_low_pct": None,
        "growth_high_pct": None, "projection_low_kwh": None, "projection_high_kwh": None,
    }  # fmt: skip
    report = {"year": 2026, "baseline_year": 2025, "partial": True, "bases": [base]}
    with speaking(language):
        table = growth_screen(report)[0]
    assert isinstance(table, Table)
    (cell,) = table.columns[-1].cells
    assert isinstance(cell, Text)
    assert (cell.plain, str(cell.style)) == (words, NOTE)


def test_what_a_cost_was_counted_from_is_told_in_the_language_of_the_reader() -> None:
    with speaking("zh"):
        assert "measured" not in basis_text("measured, rated")
    with speaking("en"):
        assert basis_text("measured, rated") == "measured, rated"
        assert basis_text("") == ""
