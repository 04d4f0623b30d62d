"""`bms report demand`: what was shed, why, for how long."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from click.testing import CliRunner

from bms.app.simulate import simulate
from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.field.plants import make_plant
from tests.docs.test_new_group import MONDAY, PLANT, follow


async def test_the_report_names_each_shed_its_reason_and_its_length(tmp_path: Path) -> None:
    directory = follow(tmp_path / "mill", "demand_limit")
    site = load(directory, STRATEGIES)
    plant = make_plant(PLANT, MONDAY, {"site": str(directory)})
    end = MONDAY + timedelta(hours=14)
    await simulate(
        site, plant, start=MONDAY, end=end, step=timedelta(seconds=60), into=site.state_dir
    )
    period = ["--from", "2026-07-06", "--to", "2026-07-06T14:00"]
    shown = CliRunner().invoke(main, ["report", "demand", str(directory), *period])
    assert shown.exit_code == 0, shown.output
    assert "mill.curtain.mode" in shown.output
    assert "shed as level 1" in " ".join(shown.output.split())
    asked = ["report", "demand", str(directory), *period, "--json"]
    answer = CliRunner().invoke(main, asked)
    assert answer.exit_code == 0
    assert '"reason"' in answer.output
    calm = ["--from", "2026-07-06T00:00", "--to", "2026-07-06T06:00"]
    none = CliRunner().invoke(main, ["report", "demand", str(directory), *calm])
    assert "nothing was shed" in none.output
