"""What the README tells people to type works as written."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from bms.cli import main
from tests.acceptance.park import PLANT, Park, bms

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES = [
    line.split("#", 1)[0].strip() if '"' not in line else line.strip()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.strip()
]


def test_every_make_target_exists() -> None:
    targets = [line.split()[1] for line in LINES if line.startswith("make ")]
    assert {"demo", "test", "check", "bench"} <= set(targets)
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_demo_commands(tmp_path: Path) -> None:
    park = Park(tmp_path)
    try:
        now = datetime.now(UTC)
        bms(
            "simulate", park.site, "--plant", PLANT, "--step", "15m", "--into", park.site / "state",
            "--from", (now - timedelta(days=1)).isoformat(), "--to", now.isoformat(),
        )  # fmt: skip
        park.start_servers()
        park.start_controller()
        commands = [line for line in LINES if "build/demo/site" in line]
        assert len(commands) >= 7
        for line in commands:
            words = shlex.split(line.replace("build/demo/site", str(park.site)))
            assert words.pop(0) == ".venv/bin/bms"
            assert bms(*words).stdout, line
    finally:
        park.close()


def own_commands() -> list[list[str]]:
    lines = [line for line in LINES if line.startswith("bms ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_the_commands_for_commissioning_are_there_with_their_options() -> None:
    commands = own_commands()[4:]
    assert {words[0] for words in commands} == {
        "calendar", "schedule", "scan", "read", "write", "points", "links", "cert", "override",
        "season", "overlay", "unit", "why", "meter", "influx",
    }  # fmt: skip
    for words in commands:
        path = words[:2] if isinstance(main.commands[words[0]], click.Group) else words[:1]
        text = bms(*path, "--help").stdout
        for option in (word for word in words if word.startswith("-") and len(word) > 1):
            assert option in text, (path, option)


def test_the_commands_for_ones_own_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = own_commands()[:4]
    assert [words[0] for words in commands] == ["init", "check", "simulate", "run"]
    for words in commands[:-1]:
        assert bms(*words).stdout
    run = subprocess.Popen(
        [sys.executable, "-m", "bms", *commands[-1]], stdout=subprocess.PIPE, text=True
    )
    assert run.stdout is not None
    assert "controlling" in run.stdout.readline()
    run.terminate()
    assert run.wait(10) == 0
    run.stdout.close()


@pytest.mark.parametrize(
    "command",
    [
        (), ("init",), ("check",), ("run",), ("simulate",), ("status",), ("points",), ("why",),
        ("schedule",), ("schedule", "preview"), ("override",), ("override", "set"),
        ("override", "clear"), ("override", "extend"), ("override", "list"), ("report",),
        ("report", "growth"), ("demo",),
        ("report", "shadow"), ("links",), ("read",), ("write",), ("scan",), ("scan", "modbus"),
        ("season",), ("season", "list"), ("season", "show"), ("season", "switch"),
        ("season", "withdraw"), ("overlay",), ("overlay", "list"), ("overlay", "set"),
        ("overlay", "renew"), ("overlay", "clear"), ("unit",), ("unit", "list"), ("unit", "show"),
        ("unit", "extend"), ("unit", "cancel"), ("unit", "resume"),
        ("scan", "opcua"), ("cert",), ("cert", "create"), ("cert", "show"), ("cert", "trust"),
        ("meter",), ("meter", "list"), ("meter", "show"), ("meter", "intervals"), ("meter", "tree"),
        ("meter", "demand"), ("meter", "replace"), ("meter", "correct"), ("meter", "import"),
        ("meter", "withdraw"),
    ],
)  # fmt: skip
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    from click.testing import CliRunner

    said = CliRunner().invoke(main, [*command, "--help"])
    assert said.exit_code == 0
    assert "Usage:" in said.output
