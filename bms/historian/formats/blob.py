"""Many samples as one small blob: columns, byte-shuffled, compressed, checksummed.

Layout: 16-byte header (`BLOB`, little-endian: magic and version, CRC-32 of the rest, count,
spare), then zlib level 1 of four columns: series ids (uint32), milliseconds after the row's `t0`
(uint64), values (float64), status bytes. A column is shuffled: first all lowest bytes, then all
second ones and so on, which puts the bytes that hardly change next to each other.

The status byte is `quality + 16 * kind`. Text is kept by its id in the value column; whole
numbers beyond 2**53 lose their last digits, as in any float64.
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter, or_
from typing import Any, Final, cast

from bms.historian.records import to_ms
from bms.texts.messages import Message, msg
from drivers.points import Sample, Value

BLOB = struct.Struct("<4sIII")
MAGIC: Final = b"BMS\x01"
NONE, FLOAT, INT, BOOL, TEXT = range(5)
_SWAP = sys.byteorder == "big"
_EXACT: Mapping[type, int] = {
    float: FLOAT << 4,
    int: INT << 4,
    bool: BOOL << 4,
    str: TEXT << 4,
    type(None): NONE << 4,
}
_NUMBERS = frozenset({FLOAT << 4, INT << 4, BOOL << 4})
_VALUE, _QUALITY, _TIME = itemgetter(1), itemgetter(2), itemgetter(3)


class DamagedBlob(ValueError):
    """The blob does not read back as it was written."""


def damaged_row(number: int, error: Exception) -> Message:
    """The message for a log row whose blob, or something it names, cannot be read."""
    return msg("log row {number} is damaged: {error}", number=number, error=error)


@dataclass(frozen=True, slots=True)
class Columns:
    """A decoded blob. `values` holds text ids where the kind is TEXT."""

    series: array[int]
    after_ms: array[int]
    values: array[float]
    status: bytes

    def quality(self, row: int) -> int:
        return self.status[row] & 15

    def value(self, row: int, text: Callable[[int], str]) -> Value | None:
        """The value with the type it was recorded with."""
        return value_of(self.status[row], self.values[row], text)


def value_of(status: int, raw: float, text: Callable[[int], str]) -> Value | None:
    """A value with the type it was recorded with, from its status byte and number."""
    kind = status >> 4
    if kind == FLOAT:
        return raw
    if kind == BOOL:
        return raw != 0.0
    if kind == INT:
        return int(raw)
    return text(int(raw)) if kind == TEXT else None


def encode(
    samples: Sequence[Sample], series: Mapping[str, int], text: Callable[[str], int]
) -> tuple[int, int, bytes]:
    """First and last millisecond, and the blob. `samples` is not empty; `series` has its points."""
    values: list[Any] = list(map(_VALUE, samples))
    kinds = list(map(_EXACT.get, map(type, values)))
    if None in kinds:
        plain = [_plain(value) for value in values]
        values, kinds = [value for value, _ in plain], [kind for _, kind in plain]
    status = bytes(map(or_, kinds, map(_QUALITY, samples)))
    if not _NUMBERS.issuperset(kinds):
        values = [
            text(value) if isinstance(value, str) else 0.0 if value is None else value
            for value in values
        ]
    stamps = list(map(_TIME, samples))
    milliseconds = {time: to_ms(time) for time in set(stamps)}  # a poll shares one time
    times = [milliseconds[time] for time in stamps]
    ids = array("I", [series[sample[0]] for sample in samples])
    t0, t1 = min(times), max(times)
    delta = array("Q", [t - t0 for t in times] if t1 > t0 else bytes(8 * len(times)))
    body = b"".join(
        (
            _shuffled(ids),
            _shuffled(delta),
            _shuffled(array("d", values)),
            status,
        )
    )
    packed = zlib.compress(body, 1)
    return t0, t1, BLOB.pack(MAGIC, zlib.crc32(packed), len(samples), 0) + packed


def decode(blob: bytes) -> Columns:
    """The columns of a blob; raises DamagedBlob."""
    try:
        magic, crc, count, _ = BLOB.unpack_from(blob)
        packed = memoryview(blob)[BLOB.size :]
        if magic != MAGIC or zlib.crc32(packed) != crc:
            raise DamagedBlob(msg("checksum or format does not match"))
        body = zlib.decompress(packed)
    except (struct.error, zlib.error) as error:
        raise DamagedBlob(str(error)) from error
    if len(body) != count * 21:
        raise DamagedBlob(
            msg("{size_bytes} bytes for {count} samples", size_bytes=len(body), count=count)
        )
    return Columns(
        _unshuffled("I", body, 0, count),
        _unshuffled("Q", body, 4 * count, count),
        _unshuffled("d", body, 12 * count, count),
        body[20 * count :],
    )


def _plain(value: object) -> tuple[Value | None, int]:
    """Subclasses (an IntEnum, a library's float) as the type they extend."""
    kind = _EXACT.get(type(value))
    if kind is not None:
        return cast("Value | None", value), kind
    if isinstance(value, int):
        return int(value), INT << 4
    if isinstance(value, float):
        return float(value), FLOAT << 4
    if isinstance(value, str):
        return str(value), TEXT << 4
    raise TypeError(msg("a sample cannot hold a {type}", type=type(value).__name__))


def _shuffled(column: array[Any]) -> bytes:
    if _SWAP:
        column.byteswap()
    raw = column.tobytes()
    width = column.itemsize
    return b"".join([raw[i::width] for i in range(width)])


def _unshuffled(code: str, body: bytes, offset: int, count: int) -> array[Any]:
    column: array[Any] = array(code)
    width = column.itemsize
    raw = bytearray(count * width)
    for i in range(width):
        raw[i::width] = body[offset + i * count : offset + (i + 1) * count]
    column.frombytes(raw)
    if _SWAP:
        column.byteswap()
    return column
