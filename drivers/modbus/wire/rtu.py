"""RTU framing: the CRC, and finding the answer in a stream that has no other marks. Pure."""

from __future__ import annotations

from functools import cache

from drivers.errors import BadAnswer
from drivers.modbus.wire.frames import EXCEPTION_SIZE, LONGEST, Request, answer_size

CRC_SIZE = 2
KEPT = 2 * (LONGEST + CRC_SIZE)
"""More bytes than this without an answer among them are noise, and the older half is dropped."""


@cache
def _table() -> tuple[int, ...]:
    """CRC-16 with the reflected polynomial 0xA001 (Modbus over Serial Line V1.02, appendix B)."""
    found = []
    for number in range(256):
        crc = number
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        found.append(crc)
    return tuple(found)


def crc(data: bytes | bytearray | memoryview) -> bytes:
    """The two bytes that follow `data` on the line."""
    table = _table()
    value = 0xFFFF
    for byte in data:
        value = value >> 8 ^ table[(value ^ byte) & 0xFF]
    return value.to_bytes(2, "little")


def framed(body: bytes) -> bytes:
    """The body as it goes over the line."""
    return body + crc(body)


def find_answer(request: Request, buffer: bytearray) -> bytes | None:
    """The body of the answer to `request`, or of an exception to it, wherever it begins.

    Glitches before an answer are common where a line driver is switched, so what stands before
    it is passed over: unit, function, byte count and CRC together cannot be noise. What was
    passed over, and the answer, are taken off the buffer. None while it is not all there.
    """
    exception = bytes((request.unit, request.function | 0x80))
    places = []
    for beginning in (request.answer, exception):
        at = buffer.find(beginning)
        while at >= 0:
            places.append(at)
            at = buffer.find(beginning, at + 1)
    for at in sorted(places):
        size = EXCEPTION_SIZE if buffer[at + 1] & 0x80 else request.size
        body = _whole(buffer, at, size)
        if body is not None:
            del buffer[: at + len(body) + CRC_SIZE]
            return body
    if len(buffer) > KEPT:
        del buffer[: len(buffer) - KEPT // 2]
    return None


def first_frame(buffer: bytearray) -> bytes | None:
    """The body of the whole frame at the start of the buffer, by its own length; not taken off.

    None if it begins with none, or it is not all there.
    """
    return _whole(buffer, 0, 0)


def _whole(buffer: bytearray, at: int, size: int) -> bytes | None:
    if not size:
        try:
            told = answer_size(buffer[at : at + LONGEST])
        except BadAnswer:
            return None
        if told is None:
            return None
        size = told
    end = at + size
    if size > LONGEST or len(buffer) < end + CRC_SIZE:
        return None
    body = bytes(buffer[at:end])
    return body if crc(body) == buffer[end : end + CRC_SIZE] else None
