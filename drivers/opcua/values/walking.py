"""Data values from their bytes, each for itself.

A general decoder that makes an object of everything gives up a whole message for one value that
it cannot make. Here a value that no point can hold is stepped over, and says so: its neighbours
are read. Only bytes whose length nobody can know (a type that does not exist, a text longer than
the message) raise Unwalkable; whoever asked then asks for less at a time.

Layouts: OPC 10000-6, 5.2.2.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import TypeAlias

from asyncua import ua

from bms.texts.clean import device_text
from bms.texts.messages import Message, msg
from drivers.points import Value

READ_RESPONSE = 634
"""The identifier of the binary encoding in namespace 0 (OPC 10000-6, annex A)."""
_DEEPEST = 16
"""Values within values; nothing that a point can hold is nested."""
_DIMENSIONS, _ARRAY, _TYPE = 0x40, 0x80, 0x3F
_STRING, _NODE_ID, _LOCALIZED_TEXT = 12, 17, 21
_LAST_TYPE = 31
"""26 to 31 are not assigned, and are byte strings to whoever does not know them."""
_NUMBERS = {number: Struct(f"<{code}") for number, code in enumerate("?bBhHiIqQfd", start=1)}
_FIXED = {13: 8, 14: 16, 19: 4}
"""Bytes of a DateTime, a Guid and a StatusCode."""
_INT, _UINT, _LONG = Struct("<i"), Struct("<I"), Struct("<q")
_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PICO, _SERVER_PICO = 1, 2, 4, 8, 16, 32


class Unwalkable(Exception):
    """Nobody can say where the next value begins."""


@dataclass(frozen=True, slots=True)
class NoValue:
    """Something that no point can hold, and why."""

    detail: Message
    node: ua.NodeId | None = None
    """The node that it names, if it is a NodeId."""


Sent: TypeAlias = "Value | list[Sent] | NoValue | None"
"""What a variant holds: a number, a text, a list of either, nothing, or no value for a point."""


@dataclass(frozen=True, slots=True)
class SentValue:
    """One data value. Times are 100 ns since 1601, and 0 where the server gives none."""

    value: Sent
    status: int = 0
    source_time: int = 0
    kind: int = 0
    """The built-in type by number, 0 for none."""


NOT_UTF8 = NoValue(msg("text is not UTF-8"))
UNREADABLE = NoValue(msg("the server sends bytes that are no value"))


@lru_cache(maxsize=64)
def no_value_of(kind: int) -> NoValue:
    """A value of a type that no point can hold."""
    known = kind in ua.VariantType._value2member_map_
    name = ua.VariantType(kind).name if known else str(kind)
    return NoValue(msg("the server sends a {type}, not a number or text", type=name))


def data_value(data: bytes, at: int) -> tuple[SentValue, int]:
    """The data value that begins at `at`, and where the next thing begins. Raises Unwalkable."""
    try:
        return _data_value(data, at, 0)
    except (struct.error, IndexError, ValueError) as error:
        raise Unwalkable(str(error)) from None


def read_answer(data: bytes) -> list[SentValue]:
    """The data values of a whole ReadResponse, in order.

    Raises Unwalkable if it cannot be read to its end, and ua.UaStatusCodeError for a refusal.
    """
    try:
        return _read_answer(data)
    except (struct.error, IndexError, ValueError) as error:
        raise Unwalkable(str(error)) from None


def _read_answer(data: bytes) -> list[SentValue]:
    encoding, namespace, kind = struct.unpack_from("<BBH", data)
    if (encoding, namespace, kind) != (1, 0, READ_RESPONSE):
        raise Unwalkable("not a read response")
    result, at = response_header(data, 4)
    if result >> 30 > 1:
        ua.StatusCode(ua.UInt32(result)).check()
    count, at = _length(data, at)
    found = []
    for _ in range(count):
        value, at = _data_value(data, at, 0)
        found.append(value)
    at = skip_array(data, at, _skip_diagnostics)
    if at != len(data):
        raise Unwalkable("more than the response")
    return found


def response_header(data: bytes, at: int) -> tuple[int, int]:
    """The result of a response, and where its own fields begin."""
    (result,) = _UINT.unpack_from(data, at + 12)
    at = _skip_diagnostics(data, at + 16, 0)
    at = skip_array(data, at, _skip_bytes)
    return result, _skip_extension(data, at, 0)


def skip_array(data: bytes, at: int, skip: Callable[[bytes, int, int], int]) -> int:
    """Where an array ends whose elements `skip` steps over."""
    count, at = _length(data, at)
    for _ in range(count):
        at = skip(data, at, 1)
    return at


def skip_diagnostics(data: bytes, at: int) -> int:
    """Where an array of DiagnosticInfo ends."""
    return skip_array(data, at, _skip_diagnostics)


def _length(data: bytes, at: int, least: int = 1) -> tuple[int, int]:
    """How many elements follow, each of at least `least` bytes; none for a null array."""
    count = max(0, _INT.unpack_from(data, at)[0])
    if at + 4 + count * least > len(data):
        raise Unwalkable("more elements than bytes")
    return count, at + 4


def _data_value(data: bytes, at: int, depth: int) -> tuple[SentValue, int]:
    parts = data[at]
    at += 1
    value: Sent = None
    kind = status = source = 0
    if parts & _VALUE:
        value, kind, at = _variant(data, at, depth)
    if parts & _STATUS:
        (status,) = _UINT.unpack_from(data, at)
        at += 4
    if parts & _SOURCE:
        (source,) = _LONG.unpack_from(data, at)
        at += 8
    at += 2 * bool(parts & _SOURCE_PICO) + 8 * bool(parts & _SERVER)
    at += 2 * bool(parts & _SERVER_PICO)
    if at > len(data):
        raise Unwalkable("a value that ends early")
    return SentValue(value, status, source, kind), at


def _variant(data: bytes, at: int, depth: int) -> tuple[Sent, int, int]:
    """Value, type, and where it ends."""
    if depth > _DEEPEST:
        raise Unwalkable("values within values without end")
    head = data[at]
    at += 1
    kind = head & _TYPE
    if kind > _LAST_TYPE:
        raise Unwalkable(f"no type {kind}")
    if not head & _ARRAY:
        value, at = _scalar(data, at, kind, depth)
    else:
        value, at = _array(data, at, kind, depth)
    if head & _DIMENSIONS:
        count, at = _length(data, at, 4)
        at += 4 * count
    return value, kind, at


def _array(data: bytes, at: int, kind: int, depth: int) -> tuple[Sent, int]:
    null = _INT.unpack_from(data, at)[0] < 0
    layout = _NUMBERS.get(kind)
    least = layout.size if layout is not None else int(kind != 0)
    count, at = _length(data, at, least)
    if null:
        return None, at
    if layout is not None:
        size = count * layout.size
        return [row[0] for row in layout.iter_unpack(data[at : at + size])], at + size
    if not kind:
        return no_value_of(0), at
    found: list[Sent] = []
    for _ in range(count):
        value, at = _scalar(data, at, kind, depth)
        found.append(value)
    return found, at


def _scalar(data: bytes, at: int, kind: int, depth: int) -> tuple[Sent, int]:
    layout = _NUMBERS.get(kind)
    if layout is not None:
        number: Value = layout.unpack_from(data, at)[0]
        return number, at + layout.size
    if kind == 0:
        return None, at
    if kind == _STRING:
        return _text(data, at)
    if kind == _LOCALIZED_TEXT:
        return _localized(data, at)
    if kind == _NODE_ID:
        node, at = _node_id(data, at)
        return NoValue(no_value_of(kind).detail, node), at
    return no_value_of(kind), _skip(data, at, kind, depth)


def _text(data: bytes, at: int) -> tuple[Sent, int]:
    raw, at = _bytes(data, at)
    if raw is None:
        return None, at
    try:
        return device_text(raw.decode()), at
    except UnicodeDecodeError:
        return NOT_UTF8, at


def _localized(data: bytes, at: int) -> tuple[Sent, int]:
    parts = data[at]
    at += 1
    if parts & 1:
        at = _skip_bytes(data, at, 0)
    return _text(data, at) if parts & 2 else (None, at)


def _bytes(data: bytes, at: int) -> tuple[bytes | None, int]:
    (length,) = _INT.unpack_from(data, at)
    at += 4
    if length < 0:
        return None, at
    if at + length > len(data):
        raise Unwalkable("a text longer than its message")
    return data[at : at + length], at + length


def _node_id(data: bytes, at: int) -> tuple[ua.NodeId | None, int]:
    """A node's id; None for one that is no number."""
    encoding = data[at] & _TYPE
    if encoding == 0:
        return ua.NodeId(ua.Int32(data[at + 1])), at + 2
    if encoding == 1:
        space, number = struct.unpack_from("<BH", data, at + 1)
        return ua.NodeId(ua.Int32(number), ua.Int16(space)), at + 4
    space, number = struct.unpack_from("<HI", data, at + 1)
    if encoding == 2:
        return ua.NodeId(ua.Int32(number), ua.Int16(space)), at + 7
    if encoding == 4:
        return None, at + 19
    if encoding in (3, 5):
        return None, _skip_bytes(data, at + 3, 0)
    raise Unwalkable(f"no node id of encoding {encoding}")


# --- what is only stepped over -----------------------------------------------------------------


def _skip(data: bytes, at: int, kind: int, depth: int) -> int:
    """Where a scalar ends that no point can hold. Callers see to it that it lies in the data."""
    if kind in _FIXED:
        end = at + _FIXED[kind]
        if end > len(data):
            raise Unwalkable("a value that ends early")
        return end
    found = _SKIPPED.get(kind)
    return _skip_bytes(data, at, depth) if found is None else found(data, at, depth)


def _skip_bytes(data: bytes, at: int, _depth: int) -> int:
    return _bytes(data, at)[1]


def _skip_expanded_id(data: bytes, at: int, _depth: int) -> int:
    head = data[at]
    _, at = _node_id(data, at)
    if head & 0x80:
        at = _skip_bytes(data, at, 0)
    return at + 4 * bool(head & 0x40)


def _skip_name(data: bytes, at: int, _depth: int) -> int:
    return _skip_bytes(data, at + 2, 0)


def _skip_extension(data: bytes, at: int, _depth: int) -> int:
    """A structure is a node's id, what follows, and its bytes; -1 bytes are none."""
    _, at = _node_id(data, at)
    body = data[at]
    if body > 2:
        raise Unwalkable(f"no structure of encoding {body}")
    return _skip_bytes(data, at + 1, 0) if body else at + 1


def _skip_data_value(data: bytes, at: int, depth: int) -> int:
    return _data_value(data, at, depth + 1)[1]


def _skip_variant(data: bytes, at: int, depth: int) -> int:
    return _variant(data, at, depth + 1)[2]


def _skip_diagnostics(data: bytes, at: int, depth: int) -> int:
    if depth > _DEEPEST:
        raise Unwalkable("diagnostics within diagnostics without end")
    parts = data[at]
    at += 1 + 4 * sum(bool(parts & bit) for bit in (1, 2, 4, 8))
    if parts & 0x10:
        at = _skip_bytes(data, at, 0)
    at += 4 * bool(parts & 0x20)
    return _skip_diagnostics(data, at, depth + 1) if parts & 0x40 else at


_SKIPPED: dict[int, Callable[[bytes, int, int], int]] = {
    18: _skip_expanded_id,
    20: _skip_name,
    22: _skip_extension,
    23: _skip_data_value,
    24: _skip_variant,
    25: _skip_diagnostics,
}
"""By built-in type. All others are strings of bytes."""


def element(values: Sequence[Sent], index: int) -> Sent:
    """One element of a list, counted from 0."""
    if index < len(values):
        return values[index]
    return NoValue(
        msg(
            "the server sends {count} elements; there is no element {index}",
            count=len(values),
            index=index,
        )
    )
