"""What a terminal shows of the JSON values, in an invented site."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bms.cli.screens.labels import basis_text, legend
from bms.cli.screens.ladder import why_screen
from bms.cli.screens.tables import NOTE, console, growth_screen, status_screen, value_text
from bms.core.readings import LABELS
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


def status(*loads: tuple[float | None, float | None]) -> dict[str, Any]:
    """A status of bases with these kW and kWh of today, and nothing abnormal."""
    return {
        "time": "2026-07-01T09:00:00+08:00", "title": "Park", "site": "park",
        "cycle": {"count": 9, "period_s": 1, "p50_ms": 2, "overruns": 3},
        "bases": [
            {"id": f"base-{n}", "title": f"Base {n}", "power_kw": kw, "kwh_today": kwh,
             "groups": []}
            for n, (kw, kwh) in enumerate(loads, 1)
        ],
        "points": {"good": 9, "stale": 0, "bad": 0}, "links": [], "overrides": [], "alarms": [],
        "locks": [], "seasons": [], "overlays": [], "extensions": [],
        "schedules": {"problems": []},
    }  # fmt: skip


@pytest.mark.case(
    "N16 total",
    when="Somebody looks at the status of a park of several bases",
    then="Its last row is the power and today's energy of all of them; nothing if one is not known",
)
@pytest.mark.parametrize(
    ("loads", "row"),
    [
        ([(10.5, 100.0), (-2.5, 11.0)], ["all bases", "8.0", "111.0"]),
        ([(10.5, None), (2.5, 11.0)], ["all bases", "13.0", "—"]),
        ([(10.5, 100.0)], []),
    ],
)
def test_a_park_has_a_total(loads: list[tuple[float | None, float | None]], row: list[str]) -> None:
    lines = drawn(status_screen(status(*loads))).splitlines()
    found = [line.split() for line in lines if "all bases" in line]
    assert [" ".join(words) for words in found] == ([" ".join(row)] if row else [])


def test_what_stands_side_by_side_has_the_mark_of_the_language() -> None:
    assert "; links" in drawn(status_screen(status((1.0, 2.0))))
    with speaking("zh"):
        assert "; " not in drawn(status_screen(status((1.0, 2.0))))


@pytest.mark.case(
    "N16 labels",
    when="Somebody who knows no labels looks at the energy of a meter",
    then="Each label that is more than measured is said in a sentence below",
)
def test_labels_are_said_in_a_sentence() -> None:
    assert legend(["measured"]) == []
    assert [text.split(":")[0] for text in legend(["missing", "allocated", "measured"])] == [
        "allocated",
        "missing",
    ]
    assert len(legend(label.value for label in LABELS)) == len(LABELS) - 1
