"""A process that has imported everything and started nothing, from which others are forked.

One order as JSON a line, one pid a line back. Each child leads a session of its own, and what it
says goes to the file `log` of its order.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

Order: TypeAlias = dict[str, Any]


def serve(run: Callable[[Order], None]) -> None:
    """Fork a child for each order, until there are no more; each carries out `run` and ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _child(order, run)
        print(pid, flush=True)


def _child(order: Order, run: Callable[[Order], None]) -> None:
    os.setsid()
    out = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        run(order)
    finally:
        os._exit(1)
