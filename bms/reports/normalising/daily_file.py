"""A CSV file with one row per day: production, occupancy and the like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

from bms.core.errors import InvalidInput
from bms.ledger.files.recognising import read_bytes
from bms.ledger.files.tables.cells import BadText, Row, rows_of, text_of
from bms.ledger.files.words.numerals import (
    DecimalSign,
    decimal_sign,
    looks_like_number,
    no_value,
    parse_number,
)
from bms.ledger.files.words.stamps import Stamp, is_month, stamp_of
from bms.texts.messages import msg


def read_daily(path: Path, column: str | None) -> dict[date, float]:
    """The numbers of one column by day; `column` is its head, the second one if None.

    Raises InvalidInput with the line that cannot be used. A cell without a number is not known; a
    day that stands twice is an error, never a sum.
    """
    text = text_of(read_bytes(path))
    if text is None:
        raise InvalidInput(msg("{path} is no text", path=path))
    try:
        rows, separator, _ = rows_of(text)
    except BadText as error:
        raise InvalidInput(msg("{path}: {cause}", path=path, cause=error)) from error
    head, body = _cut(path, rows)
    at = _place(path, head, column)
    sign = _sign(path, [row.at(at).text.strip() for row in body], separator)
    found: dict[date, float] = {}
    for row in body:
        day = _day(path, row)
        if day in found:
            raise InvalidInput(
                msg("{path}, line {line}: {day} stands twice", path=path, line=row.line, day=day)
            )
        written = row.at(at).text.strip()
        if not written or no_value(written):
            continue
        number = parse_number(written, sign)
        if number is None:
            raise InvalidInput(
                msg(
                    "{path}, line {line}: '{text}' is no number",
                    path=path,
                    line=row.line,
                    text=written,
                )
            )
        found[day] = float(number)
    if not found:
        raise InvalidInput(msg("{path} has no day with a number", path=path))
    return found


def _sign(path: Path, texts: Sequence[str], separator: str) -> DecimalSign:
    """The decimal sign of a column. A number that could be read either way is not guessed at; where
    commas divide cells, they do not divide numbers."""
    sure, either = decimal_sign(text for text in texts if looks_like_number(text))
    if len(sure) > 1 or (either and not sure and separator != ","):
        raise InvalidInput(
            msg(
                "{path}: '{text}' can be read in two ways; write numbers without separators",
                path=path,
                text=either or next(text for text in texts if "," in text),
            )
        )
    return sure.pop() if sure else "point"


def _cut(path: Path, rows: Sequence[Row]) -> tuple[Row | None, list[Row]]:
    """The head, if there is one, and the rows of days."""
    first = next((i for i, row in enumerate(rows) if stamp_of(row.at(0).text) is not None), None)
    if first is None:
        raise InvalidInput(
            msg("{path}: no row begins with a day like {example}", path=path, example="2026-03-01")
        )
    return (rows[first - 1] if first else None), list(rows[first:])


def _place(path: Path, head: Row | None, column: str | None) -> int:
    if column is None:
        return 1
    names = [] if head is None else [cell.text.strip() for cell in head.cells]
    if column not in names[1:]:
        raise InvalidInput(
            msg(
                "{path} has no column '{column}'; it has {names}",
                path=path,
                column=column,
                names=", ".join(names[1:]) or "—",
            )
        )
    return names.index(column, 1)


def _day(path: Path, row: Row) -> date:
    written = row.at(0).text
    stamp = stamp_of(written)
    moment: datetime | None = None
    if isinstance(stamp, datetime):
        moment = stamp
    elif isinstance(stamp, Stamp) and stamp.order is not None and not is_month(written):
        moment = stamp.moment(stamp.order)
    if moment is None:
        raise InvalidInput(
            msg(
                "{path}, line {line}: '{text}' is no day; write {example}",
                path=path,
                line=row.line,
                text=written,
                example="2026-03-01",
            )
        )
    return moment.date()
