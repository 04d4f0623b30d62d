"""A report as the terminal shows it: its answer, its tables, and the remarks beneath them."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table as Grid
from rich.text import Text as Line

from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import Document, Headlines, Lines, Section, Table
from bms.reports.documents.spelling import Remarks, cell_text, figure, spoken


def document_screen(document: Document) -> list[RenderableType]:
    """All but pictures and what is written by hand."""
    lines: list[RenderableType] = [
        Line(f"{spoken(document.title)}  {spoken(document.subject)}  {document.period}", "bold"),
        Line(spoken(document.answer)),
        Line(),
    ]
    for section in document.sections:
        lines += _section(section)
    return lines


def _section(section: Section) -> Iterator[RenderableType]:
    yield Line(f"{spoken(section.title)}  {spoken(section.detail)}".strip(), "bold")
    for part in section.parts:
        if isinstance(part, Table):
            yield from _table(part)
        elif isinstance(part, Headlines):
            for one in part.figures:
                shown = figure(one.figure, one.decimals, sign=one.sign)
                yield Line(f"  {spoken(one.title)}: {shown} {spoken(one.unit)}".rstrip())
        elif isinstance(part, Lines):
            for sentence in part.sentences:
                yield Line(spoken(sentence))
    yield Line()


def _table(table: Table) -> Iterator[RenderableType]:
    if not table.rows:
        yield Line(spoken(table.empty))
        return
    title = spoken(table.title) or None
    grid = Grid(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns:
        heading = f"{spoken(column.title)} {spoken(column.unit)}".strip()
        grid.add_column(heading, justify="right" if column.numeric else "left")
    remarks = Remarks()
    for row, cells in zip(table.rows, worked_out(table), strict=True):
        shown = []
        for at, (column, cell) in enumerate(zip(table.columns, cells, strict=True)):
            number = remarks.of(cell, column)
            text = cell_text(cell, column) + (f" [{number}]" if number else "")
            shown.append(Line("  " * row.depth + text if at == 0 else text))
        style = "bold" if row.total else "red" if row.marked else None
        grid.add_row(*shown, style=style)
    yield grid
    for number, text in remarks:
        yield Line(f"[{number}] {text}")
    for note in table.notes:
        yield Line(spoken(note))
