"""Meter readings from a file that people wrote or some other system exported."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec, Site
from bms.core.errors import InvalidInput
from bms.core.instants import shown_at, to_ms
from bms.energy.intervals import ROLLOVER_HIGH, ROLLOVER_LOW
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entering import Author, audited, find_meter, register_value, with_register
from bms.ledger.entered.entries import EntryKind
from bms.texts.messages import Message, message_of, msg, plural
from bms.texts.problems import Problem, counted
from bms.texts.system_errors import os_cause

COLUMNS: Final = {
    "meter": ("meter", "表计", "仪表", "电表", "表号"),
    "time": ("time", "时间", "抄表时间"),
    "reading": ("reading", "读数", "示数", "抄表读数"),
}
"""What the first line may call them."""
MOST_ROWS: Final = 100_000
_SEPARATORS: Final = ",;\t"
"""Excel writes what the region of its machine says."""
_DATE: Final = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ T](\d{1,2})(:\d\d.*))?")
"""Excel in China writes 2026/3/2 8:00. The year comes first, so nothing can be mistaken."""


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    spec: MeterSpec
    time: datetime
    value: Decimal


@dataclass(frozen=True, slots=True)
class _Known:
    """A reading that stands, and where: the number of an entry, or a line of the file."""

    value: Decimal
    entry: int = 0
    line: int = 0


def import_readings(site: Site, ledger: Ledger, path: Path, author: Author) -> tuple[int, int]:
    """Add the readings of a CSV file; how many, and how many were there already.

    Columns `meter`, `time` (in the base's zone, unless it says otherwise) and `reading`, in any
    order; others are left alone. All of it or, with every problem of the file named, nothing.
    """
    rows, problems = _parse(site, path, author.now)
    by_meter: dict[str, list[_Row]] = {}
    for row in rows:
        by_meter.setdefault(row.spec.id, []).append(row)
    fresh: list[_Row] = []
    for found in by_meter.values():
        new, more = _against_known(ledger, path.name, found)
        fresh += new
        problems += more
    if problems:
        raise InvalidInput(
            msg(
                "{path} has {problems}; nothing was imported",
                path=path,
                problems=counted(problems),
            ),
            sorted(problems),
        )
    if fresh:
        with ledger.transaction():
            for row in fresh:
                ledger.enter(
                    row.spec.id, EntryKind.READING, row.time, row.time,
                    {"value": str(row.value)}, who=author.who, why=author.why, now=author.now,
                )  # fmt: skip
            audited(
                ledger, author, "meter.import", None, None, file=path.name, readings=len(fresh),
                meters=sorted({row.spec.name for row in fresh}),
            )  # fmt: skip
    return len(fresh), len(rows) - len(fresh)


def _text(path: Path) -> str:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            msg("cannot read {path}: {cause}", path=path, cause=os_cause(error))
        ) from error
    if body.startswith(b"PK"):
        raise InvalidInput(msg("{path} is a workbook; save it as CSV UTF-8", path=path))
    utf16 = body.startswith((b"\xff\xfe", b"\xfe\xff"))  # "Unicode text" of Excel
    # GB 18030 is what Excel writes in China.
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        with suppress(UnicodeDecodeError):
            return body.decode(encoding)
    raise InvalidInput(msg("{path} is not UTF-8 text; save it as CSV UTF-8", path=path))


def _parse(site: Site, path: Path, now: datetime) -> tuple[list[_Row], list[Problem]]:
    text = _text(path)
    first = text.lstrip().partition("\n")[0]
    separator = max(_SEPARATORS, key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows: list[_Row] = []
    problems: list[Problem] = []
    columns: dict[str, int] = {}
    try:
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns, found = _header(path.name, lines.line_num, cells)
                if found:
                    return [], found
                continue
            if len(rows) >= MOST_ROWS:
                raise InvalidInput(
                    msg(
                        "{path}: more than {limit} readings; split the file",
                        path=path,
                        limit=MOST_ROWS,
                    )
                )
            row = _row(site, path.name, lines.line_num, cells, columns, now)
            if isinstance(row, Problem):
                problems.append(row)
            else:
                rows.append(row)
    except csv.Error as error:
        problems.append(
            Problem(path.name, max(1, lines.line_num), 1, msg("not CSV: {error}", error=error))
        )
    if not columns and not problems:
        raise InvalidInput(
            msg(
                "{path} is empty; its first line is {columns}", path=path, columns=",".join(COLUMNS)
            )
        )
    return rows, problems


def _header(file: str, line: int, cells: Sequence[str]) -> tuple[dict[str, int], list[Problem]]:
    names = [cell.strip().lower() for cell in cells]
    found = {
        column: [at for at, name in enumerate(names) if name in known]
        for column, known in COLUMNS.items()
    }
    missing = [column for column, places in found.items() if not places]
    if missing:
        message = msg("the first line has no column {names}", names=", ".join(missing))
        hint = msg("write {columns}", columns=",".join(COLUMNS))
        return {}, [Problem(file, line, 1, message, hint)]
    twice = [column for column, places in found.items() if len(places) > 1]
    if twice:
        message = msg("the first line has two columns {names}", names=", ".join(twice))
        hint = msg("give the other one another name")
        return {}, [Problem(file, line, 1, message, hint)]
    return {column: places[0] for column, places in found.items()}, []


def _row(
    site: Site,
    file: str,
    line: int,
    cells: Sequence[str],
    columns: Mapping[str, int],
    now: datetime,
) -> _Row | Problem:
    def problem(column: str, message: Message) -> Problem:
        return Problem(file, line, columns[column] + 1, message)

    if len(cells) <= max(columns.values()):
        few = plural("{count} cell, too few", "{count} cells, too few", count=len(cells))
        return Problem(file, line, 1, few, msg("separate them as in the first line"))
    name, time, reading = (cells[columns[column]].strip() for column in COLUMNS)
    try:
        spec = find_meter(site, name)
        with_register(spec)
    except InvalidInput as error:
        return problem("meter", message_of(error))
    try:
        moment = _instant(time, ZoneInfo(spec.zone))
    except ValueError as error:
        return problem("time", message_of(error))
    if moment > now:
        return problem("time", msg("{time} has not come yet", time=time))
    try:
        value = register_value(spec, reading, "reading")
    except InvalidInput as error:
        return problem("reading", message_of(error))
    return _Row(line, spec, moment, value)


def _instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that is written; of the zone unless it says otherwise.

    Raises ValueError with what to write: also for a time that the clocks skip or show twice.
    """
    date = _DATE.fullmatch(text)
    if date is None:
        written = text
    else:
        year, month, day, hour, rest = date.groups()
        written = f"{year}-{month:0>2}-{day:0>2} {hour or '':0>2}{rest or ':00'}"
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        raise ValueError(msg("'{text}' is not a time; write 2026-03-28 08:00", text=text)) from None
    if moment.year < 1990:
        raise ValueError(msg("{time} is before 1990", time=text))
    if moment.year > 2200:
        raise ValueError(msg("{time} has not come yet", time=text))
    if moment.tzinfo is not None:
        return moment
    found = [instant.astimezone(zone) for instant in shown_at(moment, zone)]
    if not found:
        raise ValueError(msg("{time} does not exist: the clocks went forward over it", time=text))
    if len(found) > 1:
        first, second, *_ = (instant.isoformat(" ", "minutes") for instant in found)
        raise ValueError(
            msg(
                "{time} came twice, as the clocks went back: write {first} or {second}",
                time=text,
                first=first,
                second=second,
            )
        )
    return found[0]


def _against_known(
    ledger: Ledger, file: str, rows: Sequence[_Row]
) -> tuple[list[_Row], list[Problem]]:
    """The new rows, and every contradiction among them or with earlier entries."""
    spec = rows[0].spec
    problems: list[Problem] = []
    known = {
        to_ms(e.start): _Known(Decimal(e.data["value"]), entry=e.number)
        for e in ledger.entries(spec.id, EntryKind.READING)
        if not e.withdrawn
    }
    fresh: dict[int, _Row] = {}
    for row in rows:
        ms = to_ms(row.time)
        if ms in known and known[ms].value != row.value:
            problems.append(Problem(file, row.line, 1, *_taken(spec, known[ms])))
        elif ms not in known:
            known[ms] = _Known(row.value, line=row.line)
            fresh[ms] = row
    breaks = [
        to_ms(e.start) for e in ledger.entries(spec.id, EntryKind.REPLACEMENT) if not e.withdrawn
    ]
    for (one, before), (other, after) in pairwise(sorted(known.items())):
        row_at = fresh.get(other) or fresh.get(one)
        if row_at is None or any(one <= ms <= other for ms in breaks):
            continue
        message = _contradiction(spec, before.value, after.value, one, other)
        if message:
            hint = msg("correct it, or tell a replaced meter with 'bms meter replace' first")
            problems.append(Problem(file, row_at.line, 1, message, hint))
    return list(fresh.values()), problems


def _taken(spec: MeterSpec, known: _Known) -> tuple[Message, Message]:
    """Why an instant that has a value takes no other, and what to do."""
    if known.entry:
        return msg(
            "{meter} already has {reading} at that time (entry {number})",
            meter=spec.name,
            reading=known.value,
            number=known.entry,
        ), msg("withdraw that first")
    return msg(
        "{meter} already has {reading} at that time (line {line})",
        meter=spec.name,
        reading=known.value,
        line=known.line,
    ), msg("keep one")


def _contradiction(
    spec: MeterSpec, before: Decimal, after: Decimal, from_ms: int, until_ms: int
) -> Message | None:
    step, size = Fraction(after) - Fraction(before), spec.register_size
    if (
        step < 0
        and size is not None
        and (before > ROLLOVER_HIGH * Fraction(size) and after < ROLLOVER_LOW * Fraction(size))
    ):
        step += Fraction(size)
    if step < 0:
        return msg(
            "{meter} would go back from {before} to {after} {unit}",
            meter=spec.name,
            before=before,
            after=after,
            unit=spec.medium.unit,
        )
    most, hours = spec.most_per_h, Fraction(until_ms - from_ms, 3_600_000)
    ratio = min(spec.ratio(from_ms), spec.ratio(until_ms))
    if most is not None and step * ratio > most * hours:
        return msg(
            "{meter} would go from {before} to {after} {unit} in {hours:.1f} h: more than its "
            "rating",
            meter=spec.name,
            before=before,
            after=after,
            unit=spec.medium.unit,
            hours=float(hours),
        )
    return None
