"""What a register showed, and how an amount was come by. Pure.

Words that history, energy and ledger share.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from drivers.points import PointId


class Reading(NamedTuple):
    """A register value: `meter` is the point id of the counter, `time` aware UTC."""

    meter: PointId
    time: datetime
    counts: int


class Label(StrEnum):
    """How an amount was come by, the most certain first."""

    MEASURED = "measured"
    CORRECTED = "corrected"
    """Measured across a rollover of a register whose size is declared, across marks that are not
    believed, up to or from a replacement; or put right by a person."""
    DERIVED = "derived"
    """By formula from measured and corrected ones."""
    ALLOCATED = "allocated"
    """A share of what was measured over a longer time: the total is true, the shape is not."""
    MANUAL = "manual"
    """From a register read by a person."""
    ESTIMATED = "estimated"
    """A person's or a model's estimate."""
    MISSING = "missing"
    """Unknown, or known in part only."""


LABELS: Final = tuple(Label)
RANK: Final[Mapping[Label, int]] = {label: rank for rank, label in enumerate(LABELS)}


def worst(one: Label, other: Label) -> Label:
    """The less certain of two labels."""
    return one if RANK[one] >= RANK[other] else other
