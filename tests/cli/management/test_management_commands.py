"""`bms goal`, `round`, `finding`, `measure`: what a person types and sees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.config.writing.scaffold import init


@pytest.fixture
def site(tmp_path: Path) -> Path:
    init(tmp_path / "site")
    return tmp_path / "site"


def run(*words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)])


def answer(*words: object) -> Any:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


GOAL = ("--level", "base", "--of", "plant.meter-main", "--year", 2026, "--responsible", "x")


def test_goals_from_the_first_to_their_changes(site: Path) -> None:
    assert "no goals yet" in run("goal", "list", site).output
    result = run("goal", "add", site, "--title", "all", "--budget", 1000, *GOAL)
    assert result.exit_code == 0, result.output
    assert "goal 1: all, 1,000 kWh in 2026, x" in result.output
    part = ("--title", "part", "--level", "area", "--of", "plant.meter-main", "--year", 2026)
    result = run("goal", "add", site, *part, "--responsible", "y", "--budget", 1500, "--parent", 1)
    assert "500 kWh more than it may itself" in result.output
    assert run("goal", "acknowledge", site, 1).exit_code == 0
    assert run("goal", "set", site, 2, "--budget", 900, "--reason", "agreed").exit_code == 0
    listed = answer("goal", "list", site, "--year", 2026)
    assert [row["depth"] for row in listed["goals"]] == [0, 1]
    assert (listed["acknowledged_pct"], listed["remarks"]) == (50.0, [])
    assert listed["goals"][0]["pace_pct"] is None
    assert listed["goals"][0]["reason"] == "no meter was ever read"
    text = run("goal", "show", site, 2).output
    assert "goal.set  agreed" in text
    assert "part" in run("goal", "list", site).output
    result = run("goal", "show", site, 7)
    assert (result.exit_code, "there is no goal 7" in result.output) == (2, True)


def test_rounds_are_set_and_visited(site: Path) -> None:
    asked = ("--title", "hall", "--place", "plant.hall", "--look-at", "leaks", "--look-at", "doors")
    result = run("round", "add", site, *asked, "--responsible", "wang", "--on", "28.3.2026")
    assert (result.exit_code, "write 2026-03-28" in result.output) == (2, True)
    made = ("--responsible", "wang", "--every", 7, "--from", "2026-03-02")
    result = run("round", "add", site, *asked, *made)
    assert "round 1: hall" in result.output
    assert "visited on 2026-03-04" in run("round", "visit", site, 1, "--on", "2026-03-04").output
    (row,) = answer("round", "list", site, "--year", 2026)
    assert row["kept"] == 1
    assert row["turns"][0]["on"] == "2026-03-04"
    assert "hall" in run("round", "list", site).output


def test_findings_are_recorded_and_closed(site: Path) -> None:
    assert "no findings" in run("finding", "list", site).output
    asked = ("--title", "lights burn", "--place", "plant", "--worth", 1200, "--due", "2026-03-01")
    result = run("finding", "add", site, *asked)
    assert "finding 1: lights burn; 1,200 kWh a year" in result.output
    assert run("finding", "assign", site, 1, "--owner", "wang").exit_code == 0
    (row,) = answer("finding", "list", site)
    assert (row["state"], row["finding"]["owner"]) == ("overdue", "wang")
    assert "overdue" in run("finding", "list", site).output
    result = run("finding", "close", site, 1, "--note", "switched off", "--achieved", 1000)
    assert result.exit_code == 0, result.output
    result = run("finding", "close", site, 1, "--note", "again")
    assert result.exit_code == 4
    result = run("finding", "look", site, "--from", "2026-03-01", "--to", "2026-03-02")
    assert result.exit_code == 1
    assert "there is no history yet" in result.output


def test_the_register_of_measures(site: Path) -> None:
    kind = ("--base", "plant", "--means", "technical", "--category", "lighting")
    result = run("measure", "add", site, "--title", "LED", *kind, "--expected", 3650)
    assert "measure 1: LED" in result.output
    launched = ("--state", "launched", "--from", "2026-10-03", "--manpower", "no relamping")
    assert run("measure", "set", site, 1, *launched, "--reason", "done").exit_code == 0
    result = run("measure", "set", site, 1, "--achieved", 900, "--reason", "x")
    assert (result.exit_code, "--method and --period" in result.output) == (2, True)
    saved = ("--achieved", 900, "--method", "before/after", "--period", "2026-10-03", "2026-12-31")
    wrong = ("--interval", 1000, 1100)
    result = run("measure", "set", site, 1, *saved, *wrong, "--reason", "x")
    assert result.exit_code == 2, result.output
    right = ("--interval", 800, 1000)
    assert run("measure", "set", site, 1, *saved, *right, "--reason", "x").exit_code == 0
    (row,) = answer("measure", "list", site, "--year", 2026)
    assert (row["days"], row["expected_in_year_kwh"]) == (90, 900.0)
    assert row["measure"]["achieved"]["low_kwh"] == 800
    assert row["interventions_before"] is None
    assert "90/365" in run("measure", "list", site, "--year", 2026).output
    text = run("measure", "show", site, 1).output
    assert "manpower: no relamping" in text
    assert "measure.set  done" in text
