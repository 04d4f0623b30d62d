"""Starts the real daemon without paying for its imports each time: one line of JSON argv, one pid.

Each `bms run` is a separate process, forked from this one, which has imported everything and
started nothing (`tests.forked`).
"""

from __future__ import annotations

import bms.api.server
import bms.app.composition
import bms.cli.site.site_commands
import bms.config.load
import bms.control  # noqa: F401
from bms.cli import main
from tests.forked import Order, serve


def _run(order: Order) -> None:
    main(order["argv"], standalone_mode=True)


if __name__ == "__main__":
    serve(_run)
