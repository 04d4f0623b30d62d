"""The factor sets that a site reckons with, and those that it could."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from bms.config.shapes.energy_keys import EnergyFile, FactorSetEntry
from bms.energy.carbon.factors import Book, Factor, FactorSet, Measure, Use

ALWAYS: Final = ("report-2020-tce",)
"""Counts where the site names nothing else: the one shipped set whose figures were checked."""


def book_of(file: EnergyFile, shipped: Mapping[str, FactorSetEntry]) -> Book:
    """The sets by id, a site's own before a shipped one of the same id, and where they count."""
    sets = {name: _set(name, entry) for name, entry in {**shipped, **file.sets}.items()}
    uses = [
        Use(entry.set, entry.from_year, entry.to_year, frozenset(entry.bases)) for entry in file.use
    ]
    return Book(sets, [*uses, *(Use(name) for name in ALWAYS if name in sets)])


def _set(name: str, entry: FactorSetEntry) -> FactorSet:
    factors = {kind: Factor(Fraction(one.amount), one.unit) for kind, one in entry.per.items()}
    return FactorSet(name, Measure(entry.of), entry.source, entry.verified, factors)
