"""A report as a workbook: a sheet for each section, live formulas, native charts.

The same report gives the same bytes: no clock is read. Every text is written as a text, so that
no name is a formula or a link.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_rowcol_to_cell
from xlsxwriter.worksheet import Worksheet

from bms.reports.documents.arithmetic import formula_of, operands, worked_out
from bms.reports.documents.document import (
    Blank,
    Cell,
    Chart,
    Column,
    Document,
    Figure,
    Formula,
    Headlines,
    Kind,
    Lines,
    Product,
    Ratio,
    Row,
    Section,
    Sum,
    Table,
)
from bms.reports.documents.html_face import receipt_lines
from bms.reports.documents.sheet_names import SheetNames
from bms.reports.documents.spelling import (
    DASH,
    cell_text,
    moment,
    plain,
    remark,
    spoken,
)
from bms.texts.language import between, say, speaking

MADE = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""The creation date of every workbook: what a report was made of says its receipt."""
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_INK, _GREY, _LINE, _RULE = "#1A1E23", "#5F6873", "#E3E6E9", "#C8CDD3"
_RED, _ACCENT = "#B3211A", "#1B5A9C"
_SERIES = ("#3E4750", "#A6AEB7", "#1B5A9C", "#C8CDD3")
_MOST_WIDE, _LEAST_WIDE = 60, 9


def to_xlsx(document: Document, language: str) -> bytes:
    """The workbook."""
    buffer = io.BytesIO()
    with speaking(language):
        book = Workbook(buffer, _OPTIONS)
        book.set_properties(
            {
                "title": f"{spoken(document.subject)} · {spoken(document.title)}",
                "subject": document.period,
                "author": "",
                "created": MADE,
            }
        )
        book.set_calc_mode("auto")
        _Book(book, document).write()
        book.close()
    return buffer.getvalue()


class _Book:
    def __init__(self, book: Workbook, document: Document) -> None:
        self._book = book
        self._document = document
        self._names = SheetNames()
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def format(self, **wanted: Any) -> Any:
        key = tuple(sorted(wanted.items()))
        if key not in self._formats:
            style = {"font_name": "Arial", "font_size": 10, "font_color": _INK, "valign": "top"}
            self._formats[key] = self._book.add_format({**style, **wanted})
        return self._formats[key]

    def sheet(self, name: str) -> Worksheet:
        sheet = self._book.add_worksheet(self._names.new(name))
        sheet.hide_gridlines(2)
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_footer("&L&A&R&P / &N")
        return sheet

    def write(self) -> None:
        self._front()
        for section in self._document.sections:
            if any(isinstance(part, (Table, Headlines, Lines)) for part in section.parts):
                _Section(self, section).write()
        self._receipt()

    def _front(self) -> None:
        document = self._document
        sheet = self.sheet(spoken(document.title))
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 3, 22)
        sheet.write_string(
            0, 0, f"{spoken(document.subject)} · {spoken(document.title)}",
            self.format(bold=True, font_size=16),
        )  # fmt: skip
        grey = self.format(font_color=_GREY)
        issue = say("issue {number}", number=document.issue)
        sheet.write_string(1, 0, f"{spoken(document.site)} · {document.period} · {issue}", grey)
        sheet.merge_range(3, 0, 3, 3, "", self.format(text_wrap=True))
        sheet.write_string(3, 0, spoken(document.answer), self.format(text_wrap=True, font_size=11))
        sheet.set_row(3, 48)
        row = 5
        if document.changes:
            sheet.write_string(row, 0, say("Changed since the issue before:"), self.format())
            for change in document.changes:
                row += 1
                sheet.write_string(row, 0, spoken(change), self.format())
            row += 2
        for role in document.signatures:
            sheet.set_row(row, 30)
            sheet.write_string(row, 0, spoken(role), self.format(valign="bottom"))
            for place in (1, 2):
                sheet.write_blank(row, place, None, self.format(bottom=1))
            sheet.write_string(
                row, 3, say("Name, date"), self.format(font_color=_GREY, valign="bottom")
            )
            row += 1

    def _receipt(self) -> None:
        sheet = self.sheet(say("Receipt"))
        sheet.set_column(0, 0, 24)
        sheet.set_column(1, 1, 90)
        for row, (title, text) in enumerate(receipt_lines(self._document.receipt)):
            sheet.write_string(row, 0, title, self.format(font_color=_GREY))
            sheet.write_string(row, 1, text, self.format(text_wrap=True))

    def add_chart(self, kind: str) -> Any:
        return self._book.add_chart({"type": kind})


class _Section:
    """One sheet: its parts one below the other; the first table's heading stays in sight."""

    def __init__(self, book: _Book, section: Section) -> None:
        self._book = book
        self._section = section
        self._sheet = book.sheet(spoken(section.title))
        self._row = 0
        self._frozen = False
        self._widths: dict[int, int] = {}

    def write(self) -> None:
        detail = f"  {spoken(self._section.detail)}" if self._section.detail else ""
        self._line(f"{spoken(self._section.title)}{detail}", bold=True, font_size=12)
        for part in self._section.parts:
            if isinstance(part, Table):
                self._table(part)
            elif isinstance(part, Headlines):
                self._headlines(part)
            elif isinstance(part, Lines):
                for sentence in part.sentences:
                    self._line(spoken(sentence), bold=part.heading)
            elif isinstance(part, Blank):
                self._row += part.lines
            self._row += 1
        for place, width in self._widths.items():
            self._sheet.set_column(place, place, min(max(width + 2, _LEAST_WIDE), _MOST_WIDE))

    def _line(self, text: str, **style: Any) -> None:
        self._sheet.write_string(self._row, 0, text, self._book.format(**style))
        self._row += 1

    def _wide(self, place: int, text: str) -> None:
        # A Chinese character is as wide as two others.
        width = sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)
        self._widths[place] = max(self._widths.get(place, 0), width)

    def _headlines(self, part: Headlines) -> None:
        for item in part.figures:
            title = spoken(item.title)
            self._sheet.write_string(self._row, 0, title, self._book.format())
            self._wide(0, title)
            self._figure(
                self._row, 1, item.figure, _number_format(item.decimals, sign=item.sign), {}
            )
            self._sheet.write_string(
                self._row, 2, spoken(item.unit), self._book.format(font_color=_GREY)
            )
            said = [spoken(item.detail), remark(item.figure, item.decimals, item.unit)]
            text = between("; ").join(part for part in said if part)
            self._sheet.write_string(self._row, 3, text, self._book.format(font_color=_GREY))
            self._row += 1

    def _table(self, table: Table) -> None:
        if table.title:
            self._line(spoken(table.title), bold=True)
        if not table.rows and table.empty:
            self._line(spoken(table.empty))
        else:
            self._body(table)
        for note in table.notes:
            self._line(spoken(note), font_color=_GREY)

    def _body(self, table: Table) -> None:
        head, sheet = self._row, self._sheet
        grid = worked_out(table)
        qualities = [_quality(table, cells) for cells in grid]
        heads = [_heading(column) for column in table.columns]
        if any(qualities):
            heads.append(say("Quality"))
        for place, text in enumerate(heads):
            right = place < len(table.columns) and table.columns[place].numeric
            style = self._book.format(
                font_color=_GREY, bottom=1, bottom_color=_INK, text_wrap=True,
                align="right" if right else "left",
            )  # fmt: skip
            sheet.write_string(head, place, text, style)
            self._wide(place, text)
        if not self._frozen:
            sheet.freeze_panes(head + 1, 0)
            sheet.repeat_rows(head)
            self._frozen = True
        places = _Places(table, head + 1)
        for row, cells, quality in zip(table.rows, grid, qualities, strict=True):
            at = places.row(row.key)
            style = _row_style(row)
            for place, (column, cell) in enumerate(zip(table.columns, cells, strict=True)):
                self._cell(at, place, (column, cell), places.formula(row, column), style)
                width = column.width or 0
                self._wide(place, cell_text(cell, column) if not width else " " * width)
            if quality:
                sheet.write_string(
                    at, len(table.columns), quality, self._book.format(font_color=_GREY)
                )
        self._row = head + 1 + len(table.rows)
        if table.chart is not None:
            self._chart(table, table.chart, places)

    def _cell(
        self,
        row: int,
        place: int,
        held: tuple[Column, Cell],
        formula: str | None,
        style: dict[str, Any],
    ) -> None:
        column, cell = held
        if isinstance(cell, Figure):
            pattern = _number_format(column.decimals, sign=column.kind is Kind.CHANGE)
            self._figure(row, place, cell, pattern, style, formula)
        elif isinstance(cell, datetime):
            self._sheet.write_string(row, place, moment(cell), self._book.format(**style))
        elif isinstance(cell, date):
            dated = {**style, "num_format": "yyyy-mm-dd", "align": "left"}
            self._sheet.write_datetime(
                row, place, datetime(cell.year, cell.month, cell.day),  # noqa: DTZ001
                self._book.format(**dated),
            )  # fmt: skip
        elif cell is None:
            self._sheet.write_blank(row, place, None, self._book.format(**style))
        else:
            self._sheet.write_string(row, place, spoken(cell), self._book.format(**style))

    def _figure(
        self,
        row: int,
        place: int,
        figure: Figure,
        pattern: str,
        style: dict[str, Any],
        formula: str | None = None,
    ) -> None:
        wanted = {**style, "num_format": pattern, "align": "right"}
        if figure.value is None:
            wanted["font_color"] = _GREY
        made = self._book.format(**wanted)
        value = DASH if figure.value is None else plain(figure.value)
        if formula is not None:
            self._sheet.write_formula(row, place, formula, made, value)
        elif isinstance(value, str):
            self._sheet.write_string(row, place, value, made)
        else:
            self._sheet.write_number(row, place, value, made)

    def _chart(self, table: Table, chart: Chart, places: _Places) -> None:
        rows = [places.row(row.key) for row in table.rows if not row.total]
        if not rows:
            return
        name = self._sheet.get_name()
        made = self._book.add_chart(chart.kind)
        across = places.column(chart.across)
        for number, key in enumerate(chart.series):
            at = places.column(key)
            colour = _SERIES[number % len(_SERIES)]
            column = table.columns[at]
            made.add_series(
                {
                    "name": [name, rows[0] - 1, at],
                    "categories": [name, rows[0], across, rows[-1], across],
                    "values": [name, rows[0], at, rows[-1], at],
                    "fill": {"color": colour},
                    "line": {"color": colour},
                    "gap": 60,
                }
            )
            made.set_y_axis(
                {
                    "num_format": _number_format(column.decimals),
                    "major_gridlines": {"visible": True, "line": {"color": _LINE}},
                    "line": {"none": True},
                }
            )
        title = spoken(chart.title)
        made.set_title({"name": title, "name_font": {"size": 11}} if title else {"none": True})
        made.set_legend({"position": "bottom"} if len(chart.series) > 1 else {"none": True})
        made.set_size({"width": 620, "height": 280})
        self._sheet.insert_chart(self._row + 1 + len(table.notes), 0, made)
        self._row += 16


class _Places:
    """Where rows and columns of a table lie on its sheet, and its formulas as it has them."""

    def __init__(self, table: Table, first: int) -> None:
        self._table = table
        self._rows = {row.key: first + n for n, row in enumerate(table.rows)}
        self._columns = {column.key: n for n, column in enumerate(table.columns)}

    def row(self, key: str) -> int:
        return self._rows[key]

    def column(self, key: str) -> int:
        return self._columns[key]

    def formula(self, row: Row, column: Column) -> str | None:
        """A cell's formula: of a part that is no number, a dash comes out and never a zero."""
        found = formula_of(self._table, row, column.key)
        if found is None:
            return None
        what, along = found
        cells = [
            xl_rowcol_to_cell(self._rows[row.key], self._columns[key])
            if along
            else xl_rowcol_to_cell(self._rows[key], self._columns[column.key])
            for key in operands(what)
        ]
        sound = f"COUNT({_listed(cells)})={len(cells)}"
        if isinstance(what, Ratio):
            sound = f"IF({sound},{cells[1]}<>0,FALSE)"
        return f'=IF({sound},{_spelt(what, cells)},"{DASH}")'


def _spelt(formula: Formula, cells: Sequence[str]) -> str:
    if isinstance(formula, Sum):
        if all(sign > 0 for sign, _ in formula.terms):
            return f"SUM({_listed(cells)})"
        signs = ("+" if sign > 0 else "-" for sign, _ in formula.terms)
        return "".join(f"{sign}{cell}" for sign, cell in zip(signs, cells, strict=True)).lstrip("+")
    if isinstance(formula, Product):
        over = f"/{formula.over}" if formula.over != 1 else ""
        return f"{cells[0]}*{cells[1]}{over}"
    times = f"*{formula.times}" if formula.times != 1 else ""  # a fraction is `2800/31`
    less = f"-{formula.less}" if formula.less else ""
    return f"{cells[0]}{times}/{cells[1]}{less}"


def _listed(cells: Sequence[str]) -> str:
    """`B2:B9` where they are neighbours in one column or row; else one by one."""
    return _range(cells) or ",".join(cells)


def _range(cells: Sequence[str]) -> str:
    split = [(cell.rstrip("0123456789"), cell) for cell in cells]
    numbers = [int(cell[len(letters) :]) for letters, cell in split]
    one_column = len({letters for letters, _ in split}) == 1
    if len(cells) > 2 and one_column and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"{cells[0]}:{cells[-1]}"
    return ""


def _heading(column: Column) -> str:
    unit = spoken(column.unit)
    return f"{spoken(column.title)}{f', {unit}' if unit else ''}"


def _number_format(decimals: int, *, sign: bool = False) -> str:
    digits = "#,##0" + (f".{'0' * decimals}" if decimals else "")
    return f"+{digits};-{digits};{digits}" if sign else digits


def _row_style(row: Row) -> dict[str, Any]:
    style: dict[str, Any] = {"bottom": 1, "bottom_color": _LINE}
    if row.total:
        style = {"bold": True, "top": 1, "top_color": _INK}
    if row.marked:
        style["font_color"] = _RED
    return style


def _quality(table: Table, cells: Sequence[Cell]) -> str:
    """What has to be known of the figures of a row."""
    said = []
    for column, cell in zip(table.columns, cells, strict=True):
        if isinstance(cell, Figure):
            text = remark(cell, column.decimals, column.unit)
            if text:
                said.append(f"{spoken(column.title)}: {text}")
    return between("; ").join(said)
