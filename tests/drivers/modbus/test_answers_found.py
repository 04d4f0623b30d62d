"""The answer in a stream of bytes: what is taken off, and what stays."""

from __future__ import annotations

import pytest

from drivers.modbus.wire.frames import read_request
from drivers.modbus.wire.rtu import KEPT, crc, find_answer, first_frame, framed

ASKED = read_request(7, "holding", 100, 2)
BODY = bytes((7, 3, 4, 1, 2, 3, 4))
REFUSED = bytes((7, 0x83, 2))
NEXT = b"\x07\x03"


def test_the_crc_is_that_of_the_specification() -> None:
    """Modbus over Serial Line V1.02, 6.2.2: 02 07 is followed by 41 12."""
    assert crc(bytes((0x02, 0x07))) == bytes((0x41, 0x12))
    assert framed(b"\x02\x07") == bytes((0x02, 0x07, 0x41, 0x12))


@pytest.mark.parametrize("body", [BODY, REFUSED])
@pytest.mark.parametrize("noise", [b"", b"\x00", b"\x07", b"\x07\x03\x04\x09\x09"])
@pytest.mark.parametrize("behind", [b"", NEXT])
def test_an_answer_is_taken_off_with_what_stood_before_it(
    body: bytes, noise: bytes, behind: bytes
) -> None:
    buffer = bytearray(noise + framed(body) + behind)
    assert find_answer(ASKED, buffer) == body
    assert bytes(buffer) == behind


@pytest.mark.parametrize("body", [BODY, REFUSED])
def test_what_is_not_all_there_or_spoiled_stays(body: bytes) -> None:
    whole = framed(body)
    for end in range(len(whole)):
        buffer = bytearray(whole[:end])
        assert find_answer(ASKED, buffer) is None
        assert bytes(buffer) == whole[:end]
    spoiled = bytearray(whole[:-1] + bytes((whole[-1] ^ 1,)))
    assert find_answer(ASKED, spoiled) is None
    spoiled += whole
    assert find_answer(ASKED, spoiled) == body
    assert not spoiled


def test_of_noise_the_older_half_is_dropped() -> None:
    noise = bytes(n % 5 for n in range(KEPT))
    buffer = bytearray(noise)
    assert find_answer(ASKED, buffer) is None
    assert len(buffer) == KEPT
    buffer += b"\x09"
    assert find_answer(ASKED, buffer) is None
    assert bytes(buffer) == noise[-(KEPT // 2) + 1 :] + b"\x09"


def test_the_first_frame_is_found_by_its_own_length() -> None:
    assert first_frame(bytearray(framed(BODY) + NEXT)) == BODY
    assert first_frame(bytearray(framed(REFUSED))) == REFUSED
    assert first_frame(bytearray(b"\x00" + framed(BODY))) is None
    assert first_frame(bytearray(framed(BODY)[:-1])) is None
    assert first_frame(bytearray()) is None
