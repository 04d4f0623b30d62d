"""Mutants are tried: one process collects all tests, and each mutant is a fork of it.

In the fork the functions of the mutant's file get their changed code, whoever holds them, and the
tests of its line run until one fails. A test that fails without the change too is not believed.
What ran before any test, at an import, cannot be changed so; such a mutant that lived is tried
once more in a process that imports everything with the change.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import mmap
import multiprocessing
import os
import signal
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.mutating.changes import ROOT, Mutant, mutated
from tests.mutating.watching import Asked

OURS: Final = frozenset({"bms", "drivers", "schedules", "simulators", "tests"})
PATIENCE_S: Final = 20.0
SLOWER: Final = 5.0
"""A test that takes so many times longer than without a change, and PATIENCE_S, never ends."""
_QUIET: Final = ("-q", "-s", "-p", "no:cacheprovider", "-p", "no:randomly")


def lived(chosen: Sequence[Mutant], asked: Asked, jobs: int) -> list[Mutant]:
    """Those of the mutants that no test noticed."""
    tests = {mutant: names for mutant in chosen if (names := asked.of(mutant))}
    files = sorted({name.partition("::")[0] for names in tests.values() for name in names})
    noticed: set[Mutant] = set()
    if files:
        trials = _Trials(tests, asked.took_s, jobs, noticed)
        with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
            code = pytest.main([*files, *_QUIET], plugins=[trials])
        if code != pytest.ExitCode.OK:
            raise RuntimeError(f"pytest cannot collect the tests: {code}")
    alive = [mutant for mutant in chosen if mutant not in noticed]
    again = [mutant for mutant in alive if mutant in tests and asked.early(mutant)]
    with ThreadPoolExecutor(jobs) as pool:
        noticed.update(
            mutant
            for mutant, dead in zip(
                again, pool.map(lambda one: killed(one, tests[one]), again), strict=True
            )
            if dead
        )
    return [mutant for mutant in chosen if mutant not in noticed]


# --- in forks --------------------------------------------------------------------------------


@dataclass
class _Trials:
    """A pytest plugin: tries mutants in the place of running tests."""

    tests: Mapping[Mutant, Sequence[str]]
    took_s: Mapping[str, float]
    jobs: int
    noticed: set[Mutant]
    sound: set[str] = field(default_factory=set)
    unsound: set[str] = field(default_factory=set)
    items: dict[str, pytest.Item] = field(default_factory=dict)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        with ThreadPoolExecutor(self.jobs) as pool:
            results = pool.map(self._noticed, self.tests)
            self.noticed.update(m for m, dead in zip(self.tests, results, strict=True) if dead)
        return True

    def _noticed(self, mutant: Mutant) -> bool:
        names = [name for name in self.tests[mutant] if name in self.items]
        while True:
            names = [name for name in names if name not in self.unsound]
            failed = self._run(names, mutant)
            if failed is None or self._is_sound(failed):
                return failed is not None

    def _is_sound(self, name: str) -> bool:
        """Whether the test passes without a change."""
        if name not in self.sound | self.unsound:
            (self.unsound if self._run([name], None) else self.sound).add(name)
        return name in self.sound

    def _run(self, names: Sequence[str], mutant: Mutant | None) -> str | None:
        """The first of the tests that fails."""
        at = mmap.mmap(-1, 8)
        pid = os.fork()
        if pid == 0:
            self._child(names, mutant, at)
        _, status = os.waitpid(pid, 0)
        return names[int.from_bytes(at[:], "little")] if status else None

    def _child(self, names: Sequence[str], mutant: Mutant | None, at: mmap.mmap) -> None:
        code = 1
        try:
            os.setsid()
            _silence()
            if mutant is not None:
                change(mutant)
            items = [self.items[name] for name in names]
            for n, (item, after) in enumerate(zip(items, [*items[1:], None], strict=True)):
                at[:] = n.to_bytes(8, "little")
                patience_s = PATIENCE_S + SLOWER * self.took_s.get(item.nodeid, 0.0)
                signal.setitimer(signal.ITIMER_REAL, patience_s)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
                if item.session.testsfailed:
                    break
            else:
                code = 0
        finally:
            os._exit(code)


def change(mutant: Mutant) -> None:
    """Give the functions of a file that is imported their code with the change."""
    sys.meta_path.insert(0, _Changed(mutant))  # some test may be the first to import it
    path = str(ROOT / mutant.file)
    codes = {
        (code.co_qualname, code.co_firstlineno): code
        for code in _within(mutated(mutant.file, mutant.number))
    }
    for function in gc.get_objects():
        if isinstance(function, types.FunctionType) and function.__code__.co_filename == path:
            known = function.__code__
            new = codes.get((known.co_qualname, known.co_firstlineno), known)
            if new != known:
                function.__code__ = new


def _within(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _within(constant)


def _silence() -> None:
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)


# --- at imports ------------------------------------------------------------------------------


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module with its change."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.file.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: object, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        place = str(ROOT / self.mutant.file)
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=place)
        spec.has_location = True
        if place.endswith("__init__.py"):
            spec.submodule_search_locations = [str((ROOT / self.mutant.file).parent)]
        return spec

    def get_source(self, fullname: str) -> str:
        return (ROOT / self.mutant.file).read_text(encoding="utf-8")

    def get_code(self, fullname: str) -> types.CodeType:
        return mutated(self.mutant.file, self.mutant.number)


def _try(mutant: Mutant, tests: Sequence[str]) -> None:
    """In a process for itself: exit code 0 if every test passes with the change."""
    os.setsid()
    _silence()
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]  # what was imported before the change would stay without it
    sys.meta_path.insert(0, _Changed(mutant))
    os._exit(int(pytest.main([*tests, "-x", *_QUIET])))


def killed(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether a test fails, or never ends, if everything is imported with the change."""
    gone = [name for name in tests if not (ROOT / name.partition("::")[0]).exists()]
    if gone:
        raise RuntimeError(f"{mutant}: there is no {gone[0]}")
    process = multiprocessing.get_context("fork").Process(target=_try, args=(mutant, tests))
    process.start()
    process.join(10 * PATIENCE_S)
    if process.is_alive():
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return True
    if process.exitcode == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"{mutant}: pytest tried nothing")
    # A mutant that cannot be imported ends pytest in a conftest, which is a usage error to it.
    return process.exitcode != pytest.ExitCode.OK
