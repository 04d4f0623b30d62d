"""Requests byte by byte, and answers that must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadAnswer
from drivers.modbus.wire.frames import (
    ExceptionAnswer,
    Request,
    check,
    identification_request,
    mask_write_request,
    read_request,
    read_write_request,
    write_coil_request,
    write_coils_request,
    write_register_request,
    write_registers_request,
)

READ = read_request(17, "holding", 107, 3)
GOOD = bytes.fromhex("11 03 06 022b 0000 0064")


def test_the_requests_of_the_standard() -> None:
    """The examples of the application protocol, with unit 17."""
    assert READ.body == bytes.fromhex("11 03 006b 0003")
    assert READ.tcp_body == bytes.fromhex("0000 0006 11 03 006b 0003")
    assert READ.tcp_answer == bytes.fromhex("0000 0009 11 03 06")
    assert READ.tcp_size == 15
    assert read_request(17, "coil", 19, 19).body == bytes.fromhex("11 01 0013 0013")
    assert read_request(17, "coil", 19, 19).size == 3 + 3
    assert read_request(17, "discrete", 196, 22).function == 2
    assert read_request(17, "input", 8, 1).function == 4
    coil = write_coil_request(17, 172, True)
    assert coil.body == coil.answer == bytes.fromhex("11 05 00ac ff00")
    assert write_coil_request(17, 172, False).body[-2:] == b"\0\0"
    coils = write_coils_request(17, 19, True)
    assert coils.body == bytes.fromhex("11 0f 0013 0001 01 01")
    assert coils.answer == bytes.fromhex("11 0f 0013 0001")
    one = write_register_request(17, 1, b"\0\3")
    assert one.body == one.answer == bytes.fromhex("11 06 0001 0003")
    two = write_registers_request(17, 1, bytes.fromhex("000a0102"))
    assert two.body == bytes.fromhex("11 10 0001 0002 04 000a 0102")
    assert two.answer == bytes.fromhex("11 10 0001 0002")
    mask = mask_write_request(17, 4, 0xF2, 0x25)
    assert mask.body == mask.answer == bytes.fromhex("11 16 0004 00f2 0025")
    both = read_write_request(17, 3, bytes.fromhex("00ff 00fe"))
    assert both.body == bytes.fromhex("11 17 0003 0002 0003 0002 04 00ff 00fe")
    assert both.answer == bytes.fromhex("11 17 04")
    assert identification_request(17, 1).body == bytes.fromhex("11 2b 0e 01 00")


def test_only_what_reads_counts_as_reading() -> None:
    reading = [
        READ,
        identification_request(17, 1),
        *(read_request(17, table, 0, 1) for table in ("coil", "discrete", "input")),
    ]
    assert all(request.reads for request in reading)
    writing = [
        write_coil_request(17, 0, True),
        write_coils_request(17, 0, True),
        write_register_request(17, 0, b"\0\0"),
        write_registers_request(17, 0, b"\0\0"),
        mask_write_request(17, 0, 0, 0),
        read_write_request(17, 0, b"\0\0"),
        Request(17, 43, bytes.fromhex("11 2b 0d"), b"", 0),  # CANopen through Modbus
        Request(17, 8, bytes.fromhex("11 08 0001 0000"), b"", 0),  # restarts communications
    ]
    assert not any(request.reads for request in writing)


def test_an_identification_says_itself_how_long_it_is() -> None:
    request = identification_request(17, 1)
    answer = bytes.fromhex("11 2b 0e 01 01 00 00 02 00 03 616263 01 01 64")
    check(request, answer)
    for wrong in (answer[:-1], answer + b"\0", answer[:9]):
        with pytest.raises(BadAnswer):
            check(request, wrong)


def test_the_right_answer_is_taken() -> None:
    check(READ, GOOD)


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ("12 03 06 022b 0000 0064", "unit 18 answered instead of 17"),
        ("11 04 06 022b 0000 0064", "function 4 answered instead of 3"),
        ("11 03 04 022b 0000 0064", "does not repeat"),
        ("11 03 04 022b 0000", "7 bytes answered instead of 9"),
        ("11 03 08 022b 0000 0064 0000", "11 bytes answered instead of 9"),
        ("11 83 02 00", "an exception answer of 4 bytes"),
        ("11 03", "2 bytes answered instead of 9"),
    ],
)
def test_an_answer_that_does_not_fit_is_not_used(frame: str, sentence: str) -> None:
    with pytest.raises(BadAnswer, match=sentence):
        check(READ, bytes.fromhex(frame))


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 10, 11, 99])
def test_exceptions_are_refusals_with_their_name(code: int) -> None:
    with pytest.raises(ExceptionAnswer, match=rf"exception {code} \(.+\)") as error:
        check(READ, bytes.fromhex("11 83") + bytes((code,)))
    assert error.value.code == code


mutations = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 255)), min_size=1, max_size=4)


@given(mutations)
def test_a_mutated_answer_passes_only_if_nothing_but_the_data_changed(
    changes: list[tuple[int, int]],
) -> None:
    frame = bytearray(GOOD)
    for at, byte in changes:
        frame[at] = byte
    try:
        check(READ, bytes(frame))
    except (BadAnswer, ExceptionAnswer):
        assert frame[:3] != GOOD[:3]
    else:
        assert frame[:3] == GOOD[:3]


def test_a_request_is_a_plain_value() -> None:
    assert read_request(17, "holding", 107, 3) == READ
    assert isinstance(READ, Request)
