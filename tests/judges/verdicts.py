"""Print what the judges say: `python -m tests.judges.verdicts DIRECTORY`.

A failure that `explained.yaml` does not explain ends it with 1, and so does one of which it says
that it `stands`: the judge is right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.judges.camber_judge import first_found, found
from tests.judges.constrain_judge import Verdict, checks, judged
from tests.judges.frames import Recorded

HERE = Path(__file__).parent


def read(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))


def all_verdicts(directory: Path) -> list[Verdict]:
    """Of every run whose trends are there."""
    said, rules = read("checks.yaml"), read("faults.yaml")
    verdicts: list[Verdict] = []
    for path in sorted(directory.glob("*.json")):
        recorded = Recorded.read(path.with_suffix(""))
        site = path.stem.partition("-")[0]
        verdicts += judged(recorded, said.get(site, []))
        verdicts += found(recorded, rules.get(site, []))
    return verdicts


def explanation(verdict: Verdict, explained: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Why a failure is none of ours."""
    for entry in explained:
        words = (verdict.run, verdict.check, verdict.thing)
        first, last = entry.get("hours", (0, 23))
        if all(map(fnmatchcase, words, (entry["run"], entry["check"], entry["thing"]))) and all(
            first <= hour <= last for hour in verdict.hours
        ):
            return entry
    return None


def summed(verdicts: Iterable[Verdict]) -> list[tuple[str, ...]]:
    """One row for each check and site: what it was of, samples, failures, verdict."""
    rows: dict[tuple[str, str, str], list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        rows[verdict.judge, verdict.run.partition("-")[0], verdict.check].append(verdict)
    table: list[tuple[str, ...]] = []
    for (judge, site, check), of_check in rows.items():
        samples = sum(verdict.samples for verdict in of_check)
        failures = sum(verdict.failures for verdict in of_check)
        told = [verdict.passed for verdict in of_check if verdict.passed is not None]
        passed = "untested" if not told else f"{sum(told)} of {len(told)} pass"
        things = len({verdict.thing for verdict in of_check})
        table.append((judge, site, check, str(things), str(samples), str(failures), passed))
    return table


def faults_seen(directory: Path) -> list[tuple[str, ...]]:
    """One row for each fault: when our conditions and camber's rules said it, in minutes."""
    said = directory / "conditions.txt"
    if not said.is_file():
        return []
    told = json.loads(said.read_text(encoding="utf-8"))
    recorded = Recorded.read(directory / "works-faults")
    theirs = first_found(recorded, read("faults.yaml")["works"])
    rows: list[tuple[str, ...]] = []
    for at, text in told["faults"]:
        begun = pd.Timestamp(at).tz_localize(None)
        kind, target, *rest = text.split()
        until = begun + pd.Timedelta(rest[-1] if "for" in rest else "2h")
        machine = target.split(".")[1] if "." in target else target
        ours = [
            (*[pd.Timestamp(time).tz_localize(None)] * 2, f"`{key}`")
            for time, key in told["raised"]
            if machine in key.replace(":", ".").split(".")
        ]
        rows.append(
            (
                f"{kind} {target}",
                *_first(ours, begun, until),
                *_first(theirs.get(machine, []), begun, until),
                "" if machine in theirs else "no rule for it",
            )
        )
    return rows


def _first(
    events: Sequence[tuple[pd.Timestamp, pd.Timestamp, str]],
    begun: pd.Timestamp,
    until: pd.Timestamp,
) -> tuple[str, str]:
    """What came up while a fault lasted and was said first, and after how many minutes."""
    for since, time, text in sorted(events, key=lambda event: event[1]):
        if begun <= since and time <= until:
            return f"{(time - begun).total_seconds() / 60:.0f}", text
    return "", "not seen"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.judges.verdicts", description=__doc__)
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    explained = read("explained.yaml") or []
    verdicts = all_verdicts(directory)
    print("| judge | site | check | machines | samples | failures | verdict |")
    print("|---|---|---|---|---|---|---|")
    for row in summed(verdicts):
        print(f"| {' | '.join(row)} |")
    applied = {verdict.check for verdict in verdicts if verdict.judge == "constrain"}
    others = read("checks.yaml")["others"]
    silent = [
        name
        for name in checks()
        if name not in applied and not any(fnmatchcase(name, known) for known in others)
    ]
    print(f"\nConStrain: {len(applied)} of its {len(checks())} checks apply")
    used, open_ones = [], []
    for verdict in verdicts:
        if verdict.passed is False:
            why = explanation(verdict, explained)
            (used.append(why) if why is not None else open_ones.append(verdict))
    for verdict in open_ones:
        share = f"{verdict.failures} of {verdict.samples}"
        print(
            f"NOT EXPLAINED {verdict.run} {verdict.judge} {verdict.check} {verdict.thing}: {share}"
        )
    standing = [entry for entry in explained if entry in used and entry.get("stands")]
    for entry in standing:
        print(f"STANDS {entry['run']} {entry['check']} {entry['thing']}: {entry['stands']}")
    for name in silent:
        print(f"NEITHER APPLIED NOR SAID WHY {name}")
    for entry in explained:
        if entry not in used:
            print(f"EXPLAINS NOTHING {entry['run']} {entry['check']} {entry['thing']}")
    rows = faults_seen(directory / "faults")
    if rows:
        print("\n| fault | ours, min | condition | camber, min | rule | |")
        print("|---|---|---|---|---|---|")
        for row in rows:
            print(f"| {' | '.join(row)} |")
    sys.exit(bool(open_ones or standing or silent))


if __name__ == "__main__":
    main()
