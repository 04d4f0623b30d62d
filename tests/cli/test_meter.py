"""`bms meter`: what a person types, sees, and what stays in the audit."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.config.load import load
from bms.config.writing.scaffold import init
from bms.control import STRATEGIES
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import meters_of
from bms.historian.records import Batch
from bms.storage import audit, sqlite

ZONE = ZoneInfo("Asia/Shanghai")
MAIN = "plant.meter-main"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template site with four days of readings, 1 kWh a quarter hour, and a swap."""
    directory = tmp_path_factory.mktemp("cli") / "site"
    init(directory)
    site = load(directory, STRATEGIES)
    begin = datetime(2026, 3, 1, tzinfo=ZONE)
    counts = [100 * i if i < 200 else 90_000_000 + 100 * i for i in range(4 * 96)]
    readings = [
        Reading(f"{MAIN}.energy", begin + timedelta(minutes=15 * i), n)
        for i, n in enumerate(counts)
    ]
    with History(site.state_dir) as history:
        history.append(Batch(readings=readings, meters=meters_of(site)))
    return directory


@pytest.fixture
def site(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "site"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["meter", *map(str, arguments)])


def answer(*arguments: object) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


CORRECTION = (
    "--from", "2026-03-01T10:00", "--to", "2026-03-01T11:00", "--amount", "1", "--reason", "x",
)  # fmt: skip
MARCH = ("--from", "2026-03-01", "--to", "2026-03-05")


def test_list_and_show(site: Path) -> None:
    rows = {row["meter"]: row for row in answer("list", site)}
    assert rows[MAIN]["known_until"] == "2026-03-04T23:45+08:00"
    assert rows["plant.water-main"]["unit"] == "m3"
    view = answer("show", site, MAIN, *MARCH)
    assert view["amount"] == 382 - 0
    assert view["events"][0]["event"] == "quarantine"
    assert view["coverage_pct"] == pytest.approx(100 * 382 / 384, abs=0.01)
    text = run("show", site, MAIN, *MARCH).output
    assert "quarantine" in text
    assert "more than the meter's rating" in text
    assert run("list", site).exit_code == 0


def test_intervals_demand_and_tree(site: Path) -> None:
    days = answer("intervals", site, MAIN, *MARCH, "--by", "day")
    assert [day["amount"] for day in days] == [96, 96, 95, 95]
    months = answer("intervals", site, MAIN, *MARCH, "--by", "month")
    assert [month["amount"] for month in months] == [382]
    period = ("--from", "2026-03-03T01:30", "--to", "2026-03-03T02:15")
    quarters = answer("intervals", site, f"{MAIN}.energy", *period)
    assert [q["amount"] for q in quarters] == [1, None, 1]
    assert [q["label"] for q in quarters] == ["measured", "missing", "measured"]
    (peak,) = answer("demand", site, "plant.load", *MARCH)
    assert (peak["month"], peak["peak"], peak["unit"]) == ("2026-03", 4.0, "kW")
    assert answer("tree", site) == []
    assert "parent" in run("tree", site).output
    for command in ("intervals", "demand"):
        assert run(command, site, MAIN, *MARCH).exit_code == 0


def test_a_replacement_makes_the_energy_whole_and_can_be_withdrawn(site: Path) -> None:
    options = ("--final", "199.6", "--initial", "900199.9", "--at", "2026-03-03T01:58")
    told = answer("replace", site, MAIN, *options, "--reason", "worn out")
    view = answer("show", site, MAIN, *MARCH)
    assert view["amount"] == pytest.approx(382 + 0.6 + 0.1)
    assert view["coverage_pct"] == pytest.approx(100 * 383 / 384, abs=0.01)
    assert view["entries"][0]["why"] == "worn out"
    assert "entries" in run("show", site, MAIN, *MARCH).output
    again = run("replace", site, MAIN, *options, "--reason", "twice")
    assert again.exit_code == 4
    answer("withdraw", site, told["entry"], "--reason", "wrong meter")
    assert answer("show", site, MAIN, *MARCH)["amount"] == 382
    kinds = [entry["what"] for entry in audit.entries(site / "state")]
    assert kinds == ["meter.replace", "meter.withdraw"]
    assert audit.verify(site / "state")[1] == []


def test_corrections_and_readings_by_hand(site: Path, tmp_path: Path) -> None:
    period = ("--from", "2026-03-03T01:45", "--to", "2026-03-03T02:00")
    told = answer("correct", site, MAIN, *period, "--amount", "1.1", "--reason", "by the bill")
    assert (told["amount"], told["label"]) == (1.1, "corrected")
    assert answer("show", site, MAIN, *MARCH)["amount"] == pytest.approx(383.1)
    file = tmp_path / "water.csv"
    file.write_text("meter,time,reading\nplant.water-main,2026-03-01 08:00,5\n"
                    "plant.water-main,2026-03-02 08:00,101\n")  # fmt: skip
    for added, known in ((2, 0), (0, 2)):
        told = answer("import", site, file, "--reason", "round")
        assert (told["added"], told["known"], told["left"]) == (added, known, [])
        (one,) = told["series"]
        assert (one["meter"], one["by"], one["holds"]) == (
            "plant.water-main",
            "person",
            "registers",
        )
    view = answer("show", site, "plant.water-main", *MARCH)
    assert (view["amount"], view["shares_pct"]) == (96, {"manual": 100.0})
    file.write_text("meter,time,reading\nplant.water-main,2026-03-03 08:00,7\n")
    result = run("import", site, file, "--reason", "round")
    assert result.exit_code == 2
    assert "water.csv:2:1: plant.water-main would go back" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("show", "plant.meter-mian"), "did you mean 'plant.meter-main'"),
        (("intervals", MAIN, "--from", "2026-03-01T00:01"), "quarter hours"),
        (("intervals", MAIN, "--from", "2026-03-02", "--to", "2026-03-01"), "after --from"),
        (("replace", "plant.load", "--initial", "0", "--at", "2026-03-01", "--reason", "x"),
         "formula of other meters"),
        (("replace", MAIN, "--initial", "x", "--at", "2026-03-01", "--reason", "x"),
         "not a number"),
        (("replace", MAIN, "--initial", "0", "--at", "2026-03-01", "--reason", " "), "say why"),
        (("replace", MAIN, "--initial", "2000000", "--at", "2026-03-01", "--reason", "x"),
         "does not fit"),
        (("withdraw", "99", "--reason", "x"), "no entry 99"),
        (("import", "nowhere.csv", "--reason", "x"), "cannot read"),
    ],
)  # fmt: skip
def test_bad_input_says_what_to_do(site: Path, arguments: tuple[str, ...], text: str) -> None:
    command, *rest = arguments
    result = run(command, site, *rest)
    assert result.exit_code == 2
    assert text in result.output


def test_without_any_history_there_is_nothing_to_show(tmp_path: Path) -> None:
    init(tmp_path / "new")
    result = run("list", tmp_path / "new")
    assert result.exit_code == 1
    assert "start the controller first" in result.output


def test_who_may_not_touch_meters_is_refused(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = site / "site.yaml"
    text = path.read_text(encoding="utf-8") + "people:\n  wang: operator\n  li: engineer\n"
    path.write_text(text, encoding="utf-8")
    period = ("--from", "2026-03-03T01:45", "--to", "2026-03-03T02:00")
    words = ("correct", site, MAIN, *period, "--amount", "1", "--reason", "x")
    monkeypatch.setattr("bms.people.accounts.login", lambda: "wang")
    said = run(*words)
    assert said.exit_code == 4
    assert "wang (operator) may not" in said.output
    monkeypatch.setattr("bms.people.accounts.login", lambda: "li")
    assert run(*words).exit_code == 0
    (entry,) = audit.entries(site / "state")
    assert entry["who"] == "li"


def test_a_ledger_that_takes_nothing_is_read_as_it_stands(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = answer("list", site)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(site / "state" / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert answer("list", site) == before
        assert "locked" in run("correct", site, MAIN, *CORRECTION).output
