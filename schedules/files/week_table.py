"""A week as a table: one row per block, as people keep it in a spreadsheet."""

from __future__ import annotations

import csv
from typing import Any

from bms.texts.messages import msg
from bms.texts.problems import TextError
from schedules.model.programme import ANY_SEASON

_REQUIRED = ("day", "from", "to", "mode")


def weeks(text: str) -> dict[str, Any]:
    """Weeks by season from comma- or semicolon-separated text; raises TextError.

    Columns: `day` (as in a file: `mon-fri`), `from`, `to`, `mode`, one per setpoint, and `season`
    if there are several. A row with a day alone is a day without blocks. Checks only the table's
    own form; the schedule is checked as a whole afterwards.
    """
    text = text.removeprefix("\ufeff")
    first = text.split("\n", 1)[0]
    lines = (f"{line}\n" for line in text.split("\n"))
    rows = csv.DictReader(lines, delimiter=";" if ";" in first else ",", strict=True)
    names = [name.strip() for name in rows.fieldnames or ()]
    missing = [name for name in _REQUIRED if name not in names]
    if missing:
        raise TextError(
            msg("the table has no column {names}", names=", ".join(missing)),
            msg("its first line names the columns: season,day,from,to,mode,..."),
        )
    rows.fieldnames = names
    made: dict[str, Any] = {}
    try:
        for row in rows:
            cells = {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}
            if None in row:
                raise TextError(
                    msg("line {line_num} has more cells than columns", line_num=rows.line_num),
                    msg("correct it"),
                )
            if any(cells.values()):
                _add(made, cells, rows.line_num)
    except csv.Error as error:
        at = rows.reader.line_num  # that of `rows` is still the line before
        raise TextError(
            msg("line {line_num} of the table: {error}", line_num=at, error=error),
            msg("correct it"),
        ) from None
    if not made:
        raise TextError(msg("the table has no rows"), msg("write one per block"))
    return made


def _add(made: dict[str, Any], cells: dict[str, str], line: int) -> None:
    if not cells["day"]:
        raise TextError(
            msg("line {line} of the table names no day", line=line),
            msg("write for example {example}", example="mon-fri"),
        )
    week = made.setdefault(cells.get("season") or ANY_SEASON, {})
    blocks = week.setdefault(cells["day"], [])
    if not cells["from"] and not cells["to"] and not cells["mode"]:
        return
    block: dict[str, Any] = {name: cells[name] for name in ("from", "to", "mode")}
    for name, cell in cells.items():
        if name not in (*_REQUIRED, "season") and cell:
            block[name] = number(cell, msg("line {line}, {column}", line=line, column=name))
    blocks.append(block)


def number(text: str, where: str) -> int | float:
    """A setpoint as it is written in a file. Raises TextError."""
    try:
        value = float(text)
    except ValueError:
        raise TextError(
            msg("{cell}: '{text}' is not a number", cell=where, text=text),
            msg("write for example {example}", example=26),
        ) from None
    if value != value or value in (float("inf"), float("-inf")):
        raise TextError(
            msg("{cell}: '{text}' is not a finite number", cell=where, text=text),
            msg("write for example {example}", example=26),
        )
    return int(value) if value == int(value) and "." not in text else value
