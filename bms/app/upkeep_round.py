"""The process that makes one round of upkeep: `python -m bms.app.upkeep_round`.

Here the history meets those who copy it: what no copy has yet is kept as long as there is room.
"""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path
from typing import Final

from bms.core.errors import StoreError
from bms.core.time_zones import use_newest
from bms.forward.positions import taken
from bms.historian.taken import Taken
from bms.historian.upkeep.rounds import main

COMMAND: Final = (sys.executable, "-m", "bms.app.upkeep_round")


def known_taken(directory: Path, sinks: Collection[str] | None, history: str) -> Taken:
    """How far the copies are; at the beginning where nobody can tell."""
    try:
        return taken(directory, sinks, history)
    except StoreError:
        return Taken(None if sinks is not None and not sinks else 0)


if __name__ == "__main__":
    use_newest()
    sys.exit(main(known_taken))
