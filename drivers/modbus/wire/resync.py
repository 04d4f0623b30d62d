"""Getting back in step with a unit whose answers carry no id. Pure.

On a stream without transaction ids a late answer looks like the answer to the next request of the
same shape, and from then on every value is that of the request before (measured: one late answer
makes all that follow wrong, without any error). A unit answers in order. So after requests were
given up, the next one must be such that none of them could get its answer. When that answer comes,
the unit is in step again.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.modbus.wire.frames import (
    READ_FUNCTIONS,
    WRITE_COIL,
    WRITE_COILS,
    Request,
    read_request,
)
from drivers.points import Table

_TABLES: dict[int, Table] = {function: table for table, function in READ_FUNCTIONS.items()}
_MOST = 125


def probe(request: Request, owed: Sequence[Request]) -> Request | None:
    """What to ask first, because an answer still owed could pass for that to `request`.

    None if the request can be sent as it is. A probe is a read of another length, at the same
    address, that changes nothing.
    """
    if not any(_alike(request, other) for other in owed):
        return None
    table, address = _place(request)
    step = 8 if table in ("coil", "discrete") else 1
    asked = int.from_bytes(request.body[4:6], "big") if request.function in _TABLES else 1
    for count in _counts(asked, step):
        if address + count > 0x10000:
            continue
        found = read_request(request.unit, table, address, count)
        if not any(_alike(found, other) for other in (*owed, request)):
            return found
    return None


def look(request: Request) -> Request:
    """A read of where a request writes, that changes nothing."""
    return read_request(request.unit, *_place(request), 1)


def _place(request: Request) -> tuple[Table, int]:
    table = _TABLES.get(request.function)
    if table is None:
        table = "coil" if request.function in (WRITE_COIL, WRITE_COILS) else "holding"
    return table, int.from_bytes(request.body[2:4], "big")


def _counts(asked: int, step: int) -> list[int]:
    """Counts to try, the nearest first and fewer before more: a device has what it was asked."""
    most = _MOST * step
    found: list[int] = []
    for distance in range(step, most + step, step):
        found += [count for count in (asked - distance, asked + distance) if 1 <= count <= most]
    return found


def _alike(one: Request, other: Request) -> bool:
    """An answer to one could pass for an answer to the other."""
    return one.answer == other.answer and one.size == other.size
