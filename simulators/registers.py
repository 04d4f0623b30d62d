"""Values to Modbus registers and back, for the simulated devices.

Written on its own with `struct`, so that a mistake in the controller's codec shows.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Any

_STRUCT = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
_LIMITS = {
    "int16": (-(2**15), 2**15 - 1),
    "uint16": (0, 2**16 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "uint32": (0, 2**32 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint64": (0, 2**64 - 1),
}


class Cell:
    """Where one value lives in a table of 16-bit words (or of bits), and how it is written."""

    def __init__(self, at: Mapping[str, Any]) -> None:
        self.table: str = at["table"]
        self.address: int = at["address"]
        self.bit: int | None = at.get("bit")
        self._kind: str = at.get("type") or "uint16"
        self.is_bit = self.table in ("coil", "discrete")
        self.size = 1 if self.is_bit or self._kind == "bool" else struct.calcsize(self._code) // 2
        self._scale = float(at.get("scale") or 1.0)
        self._offset = float(at.get("offset") or 0.0)
        self._low_word_first = at.get("word_order") == "little"
        self._low_byte_first = at.get("byte_order") == "little"

    @property
    def _code(self) -> str:
        return ">" + _STRUCT[self._kind]

    @property
    def addresses(self) -> range:
        return range(self.address, self.address + self.size)

    def words(self, value: float, before: int = 0) -> list[int]:
        """The words that show `value`; out of range saturates, as a device's display would.

        NaN, no value, is shown as devices do: NaN, the least signed or the greatest unsigned
        number; a bit keeps what it was. `before` is the present word, whose other bits a single
        bit leaves alone.
        """
        if math.isnan(value) and (self.is_bit or self.bit is not None or self._kind == "bool"):
            return [before]  # a bit has no way to say that it knows nothing
        if self.is_bit or (self._kind == "bool" and self.bit is None):
            return [int(value != 0)]
        if self.bit is not None:
            mask = 1 << self.bit
            return [before | mask if value else before & ~mask]
        raw = (value - self._offset) / self._scale
        if self._kind in _LIMITS:
            low, high = _LIMITS[self._kind]
            if math.isnan(raw):  # a broken wire, as most devices show it
                raw = low if low else high
            packed = struct.pack(self._code, min(max(round(raw), low), high))
        else:
            packed = struct.pack(self._code, raw)
        return self._ordered(list(struct.unpack(f">{self.size}H", packed)))

    def value(self, words: list[int]) -> float:
        """The value that `words` show."""
        if self.bit is not None:
            return float(words[0] >> self.bit & 1)
        if self.is_bit or self._kind == "bool":
            return float(words[0] != 0)
        packed = struct.pack(f">{self.size}H", *self._ordered(words))
        (raw,) = struct.unpack(self._code, packed)
        return float(raw * self._scale + self._offset)

    def _ordered(self, words: list[int]) -> list[int]:
        if self._low_word_first:
            words = words[::-1]
        if self._low_byte_first:
            words = [(word & 0xFF) << 8 | word >> 8 for word in words]
        return words
