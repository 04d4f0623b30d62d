"""Starts the real daemon without paying for its imports each time: one line of JSON argv, one pid.

Each `bms run` is a separate process, forked from this one, which has imported everything and
started nothing.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys

import bms.api.server
import bms.app.composition
import bms.cli.site.site_commands
import bms.config.load
import bms.control  # noqa: F401
from bms.cli import main


def _child(argv: list[str], log: str) -> None:
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        main(argv, standalone_mode=True)
    finally:
        os._exit(1)


def serve() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(order["argv"], order["log"])
        print(pid, flush=True)


if __name__ == "__main__":
    serve()
