"""What a plant's process beside leaves when whoever started it is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

from tests.patience import PATIENCE_S


def nothing_is_left(folder: Path, plant: str, start: datetime) -> None:
    """A process makes the plant `module:Class` of `folder`/map.yaml, steps it for an hour and is
    killed: the process beside ends, and its scratch directory is empty."""
    module, _, name = plant.partition(":")
    program = (
        "import tempfile, time\nfrom datetime import datetime, timedelta\n"
        f"from {module} import {name}\n"
        f"tempfile.tempdir = {str(folder / 'scratch')!r}\n"
        f"start = datetime.fromisoformat({start.isoformat()!r})\n"
        f"plant = {name}(start, {str(folder / 'map.yaml')!r})\n"
        "plant.advance(start + timedelta(hours=1))\n"
        "print('there', flush=True)\ntime.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"there\n"
        assert len(list((folder / "scratch").iterdir())) == 1
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while list((folder / "scratch").iterdir()):
        assert time.monotonic() < until
        time.sleep(0.01)
