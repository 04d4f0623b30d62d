"""Somebody else's text reaches no terminal, log or spreadsheet as more than text."""

from __future__ import annotations

import csv
import io
import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bms.app.log_lines import LogLines
from bms.cli.screens.tables import console, screen_table
from bms.core.errors import InvalidInput
from bms.historian.reading.export import RAW_COLUMNS, to_csv
from bms.operations.requests.operation import request_of
from bms.operations.requests.override_requests import CLEAR, SET
from bms.texts.clean import MOST_CHARACTERS, cell, clean, device_text, escaped, harmless
from bms.texts.language import told
from bms.texts.messages import message_of, msg
from drivers.opcua.values.walking import data_value

NOON = datetime(2026, 3, 28, 12, tzinfo=UTC)
NASTY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x9b[]0;31mAB\x07\x00\r\n\t\u202e\u2066\ud83d\udc00\U000e0041"),
    )
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("red \x1b[31malert\x1b[0m", "red [31malert [0m"),
        ("\x1b]0;another title\x07shift", "]0;another title shift"),
        ("\x9b2Jwiped", "2Jwiped"),
        ("half a \ud83d pair", "half a \ufffd pair"),
        ("annex \u202egpj.exe", "annex gpj.exe"),
        ("two\nlines\tand\x00more", "two lines and more"),
        ("  维修 门  ", "维修 门"),
        ("👩‍🔧 repairs", "👩‍🔧 repairs"),
    ],
)
def test_one_line_is_kept_of_what_somebody_says(said: str, kept: str) -> None:
    assert clean(said) == kept


@given(NASTY)
def test_nothing_that_is_cleaned_can_do_anything(said: str) -> None:
    for made in (clean(said), device_text(said)):
        assert harmless(made) == made
        assert "\n" not in made
        assert len(made) <= MOST_CHARACTERS
        made.encode()
    harmless(said).encode()


@pytest.mark.case(
    "R10",
    when="A reason holds control characters, escape sequences or half a character",
    then="It is kept as one clean line; the change and its audit entry are made.",
)
@given(NASTY)
def test_every_text_of_a_request_is_clean(said: str) -> None:
    asked = request_of(CLEAR, {"override": "1", "reason": said})
    assert harmless(asked.reason) == asked.reason
    json.dumps(asked.reason, ensure_ascii=False).encode()


def test_a_text_of_a_request_is_bounded() -> None:
    given = {"point": "a.b", "value": "on", "duration": "1h"}
    longest = "x" * MOST_CHARACTERS
    assert request_of(SET, {**given, "reason": longest}).reason == longest
    with pytest.raises(InvalidInput, match=r"'reason' is at most 1000 characters long"):
        request_of(SET, {**given, "reason": longest + "x"})
    assert request_of(SET, {**given, "reason": "\x1b\x07\u202e"}).reason.strip() == ""


@pytest.mark.case(
    "R15",
    when="A device or a person says something with terminal commands or a formula in it",
    then="Terminal, log and files for spreadsheets show it as plain text; numbers stay numbers.",
)
def test_what_a_device_says_is_clean_wherever_it_is_shown() -> None:
    said = "run\x1b]0;x\x07\x1b[2J"
    sent, _ = data_value(b"\x01\x0c" + len(said).to_bytes(4, "little") + said.encode(), 0)
    assert sent.value == "run ]0;x [2J"
    assert message_of(OSError("gone\x1b[31m")) == "gone [31m"
    old = msg("{person} said {words}", person="oper", words=said)  # kept by an older version
    assert "\x1b" not in told(old)
    screen, table = console(80), screen_table("who")
    table.add_row(said)
    with screen.capture() as captured:
        screen.print(table, said)
    assert "\x1b" not in captured.get()
    assert json.loads(escaped(json.dumps([said + "\u202e\x9b"], ensure_ascii=False)))
    assert escaped(json.dumps("\x9b", ensure_ascii=False)).isascii()
    said = "a\x1b[2J\n2026 forged"
    record = logging.LogRecord("bms", logging.INFO, "", 0, "by %s", (said,), None)
    line = LogLines().format(record)
    assert "\n" not in line
    assert "\x1b" not in line


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "＝1+1"])
def test_no_text_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    out = io.StringIO()
    to_csv(iter([("a.b", NOON, text, "good"), ("a.b", NOON, -3.5, "good")]), RAW_COLUMNS, out)
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    assert rows[1][2] == f"'{text}"
    assert rows[2][2] == "-3.5"


@pytest.mark.parametrize("text", ["-3.5", "+7", "1e-3", "-1E+5", ".5"])
def test_a_number_stays_a_number(text: str) -> None:
    assert cell(text) == text
