"""Sub-meters behind their meters: what they meter apart, and the rest.

residual = parent - sum of children. Nobody meters it apart. It cannot be below minus twice its own
uncertainty: then a transformer ratio or the tree itself must be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Final

from bms.config.site import MeterSpec
from bms.energy.intervals import Energy

IMPOSSIBLE: Final = -2.0
"""Times the uncertainty: one in forty if the tree is right (normal, one side)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One meter of the tree. Amounts in the meter's unit; None where anything is missing."""

    spec: MeterSpec
    energy: Energy
    children: tuple[Node, ...]
    residual: Fraction | None
    """None without children, or if any of the meters is missing."""
    uncertainty: float | None
    """Standard uncertainty of the residual from the meters' permissible errors."""

    @property
    def impossible(self) -> bool:
        """The children measured more than the parent can explain."""
        if self.residual is None or self.uncertainty is None:
            return False
        return float(self.residual) < IMPOSSIBLE * self.uncertainty


def standard_uncertainty(spec: MeterSpec, energy: Energy) -> float:
    """The maximum permissible error as a rectangular distribution (GUM 4.3.7)."""
    return abs(float(energy.amount or 0)) * spec.accuracy_pct / 100 / sqrt(3)


def tree(specs: Mapping[str, MeterSpec], energy: Callable[[MeterSpec], Energy]) -> tuple[Node, ...]:
    """Every meter that has children or a parent, from the roots down."""
    children: dict[str, list[MeterSpec]] = {}
    for spec in specs.values():
        if spec.parent is not None:
            children.setdefault(spec.parent, []).append(spec)

    def node(spec: MeterSpec) -> Node:
        own = energy(spec)
        below = tuple(node(child) for child in children.get(spec.id, ()))
        if not below:
            return Node(spec, own, (), None, None)
        amounts = [child.energy.amount for child in below]
        squares = [standard_uncertainty(child.spec, child.energy) ** 2 for child in below]
        uncertainty = sqrt(standard_uncertainty(spec, own) ** 2 + sum(squares))
        if own.amount is None or any(amount is None for amount in amounts):
            return Node(spec, own, below, None, uncertainty)
        residual = own.amount - sum((a for a in amounts if a is not None), Fraction(0))
        return Node(spec, own, below, residual, uncertainty)

    return tuple(node(specs[key]) for key in children if specs[key].parent is None)
