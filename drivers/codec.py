"""Registers to values and back. Pure; everything is prepared once, when points are loaded.

Scaling is exact: scale and offset are taken as the decimals they are written as, and for integer
types `raw * scale + offset` is rounded once, to the nearest float. Raw 1234 at scale 0.01 is 12.34.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from struct import Struct
from typing import TypeAlias, cast

from drivers.points import ModbusAddress, RegisterType, Value

Converter: TypeAlias = Callable[[int | float], Value]

_CODES: dict[RegisterType, str] = {
    "bool": "H",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
_REGISTERS = {"H": 1, "h": 1, "i": 2, "I": 2, "q": 4, "Q": 4, "f": 2, "d": 4}
_LIMITS = {
    "h": (-(2**15), 2**15 - 1),
    "H": (0, 2**16 - 1),
    "i": (-(2**31), 2**31 - 1),
    "I": (0, 2**32 - 1),
    "q": (-(2**63), 2**63 - 1),
    "Q": (0, 2**64 - 1),
}
_BIT_TABLES = ("coil", "discrete")
_SIXTEEN_BITS = ("bool", "int16", "uint16")
_SCALE_LIMIT = 1e15  # keeps every scaled integer inside the range of a float


def is_bit_table(address: ModbusAddress) -> bool:
    """True for coils and discrete inputs, which hold bits and not registers."""
    return address.table in _BIT_TABLES


def width(address: ModbusAddress) -> int:
    """Registers (or, for coils and discrete inputs, bits) that the point occupies: 1, 2 or 4."""
    return 1 if is_bit_table(address) else _REGISTERS[_CODES[address.type]]


def all_usable(values: Sequence[Value]) -> bool:
    """True if all numbers are finite. False may be a false alarm: then look at each value."""
    return math.isfinite(sum(cast("Sequence[float]", values)))


def unusable(value: object) -> str:
    """`nan`, `inf` or `-inf` if the value is one of them, else empty."""
    return str(value) if isinstance(value, float) and not math.isfinite(value) else ""


@dataclass(frozen=True, slots=True)
class Codec:
    """How one point's registers are read and written. Made by `codec`.

    `swapped`: the bytes of each register are exchanged first; `code` and `endian` are then
    `struct`'s. `convert` makes the value of the raw number (None: they are the same).
    """

    code: str
    endian: str
    swapped: bool
    convert: Converter | None
    bit: int | None
    _to_raw: Callable[[Value], int | float]

    def encode(self, value: Value) -> bytes:
        """The bytes on the wire, in register order. ValueError says what is wrong with the value.

        Not for points with a `bit`: see `set_bit`.
        """
        try:
            packed = Struct(self.endian + self.code).pack(self._to_raw(value))
        except OverflowError:
            raise ValueError(f"{value} is too large for this point") from None
        return _swap(packed) if self.swapped else packed

    def decode(self, data: bytes) -> Value:
        """The value of exactly this point's bytes."""
        raw = Struct(self.endian + self.code).unpack(_swap(data) if self.swapped else data)[0]
        return cast("Value", raw if self.convert is None else self.convert(raw))

    def set_bit(self, register: bytes, value: Value) -> bytes:
        """The two bytes of `register` with this point's bit set or cleared."""
        if self.bit is None:
            raise ValueError("the point is not one bit of a register")
        mask = 1 << self.bit
        order = "little" if self.swapped != (self.endian == "<") else "big"
        number = int.from_bytes(register, order)  # type: ignore[arg-type]
        number = number | mask if as_bool(value) else number & ~mask
        return number.to_bytes(2, order)  # type: ignore[arg-type]


def codec(address: ModbusAddress) -> Codec:
    """Prepare a point. ValueError if the address makes no sense."""
    _check(address)
    if is_bit_table(address):
        return Codec("?", ">", False, None, None, as_bool)
    # Modbus is big/big. A value whose bytes are exchanged within each register is brought to
    # plain big or little order by one exchange; little/little is plain little order as it is.
    swapped = address.word_order != address.byte_order
    endian = ">" if address.word_order == "big" else "<"
    code = _CODES[address.type]
    if address.bit is not None:
        return Codec("H", endian, swapped, _bit_converter(address.bit), address.bit, as_bool)
    if address.type == "bool":
        return Codec(code, endian, swapped, _is_not_zero, None, as_bool)
    scaling = _Scaling(address.scale, address.offset)
    if code in "fd":
        return Codec(code, endian, swapped, scaling.from_float(), None, scaling.to_float)
    low, high = _LIMITS[code]
    return Codec(
        code, endian, swapped, scaling.from_int(), None, lambda v: scaling.to_int(v, low, high)
    )


def _check(address: ModbusAddress) -> None:
    last = address.address + width(address) - 1
    if not 0 <= address.address <= last <= 0xFFFF:
        raise ValueError(f"address {address.address} is not within 0 to 65535")
    if not 0 <= address.unit <= 255:
        raise ValueError(f"unit {address.unit} is not within 0 to 255")
    if address.bit is not None:
        if is_bit_table(address):
            raise ValueError("'bit' picks a bit of a register; a coil or discrete input is one bit")
        if address.type not in _SIXTEEN_BITS:
            raise ValueError(f"'bit' needs a 16-bit register, not {address.type}")
        if not 0 <= address.bit <= 15:
            raise ValueError(f"bit {address.bit} is not within 0 to 15")
    if not 1 / _SCALE_LIMIT <= abs(address.scale) <= _SCALE_LIMIT:
        raise ValueError(f"scale {address.scale} is not usable")
    if not abs(address.offset) <= _SCALE_LIMIT:
        raise ValueError(f"offset {address.offset} is not usable")
    on_off = is_bit_table(address) or address.type == "bool" or address.bit is not None
    if on_off and (address.scale != 1 or address.offset != 0):
        raise ValueError("an on/off point has no scale and no offset")


class _Scaling:
    """value = (raw * factor + shift) / divisor, all three whole numbers."""

    def __init__(self, scale: float, offset: float) -> None:
        exact_scale, exact_offset = Fraction(str(scale)), Fraction(str(offset))
        self.divisor = math.lcm(exact_scale.denominator, exact_offset.denominator)
        self.factor = int(exact_scale * self.divisor)
        self.shift = int(exact_offset * self.divisor)
        self.scale, self.offset = scale, offset
        self.none = scale == 1 and offset == 0

    def from_int(self) -> Converter | None:
        if self.none:
            return None
        factor, shift, divisor = self.factor, self.shift, self.divisor
        if factor == 1 and shift == 0:
            return lambda raw: raw / divisor
        return lambda raw: (raw * factor + shift) / divisor

    def from_float(self) -> Converter | None:
        if self.none:
            return None
        scale, offset = self.scale, self.offset
        if self.factor == 1 and self.shift == 0:
            divisor = float(self.divisor)  # 1 / 1000 is exact where * 0.001 is not
            return lambda raw: raw / divisor
        return lambda raw: raw * scale + offset

    def to_int(self, value: Value, low: int, high: int) -> int:
        number = _number(value)
        raw = round((Fraction(number) * self.divisor - self.shift) / self.factor)
        if not low <= raw <= high:
            ends = sorted(((raw_end * self.factor + self.shift) / self.divisor)
                          for raw_end in (low, high))  # fmt: skip
            raise ValueError(f"{value} is out of range: the point holds {ends[0]:g} to {ends[1]:g}")
        return raw

    def to_float(self, value: Value) -> float:
        number = _number(value)
        if self.none:
            return float(number)
        return float((Fraction(number) * self.divisor - self.shift) / self.factor)


def as_bool(value: Value) -> bool:
    """On or off. ValueError for anything but true, false, 0 and 1."""
    if isinstance(value, str) or value not in (0, 1):
        raise ValueError(f"{value!r} is neither on nor off; write true or false")
    return bool(value)


def _number(value: Value) -> int | float:
    if isinstance(value, str):
        raise ValueError(f"{value!r} is not a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be written")
    return value


def _is_not_zero(raw: int | float) -> bool:
    return raw != 0


def _bit_converter(bit: int) -> Converter:
    mask = 1 << bit
    return lambda raw: int(raw) & mask != 0


def _swap(data: bytes) -> bytes:
    """Exchange the two bytes of each register."""
    registers = array("H", data)
    registers.byteswap()
    return registers.tobytes()


@dataclass(frozen=True, slots=True)
class _Run:
    """Non-overlapping fields of one order, unpacked by one struct."""

    struct: Struct
    swapped: bool

    def unpack(self, data: bytes, at: int) -> tuple[int | float, ...]:
        if self.swapped:
            return self.struct.unpack(_swap(data[at : at + self.struct.size]))
        return self.struct.unpack_from(data, at)


class RegisterBlock:
    """Decodes the registers of one answer into the values of its points.

    `fields` gives each point's offset in registers from the block's start, and its codec. Points
    may overlap (several bits of one register), and may come in any order.
    """

    def __init__(self, fields: Sequence[tuple[int, Codec]]) -> None:
        runs: list[list[tuple[int, str]]] = []
        orders: list[tuple[str, bool]] = []
        place: dict[tuple[int, str, str, bool], tuple[int, int]] = {}
        for offset, item in sorted(fields, key=lambda field: field[0]):
            key = (offset, item.code, item.endian, item.swapped)
            if key in place:
                continue
            order = (item.endian, item.swapped)
            for number, run in enumerate(runs):
                if orders[number] == order and _end(run[-1]) <= offset:
                    break
            else:
                number = len(runs)
                runs.append([])
                orders.append(order)
            place[key] = (number, len(runs[number]))
            runs[number].append((offset, item.code))
        self._runs = [
            _Run(_struct(run, endian), swapped)
            for run, (endian, swapped) in zip(runs, orders, strict=True)
        ]
        starts = [sum(len(run) for run in runs[:number]) for number in range(len(runs))]
        steps: list[tuple[int, Converter | None]] = []
        for offset, item in fields:
            number, index = place[(offset, item.code, item.endian, item.swapped)]
            steps.append((starts[number] + index, item.convert))
        self._steps = steps
        self._raw_is_value = len(runs) == 1 and steps == [(i, None) for i in range(len(steps))]
        self.plain = (
            self._runs[0].struct if self._raw_is_value and not self._runs[0].swapped else None
        )
        """The struct that does it all, if unpacking is all there is to do."""

    def __call__(self, data: bytes, at: int) -> Sequence[Value]:
        """Values in the order of the fields; `at` is where the registers begin in `data`."""
        if len(self._runs) == 1:
            raw = self._runs[0].unpack(data, at)
            if self._raw_is_value:
                return raw
        else:
            raw = tuple(number for run in self._runs for number in run.unpack(data, at))
        return [
            raw[index] if convert is None else convert(raw[index]) for index, convert in self._steps
        ]


class BitBlock:
    """Decodes the packed bits of one answer; `offsets` count bits from the block's start."""

    def __init__(self, offsets: Sequence[int]) -> None:
        self._places = [(offset >> 3, 1 << (offset & 7)) for offset in offsets]

    def __call__(self, data: bytes, at: int) -> Sequence[Value]:
        """Values in the order of the offsets; `at` is where the bits begin in `data`."""
        return [data[at + byte] & mask != 0 for byte, mask in self._places]


def _end(field: tuple[int, str]) -> int:
    return field[0] + _REGISTERS[field[1]]


def _struct(run: Sequence[tuple[int, str]], endian: str) -> Struct:
    parts: list[str] = []
    position = 0
    for offset, code in run:
        if offset > position:
            parts.append(f"{2 * (offset - position)}x")
        parts.append(code)
        position = offset + _REGISTERS[code]
    return Struct(endian + "".join(parts))
