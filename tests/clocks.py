"""Finds who asks the machine for the time: `python -m tests.clocks` (part of make check).

Only `bms/core/clock.py` may; everybody else is told, or is given a clock. The simulators have one
module for it. How long something takes is measured by a steady clock: `loop.time()`,
`time.monotonic()`. Who does that is named here, with the reason.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.house import PACKAGES, ROOT, modules_of
from tests.purity import uses

WALL = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "time.asctime",
        "time.clock_gettime",
        "time.clock_gettime_ns",
        "time.ctime",
        "time.gmtime",
        "time.localtime",
        "time.strftime",
        "time.time",
        "time.time_ns",
    }
)
STEADY = frozenset(
    {
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.perf_counter_ns",
        "time.process_time",
        "time.thread_time",
    }
)
LOOP_TIME = "loop.time"
SQL_TIME = "the time in SQL"
_SQL_TIME = re.compile(r"'now'|\bcurrent_(?:time|date|timestamp)\b|\bunixepoch\(\)", re.IGNORECASE)
MIGRATIONS: Mapping[str, str] = {
    "bms/forward/cursors.py": "a file of the first layout notes when it was brought up to date",
}
"""Modules whose SQL asks for the time, once in the life of a file, and why."""
MACHINE_CLOCK = "bms.core.clock.SystemClock"
COMPOSERS = ("bms/app/", "bms/cli/")
"""Who puts the parts together, and so gives them their clock."""
CLOCKS = frozenset({"bms/core/clock.py", "simulators/clock.py"})
INTERVALS: Mapping[str, str] = {
    "bms/api/client.py": "until when it tries to be let in",
    "bms/api/server.py": "since when a connection is idle",
    "bms/app/control_task.py": "when the next cycle is due, and how late and long it was",
    "bms/app/recording.py": "how far the wall clock moved while nobody had set it",
    "bms/app/simulate.py": "how long a simulation took",
    "bms/app/watching/supervision.py": "for how long a task has run",
    "bms/cli/demo.py": "how long the demo waits for its controller and plant, and what was fast",
    "bms/forward/copying/timing.py": "the default of a clock that tests pass: pace and retries",
    "bms/historian/compaction/compaction.py": "whether a compaction has used up its time",
    "bms/historian/upkeep/rounds.py": "how long a round of upkeep took",
    "drivers/modbus/link.py": "when a request that was sent times out",
    "drivers/opcua/driver.py": "when the next poll is due",
    "drivers/opcua/session/calls.py": "how long a server took to answer",
    "drivers/opcua/session/session.py": "when its state was asked; how long nodes are left out",
    "drivers/opcua/subscribing/feeding.py": "for how long a subscription has been silent",
    "drivers/polled.py": "when the next poll is due",
    "drivers/times.py": "the default of a clock that tests pass: back-off and ages",
    "drivers/ticker.py": "when the next tick is due",
}
"""Modules that measure how long something takes, and what."""


def asks(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """What a source asks of the machine's clocks, with the line."""
    for name, line in uses(tree):
        if name in WALL | STEADY:
            yield name, line
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "time" and _is_loop(node.value):
            yield LOOP_TIME, node.lineno
        elif isinstance(node, ast.Constant) and _SQL_TIME.search(str(node.value)):
            yield SQL_TIME, node.lineno


def _is_loop(node: ast.expr) -> bool:
    """Whether an expression is an event loop, by its name or as asyncio gives it."""
    if isinstance(node, ast.Call):
        node = node.func
    name = getattr(node, "id", getattr(node, "attr", ""))
    return name.strip("_") in ("loop", "get_running_loop", "get_event_loop", "new_event_loop")


def faults(root: Path = ROOT, intervals: Mapping[str, str] = INTERVALS) -> list[str]:
    """Who asks for the time and may not, and who is allowed to and does not."""
    found: list[str] = []
    measuring: set[str] = set()
    for module in modules_of(root, PACKAGES):
        place = module.path.relative_to(root).as_posix()
        for name, line in asks(module.tree):
            if name == SQL_TIME:
                allowed = place in MIGRATIONS
            elif name in WALL:
                allowed = False
            else:
                measuring.add(place)
                allowed = place in intervals
            if not allowed and place not in CLOCKS:
                found.append(f"{place}:{line}: asks {name}")
        if not place.startswith(COMPOSERS):
            found += [
                f"{place}:{line}: makes {MACHINE_CLOCK} and should be given a clock"
                for name, line in uses(module.tree)
                if name == MACHINE_CLOCK
            ]
    found += [
        f"{place} is named here and measures nothing" for place in intervals.keys() - measuring
    ]
    return sorted(found)


def main() -> int:
    """Print who asks for the time and may not. Returns the exit code."""
    found = faults()
    print("\n".join(found) or "only the clocks ask for the time")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
