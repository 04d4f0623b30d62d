"""What the formulas of a table come to: every face shows the same figures. Pure.

A formula with a missing part is missing; a sum says the least and the most it can be where its
parts do. A ratio to zero is missing too.
"""

from __future__ import annotations

from collections.abc import Sequence

from bms.core.readings import Label, worst
from bms.reports.documents.document import (
    Cell,
    Figure,
    Formula,
    Product,
    Quantity,
    Ratio,
    Row,
    Sum,
    Table,
    missing,
)
from bms.texts.messages import msg, plural

NOTHING_KNOWN = msg("what it is worked out from is missing")
OVER_ZERO = msg("nothing to compare with: the other figure is zero")


def worked_out(table: Table) -> tuple[tuple[Cell, ...], ...]:
    """The cells of every row, in the order of the columns.

    Raises ValueError for a formula that names what is not there, or itself.
    """
    grid = _Grid(table)
    return tuple(
        tuple(grid.cell(row.key, column.key) for column in table.columns) for row in table.rows
    )


def formula_of(table: Table, row: Row, key: str) -> tuple[Formula, bool] | None:
    """The formula that stands in a cell, and whether it goes along the row; None: it is given."""
    column = next(column for column in table.columns if column.key == key)
    if key in row.cells:
        return None
    # A sum of products is no product of sums; a ratio or a difference of sums is right.
    over_rows = isinstance(column.formula, Product) and row.formula is not None and column.summed
    if column.formula is not None and not over_rows:
        return column.formula, True
    if row.formula is not None and column.numeric and column.summed:
        return row.formula, False
    return None


def operands(formula: Formula) -> tuple[str, ...]:
    """The keys that a formula names."""
    if isinstance(formula, Sum):
        return tuple(key for _, key in formula.terms)
    if isinstance(formula, Ratio):
        return formula.above, formula.below
    return formula.one, formula.other


class _Grid:
    def __init__(self, table: Table) -> None:
        self._table = table
        self._rows = {row.key: row for row in table.rows}
        self._columns = {column.key for column in table.columns}
        if len(self._rows) != len(table.rows) or len(self._columns) != len(table.columns):
            raise ValueError(f"table {table.key}: a key stands twice")
        self._found: dict[tuple[str, str], Cell] = {}
        self._open: set[tuple[str, str]] = set()

    def cell(self, row: str, column: str) -> Cell:
        place = row, column
        if place in self._found:
            return self._found[place]
        if row not in self._rows or column not in self._columns or place in self._open:
            raise ValueError(f"table {self._table.key}: no figure for {row}/{column}")
        self._open.add(place)
        formula = formula_of(self._table, self._rows[row], column)
        if formula is None:
            found = self._rows[row].cells.get(column)
        else:
            what, along = formula
            places = [(row, key) if along else (key, column) for key in operands(what)]
            found = result(what, [self.cell(*place) for place in places])
        self._open.discard(place)
        self._found[place] = found
        return found


def result(formula: Formula, cells: Sequence[Cell]) -> Figure | None:
    """What a formula makes of its operands; None where none of them has a figure."""
    if not any(isinstance(cell, Figure) for cell in cells):
        return None
    figures = [cell if isinstance(cell, Figure) else missing(NOTHING_KNOWN) for cell in cells]
    label = Label.MEASURED
    for figure in figures:
        label = worst(label, figure.label)
    if isinstance(formula, Sum):
        return _summed(formula, figures, label)
    values = [figure.value for figure in figures]
    first, second = values
    if first is None or second is None:
        return missing(next(f.reason for f in figures if f.value is None) or NOTHING_KNOWN)
    if isinstance(formula, Product):
        reason = next((figure.reason for figure in figures if figure.label is label), "")
        return Figure(first * second / formula.over, label, reason)
    if not second:
        return missing(OVER_ZERO)
    return Figure(first * formula.times / second - formula.less, label)


def _summed(formula: Sum, figures: Sequence[Figure], label: Label) -> Figure:
    signed = list(zip((sign for sign, _ in formula.terms), figures, strict=True))
    value: Quantity = 0
    for sign, figure in signed:
        if figure.value is not None:
            value += sign * figure.value
    lacking = [figure for figure in figures if figure.value is None]
    least, most = _bound(signed, low=True), _bound(signed, low=False)
    if not lacking:
        bounded = any(f.least is not None or f.most is not None for f in figures)
        told = {figure.reason for figure in figures if figure.label is label}
        reason = told.pop() if len(told) == 1 else ""
        return Figure(value, label, reason, *((least, most) if bounded else ()))
    reason = lacking[0].reason
    if len(figures) > 1:
        reason = plural(
            "1 of its parts is missing", "{count} of its parts are missing", count=len(lacking)
        )
    return missing(reason, least, most)


def _bound(signed: Sequence[tuple[int, Figure]], *, low: bool) -> Quantity | None:
    total: Quantity = 0
    for sign, figure in signed:
        bound = figure.least if low is (sign > 0) else figure.most
        bound = figure.value if bound is None else bound
        if bound is None:
            return None
        total += sign * bound
    return total
