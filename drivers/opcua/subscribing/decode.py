"""Publish responses to columns, by `struct`.

asyncua makes some ten Python objects of each value. With thousands of values a second this is most
of a gateway's work, and it holds up the loop for tens of milliseconds at a time. Servers send the
values of a message in one shape, so one `struct` takes them all. An unusual message raises Unusual
and goes to asyncua's decoder: nothing is guessed.

Layouts: OPC 10000-6 5.2.2 (built-in types), 10000-4 5.14.5 (Publish), 7.25 (notifications).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from struct import Struct
from typing import Any

from bms.texts.clean import device_text
from drivers.points import Value

PUBLISH_RESPONSE = 829
"""The identifiers of binary encodings in namespace 0 (OPC 10000-6, annex A)."""
DATA_CHANGE = 811

_FOUR_BYTES = 1
"""A node id of one byte of namespace and two of identifier."""
_BODY_IS_BINARY = 1
_SCALARS = dict(enumerate("?bBhHiIqQfd", start=1))
"""`struct` codes of the built-in types that are numbers."""
_STRING = 12
_VALUE, _STATUS, _SOURCE, _SERVER = 1, 2, 4, 8
_KNOWN_PARTS = _VALUE | _STATUS | _SOURCE | _SERVER

_HEADER = Struct("<BBHqIIBi")
_ID = Struct("<BBHB")
_INT = Struct("<i")
_UINT = Struct("<I")
_MESSAGE = Struct("<?Iqi")
_ITEM = Struct("<IBB")


class Unusual(Exception):
    """Not the shape that this module knows."""


@dataclass(slots=True)
class Changes:
    """The values of one message, in the order sent; column by column.

    Times are 100 ns since 1601 and 0 where the server gives none; statuses are codes.
    """

    handles: list[int] = field(default_factory=list)
    values: list[Value | None] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    source_times: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Published:
    """One publish response."""

    subscription: int
    sequence: int
    server_time: int
    """When the server answered, in 100 ns since 1601."""
    keep_alive: bool
    """It says only that nothing has changed; `sequence` is that of the next message."""
    changes: Changes


def decode_published(data: bytes) -> Published:
    """A publish response that brings data changes or nothing. Raises Unusual for all else."""
    try:
        return _decoded(data)
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
        raise Unusual(str(error)) from None


def _decoded(data: bytes) -> Published:
    encoding, namespace, kind, server_time, _, result, diagnostics, texts = _HEADER.unpack_from(
        data
    )
    if (encoding, namespace, kind) != (_FOUR_BYTES, 0, PUBLISH_RESPONSE):
        raise Unusual("not a publish response")
    if result or diagnostics or texts > 0:
        raise Unusual("a result that is not simply good")
    at = _HEADER.size
    if data[at : at + 3] != b"\0\0\0":
        raise Unusual("an additional header")
    at += 3
    (subscription,) = _UINT.unpack_from(data, at)
    at = _after_array(data, at + 4, 4)
    _, sequence, _, count = _MESSAGE.unpack_from(data, at)
    at += _MESSAGE.size
    changes = Changes()
    for _ in range(count):
        at = _take_notification(data, at, changes)
    at = _after_array(data, at, 4)
    (texts,) = _INT.unpack_from(data, at)
    if texts > 0 or at + 4 != len(data):
        raise Unusual("diagnostics, or more than the response")
    return Published(subscription, sequence, server_time, count <= 0, changes)


def _after_array(data: bytes, at: int, size: int) -> int:
    count: int = _INT.unpack_from(data, at)[0]
    return at + 4 + max(count, 0) * size


def _take_notification(data: bytes, at: int, changes: Changes) -> int:
    encoding, namespace, kind, body = _ID.unpack_from(data, at)
    if (encoding, namespace, kind, body) != (_FOUR_BYTES, 0, DATA_CHANGE, _BODY_IS_BINARY):
        raise Unusual("not a data change")
    at += _ID.size
    length: int = _INT.unpack_from(data, at)[0]
    at += 4
    end = at + length
    if length < 8 or end > len(data):
        raise Unusual("a notification longer than its message")
    (count,) = _INT.unpack_from(data, at)
    at += 4
    while count > 0:
        taken, at = _take_run(data, at, end, count, changes)
        count -= taken
    (texts,) = _INT.unpack_from(data, at)
    if texts > 0 or at + 4 != end:
        raise Unusual("diagnostics, or more than the notification")
    return end


def _take_run(data: bytes, at: int, end: int, count: int, changes: Changes) -> tuple[int, int]:
    """Take as many items of one shape as follow each other; how many, and where they end."""
    handle, parts, kind = _ITEM.unpack_from(data, at)
    if parts & ~_KNOWN_PARTS:
        raise Unusual("fractions of timestamps")
    if not parts & _VALUE:
        # Without a value the type's place is that of the next part.
        layout = _layout(parts, "")
        _take_one(layout.unpack_from(data, at), parts, None, changes)
        return 1, at + layout.size
    if kind == _STRING:
        return 1, _take_text(data, at, handle, parts, changes)
    code = _SCALARS.get(kind)
    if code is None:
        raise Unusual(f"a value of type {kind}")
    layout = _layout(parts, code)
    alike = _alike(data, at, end, count, layout.size)
    if alike == 1:
        *rest, value = _reordered(layout.unpack_from(data, at))
        _take_one(rest, parts, value, changes)
        return 1, at + layout.size
    size = alike * layout.size
    columns = list(zip(*layout.iter_unpack(data[at : at + size]), strict=True))
    changes.handles += columns[0]
    changes.values += columns[1]
    column = 2
    if parts & _STATUS:
        changes.statuses += columns[column]
        column += 1
    else:
        changes.statuses += (0,) * alike
    changes.source_times += columns[column] if parts & _SOURCE else (0,) * alike
    return alike, at + size


def _reordered(fields: tuple[Any, ...]) -> tuple[Any, ...]:
    """Handle and the rest first, the value last."""
    handle, value, *rest = fields
    return (handle, *rest, value)


def _alike(data: bytes, at: int, end: int, count: int, size: int) -> int:
    """How many items from `at` on have the same parts and type."""
    most = min(count, (end - at) // size)
    if most < 1:
        raise Unusual("a notification that ends early")
    parts, kinds = data[at + 4 : at + most * size : size], data[at + 5 : at + most * size : size]
    first = data[at + 4], data[at + 5]
    if parts.count(first[0]) == most and kinds.count(first[1]) == most:
        return most
    for number in range(1, most):
        if (parts[number], kinds[number]) != first:
            return number
    return most


def _take_one(fields: Sequence[Any], parts: int, value: Value | None, changes: Changes) -> None:
    handle, *rest = fields
    changes.handles.append(handle)
    changes.values.append(value)
    changes.statuses.append(rest.pop(0) if parts & _STATUS else 0)
    changes.source_times.append(rest.pop(0) if parts & _SOURCE else 0)


def _take_text(data: bytes, at: int, handle: int, parts: int, changes: Changes) -> int:
    at += _ITEM.size
    (length,) = _INT.unpack_from(data, at)
    at += 4
    text: str | None = None
    if length >= 0:
        raw = data[at : at + length]
        if len(raw) != length:
            raise Unusual("a text that ends early")
        text = device_text(raw.decode())
        at += length
    layout = _tail(parts)
    _take_one((handle, *layout.unpack_from(data, at)), parts, text, changes)
    return at + layout.size


@cache
def _layout(parts: int, code: str) -> Struct:
    """Handle, mask, type and value, and what of status and times is there; servers' own time is
    passed over."""
    value = f"x{code}" if code else ""
    return Struct("<Ix" + value + _tail_codes(parts))


@cache
def _tail(parts: int) -> Struct:
    return Struct("<" + _tail_codes(parts))


def _tail_codes(parts: int) -> str:
    codes = ((_STATUS, "I"), (_SOURCE, "q"), (_SERVER, "8x"))
    return "".join(code for bit, code in codes if parts & bit)
