"""`bms check --functions`: what a site's strategies can do, for people at the command line."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from bms.cli import main
from tests.config.sites import write
from tests.control.air.test_each_start import EACH
from tests.control.house import FILES


def test_functions_are_listed_with_what_machines_lack(tmp_path: Path) -> None:
    site = write(tmp_path, {**FILES, **EACH})
    plain = CliRunner().invoke(main, ["check", str(site)])
    assert plain.exit_code == 0, plain.output
    assert "outdoor air by CO2" not in plain.output
    listed = CliRunner().invoke(main, ["check", str(site), "--functions"])
    assert listed.exit_code == 0, listed.output
    assert "ahu-1, ahu-2: no co2, of its own or of what it serves" in listed.output
