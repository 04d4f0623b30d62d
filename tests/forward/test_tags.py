"""Tags: what is in them, and that a line sent again is the same line."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from bms.config.load import load
from bms.config.shapes.models import EnergyBoundary
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput
from bms.core.readings import Label
from bms.forward import cursors
from bms.forward.cursors import LAYOUT, DeadLetter, SinkCursor, remember_tags
from bms.forward.positions import least_taken, positions
from bms.forward.streams.lines import energy_line, rollup_line
from bms.forward.streams.tags import Tagging, site_tags, tag_text
from bms.historian.streams import EnergyRow, RollupRow
from bms.storage.sqlite import open_database
from tests.field.test_plants import write_site
from tests.historian.support import make_site

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def test_tags_say_what_a_point_is_and_its_part_in_the_load(tmp_path: Path) -> None:
    site = make_site(
        tmp_path,
        {"b.grid": "meter", "b.hall": "meter", "b.pv": "pv_inverter", "b.ch-1": "chiller"},
        {"b": EnergyBoundary(imports=["grid"], generation=["pv"])},
    )
    tags = site_tags(site)
    assert tags["b.grid.energy"] == (
        ",base=b,class=energy,equip=grid,kind=meter,medium=electricity,point=b.grid.energy,role=main"
    )
    assert tags["b.hall.energy"].endswith(",role=sub")
    assert tags["b.pv.energy"].endswith(",role=generation")
    assert tags["b.ch-1.chw_supply_temp"] == (
        ",base=b,class=chw_supply_temp,equip=ch-1,kind=chiller,point=b.ch-1.chw_supply_temp"
    )


def test_a_building_is_a_tag_of_its_machines_and_their_meters(tmp_path: Path) -> None:
    site = write_site(tmp_path)
    path = site / "equipment" / "hall.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"\{kind: ", "{building: b3, kind: ", text), encoding="utf-8")
    loaded = load(site, STRATEGIES)
    tags = site_tags(loaded)
    assert ",bldg=b3,class=energy," in tags["hall.meter.energy"]
    assert all(",bldg=b3," in tags[p] for e in loaded.equipment.values() for p in e.points.values())
    path.write_text(re.sub(r"\{kind: ", "{building: 'Hall 3', kind: ", text), encoding="utf-8")
    with pytest.raises(InvalidInput) as caught:
        load(site, STRATEGIES)
    assert "'Hall 3' is not an id" in str(caught.value.problems[0])


def test_a_point_keeps_its_old_tags_in_its_past(tmp_path: Path) -> None:
    first = remember_tags(tmp_path, {"p": ",role=sub"}, 1000)
    assert first == {"p": [(0, ",role=sub")]}
    with SinkCursor(tmp_path, "s", "h", 9) as cursor:
        cursor.advance(5, newest_ms=5000)
    # The clock was set back meanwhile: what was sent until 5000 stays as it was.
    second = remember_tags(tmp_path, {"p": ",role=main", "new": ",role=sub"}, 3000)
    assert second == {"p": [(0, ",role=sub"), (5001, ",role=main")], "new": [(5001, ",role=sub")]}
    assert remember_tags(tmp_path, {"p": ",role=main"}, 9000)["p"] == second["p"]
    tagging = Tagging(second)
    assert tagging.of("p", 5000) == ",role=sub"
    assert tagging.of("p", 5001) == ",role=main"
    assert tagging.of("b.e.unknown", 1) == ",base=b,equip=e,point=b.e.unknown"
    assert tagging.settled_ms == 5001


def test_energy_lines_carry_the_local_date_the_label_and_the_revision() -> None:
    tagging = Tagging({"b.m.energy": [(0, tag_text({"base": "b", "medium": "water"}))]})
    row = EnergyRow(1, "b.m.energy", 7, Fraction(-1, 3), Label.CORRECTED, 2, date(2026, 3, 29))
    assert energy_line(row, Tagging({})) == (
        "energy_15m,base=b,equip=m,point=b.m.energy,rev=2 "
        'kwh=-0.3333333333333333,date=20260329.0,label="corrected" 7'
    )
    assert "m3=-0.33" in energy_line(
        row, Tagging({"b.m.energy": [(0, ",base=b,medium=water,point=b.m.energy")]})
    )
    assert tagging.of("b.m.energy", 0) == ",base=b,medium=water"


def test_only_a_first_roll_up_states_a_mean() -> None:
    row = RollupRow(1, "b.e.t", 7, 0, 2, 30.0, 20.0, 1.0, 2.0, 1.5, 0.0, 0, date(2026, 1, 1))
    assert "mean=1.5," in rollup_line(row, Tagging({}))
    later = RollupRow(2, "b.e.t", 7, 1, 1, 3.0, 2.0, None, None, None, 0.0, 0, date(2026, 1, 1))
    text = rollup_line(later, Tagging({}))
    assert "mean" not in text
    assert "min" not in text
    assert ",rev=1 " in text


def test_a_file_of_the_first_layout_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "sinks.db"
    db = sqlite3.connect(path)
    db.executescript(
        f"PRAGMA application_id={LAYOUT.application_id}; PRAGMA user_version=1;"
        "CREATE TABLE cursor (sink TEXT PRIMARY KEY, history TEXT NOT NULL, seq INTEGER NOT NULL)"
        " WITHOUT ROWID;"
        "CREATE TABLE dead (id INTEGER PRIMARY KEY, sink TEXT NOT NULL, time_ms INTEGER NOT NULL,"
        " reason TEXT NOT NULL, lines INTEGER NOT NULL, body BLOB NOT NULL);"
        "INSERT INTO cursor VALUES ('influx', 'h', 42);"
    )
    db.close()
    assert least_taken(tmp_path, None, "h") == 42
    with SinkCursor(tmp_path, "influx", "h", 50) as cursor:
        assert cursor.seq == 42
        assert cursor.dead_letters() == []
    # What was sent then is kept apart from tags that it did not have.
    ((since_ms, _),) = remember_tags(tmp_path, {"p": ",role=main"}, 0)["p"]
    assert since_ms > 1_700_000_000_000
    assert positions(tmp_path)[0].seq == 42
    with open_database(path, LAYOUT) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == LAYOUT.version


@pytest.mark.parametrize("history", ["h", "another"])
def test_gaps_of_another_or_a_restored_history_mean_nothing(tmp_path: Path, history: str) -> None:
    with SinkCursor(tmp_path, "s", "h", 100) as cursor:
        cursor.advance(10)
        cursor.leave(90, None, "out")
    with SinkCursor(tmp_path, "s", history, 50) as cursor:
        found = [(gap.first, gap.last) for gap in cursor.gaps()]
        assert (cursor.seq, found) == ((50, [(11, 50)]) if history == "h" else (0, []))


def test_refused_lines_are_kept_once_and_not_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A type conflict refuses every line of a point for ever, and those of a resend again."""

    def letter(*lines: bytes) -> DeadLetter:
        return DeadLetter(NOW, "422: conflict", lines)

    with SinkCursor(tmp_path, "influx", "h", 9) as cursor:
        cursor.advance(1, [letter(b"a v=1.0 1"), letter(b"a v=1.0 2")])
        cursor.advance(2, [letter(b"a v=1.0 1"), DeadLetter(NOW, "row 7 is damaged", ())])
        assert [x.lines for x in cursor.dead_letters()] == [[b"a v=1.0 1"], [b"a v=1.0 2"], []]
        monkeypatch.setattr(cursors, "MOST_DEAD_BYTES", 100)
        cursor.advance(3, [letter(b"a v=1.0 3", b"a v=1.0 4"), letter(bytes(range(32, 127)))])
        *_, fits, counted = cursor.dead_letters()
        assert (len(fits.lines), counted.lines) == (2, [])
        assert counted.reason == "1 line, not kept beside so many: 422: conflict"
        assert cursor.dead_lines() == 5
