"""How the ledger packs days of slots and rows of the stream: columns of whole numbers, zlib."""

from __future__ import annotations

import sys
import zlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from operator import sub
from typing import Final

from bms.energy.quarters import QUARTER_MS
from bms.texts.messages import msg

QUARTERS_A_DAY: Final = 96
NO_SLOT: Final = -1
"""Stands in the label column where a day has no slot."""

Raw = tuple[int, int, int, int, int]
"""Counts, scale id, label rank, covered ms, rev."""


class DamagedBlob(ValueError):
    """The blob does not read back as it was written."""


def pack(columns: Sequence[Iterable[int]]) -> bytes:
    """Columns of equal length, each as differences: steady ones shrink to nothing."""
    packed = array("q")
    for column in columns:
        numbers = list(column)
        packed.extend(map(sub, numbers, chain((0,), numbers)))
    return zlib.compress(_portable(packed).tobytes(), 6)


def unpack(blob: bytes, columns: int) -> list[list[int]]:
    """The columns of a blob; raises DamagedBlob."""
    packed = array("q")
    try:
        packed.frombytes(zlib.decompress(blob))
    except (zlib.error, ValueError) as error:
        raise DamagedBlob(str(error)) from error
    if len(packed) % columns:
        raise DamagedBlob(
            msg("{count} numbers in {columns} columns", count=len(packed), columns=columns)
        )
    numbers = _portable(packed)
    size = len(numbers) // columns
    return [
        list(accumulate(numbers[index * size : (index + 1) * size])) for index in range(columns)
    ]


def _portable(numbers: array[int]) -> array[int]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def pack_day(day_ms: int, slots: Iterable[tuple[int, Raw]]) -> bytes:
    """The slots of one UTC day."""
    rows: list[Raw] = [(0, 0, NO_SLOT, 0, 0)] * QUARTERS_A_DAY
    for ms, raw in slots:
        rows[(ms - day_ms) // QUARTER_MS] = raw
    return pack(list(zip(*rows, strict=True)))


def unpack_day(day_ms: int, blob: bytes) -> list[tuple[int, Raw]]:
    """The slots of one UTC day, by start; raises DamagedBlob."""
    columns = unpack(blob, 5)
    if len(columns[0]) != QUARTERS_A_DAY:
        raise DamagedBlob(msg("a day of {count} quarter hours", count=len(columns[0])))
    return [
        (day_ms + at * QUARTER_MS, raw)
        for at, raw in enumerate(zip(*columns, strict=True))
        if raw[2] != NO_SLOT
    ]
