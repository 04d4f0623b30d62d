"""Registers to values and back, against bytes written out by hand and pymodbus's conversion."""

from __future__ import annotations

import math
import struct
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from drivers.codec import BitBlock, Codec, RegisterBlock, all_usable, codec, width
from drivers.points import ModbusAddress, Order, RegisterType

ORDERS: tuple[Order, ...] = ("big", "little")
RANGES: dict[RegisterType, tuple[int, int]] = {
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
    "int32": (-2147483648, 2147483647),
    "uint32": (0, 4294967295),
    "int64": (-9223372036854775808, 9223372036854775807),
    "uint64": (0, 18446744073709551615),
}
REGISTERS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2}
REGISTERS |= {"int64": 4, "uint64": 4, "float64": 4}
PYMODBUS = ModbusClientMixin.DATATYPE

orders = st.sampled_from(ORDERS)
numbers = st.sampled_from(sorted(RANGES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.integers(*RANGES[kind]))
) | st.one_of(
    st.tuples(st.just("float32"), st.floats(width=32, allow_nan=False, allow_infinity=False)),
    st.tuples(st.just("float64"), st.floats(allow_nan=False, allow_infinity=False)),
)


def wire(kind: str, value: float, word_order: Order, byte_order: Order) -> bytes:
    """The oracle: big-endian bytes, cut into registers, each step of the orders done by hand."""
    bits = 16 * REGISTERS[kind]
    if kind == "float32":
        whole = struct.pack(">f", value)
    elif kind == "float64":
        whole = struct.pack(">d", value)
    else:
        whole = (int(value) % 2**bits).to_bytes(bits // 8, "big")
    registers = [whole[i : i + 2] for i in range(0, len(whole), 2)]
    if word_order == "little":
        registers.reverse()
    if byte_order == "little":
        registers = [bytes((low, high)) for high, low in registers]
    return b"".join(registers)


def address(kind: Any = "uint16", at: int = 0, **more: Any) -> ModbusAddress:
    return ModbusAddress(1, more.pop("table", "holding"), at, kind, **more)


@given(numbers, orders, orders)
def test_every_type_in_every_order_is_what_the_bytes_say(
    number: tuple[RegisterType, float], word_order: Order, byte_order: Order
) -> None:
    kind, value = number
    made = codec(address(kind, word_order=word_order, byte_order=byte_order))
    data = wire(kind, value, word_order, byte_order)
    assert made.encode(value) == data
    decoded = made.decode(data)
    assert decoded == value
    assert type(decoded) is (float if kind.startswith("float") else int)
    assert RegisterBlock([(0, made)])(b"?" * 9 + data, 9) == pytest.approx([value], abs=0)


@given(numbers, orders)
def test_pymodbus_reads_the_same(number: tuple[RegisterType, float], word_order: Order) -> None:
    kind, value = number
    data = codec(address(kind, word_order=word_order)).encode(value)
    registers = list(struct.unpack(f">{len(data) // 2}H", data))
    oracle = ModbusClientMixin.convert_from_registers(registers, PYMODBUS[kind.upper()], word_order)
    assert oracle == value


SCALES = ["0.1", "0.01", "0.001", "0.5", "0.003", "10", "-0.1", "2.5", "0.0625"]


@given(
    st.sampled_from(["int16", "uint16", "int32", "uint32"]).flatmap(
        lambda kind: st.tuples(st.just(kind), st.integers(*RANGES[kind]))
    ),
    st.sampled_from(SCALES),
    st.sampled_from(["0", "-40", "273.15", "0.05"]),
)
def test_a_scaled_integer_is_the_float_nearest_to_the_decimal(
    number: tuple[RegisterType, int], scale: str, offset: str
) -> None:
    kind, raw = number
    made = codec(address(kind, scale=float(scale), offset=float(offset)))
    data = wire(kind, raw, "big", "big")
    value = made.decode(data)
    assert type(value) is float
    assert value == float(raw * Decimal(scale) + Decimal(offset))
    assert made.encode(value) == data


def test_1234_hundredths_are_12_34() -> None:
    assert codec(address("uint16", scale=0.01)).decode(b"\x04\xd2") == 12.34


@pytest.mark.parametrize(("raw", "value"), [(0, False), (1, True), (7, True), (65535, True)])
def test_a_bool_in_a_register_is_on_unless_zero(raw: int, value: bool) -> None:
    made = codec(address("bool"))
    assert made.decode(raw.to_bytes(2, "big")) is value
    assert made.encode(value) == (b"\0\1" if value else b"\0\0")


@given(st.integers(0, 65535), st.integers(0, 15), st.booleans(), orders, orders)
def test_one_bit_of_a_register(
    register: int, bit: int, on: bool, word_order: Order, byte_order: Order
) -> None:
    made = codec(address("uint16", bit=bit, word_order=word_order, byte_order=byte_order))
    data = register.to_bytes(2, byte_order)
    assert made.decode(data) is bool(register >> bit & 1)
    changed = int.from_bytes(made.set_bit(data, on), byte_order)
    assert changed == (register | 1 << bit if on else register & ~(1 << bit))


@pytest.mark.parametrize(
    ("point", "value", "sentence"),
    [
        (address("int16"), 32768, "32768 is out of range: the point holds -32768 to 32767"),
        (address("uint16"), -1, "-1 is out of range: the point holds 0 to 65535"),
        (address("int16", scale=0.1), 3276.8, "the point holds -3276.8 to 3276.7"),
        (address("int16", scale=-0.1), 3277.0, "the point holds -3276.7 to 3276.8"),
        (address("uint16"), math.nan, "nan cannot be written"),
        (address("float32"), math.inf, "inf cannot be written"),
        (address("float32"), 1e39, "too large"),
        (address("float64"), 10**400, "too large"),
        (address("uint16"), "12", "'12' is not a number"),
        (address("bool"), 2, "2 is neither on nor off"),
        (address("bool"), "on", "'on' is neither on nor off"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_a_sentence(
    point: ModbusAddress, value: Any, sentence: str
) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        codec(point).encode(value)
    assert sentence in str(error.value)


def test_values_are_rounded_to_the_nearest_count() -> None:
    assert codec(address("uint16")).encode(11.7) == b"\x00\x0c"
    assert codec(address("int16", scale=0.5)).encode(20.3) == b"\x00\x29"
    assert codec(address("uint16")).encode(True) == b"\x00\x01"


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        (address("uint16", 65536), "address 65536 is not within"),
        (address("uint32", 65535), "address 65535 is not within"),
        (address("uint16", -1), "address -1 is not within"),
        (address("uint32", bit=1), "'bit' needs a 16-bit register, not uint32"),
        (address("uint16", bit=16), "bit 16 is not within"),
        (address("bool", table="coil", bit=1), "one bit"),
        (address("uint16", scale=0.0), "scale 0.0 is not usable"),
        (address("uint16", scale=math.nan), "scale nan is not usable"),
        (address("uint16", offset=math.inf), "offset inf is not usable"),
        (address("bool", scale=2.0), "no scale"),
        (ModbusAddress(256, "holding", 0), "unit 256"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(point: ModbusAddress, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        codec(point)


def test_widths() -> None:
    found = {kind: width(address(kind)) for kind in get_args(RegisterType)}
    assert found == {"bool": 1} | REGISTERS
    assert width(address("uint16", table="coil")) == 1


fields = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from([*sorted(RANGES), "float32", "float64", "bool"]),
        orders,
        orders,
        st.sampled_from([1.0, 0.1, -2.5]),
        st.none() | st.integers(0, 15),
    ),
    min_size=1,
    max_size=20,
)


@given(fields, st.binary(min_size=68, max_size=68))
def test_a_block_gives_what_each_point_alone_gives(
    layout: list[tuple[int, RegisterType, Order, Order, float, int | None]], data: bytes
) -> None:
    """Mixed types and orders, overlaps, holes, any order of points."""
    made: list[tuple[int, Codec]] = []
    expected: list[Any] = []
    for at, kind, word_order, byte_order, scale, bit in layout:
        if kind == "bool":
            scale = 1.0
        if bit is not None:
            kind, scale = "uint16", 1.0
        where = address(
            kind, at, word_order=word_order, byte_order=byte_order, scale=scale, bit=bit
        )
        item = codec(where)
        made.append((at, item))
        expected.append(item.decode(data[2 * at : 2 * (at + width(where))]))
    found = list(RegisterBlock(made)(b"head" + data, 4))
    assert [repr(value) for value in found] == [repr(value) for value in expected]


@given(st.lists(st.booleans(), min_size=1, max_size=70), st.data())
def test_packed_bits(bits: list[bool], data: st.DataObject) -> None:
    packed = bytearray((len(bits) + 7) // 8)
    for number, bit in enumerate(bits):
        packed[number // 8] |= bit << number % 8
    wanted = data.draw(st.lists(st.integers(0, len(bits) - 1)))
    assert BitBlock(wanted)(b"head" + bytes(packed), 4) == [bits[number] for number in wanted]


def test_numbers_that_are_not_finite_are_noticed() -> None:
    assert all_usable([1, 2.5, True])
    assert not all_usable([1, math.nan])
    assert not all_usable([math.inf, -math.inf])
