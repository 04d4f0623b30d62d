"""The process that makes one round of upkeep: `python -m bms.app.upkeep_round`.

Here the history meets those who copy it: what no copy has yet is kept as long as there is room.
"""

from __future__ import annotations

import sys
from typing import Final

from bms.core.zones import use_newest
from bms.forward.positions import taken
from bms.historian.upkeep.rounds import main

COMMAND: Final = (sys.executable, "-m", "bms.app.upkeep_round")

if __name__ == "__main__":
    use_newest()
    sys.exit(main(taken))
