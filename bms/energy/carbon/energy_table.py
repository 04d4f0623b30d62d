"""Energy, coal equivalent and CO2 of some years: amounts by energy, totals, intensities.

GB/T 2589 adds energies as coal equivalent; CO2 is told apart in scope 1 (burnt on site) and scope
2 (bought electricity, heat, steam). An amount that is not known makes every total it belongs to
unknown: a total of what happens to be known would pose as the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from bms.energy.carbon.factors import BOUGHT, OWN, UNITS, WATER, Book, Measure, UnlikeUnits


class Unknown(StrEnum):
    """Why a cell has no number."""

    NO_AMOUNT = "no amount"
    """Neither a meter nor a file has this year."""
    INCOMPLETE = "incomplete"
    """Its meters miss a part of the year."""
    NO_FACTOR = "no factor"
    UNLIKE_UNITS = "unlike units"
    PART = "part"
    """One of its parts is unknown."""
    NO_ACTIVITY = "no activity"
    """The year's revenue, product or whatever it is divided by is unknown."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What of one energy was used in a year."""

    amount: Fraction | None
    """In the energy's unit; None: unknown."""
    known: Fraction | None = None
    """Where meters miss a part: what they know, in the same unit."""
    coverage_pct: float = 100.0
    entered: bool = False
    """From a file, not from meters."""


@dataclass(frozen=True, slots=True)
class Energy:
    """One energy of a site or of one of its bases."""

    id: str
    kind: str
    """By which factors are looked up: `electricity`, `natural_gas`, `petrol`, `water`, …"""
    unit: str
    years: Mapping[int, Amount]
    base: str | None = None

    @property
    def bought(self) -> bool:
        """Whether others made it."""
        return self.kind in BOUGHT

    @property
    def own(self) -> bool:
        """Generated here from sun or wind: it saves bought energy, and counts nothing itself."""
        return self.kind in OWN

    @property
    def water(self) -> bool:
        """Water has a total and an intensity, and no factor."""
        return self.kind == WATER


@dataclass(frozen=True, slots=True)
class Activity:
    """What energy is divided by: revenue, product, area, persons."""

    id: str
    unit: str
    years: Mapping[int, Fraction]


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of the table, or why there is none."""

    amount: Fraction | None
    unknown: Unknown | None = None
    sets: frozenset[str] = frozenset()
    """Ids of the factor sets it rests on."""
    entered: bool = False
    """A part of it is from a file."""
    coverage_pct: float = 100.0
    known: Fraction | None = None
    """Of an incomplete amount: what its meters know."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: an energy, a total or an intensity, by year."""

    id: str
    """`amount:petrol`, `tce:petrol`, `tce`, `tce:indirect`, `scope_1`, `tce/revenue`, …"""
    unit: str
    cells: Mapping[int, Cell]
    parts: tuple[str, ...] = ()
    """Rows that it is the sum of; of an intensity the two that it is the ratio of."""


@dataclass(frozen=True, slots=True)
class EnergyTable:
    """All rows by id, in the order in which they are read."""

    years: tuple[int, ...]
    rows: Mapping[str, Row]
    sets: frozenset[str] = field(default_factory=frozenset)
    """Factor sets that any cell rests on."""


def energy_table(
    years: Sequence[int], energies: Sequence[Energy], activities: Sequence[Activity], book: Book
) -> EnergyTable:
    """The table of these years."""
    rows: dict[str, Row] = {}

    def add(row: Row) -> None:
        rows[row.id] = row

    fuelled = [energy for energy in energies if not energy.water and not energy.own]
    for energy in energies:
        if not energy.water:
            add(_amounts(energy, years))
    for measure in Measure:
        for energy in fuelled:
            if _counts(energy, measure):
                add(_reckoned(energy, measure, years, book))
    bought = [energy.id for energy in fuelled if energy.bought]
    burnt = [energy.id for energy in fuelled if not energy.bought]
    for total, unit, parts in (
        ("tce:indirect", "tce", [f"tce:{name}" for name in bought]),
        ("tce:direct", "tce", [f"tce:{name}" for name in burnt]),
        ("tce", "tce", ["tce:indirect", "tce:direct"]),
        ("scope_1", "tCO2", [f"scope_1:{name}" for name in burnt]),
        ("scope_2", "tCO2", [f"scope_2:{name}" for name in bought]),
        ("co2", "tCO2", ["scope_1", "scope_2"]),
    ):
        # Nobody declared a fuel: that is no knowledge that none is burnt, and no zero.
        there = [part for part in parts if part in rows]
        if there:
            add(_total(total, unit, years, rows, there))
    waters = [energy for energy in energies if energy.water]
    for energy in waters:
        add(_amounts(energy, years))
    if waters:
        add(_total("water", "m3", years, rows, [f"amount:{energy.id}" for energy in waters]))
    for activity in activities:
        for total in ("tce", "co2", "water"):
            if total in rows:
                add(_intensity(rows[total], activity, years))
    used = frozenset(s for row in rows.values() for cell in row.cells.values() for s in cell.sets)
    return EnergyTable(tuple(years), rows, used)


def _counts(energy: Energy, measure: Measure) -> bool:
    if measure is Measure.TCE:
        return True
    return energy.bought is (measure is Measure.SCOPE_2)


def _amounts(energy: Energy, years: Sequence[int]) -> Row:
    unit = "m3" if energy.water else energy.unit
    many = UNITS[energy.unit][1] if energy.water and UNITS[energy.unit][0] == "m3" else Fraction(1)
    cells = {}
    for year in years:
        found = energy.years.get(year)
        if found is None:
            cells[year] = Cell(None, Unknown.NO_AMOUNT, coverage_pct=0.0)
        elif found.amount is None:
            known = None if found.known is None else found.known * many
            cells[year] = Cell(
                None, Unknown.INCOMPLETE, coverage_pct=found.coverage_pct, known=known
            )
        else:
            # A tonne of water is a cubic metre.
            cells[year] = Cell(
                found.amount * many, entered=found.entered, coverage_pct=found.coverage_pct
            )
    return Row(f"amount:{energy.id}", unit, cells)


def _reckoned(energy: Energy, measure: Measure, years: Sequence[int], book: Book) -> Row:
    cells = {}
    for year in years:
        amount = energy.years.get(year)
        if amount is None or amount.amount is None:
            why = Unknown.NO_AMOUNT if amount is None else Unknown.INCOMPLETE
            cells[year] = Cell(
                None, why, coverage_pct=0.0 if amount is None else amount.coverage_pct
            )
            continue
        found = book.find(measure, energy.kind, year, energy.base)
        if found is None:
            cells[year] = Cell(None, Unknown.NO_FACTOR)
            continue
        factors, factor = found
        try:
            per = factor.per(energy.unit)
        except UnlikeUnits:
            cells[year] = Cell(None, Unknown.UNLIKE_UNITS, frozenset({factors.id}))
            continue
        cells[year] = Cell(
            amount.amount * per,
            sets=frozenset({factors.id}),
            entered=amount.entered,
            coverage_pct=amount.coverage_pct,
        )
    unit = "tce" if measure is Measure.TCE else "tCO2"
    return Row(f"{measure.value}:{energy.id}", unit, cells)


def _total(
    id_: str, unit: str, years: Sequence[int], rows: Mapping[str, Row], parts: Sequence[str]
) -> Row:
    names = tuple(parts)
    return Row(
        id_, unit, {year: _sum([rows[n].cells[year] for n in names]) for year in years}, names
    )


def _sum(cells: Sequence[Cell]) -> Cell:
    known = [cell.amount for cell in cells if cell.amount is not None]
    whole = len(known) == len(cells)
    return Cell(
        sum(known, Fraction(0)) if whole else None,
        None if whole else Unknown.PART,
        frozenset(s for cell in cells for s in cell.sets),
        any(cell.entered for cell in cells),
        min((cell.coverage_pct for cell in cells), default=100.0),
    )


def _intensity(total: Row, activity: Activity, years: Sequence[int]) -> Row:
    cells = {}
    for year in years:
        above, below = total.cells[year], activity.years.get(year)
        if above.amount is None:
            cells[year] = Cell(None, Unknown.PART, above.sets, above.entered, above.coverage_pct)
        elif not below:
            cells[year] = Cell(None, Unknown.NO_ACTIVITY, above.sets)
        else:
            cells[year] = Cell(
                above.amount / below, None, above.sets, above.entered, above.coverage_pct
            )
    return Row(
        f"{total.id}/{activity.id}",
        f"{total.unit}/{activity.unit}",
        cells,
        (total.id, f"activity:{activity.id}"),
    )
