"""Scripts that tests give to other processes as text import only what is there.

No type checker sees them, and nothing but the process itself would say what is lost.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house import ROOT

_IMPORT = re.compile(
    r"^\s*from ((?:bms|drivers|schedules|simulators|tests)[\w.]*) import ([\w, ]+)$", re.MULTILINE
)
MADE_UP = frozenset({"test_house.py", "test_scripts.py"})
"""Tests whose scripts are made up."""


def scripts(path: Path) -> Iterator[str]:
    """Texts of several lines in a source that import something of ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        text = node.value if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and "\n" in text and _IMPORT.search(text):
            yield text


WITH_SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "tests").rglob("*.py")
    if path.name not in MADE_UP and any(scripts(path))
)


def missing(script: str) -> list[str]:
    """Names that a script imports and that are not there."""
    return [
        f"{module}.{name}"
        for module, names in _IMPORT.findall(script)
        for name in (word.strip().partition(" as ")[0] for word in names.split(","))
        if not hasattr(importlib.import_module(module), name) and not _is_module(f"{module}.{name}")
    ]


def _is_module(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        return False
    return True


@pytest.mark.parametrize("place", WITH_SCRIPTS)
def test_a_script_imports_what_is_there(place: str) -> None:
    assert [name for script in scripts(ROOT / place) for name in missing(script)] == []


def test_a_lost_name_is_found() -> None:
    assert missing("from bms.core.errors import BmsError, Lost\nfrom bms.core import clock\n") == [
        "bms.core.errors.Lost"
    ]
