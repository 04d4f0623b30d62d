"""The mutants change decisions, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.mutants import sample
from tests.mutating.changes import ROOT, Mutant, changed, mutants, places
from tests.mutating.trials import killed
from tests.mutating.watching import MOST_S, SLOWEST_S, Asked
from tests.patience import PATIENCE_S


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("a < b", "a <= b"),
        ("a + b", "a - b"),
        ("a and b", "a or b"),
        ("not a", "a"),
        ("min(a, b)", "max(a, b)"),
        ("x if a else y", "x if not a else y"),
        ("0", "1"),
        ("True", "False"),
    ],
)
def test_a_decision_is_changed(was: str, is_now: str) -> None:
    new = changed(ast.parse(was, mode="eval").body)
    assert new is not None
    assert ast.unparse(new) == is_now


@pytest.mark.parametrize("text", ["a < b < c", "'a' + b", "f(a)", "None", "'words'"])
def test_words_and_names_stay(text: str) -> None:
    assert changed(ast.parse(text, mode="eval").body) is None


def test_messages_and_errors_are_no_decisions() -> None:
    code = "def f(a):\n    g(msg('{n} left', n=1))\n    raise ValueError(2)\n"
    assert list(places(ast.parse(code))) == []


def test_the_same_seed_makes_the_same_sample() -> None:
    assert sample(20, 7) == sample(20, 7) != sample(20, 8)


def test_a_test_notices_a_mutant() -> None:
    wanted = "bms/control/blocks/rotation.py"
    some = [mutant for mutant in mutants() if mutant.file == wanted][:4]
    assert not killed(some[0], ["tests/core/test_time_zones.py"])
    assert any(killed(mutant, ["tests/control/test_blocks.py"]) for mutant in some)
    with pytest.raises(RuntimeError, match="there is no"):
        killed(some[0], ["tests/no_such_test.py"])


def test_near_tests_are_asked_first_then_fast_ones_and_no_slow_ones() -> None:
    mutant = Mutant("bms/control/blocks/loops/pid.py", 0, 10, "a", "b", begins=8)
    near, between = "tests/control/blocks/test_pid.py::near", "tests/control/test_some.py::other"
    fast = "tests/energy/test_far.py::fast"
    took_s = {
        fast: 0.1,
        near: 1.0,
        between: 0.3,
        "tests/control/blocks/test_pid.py::slow": SLOWEST_S + 1.0,
        "tests/energy/test_far.py::late": MOST_S - 1.3,
    }
    asked = Asked({mutant.file: {10: [*took_s, ""]}}, took_s)
    assert asked.of(mutant) == [near, between, fast]
    assert asked.early(mutant)
    # Of a statement on several lines, its first line tells.
    told = Asked({mutant.file: {8: [fast], 9: [near]}}, took_s)
    assert told.of(mutant) == [fast]
    assert not told.early(mutant)
    assert Asked({}, {}).of(mutant) == []


def test_mutants_are_tried_in_forks_of_one_process() -> None:
    """The whole way: which tests run a line, a fork for each mutant, and the figures."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.mutants", "6", "--least", "20", "--jobs", "1",
         "--only", "bms/control/blocks/rotation.py", "--tests", "tests/control/test_blocks.py"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    last = ran.stdout.splitlines()[-1]
    count, _, rest = last.partition(" of ")
    assert rest.startswith("6 mutants killed")
    assert 2 <= int(count) <= 6
