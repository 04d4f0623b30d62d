"""Factors: what a unit of an energy counts in coal equivalent, or gives off in CO2.

A factor belongs to a set with a source and a period. Sets are not comparable with each other
(a regional grid of 2012 and a national one of 2022 differ by half), so a report says which set
each figure rests on, and by whom its source was read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final


class Measure(StrEnum):
    """What a set of factors turns amounts of energy into."""

    TCE = "tce"
    """Tonnes of coal equivalent (7,000 kcal/kg)."""
    SCOPE_1 = "scope_1"
    """Tonnes of CO2 from what is burnt on site."""
    SCOPE_2 = "scope_2"
    """Tonnes of CO2 from electricity, heat and steam that are bought."""


WATER: Final = "water"
ELECTRICITY: Final = "electricity"
BOUGHT: Final = frozenset({ELECTRICITY, "heat", "steam"})
"""Kinds of energy that others made: scope 2, and the indirect part of the coal equivalent."""

OWN: Final = frozenset({"pv", "wind"})
"""What is generated here."""

UNITS: Final[Mapping[str, tuple[str, Fraction]]] = {
    "t": ("t", Fraction(1)),
    "kg": ("t", Fraction(1, 1000)),
    "m3": ("m3", Fraction(1)),
    "1e4m3": ("m3", Fraction(10_000)),
    "L": ("L", Fraction(1)),
    "kWh": ("kWh", Fraction(1)),
    "MWh": ("kWh", Fraction(1000)),
    "1e4kWh": ("kWh", Fraction(10_000)),
    "GJ": ("kWh", Fraction(2500, 9)),
    "MJ": ("kWh", Fraction(5, 18)),
}
"""Units of amounts: the one they are reckoned in, and how many of those one is."""


class UnlikeUnits(ValueError):
    """An amount and a factor whose units measure different things, as litres and tonnes."""


@dataclass(frozen=True, slots=True)
class Factor:
    """`amount` tonnes (of coal equivalent or CO2) per `unit` of an energy."""

    amount: Fraction
    unit: str

    def per(self, unit: str) -> Fraction:
        """The same per another unit.

        Raises UnlikeUnits where only a density or a heating value could tell.
        """
        kind, many = UNITS[self.unit]
        asked_kind, asked_many = UNITS[unit]
        if kind != asked_kind:
            raise UnlikeUnits(self.unit, unit)
        return self.amount * asked_many / many


@dataclass(frozen=True, slots=True)
class FactorSet:
    """Factors by kind of energy, from one source."""

    id: str
    measure: Measure
    source: str
    """Who printed it, where, for which year."""
    verified: bool
    """Somebody read the source itself; else the figures that rest on it are marked."""
    factors: Mapping[str, Factor]


@dataclass(frozen=True, slots=True)
class Use:
    """From which year to which, and where, a set is reckoned with."""

    set_id: str
    first_year: int | None = None
    last_year: int | None = None
    bases: frozenset[str] = frozenset()
    """Empty: every base."""

    def holds(self, year: int, base: str | None) -> bool:
        """Whether it is meant for amounts of this year and base (None: of the whole site)."""
        if self.first_year is not None and year < self.first_year:
            return False
        if self.last_year is not None and year > self.last_year:
            return False
        return not self.bases or base in self.bases


@dataclass(frozen=True, slots=True)
class Book:
    """All sets that may be used, and which are, the first that fits."""

    sets: Mapping[str, FactorSet]
    uses: Sequence[Use]

    def find(
        self, measure: Measure, kind: str, year: int, base: str | None
    ) -> tuple[FactorSet, Factor] | None:
        """What an amount of this kind is reckoned with; None where no set in use has it."""
        for use in self.uses:
            found = self.sets.get(use.set_id)
            if found is None or found.measure is not measure or not use.holds(year, base):
                continue
            if kind in found.factors:
                return found, found.factors[kind]
        return None
