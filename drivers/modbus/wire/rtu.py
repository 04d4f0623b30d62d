"""RTU framing: the CRC, and finding the answer in a stream that has no other marks. Pure."""

from __future__ import annotations

from functools import cache

from drivers.errors import BadAnswer
from drivers.modbus.wire.frames import EXCEPTION_SIZE, LONGEST, Request, answer_size

CRC_SIZE = 2
NO_ECHO_AFTER = 3
"""Answers in a row without an echo after which a line that had one has none."""
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


class Echo:
    """Whether a line sends back what is sent on it: told, or found out.

    An adapter that does not switch its receiver off while it sends brings every request back
    before the answer. A write of one register or coil is answered by the same bytes, so that its
    echo alone looks like a device that has done it.
    """

    __slots__ = ("_missed", "_told", "heard")

    def __init__(self, told: bool | None = None) -> None:
        self._told = told
        self._missed = 0
        self.heard = told
        """None: not known yet."""

    def expected(self, request: Request) -> bool:
        """An echo of it may come; of what is not the same as its answer at any time."""
        if self._told is not None:
            return self._told
        return self.heard is not False or request.answer != request.body

    def doubts(self, request: Request) -> bool:
        """The answer to this request could not be told from its echo."""
        return self.heard is None and request.answer == request.body

    def learn(self, heard: bool) -> None:
        """An answer came with an echo before it, or without one. A single echo may be spoiled by
        noise, so that only several without make an end of it."""
        if self._told is not None:
            return
        self._missed = 0 if heard else self._missed + 1
        if heard or self.heard is None or self._missed >= NO_ECHO_AFTER:
            self.heard = heard


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
