"""`bms history` and `bms export`: what points did, by whatever name, with the gaps there are."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.core.equipment import PointClass
from bms.historian.compaction.compaction import Compaction, Zones
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Dropped, Series
from drivers.points import Quality, Sample
from tests.field.test_plants import write_site

ZONE = ZoneInfo("Europe/Berlin")
DAY = datetime(2026, 3, 28, tzinfo=ZONE)
"""The next day has 23 hours in Berlin."""
POINTS = {
    "hall.fan-1.status": PointClass.STATE,
    "hall.meter.energy": PointClass.COUNTER,
    "hall.weather.outdoor_temp": PointClass.ANALOG,
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    site = write_site(tmp_path / "site")
    state = site / "state"
    state.mkdir()
    end = DAY + timedelta(days=3)
    with History(state) as history:
        history.append(
            Batch(
                series=[Series(p, "", klass) for p, klass in POINTS.items()],
                alive=DAY,
                begun=DAY,
                dropped=[Dropped(end, "all", DAY, end, 7, 0, "the disk was stuck")],
            )
        )
        time = DAY
        while time.timestamp() < end.timestamp():
            hour = time.astimezone(ZONE).hour
            rows = [
                Sample("hall.fan-1.status", 8 <= hour < 18, Quality.GOOD, time),
                Sample("hall.meter.energy", time.timestamp() / 3600, Quality.GOOD, time),
                Sample("hall.weather.outdoor_temp", 20.5, Quality.GOOD, time),
            ]
            if hour == 5:
                rows[2] = Sample("hall.weather.outdoor_temp", None, Quality.BAD, time)
            history.append(Batch(rows, alive=time))
            time = datetime.fromtimestamp(time.timestamp() + 1800, ZONE)
    zones = Zones("Europe/Berlin", {"hall": "Europe/Berlin"})
    Compaction(state, zones).run(end + timedelta(hours=5))
    return site


def bms(*args: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in args])


def test_days_of_equipment_groups_and_classes(site: Path) -> None:
    span = ("--from", "2026-03-28", "--to", "2026-03-31", "--step", "day", "--json")
    found = json.loads(bms("history", site, "hall.weather", *span).stdout)
    rows = found["rows"]
    assert [row["time"][:10] for row in rows] == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert {row["mean"] for row in rows} == {20.5}
    hours = [24, 23, 24]
    assert [round(r["coverage_pct"], 1) for r in rows[:2]] == [
        round(100 * (h - 1) / h, 1) for h in hours[:2]
    ]
    assert found["dropped"][0]["samples"] == 7
    group = json.loads(bms("history", site, "hall.air", *span).stdout)["rows"]
    assert {row["point"] for row in group} == {"hall.fan-1.status"}
    assert [row["on_h"] for row in group[:2]] == [10.0, 10.0]
    assert [row["switches"] for row in group[:2]] == [2, 2]
    counters = json.loads(bms("history", site, "hall", "--class", "counter", *span).stdout)["rows"]
    assert {row["point"] for row in counters} == {"hall.meter.energy"}
    assert {row["mean"] for row in counters} == {None}


def test_gaps_are_gaps_on_the_screen(site: Path) -> None:
    done = bms(
        "history", site, "*.outdoor_temp", "--from", "2026-03-28T04:30", "--to", "2026-03-28T06:30"
    )
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines() if "outdoor" in line]
    means = {line[2]: line[3] for line in lines}
    assert means["04:30:00+01:00"] == "20.5"
    assert means["05:15:00+01:00"] == "—"
    assert "7 samples (all)" in done.stdout


def test_csv_and_parquet_hold_the_same(site: Path, tmp_path: Path) -> None:
    span = ("--from", "2026-03-28", "--to", "2026-03-30")
    for step in ("raw", "15m", "day"):
        text = bms("export", site, *span, "--step", step).stdout
        rows = list(csv.DictReader(io.StringIO(text)))
        path = tmp_path / f"{step}.parquet"
        done = bms("export", site, *span, "--step", step, "--format", "parquet", "-o", path)
        assert done.exit_code == 0, done.output
        table = pq.read_table(path).to_pylist()
        assert len(table) == len(rows) > 5
        for one, other in zip(rows, table, strict=True):
            assert one["point"] == other["point"]
            assert datetime.fromisoformat(one["time"]) == other["time"]
    raw = csv.DictReader(io.StringIO(bms("export", site, *span, "--step", "raw").stdout))
    bad = [row for row in raw if row["quality"] == "bad"]
    assert len(bad) == 4
    assert {row["value"] for row in bad} == {""}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("nothing", "--from", "2026-03-28"), 2, "the history has nothing of 'nothing'"),
        (("hall", "--from", "soon"), 2, "'soon' is not a date"),
        (("hall", "--from", "2026-03-28", "--to", "2026-03-27"), 2, "--to must lie after"),
    ],
)
def test_what_cannot_be_shown_is_said(
    site: Path, args: tuple[str, ...], code: int, says: str
) -> None:
    done = bms("history", site, *args)
    assert done.exit_code == code
    assert says in done.output
    without_file = bms("export", site, "--from", "2026-03-28", "--format", "parquet")
    assert without_file.exit_code == 2
    assert "-o" in without_file.output


def test_a_file_is_written_whole_or_not_at_all(site: Path, tmp_path: Path) -> None:
    """What is there of a broken export looks like all there is."""
    path = tmp_path / "out.csv"
    path.write_text("of yesterday")
    (segment,) = (site / "state").glob("raw-20260329*analog*")
    body = segment.read_bytes()
    segment.write_bytes(body[:-600])
    done = bms("export", site, "--from", "2026-03-28", "--to", "2026-03-31", "--step", "raw",
               "-o", path)  # fmt: skip
    assert done.exit_code == 1
    assert f"{segment.name}: the file is damaged" in done.output
    assert path.read_text() == "of yesterday"
    assert not list(tmp_path.glob("out.csv.*"))
    for name, part in (("nowhere/out.csv", "no such directory"), ("out.xlsx", "name a .csv")):
        done = bms("export", site, "--from", "2026-03-28", "-o", tmp_path / name)
        assert done.exit_code == 2
        assert part in done.output
