"""`make bench`: one table, and the same as build/bench.json.

`make bench ONLY=modbus` runs the benchmarks whose name contains the word.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from _pytest.outcomes import Skipped
from rich.console import Console
from rich.table import Table

from tests.benchmarks import (
    baselines,
    cycle,
    demo,
    history,
    influx,
    ledger,
    modbus,
    opcua,
    schedules,
)
from tests.benchmarks.table import Benchmark, Row

BENCHMARKS: dict[str, Benchmark] = {
    "modbus": modbus.run,
    "opcua": opcua.run,
    "influx": influx.run,
    "cycle": cycle.run,
    "history": history.run,
    "simulate": demo.run_simulation,
    "memory": demo.run_memory,
    "start": demo.run_start,
    "schedules": schedules.run,
    "ledger": ledger.run,
    "baselines": baselines.run,
}


def main() -> None:
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = {name: call for name, call in BENCHMARKS.items() if only in name}
    if not chosen:
        sys.exit(f"no benchmark matches '{only}'; there are: {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    for name, call in chosen.items():
        print(f"running {name} ...", file=sys.stderr, flush=True)
        try:
            rows += call()
        except Skipped as reason:
            print(f"{name}: not measured: {reason}", file=sys.stderr)
    table = Table(box=None, pad_edge=False)
    for column in ("name", "value", "unit", "goal", "met", "peer", "peer value"):
        table.add_column(column, justify="right" if "value" in column else "left", no_wrap=True)
    for row in rows:
        met = {None: "", True: "yes", False: "NO"}[row.met]
        table.add_row(
            row.name,
            f"{row.value:,.4g}" if row.value < 1000 else f"{row.value:,.0f}",
            row.unit,
            row.goal,
            met,
            row.peer,
            "" if row.peer_value is None else f"{row.peer_value:,.4g}",
        )
    Console(width=150).print(table)
    path = Path("build/bench.json")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([row.to_json() for row in rows], indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
