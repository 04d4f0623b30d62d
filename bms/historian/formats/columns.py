"""Columns of numbers as one small blob: exact, compressed, checksummed. Needs numpy.

Whole numbers are kept as first values and differences (of the first or second order, whichever
is narrower), in as few bytes as the widest one needs. Floats that are decimals, as scaled
registers are (21.5, 0.07), are kept as whole counts of their last decimal place if every one of
them comes back with the same 64 bits; others as raw float64. NaN stands for "no value".

Layout: `HEAD` (little-endian: magic with version, CRC-32 of the rest
seeded with the number of columns, that number), then
zlib of one `COLUMN` header per column and the columns' bytes. A column of several bytes per
number is shuffled: first all lowest bytes, then all second ones, which compresses better.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bms.texts.messages import msg

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Column: TypeAlias = Ints | Floats

HEAD: Final = struct.Struct("<4sII")
COLUMN: Final = struct.Struct("<BBBBIqqq")
"""kind, decimals, order of differences, bytes per number; count; first, step, least."""
MAGIC: Final = b"BMC\x01"
INT, DECIMAL, RAW, HOLED = range(4)
"""HOLED: a float column with NaNs, as a column of 0 and 1 and the column of the others."""
MOST_DECIMALS: Final = 6
EXACT: Final = 2.0**52
"""Whole floats below this are exact, and so are their differences in int64."""
WIDE: Final = 2**61
"""Whole numbers beyond this are not differenced: a difference might not fit into 64 bits."""


class DamagedColumns(ValueError):
    """The blob does not read back as it was written."""


def pack(columns: Sequence[Column], level: int = 6) -> bytes:
    """The blob of int64 and float64 columns, each of any length. Other dtypes raise TypeError."""
    heads: list[bytes] = []
    bodies: list[bytes] = []
    for column in columns:
        _put(column, heads, bodies)
    packed = zlib.compress(b"".join((*heads, *bodies)), level)
    return HEAD.pack(MAGIC, zlib.crc32(packed, len(heads)), len(heads)) + packed


def unpack(blob: bytes) -> list[Column]:
    """The columns of a blob, bit for bit; raises DamagedColumns."""
    try:
        magic, crc, count = HEAD.unpack_from(blob)
        packed = memoryview(blob)[HEAD.size :]
        if magic != MAGIC or zlib.crc32(packed, count) != crc:
            raise DamagedColumns(msg("checksum or format does not match"))
        body = memoryview(zlib.decompress(packed))
    except (struct.error, zlib.error) as error:
        raise DamagedColumns(str(error)) from error
    heads = [COLUMN.unpack_from(body, i * COLUMN.size) for i in range(count)]
    at = count * COLUMN.size
    columns: list[Column] = []
    holes: Ints | None = None
    for kind, decimals, order, width, size, first, step, least in heads:
        raw = body[at : at + _stored(kind, order, size) * width]
        at += len(raw)
        if kind == RAW:
            column: Column = _unshuffled(raw, 8).view(np.float64)
        else:
            column = _whole(raw, order, width, size, first, step, least)
            if kind == DECIMAL:
                column = column / 10.0**decimals
        if kind == HOLED:
            assert column.dtype == np.int64
            holes = column.view(np.int64)
        elif holes is not None:
            full = np.full(len(holes), np.nan)
            full[holes == 1] = column
            columns.append(full)
            holes = None
        else:
            columns.append(column)
    if at != len(body):
        raise DamagedColumns(
            msg("{size_bytes} bytes instead of {expected}", size_bytes=len(body), expected=at)
        )
    return columns


def _put(column: Column, heads: list[bytes], bodies: list[bytes]) -> None:
    if column.dtype == np.int64:
        _put_whole(column.view(np.int64), INT, 0, heads, bodies)
        return
    if column.dtype != np.float64:
        raise TypeError(msg("a column is int64 or float64, not {type}", type=column.dtype))
    values: Floats = column.view(np.float64)
    missing = np.isnan(values)
    if missing.any():
        _put_whole((~missing).astype(np.int64), HOLED, 0, heads, bodies)
        values = values[~missing]
    decimals = decimals_of(values)
    if decimals is None:
        heads.append(COLUMN.pack(RAW, 0, 0, 8, len(values), 0, 0, 0))
        bodies.append(_shuffled(np.ascontiguousarray(values)))
        return
    counts = np.rint(values * 10.0**decimals).astype(np.int64)
    _put_whole(counts, DECIMAL, decimals, heads, bodies)


def decimals_of(values: Floats) -> int | None:
    """The decimal places with which every value comes back bit for bit; None if there are none."""
    for decimals in range(MOST_DECIMALS + 1):
        factor = 10.0**decimals
        with np.errstate(invalid="ignore", over="ignore"):
            counts = np.rint(values * factor)
        # The first value is tried alone: most columns that fail do so at once.
        if len(values) and not _same(counts[:1] / factor, values[:1]):
            continue
        if bool((np.abs(counts) < EXACT).all()) and _same(counts.astype(np.int64) / factor, values):
            return decimals
    return None


def _same(one: Floats, other: Floats) -> bool:
    return bool((one.view(np.int64) == np.ascontiguousarray(other).view(np.int64)).all())


def _put_whole(
    numbers: Ints, kind: int, decimals: int, heads: list[bytes], bodies: list[bytes]
) -> None:
    """The narrowest of the numbers themselves, their differences, and the differences of those."""
    size = len(numbers)
    first = step = 0
    order = 0
    rest, least, width = _narrowed(numbers)
    if width and size > 2 and int(numbers.min()) > -WIDE and int(numbers.max()) < WIDE:
        once = np.diff(numbers)
        rest1, least1, width1 = _narrowed(once)
        # Of equal width, differences win: they repeat more, and compress better.
        if width1 <= width:
            order, first, rest, least, width = 1, int(numbers[0]), rest1, least1, width1
            if width1 > 0:
                rest2, least2, width2 = _narrowed(np.diff(once))
                if width2 < width1:
                    order, step, rest, least, width = 2, int(once[0]), rest2, least2, width2
    heads.append(COLUMN.pack(kind, decimals, order, width, size, first, step, least))
    if width:
        bodies.append(_shuffled(rest.astype(f"<u{width}")))


def _narrowed(numbers: Ints) -> tuple[NDArray[np.uint64], int, int]:
    """The numbers above their least one, that one, and the bytes each needs."""
    if not len(numbers):
        return numbers.view(np.uint64), 0, 0
    least = int(numbers.min())
    span = int(numbers.max()) - least
    width = 0 if span == 0 else 1 if span < 1 << 8 else 2 if span < 1 << 16 else 4
    if span >= 1 << 32:
        width = 8
    # Modulo 2**64, so that the whole range of int64 fits.
    return numbers.view(np.uint64) - np.array(least).astype(np.uint64), least, width


def _whole(
    raw: memoryview, order: int, width: int, size: int, first: int, step: int, least: int
) -> Ints:
    count = _stored(INT, order, size)
    if width:
        rest = _unshuffled(raw, width).astype(np.uint64)
        if len(rest) != count:
            raise DamagedColumns(msg("a column is cut off"))
    else:
        rest = np.zeros(count, np.uint64)
    numbers: Ints = (rest + np.array(least).astype(np.uint64)).view(np.int64)
    if order == 2:
        numbers = _summed(step, numbers)
    return _summed(first, numbers) if order else numbers


def _summed(first: int, differences: Ints) -> Ints:
    numbers = np.empty(len(differences) + 1, np.int64)
    numbers[0] = first
    numbers[1:] = differences
    return np.cumsum(numbers, out=numbers)


def _stored(kind: int, order: int, size: int) -> int:
    return size if kind == RAW else size - order


def _shuffled(column: NDArray[Any]) -> bytes:
    width = column.itemsize
    return column.view(np.uint8).reshape(-1, width).T.tobytes()


def _unshuffled(raw: memoryview, width: int) -> NDArray[Any]:
    parts = np.frombuffer(raw, np.uint8).reshape(width, -1)
    return np.ascontiguousarray(parts.T).reshape(-1).view(f"<u{width}")
