"""Rows of cells: of text with separators, or of a sheet."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from bms.ledger.files.series import MOST_VALUES
from bms.ledger.files.words.numerals import normal
from bms.texts.messages import msg

_SEPARATORS: Final = "\t;|,"
"""In this order where several would do: a comma also stands within numbers."""
_SAMPLE: Final = 200
_WESTERN: Final = frozenset("ÄÖÜäöüßàâáãåæçèéêëìíîïñòóôõøùúûÀÁÂÃÅÆÇÈÉÊËÍÎÑÓÔØÚ°²³µ·§–€’“”«» ")
_MOJIBAKE: Final = re.compile(r"[A-Za-z][\u3400-\u9fff][a-z ]")


class Cell(NamedTuple):
    """What stands in a cell; a workbook also has numbers and dates that need no reading."""

    text: str
    number: Decimal | None = None
    moment: datetime | None = None


class Row(NamedTuple):
    """The cells of one line; lines count from 1."""

    line: int
    cells: Sequence[Cell]

    @property
    def blank(self) -> bool:
        return not any(cell.text for cell in self.cells)

    def at(self, column: int) -> Cell:
        """The cell of a column; an empty one if the line is shorter."""
        return self.cells[column] if column < len(self.cells) else EMPTY


EMPTY: Final = Cell("")


EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - workbooks know no zones
_SERIALS: Final = (32_874, 109_575)
"""From 1990 to 2199."""


def moment_of(serial: Decimal, epoch: datetime = EPOCH) -> datetime | None:
    """The instant of a serial date, to the second; None beyond the years that have readings."""
    if not 0 <= serial < 110_000:
        return None
    return epoch + timedelta(seconds=round(serial * 86_400))


def serial_of(cell: Cell) -> datetime | None:
    """The date of a number in a workbook whose cell does not say that it is one."""
    if cell.number is None or cell.moment is not None:
        return None
    first, last = _SERIALS
    return moment_of(cell.number) if first <= cell.number < last else None


class BadText(ValueError):
    """A text that is no table; says why."""


def text_of(body: bytes) -> str | None:
    """The text in whichever encoding it is: UTF-8, UTF-16, what Excel writes in China or in
    Western Europe; None if it is none of them."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):  # "Unicode text" of Excel
        return _decoded(body, "utf-16")
    head = body[:4096]
    if len(head) > 3 and head.count(0) * 3 > len(head):
        return _decoded(
            body, "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
        )
    found = _decoded(body, "utf-8-sig")
    if found is not None:
        return found
    chinese = _decoded(body, "gb18030")
    if chinese is not None and not _MOJIBAKE.search(chinese):
        return chinese
    western = _decoded(body, "cp1252")
    if western is not None and all(c.isascii() or c in _WESTERN for c in western):
        return western
    return chinese


def _decoded(body: bytes, encoding: str) -> str | None:
    with suppress(UnicodeDecodeError):
        return body.decode(encoding)
    return None


def rows_of(text: str) -> tuple[list[Row], str, int]:
    """The rows that are not blank, the separator, and the number of lines that only Excel reads
    (`sep=;`). Raises BadText."""
    text = text.removeprefix("\ufeff")
    first, _, rest = text.partition("\n")
    told = re.fullmatch(r'"?sep=(.|\\t)"?\s*', first.strip("\r"), re.IGNORECASE)
    if told is not None:
        separator = "\t" if told[1] == "\\t" else told[1]
        return list(_rows(rest, separator, 1)), separator, 1
    separator = _separator(text)
    return list(_rows(text, separator, 0)), separator, 0


def _rows(text: str, separator: str, skipped: int) -> Iterator[Row]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    count = 0
    try:
        for cells in lines:
            count += len(cells)
            if count > 2 * MOST_VALUES:
                raise BadText(msg("more than {limit} cells; split the file", limit=2 * MOST_VALUES))
            row = Row(lines.line_num + skipped, [Cell(normal(cell)) for cell in cells])
            if not row.blank:
                yield row
    except csv.Error as error:
        raise BadText(
            msg("line {line}: not CSV: {error}", line=max(1, lines.line_num) + skipped, error=error)
        ) from None


def _separator(text: str) -> str:
    """The separator that cuts most lines into the same number of cells."""
    lines = text[:200_000].splitlines()[:_SAMPLE]
    lines = [line for line in lines if line.strip()]
    best, most = ",", 0.0
    for separator in _SEPARATORS:
        widths: Counter[int] = Counter()
        with suppress(csv.Error):
            for cells in csv.reader(lines, delimiter=separator):
                widths[len(cells)] += 1
        wide = {width: count for width, count in widths.items() if width > 1}
        share = max(wide.values(), default=0) / max(1, len(lines))
        if share > most + 0.2 or (most == 0 and share > 0):
            best, most = separator, share
    return best
