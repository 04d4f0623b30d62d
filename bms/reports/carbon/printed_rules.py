"""How the cells of a printed table follow from each other, by the factors that a site names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bms.config.reading.factor_sets import printed_rows
from bms.config.shapes.energy_keys import EnergyFile
from bms.energy.carbon.energy_table import Energy
from bms.energy.carbon.factors import Book, Measure, UnlikeUnits
from bms.energy.carbon.printed_check import Checked, Relation, Rounded, Rule, check


def check_printed(
    file: EnergyFile, energies: Sequence[Energy], book: Book, years: Sequence[int]
) -> list[Checked]:
    """Every printed cell that can be checked. Parts are taken as they are printed, if they are."""
    named = printed_rows(file)
    table: dict[str, Mapping[int, Rounded]] = {
        named[row]: Rounded.of_row(cells) for row, cells in file.printed.items() if row in named
    }
    for energy in energies:
        entry = file.energies.get(energy.id)
        if entry is not None and entry.amounts:
            table[f"amount:{energy.id}"] = Rounded.of_row(entry.amounts)
    for name, activity in file.activities.items():
        table[f"activity:{name}"] = Rounded.of_row(activity.amounts)
    rules = [rule for year in years for rule in _rules(file, energies, book, year)]
    return check(table, [rule for rule in rules if rule.row in table])


def _rules(file: EnergyFile, energies: Sequence[Energy], book: Book, year: int) -> list[Rule]:
    fuelled = [energy for energy in energies if not energy.water and not energy.own]
    bought = [energy for energy in fuelled if energy.bought]
    burnt = [energy for energy in fuelled if not energy.bought]
    found = [
        _by_factors("tce:indirect", bought, Measure.TCE, book, year),
        _by_factors("tce:direct", burnt, Measure.TCE, book, year),
        _by_factors("tce", fuelled, Measure.TCE, book, year),
        _by_factors("scope_1", burnt, Measure.SCOPE_1, book, year),
        _by_factors("scope_2", bought, Measure.SCOPE_2, book, year),
        Rule("co2", year, Relation.SUM, ("scope_1", "scope_2")),
    ]
    waters = tuple(f"amount:{energy.id}" for energy in energies if energy.water)
    if waters:
        found.append(Rule("water", year, Relation.SUM, waters))
    for activity in file.activities:
        found += [
            Rule(f"{total}/{activity}", year, Relation.RATIO, (total, f"activity:{activity}"))
            for total in ("tce", "co2", "water")
        ]
    return [rule for rule in found if rule is not None]


def _by_factors(
    row: str, energies: Sequence[Energy], measure: Measure, book: Book, year: int
) -> Rule | None:
    """None where an energy has no factor: then nobody can say what the row should be."""
    factors = []
    for energy in energies:
        found = book.find(measure, energy.kind, year, energy.base)
        if found is None:
            return None
        try:
            factors.append(found[1].per(energy.unit))
        except UnlikeUnits:
            return None
    parts = tuple(f"amount:{energy.id}" for energy in energies)
    return Rule(row, year, Relation.FACTORS, parts, tuple(factors)) if parts else None


def decimals_of(numbers: Mapping[int, Decimal]) -> int:
    """With how many decimals a row was printed."""
    return max((-int(n.normalize().as_tuple().exponent) for n in numbers.values()), default=0)
