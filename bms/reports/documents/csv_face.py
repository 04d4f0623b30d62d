"""A report as long CSV: one line for each figure, with its unit, its quality and why it is missing.

Headings and keys are the same in every language. Names of ours and of others are texts for a
spreadsheet, and none of them is a formula there.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date

from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import (
    Cell,
    Document,
    Figure,
    Headlines,
    Lines,
    Section,
    Table,
    Text,
)
from bms.reports.documents.spelling import plain, spoken
from bms.texts.clean import cell as safe_cell
from bms.texts.language import speaking

COLUMNS = (
    "section", "table", "row", "column", "unit", "value", "quality", "least", "most", "reason",
)  # fmt: skip
_MARK = "\ufeff"
"""Without it, spreadsheets read Chinese in another encoding."""


def to_csv(document: Document, language: str) -> bytes:
    """The figures and texts of all sections, and the receipt."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    with speaking(language):
        for line in _lines(document):
            writer.writerow([safe_cell(item) for item in line])
    return (_MARK + text.getvalue()).encode()


def _lines(document: Document) -> Iterator[list[object]]:
    for name, said in (
        ("kind", document.kind),
        ("site", document.site.key),
        ("subject", document.subject.key),
        ("period", document.period),
        ("issue", document.issue),
        ("answer", spoken(document.answer)),
    ):
        yield _line("document", "", "", name, "", said)
    for section in document.sections:
        yield from _section(section)
    receipt = document.receipt
    for name, said in (
        ("code", receipt.code),
        ("data", receipt.data),
        ("files", receipt.files),
        ("meters", " ".join(receipt.meters)),
        ("factors", " ".join(receipt.factors)),
        ("model", spoken(receipt.model)),
    ):
        yield _line("receipt", "", "", name, "", said)
    for count, text in enumerate(receipt.assumptions, 1):
        yield _line("receipt", "", str(count), "assumption", "", spoken(text))


def _section(section: Section) -> Iterator[list[object]]:
    for part in section.parts:
        if isinstance(part, Table):
            yield from _table(section.key, part)
        elif isinstance(part, Headlines):
            for item in part.figures:
                yield _line(section.key, "", item.key, "value", item.unit, item.figure)
        elif isinstance(part, Lines):
            for count, text in enumerate(part.sentences, 1):
                yield _line(section.key, "", str(count), "text", "", spoken(text))


def _table(section: str, table: Table) -> Iterator[list[object]]:
    for row, cells in zip(table.rows, worked_out(table), strict=True):
        for column, cell in zip(table.columns, cells, strict=True):
            if cell is not None:
                yield _line(section, table.key, row.key, column.key, column.unit, cell)


def _line(
    section: str, table: str, row: str, column: str, unit: Text, cell: Cell | int
) -> list[object]:
    place: list[object] = [section, table, row, column, spoken(unit)]
    if isinstance(cell, Figure):
        value = "" if cell.value is None else plain(cell.value)
        bounds = ["" if b is None else plain(b) for b in (cell.least, cell.most)]
        return [*place, value, cell.label.value, *bounds, spoken(cell.reason)]
    if isinstance(cell, date):
        cell = cell.isoformat()
    said: object = cell if isinstance(cell, int) else spoken(cell or "")
    return [*place, said, "", "", "", ""]
