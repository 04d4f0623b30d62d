"""Do the tests notice when the code of the pure rooms is wrong? A seeded sample of mutants.

`python -m tests.mutants [COUNT] [--least PCT] [--seed N] [--jobs N] [--only GLOB] [--tests GLOB]`:
one small change each, the tests that run its line, near and fast ones first, until one fails. Those
that lived are shown with file, line and change, and how many were killed in each room. The exit
code is 1 if fewer than PCT were killed; a small sample of code of which 90 % are killed may well
show 82.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from time import monotonic
from typing import Any

from tests.mutating.changes import Mutant, mutants
from tests.mutating.trials import lived
from tests.mutating.watching import asked, watch


def sample(count: int, seed: int, only: str = "*") -> list[Mutant]:
    """`count` of the mutants of some files, the same for the same seed and code."""
    found = [mutant for mutant in mutants() if fnmatch(mutant.file, only)]
    chosen = random.Random(seed).sample(found, min(count, len(found)))
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.number))


def room(mutant: Mutant) -> str:
    """Where a mutant is counted: a strategy, a room of control, or a room."""
    parts = mutant.file.split("/")[:-1]
    return "/".join(parts[: 4 if "strategies" in parts else 3 if "control" in parts else 2])


def main(arguments: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("count", nargs="?", type=int, default=300)
    parser.add_argument("--least", type=float, default=90.0, metavar="PCT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--only", default="*", metavar="GLOB", help="files, from the root")
    parser.add_argument("--tests", default="*", metavar="GLOB", help="files of tests")
    parser.add_argument("--watch", nargs="+", metavar=("FILE", "TESTS"))
    given: Any = parser.parse_args(arguments)
    if given.watch:
        return watch(given.watch[1:], Path(given.watch[0]))
    begun = monotonic()
    tests = asked(given.jobs, given.tests)
    watched_s = monotonic() - begun
    chosen = sample(given.count, given.seed, given.only)
    alive = lived(chosen, tests, given.jobs)
    for mutant in alive:
        _print(f"lived{'' if tests.of(mutant) else ' (no test runs it)'}: {mutant}")
    of, left = Counter(map(room, chosen)), Counter(map(room, alive))
    for name in sorted(of):
        _print(f"{name}: {of[name] - left[name]} of {of[name]}")
    killed_pct = 100 * (len(chosen) - len(alive)) / len(chosen)
    _print(
        f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed ({killed_pct:.1f} %) "
        f"in {monotonic() - begun:.0f} s, {watched_s:.0f} s of them to see which tests run a line; "
        f"seed {given.seed}"
    )
    return 0 if killed_pct >= given.least else 1


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
