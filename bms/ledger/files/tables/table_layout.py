"""How a table of readings is laid out: where its header is, and what each column holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from bms.ledger.files.tables.cells import Cell, Row, serial_of
from bms.ledger.files.words.measures import bare, name_and_unit, unit_of
from bms.ledger.files.words.numerals import looks_like_number, no_value
from bms.ledger.files.words.stamps import clock_of, plausible, range_of, stamp_of

OUR_COLUMNS: Final = {
    "meter": ("meter", "表计", "仪表", "电表", "表号"),
    "time": ("time", "时间", "抄表时间"),
    "reading": ("reading", "读数", "示数", "抄表读数"),
}
"""What the header of our own files calls its columns."""
_METER_WORDS: Final = (
    *OUR_COLUMNS["meter"], "meter id", "meterid", "meter name", "meter number", "meter no", "nmi",
    "meter_id", "meter serial", "serial", "serial number", "serial no", "mpan", "mprn", "esi id",
    "device", "device name", "device id", "deviceid", "point", "point id", "channel", "tag",
    "tagname", "name", "variable", "register", "metering point", "zähler", "zählernummer",
    "zählpunkt", "zählpunktbezeichnung", "messstelle", "messlokation", "compteur", "pdl", "prm",
    "cups", "contador", "名称", "设备", "设备名称", "仪表名称", "电表名称", "表名", "用户编号",
    "户号", "资产编号", "电表编号", "表计名称", "测点", "计量点", "计量点名称", "回路", "回路名称",
)  # fmt: skip
_TIME_WORDS: Final = re.compile(
    r"time|date|stamp|zeit|datum|uhr|fecha|hora|heure|period|interval|时间|日期|时刻|"
    r"\b(from|to|start|end)\b"
)
_UNIT_WORDS: Final = ("unit", "units", "uom", "einheit", "unité", "unidad", "单位")
_END_WORDS: Final = re.compile(r"\bend|ending|until|\bto\b|\bbis\b|\bfin\b|结束|截止|止")
_START_WORDS: Final = re.compile(r"\bstart|begin|\bfrom\b|\bvon\b|début|inicio|beginn|开始|起始|起")
_TOTAL_WORDS: Final = re.compile(
    r"^\W*(grand )?(sub)?(total|sum|summe|gesamt|somme|suma|average|avg|mean|mittelwert|min|max|"
    r"minimum|maximum|peak|count|合计|总计|小计|累计|平均|最大|最小|总和)",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[\d\W]+$|\d+")
_LOOK: Final = 200
"""Lines in which the header is looked for."""
_SAME_KIND: Final = 0.8
_MANY_CLOCKS: Final = 12
_SHOWN: Final = re.compile(r"\d{8}|\d{12}|\d{14}|1\d{9}|1\d{12}")


class Kind(Enum):
    """What stands in a cell."""

    BLANK = "blank"
    STAMP = "stamp"
    DAY = "day"
    CLOCK = "clock"
    NUMBER = "number"
    TEXT = "text"


def kind_of(cell: Cell) -> Kind:
    """What a cell holds, as far as it says itself."""
    if cell.moment is not None and cell.moment.year >= 1990:
        return Kind.DAY if cell.moment.time().isoformat() == "00:00:00" else Kind.STAMP
    if cell.number is not None and cell.moment is None:
        return Kind.NUMBER
    text = cell.text
    if no_value(text):
        return Kind.BLANK
    if looks_like_number(bare(text)) and ":" not in text:
        dotted = text.count(".") == 2 or text.count("-") == 2
        if not dotted or stamp_of(text) is None:
            return Kind.NUMBER
    if clock_of(text) is not None:
        return Kind.CLOCK
    found = stamp_of(text)
    if found is not None:
        has_clock = not hasattr(found, "clock") or found.clock is not None
        return Kind.STAMP if has_clock else Kind.DAY
    pair = range_of(text)
    if pair is not None:
        return Kind.CLOCK if clock_of(pair[0]) else Kind.STAMP
    return Kind.TEXT


@dataclass(slots=True)
class Column:
    """One column of values."""

    at: int
    title: str
    """As the header has it."""
    unit: str = ""
    clock: str = ""
    """Of a day per line: the time of day that the column is for."""


@dataclass(slots=True)
class Layout:
    """Where a table has what; columns count from 0."""

    titles: list[str]
    first: int
    """The index of the first row of data."""
    header_line: int = 1
    time: int | None = None
    until: int | None = None
    clock: int | None = None
    clock_until: int | None = None
    meter: int | None = None
    unit: int | None = None
    values: list[Column] = field(default_factory=list)
    others: list[Column] = field(default_factory=list)
    preamble: list[Row] = field(default_factory=list)
    ours: bool = False
    """The header has our own three columns."""

    @property
    def known_by(self) -> str:
        """By which another file of its kind is known: what its lines before the table are about,
        and its header. Many a logger's header is no more than `time | kwh`."""
        about = [_LABEL.sub("", row.at(0).text.partition(":")[0]).strip() for row in self.preamble]
        words = [*(text for text in about[:20] if text), *self.titles]
        return " | ".join(word.lower()[:200] for word in words)[:20_000]

    @property
    def stamp_by_title(self) -> str:
        """`end` or `start` if the header says so of its time column, else empty."""
        if self.time is None or self.until is not None or self.clock_until is not None:
            return "start"
        at = self.time if self.clock is None else self.clock
        title = self.titles[at].lower() if at < len(self.titles) else ""
        if _END_WORDS.search(title):
            return "end"
        return "start" if _START_WORDS.search(title) else ""


def is_total(row: Row) -> bool:
    """Whether a row sums up others."""
    first = next((cell.text for cell in row.cells if cell.text), "")
    return _TOTAL_WORDS.match(first) is not None


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
    layout.unit = next((at for at, name in enumerate(names) if name in _UNIT_WORDS), None)
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
    if index == 0 or not _digit_time(rows[index].at(at)):
        return False
    return any(
        _TIME_WORDS.search(row.at(at).text.lower()) for row in rows[max(0, index - 2) : index]
    )


def _found(rows: Sequence[Row], first: int, is_meter: Callable[[str], bool]) -> Layout:
    units: Row | None = None
    header: Row | None = rows[first - 1] if first else None
    if header is not None and first > 1 and _is_units(header):
        units, header = header, rows[first - 2]
    width = max(len(row.cells) for row in rows[first : first + _LOOK])
    titles = [
        (header.at(at).text if header is not None else "") or f"column {at + 1}"
        for at in range(width)
    ]
    layout = Layout(titles, first, header.line if header is not None else rows[first].line)
    taken = {id(header), id(units)}
    layout.preamble = [row for row in rows[:first] if id(row) not in taken]
    _columns(layout, rows[first:], units, is_meter)
    return layout


def _is_units(row: Row) -> bool:
    said = [cell.text for cell in row.cells if cell.text]
    named = [text for text in said if unit_of(text) is not None]
    words = [text for text in said if text.lower() in _UNIT_WORDS]
    return bool(named) and 2 * (len(named) + len(words)) > len(said)


def _columns(
    layout: Layout, rows: Sequence[Row], units: Row | None, is_meter: Callable[[str], bool]
) -> None:
    body = [row for row in rows[:2000] if not is_total(row)]
    shares = [_share(body, at) for at in range(len(layout.titles))]
    names = [title.lower() for title in layout.titles]
    days: list[int] = []
    clocks: list[int] = []
    stamps: list[int] = []
    for at, (kind, share) in enumerate(shares):
        by_title = kind is Kind.NUMBER and _all_digit_times(body, at, names[at])
        if by_title:
            stamps.append(at)
        elif share < _SAME_KIND:
            continue
        elif kind is Kind.STAMP:
            stamps.append(at)
        elif kind is Kind.DAY:
            days.append(at)
        elif kind is Kind.CLOCK:
            clocks.append(at)
    _times(layout, stamps, days, clocks)
    used = {layout.time, layout.until, layout.clock, layout.clock_until}
    for at, (kind, _) in enumerate(shares):
        if at in used:
            continue
        named_meter = names[at] in _METER_WORDS
        if named_meter and layout.meter is None and kind in (Kind.TEXT, Kind.NUMBER):
            layout.meter = at
        elif kind is Kind.TEXT and _column_of_units(body, at):
            layout.unit = at
        elif kind is Kind.NUMBER or at in (*stamps, *days, *clocks):
            _, unit = name_and_unit(layout.titles[at])
            if units is not None and units.at(at).text:
                unit = units.at(at).text
            column = Column(at, layout.titles[at], unit)
            (layout.values if kind is Kind.NUMBER else layout.others).append(column)
        elif kind is Kind.TEXT and layout.meter is None and _names_meters(body, at, is_meter):
            layout.meter = at
        elif kind is not Kind.BLANK or not layout.titles[at].startswith("column "):
            layout.others.append(Column(at, layout.titles[at]))
    _matrix(layout)


def _times(layout: Layout, stamps: list[int], days: list[int], clocks: list[int]) -> None:
    if stamps:
        layout.time = stamps[0]
        layout.until = stamps[1] if len(stamps) > 1 else None
    elif days:
        layout.time = days[0]
        if clocks:
            layout.clock = clocks[0]
            layout.clock_until = clocks[1] if len(clocks) > 1 else None
        elif len(days) > 1:
            layout.until = days[1]


def _share(rows: Sequence[Row], at: int) -> tuple[Kind, float]:
    """What most cells of a column hold, and how many of those that hold anything."""
    counts: dict[Kind, int] = {}
    for row in rows:
        kind = kind_of(row.at(at))
        counts[kind] = counts.get(kind, 0) + 1
    counts.pop(Kind.BLANK, None)
    if counts.get(Kind.STAMP) and counts.get(Kind.DAY):
        # A spreadsheet shows midnight as a day alone.
        counts[Kind.STAMP] += counts.pop(Kind.DAY)
    if not counts:
        return Kind.BLANK, 1.0
    kind = max(counts, key=lambda k: counts[k])
    return kind, counts[kind] / sum(counts.values())


def _all_digit_times(rows: Sequence[Row], at: int, title: str) -> bool:
    if not _TIME_WORDS.search(title):
        return False
    cells = [row.at(at) for row in rows[:50] if row.at(at).text]
    return bool(cells) and all(_digit_time(cell) for cell in cells)


def _digit_time(cell: Cell) -> bool:
    """Whether a number can be a date: as digits, or as a workbook keeps dates."""
    if _SHOWN.fullmatch(cell.text):
        return plausible(cell.text)
    return serial_of(cell) is not None


def _column_of_units(rows: Sequence[Row], at: int) -> bool:
    texts = {row.at(at).text for row in rows if row.at(at).text}
    return bool(texts) and len(texts) < 20 and all(unit_of(text) is not None for text in texts)


def _names_meters(rows: Sequence[Row], at: int, is_meter: Callable[[str], bool]) -> bool:
    texts = {row.at(at).text for row in rows if row.at(at).text}
    return bool(texts) and any(is_meter(text) for text in texts)


def _matrix(layout: Layout) -> None:
    """A day per line, and a column per time of day."""
    if layout.time is None or layout.clock is not None or layout.until is not None:
        return
    for column in layout.values:
        pair = range_of(column.title)
        text = column.title if pair is None else pair[0]
        if clock_of(text) is not None:
            column.clock = text
    if sum(bool(column.clock) for column in layout.values) < _MANY_CLOCKS:
        for column in layout.values:
            column.clock = ""
        return
    layout.others += [column for column in layout.values if not column.clock]
    layout.values = [column for column in layout.values if column.clock]
