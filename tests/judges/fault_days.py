"""Days of the works on which things go wrong: who sees it first, we or camber's rules?

`python -m tests.judges.fault_days DIRECTORY` simulates, where bms is installed, and writes the
trends and when which of our conditions was raised. `verdicts` reads both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path

import yaml

from bms.config.load import load
from bms.control import STRATEGIES
from bms.field.plants import plant_of
from simulators.faults.fault_kinds import parsed
from simulators.faults.fault_script import TimedFault
from simulators.faults.faulted import FaultedPlant
from tests.judges.trends import OFFSET, PARKS, Judged, midnight, simulate, write_trends
from tests.plants.life import Life

HERE = Path(__file__).parent
FIRST = date(2026, 7, 6)
WORKS = Judged("works", 60, 60)
"""Who sees a fault first is a matter of half hours: cycles of a minute tell it."""
NAME = "faults"


def timed() -> list[tuple[datetime, str]]:
    """The faults of the file: when each begins, and what it is."""
    said = yaml.safe_load((HERE / "fault_days.yaml").read_text(encoding="utf-8"))
    found = []
    for number, day in enumerate(said):
        for entry in day:
            hour, minute = map(int, str(entry["at"]).split(":"))
            at = midnight(FIRST) + timedelta(days=number, hours=hour, minutes=minute)
            found.append((at, str(entry["fault"])))
    return found


def conditions(script: Sequence[TimedFault], days: int) -> list[tuple[str, str]]:
    """Local time and key of every condition that begins, as the running controller sees them: a
    simulation leaves out what watches over commands that are not obeyed."""
    start = midnight(FIRST)
    site = load(PARKS / WORKS.name / "site", STRATEGIES)
    with closing(plant_of(site, start)) as made:
        life = Life(site, FaultedPlant.around(made, start, script), start)
        life.run(days * 86_400.0, float(WORKS.cycle_s))
    spans = life.seen.conditions.items()
    return sorted(((begun + OFFSET).isoformat(), key) for key, held in spans for begun, _ in held)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.judges.fault_days", description=__doc__)
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory / NAME
    directory.mkdir(parents=True, exist_ok=True)
    faults = timed()
    days = (faults[-1][0] - midnight(FIRST)).days + 1
    last = FIRST + timedelta(days=days)
    run = directory / "works-faults"
    script = [TimedFault(at, parsed(text)) for at, text in faults]
    simulate(WORKS, FIRST, last, run, script)
    write_trends(run, FIRST, last, WORKS.step_s, run)
    told = {
        "faults": [((at + OFFSET).isoformat(), text) for at, text in faults],
        "raised": conditions(script, days),
    }
    (directory / "conditions.txt").write_text(json.dumps(told, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
