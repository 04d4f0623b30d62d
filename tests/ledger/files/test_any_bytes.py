"""Whatever a file holds, it is taken whole or refused with words: never a traceback."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bms.core.errors import BmsError
from bms.ledger.entered.importing import import_readings
from bms.ledger.files.kept import declared_format
from bms.ledger.files.tables import workbook as reader
from bms.ledger.files.tables.workbook import BadWorkbook, open_workbook
from bms.ledger.files.words.numerals import decimal_sign, looks_like_number, parse_number
from bms.ledger.files.words.stamps import Stamp, clock_of, range_of, stamp_of
from tests.ledger.files.corpus import espi_reading, green_button, nem12, put, workbook
from tests.ledger.files.test_intake import DAY, ME, Room

OFTEN = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TABLE = (
    "Export,2026-03-05 10:00\nMeter:,Hall A\nDate,Time,Hall A (kWh),Hall B,Note\n,,kWh,Wh,\n"
    '02.03.2026,00:15,1.5,"1,234",x\n02.03.2026,00:30,2.5,1000,\n02.03.2026,24:00,,7,\nTotal,,4,,\n'
)
SEEDS = [
    TABLE.encode(),
    TABLE.replace(",", ";").encode("utf-16"),
    TABLE.replace("Note", "备注").encode("gb18030"),
    nem12(["1.5"] * 96).encode(),
    green_button(espi_reading(1772380800, 5)).encode(),
    b"sep=;\nmeter;time;reading\nb.hall-a;2026-03-02 08:00;1,5\n",
    workbook({"Data": [["Time", "Hall A"], [datetime(2026, 3, 2, 8), 1.5], [DAY, None]]}),  # noqa: DTZ001
]
FORMATS = st.dictionaries(
    st.sampled_from(["decimal", "dates", "holds", "stamp", "step_min", "unit", "zone", "by"]),
    st.sampled_from(
        ["comma", "dmy", "mdy", "ymd", "registers", "intervals", "power", "end", "15", "Wh", "MWh",
         "Europe/Berlin", "+10:00", "Mars/Base", "instrument", "", "9" * 30]),
    max_size=4,
)  # fmt: skip


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    """A file as people have them, with pieces of it cut out, doubled or replaced."""
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(body)))
        until = min(len(body), at + draw(st.integers(0, 40)))
        what = draw(st.sampled_from(["cut", "double", "put"]))
        if what == "cut":
            del body[at:until]
        elif what == "double":
            body[at:at] = body[at:until]
        else:
            body[at:until] = draw(
                st.one_of(
                    st.binary(max_size=12),
                    st.sampled_from(
                        [b",", b"\n", b"\"", b"1.34E+03", b"24:00", b"31.02.2026", b"9" * 60,
                         b"\x00", b"-", b"00:00 - 00:15", b"2026-10-25 02:30", b"&x;", b"<a>",
                         b"1e999", b"inf"]),
                )
            )  # fmt: skip
    return bytes(body)


def take(room: Room, directory: Path, body: bytes, pairs: dict[str, str]) -> None:
    """Everything is taken, or nothing and somebody is told why."""
    path = put(directory, body, "any")
    (directory / "readings.yaml").unlink(missing_ok=True)
    before = len(room.ledger.entries())
    try:
        declared = declared_format(pairs, {"*": "b.hall-a", "Main": "-"})
        found = import_readings(room.site, room.ledger, path, ME, declared)
    except BmsError as error:
        said = str(error)
    else:
        assert found.added + found.known > 0 or not found.series
        again = import_readings(room.site, room.ledger, path, ME, declared)
        assert again.added == 0
        return
    assert said
    assert len(room.ledger.entries()) == before


@OFTEN
@given(body=st.one_of(spoiled(), st.binary(max_size=300)), pairs=FORMATS)
@example(body=b"<" * 3000 + b"IntervalBlock", pairs={})
@example(body=b"PK\x03\x04", pairs={})
@example(body=b"100,NEM12\n200\n300\n900", pairs={})
@example(body=b"\xff\xfe", pairs={})
@example(body=b"Time,A\n2026-03-02,1\n2026-03-02 00:00,2\n0000-00-00,3\n", pairs={})
def test_any_bytes(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, pairs: dict[str, str]
) -> None:
    directory = tmp_path_factory.mktemp("any")
    with Room(directory) as room:
        take(room, directory, body, pairs)
        room.keep()


@pytest.mark.slow
@settings(OFTEN, max_examples=5_000)
@given(body=st.one_of(spoiled(), st.binary(max_size=300)), pairs=FORMATS)
def test_any_bytes_at_length(
    tmp_path_factory: pytest.TempPathFactory, body: bytes, pairs: dict[str, str]
) -> None:
    directory = tmp_path_factory.mktemp("any")
    with Room(directory) as room:
        take(room, directory, body, pairs)


CELLS = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[0-9.,:/ '+-]{1,20}", fullmatch=True),
    st.from_regex(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4} \d{1,2}:\d\d( [AP]M)?", fullmatch=True),
)


@settings(max_examples=500, deadline=None)
@given(text=CELLS)
def test_any_cell(text: str) -> None:
    found = stamp_of(text)
    if isinstance(found, Stamp):
        for order in ("dmy", "mdy", "ymd"):
            found.moment(order)
    clock_of(text)
    range_of(text)
    decimal_sign([text])
    if looks_like_number(text):
        for sign in ("point", "comma"):
            parse_number(text, sign)


@settings(max_examples=200, deadline=None)
@given(value=st.decimals(min_value=0, max_value=10**9, places=3))
def test_numbers_are_read_back_in_every_writing(value: object) -> None:
    plain = f"{value:,.3f}"
    german = plain.translate(str.maketrans(",.", ".,"))
    assert parse_number(plain, "point") == value
    assert parse_number(german, "comma") == value
    assert parse_number(german.replace(".", " "), "comma") == value
    sure, either = decimal_sign([plain])
    assert sure == {"point"} or either == plain


def packed(parts: dict[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return body.getvalue()


def parts_of(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


BOOK = parts_of(workbook({"Data": [["Time", "Hall A"], [DAY, 1.5]]}))
SHEET = "xl/worksheets/sheet1.xml"


def test_a_workbook_that_is_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MOST_UNPACKED", 1_000_000)
    bomb = packed({**BOOK, SHEET: b"<worksheet><sheetData>" + b" " * 2_000_000})
    with pytest.raises(BadWorkbook, match="too large when it is unpacked"):
        open_workbook(bomb)
    # Its directory may lie about sizes: what is unpacked is counted.
    lying = bytearray(bomb)
    at = lying.rindex(SHEET.encode()) - 46 + 24
    lying[at : at + 4] = (1000).to_bytes(4, "little")
    with pytest.raises(BadWorkbook):
        open_workbook(bytes(lying)).rows("Data")


def test_a_workbook_that_defines_entities_is_refused() -> None:
    laughs = b'<!DOCTYPE w [<!ENTITY a "ha">]><worksheet><sheetData><row><c><v>&a;</v></c></row>'
    sheets = open_workbook(packed({**BOOK, SHEET: laughs}))
    with pytest.raises(BadWorkbook, match="document types or entities"):
        sheets.rows("Data")


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="ZZZ1"><v>1</v></c>',
        b'<c r="A1" t="s"><v>99999</v></c>',
        b'<c r="A1" t="s"><v>-1</v></c>',
        b'<c r="A1" s="999"><v>1e400</v></c>',
        b'<c r="A1" s="x"><v>nan</v></c>',
        b'<c r="A1" t="zebra"><v>x</v></c>',
        b'<c r="5"><v>1</v></c>',
        b'<c t="inlineStr"/>',
    ],
)
def test_odd_cells_of_workbooks(cell: bytes) -> None:
    body = b'<worksheet xmlns="x"><sheetData><row r="q">' + cell + b"</row></sheetData></worksheet>"
    sheets = open_workbook(packed({**BOOK, SHEET: body}))
    with suppress(BadWorkbook):
        assert len(sheets.rows("Data")) <= 1
