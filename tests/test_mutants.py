"""The mutants change decisions, and nothing else."""

from __future__ import annotations

import ast

import pytest

from tests.mutants import sample
from tests.mutating.changes import changed, mutants, places
from tests.mutating.trials import killed


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
