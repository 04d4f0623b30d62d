"""Zones come from the newer of the system's database and the installed package."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from importlib import import_module
from pathlib import Path

import pytest

from bms.core.time_zones import ZoneDatabase, in_use, is_older, of_system

PACKAGE = import_module("tzdata")

OFFSET = """
from datetime import datetime
from zoneinfo import ZoneInfo
from bms.core.time_zones import in_use, use_newest
use_newest()
print(datetime(2026, 11, 30, tzinfo=ZoneInfo("America/Vancouver")).isoformat(), in_use().version)
"""


def _database(directory: Path, version: str, zone: str) -> Path:
    """A system's database in which Vancouver keeps the time of another zone."""
    (directory / "America").mkdir(parents=True)
    (directory / "tzdata.zi").write_text(f"# version {version}\n# the rest\n")
    rules = Path(str(PACKAGE.__file__)).parent / "zoneinfo" / zone
    (directory / "America" / "Vancouver").write_bytes(rules.read_bytes())
    return directory


def _in_a_process(path: Path) -> list[str]:
    environment = {**os.environ, "PYTHONTZPATH": str(path)}
    return subprocess.run(
        [sys.executable, "-c", OFFSET], env=environment, capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.case(
    "C1",
    when="The gateway's system has older rules for time zones than the program",
    then="The newer of the two is used. `bms check` names the version.",
)
def test_an_older_system_is_passed_over(tmp_path: Path) -> None:
    old = _database(tmp_path, "2025b", "America/Los_Angeles")
    assert _in_a_process(old) == ["2026-11-30T00:00:00-07:00", PACKAGE.IANA_VERSION]


def test_a_newer_system_is_asked(tmp_path: Path) -> None:
    new = _database(tmp_path, "2999a", "Asia/Tokyo")
    assert _in_a_process(new) == ["2026-11-30T00:00:00+09:00", "2999a"]


def test_a_system_of_unknown_age_is_passed_over(tmp_path: Path) -> None:
    unknown = _database(tmp_path, "2999a", "Asia/Tokyo")
    (unknown / "tzdata.zi").unlink()
    assert of_system([str(unknown)]) == ZoneDatabase("", str(unknown))
    assert _in_a_process(unknown)[1] == PACKAGE.IANA_VERSION


def test_versions_have_an_order() -> None:
    assert is_older("2025b", "2026a")
    assert is_older("2026b", "2026f")
    assert not is_older("2026f", "2026f")
    assert is_older("", "2026a")


def test_a_system_may_say_its_version_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "+VERSION").write_text("2024a\n")
    assert of_system(["/no/such", str(tmp_path)]) == ZoneDatabase("2024a", str(tmp_path))
    assert of_system(["/no/such"]) is None


def test_what_is_in_use_has_a_version() -> None:
    assert in_use().version
    assert in_use().packaged == (not any(Path(path).is_dir() for path in zoneinfo.TZPATH))
