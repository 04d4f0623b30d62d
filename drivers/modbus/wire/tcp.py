"""TCP framing: finding answers in a stream whose own account of their length may be wrong. Pure.

The header of Modbus TCP says how long a frame is, and gateways get it wrong: one too large on
every answer, always 6, or 4 before an exception of three bytes. What was asked says better how
long the answer is. So an answer is told by transaction id, unit, function and byte count together,
wherever it begins, and cut by what its request allows; its header's length decides only where a
frame ends that fits no request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bms.texts.messages import Message, msg
from drivers.errors import BadAnswer
from drivers.modbus.wire.frames import (
    EXCEPTION_SIZE,
    LONGEST,
    SHORTEST,
    Request,
    answer_size,
)

HEADER_SIZE = 6
"""Transaction id, protocol and length, each two bytes."""
KEPT = 2 * (HEADER_SIZE + LONGEST)
"""More bytes than this without an answer among them are noise, and the older half is dropped."""
TOLD_BY = 3
"""Bytes of a body that tell whose it is: unit, function and byte count."""
_PROTOCOL = b"\0\0"
_LEAST_IDENTIFIED = 8
"""Bytes of the shortest answer that says itself how long it is."""
_WAIT, _NO = 0, -1


class Frame(NamedTuple):
    """One frame found in a stream: its transaction id and its body, unit first."""

    transaction: bytes
    body: bytes


class TcpStream:
    """What has arrived and is not used yet."""

    __slots__ = ("_seen", "buffer", "noise")

    def __init__(self) -> None:
        self.buffer = bytearray()
        self._seen = 0
        """Up to here there are only frames that fit no request; an answer may still begin in
        one of them, where that was torn."""
        self.noise: Message | None = None
        """What stood where a frame should have begun, since the last answer."""

    def clear(self) -> None:
        """Forget what has arrived: it came before the question, and is no answer to it."""
        self.buffer.clear()
        self._seen = 0
        self.noise = None

    def add(self, data: bytes) -> None:
        """Take in what has arrived."""
        self.buffer += data

    def take(self, asked: Mapping[bytes, Request]) -> Frame | None:
        """The next frame; None while there is none.

        `asked` has the requests on the way by transaction id. An answer or an exception to one of
        them goes first, wherever it begins. Otherwise it is the frame at the front, as soon as it
        is whole: that of another request, or not what was asked for.
        """
        buffer = self.buffer
        fitting = _fitting(asked, buffer)
        if fitting is None:
            return self._front(asked)
        self.noise = None
        transaction, at, end = fitting
        body = bytes(buffer[at + HEADER_SIZE : end])
        self._drop(end)
        return Frame(transaction, body)

    def take_unnumbered(self, request: Request) -> Frame | None:
        """The same where answers carry no usable id, with one request on the way."""
        buffer = self.buffer
        found: tuple[int, int] | None = None
        for beginning in (request.answer, bytes((request.unit, request.function | 0x80))):
            at = buffer.find(beginning, HEADER_SIZE)
            while at >= 0:
                if buffer[at - 4 : at - 2] == _PROTOCOL:
                    end = _end(request, buffer, at)
                    if end > 0 and (found is None or at < found[0]):
                        found = at, end
                at = buffer.find(beginning, at + 1)
        if found is None:
            return self._front({})
        body = bytes(buffer[found[0] : found[1]])
        self._drop(found[1])
        return Frame(b"", body)

    def _drop(self, end: int) -> None:
        del self.buffer[:end]
        self._seen = max(0, self._seen - end)

    def _front(self, asked: Mapping[bytes, Request]) -> Frame | None:
        """The frame behind those seen before, once it is whole. It is kept, for what may begin
        inside of it, unless it is the answer to a request, though not a good one."""
        buffer, at = self.buffer, self._seen
        if len(buffer) < at + HEADER_SIZE:
            return None
        found = None
        heard = _noise(buffer, at)
        if heard is not None:
            self.noise = heard
            self._seen = _next_header(asked, buffer, at + 1)
        else:
            transaction = bytes(buffer[at : at + 2])
            request = asked.get(transaction)
            size = _front_size(request, buffer, at)
            end = at + HEADER_SIZE + (size or 0)
            if size is not None and end <= len(buffer):
                found = Frame(transaction, bytes(buffer[at + HEADER_SIZE : end]))
                self._seen = end
                if request is not None:
                    self._drop(end)
        if len(buffer) > KEPT:
            self._drop(len(buffer) - KEPT // 2)
        if found is None and heard is not None and len(buffer) >= self._seen + HEADER_SIZE:
            return self._front(asked)
        return found


def _noise(buffer: bytearray, at: int) -> Message | None:
    """What to say if no frame begins there."""
    protocol = int.from_bytes(buffer[at + 2 : at + 4], "big")
    length = int.from_bytes(buffer[at + 4 : at + 6], "big")
    if protocol == 0 and SHORTEST <= length <= LONGEST:
        return None
    return msg(
        "not Modbus TCP: protocol {protocol}, length {length}", protocol=protocol, length=length
    )


def _fitting(asked: Mapping[bytes, Request], buffer: bytearray) -> tuple[bytes, int, int] | None:
    """Transaction id, beginning and end of the first whole answer.

    One into which another begins was torn: what looks like its data is the other's header. The
    other need not be all there yet.
    """
    places: list[tuple[int, int, bytes]] = []
    begun: list[int] = []
    for transaction, request in asked.items():
        beginning = transaction + _PROTOCOL
        at = buffer.find(beginning)
        while at >= 0:
            end = _end(request, buffer, at + HEADER_SIZE)
            if end > 0:
                places.append((at, end, transaction))
            if end > 0 or (end == _WAIT and len(buffer) >= at + HEADER_SIZE + TOLD_BY):
                begun.append(at)
            at = buffer.find(beginning, at + 1)
    for at, end, transaction in sorted(places):
        if not any(at < other < end for other in begun):
            return transaction, at, end
    return None


def _end(request: Request, buffer: bytearray, at: int) -> int:
    """Where the answer or the exception whose body begins at `at` ends; _WAIT if that is not all
    there, _NO if none begins there."""
    there = len(buffer) - at
    if there < 2:
        return _WAIT
    if buffer[at] != request.unit:
        return _NO
    if buffer[at + 1] == request.function | 0x80:
        return at + EXCEPTION_SIZE if there >= EXCEPTION_SIZE else _WAIT
    begins = request.answer
    if buffer[at : at + len(begins)] != begins[:there]:
        return _NO
    size = request.size or answer_size(buffer[at : at + LONGEST + 1])
    if size is None or size > LONGEST:
        return _NO if there > LONGEST else _WAIT
    return at + size if there >= size else _WAIT


def _front_size(request: Request | None, buffer: bytearray, at: int) -> int | None:
    """How long the body behind the header at `at` is; None if that is not known yet."""
    begin = at + HEADER_SIZE
    length = int.from_bytes(buffer[at + 4 : at + 6], "big")
    if request is not None and _end(request, buffer, begin) == _WAIT:
        # The rest of an answer that begins rightly is waited for. Only what says itself how long
        # it is may promise more than there is; then its header is believed.
        return length if request.size == 0 and length >= _LEAST_IDENTIFIED else None
    try:
        own = answer_size(buffer[begin : begin + LONGEST])
    except BadAnswer:  # a function that is not asked for says nothing that we can read
        return length
    if own is None or own > LONGEST or (request is not None and length == request.size):
        return length
    # Of what is not the answer whichever account is right, the shorter is known sooner.
    return own if request is None else min(own, length)


def _next_header(asked: Mapping[bytes, Request], buffer: bytearray, start: int) -> int:
    """Where a header of a request on the way begins, or may have begun to: behind the noise."""
    places = [buffer.find(transaction + _PROTOCOL, start) for transaction in asked]
    return min((at for at in places if at >= 0), default=max(start, len(buffer) - HEADER_SIZE + 1))
