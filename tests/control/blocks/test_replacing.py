"""Records with some fields otherwise."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from bms.control.blocks.replacing import replace


@dataclass(frozen=True, slots=True)
class Kept:
    """Three fields, one of which is made."""

    name: str
    level_pct: float = 50.0
    marks: tuple[float, ...] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True)
class Single:
    """One field."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Given by name only."""

    name: str


def test_it_does_what_the_standard_function_does() -> None:
    before = Kept("tank", marks=(1.0, 2.0))
    all_changes: list[dict[str, Any]] = [{}, {"level_pct": 7.0}, {"name": "pit", "marks": ()}]
    for changes in all_changes:
        assert replace(before, **changes) == dataclasses.replace(before, **changes)
    assert before == Kept("tank", 50.0, (1.0, 2.0))
    assert replace(before).marks is before.marks
    assert replace(Single("a"), name="b") == Single("b")


def test_a_field_that_is_not_there_is_refused() -> None:
    changes: dict[str, Any] = {"height_m": 3.0}
    with pytest.raises(TypeError, match="Kept has no field 'height_m'"):
        replace(Kept("tank"), **changes)


def test_a_record_that_is_given_by_name_is_refused() -> None:
    with pytest.raises(TypeError, match="not given by their place"):
        replace(Named(name="tank"), name="pit")
