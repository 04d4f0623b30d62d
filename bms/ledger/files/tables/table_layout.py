"""How a table of readings is laid out: where its header is, and what each column holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bms.ledger.files.tables.cells import Row
from bms.ledger.files.tables.column_words import OUR_COLUMNS, TIMES, UNITS
from bms.ledger.files.tables.layouts import Column, Kind, Layout, digit_time, kind_of
from bms.ledger.files.tables.table_columns import find_columns
from bms.ledger.files.words.measures import unit_of

_LOOK: Final = 200
"""Lines in which the header is looked for."""


def layout_of(rows: Sequence[Row], is_meter: Callable[[str], bool]) -> Layout | None:
    """The layout of rows that are not blank; None if it is no table of readings."""
    for index, row in enumerate(rows[:_LOOK]):
        names = [cell.text.lower() for cell in row.cells]
        known = {key for key, words in OUR_COLUMNS.items() if any(n in words for n in names)}
        if len(known) == len(OUR_COLUMNS):
            return _ours(rows, index, names)
    first = _first_row(rows)
    if first is None:
        return None
    return _found(rows, first, is_meter)


def _ours(rows: Sequence[Row], index: int, names: Sequence[str]) -> Layout:
    def place(key: str) -> int:
        return next(at for at, name in enumerate(names) if name in OUR_COLUMNS[key])

    layout = Layout([cell.text for cell in rows[index].cells], index + 1, rows[index].line)
    layout.preamble = list(rows[:index])
    layout.ours = True
    layout.time, layout.meter = place("time"), place("meter")
    layout.values = [Column(place("reading"), layout.titles[place("reading")])]
    layout.unit = next((at for at, name in enumerate(names) if name in UNITS), None)
    return layout


def twice_in_header(layout: Layout) -> list[str]:
    """Which of our own columns a header has more than once."""
    names = [title.lower() for title in layout.titles]
    return [key for key, words in OUR_COLUMNS.items() if sum(name in words for name in names) > 1]


def _first_row(rows: Sequence[Row]) -> int | None:
    """The first row with a time and something else, that is followed by others like it."""
    kinds = [[kind_of(cell) for cell in row.cells] for row in rows[: _LOOK + 3]]
    for index, row in enumerate(kinds[:_LOOK]):
        for at, kind in enumerate(row):
            if kind not in (Kind.STAMP, Kind.DAY) and not _digits_as_time(rows, index, at):
                continue
            following = kinds[index + 1 : index + 4]
            alike = [
                other
                for other in following
                if at < len(other)
                and (
                    other[at] in (Kind.STAMP, Kind.DAY, kind)
                    or (other[at] is Kind.BLANK and Kind.CLOCK in other)
                )
            ]
            if any(_like_header(other, at) for other in following):
                break
            numbers = [k for other in [row, *alike] for n, k in enumerate(other) if n != at]
            if Kind.NUMBER in numbers and 2 * len(alike) >= len(following):
                return index
            break
    return None


def _like_header(kinds: Sequence[Kind], at: int) -> bool:
    """Whether a row only has words, where the row before would have a time and numbers."""
    words = sum(kind is Kind.TEXT for kind in kinds)
    return at < len(kinds) and kinds[at] is Kind.TEXT and words > 1 and Kind.NUMBER not in kinds


def _digits_as_time(rows: Sequence[Row], index: int, at: int) -> bool:
    """Whether a number stands for a date, as its title says (20260302, 1772438400)."""
    if index == 0 or not digit_time(rows[index].at(at)):
        return False
    return any(TIMES.search(row.at(at).text.lower()) for row in rows[max(0, index - 2) : index])


def _found(rows: Sequence[Row], first: int, is_meter: Callable[[str], bool]) -> Layout:
    units: Row | None = None
    header: Row | None = rows[first - 1] if first else None
    if header is not None and first > 1 and _is_units(header):
        units, header = header, rows[first - 2]
    width = max(len(row.cells) for row in rows[first : first + _LOOK])
    said = [header.at(at).text if header is not None else "" for at in range(width)]
    above = _above(rows, header)
    if above is not None and len({*said}) < len(said):
        said = _with_heads(said, above)
    else:
        above = None
    titles = [text or f"column {at + 1}" for at, text in enumerate(said)]
    layout = Layout(titles, first, header.line if header is not None else rows[first].line)
    taken = {id(header), id(units), id(above)}
    layout.preamble = [row for row in rows[:first] if id(row) not in taken]
    find_columns(layout, rows[first:], units, is_meter)
    return layout


def _above(rows: Sequence[Row], header: Row | None) -> Row | None:
    """The row above a header that has several words: a header of two rows has meters there."""
    at = next((n for n, row in enumerate(rows) if row is header), 0)
    if not at or sum(1 for cell in rows[at - 1].cells if cell.text) < 2:
        return None
    kinds = {kind_of(cell) for cell in rows[at - 1].cells}
    return rows[at - 1] if kinds <= {Kind.TEXT, Kind.BLANK} else None


def _with_heads(said: Sequence[str], above: Row) -> list[str]:
    """Titles with what stands above them; a merged cell stands above all that follow."""
    found: list[str] = []
    head = ""
    for at, text in enumerate(said):
        head = above.at(at).text or (head if text else "")
        found.append(" ".join(dict.fromkeys(part for part in (head, text) if part)))
    return found


def _is_units(row: Row) -> bool:
    said = [cell.text for cell in row.cells if cell.text]
    named = [text for text in said if unit_of(text) is not None]
    words = [text for text in said if text.lower() in UNITS]
    return bool(named) and 2 * (len(named) + len(words)) > len(said)
