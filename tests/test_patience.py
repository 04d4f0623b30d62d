"""No test has its own deadline."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
_OWN_DEADLINE = re.compile(
    r"asyncio\.timeout\(|wait_for\([^\n]*, [\d.]+\)|\b(?<!shutdown_)timeout=[\d.]+|\.wait\([\d.]+\)"
    r"|deadline=[\d.]"
)
_OWN = {"patience.py", "test_patience.py"}


def own_deadlines(text: str) -> list[str]:
    """Waits that end at a time written beside them."""
    return [found[0] for found in _OWN_DEADLINE.finditer(text)]


def test_deadlines_of_tests_are_in_one_place() -> None:
    paths = [path for path in ROOT.rglob("*.py") if path.name not in _OWN]
    found = {
        str(path.relative_to(ROOT)): own
        for path in paths
        if "benchmarks" not in path.parts
        and (own := own_deadlines(path.read_text(encoding="utf-8")))
    }
    assert found == {}, "use tests/patience.py"


@pytest.mark.parametrize(
    "text",
    ["async with asyncio.timeout(5):", "subprocess.run(words, timeout=30)", "process.wait(10)",
     "await asyncio.wait_for(x.wait(), 10)", "@settings(deadline=200)"],
)  # fmt: skip
def test_a_deadline_of_its_own_is_found(text: str) -> None:
    assert own_deadlines(text)
    assert not own_deadlines("process.wait(PATIENCE_S); x(timeout=PATIENCE_S, deadline=None)")
