"""Which tests run a line, and how long each takes.

What was found is kept in `build/`, by test file. A file of tests is run once more when it has
changed, or a file of the pure rooms that it ran. What changed elsewhere may let other tests come
to a line; that they are not asked can only make a result look worse than it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

import coverage
import pytest

from tests.mutating.changes import ROOT, SOURCES, Mutant

TESTS: Final = (
    "tests/control",
    "tests/energy",
    "tests/ledger/test_conservation.py",
    "tests/ledger/test_ledger.py",
    "tests/ledger/test_registers.py",
    "tests/plants",
    "tests/schedules",
    "tests/drivers/test_codec.py",
    "tests/drivers/test_devices.py",
    "tests/drivers/test_overlaps.py",
    "tests/drivers/test_scaling.py",
    "tests/drivers/modbus",
)
KEPT: Final = ROOT / "build" / "mutants.json"
AT_ONCE: Final = 12
"""Files of tests in one process: what breaks off has kept the others."""
SLOWEST_S: Final = 10.0
"""A test that takes longer is not asked: hundreds of mutants would wait for it."""
MOST_S: Final = 60.0
"""Nor are those that are behind so many seconds of others."""
NEAR: Final = 4.0
"""How much longer a test may take, for each folder that it shares, and be asked first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tests run a line."""

    by_line: Mapping[str, Mapping[int, Sequence[str]]]
    """By file and number; the empty name stands for what runs before any test."""
    took_s: Mapping[str, float]

    def of(self, mutant: Mutant) -> list[str]:
        """The tests to ask about a mutant: the fastest first, and the nearest."""
        parts = set(mutant.file.removesuffix(".py").split("/")[1:])

        def seems_s(name: str) -> float:
            path = name.partition("::")[0].removesuffix(".py").replace("/test_", "/")
            shared = len(parts & set(path.split("/")))
            return (self.took_s.get(name, 0.0) + 0.01) / NEAR**shared

        found, total_s = [], 0.0
        names = {name for name in self._lines(mutant) if name}
        for name in sorted(names, key=lambda name: (seems_s(name), name)):
            took_s = self.took_s.get(name, 0.0)
            if took_s <= SLOWEST_S and (total_s := total_s + took_s) <= MOST_S:
                found.append(name)
        return found

    def early(self, mutant: Mutant) -> bool:
        """Whether its line runs before any test."""
        return "" in self._lines(mutant)

    def _lines(self, mutant: Mutant) -> Sequence[str]:
        # Of a statement on several lines, not every line is seen to run.
        lines = self.by_line.get(mutant.file, {})
        return lines.get(mutant.line) or lines.get(mutant.begins, ())


def files() -> list[str]:
    """The files of tests of the pure rooms."""
    found = {
        path for test in TESTS for path in [ROOT / test, *(ROOT / test).rglob("test_*.py")]
    }  # fmt: skip
    return sorted(path.relative_to(ROOT).as_posix() for path in found if path.is_file())


def asked(jobs: int = 2, only: str = "*") -> Asked:
    """Run what must be run, and say which tests run which line. `only`: of these files of tests."""
    kept = _kept()
    new = [file for file in files() if file not in kept and fnmatch(file, only)]
    KEPT.parent.mkdir(exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        for told in pool.map(_watched, [new[n : n + AT_ONCE] for n in range(0, len(new), AT_ONCE)]):
            kept |= told
            new_name = KEPT.with_suffix(f".{os.getpid()}")  # two may look at different rooms
            new_name.write_text(json.dumps(_kept() | kept), encoding="utf-8")
            new_name.replace(KEPT)
    kept = {file: told for file, told in kept.items() if fnmatch(file, only)}
    took_s: dict[str, float] = {}
    by_line: dict[str, dict[int, set[str]]] = {}
    for told in kept.values():
        took_s |= told["took_s"]
        for file, lines in told["lines"].items():
            for line, tests in lines.items():
                by_line.setdefault(file, {}).setdefault(int(line), set()).update(tests)
    return Asked({f: {n: sorted(t) for n, t in x.items()} for f, x in by_line.items()}, took_s)


def _kept() -> dict[str, Any]:
    """What is known of the files of tests that need not be run."""
    try:
        kept = json.loads(KEPT.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    there = set(files())
    return {
        file: told
        for file, told in kept.items()
        if file in there and all(_digest(name) == sha for name, sha in told["of"].items())
    }


def _digest(file: str) -> str:
    path = ROOT / file
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _watched(tests: Sequence[str]) -> dict[str, Any]:
    with TemporaryDirectory() as directory:
        target = Path(directory) / "told.json"
        command = [sys.executable, "-m", "tests.mutants", "--watch", str(target), *tests]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        told: dict[str, Any] = json.loads(target.read_text(encoding="utf-8"))
        return told


class _Watcher:
    """A pytest plugin: which lines each test runs, and how long it takes."""

    def __init__(self, watching: coverage.Coverage) -> None:
        self.watching = watching
        self.took_s: dict[str, float] = {}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.watching.switch_context(item.nodeid)
        begun = monotonic()
        try:
            return (yield)
        finally:
            self.took_s[item.nodeid] = monotonic() - begun
            self.watching.switch_context("")


def watch(tests: Sequence[str], target: Path) -> int:
    """Run files of tests and write what each ran to `target`. In a process for itself."""
    data = target.with_suffix(".coverage")
    sources = sorted({str(ROOT / pattern.split("/**")[0]) for pattern in SOURCES})
    watching = coverage.Coverage(data_file=str(data), source=sources, config_file=False)
    watching.start()
    watcher = _Watcher(watching)
    code = pytest.main([*tests, "-q", "-p", "no:cacheprovider"], plugins=[watcher])
    watching.stop()
    kept: dict[str, Any] = {
        file: {"of": {file: _digest(file)}, "took_s": {}, "lines": {}} for file in tests
    }
    for name, took_s in watcher.took_s.items():
        kept[name.partition("::")[0]]["took_s"][name] = took_s
    found = watching.get_data()
    for measured in found.measured_files():
        source = Path(measured).relative_to(ROOT).as_posix()
        for line, names in found.contexts_by_lineno(measured).items():
            for name in names:
                # What runs before any test is known by each: any of them may bring it about.
                for file in [name.partition("::")[0]] if name else tests:
                    lines = kept[file]["lines"].setdefault(source, {})
                    lines.setdefault(line, []).append(name)
                    if name:
                        kept[file]["of"].setdefault(source, _digest(source))
    target.write_text(json.dumps(kept), encoding="utf-8")
    return int(code)
