"""Registers to values and back. Pure.

Everything is prepared once, when points are loaded.

Scaling is exact: scale and offset are taken as the decimals they are written as, and for integer
types `raw * scale + offset` is rounded once, to the nearest float. Raw 1234 at scale 0.01 is 12.34.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from struct import Struct
from types import MappingProxyType
from typing import Any, cast

from bms.texts.messages import Message, msg
from drivers.codec.codes import (
    States,
    label_converter,
    label_to_raw,
    not_available,
    not_implemented,
    text_converter,
    text_to_raw,
)
from drivers.codec.scaling import (
    FLOATS,
    Converter,
    Scaling,
    Unusable,
    check_range,
    finite,
    part_of,
    ranged_by,
)
from drivers.points import ModbusAddress, RegisterType, Value

_CODES: dict[RegisterType, str] = {
    "bool": "H",
    "int8": "H",
    "uint8": "H",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "bcd16": "H",
    "bcd32": "I",
}
_BITS = {"h": 16, "H": 16, "e": 16, "i": 32, "I": 32, "f": 32, "q": 64, "Q": 64, "d": 64}
_HALVES = ("int8", "uint8")
_BIT_TABLES = ("coil", "discrete")
_SIXTEEN_BITS = ("bool", "int16", "uint16")
_SCALE_LIMIT = 1e15  # keeps every scaled integer inside the range of a float
MAX_STRING = 123
"""Registers of a string: what one write can carry."""
EXPONENTS = (-10, 10)
"""Powers of ten that a scale factor register may hold (SunSpec information model, sunssf)."""


def is_bit_table(address: ModbusAddress) -> bool:
    """True for coils and discrete inputs, which hold bits and not registers."""
    return address.table in _BIT_TABLES


def width(address: ModbusAddress) -> int:
    """Registers (or, for coils and discrete inputs, bits) that the point occupies."""
    if is_bit_table(address):
        return 1
    return address.length if address.type == "string" else _BITS[_CODES[address.type]] // 16


@dataclass(frozen=True, slots=True)
class Codec:
    """How one point's registers are read and written. Made by `codec`.

    `swapped`: the bytes of each register are exchanged first; `code` and `endian` are then
    `struct`'s. `convert` makes the value of the raw number (None: they are the same). `bits` and
    `shift` say which part of a register the point is, if it is only a part. `scaled` gives the
    converter for one power of ten, for points with a scale factor register.
    """

    code: str
    endian: str
    swapped: bool
    convert: Converter | None
    bits: int = 0
    shift: int = 0
    scaled: Callable[[int], Converter | None] | None = None
    _to_raw: Callable[[Value, int], Any] = lambda value, _: value

    @property
    def partial(self) -> bool:
        """The point is a bit or a half of its register, and is written with the rest of it."""
        return self.bits > 0

    def raw(self, value: Value) -> int | float:
        """The number that stands for a value. ValueError says what is wrong with the value."""
        found: int | float = self._to_raw(value, 0)
        return found

    def encode(self, value: Value, exponent: int = 0) -> bytes:
        """The bytes on the wire, in register order. ValueError says what is wrong with the value.

        `exponent` is what the scale factor register holds, for a point that has one. Not for
        points that are a part of a register: see `merge`.
        """
        try:
            packed = Struct(self.endian + self.code).pack(self._to_raw(value, exponent))
        except OverflowError:
            raise ValueError(msg("{number} is too large for this point", number=value)) from None
        return swap(packed) if self.swapped else packed

    def decode(self, data: bytes, exponent: int = 0) -> Value:
        """The value of exactly this point's bytes. Raises Unusable if they are none."""
        raw = Struct(self.endian + self.code).unpack(swap(data) if self.swapped else data)[0]
        convert = self.convert if self.scaled is None else self.scaled(exponent)
        return cast("Value", raw if convert is None else convert(raw))

    def merge(self, register: bytes, value: Value) -> bytes:
        """The two bytes of `register` with this point's part of it changed."""
        mask, part = self.masked(value)
        order = self._order
        return (int.from_bytes(register, order) & ~mask | part).to_bytes(2, order)  # type: ignore[arg-type]

    def masked(self, value: Value) -> tuple[int, int]:
        """The bits of the register that are the point's, and those to be set among them.

        Numbers as the register reads in this point's own byte order.
        """
        if not self.partial:
            raise ValueError(msg("the point is not a part of a register"))
        mask = (1 << self.bits) - 1
        return mask << self.shift, (self._to_raw(value, 0) & mask) << self.shift

    @property
    def _order(self) -> str:
        return "little" if self.swapped != (self.endian == "<") else "big"


def codec(address: ModbusAddress) -> Codec:
    """Prepare a point. ValueError if the address makes no sense."""
    _check(address)
    if is_bit_table(address):
        one = States(address, 1, signed=False)
        return Codec("?", ">", False, _is_zero if one.inverted else None, _to_raw=one.to_raw)
    if address.type == "string":
        return _text(address)
    # Modbus is big/big. A value whose bytes are exchanged within each register is brought to
    # plain big or little order by one exchange; little/little is plain little order as it is.
    swapped = address.word_order != address.byte_order
    endian = ">" if address.word_order == "big" else "<"
    code = _CODES[address.type]
    invalid = _invalid(address, code)
    if address.bit is not None:
        one = States(address, 1, signed=False)
        convert = invalid(_bit_converter(address.bit, inverted=one.inverted))
        return Codec("H", endian, swapped, convert, 1, address.bit, None, one.to_raw)
    bits, shift = (8, 8 * (address.half == "big")) if address.type in _HALVES else (0, 0)
    if address.is_state:
        signed = address.type.startswith("int")
        states = States(address, bits or _BITS[code], signed=signed)
        convert = invalid(states.converter(part_of(address.type, shift)))
        return Codec(code, endian, swapped, convert, bits, shift, None, states.to_raw)
    if address.labels:
        part = part_of(address.type, shift)
        texts = MappingProxyType(dict(address.labels))
        convert = invalid(label_converter(texts, part))
        return Codec(code, endian, swapped, convert, bits, shift, None, label_to_raw(texts))
    scalings: dict[int, Scaling] = {}

    def scaling(exponent: int) -> Scaling:
        found = scalings.get(exponent)
        if found is None:
            found = scalings[exponent] = Scaling(address, exponent)
        return found

    def to_raw(value: Value, exponent: int) -> int | float:
        check_range(value, address)
        return scaling(exponent).to_raw(value)

    def converter(exponent: int) -> Converter | None:
        return invalid(ranged_by(address, scaling(exponent).converter(shift)))

    if address.scale_address is None:
        return Codec(code, endian, swapped, converter(0), bits, shift, None, to_raw)
    return Codec(code, endian, swapped, None, bits, shift, _cached(converter), to_raw)


def exponent_of(raw: int) -> int:
    """The power of ten in a scale factor register. Raises Unusable."""
    if not EXPONENTS[0] <= raw <= EXPONENTS[1]:
        if raw == -0x8000:
            raise Unusable(not_implemented("0x8000"))
        raise Unusable(msg("the scale factor register holds {exponent}", exponent=raw))
    return raw


def _check(address: ModbusAddress) -> None:
    if address.type == "string" and not 1 <= address.length <= MAX_STRING:
        raise ValueError(
            msg(
                "a text of {count} registers is not within 1 to {limit}",
                count=address.length,
                limit=MAX_STRING,
            )
        )
    last = address.address + width(address) - 1
    if not 0 <= address.address <= last <= 0xFFFF:
        raise ValueError(msg("address {address} is not within 0 to 65535", address=address.address))
    if not 0 <= address.unit <= 255:
        raise ValueError(msg("unit {unit} is not within 0 to 255", unit=address.unit))
    if address.bit is not None:
        if is_bit_table(address):
            raise ValueError(
                msg("'bit' picks a bit of a register; a coil or discrete input is one bit")
            )
        if address.type not in _SIXTEEN_BITS:
            raise ValueError(msg("'bit' needs a 16-bit register, not {type}", type=address.type))
        if not 0 <= address.bit <= 15:
            raise ValueError(msg("bit {bit} is not within 0 to 15", bit=address.bit))
    if not 1 / _SCALE_LIMIT <= abs(address.scale) <= _SCALE_LIMIT:
        raise ValueError(msg("scale {scale} is not usable", scale=address.scale))
    if not abs(address.offset) <= _SCALE_LIMIT:
        raise ValueError(msg("offset {offset} is not usable", offset=address.offset))
    _check_kind(address)
    if address.low is not None and address.high is not None and address.low > address.high:
        raise ValueError(
            msg(
                "the range from {least:g} to {most:g} is empty",
                least=address.low,
                most=address.high,
            )
        )


def _check_kind(address: ModbusAddress) -> None:
    """What belongs to some types only."""
    on_off = address.is_state
    one_bit = is_bit_table(address) or address.bit is not None
    text = address.type == "string"
    scaled = address.scale != 1 or address.offset != 0 or address.scale_address is not None
    ranged = address.low is not None or address.high is not None
    if on_off and scaled:
        raise ValueError(msg("an on/off point has no scale and no offset"))
    if text and scaled:
        raise ValueError(msg("a text has no scale and no offset"))
    if (on_off or text) and ranged:
        raise ValueError(msg("only a number has a range"))
    if (address.on or address.off) and text:
        raise ValueError(msg("a text is neither on nor off"))
    if address.labels and (one_bit or text or address.type in FLOATS):
        raise ValueError(msg("only a whole number has labels"))
    if address.labels and (scaled or ranged):
        raise ValueError(msg("a point with labels has no scale, offset or range"))
    if not on_off and len({label for _, label in address.labels}) < len(address.labels):
        raise ValueError(msg("two numbers have the same label: it could not be written"))
    if is_bit_table(address) and address.not_available:
        raise ValueError(msg("a coil or discrete input is always available"))
    if address.scale_address is not None and not 0 <= address.scale_address <= 0xFFFF:
        raise ValueError(
            msg(
                "{key} {address} is not within 0 to 65535",
                key="scale_address",
                address=address.scale_address,
            )
        )
    if text and address.word_order == "little":
        raise ValueError(
            msg(
                "a text has no word order; {setting} exchanges its characters",
                setting="byte_order: little",
            )
        )


# --- what the device calls no value ------------------------------------------------------------


def _invalid(address: ModbusAddress, code: str) -> Callable[[Converter | None], Converter | None]:
    """Puts the device's not-available codes before a converter."""
    if not address.not_available:
        return lambda convert: convert
    bits = _BITS[code]
    number, pattern = Struct(">" + code), Struct(">" + {16: "H", 32: "I", 64: "Q"}[bits])
    codes: dict[Any, Message] = {}
    for given in address.not_available:
        if not 0 <= given < 2**bits:
            raise ValueError(
                msg("{code} does not fit {type}", code=f"0x{given:X}", type=address.type)
            )
        raw = number.unpack(pattern.pack(given))[0]
        codes[raw] = not_available(f"0x{given:0{bits // 4}X}")
    if address.type in FLOATS:
        return lambda convert: _by_pattern(codes, number, convert)

    def before(convert: Converter | None) -> Converter:
        def available(raw: Any) -> Value:
            text = codes.get(raw)
            if text is not None:
                raise Unusable(text)
            return cast("Value", raw) if convert is None else convert(raw)

        return available

    return before


def _by_pattern(
    codes: Mapping[float, Message], number: Struct, convert: Converter | None
) -> Converter:
    """Compares patterns where numbers do not tell: 0x80000000 is equal to a true 0.0, and a NaN
    to nothing. A signalling NaN counts as the quiet one: `struct` does not tell them apart."""
    texts = {number.pack(code): text for code, text in codes.items()}
    use = finite if convert is None else convert

    def available(raw: float) -> Value:
        if raw in codes or raw != raw:
            text = texts.get(number.pack(raw))
            if text is not None:
                raise Unusable(text)
        return use(raw)

    return available


def _is_zero(raw: Any) -> bool:
    return not raw


def _bit_converter(bit: int, *, inverted: bool) -> Converter:
    mask = 1 << bit
    if inverted:
        return lambda raw: int(raw) & mask == 0
    return lambda raw: int(raw) & mask != 0


def _cached(make: Callable[[int], Converter | None]) -> Callable[[int], Converter | None]:
    made: dict[int, Converter | None] = {}

    def converter(exponent: int) -> Converter | None:
        if exponent not in made:
            made[exponent] = make(exponent)
        return made[exponent]

    return converter


def _text(address: ModbusAddress) -> Codec:
    size = 2 * address.length
    swapped = address.byte_order == "little"
    return Codec(f"{size}s", ">", swapped, text_converter, _to_raw=text_to_raw(size))


def swap(data: bytes) -> bytes:
    """Exchange the two bytes of each register."""
    registers = array("H", data)
    registers.byteswap()
    return registers.tobytes()
