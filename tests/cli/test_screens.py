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


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [(2.5, 2.5, "+2.50 %"), (-0.4, 3.0, "-0.40 … +3.00 %"), (None, None, "—")],
)
def test_growth_is_shown_from_the_least_to_the_most(
    low: float | None, high: float | None, text: str
) -> None:
    base: dict[str, Any] = {
        "base": "b", "kwh": 1.0, "baseline_kwh": 1.0, "growth_pct": low, "target_pct": 5.0,
        "growth_low_pct": low, "growth_high_pct": high, "coverage_pct": 99.0,
        "baseline_coverage_pct": 100.0, "projection_low_kwh": 900.0, "projection_high_kwh": 1100.0,
        "verdict": "under", "notes": [], "meters": [],
    }  # fmt: skip
    report = {"year": 2026, "baseline_year": 2025, "partial": True, "bases": [base]}
    table = growth_screen(report)[0]
    assert isinstance(table, Table)
    cells = [next(iter(column.cells)) for column in table.columns]
    assert cells[3] == text
    assert cells[6] == "900 … 1,100"


def test_what_a_cost_was_counted_from_is_told_in_the_language_of_the_reader() -> None:
    with speaking("zh"):
        assert "measured" not in basis_text("measured, rated")
    with speaking("en"):
        assert basis_text("measured, rated") == "measured, rated"
        assert basis_text("") == ""
