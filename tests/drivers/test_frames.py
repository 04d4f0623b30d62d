"""Requests byte by byte, and answers that must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import BadAnswer
from drivers.modbus.frames import (
    ExceptionAnswer,
    Request,
    check,
    next_frame,
    read_request,
    write_coil_request,
    write_registers_request,
)

READ = read_request(17, "holding", 107, 3)
GOOD = bytes.fromhex("0001 0000 0009 11 03 06 022b 0000 0064")


def test_the_requests_of_the_standard() -> None:
    """The examples of the application protocol, with unit 17."""
    assert READ.frame == bytes.fromhex("0000 0006 11 03 006b 0003")
    assert read_request(17, "coil", 19, 19).frame == bytes.fromhex("0000 0006 11 01 0013 0013")
    assert read_request(17, "coil", 19, 19).size == 9 + 3
    assert read_request(17, "discrete", 196, 22).function == 2
    assert read_request(17, "input", 8, 1).function == 4
    coil = write_coil_request(17, 172, True)
    assert coil.frame == coil.answer == bytes.fromhex("0000 0006 11 05 00ac ff00")
    assert write_coil_request(17, 172, False).frame[-2:] == b"\0\0"
    one = write_registers_request(17, 1, b"\0\3")
    assert one.frame == one.answer == bytes.fromhex("0000 0006 11 06 0001 0003")
    two = write_registers_request(17, 1, bytes.fromhex("000a0102"))
    assert two.frame == bytes.fromhex("0000 000b 11 10 0001 0002 04 000a 0102")
    assert two.answer == bytes.fromhex("0000 0006 11 10 0001 0002")


def test_the_right_answer_is_taken() -> None:
    check(READ, GOOD)


@pytest.mark.parametrize(
    ("frame", "sentence"),
    [
        ("0001 0000 0009 12 03 06 022b 0000 0064", "unit 18 answered instead of 17"),
        ("0001 0000 0009 11 04 06 022b 0000 0064", "function 4 answered instead of 3"),
        ("0001 0000 0009 11 03 04 022b 0000 0064", "does not repeat"),
        ("0001 0000 0007 11 03 04 022b 0000", "13 bytes answered instead of 15"),
        ("0001 0000 000b 11 03 08 022b 0000 0064 0000", "17 bytes answered instead of 15"),
        ("0001 0000 0004 11 83 02 00", "an exception answer of 10 bytes"),
        ("0001 0000 0002 11 03", "8 bytes answered instead of 15"),
    ],
)
def test_an_answer_that_does_not_fit_is_not_used(frame: str, sentence: str) -> None:
    with pytest.raises(BadAnswer, match=sentence):
        check(READ, bytes.fromhex(frame))


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 6, 8, 10, 11, 99])
def test_exceptions_are_refusals_with_their_name(code: int) -> None:
    with pytest.raises(ExceptionAnswer, match=rf"exception {code} \(.+\)") as error:
        check(READ, bytes.fromhex("0001 0000 0003 11 83") + bytes((code,)))
    assert error.value.code == code


@given(st.binary(max_size=300), st.integers(0, 3))
def test_the_framer_survives_anything(data: bytes, cut: int) -> None:
    """Whole frames come out, the rest waits, nonsense is refused, and nothing else happens."""
    buffer = bytearray(data)
    taken = b""
    try:
        while (frame := next_frame(buffer)) is not None:
            assert 8 <= len(frame) <= 260
            assert len(frame) == 6 + int.from_bytes(frame[4:6], "big")
            taken += frame
    except BadAnswer:
        pass
    assert taken + bytes(buffer) == data


mutations = st.lists(st.tuples(st.integers(2, 14), st.integers(0, 255)), min_size=1, max_size=4)


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
        assert frame[2:9] != GOOD[2:9]
    else:
        assert frame[2:9] == GOOD[2:9]


def test_a_request_is_a_plain_value() -> None:
    assert read_request(17, "holding", 107, 3) == READ
    assert isinstance(READ, Request)
