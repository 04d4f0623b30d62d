"""Publish responses to columns, by `struct`.

A general decoder makes some ten Python objects of each value. With thousands of values a second
this is most of a gateway's work, and it holds up the loop for tens of milliseconds at a time.
Servers send the values of a message in one shape, so one `struct` takes them all. What is of no
usual shape is taken value by value (`values/walking.py`): what no point can hold harms no
neighbour.

Layouts: OPC 10000-6 5.2.2 (built-in types), 10000-4 5.14.5 (Publish), 7.25 (notifications).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cache
from struct import Struct

from asyncua import ua

from drivers.opcua.values.walking import (
    Sent,
    Unwalkable,
    data_value,
    response_header,
    skip_diagnostics,
)

PUBLISH_RESPONSE = 829
"""The identifiers of binary encodings in namespace 0 (OPC 10000-6, annex A)."""
DATA_CHANGE = 811
STATUS_CHANGE = 820
SERVICE_FAULT = 397

_FOUR_BYTES = 1
"""A node id of one byte of namespace and two of identifier."""
_BODY_IS_BINARY = 1
_SCALARS = dict(enumerate("?bBhHiIqQfd", start=1))
"""`struct` codes of the built-in types that are numbers."""
_VALUE, _STATUS, _SOURCE, _SERVER = 1, 2, 4, 8
_KNOWN_PARTS = _VALUE | _STATUS | _SOURCE | _SERVER

_HEADER = Struct("<BBHq")
_NODE_ID_SIZE = 4
_ID = Struct("<BBHB")
_INT = Struct("<i")
_UINT = Struct("<I")
_MESSAGE = Struct("<?Iqi")
_ITEM = Struct("<IBB")


class Undecodable(Exception):
    """A response that nobody can read; `subscription` is the one that it is of, if it says so."""

    def __init__(self, why: str, subscription: int | None = None) -> None:
        super().__init__(why)
        self.subscription = subscription


@dataclass(slots=True)
class Changes:
    """The values of one message, in the order sent; column by column.

    Times are 100 ns since 1601 and 0 where the server gives none; statuses are codes.
    """

    handles: list[int] = field(default_factory=list)
    values: list[Sent] = field(default_factory=list)
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
    """A publish response. Raises ua.UaStatusCodeError where the server refuses or ends a
    subscription, and Undecodable."""
    subscription = None
    try:
        encoding, namespace, kind, server_time = _HEADER.unpack_from(data)
        result, at = response_header(data, _NODE_ID_SIZE)
        if (encoding, namespace) != (_FOUR_BYTES, 0) or kind not in (
            PUBLISH_RESPONSE,
            SERVICE_FAULT,
        ):
            raise Undecodable("not a publish response")
        _check(result)
        (subscription,) = _UINT.unpack_from(data, at)
        return _decoded(data, at + 4, subscription, server_time)
    except (struct.error, IndexError, ValueError, Unwalkable) as error:
        raise Undecodable(str(error), subscription) from None


def _check(status: int) -> None:
    if status >> 30 > 1:
        ua.StatusCode(ua.UInt32(status)).check()


def _decoded(data: bytes, at: int, subscription: int, server_time: int) -> Published:
    at = _after_array(data, at, 4)
    _, sequence, _, count = _MESSAGE.unpack_from(data, at)
    at += _MESSAGE.size
    changes = Changes()
    for _ in range(count):
        at = _take_notification(data, at, changes)
    at = _after_array(data, at, 4)
    if skip_diagnostics(data, at) != len(data):
        raise Unwalkable("more than the response")
    return Published(subscription, sequence, server_time, count <= 0, changes)


def _after_array(data: bytes, at: int, size: int) -> int:
    count: int = _INT.unpack_from(data, at)[0]
    return at + 4 + max(count, 0) * size


def _take_notification(data: bytes, at: int, changes: Changes) -> int:
    """Take what changed; what else a notification may be is passed over."""
    encoding, namespace, kind, body = _ID.unpack_from(data, at)
    if (encoding, body) != (_FOUR_BYTES, _BODY_IS_BINARY):
        raise Unwalkable("a notification of no known kind")
    at += _ID.size
    length: int = _INT.unpack_from(data, at)[0]
    at += 4
    # Some servers send -1 and the notification behind it: then its own end has to do.
    end = at + length if length >= 0 else len(data)
    if end > len(data):
        raise Unwalkable("a notification longer than its message")
    if (namespace, kind) == (0, STATUS_CHANGE):
        _check(_UINT.unpack_from(data, at)[0])
    if (namespace, kind) != (0, DATA_CHANGE):
        if length < 0:
            raise Unwalkable("a notification of no known length")
        return end
    (count,) = _INT.unpack_from(data, at)
    at += 4
    while count > 0:
        taken, at = _take_run(data, at, end, count, changes)
        count -= taken
    at = skip_diagnostics(data, at)
    if length >= 0 and at != end:
        raise Unwalkable("more than the notification")
    return at


def _take_run(data: bytes, at: int, end: int, count: int, changes: Changes) -> tuple[int, int]:
    """Take as many items of one shape as follow each other; how many, and where they end."""
    handle, parts, kind = _ITEM.unpack_from(data, at)
    code = _SCALARS.get(kind)
    if code is None or not parts & _VALUE or parts & ~_KNOWN_PARTS:
        return 1, _take_one(data, at, handle, changes)
    layout = _layout(parts, code)
    alike = _alike(data, at, end, count, layout.size)
    if alike == 1:
        return 1, _take_one(data, at, handle, changes)
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


def _alike(data: bytes, at: int, end: int, count: int, size: int) -> int:
    """How many items from `at` on have the same parts and type."""
    most = min(count, (end - at) // size)
    if most < 1:
        raise Unwalkable("a notification that ends early")
    parts, kinds = data[at + 4 : at + most * size : size], data[at + 5 : at + most * size : size]
    first = data[at + 4], data[at + 5]
    if parts.count(first[0]) == most and kinds.count(first[1]) == most:
        return most
    for number in range(1, most):
        if (parts[number], kinds[number]) != first:
            return number
    return most


def _take_one(data: bytes, at: int, handle: int, changes: Changes) -> int:
    """Take an item that is like no other; where it ends."""
    sent, at = data_value(data, at + _UINT.size)
    changes.handles.append(handle)
    changes.values.append(sent.value)
    changes.statuses.append(sent.status)
    changes.source_times.append(sent.source_time)
    return at


@cache
def _layout(parts: int, code: str) -> Struct:
    """Handle, mask, type and value, and what of status and times is there; servers' own time is
    passed over."""
    tail = ((_STATUS, "I"), (_SOURCE, "q"), (_SERVER, "8x"))
    return Struct(f"<Ixx{code}" + "".join(more for bit, more in tail if parts & bit))
