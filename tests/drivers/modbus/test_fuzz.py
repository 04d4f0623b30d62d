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


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


# --- mutations -------------------------------------------------------------------------------


def mutated(frame: bytes, chance: random.Random) -> bytes:
    """The frame with one to three things done to it."""
    data = bytearray(frame)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(6)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and data:
            data[at] = chance.randrange(256)
        elif kind == 2:
            del data[at:]
        elif kind == 3:
            data[at:at] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 4)))
        elif kind == 4 and data:
            del data[at]
        else:
            data += frame[at:] if chance.randrange(2) else frame
    return bytes(data)


def stream(good: bytes, other: bytes, chance: random.Random) -> bytes:
    """What arrives: the answer, whole or mutated, with other things before and behind."""
    parts = [good if chance.randrange(4) == 0 else mutated(good, chance)]
    if chance.randrange(3) == 0:
        parts.insert(0, mutated(other, chance) if chance.randrange(2) else other)
    if chance.randrange(4) == 0:
        parts.insert(0, bytes(chance.randrange(256) for _ in range(chance.randint(1, 8))))
    if chance.randrange(4) == 0:
        parts.append(good)
    return b"".join(parts)


def pieces(data: bytes, chance: random.Random) -> list[bytes]:
    found = []
    while data:
        size = chance.choice((1, 2, 5, 9, 300))
        found.append(data[:size])
        data = data[size:]
    return found


# --- the oracle ------------------------------------------------------------------------------


def tcp_answers(data: bytes, transaction: bytes) -> list[bytes]:
    """The bodies that are valid answers to the request, wherever in the stream they begin.

    What a header says of their length is not looked at: gateways get it wrong.
    """
    size = 3 + 2 * COUNT
    found = []
    for at in range(len(data) - 6 - size + 1):
        body = data[at + 6 : at + 6 + size]
        if data[at : at + 4] == transaction + b"\0\0" and body[:3] == bytes((UNIT, 3, 2 * COUNT)):
            found.append(body)
    return found


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
        return wire._stream
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
        valid = tcp_answers(data, sent.data[:2]) if kind == "tcp" else rtu_answers(data)
        if not asking.found:
            silent += 1
            assert kind == "rtu" or not valid, "a valid answer was passed over"
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
