"""The commands that change schedules, as staff use them."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from tests.operations.editing.sites import AIR, TEXT, write_site


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path / "site")


def bms(*words: object, asks: bool = False, **env: str) -> Result:
    """Staff's words; what changes something asks nobody, for there is no terminal."""
    said = [str(word) for word in words]
    if "--reason" in said and not asks:
        said.append("--yes")
    return CliRunner().invoke(main, said, env=env)


def _changed(site: Path) -> list[str]:
    old, new = TEXT.splitlines(), (site / AIR).read_text(encoding="utf-8").splitlines()
    return [line for line in new if line not in old]


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("mon-fri", "1", "--from", "06:30"),
         ['      - {from: "06:30", to: "18:00", mode: "on", speed_pct: 60}   # 班次']),
        (("mon-fri", "07:30", "--set", "speed_pct=45.5"),
         ['      - {from: "07:30", to: "18:00", mode: "on", speed_pct: 45.5}   # 班次']),
        (("mon-fri", "1", "--unset", "speed_pct"),
         ['      - {from: "07:30", to: "18:00", mode: "on"}   # 班次']),
        (("otherwise", "--mode", "on"), ['otherwise: {mode: "on"}']),
        (("sat", "--add", "--from", "08:00", "--to", "12:00", "--mode", "on"),
         ['    sat: [{from: "08:00", to: "12:00", mode: "on"}]']),
        (("sun", "--add", "--from", "08:00", "--to", "12:00", "--mode", "on"),
         ["    sun:", '      - {from: "08:00", to: "12:00", mode: "on"}']),
        (("fri", "1", "--to", "16:00"),
         ["    mon-thu:", "    fri:",
          '      - {from: "07:30", to: "16:00", mode: "on", speed_pct: 60}']),
    ],
)  # fmt: skip
def test_set_changes_what_was_said_and_nothing_else(
    site: Path, words: tuple[str, ...], lines: list[str]
) -> None:
    said = bms("schedule", "set", site, "air", *words, "--dry-run")
    assert said.exit_code == 0, said.output
    assert (site / AIR).read_text(encoding="utf-8") == TEXT
    said = bms("schedule", "set", site, "air", *words, "--reason", "夏季")
    assert said.exit_code == 0, said.output
    assert _changed(site) == lines


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mon-fri", "3", "--from", "06:30"), "blocks: 1 (07:30)"),
        (("mon-fri", "1", "--from", "6:30"), "write 06:30"),
        (("mon-fri", "1", "--mode", "onn"), "did you mean 'on'"),
        (("fry", "1", "--from", "06:30"), "did you mean 'fri'"),
        (("mon-fri", "1"), "say what to change"),
        (("mon-fri", "--from", "06:30"), "name the block"),
        (("mon-fri", "1", "--from", "06:30", "--season", "summer"), "no week for 'summer'"),
        (("sat", "--add", "--from", "08:00"), "--to, --mode"),
        (("mon-fri", "1", "--set", "speed_pct=fast"), "not a number"),
    ],
)
def test_a_slip_in_set_is_told_and_changes_nothing(
    site: Path, words: tuple[str, ...], told: str
) -> None:
    said = bms("schedule", "set", site, "air", *words, "--reason", "x")
    assert said.exit_code == 2, said.output
    assert told in said.output
    assert (site / AIR).read_text(encoding="utf-8") == TEXT


_LINES = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    mon:        # early
      - {from: "06:00", to: "09:00", mode: "on"}   # warm-up
      - {from: "09:00", to: "18:00", mode: "on", speed_pct: 60}
    tue-sat:
      # the usual
      - {from: "09:00", to: "18:00", mode: "on", speed_pct: 60}   # shift
"""


@pytest.mark.parametrize(
    ("words", "old", "new"),
    [
        (("mon-sat", "09:00", "--to", "17:00"),
         '"09:00", to: "18:00"', '"09:00", to: "17:00"'),
        (("tue-sat", "1", "--to", "17:00"),
         '"09:00", to: "18:00", mode: "on", speed_pct: 60}   # shift',
         '"09:00", to: "17:00", mode: "on", speed_pct: 60}   # shift'),
        (("mon-sat", "--add", "--from", "19:00", "--to", "20:00", "--mode", "on"),
         "60}\n    tue-sat:",
         '60}\n      - {from: "19:00", to: "20:00", mode: "on"}\n    tue-sat:'),
        (("mon,fri", "09:00", "--to", "17:00"),
         '18:00", mode: "on", speed_pct: 60}\n    tue-sat:',
         '17:00", mode: "on", speed_pct: 60}\n    tue-thu,sat:'),
    ],
)  # fmt: skip
def test_days_on_several_lines_are_changed_line_by_line(
    site: Path, words: tuple[str, ...], old: str, new: str
) -> None:
    (site / AIR).write_text(_LINES, encoding="utf-8")
    said = bms("schedule", "set", site, "air", *words, "--reason", "x")
    assert said.exit_code == 0, said.output
    text = (site / AIR).read_text(encoding="utf-8")
    assert text.startswith(_LINES.replace(old, new)), text


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mon-sat", "1", "--to", "17:00"), "block 1 begins at 06:00, 09:00; name it by the time"),
        (("mon-sat", "2", "--to", "17:00"), "tue-sat has no block '2'"),
        (("daily", "09:00", "--to", "17:00"), "sun has no block '09:00'"),
    ],
)
def test_a_block_that_is_not_the_same_on_all_days_is_not_guessed(
    site: Path, words: tuple[str, ...], told: str
) -> None:
    (site / AIR).write_text(_LINES, encoding="utf-8")
    said = bms("schedule", "set", site, "air", *words, "--reason", "x")
    assert said.exit_code == 2, said.output
    assert told in said.output
    assert (site / AIR).read_text(encoding="utf-8") == _LINES


def test_copy_day_keeps_a_line_of_several_days_whole(site: Path) -> None:
    (site / AIR).write_text(_LINES, encoding="utf-8")
    said = bms("schedule", "copy-day", site, "air", "mon", "tue-sat", "--reason", "x")
    assert said.exit_code == 0, said.output
    text = (site / AIR).read_text(encoding="utf-8")
    assert "    tue-sat:\n" in text
    assert text.startswith(_LINES.split("    tue-sat")[0])
    assert text.count('"06:00"') == 2


def test_every_change_needs_a_reason_and_a_known_schedule(site: Path) -> None:
    said = bms("schedule", "set", site, "air", "mon-fri", 1, "--from", "06:30")
    assert (said.exit_code, "--reason" in said.output) == (2, True)
    said = bms("schedule", "set", site, "aire", "mon-fri", 1, "--from", "06:30", "--reason", "x")
    assert (said.exit_code, "did you mean 'air'" in said.output) == (2, True)
    assert _changed(site) == []
    said = bms("schedule", "set", site, "air", "mon-fri", 1, "--from", "07:30", "--reason", "x")
    assert said.exit_code == 4  # it says so already


def test_copy_day_exceptions_history_and_restore(site: Path) -> None:
    reason = ("--reason", "国庆")
    assert bms("schedule", "copy-day", site, "air", "mon", "sat", "sun", *reason).exit_code == 0
    add = ("schedule", "exception", "add", site, "air")
    said = bms(*add, "use", "--day", "mon", "--dates", "2026-10-10", "--name", "调休", *reason)
    assert said.exit_code == 0, said.output
    said = bms(*add, "add", "--dates", "03-28", "--name", "Earth Hour",
               "--block", "20:30-21:30=off", *reason)  # fmt: skip
    assert said.exit_code == 0, said.output
    assert bms("schedule", "exception", "remove", site, "air", "调休", *reason).exit_code == 0
    assert bms("schedule", "exception", "remove", site, "air", "9", *reason).exit_code == 2
    rows = json.loads(bms("schedule", "history", site, "air", "--json").stdout)
    assert [row["revision"] for row in rows] == [5, 4, 3, 2, 1]
    assert rows[0]["changes"] == ["- exceptions #2: 调休 dates=2026-10-10 use day=mon"]
    assert {row["why"] for row in rows[:-1]} == {"国庆"}
    assert bms("schedule", "restore", site, "air", 1, *reason).exit_code == 0
    assert (site / AIR).read_text(encoding="utf-8") == TEXT
    entries = json.loads(bms("audit", "list", site, "--what", "restore", "--json").stdout)
    assert [entry["revision"] for entry in entries] == [6]
    assert bms("audit", "verify", site).exit_code == 0
    path = site / "state" / "audit.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("国庆", "other", 1), encoding="utf-8")
    assert bms("audit", "verify", site).exit_code == 1


def test_import_takes_files_and_tables(site: Path, tmp_path: Path) -> None:
    table = tmp_path / "week.csv"
    table.write_text("\ufeffday,from,to,mode,speed_pct\r\nmon-sat,06:00,20:00,on,70\r\nsun,,,,\r\n",
                     encoding="utf-8")  # fmt: skip
    words = ("schedule", "import", site)
    said = bms(*words, table, "--into", "air", "--reason", "from the planner")
    assert said.exit_code == 0, said.output
    text = (site / AIR).read_text(encoding="utf-8")
    assert '{from: "06:00", to: "20:00", mode: "on", speed_pct: 70}' in text
    assert text.startswith("# 空调：上班时间\n")
    assert bms(*words, table, "--reason", "x").exit_code == 2  # into which?
    other = tmp_path / "other.yaml"
    other.write_text(TEXT.replace("b.air", "b.air2"), encoding="utf-8")
    assert bms(*words, other, "--reason", "x").exit_code == 4  # air is there
    assert bms(*words, other, "--replace", "--reason", "x").exit_code == 2  # no such group
    cal = tmp_path / "days.yaml"
    cal.write_text("calendar: days\nyears: [2026]\nentries: {}\n", encoding="utf-8")
    assert bms(*words, cal, "--reason", "x").exit_code == 0
    assert (site / "schedules/calendars/days.yaml").read_bytes() == cal.read_bytes()


def _editor(tmp_path: Path, script: str) -> str:
    path = tmp_path / "editor"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_edit_applies_a_sound_text(site: Path, tmp_path: Path) -> None:
    editor = _editor(tmp_path, 'sed -i "s/07:30/06:45/" "$1"')
    said = bms("schedule", "edit", site, "air", "--reason", "earlier", EDITOR=editor, VISUAL="")
    assert said.exit_code == 0, said.output
    assert "any mon-fri #1 from: 07:30 → 06:45" in said.output
    assert "06:45" in (site / AIR).read_text(encoding="utf-8")


def test_edit_never_activates_a_broken_text_and_keeps_it(site: Path, tmp_path: Path) -> None:
    editor = _editor(tmp_path, 'sed -i "s/07:30/25:45/" "$1"')
    said = bms("schedule", "edit", site, "air", "--reason", "x", EDITOR=editor, VISUAL="")
    assert said.exit_code == 2
    assert "schedules/air.yaml:8:16: there is no time 25:45" in said.output
    assert (site / AIR).read_text(encoding="utf-8") == TEXT
    kept = re.search(r"kept in (\S+)", said.output)
    assert kept is not None
    assert "25:45" in Path(kept[1]).read_text(encoding="utf-8")
    said = bms("schedule", "edit", site, "air", "--reason", "x", EDITOR="true", VISUAL="")
    assert (said.exit_code, said.output) == (0, "nothing was changed\n")


def test_edit_is_refused_if_somebody_else_was_faster(site: Path, tmp_path: Path) -> None:
    theirs = f'sed -i "s/18:00/19:00/" "{site / AIR}"'
    editor = _editor(tmp_path, f'sed -i "s/07:30/06:45/" "$1"; {theirs}')
    said = bms("schedule", "edit", site, "air", "--reason", "x", EDITOR=editor, VISUAL="")
    assert said.exit_code == 4
    assert "theirs:" in said.output
    assert "mine:" in said.output
    text = (site / AIR).read_text(encoding="utf-8")
    assert "19:00" in text
    assert "07:30" in text


def test_who_may_not_edit_this_schedule_is_refused(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = "people:\n  wang: {role: operator, areas: [b.lets-go]}\n  li: {role: operator}\n"
    text = (site / "site.yaml").read_text(encoding="utf-8")
    (site / "site.yaml").write_text(text + people, encoding="utf-8")
    words = ("schedule", "set", site, "air", "mon-fri", 1, "--from", "06:30", "--reason", "x")
    monkeypatch.setattr("bms.people.accounts.login", lambda: "wang")
    said = bms(*words)
    assert (said.exit_code, "wang may not edit the schedule of b.air" in said.output) == (4, True)
    monkeypatch.setattr("bms.people.accounts.login", lambda: "li")
    assert bms(*words).exit_code == 0


@pytest.mark.parametrize(
    ("editor", "code", "told"),
    [
        ("/nowhere/vi", 2, "cannot be started"),
        ("false", 4, "ended with code 1"),
        ('"open', 2, "quotation mark is not closed"),
        ("  ", 2, "no terminal for an editor"),
        ("sh -c 'rm \"$0\"'", 4, "left no file"),
        ('sh -c \'rm "$0"; mkdir "$0"\'', 4, "left no file"),
        ("true", 0, "nothing was changed"),
    ],
)
def test_an_editor_that_does_not_work_changes_nothing_and_leaves_nothing(
    site: Path, editor: str, code: int, told: str
) -> None:
    said = bms("schedule", "edit", site, "air", "--reason", "x", EDITOR=editor, VISUAL="")
    assert said.exit_code == code, said.output
    assert told in said.output
    assert "is kept in" not in said.output
    assert (site / AIR).read_text(encoding="utf-8") == TEXT
    left = (site / "state" / "revisions" / "unfinished").glob("*")
    assert [path for path in left if path.is_file()] == []


def test_a_file_that_was_removed_or_spoilt_is_restored(site: Path) -> None:
    said = bms("schedule", "set", site, "air", "mon-fri", "1", "--from", "06:30", "--reason", "x")
    assert said.exit_code == 0, said.output
    (site / AIR).unlink()
    history = bms("schedule", "history", site, "air", "--json")
    assert [row["revision"] for row in json.loads(history.stdout)] == [2, 1]
    said = bms("schedule", "restore", site, "air", "1", "--reason", "it was gone")
    assert said.exit_code == 0, said.output
    assert (site / AIR).read_text(encoding="utf-8") == TEXT
    (site / AIR).write_bytes(TEXT.encode("gb18030"))
    said = bms("schedule", "restore", site, "air", "2", "--reason", "no UTF-8")
    assert said.exit_code == 0, said.output
    assert '"06:30"' in (site / AIR).read_text(encoding="utf-8")
    assert "no schedule 'ari'" in bms("schedule", "restore", site, "ari", "1").output
