"""Which kind of file this is, by what is in it and never by its name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bms.config.shapes.reading_formats import ReadingsFormat
from bms.core.errors import InvalidInput
from bms.ledger.files import green_button, nem12
from bms.ledger.files.series import ALL, LEFT_ALONE, MOST_BYTES, Contents
from bms.ledger.files.tables.cells import BadText, Row, rows_of, text_of
from bms.ledger.files.tables.table import read_table
from bms.ledger.files.tables.table_layout import layout_of
from bms.texts.messages import Message, message_of, msg
from bms.texts.system_errors import os_cause

_ZIP: Final = b"PK\x03\x04"
_OTHERS: Final = (
    (b"\xd0\xcf\x11\xe0", msg("an old workbook (.xls)")),
    (b"%PDF", msg("a PDF")),
    (b"\x1f\x8b", msg("packed (gzip)")),
    (b"7z\xbc\xaf", msg("packed (7z)")),
    (b"SQLite format 3", msg("a database")),
    (b"PAR1", msg("a Parquet file")),
)


@dataclass(frozen=True, slots=True)
class Formats:
    """What is known of files: declared for this one, and kept of those before, by header."""

    declared: ReadingsFormat
    kept: tuple[ReadingsFormat, ...] = ()

    def of(self, header: str) -> ReadingsFormat:
        """What holds for a file with this header."""
        before = next((one for one in self.kept if one.header == header), ReadingsFormat())
        said = {
            key: getattr(self.declared, key)
            for key in self.declared.model_fields_set - {"header", "meters", "kind"}
        }
        meters = dict(before.meters)
        if ALL in self.declared.meters:  # what is said now of the only meter counts
            meters = {name: meter for name, meter in meters.items() if meter == LEFT_ALONE}
        meters |= self.declared.meters
        return before.model_copy(update={**said, "header": header, "meters": meters})


def read_bytes(path: Path) -> bytes:
    """What a file holds. Raises InvalidInput."""
    try:
        with path.open("rb") as file:
            body = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InvalidInput(
            msg("cannot read {path}: {cause}", path=path, cause=os_cause(error))
        ) from error
    if len(body) > MOST_BYTES:
        raise InvalidInput(
            msg("{path} has more than {size} MB; split it", path=path, size=MOST_BYTES // 10**6)
        )
    return body


def read_contents(
    path: Path, body: bytes, formats: Formats, is_meter: Callable[[str], bool]
) -> Contents:
    """All series of a file. Raises InvalidInput for what is no file of readings at all."""
    contents = _recognised(path, body, formats, is_meter)
    header = contents.format.header
    kind = header if header in (nem12.HEADER, green_button.HEADER) else "table"
    wanted = formats.declared.kind
    if wanted is not None and wanted != kind:
        raise InvalidInput(
            msg("{path} is {kind}, and not {wanted}", path=path, kind=kind, wanted=wanted)
        )
    return contents


def _recognised(
    path: Path, body: bytes, formats: Formats, is_meter: Callable[[str], bool]
) -> Contents:
    if not body.strip():
        raise InvalidInput(
            msg("{path} is empty; its first line is {columns}", path=path,
                columns="meter,time,reading")
        )  # fmt: skip
    for magic, kind in _OTHERS:
        if body.startswith(magic):
            raise InvalidInput(
                msg("{path} is {kind}; save it as .xlsx or CSV UTF-8", path=path, kind=kind)
            )
    if body.startswith(_ZIP):
        return _workbook(path, body, formats, is_meter)
    text = text_of(body)
    if text is None:
        raise InvalidInput(msg("{path} is not UTF-8 text; save it as CSV UTF-8", path=path))
    if text.lstrip("\ufeff \t\r\n").startswith("<"):
        if not green_button.is_green_button(text):
            raise InvalidInput(msg("{path} is XML, and no Green Button", path=path))
        given = formats.of(green_button.HEADER)
        return green_button.read_green_button(path.name, body, given)
    if nem12.is_nem12(text):
        return nem12.read_nem12(path.name, text, formats.of(nem12.HEADER))
    try:
        rows, separator, _ = rows_of(text)
    except BadText as error:
        raise _unreadable(path, message_of(error)) from None
    return read_table(path.name, rows, separator, formats.of, is_meter)


def _workbook(
    path: Path, body: bytes, formats: Formats, is_meter: Callable[[str], bool]
) -> Contents:
    # Only commands read workbooks, and few of them.
    from bms.ledger.files.tables.workbook import BadWorkbook, open_workbook

    try:
        sheets = open_workbook(body)
        wanted = formats.declared.sheet or next((k.sheet for k in formats.kept if k.sheet), None)
        if formats.declared.sheet is not None and formats.declared.sheet not in sheets.names:
            raise InvalidInput(
                msg(
                    "{path} has no sheet '{name}'; it has {names}",
                    path=path,
                    name=formats.declared.sheet,
                    names=", ".join(sheets.names),
                )
            )
        names = [wanted] if wanted in sheets.names else sheets.names
        found: list[Row] = []
        used = names[0]
        for name in names:
            assert name is not None
            rows = sheets.rows(name)
            if layout_of(rows, is_meter) is not None:
                found, used = rows, name
                break
            found = found or rows
    except BadWorkbook as error:
        raise _unreadable(path, message_of(error)) from None
    contents = read_table(path.name, found, "", formats.of, is_meter)
    for name in sheets.names:
        if name != used:
            contents.left.add(msg("sheet '{name}'", name=name), 1)
    return contents


def _unreadable(path: Path, why: Message) -> InvalidInput:
    return InvalidInput(msg("{path}: {cause}", path=path, cause=why))
