"""Importing at the keyboard and from a script: what is asked, and what is told."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.config.writing.scaffold import init
from tests.patience import PATIENCE_S

FILE = (
    "Time;Feeder 3;Room climate\n2026-03-01 00:15;1,500;21\n2026-03-01 00:30;1,250;21\n"
    "2026-03-01 00:45;;21\nTotal;2,750;\n"
)
ANSWERS = {
    "decimal: ": "comma",
    "holds: ": "intervals",
    "stamp: ": "end",
    "meter of 'Feeder 3': ": "plant.hall-a",
    "meter of 'Room climate': ": "-",
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    directory = tmp_path / "site"
    init(directory)
    meters = directory / "meters.yaml"
    with meters.open("a") as file:
        file.write("\n  plant.hall-a: {medium: electricity, rated_kw: 100}\n")
    (tmp_path / "march.csv").write_text(FILE)
    return directory


def run(site: Path, *options: str) -> Result:
    file = site.parent / "march.csv"
    words = ["meter", "import", str(site), str(file), "--reason", "monthly", *options]
    return CliRunner().invoke(main, words)


def options() -> list[str]:
    return [
        "--meter", "Feeder 3=plant.hall-a", "--meter", "Room climate=-",
        "--format", "decimal=comma", "--format", "holds=intervals", "--format", "stamp=end",
    ]  # fmt: skip


def test_where_nobody_can_be_asked_it_says_what_to_pass(site: Path) -> None:
    result = run(site)
    assert result.exit_code == 2
    for told in (
        "march.csv:2:2: '1,500' can be read in two ways",
        "add --format decimal=point / --format decimal=comma",
        "add --meter 'Feeder 3=METER'",
        "add --meter 'Room climate=METER'",
    ):
        assert told in result.output
    assert not (site / "readings.yaml").exists()
    refused = json.loads(run(site, "--json").output)
    assert [q["key"] for q in refused["questions"]][:3] == ["decimal", "meters", "meters"]
    assert refused["left"][-1] == {"why": "totals", "count": 1, "lines": [5]}


def test_everything_that_was_taken_or_left_is_listed(site: Path) -> None:
    result = run(site, *options())
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "2 readings added, 0 were there already",
        "  Feeder 3 → plant.hall-a: intervals of 15 min, 2026-03-01T00:00 .. 2026-03-01T00:30, "
        "2 new (2.75), 0 known",
        "  left alone: cells without a value: 1 (lines 4)",
        "  left alone: totals: 1 (lines 5)",
        "  left alone: column 'Room climate': 1 (lines 1)",
        "  files of this kind are taken like this from now on: readings.yaml",
    ]
    told: Any = json.loads(run(site, "--json").output)
    assert (told["added"], told["known"], told["kept"]) == (0, 2, False)
    # The site loads with its readings.yaml.
    assert CliRunner().invoke(main, ["check", str(site)]).exit_code == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--format", "decimal=semicolon"), "'semicolon' is no decimal"),
        (("--format", "decimals=comma"), "did you mean 'decimal'?"),
        (("--format", "comma"), "'comma' has no value"),
        (("--meter", "Feeder 3=plant.hall-b"), "no meter 'plant.hall-b'"),
        (("--format", "zone=Mars/Base"), "no time zone 'Mars/Base'"),
    ],
)
def test_options_that_say_nothing(site: Path, options: tuple[str, ...], text: str) -> None:
    all_of = ["--meter", "Feeder 3=plant.hall-a", "--meter", "Room climate=-",
              "--format", "decimal=comma", "--format", "holds=registers"]  # fmt: skip
    result = run(site, *all_of, *options)
    assert result.exit_code == 2
    assert text in result.output


def test_a_file_may_be_said_to_be_of_a_kind(site: Path) -> None:
    assert run(site, *options(), "--format", "nem12").exit_code == 2
    assert run(site, *options(), "--format", "table").exit_code == 0
    day = ",".join(["0.5"] * 96)
    (site.parent / "march.csv").write_text(
        f"100,NEM12,202603040000,A,B\n200,61,E1,1,E1,N1,S,KWH,15,\n300,20260302,{day},A,,,,\n900\n"
    )
    words = ("--meter", "61/E1=plant.hall-a", "--format", "nem12")
    assert run(site, *words).exit_code == 0
    assert "is nem12, and not table" in run(site, *words[:2], "--format", "table").output


def test_of_many_alike_the_first_are_told(site: Path) -> None:
    lines = [f"2026-03-01 {n // 4:02}:{n % 4 * 15:02};{'x' if n % 2 else n}\n" for n in range(80)]
    (site.parent / "march.csv").write_text("Time;Feeder 3\n" + "".join(lines))
    words = ["--meter", "Feeder 3=plant.hall-a", "--format", "holds=registers"]
    result = run(site, *words)
    assert result.output.count("is not a number") == 5
    assert "… and 35 more like this; --json lists all" in result.output
    assert len(json.loads(run(site, *words, "--json").output)["refused"]) == 40


def test_a_person_at_the_keyboard_is_asked_once(site: Path) -> None:
    command = [sys.executable, "-m", "bms", "meter", "import", str(site)]
    command += [str(site.parent / "march.csv"), "--reason", "monthly"]
    mine, theirs = pty.openpty()
    environment = {**os.environ, "BMS_LANG": "en"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown, answered = _talk(mine, process)
        assert process.wait(PATIENCE_S) == 0, shown
    os.close(mine)
    assert answered == list(ANSWERS)
    assert "2 readings added" in shown
    assert "decimal: comma" in (site / "readings.yaml").read_text()


def _talk(terminal: int, process: subprocess.Popen[bytes]) -> tuple[str, list[str]]:
    """Answer each prompt once; what was shown, and the prompts in the order of `ANSWERS`."""
    shown, seen, answered = "", 0, set()
    ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < ends:
        if not select.select([terminal], [], [], 0.2)[0]:
            if process.poll() is not None:
                break
            continue
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side has closed it
            break
        shown += part.decode()
        for prompt, text in ANSWERS.items():
            key = prompt.split(" (")[0]
            if key.rstrip(": ") in shown[seen:] and shown.rstrip(" ").endswith(":"):
                os.write(terminal, f"{text}\n".encode())
                answered.add(prompt)
                seen = len(shown)
                break
    return shown, [prompt for prompt in ANSWERS if prompt in answered]
