"""Registers of which nobody has said what they hold: what they may be, the likely first. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from bms.texts.messages import Message, msg
from drivers.points import Value

Orders: TypeAlias = tuple[str, str]
"""Word and byte order, each `big` or `little`."""

_KINDS = {
    "uint16": 1, "int16": 1, "uint32": 2, "int32": 2, "float32": 2,
    "uint64": 4, "int64": 4, "float64": 4,
}  # fmt: skip
"""Types and the registers that each takes."""
_ORDERS: dict[Orders, str] = {
    ("big", "big"): "{type}",
    ("little", "big"): "{type} (low word first)",
    ("big", "little"): "{type} (bytes swapped)",
    ("little", "little"): "{type} (low word first, bytes swapped)",
}
_SMALL = 0x0400
"""A register below this, or as far below 0, is likely a number of its own: no usual float begins
or ends so."""
_USUAL = (1e-3, 1e8)
"""What measured values lie between."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read registers."""

    kind: str
    orders: Orders
    registers: int
    words: Message


def _words(kind: str, orders: Orders) -> Message:
    """Written out: the catalogue finds templates by their calls."""
    match orders:
        case ("little", "big"):
            return msg("{type} (low word first)", type=kind)
        case ("big", "little"):
            return msg("{type} (bytes swapped)", type=kind)
        case ("little", "little"):
            return msg("{type} (low word first, bytes swapped)", type=kind)
    return msg("{type}", type=kind)


def _all() -> Mapping[str, Reading]:
    found: dict[str, Reading] = {}
    for kind, registers in _KINDS.items():
        for orders, name in _ORDERS.items():
            if orders[0] == "big" or registers > 1:
                reading = Reading(kind, orders, registers, _words(kind, orders))
                found[name.format(type=kind)] = reading
    return MappingProxyType(found)


READINGS: Mapping[str, Reading] = _all()
"""By the name that programs get: `uint32 (low word first)`."""


def by_likelihood(data: bytes, found: Mapping[str, Value | str]) -> Sequence[str]:
    """The names of readings, the likely ones first; `found` are their values for these bytes."""
    words = [int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2)]
    return sorted(found, key=lambda name: -_score(READINGS[name], words, found[name]))


def _score(reading: Reading, words: Sequence[int], value: Value | str) -> float:
    low_first, swapped = (order == "little" for order in reading.orders)
    used = words[: reading.registers]
    penalty = 0.3 * low_first + 0.5 * swapped
    if reading.kind.startswith("float"):
        return _float_score(used, value) - penalty
    if swapped:
        return 0.2 - penalty
    if reading.registers == 1:
        as_signed = reading.kind == "int16"
        small = _is_small(used[0]) and used[0] != 0 and as_signed == (used[0] > 0x7FFF)
        return 3.0 if small else 1.0 - 0.1 * as_signed
    first, *rest = reversed(used) if low_first else used
    if first == 0 and any(rest):  # a counter that is not full yet
        unsigned = reading.kind.startswith("u")
        return 2.5 + 0.2 * unsigned - penalty - 0.1 * reading.registers
    return 0.5 - penalty - 0.1 * reading.registers


def _float_score(used: Sequence[int], value: Value | str) -> float:
    if not isinstance(value, float) or not math.isfinite(value) or not value:
        return 0.0
    if not _USUAL[0] <= abs(value) <= _USUAL[1]:
        return 0.0
    # A first register that is a small number of its own is one: two of them look like a float
    # of other orders now and then.
    own = used[0] != 0 and _is_small(used[0])
    return 2.6 if own else 4.0


def _is_small(word: int) -> bool:
    return word < _SMALL or word > 0xFFFF - _SMALL
