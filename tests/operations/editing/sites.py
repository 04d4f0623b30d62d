"""A small site on the disk whose schedules are edited."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.app.test_app import FILES

NOW = datetime(2026, 7, 1, 8, 0, tzinfo=UTC)
AIR = "schedules/air.yaml"
TEXT = """\
# 空调：上班时间
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    mon-fri:
      - {from: "07:30", to: "18:00", mode: "on", speed_pct: 60}   # 班次
    sat: []
"""


def write_site(directory: Path, text: str = TEXT) -> Path:
    """The site's files; the schedule is `text`."""
    for name, content in {**FILES, AIR: text}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return directory
