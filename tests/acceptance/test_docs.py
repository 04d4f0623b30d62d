"""What the documents tell people to type works as written, on the running demo park."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.people.accounts import login
from tests.acceptance.park import PLANT, Park, bms
from tests.docs.commands import ROOT, typed
from tests.patience import PATIENCE_S

DEMO = "build/demo/site"
OWN = "my-site"
NOT_HERE = {
    ("calendar", "import"): "its year is in the libraries of the day, or not yet",
}
"""Commands that the documents name and that depend on what is not in the tree."""


@pytest.fixture
def park(tmp_path: Path) -> Park:
    """The demo park with two days of history, not started."""
    made = Park(tmp_path)
    now = datetime.now(UTC)
    bms(
        "simulate", made.site, "--plant", PLANT, "--step", "15m", "--into", made.site / "state",
        "--from", (now - timedelta(days=2)).isoformat(), "--to", now.isoformat(),
    )  # fmt: skip
    return made


def run(words: Sequence[str], within: Path) -> str:
    """What one command prints; it has to succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "bms", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=within,
        env={**os.environ, "EDITOR": str(within / "editor")},
        input="",
    )
    assert done.returncode == 0, f"bms {words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_commands_of_the_readme(park: Park) -> None:
    try:
        park.start_servers()
        park.start_controller()
        lines = [line for line in typed(ROOT / "README.md") if DEMO in line.words]
        assert len(lines) >= 7
        for line in lines:
            words = [str(park.site) if word == DEMO else word for word in line.bms or ()]
            assert bms(*words).stdout, line
    finally:
        park.close()


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_commands_of_the_pages_for_staff(park: Park, tmp_path: Path, language: str) -> None:
    """In the order of the pages, one after the other."""
    _let_staff_in(park.site / "schedules" / "time-units.yaml")
    (tmp_path / "drafts").mkdir()
    shutil.copy(park.site / "schedules" / "binjiang-lighting.yaml", tmp_path / "drafts")
    table = "season,day,from,to,mode,level_pct\nany,mon-fri,07:30,18:00,on,100\n"
    (tmp_path / "week.csv").write_text(table, encoding="utf-8")
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nexec sed -i "s/22:00/21:30/" "$1"\n', encoding="utf-8")
    editor.chmod(0o755)
    index = ROOT / "docs" / "staff" / language / "index.md"
    order = index.read_text(encoding="utf-8").rpartition(":hidden:")[2].strip("`\n ").split()
    pages = [index, *(index.with_name(f"{name}.md") for name in order)]
    assert set(pages) == set(index.parent.glob("*.md"))
    try:
        park.start_servers()
        park.start_controller()
        for line in typed(*pages):
            words = [str(park.site) if word == OWN else word for word in line.bms or ()]
            if tuple(words[:2]) not in NOT_HERE:
                assert run(words, tmp_path), line
    finally:
        park.close()


def _let_staff_in(file: Path) -> None:
    """Whoever runs the tests, at whatever hour, is among the people of every time unit."""
    lines = []
    for line in file.read_text(encoding="utf-8").splitlines():
        key = line.strip().partition(":")[0]
        if key == "days":
            continue
        indent = line[: len(line) - len(line.lstrip())]
        values = {"people": f"[{login()}]", "latest": '"+24:00"'}
        lines.append(f"{indent}{key}: {values[key]}" if key in values else line)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_the_commands_for_ones_own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lines = typed(ROOT / "docs" / "commissioning" / "site.md")
    commands = [line.bms or () for line in lines]
    firsts = [words[0] for words in commands]
    assert firsts == ["init", "check", "simulate", "run", "reload", "reload"]
    for words in commands[:3]:
        assert bms(*words).stdout
    controller = subprocess.Popen(
        [sys.executable, "-m", "bms", *commands[3]], stdout=subprocess.PIPE, text=True
    )
    assert controller.stdout is not None
    assert "controlling" in controller.stdout.readline()
    for words in commands[4:]:
        assert bms(*words).stdout
    controller.terminate()
    assert controller.wait(PATIENCE_S) == 0
    controller.stdout.close()
