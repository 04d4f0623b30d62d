"""Tables of readings: one column per meter, a line per meter and time, or a line per day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import zip_longest
from typing import Final

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.core.readings import Label
from bms.ledger.files.series import MOST_VALUES, Contents, Holds, Question, Series
from bms.ledger.files.tables.cells import Row
from bms.ledger.files.tables.column_words import ESTIMATED
from bms.ledger.files.tables.layouts import Column, Layout, is_total
from bms.ledger.files.tables.table_layout import layout_of, twice_in_header
from bms.ledger.files.tables.table_times import RowTimes
from bms.ledger.files.words.measures import Quantity, bare, name_and_unit, unit_of
from bms.ledger.files.words.numerals import (
    DecimalSign,
    cut_digits,
    decimal_sign,
    no_value,
    parse_number,
)
from bms.texts.messages import Message, msg, plural
from bms.texts.problems import Problem

_REGISTER: Final = re.compile(
    r"reading|register|index|meter value|cumul|totali[sz]|zählerstand|zaehlerstand|stand\b|relevé|"
    r"lectura|示数|读数|表底|表码|表值|累计|起码|止码|total energy|energy total|lifetime",
    re.IGNORECASE,
)
_INTERVAL: Final = re.compile(
    r"consum|usage|interval|delta|verbrauch|consumo|consommation|用电量|用量|耗电量|增量|差值|"
    r"\bused\b|per (15|30|60)|15.?min|30.?min|load profile|lastgang",
    re.IGNORECASE,
)
_METER_IN_PREAMBLE: Final = re.compile(
    r"meter|serial|nmi|device|zähler|zählpunkt|mpan|logger|\bprm\b|\bpdl\b|\bcups\b|表号|表计|电表|设备|户号|计量点",
    re.IGNORECASE,
)
_UNIT_IN_PREAMBLE: Final = re.compile(r"unit|uom|einheit|单位", re.IGNORECASE)
_LOOK: Final = 5_000
"""Lines that are looked at for what tells lines apart."""
_MOST_PROBLEMS: Final = 5_000


def read_table(
    file: str,
    rows: Sequence[Row],
    separator: str,
    given_for: Callable[[str], ReadingsFormat],
    is_meter: Callable[[str], bool],
) -> Contents:
    """The series of a table. `given_for` knows what was declared, by the header."""
    layout = layout_of(rows, is_meter)
    if layout is None:
        return _no_table(file)
    given = given_for(layout.known_by)
    given = given.model_copy(update={"header": layout.known_by})
    contents = Contents(msg("table"), given, strict_names=layout.ours)
    twice = twice_in_header(layout) if layout.ours else []
    if twice:
        message = msg("the first line has two columns {names}", names=", ".join(twice))
        hint = msg("give the other one another name")
        contents.problems.append(Problem(file, layout.header_line, 1, message, hint))
        return contents
    if layout.time is None or not layout.values:
        return _no_table(file)
    reader = _Table(file, layout, contents, separator)
    reader.read(rows[layout.first :])
    return contents


def _no_table(file: str) -> Contents:
    contents = Contents(msg("table"), ReadingsFormat())
    message = msg("this is no table of readings: no line has a time and a number")
    hint = msg("write {columns}", columns="meter,time,reading")
    contents.problems.append(Problem(file, 1, 1, message, hint))
    return contents


class _Table:
    def __init__(self, file: str, layout: Layout, contents: Contents, separator: str) -> None:
        self._file = file
        self._layout = layout
        self._contents = contents
        self._given = contents.format
        self._separator = separator
        self._sign: DecimalSign = "point"
        self._series: dict[tuple[str, str, int, str], Series] = {}
        self._word: int | None = None
        self._values = 0
        self._fallback = _said_in(layout.preamble, _METER_IN_PREAMBLE)
        self._unit = _unit_said_in(layout.preamble)

    def read(self, rows: Sequence[Row]) -> None:
        layout = self._layout
        for row in layout.preamble:
            self._contents.left.add(msg("lines before the table"), row.line)
        for column in layout.others:
            title = column.title
            self._contents.left.add(msg("column '{name}'", name=title), layout.header_line)
        self._decimal(rows)
        self._word = self._telling(rows)
        self._ratios(rows)
        times = RowTimes(self._file, layout, self._contents)
        times.order(rows)
        last = max((at for at, row in enumerate(rows) if times.has_time(row)), default=-1)
        for at, row in enumerate(rows):
            if self._values > MOST_VALUES:
                message = msg("more than {limit} values; split the file", limit=MOST_VALUES)
                self._wrong(row.line, 1, message)
                break
            self._row(row, times, after=at > last)
            if len(self._contents.problems) > _MOST_PROBLEMS:
                break
        times.finish(self._contents.series)
        if self._contents.questions:
            # Whatever seems wrong may follow from what is not known yet.
            self._contents.problems.clear()
        for series in self._contents.series:
            series.stamp = series.stamp or self._given.stamp or times.stamp

    def _wrong(self, line: int, column: int, message: Message, hint: str = "") -> None:
        self._contents.problems.append(Problem(self._file, line, column, message, hint))

    def _decimal(self, rows: Sequence[Row]) -> None:
        """Which sign is the decimal one: as declared, as the numbers show, or asked."""

        def texts() -> Iterable[str]:
            for row in rows:
                for column in self._layout.values:
                    cell = row.at(column.at)
                    if cell.number is None and cell.text:
                        yield bare(cell.text)

        sure, either = decimal_sign(texts())
        if self._given.decimal is not None:
            self._sign = self._given.decimal
        elif len(sure) == 1:
            (self._sign,) = sure
        elif either and ("," in either or self._separator != ","):
            place = self._place_of(rows, either)
            self._contents.questions.append(
                Question(
                    "decimal",
                    msg("'{text}' can be read in two ways: as thousands, or with a decimal sign",
                        text=either),
                    *place,
                    choices=("point", "comma"),
                )
            )  # fmt: skip

    def _ratios(self, rows: Sequence[Row]) -> None:
        """Ask whether numbers are still to be multiplied, where a column has ratios."""
        at = self._layout.ratio
        if at is None or self._given.ratio is not None:
            return
        for row in rows:
            found = self._ratio(row)
            if found is not None and found != 1:
                text = msg(
                    "'{name}' is {ratio:g}: are the numbers still to be multiplied by it?",
                    name=self._layout.titles[at],
                    ratio=float(found),
                )
                choices = ("apply", "ignore")
                question = Question("ratio", text, row.line, at + 1, choices)
                self._contents.questions.append(question)
                return

    def _ratio(self, row: Row) -> Fraction | None:
        """What a line's numbers may have to be multiplied by; None if it does not say."""
        if self._layout.ratio is None:
            return None
        cell = row.at(self._layout.ratio)
        number = cell.number if cell.number is not None else parse_number(cell.text, self._sign)
        return None if number is None else Fraction(number)

    def _place_of(self, rows: Sequence[Row], text: str) -> tuple[int, int]:
        for row in rows:
            for column in self._layout.values:
                if bare(row.at(column.at).text) == text:
                    return row.line, column.at + 1
        return 1, 1

    def _row(self, row: Row, times: RowTimes, *, after: bool) -> None:
        layout = self._layout
        if layout.ours:
            needed = max(layout.time or 0, layout.meter or 0, layout.values[0].at)
            if len(row.cells) <= needed:
                few = plural(
                    "{count} cell, too few", "{count} cells, too few", count=len(row.cells)
                )
                self._wrong(row.line, 1, few, msg("separate them as in the first line"))
                return
        if not times.has_time(row):
            if is_total(row):
                self._contents.left.add(msg("totals"), row.line)
                return
            if after and not layout.ours and not self._numbers(row):
                self._contents.left.add(msg("lines after the table"), row.line)
                return
            if not any(row.at(column.at).text for column in layout.values):
                self._contents.left.add(msg("lines without a time and a value"), row.line)
                return
        for column in layout.values:
            found = times.of(row, column)
            if isinstance(found, Problem):
                self._contents.problems.append(found)
                return
            self._value(row, column, found, times)

    def _numbers(self, row: Row) -> bool:
        return any(not no_value(row.at(c.at).text) for c in self._layout.values)

    def _value(self, row: Row, column: Column, time: datetime, times: RowTimes) -> None:
        self._values += 1
        cell = row.at(column.at)
        unit = column.unit
        if self._layout.unit is not None and row.at(self._layout.unit).text:
            unit = row.at(self._layout.unit).text
        series = self._series_of(row, column, unit)
        text = bare(cell.text)
        value: Fraction | None = None
        if cell.number is not None:
            value = Fraction(cell.number)
        elif no_value(text):
            self._contents.left.add(msg("cells without a value"), row.line)
        elif cut_digits(text):
            message = msg("'{text}': the spreadsheet has cut the digits", text=text)
            hint = msg("show the column as numbers, and save the file again")
            self._wrong(row.line, column.at + 1, message, hint)
            return
        else:
            number = parse_number(text, self._sign)
            if number is None:
                message = msg("'{text}' is not a number; write 12345.6", text=cell.text[:60])
                self._wrong(row.line, column.at + 1, message)
                return
            value = Fraction(number)
        if self._given.ratio == "apply" and value is not None:
            ratio = self._ratio(row)
            if ratio is None or ratio <= 0:
                message = msg("the line has no ratio to multiply by")
                self._wrong(row.line, (self._layout.ratio or 0) + 1, message)
                return
            value *= ratio
        series.add(time, value, row.line)
        times.note(series, row, column)
        if self._estimated(row):
            series.labels[len(series.values) - 1] = Label.ESTIMATED

    def _estimated(self, row: Row) -> bool:
        """Whether a line says of itself that it was estimated."""
        at = self._layout.quality
        if at is None:
            return False
        said = row.at(at).text.lower()
        asked = "estim" in self._layout.titles[at].lower()
        return said in ESTIMATED or (asked and said in ("yes", "y", "true", "1", "是"))

    def _telling(self, rows: Sequence[Row]) -> int | None:
        """The column of words that tells lines of one meter and time apart, if any are alike."""
        layout = self._layout
        places = (layout.meter, layout.unit, layout.time, layout.clock, layout.number)

        def alike(more: int | None) -> bool:
            keys = [
                tuple(row.at(at).text for at in (*places, more) if at is not None)
                for row in rows[:_LOOK]
            ]
            return len({*keys}) < len(keys)

        if not layout.kinds or not alike(None):
            return None
        return next((at for at in layout.kinds if not alike(at)), layout.kinds[0])

    def _series_of(self, row: Row, column: Column, unit: str) -> Series:
        layout = self._layout
        meter = row.at(layout.meter).text if layout.meter is not None else ""
        by_day = bool(column.clock) or column.number is not None
        several = len(layout.values) > 1 and not by_day
        at = column.at if not by_day else layout.values[0].at
        word = row.at(self._word).text if self._word is not None else ""
        key = meter, word, at, unit
        found = self._series.get(key)
        if found is None:
            if layout.meter is not None:
                parts = [meter, word, column.title if several else ""]
            elif by_day:
                parts = [self._fallback or layout.titles[layout.time or 0], word]
            else:
                parts = [column.title if several or not self._fallback else self._fallback, word]
            name = "/".join(part for part in parts if part)
            # A unit of the line splits a meter into its quantities.
            if layout.unit is not None and any(k[:3] == key[:3] for k in self._series):
                name = f"{name}/{unit}"
            found = Series(name, unit or self._unit, self._holds(column), column=column.at + 1)
            found.time_column = (layout.time or 0) + 1
            found.title = column.title if layout.meter is not None and several else ""
            found.name_column = layout.meter + 1 if layout.meter is not None else column.at + 1
            self._series[key] = found
            self._contents.series.append(found)
        return found

    def _holds(self, column: Column) -> Holds | None:
        layout = self._layout
        if self._given.holds is not None:
            return self._given.holds
        if layout.ours:
            return "registers"
        if column.clock or column.number is not None or layout.number is not None:
            return "intervals"
        title, _ = name_and_unit(column.title)
        if _REGISTER.search(title):
            return "registers"
        return "intervals" if _INTERVAL.search(title) else None


def _said_in(preamble: Sequence[Row], label: re.Pattern[str]) -> str:
    """What a line before the table says of a label: `Meter: 1234`, or in the cell beside it, or
    beneath it if those lines are a table too."""
    for row, below in zip_longest(preamble, preamble[1:]):
        width = sum(1 for cell in row.cells if cell.text)
        if width > 2 and below is not None and sum(1 for c in below.cells if c.text) == width:
            for at, cell in enumerate(row.cells):
                if label.search(cell.text) and below.at(at).text:
                    return str(below.at(at).text[:80])
            continue
        texts = [cell.text for cell in row.cells if cell.text]
        for at, text in enumerate(texts):
            name, colon, value = text.partition(":")
            if label.search(name) and colon and value.strip():
                return value.strip()[:80]
            if label.search(name) and at + 1 < len(texts):
                return texts[at + 1][:80]
    return ""


def _unit_said_in(preamble: Sequence[Row]) -> str:
    said = _said_in(preamble, _UNIT_IN_PREAMBLE)
    found = unit_of(said) if said else None
    return said if found is not None and found.quantity is not Quantity.OTHER else ""
