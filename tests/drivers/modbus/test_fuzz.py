"""Mutated answers in any pieces: the right data, or an error, and never anything else.

The oracle reads the bytes by itself, by the letter of the specification, and knows nothing of the
wires. A slice runs always; a million frames of each framing carry the marker `slow`.
"""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable, Sized

import pytest

from drivers.errors import BadAnswer
from drivers.modbus.wire.frames import ExceptionAnswer, read_request
from drivers.modbus.wire.wire import Call, RtuWire, TcpWire, Wire
from tests.drivers.modbus.mutations import crc, pieces, stream
from tests.drivers.modbus.wires import Asking

SLICE = 20_000
MILLION = 1_000_000
UNIT, COUNT = 17, 4
REQUEST = read_request(UNIT, "holding", 100, COUNT)
BUFFER_LIMIT = 2048


class Sent(asyncio.Transport):
    """Keeps what is sent."""

    def __init__(self) -> None:
        super().__init__({"socket": self})
        self.data = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.data = bytes(data)

    def is_closing(self) -> bool:
        return False

    def abort(self) -> None:
        """The test plays the device."""


# --- the oracle ------------------------------------------------------------------------------


def tcp_answers(data: bytes, transaction: bytes, *, whole: bool) -> list[bytes]:
    """The bodies that are valid answers to the request, wherever in the stream they begin.

    What a header says of their length is not looked at: gateways get it wrong. `whole`: only those
    into which no other begins. One that was torn shows the other's header as its data; whether that
    can be told depends on what has arrived.
    """
    size, header = 3 + 2 * COUNT, transaction + b"\0\0"
    begun = [
        at
        for at in range(len(data) - 8)
        if data[at : at + 4] == header and data[at + 6 : at + 9] == bytes((UNIT, 3, 2 * COUNT))
    ]
    return [
        data[at + 6 : at + 6 + size]
        for at in begun
        if at + 6 + size <= len(data)
        and not (whole and any(at < other < at + 6 + size for other in begun))
    ]


def rtu_answers(data: bytes) -> list[bytes]:
    """The bodies that are valid answers, wherever in the stream they begin."""
    size = 3 + 2 * COUNT
    begin = bytes((UNIT, 3, 2 * COUNT))
    return [
        data[at : at + size]
        for at in range(len(data) - size - 1)
        if data[at : at + 3] == begin and crc(data[at : at + size]) == data[at + size :][:2]
    ]


def kept(wire: Wire[Call]) -> Sized:
    """What a wire has received and not used."""
    if isinstance(wire, TcpWire):
        return wire._arrived
    assert isinstance(wire, RtuWire)
    return wire._buffer


# --- the proof -------------------------------------------------------------------------------


async def fuzz(kind: str, frames: int, seed: int) -> None:
    chance = random.Random(seed)
    delivered = failed = silent = 0
    for _ in range(frames):
        asking, sent = Asking(REQUEST, owed=chance.randrange(4) == 0), Sent()
        wire: Wire[Call] = (TcpWire if kind == "tcp" else RtuWire)(asking, read_only=True)
        wire.connection_made(sent)
        wire.send(asking)
        registers = bytes(chance.randrange(256) for _ in range(2 * COUNT))
        body = bytes((UNIT, 3, 2 * COUNT)) + registers
        wrong = bytes((UNIT, 3, 2)) + b"\x12\x34"
        exception = bytes((UNIT, 0x83, chance.randrange(1, 12)))
        other = chance.choice((wrong, exception, bytes((9, 3, 2 * COUNT)) + registers))
        frame: Callable[[bytes], bytes]
        if kind == "tcp":
            transaction = sent.data[:2]
            frame = lambda b, t=transaction: t + struct.pack(">HH", 0, len(b)) + b  # type: ignore[misc]  # noqa: E731
        else:
            frame = lambda b: b + crc(b)  # noqa: E731
        data = stream(frame(body), frame(other), chance)
        for piece in pieces(data, chance):
            wire.data_received(piece)
            assert len(kept(wire)) <= BUFFER_LIMIT
        number = sent.data[:2]
        valid = tcp_answers(data, number, whole=False) if kind == "tcp" else rtu_answers(data)
        if not asking.found:
            silent += 1
            passed = kind == "tcp" and tcp_answers(data, number, whole=True)
            assert not passed, "a valid answer was passed over"
        elif isinstance(asking.found[0], bytes):
            delivered += 1
            assert asking.found[0] in valid, (data.hex(), asking.found[0].hex())
        else:
            failed += 1
            assert isinstance(asking.found[0], BadAnswer | ExceptionAnswer)
        assert len(asking.found) <= 1, "one answer to one question"
        if data == frame(body):
            assert asking.found == [body]
        wire.opened.cancel()
        wire.closed.cancel()
    assert min(delivered, failed, silent) > frames / 100, "all outcomes were tried"


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_slice_of_mutated_frames(kind: str) -> None:
    await fuzz(kind, SLICE, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tcp", "rtu"])
async def test_a_million_mutated_frames(kind: str) -> None:
    for seed in range(2, 12):
        await fuzz(kind, MILLION // 10, seed)
