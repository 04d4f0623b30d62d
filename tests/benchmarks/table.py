"""Rows of the benchmark table, and the rule by which they count as met."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One figure: a median, its goal if there is one, and a peer measured in the same run."""

    name: str
    value: float
    unit: str
    goal: str = ""
    """`<= 5` or `>= 1000000`, or empty."""
    peer: str = ""
    peer_value: float | None = None

    @property
    def met(self) -> bool | None:
        if not self.goal:
            return None
        sign, _, limit = self.goal.partition(" ")
        return self.value <= float(limit) if sign == "<=" else self.value >= float(limit)

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "goal": self.goal or None,
            "met": self.met,
            "peer": self.peer or None,
        }


Benchmark = Callable[[], list[Row]]


def median(values: list[float]) -> float:
    return statistics.median(values)
