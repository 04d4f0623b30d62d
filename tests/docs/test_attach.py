"""The plant and the site of the page on attaching one run as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from bms.historian.log.embedded import History
from tests.docs.commands import ROOT
from tests.patience import PATIENCE_S

PAGE = ROOT / "docs/plants/attach.md"
FILE = re.compile(r"`(tank/[\w/.-]+)`[^`]*?:\n\n```yaml\n(.*?)```", re.DOTALL)
PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


def test_the_plant_of_the_page_runs(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (program,) = PROGRAM.findall(text)
    (tmp_path / "tank_plant.py").write_text(program, encoding="utf-8")
    files = FILE.findall(text)
    assert len(files) == 6
    for name, content in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def bms(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "bms", *words],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    checked = bms("check", "tank")
    assert checked.returncode == 0, checked.stderr
    span = ("--from", "2026-07-06", "--to", "2026-07-08")
    done = bms("simulate", "tank", *span, "--into", "tank/state")
    assert done.returncode == 0, done.stderr
    assert "0 alarms" in done.stdout
    with History(tmp_path / "tank/state", read_only=True) as history:
        first, last = history.span()
        assert first is not None
        assert last is not None
        readings = history.readings("house.heater-1.energy", first, last)
        meter = history.meter("house.heater-1.energy")
        temps = [s.value for s in history.samples("house.heater-1.tank_temp", first, last)]
    assert meter is not None
    kwh = float(meter.resolution) * (readings[-1].counts - readings[0].counts)
    assert 10 < kwh < 50
    assert max(float(t) for t in temps if t is not None) > 60
    why = bms("why", "tank", "house.heater-1.enable", "--at", "2026-07-07T06:00")
    assert why.returncode == 0, why.stderr
    assert "hot-water.yaml" in why.stdout


def test_the_plant_of_the_page_is_forty_lines() -> None:
    (program,) = PROGRAM.findall(PAGE.read_text(encoding="utf-8"))
    lines = [line for line in program.splitlines() if line.strip()]
    assert len(lines) <= 45
