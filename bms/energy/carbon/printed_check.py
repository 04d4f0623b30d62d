"""A table that somebody printed, checked cell by cell against what it says itself.

Each number of a printed table is rounded. A total or a ratio agrees if it lies inside its own
rounding plus what the rounding of its parts can make of it; what does not is a misprint, another
factor, or a part that is not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction


class Relation(StrEnum):
    """How a cell follows from others."""

    SUM = "sum"
    """The sum of its parts."""
    RATIO = "ratio"
    """An intensity: the first part by the second."""
    FACTORS = "factors"
    """The sum of its parts, each times a factor."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """A number with its rounding: it stands for all from `amount - half` to `amount + half`."""

    amount: Fraction
    half: Fraction

    @classmethod
    def of_row(cls, row: Mapping[int, Decimal]) -> Mapping[int, Rounded]:
        """One row by year. A row is printed with one number of decimals: the most it shows."""
        places = max((_places(number) for number in row.values()), default=0)
        half = Fraction(1, 2 * 10**places)
        return {year: cls(Fraction(number), half) for year, number in row.items()}


@dataclass(frozen=True, slots=True)
class Rule:
    """A cell of a year, and what it has to follow from."""

    row: str
    year: int
    relation: Relation
    parts: tuple[str, ...]
    factors: tuple[Fraction, ...] = ()
    """Of `FACTORS`: one per part."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A printed cell beside what its parts make."""

    rule: Rule
    printed: Fraction
    reckoned: Fraction
    tolerance: Fraction

    @property
    def agrees(self) -> bool:
        """Whether the difference is no more than rounding."""
        return abs(self.reckoned - self.printed) <= self.tolerance


def check(table: Mapping[str, Mapping[int, Rounded]], rules: Sequence[Rule]) -> list[Checked]:
    """Every rule of which the cell and all its parts are there, in the order of the rules."""
    found = []
    for rule in rules:
        cell = table.get(rule.row, {}).get(rule.year)
        parts = [table.get(part, {}).get(rule.year) for part in rule.parts]
        known = [part for part in parts if part is not None]
        if cell is None or len(known) != len(parts) or not known:
            continue
        made = _made(rule, known)
        if made is not None:
            found.append(Checked(rule, cell.amount, made.amount, cell.half + made.half))
    return found


def _made(rule: Rule, parts: Sequence[Rounded]) -> Rounded | None:
    if rule.relation is Relation.RATIO:
        above, below = parts
        least = below.amount - below.half
        if least <= 0:
            return None
        ratio = above.amount / below.amount
        most = (above.amount + above.half) / least
        return Rounded(ratio, most - ratio)
    factors = rule.factors or (Fraction(1),) * len(parts)
    pairs = list(zip(parts, factors, strict=True))
    return Rounded(
        sum((part.amount * factor for part, factor in pairs), Fraction(0)),
        sum((part.half * abs(factor) for part, factor in pairs), Fraction(0)),
    )


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
