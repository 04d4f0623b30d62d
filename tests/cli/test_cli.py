"""Slips on the command line end in a message and an exit code, never in a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from tests.app.test_app import FILES


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "site"


def bms(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(result: Result, code: int) -> str:
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code
    return result.output


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "0026-03-28"])
def test_years_without_a_calendar_are_slips(site: Path, day: str) -> None:
    said = refused(bms("schedule", "preview", site, "b.air", "--from", day), 2)
    assert "between 1990 and 2200" in said
    refused(bms("simulate", site, "--from", day, "--to", "2026-01-01"), 2)


def test_a_preview_begins_on_the_day_that_was_asked_for(site: Path) -> None:
    (site / "site.yaml").write_text(
        "id: small\nzone: Asia/Shanghai\nbases: {b: {zone: Europe/Berlin}}\n", encoding="utf-8"
    )
    said = bms("schedule", "preview", site, "b.air", "--from", "2026-03-28", "--days", 2, "--json")
    (stretch,) = json.loads(said.stdout)["stretches"]
    assert stretch["from"] == "2026-03-28T00:00+01:00"
    assert stretch["to"] == "2026-03-30T00:00+02:00"  # across the clock change


@pytest.mark.parametrize(
    "plant", ["nope", ":Park", "os:", ".os:sep", "os:sep", "os:getcwd", "json:JSONDecoder"]
)
def test_what_is_no_plant_is_said(site: Path, plant: str) -> None:
    words = ("simulate", site, "--from", "2026-07-01", "--to", "2026-07-02", "--plant", plant)
    assert f"'{plant}' is no plant" in refused(bms(*words), 2)


def test_a_plant_gets_its_start_from_the_simulation_alone(site: Path) -> None:
    words = ("simulate", site, "--from", "2026-07-01", "--to", "2026-07-02")
    plant = ("--plant", "tests.field.test_plants:Emulator", "--option", "start=now")
    assert "no option 'start'" in refused(bms(*words, *plant), 2)


def test_a_file_in_the_place_of_a_directory(site: Path) -> None:
    (site / "state").write_text("", encoding="utf-8")
    # A controller controls all the same: see the case R5 in tests/app.
    words = ("simulate", site, "--from", "2026-07-01", "--to", "2026-07-02", "--into")
    refused(bms(*words, site / "state"), 2)
    assert "cannot be made" in refused(bms(*words, site / "state" / "deep"), 1)


def test_files_that_cannot_be_read_are_told_without_the_words_of_python(site: Path) -> None:
    said = refused(bms("run", site, "--endpoints", site / "site.yaml"), 2)
    assert "it is not JSON" in said
    said = refused(bms("audit", "list", site.parent), 2)
    assert "no such file" in said
    assert "Errno" not in said
