"""Do the tests notice when the code of the pure rooms is wrong? A seeded sample of mutants.

`python -m tests.mutants [COUNT] [--least PCT] [--seed N] [--jobs N]`: one small change each, the
tests that run its line, fastest first, until one fails. Those that lived are shown with file, line
and change. The exit code is 1 if fewer than PCT were killed; a small sample of code of which 90 %
are killed may well show 82.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import tempfile
import types
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple

import coverage
import pytest

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = (
    "bms/control/**/*.py",
    "bms/energy/**/*.py",
    "schedules/**/*.py",
    "drivers/codec/**/*.py",
    "drivers/modbus/**/plan*.py",
    "drivers/modbus/**/readplan.py",
    "drivers/modbus/**/frames.py",
    "drivers/modbus/**/rtu.py",
)
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
OURS: Final = frozenset({"bms", "drivers", "schedules", "simulators", "tests"})
SLOWEST_S: Final = 3.0
"""A test that takes longer is not asked: hundreds of mutants would wait for it."""
PATIENCE_S: Final = 120.0
"""A mutant that keeps the tests of its line busy for longer than this never ends: killed."""

COMPARED: Final[Mapping[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
COMPUTED: Final[Mapping[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
}  # fmt: skip
SWAPPED: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
UNTOUCHED: Final = {"msg", "say", "plural", "joined", "quoted", "Field", "cast", "TypeVar"}
"""Calls whose arguments are words, declarations or types, not decisions."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the `number`-th place of a file that can be changed."""

    file: str
    number: int
    line: int
    was: str
    is_now: str
    begins: int = 0
    """The first line of its statement."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.was} -> {self.is_now}"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tests run a line, fastest first."""

    by_line: Mapping[str, Mapping[int, Sequence[str]]]

    def of(self, mutant: Mutant) -> Sequence[str]:
        # Of a statement on several lines, not every line is seen to run.
        lines = self.by_line.get(mutant.file, {})
        return lines.get(mutant.line) or lines.get(mutant.begins, ())


# --- changes ---------------------------------------------------------------------------------


def changed(node: ast.AST) -> ast.AST | None:
    """The node with one thing wrong; None if there is nothing to change."""
    new = copy.copy(node)
    match new:
        case ast.Compare(ops=[op]) if type(op) in COMPARED:
            new.ops = [COMPARED[type(op)]()]
        case ast.BinOp(op=op) if type(op) in COMPUTED and not _text(new):
            new.op = COMPUTED[type(op)]()
        case ast.AugAssign(op=op) if type(op) in COMPUTED:
            new.op = COMPUTED[type(op)]()
        case ast.BoolOp(op=op):
            new.op = ast.Or() if isinstance(op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            return operand
        case ast.Constant(value=bool(value)):
            new.value = not value
        case ast.Constant(value=int(value) | float(value)):
            new.value = value + 1
        case ast.Call(func=ast.Name(id=name) as func) if name in SWAPPED:
            new.func = ast.Name(SWAPPED[name], func.ctx)
        case ast.If(test=test) | ast.IfExp(test=test) if not isinstance(test, ast.Compare):
            new.test = ast.UnaryOp(ast.Not(), test)
        case ast.Continue():
            return ast.Break()
        case _:
            return None
    return new


class Place(NamedTuple):
    """Something that can be changed."""

    parent: ast.AST
    field: str
    position: int | None
    node: ast.AST
    begins: int
    """The first line of its statement."""


def places(tree: ast.Module) -> Iterator[Place]:
    """Everything in functions that can be changed."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for index, statement in enumerate(node.body):
                yield from _places(node, "body", index, statement, statement.lineno)


def _places(
    parent: ast.AST, name: str, index: int | None, node: ast.AST, begins: int
) -> Iterator[Place]:
    if isinstance(node, ast.stmt):
        begins = node.lineno
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Raise):
        return  # a function within is met by the walk; what an error says is no decision
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in UNTOUCHED:
        return
    if isinstance(node, ast.Assert | ast.JoinedStr):
        return
    if isinstance(node, ast.keyword) and node.arg == "strict":
        return  # like an assertion: nothing is seen of it while the code is right
    if changed(node) is not None:
        yield Place(parent, name, index, node, begins)
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        if isinstance(value, ast.AST):
            yield from _places(node, field, None, value, begins)
        elif isinstance(value, list):
            for position, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _places(node, field, position, item, begins)


def _text(node: ast.BinOp) -> bool:
    """Whether texts are put together or filled in."""
    return any(
        isinstance(part, ast.JoinedStr)
        or (isinstance(part, ast.Constant) and isinstance(part.value, str))
        for part in (node.left, node.right)
    )


def mutants(root: Path = ROOT) -> list[Mutant]:
    """Every mutant of the pure rooms."""
    found = []
    for path in sorted({path for pattern in SOURCES for path in root.glob(pattern)}):
        file = path.relative_to(root).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for number, place in enumerate(places(tree)):
            new = changed(place.node)
            assert new is not None
            line: int = getattr(place.node, "lineno", 0)
            found.append(Mutant(file, number, line, _shown(place.node), _shown(new), place.begins))
    return found


def _shown(node: ast.AST) -> str:
    text = ast.unparse(node.test if isinstance(node, ast.If) else node)
    return text if len(text) <= 70 else f"{text[:67]}..."


def mutated(file: str, number: int) -> types.CodeType:
    """The code of a file with one change."""
    path = ROOT / file
    tree = ast.parse(path.read_text(encoding="utf-8"))
    place = list(places(tree))[number]
    new = changed(place.node)
    assert new is not None
    ast.copy_location(new, place.node)
    if place.position is None:
        setattr(place.parent, place.field, new)
    else:
        getattr(place.parent, place.field)[place.position] = new
    ast.fix_missing_locations(tree)
    return compile(tree, str(path), "exec")


# --- which tests run a line ------------------------------------------------------------------


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
    """Run tests and write the lines of each to `target` as JSON. In a process for itself."""
    data = target.with_suffix(".coverage")
    sources = sorted({str(ROOT / pattern.split("/**")[0]) for pattern in SOURCES})
    watching = coverage.Coverage(data_file=str(data), source=sources, config_file=False)
    watching.start()
    watcher = _Watcher(watching)
    code = pytest.main([*tests, "-q", "-p", "no:cacheprovider"], plugins=[watcher])
    watching.stop()
    lines: dict[str, dict[int, list[str]]] = {}
    found = watching.get_data()
    for name in found.measured_files():
        file = Path(name).relative_to(ROOT).as_posix()
        lines[file] = dict(found.contexts_by_lineno(name).items())
    target.write_text(json.dumps({"took_s": watcher.took_s, "lines": lines}))
    return int(code)


def asked(directory: Path) -> Asked:
    """Run the tests of the pure rooms once, and say which of them run which line."""
    halves = [TESTS[::2], TESTS[1::2]]
    with ThreadPoolExecutor(len(halves)) as pool:
        runs = [
            pool.submit(
                subprocess.run,
                [sys.executable, "-m", "tests.mutants", "--watch", str(directory / f"{n}.json"),
                 *half],
                cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
            )
            for n, half in enumerate(halves)
        ]  # fmt: skip
        for run in runs:
            run.result()
    took_s: dict[str, float] = {}
    by_line: dict[str, dict[int, set[str]]] = {}
    for n in range(len(halves)):
        told = json.loads((directory / f"{n}.json").read_text())
        took_s |= told["took_s"]
        for file, lines in told["lines"].items():
            for line, tests in lines.items():
                by_line.setdefault(file, {}).setdefault(int(line), set()).update(tests)

    def order(tests: set[str]) -> list[str]:
        quick = [name for name in tests if name and took_s.get(name, 0.0) <= SLOWEST_S]
        return sorted(quick, key=lambda name: (took_s.get(name, 0.0), name))

    return Asked({f: {n: order(t) for n, t in lines.items()} for f, lines in by_line.items()})


# --- trials ----------------------------------------------------------------------------------


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
            spec.submodule_search_locations = [str(Path(place).parent)]
        return spec

    def get_source(self, fullname: str) -> str:
        return (ROOT / self.mutant.file).read_text(encoding="utf-8")

    def get_code(self, fullname: str) -> types.CodeType:
        return mutated(self.mutant.file, self.mutant.number)


def _try(mutant: Mutant, tests: Sequence[str]) -> None:
    """In a process for itself: exit code 0 if every test passes with the change."""
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(quiet, stream)
    for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
        del sys.modules[name]  # what was imported before the change would stay without it
    sys.meta_path.insert(0, _Changed(mutant))
    code = pytest.main([*tests, "-x", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"])
    os._exit(int(code))


def killed(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether a test fails, or never ends, with the change."""
    if not tests:
        return False
    gone = [name for name in tests if not (ROOT / name.partition("::")[0]).exists()]
    if gone:
        raise RuntimeError(f"{mutant}: there is no {gone[0]}")
    process = multiprocessing.get_context("fork").Process(target=_try, args=(mutant, tests))
    process.start()
    process.join(PATIENCE_S)
    if process.is_alive():
        assert process.pid is not None
        os.killpg(process.pid, signal.SIGKILL)
        process.join()
        return True
    if process.exitcode == pytest.ExitCode.NO_TESTS_COLLECTED:
        raise RuntimeError(f"{mutant}: pytest tried nothing")
    # A mutant that cannot be imported ends pytest in a conftest, which is a usage error to it.
    return process.exitcode != pytest.ExitCode.OK


def sample(count: int, seed: int) -> list[Mutant]:
    """`count` of all mutants, the same for the same seed and code."""
    found = mutants()
    chosen = random.Random(seed).sample(found, min(count, len(found)))
    return sorted(chosen, key=lambda mutant: (mutant.file, mutant.number))


def lived(chosen: Sequence[Mutant], tests: Asked, jobs: int) -> list[Mutant]:
    """Those of the mutants that no test noticed."""
    with ThreadPoolExecutor(jobs) as pool:
        results = pool.map(lambda mutant: killed(mutant, tests.of(mutant)), chosen)
        return [mutant for mutant, dead in zip(chosen, results, strict=True) if not dead]


def main(arguments: Sequence[str]) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("count", nargs="?", type=int, default=300)
    parser.add_argument("--least", type=float, default=90.0, metavar="PCT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--watch", nargs="+", metavar=("FILE", "TESTS"))
    given: Any = parser.parse_args(arguments)
    if given.watch:
        return watch(given.watch[1:], Path(given.watch[0]))
    begun = monotonic()
    with tempfile.TemporaryDirectory() as directory:
        tests = asked(Path(directory))
    chosen = sample(given.count, given.seed)
    alive = lived(chosen, tests, given.jobs)
    for mutant in alive:
        _print(f"lived{'' if tests.of(mutant) else ' (no test runs it)'}: {mutant}")
    killed_pct = 100 * (len(chosen) - len(alive)) / len(chosen)
    _print(
        f"{len(chosen) - len(alive)} of {len(chosen)} mutants killed ({killed_pct:.1f} %) "
        f"in {monotonic() - begun:.0f} s, seed {given.seed}"
    )
    return 0 if killed_pct >= given.least else 1


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
