"""Registers to values and back, against bytes written out by hand and pymodbus's conversion."""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.client.mixin import ModbusClientMixin

from drivers.codec.block import BitBlock, Field, RegisterBlock
from drivers.codec.encoding import codec, width
from drivers.codec.scaling import Unusable, check_whole
from drivers.points import ModbusAddress, Order, RegisterType, Value

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
WHOLE: tuple[RegisterType, ...] = ("int16", "uint16", "int32", "uint32")

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
    assert RegisterBlock([Field(0, made)]).read(b"?" * 9 + data, 9)[0] == pytest.approx(
        [value], abs=0
    )


@given(numbers, orders)
def test_pymodbus_reads_the_same(number: tuple[RegisterType, float], word_order: Order) -> None:
    kind, value = number
    data = codec(address(kind, word_order=word_order)).encode(value)
    registers = list(struct.unpack(f">{len(data) // 2}H", data))
    datatype = ModbusClientMixin.DATATYPE[kind.upper()]
    oracle = ModbusClientMixin.convert_from_registers(registers, datatype, word_order)
    assert oracle == value


SCALES = ["0.1", "0.01", "0.001", "0.5", "0.003", "10", "-0.1", "2.5", "0.0625"]


@given(
    st.sampled_from(WHOLE).flatmap(
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


@pytest.mark.parametrize(("raw", "value"), [(0, False), (1, True)])
def test_a_bool_in_a_register_is_0_or_1(raw: int, value: bool) -> None:
    made = codec(address("bool"))
    assert made.decode(raw.to_bytes(2, "big")) is value
    assert made.encode(value) == (b"\0\1" if value else b"\0\0")


@pytest.mark.case(
    "M13",
    when="A machine shows its state as a code that its device file does not name",
    then="The state is BAD and tells the code; no code counts as on that nobody declared",
)
@pytest.mark.parametrize("raw", [2, 6, 7, 255, 0xFF00, 0xFFFF])
def test_no_code_counts_as_on_that_nobody_declared(raw: int) -> None:
    with pytest.raises(Unusable, match=f"code {raw} .*neither on nor off"):
        codec(address("bool")).decode(raw.to_bytes(2, "big"))


STATES: dict[str, tuple[ModbusAddress, dict[str, bool | str], dict[bool, str]]] = {
    "1 and 255": (
        address("uint16", off=(255,)),
        {"0001": True, "00ff": False, "0006": "code 6 means", "0000": "code 0 means"},
        {True: "0001", False: "00ff"},
    ),
    "a control word": (
        address("uint16", on=(0x47F,), off=(0x47E,), labels=((6, "lock-out"),)),
        {"047f": True, "047e": False, "0006": "code 6 (lock-out)", "0001": "code 1 means"},
        {True: "047f", False: "047e"},
    ),
    "several": (
        address("uint16", on=(2, 3), off=(0, 1, 4)),
        {"0002": True, "0003": True, "0000": False, "0004": False, "0005": "code 5 means"},
        {True: "0002", False: "0000"},
    ),
    "signed": (
        address("int16", on=(0xFFFF,), off=(0,)),
        {"ffff": True, "0000": False, "8000": "code -32768 means"},
        {True: "ffff", False: "0000"},
    ),
    "negative": (address("int32", on=(-1,)), {"ffffffff": True, "00000000": False}, {}),
    "decimal digits": (
        address("bcd16", on=(12,), off=(10,)),
        {"0012": True, "0010": False, "0001": "code 1 means"},
        {True: "0012", False: "0010"},
    ),
    "two registers, low word first": (
        address("uint32", on=(70000,), off=(1,), word_order="little"),
        {"11700001": True, "00010000": False},
        {True: "11700001"},
    ),
    "with words": (
        address("bool", labels=((6, "lock-out"), (9, "lock-out"))),
        {"0001": True, "0009": "code 9 (lock-out) means neither on nor off"},
        {True: "0001"},
    ),
    "0 is on": (address("uint16", on=(0,)), {"0000": True, "0001": False}, {True: "0000"}),
    "left to the device": (
        address("uint16", on=(1,), off=(0,), left=2),
        {"0001": True, "0002": "the code of a release"},
        {True: "0001"},
    ),
    "in floating point": (
        address("float32", on=(1,), off=(0,)),
        {"3f800000": True, "80000000": False, "40c00000": "code 6 means", "7fc00000": "code nan"},
        {True: "3f800000"},
    ),
    "none at all": (
        address("uint16", on=(1,), off=(0,), not_available=(0xFFFF,)),
        {"ffff": "not available"},
        {},
    ),
}


@pytest.mark.parametrize("how", STATES)
def test_states_as_codes(how: str) -> None:
    where, read, written = STATES[how]
    made = codec(where)
    for data, meaning in read.items():
        if isinstance(meaning, bool):
            assert made.decode(bytes.fromhex(data)) is meaning, data
        else:
            with pytest.raises(Unusable, match=re.escape(meaning)):
                made.decode(bytes.fromhex(data))
    for value, code in written.items():
        assert made.encode(value) == bytes.fromhex(code)
        assert made.encode(int(value)) == bytes.fromhex(code)
    with pytest.raises(ValueError, match="neither on nor off"):
        made.encode(3)


def test_the_code_of_a_release_can_be_written() -> None:
    assert codec(address("uint16", on=(1,), off=(0,), left=2)).encode(2) == b"\0\2"


def test_half_a_register_as_a_state() -> None:
    made = codec(address("uint8", half="big", on=(3,), off=(4,)))
    assert made.decode(b"\3\x77") is True
    assert made.merge(b"\3\x77", False) == b"\4\x77"


def test_a_bit_of_which_0_is_on() -> None:
    bit = codec(address("uint16", bit=4, on=(0,)))
    assert (bit.decode(b"\0\x10"), bit.decode(b"\0\0")) == (False, True)
    assert bit.merge(b"\xff\xff", True) == b"\xff\xef"
    coil = codec(address("bool", table="coil", on=(0,), off=(1,)))
    assert (coil.raw(True), coil.raw(False)) == (0, 1)
    block = BitBlock([0, 0, 1], [1])
    assert list(block.read(b"\1", 0)[0]) == [True, False, False]


@pytest.mark.case(
    "M12",
    when="A maker gives a bit pattern as 'no value' of a floating point register",
    then="Patterns are compared, not numbers: a true 0.0 stays GOOD",
)
@pytest.mark.parametrize("word_order", ["big", "little"])
@pytest.mark.parametrize("byte_order", ["big", "little"])
@pytest.mark.parametrize("pattern", [0x80000000, 0x7FC00000, 0x7FA00001, 0xFFFFFFFF, 0x7F800000])
@pytest.mark.parametrize("scale", [1.0, 0.1])
def test_no_value_in_floating_point_is_a_pattern(
    word_order: Order, byte_order: Order, pattern: int, scale: float
) -> None:
    where = address(
        "float32",
        word_order=word_order,
        byte_order=byte_order,
        not_available=(pattern,),
        scale=scale,
    )
    made = codec(where)

    def wire(number: int) -> bytes:
        data = number.to_bytes(4, "big")
        data = data if word_order == "big" else data[2:] + data[:2]
        return data if byte_order == "big" else data[1::-1] + data[:1:-1]

    block = RegisterBlock([Field(0, made), Field(2, made)])
    values, wrong = block.read(wire(0) + wire(pattern), 0)
    assert (values[0], dict(wrong)) == (0.0, {1: f"not available (0x{pattern:08X})"})
    assert made.decode(wire(0x40600000)) == pytest.approx(3.5 * scale)
    assert made.encode(3.5 * scale) == wire(0x40600000)
    with pytest.raises(Unusable, match="sends nan"):
        made.decode(wire(0x7FC00009))
    with pytest.raises(ValueError, match="too large"):
        made.encode(1e300)


def test_no_value_in_other_floats() -> None:
    half = codec(address("float16", not_available=(0x8000,)))
    assert half.decode(b"\0\0") == 0.0
    with pytest.raises(Unusable, match="0x8000"):
        half.decode(b"\x80\0")
    double = codec(address("float64", not_available=(0x7FF8000000000000,), scale_address=9))
    assert double.decode(bytes.fromhex("3ff8000000000000"), 1) == 15.0
    with pytest.raises(Unusable, match="0x7FF8000000000000"):
        double.decode(bytes.fromhex("7ff8000000000000"), 0)


@given(st.integers(0, 65535), st.integers(0, 15), st.booleans(), orders, orders)
def test_one_bit_of_a_register(
    register: int, bit: int, on: bool, word_order: Order, byte_order: Order
) -> None:
    made = codec(address("uint16", bit=bit, word_order=word_order, byte_order=byte_order))
    data = register.to_bytes(2, byte_order)
    assert made.decode(data) is bool(register >> bit & 1)
    changed = int.from_bytes(made.merge(data, on), byte_order)
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
        (address("uint16", scale_address=65536), "scale_address 65536 is not within"),
        (address("uint16", scale_address=-1), "scale_address -1 is not within"),
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


@pytest.mark.parametrize("scale_address", [0, 65535])
def test_a_scale_may_lie_in_any_register(scale_address: int) -> None:
    codec(address("uint16", scale_address=scale_address))


def test_widths() -> None:
    found = {kind: width(address(kind)) for kind in get_args(RegisterType)}
    small = {"bool": 1, "int8": 1, "uint8": 1, "float16": 1, "bcd16": 1, "bcd32": 2, "string": 1}
    assert found == REGISTERS | small
    assert width(address("uint16", table="coil")) == 1
    assert width(address("string", length=8)) == 8


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
    made: list[Field] = []
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
        made.append(Field(at, item))
        try:
            value = item.decode(data[2 * at : 2 * (at + width(where))])
        except Unusable:
            value = math.nan
        expected.append(value)
    found, wrong = RegisterBlock(made).read(b"head" + data, 4)
    for number, value in enumerate(expected):
        if isinstance(value, float) and not math.isfinite(value):
            assert "sends" in wrong[number] or "neither on nor off" in wrong[number]
        else:
            assert number not in wrong
            assert repr(found[number]) == repr(value)


@given(st.lists(st.booleans(), min_size=1, max_size=70), st.data())
def test_packed_bits(bits: list[bool], data: st.DataObject) -> None:
    packed = bytearray((len(bits) + 7) // 8)
    for number, bit in enumerate(bits):
        packed[number // 8] |= bit << number % 8
    wanted = data.draw(st.lists(st.integers(0, len(bits) - 1)))
    found, wrong = BitBlock(wanted).read(b"head" + bytes(packed), 4)
    assert found == [bits[number] for number in wanted]
    assert not wrong


@pytest.mark.parametrize("order", ["big", "little"])
def test_numbers_that_are_not_finite_are_noticed(order: Order) -> None:
    """In a block of nothing but floats, and among others."""
    where = address("float32", word_order=order)
    data = codec(where).encode(1.5) + _float("nan", order) + _float("-inf", order)
    block = [Field(2 * n, codec(where)) for n in range(3)]
    _, wrong = RegisterBlock(block).read(data, 0)
    assert wrong == {1: "the device sends nan", 2: "the device sends -inf"}
    mixed = [Field(0, codec(address("uint16"))), *block]
    values, wrong = RegisterBlock(mixed).read(data, 0)
    assert wrong == {2: "the device sends nan", 3: "the device sends -inf"}
    assert values[1] == 1.5


def _float(text: str, order: Order) -> bytes:
    data = struct.pack(">f", float(text))
    return data if order == "big" else data[2:] + data[:2]


def test_a_sum_beyond_all_floats_is_no_false_alarm() -> None:
    block = RegisterBlock([Field(4 * n, codec(address("float64"))) for n in range(3)])
    values, wrong = block.read(struct.pack(">3d", 1.7e308, 1.7e308, 1.0), 0)
    assert values == (1.7e308, 1.7e308, 1.0)
    assert not wrong


def one(where: ModbusAddress, data: bytes) -> object:
    """The value, or why there is none, as a block gives it."""
    scale = where.scale_address
    field = Field(0, codec(where), None if scale is None else scale - where.address)
    values, wrong = RegisterBlock([field]).read(data, 0)
    return wrong.get(0, values[0])


@pytest.mark.parametrize(
    ("where", "register", "value"),
    [
        (address("uint8"), "12fe", 0xFE),
        (address("uint8", half="big"), "12fe", 0x12),
        (address("int8"), "12fe", -2),
        (address("int8", half="big"), "80fe", -128),
        (address("int8", half="big", byte_order="little"), "80fe", -2),
        (address("int8", scale=0.5), "0003", 1.5),
        (address("float16"), "3e00", 1.5),
        (address("float16", byte_order="little"), "003e", 1.5),
        (address("bcd16"), "1234", 1234),
        (address("bcd16", scale=0.1), "0095", 9.5),
        (address("bcd16"), "12a4", "0x12A4 is no binary coded decimal"),
        (address("bcd32"), "12345678", 12345678),
        (address("bcd32", word_order="little"), "56781234", 12345678),
        (address("int16", not_available=(0x8000,)), "8000", "not available (0x8000)"),
        (address("int16", not_available=(0x8000,), scale=0.1), "7fff", 3276.7),
        (address("uint16", not_available=(0xFFFF, 0)), "0000", "not available (0x0000)"),
        (address("uint16", bit=0, not_available=(0xFFFF,)), "ffff", "not available (0xFFFF)"),
        (address("uint32", not_available=(0xFFFFFFFF,)), "ffffffff", "not available (0xFFFFFFFF)"),
        (address("float32", not_available=(0xFF7FFFFF,)), "ff7fffff", "not available (0xFF7FFFFF)"),
        (address("float32", scale=1e10), "7f7fffff", pytest.approx(3.4028235e48)),
        (address("float64", scale=1e15), "7fefffffffffffff", "the device sends inf"),
        (address("uint16", scale=0.1, low=0, high=100), "03e8", 100.0),
        (address("uint16", scale=0.1, low=0, high=100), "03e9", "100.1 is outside 0 to 100"),
        (address("float32", low=-40), "c2480000", "-50 is outside -40 to inf"),
        (address("float32", high=10.0), "7fc00000", "nan is outside -inf to 10"),
        (address("uint16", labels=((0, "off"), (3, "heating"))), "0003", "heating"),
        (address("uint16", labels=((0, "off"),)), "0001", "1 has no label"),
        (address("uint8", labels=((18, "cooling"),), half="big"), "12fe", "cooling"),
        (address("string", length=3), "41424300 0000", "ABC"),
        (address("string", length=3), "4142 4320 2020", "ABC"),
        (address("string", length=3, byte_order="little"), "4241 0043 0000", "ABC"),
        (address("string", length=3), "e586b7 e69cba", "冷机"),
        (address("string", length=1), "ffff", "no text: ff ff"),
    ],
)
def test_what_registers_say(where: ModbusAddress, register: str, value: object) -> None:
    data = bytes.fromhex(register.replace(" ", ""))
    assert one(where, data) == value
    # Among others that need nothing, it says the same.
    size = len(data) // 2
    block = RegisterBlock([Field(0, codec(address("uint16"))), Field(1, codec(where))])
    values, wrong = block.read(b"\0\7" + data + b"\0" * 2, 0)
    assert values[0] == 7
    assert wrong.get(1, values[1]) == value
    assert size == width(where)


def test_a_scale_factor_register_moves_the_point() -> None:
    """SunSpec: 2305 with a factor of -1 is 230.5; 0x8000 is no factor."""
    where = address("int16", 0, scale_address=2, not_available=(0x8000,))
    assert one(where, struct.pack(">hhh", 2305, 0, -1)) == 230.5
    assert one(where, struct.pack(">hhh", 2305, 0, 2)) == 230500
    assert one(where, struct.pack(">hhh", 2305, 0, 0)) == 2305
    assert one(where, struct.pack(">hhh", -32768, 0, 0)) == "not available (0x8000)"
    assert one(where, struct.pack(">hhh", 1, 0, -32768)) == (
        "the scale factor register holds 0x8000: not implemented"
    )
    assert one(where, struct.pack(">hhh", 1, 0, 11)) == "the scale factor register holds 11"
    assert codec(where).encode(230.5, -1) == struct.pack(">h", 2305)
    ranged = address("int16", 0, scale_address=1, scale=0.001, high=5.0)
    assert one(ranged, struct.pack(">hh", 45, 2)) == 4.5
    assert one(ranged, struct.pack(">hh", 51, 2)) == "5.1 is outside -inf to 5"


@given(st.integers(0, 0xFFFF), st.integers(0, 255), st.sampled_from(["big", "little"]))
def test_writing_a_half_leaves_the_other(register: int, value: int, half: Order) -> None:
    made = codec(address("uint8", half=half))
    after = int.from_bytes(made.merge(register.to_bytes(2, "big"), value), "big")
    shift = 8 if half == "big" else 0
    assert after >> shift & 0xFF == value
    assert after >> (8 - shift) & 0xFF == register >> (8 - shift) & 0xFF


@pytest.mark.parametrize(
    ("where", "value", "data"),
    [
        (address("bcd16", scale=0.1), 12.3, "0123"),
        (address("bcd32"), 42, "00000042"),
        (address("string", length=2), "ab", "61620000"),
        (address("uint16", labels=((0, "off"), (3, "heating"))), "heating", "0003"),
        (address("float16"), 1.5, "3e00"),
    ],
)
def test_what_is_written(where: ModbusAddress, value: Value, data: str) -> None:
    assert codec(where).encode(value).hex() == data


@pytest.mark.parametrize(
    ("where", "value", "sentence"),
    [
        (address("bcd16"), 10000, "10000 is out of range: the point holds 0 to 9999"),
        (address("string", length=1), "abc", "longer than 2 bytes"),
        (address("string", length=1), 5, "5 is not a text"),
        (address("uint16", labels=((0, "off"), (1, "on"))), "auto", "'auto' is none of: off, on"),
        (address("uint16", labels=((0, "off"),)), 0, "0 is none of: off"),
        (address("uint16", low=5, high=9), 4.9, "4.9 is outside 5 to 9"),
        (address("float32", high=9), 10, "10 is outside -inf to 9"),
    ],
)
def test_what_is_not_written(where: ModbusAddress, value: Value, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        codec(where).encode(value)


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        (address("string", length=0), "a text of 0 registers"),
        (address("string", length=124), "a text of 124 registers"),
        (address("string", word_order="little"), "no word order"),
        (address("string", scale=2.0), "a text has no scale"),
        (address("bool", low=0.0), "only a number has a range"),
        (address("float32", labels=((0, "a"),)), "only a whole number has labels"),
        (address("uint16", on=(1, 2), off=(2,)), "cannot mean both on and off"),
        (address("uint16", on=(0x10000,)), "0x10000 does not fit uint16"),
        (address("uint16", bit=1, on=(2,)), "0x2 does not fit"),
        (address("uint16", on=(2,), scale=0.1), "no scale"),
        (address("string", length=2, on=(2,)), "a text is neither"),
        (address("uint16", labels=((0, "a"),), scale=2.0), "labels has no scale"),
        (address("uint16", labels=((0, "a"), (1, "a"))), "the same label"),
        (address("uint16", not_available=(0x10000,)), "0x10000 does not fit uint16"),
        (address("bool", table="coil", not_available=(1,)), "always available"),
        (address("uint16", low=2.0, high=1.0), "is empty"),
        (address("bool", scale_address=3), "no scale"),
    ],
)
def test_settings_that_do_not_go_together(where: ModbusAddress, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        codec(where)


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("int16", 26.5, "with scale 0.1 write 265"),
        ("uint32", -1.25, "with scale 0.01 write -125"),
        ("bcd16", 1 / 3, "whole numbers, not 0.333"),
        ("uint8", math.inf, "inf cannot be written"),
    ],
)
def test_a_fraction_is_no_whole_number(kind: RegisterType, value: float, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_whole(kind, value)


def test_what_may_be_written_as_it_is() -> None:
    for kind, value in (("int16", 26.0), ("int16", 26), ("float32", 26.5), ("bool", True)):
        check_whole(kind, value)  # type: ignore[arg-type]
