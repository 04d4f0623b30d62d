"""The report of energy management: what stands in it, and that every face can write it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.config.site import Site
from bms.energy.management.managed_items import Category, FindingKind, Level, Means
from bms.operations.managing.finding_cases import add_finding, close_finding
from bms.operations.managing.goal_cases import acknowledge_goal, add_goal
from bms.operations.managing.managing_requests import (
    AcknowledgeGoal,
    AddFinding,
    AddGoal,
    AddMeasure,
    AddRound,
    CloseFinding,
)
from bms.operations.managing.measure_cases import add_measure
from bms.operations.managing.round_cases import add_round
from bms.operations.reporting.management_case import management_report
from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import Document, Figure, Headlines, Table
from tests.operations.managing.managed_site import NOW, managed_site, read_two_years

YEAR = 2026


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return managed_site(tmp_path)


def filled(site: Site) -> None:
    def goal(title: str, level: Level, kwh: float, parent: int | None = None) -> None:
        asked = AddGoal(
            title=title, level=level, place="b", year=YEAR, budget_kwh=kwh, responsible="guest",
            parent=parent,
        )  # fmt: skip
        add_goal(site, asked, "li", NOW)

    goal("all", Level.COMPANY, 60000)
    goal("b", Level.BASE, 70080, 1)
    acknowledge_goal(site, AcknowledgeGoal(goal=2), "guest", NOW)
    add_round(
        site,
        AddRound(
            title="hall", place="b.air", look_at=("leaks",), every_days=7,
            first_day=date(2026, 6, 1), responsible="wang",
        ),
        "li", NOW,
    )  # fmt: skip
    for title, due in (("lights", date(2026, 6, 20)), ("valve", None), ("door", None)):
        add_finding(
            site,
            AddFinding(title=title, kind=FindingKind.WASTE, place="b", due=due, worth_kwh=100),
            "wang", NOW,
        )  # fmt: skip
    close_finding(site, CloseFinding(finding=3, note="shut", achieved_kwh=90), "wang", NOW)
    for title, means, first in (
        ("LED", Means.TECHNICAL, date(2026, 10, 3)),
        ("group control", Means.SMART, date(2025, 5, 1)),
    ):
        add_measure(
            site,
            AddMeasure(
                title=title, base="b", means=means, category=Category.LIGHTING,
                state="launched", first_day=first, expected_kwh=3650,
            ),
            "li", NOW,
        )  # fmt: skip


def tables(document: Document) -> dict[str, dict[str, dict[str, object]]]:
    parts = [part for section in document.sections for part in section.parts]
    return {
        part.key: {
            row.key: {
                column.key: cell.value if isinstance(cell, Figure) else cell
                for column, cell in zip(part.columns, cells, strict=True)
            }
            for row, cells in zip(part.rows, worked_out(part), strict=True)
        }
        for part in parts
        if isinstance(part, Table)
    }


def test_goals_rounds_findings_and_measures_of_a_year(site: Site) -> None:
    read_two_years(site)
    filled(site)
    document = management_report(site, YEAR, NOW)
    found = tables(document)
    goals = found["goals"]
    assert goals["goal-2"]["pace"] == pytest.approx(100.0)
    assert goals["goal-1"]["pace"] == pytest.approx(70080 / 60000 * 100)
    assert (goals["goal-1"]["by"], goals["goal-2"]["by"]) == (None, "guest")
    (remark,) = document.sections[1].parts[1].sentences  # type: ignore[union-attr]
    assert "10,080 kWh more than it may itself" in str(remark)
    assert found["rounds"]["round-1"]["missed"] == 4
    assert list(found["findings"]) == ["finding-1", "finding-2", "finding-3"]
    assert [row["state"] for row in found["findings"].values()] == ["overdue", "open", "closed"]
    marked = {row.key for part in document.sections[3].parts for row in part.rows if row.marked}  # type: ignore[union-attr]
    assert marked == {"finding-1"}
    assert found["measures"]["measure-1"]["expected_year"] == pytest.approx(900)
    assert found["by_means"]["total"]["expected"] == pytest.approx(900 + 3650)
    assert found["by_means"]["technical"]["achieved"] is None
    (heads,) = document.sections[0].parts
    assert isinstance(heads, Headlines)
    assert [head.figure.value for head in heads.figures] == [50.0, 0.0, 2, 2]
    assert document.signatures


def test_a_year_that_nobody_managed_has_a_report(site: Site) -> None:
    document = management_report(site, YEAR, NOW)
    assert all(not rows for rows in tables(document).values())


def test_what_was_closed_earlier_or_found_later_is_in_another_report(site: Site) -> None:
    filled(site)
    assert tables(management_report(site, 2025, NOW))["findings"] == {}
    assert list(tables(management_report(site, 2027, NOW))["findings"]) == [
        "finding-1", "finding-2",
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_face_writes_it(site: Site, tmp_path: Path, language: str) -> None:
    filled(site)
    out = tmp_path / "out"
    out.mkdir()
    words = ["--lang", language, "report", "management", str(site.directory), "--year", "2026"]
    result = CliRunner().invoke(main, [*words, "--format", "html,xlsx,csv,json", "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert {path.suffix for path in out.iterdir()} == {".html", ".xlsx", ".csv", ".json"}
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    assert "LED" in shown.output
