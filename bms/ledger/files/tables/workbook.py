"""Sheets of an Excel workbook (.xlsx), read straight from its parts.

A file of readings may come from anybody. So nothing of it is unpacked but what is needed, every
part has a bound, and its XML may not define anything. Only what a reader of numbers needs is
read: texts, numbers as they are stored, and which of them are dates.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from bms.ledger.files.hostile_xml import BadXml, Node, elements
from bms.ledger.files.series import MOST_VALUES
from bms.ledger.files.tables.cells import EMPTY, EPOCH, Cell, Row, moment_of
from bms.ledger.files.words.numerals import normal
from bms.texts.messages import message_of, msg

MOST_UNPACKED: Final = 400_000_000
MOST_COLUMNS: Final = 16_384
_MOST_PARTS: Final = 5_000
_CHUNK: Final = 1 << 18
_EPOCH_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_DATE_FORMATS: Final = frozenset((*range(14, 23), *range(27, 37), 45, 46, 47, *range(50, 59)))
_FORMAT_NOISE: Final = re.compile(r'"[^"]*"|\\.|\[[^\]hms]*\]|_.|\*.', re.IGNORECASE)
_REFERENCE: Final = re.compile(r"([A-Z]{1,3})(\d{1,7})")


class BadWorkbook(ValueError):
    """No workbook, or one that is not taken; says why."""


@dataclass(slots=True)
class Sheets:
    """The sheets of a workbook that can be seen, in its order."""

    names: list[str]
    _book: _Book

    def rows(self, name: str) -> list[Row]:
        """The rows of a sheet that are not blank. Raises BadWorkbook."""
        return [row for row in self._book.rows(name) if not row.blank]


def open_workbook(body: bytes) -> Sheets:
    """Raises BadWorkbook."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
        parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, IndexError) as error:
        raise BadWorkbook(msg("the workbook is damaged: {error}", error=error)) from None
    if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise BadWorkbook(msg("the workbook is too large when it is unpacked"))
    book = _Book(archive, {part.filename.lstrip("/").lower(): part for part in parts})
    book.open()
    return Sheets([*book.sheets], book)


@dataclass(slots=True)
class _Book:
    archive: zipfile.ZipFile
    parts: Mapping[str, zipfile.ZipInfo]
    sheets: dict[str, str] = field(default_factory=dict)
    """Part by name of the sheet."""
    texts: list[str] = field(default_factory=list)
    dates: list[bool] = field(default_factory=list)
    """By number of a cell's style."""
    epoch: datetime = EPOCH
    unpacked: int = 0

    def open(self) -> None:
        if "xl/workbook.xml" not in self.parts:
            raise BadWorkbook(msg("it is no Excel workbook; save it as .xlsx or as CSV UTF-8"))
        targets: dict[str, str] = {}
        for link in self._all("xl/_rels/workbook.xml.rels", "Relationship"):
            target = link.attributes.get("Target", "")
            targets[link.attributes.get("Id", "")] = (
                target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            )
        for node in self._all("xl/workbook.xml", "workbookPr"):
            if node.attributes.get("date1904", "").lower() in ("1", "true"):
                self.epoch = _EPOCH_1904
        for node in self._all("xl/workbook.xml", "sheet"):
            if node.attributes.get("state", "visible") == "visible":
                part = targets.get(node.attributes.get("id", ""), "").lower()
                if part in self.parts:
                    self.sheets[node.attributes.get("name", "")] = part
        if not self.sheets:
            raise BadWorkbook(msg("the workbook has no sheet that can be seen"))
        self._styles()
        for node in self._all("xl/sharedstrings.xml", "si"):
            self.texts.append(_shared(node))

    def _styles(self) -> None:
        own: dict[int, bool] = {}
        for node in self._all("xl/styles.xml", "numFmt"):
            number = node.attributes.get("numFmtId", "")
            if number.isdecimal() and len(number) < 9:
                code = _FORMAT_NOISE.sub("", node.attributes.get("formatCode", "")).lower()
                own[int(number)] = any(c in code for c in "ydhs") or "mm" in code or "m/" in code
        for node in self._all("xl/styles.xml", "cellXfs"):
            for style in node.all("xf"):
                number = style.attributes.get("numFmtId", "0")
                known = int(number) if number.isdecimal() and len(number) < 9 else 0
                self.dates.append(own.get(known, known in _DATE_FORMATS))

    def _all(self, part: str, wanted: str) -> list[Node]:
        found: list[Node] = []
        if part in self.parts:
            self._each(part, wanted, lambda node, _line: found.append(node))
        return found

    def _each(self, part: str, wanted: str, take: object) -> None:
        try:
            elements(self._chunks(part), wanted, take)  # type: ignore[arg-type]
        except BadXml as error:
            raise BadWorkbook(
                msg("{file} of the workbook: {cause}", file=part, cause=message_of(error))
            ) from None
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError,
                NotImplementedError) as error:  # fmt: skip
            raise BadWorkbook(msg("the workbook is damaged: {error}", error=error)) from None

    def _chunks(self, part: str) -> Iterator[bytes]:
        with self.archive.open(self.parts[part]) as file:
            while chunk := file.read(_CHUNK):
                # What the directory says of sizes may be a lie.
                self.unpacked += len(chunk)
                if self.unpacked > MOST_UNPACKED:
                    raise BadWorkbook(msg("the workbook is too large when it is unpacked"))
                yield chunk

    def rows(self, name: str) -> list[Row]:
        found: list[Row] = []
        count = 0

        def take(node: Node, _line: int) -> None:
            nonlocal count
            row = self._row(node, found[-1].line + 1 if found else 1)
            count += len(row.cells)
            if count > 2 * MOST_VALUES:
                raise BadWorkbook(
                    msg("more than {limit} cells; split the file", limit=2 * MOST_VALUES)
                )
            found.append(row)

        self._each(self.sheets[name], "row", take)
        return found

    def _row(self, node: Node, following: int) -> Row:
        number = node.attributes.get("r", "")
        line = int(number) if number.isdecimal() and len(number) < 9 else following
        cells: list[Cell] = []
        for cell in node.all("c"):
            at = _column(cell.attributes.get("r", ""))
            if at is None:
                at = len(cells)
            if at >= MOST_COLUMNS:
                raise BadWorkbook(msg("a row has more than {limit} columns", limit=MOST_COLUMNS))
            value = self._cell(cell)
            if value.text or at < len(cells):
                cells.extend([EMPTY] * (at + 1 - len(cells)))
                cells[at] = value
        return Row(line, cells)

    def _cell(self, node: Node) -> Cell:
        kind = node.attributes.get("t", "n")
        text = node.said("v")
        if kind == "s":
            at = int(text) if text.isdecimal() and text.isascii() and len(text) < 9 else -1
            return Cell(normal(self.texts[at])) if 0 <= at < len(self.texts) else EMPTY
        if kind == "inlineStr":
            inline = node.first("is")
            return EMPTY if inline is None else Cell(normal(_shared(inline)))
        if kind in ("str", "e", "b", "d"):
            return Cell(normal(text))
        return self._number(text, node.attributes.get("s", "0"))

    def _number(self, text: str, style: str) -> Cell:
        if not text or len(text) > 40:
            return EMPTY
        try:
            # Excel keeps 15 digits; what lies behind them is noise of binary fractions.
            number = Decimal(f"{float(text):.15g}")
        except (ValueError, InvalidOperation):
            return Cell(normal(text))
        if not number.is_finite() or abs(number) >= 10**18:
            return Cell(normal(text))
        at = int(style) if style.isdecimal() and style.isascii() and len(style) < 9 else 0
        if at < len(self.dates) and self.dates[at]:
            moment = moment_of(number, self.epoch)
            if moment is not None:
                return Cell(_written(number, moment), number, moment)
        return Cell(f"{number:f}", number)


def _written(serial: Decimal, moment: datetime) -> str:
    """As a text: a time of day alone below one."""
    if serial <= 1:
        minutes, seconds = divmod(round(serial * 86_400), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    return moment.isoformat(" ")


def _shared(node: Node) -> str:
    """A text without the reading aids that stand above Chinese and Japanese ones."""
    plain = [child for child in node.children if child.name != "rPh"]
    return "".join(child.whole_text("t") for child in plain)


def _column(reference: str) -> int | None:
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        return None
    at = 0
    for letter in found[1]:
        at = at * 26 + ord(letter) - 64
    return at - 1
