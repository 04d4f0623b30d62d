"""What calls itself pure is pure; and that each way not to be is found."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.purity import faults, impurities

CONTRACTS = """
[[tool.importlinter.contracts]]
name = "decisions are pure"
type = "forbidden"
source_modules = ["bms.control"]
forbidden_modules = ["os"]
"""


def test_what_says_pure_is_pure() -> None:
    assert faults() == []


@pytest.mark.parametrize(
    "source",
    [
        "with open('x') as file: pass",
        "print('x')",
        "input()",
        "import os",
        "import os.path",
        "from os import environ",
        "from os.path import join",
        "import io",
        "def f():\n    import io",
        "import time",
        "from time import monotonic",
        "import subprocess",
        "import socket",
        "import threading",
        "import asyncio",
        "import asyncio as a",
        "import logging",
        "import concurrent.futures",
        "from importlib import resources",
        "from datetime import datetime\ndatetime.now()",
        "from datetime import datetime as dt, UTC\nnow = dt.now(UTC)",
        "import datetime\ndatetime.datetime.now()",
        "import datetime as d\nd.datetime.utcnow()",
        "from datetime import date\ndate.today()",
        "from datetime import datetime\ndef f(now=datetime.now): ...",
        "import random\nrandom.random()",
        "from random import choice",
        "from random import Random\nRandom()",
        "import random\nrandom.Random()",
        "import numpy as np\nnp.random.default_rng()",
        "from pathlib import Path",
        "import pathlib\npathlib.Path('x')",
        "def f(path): path.write_text('x')",
        "def f(path): path.write_bytes(b'x')",
        "def f(path): path.read_text()",
        "def f(path): path.open('w')",
        "def f(path): path.mkdir(parents=True)",
        "def f(path): path.unlink()",
        "def f(path): path.touch()",
        "def f(path, other): path.rename(other)",
        "def f(path, other): path.replace(other)",
        "def f(folder): (folder / 'x').write_text('y')",
        "import sys\nsys.stdout.write('x')",
        "import sys\nsys.argv[1]",
        "import uuid\nuuid.uuid4()",
    ],
)
def test_an_impure_source_is_found(source: str) -> None:
    assert list(impurities(ast.parse(source))) != []


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import datetime\ndef f(now: datetime): return now.replace(hour=1)",
        "'a b'.replace('a', 'b')",
        "from dataclasses import replace\nreplace(state, purging=True)",
        "class E:\n    def g(self): self.replace(self.controllers)",
        "from pathlib import PurePosixPath\nPurePosixPath('x').name",
        "from random import Random\ndef f(seed): return Random(seed).random()",
        "def f(clock): return clock.now()",
        "def f(open): return open",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pathlib import Path",
        "from datetime import datetime, time\ntime(7, 30)",
    ],
)
def test_a_pure_source_is_left_alone(source: str) -> None:
    assert list(impurities(ast.parse(source))) == []


def tree_with(directory: Path, **files: str) -> Path:
    """A tree whose package `bms.control` is pure, with some files more."""
    (directory / "pyproject.toml").write_text(CONTRACTS, encoding="utf-8")
    for package in ("bms/control", "drivers", "schedules", "simulators"):
        (directory / package).mkdir(parents=True)
    sources = {"bms__control____init__": '"""Who commands. Pure."""', **files}
    for name, text in sources.items():
        (directory / f"{name.replace('__', '/', 2)}.py").write_text(f"{text}\n", encoding="utf-8")
    return directory


def test_a_package_is_pure_with_all_that_is_in_it(tmp_path: Path) -> None:
    root = tree_with(tmp_path, bms__control__cycle='"""The cycle."""\n\nimport os')
    assert faults(root) == ["bms/control/cycle.py:3: uses os"]


def test_who_says_pure_must_stand_in_the_contract(tmp_path: Path) -> None:
    root = tree_with(tmp_path, drivers__health='"""How a link does. Pure.\n\nMore.\n"""')
    assert faults(root) == ["drivers.health says 'Pure.'; it is missing in 'decisions are pure'"]


def test_what_stands_in_the_contract_must_say_so(tmp_path: Path) -> None:
    root = tree_with(tmp_path, bms__control____init__='"""Who commands."""')
    assert faults(root) == [
        "bms.control stands in 'decisions are pure'; its docstring does not say 'Pure.'"
    ]


def test_half_a_claim_is_none(tmp_path: Path) -> None:
    root = tree_with(tmp_path, drivers__cost='"""The cost. Pure but for history."""')
    assert faults(root) == [
        "drivers/cost.py: 'pure' in the first paragraph, which does not end with 'Pure.'"
    ]


def test_a_room_inside_may_claim_less(tmp_path: Path) -> None:
    less = '"""Columns. Pure but for NumPy."""'
    root = tree_with(tmp_path, bms__control__columns=less)
    assert faults(root) == [
        "bms.control.columns says 'Pure but for NumPy.'; it is missing in "
        "'arithmetic on columns is pure but for NumPy'"
    ]
