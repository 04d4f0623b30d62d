"""What may become of a frame on its way, and in which pieces it may arrive."""

from __future__ import annotations

import random
import struct


def crc(data: bytes) -> bytes:
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


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
