"""Who wrote what by hand, and why: an append-only file of the site."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

FILE_NAME = "commissioning.jsonl"


def record(state_dir: Path, time: datetime, user: str, **what: Any) -> None:
    """Append one line, on the disk before this returns. Raises OSError."""
    state_dir.mkdir(parents=True, exist_ok=True)
    line = {"time": time.isoformat(timespec="seconds"), "user": user, **what}
    with (state_dir / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())
