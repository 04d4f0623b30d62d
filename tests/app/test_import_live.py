"""Files of readings while a controller runs: it takes them itself, large ones too."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner

from bms.cli import main
from tests.app.running import run_app
from tests.app.test_damaged_files import SITE
from tests.patience import patience


async def test_a_large_file_is_taken_by_the_running_controller(tmp_path: Path) -> None:
    site = tmp_path / "site"
    meters = "meters:\n  b.hall: {medium: electricity, rated_kw: 500}\n"
    for name, text in {**SITE, "meters.yaml": meters}.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [
        f"{start + timedelta(minutes=15 * n):%Y-%m-%d %H:%M},{n % 9}.5\n" for n in range(4 * 960)
    ]
    file = tmp_path / "quarter hours.csv"
    file.write_text("Time,Hall\n" + "".join(lines), encoding="utf-8")
    words = ["meter", "import", str(site), str(file), "--reason", "first quarter"]

    def run(*more: str) -> str:
        return CliRunner().invoke(main, [*words, *more]).output

    async with run_app(site) as app, patience():
        while app.control.cycles < 3:
            await asyncio.sleep(0.02)
        asked = await asyncio.to_thread(run)
        assert "add --format stamp=start / --format stamp=end" in asked
        told = await asyncio.to_thread(run, "--format", "stamp=start")
        assert told.startswith("3840 readings added, 0 were there already"), told
        again = await asyncio.to_thread(run)
        assert again.startswith("0 readings added, 3840 were there already"), again
        file.write_text(file.read_text().replace(",0.5", ",0.75", 1), encoding="utf-8")
        changed = await asyncio.to_thread(run)
        assert "quarter hours.csv:2:1: b.hall already has 0.5 kWh" in changed, changed
    assert "stamp: start" in (site / "readings.yaml").read_text()
