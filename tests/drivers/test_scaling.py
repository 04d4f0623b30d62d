"""Scales and offsets to the last digit, both ways, and the ends of what a register holds."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from drivers.codec.encoding import codec
from drivers.points import ModbusAddress, RegisterType


def made(kind: RegisterType, **more: Any) -> Any:
    return codec(ModbusAddress(1, "holding", 0, kind, **more))


@pytest.mark.parametrize(
    ("kind", "scale", "offset", "raw", "value"),
    [
        ("int16", 1, 0, 185, 185),
        ("int16", 0.1, 0, 185, 18.5),
        ("int16", 0.1, 5, 100, 15.0),  # the factor is one, the shift is not
        ("int16", 1, 5, 100, 105),
        ("int16", 10, 0, 7, 70),
        ("int16", 10, -3, 7, 67),
        ("int16", 0.5, 0.25, 3, 1.75),
        ("int16", -0.1, 40, 150, 25.0),
        ("uint16", 0.001, 0, 1, 0.001),
    ],
)
def test_a_whole_register_and_its_value(
    kind: RegisterType, scale: float, offset: float, raw: int, value: float
) -> None:
    one = made(kind, scale=scale, offset=offset)
    data = struct.pack(">h" if kind == "int16" else ">H", raw)
    assert one.decode(data) == value
    assert one.encode(value) == data


@pytest.mark.parametrize(
    ("scale", "offset", "raw", "value"),
    [
        (1, 0, 2.5, 2.5),
        (0.1, 0, 185.0, 18.5),
        (0.1, 5, 100.0, 15.0),
        (1, 5, 1.5, 6.5),
        (4, 0, 1.5, 6),
    ],
)
def test_a_float_and_its_value(scale: float, offset: float, raw: float, value: float) -> None:
    one = made("float32", scale=scale, offset=offset)
    data = struct.pack(">f", raw)
    assert one.decode(data) == pytest.approx(value, abs=1e-12)
    assert one.encode(value) == data


@pytest.mark.parametrize(
    ("asked", "raw"),
    [(18.54, 185), (18.56, 186), (18.45, 184), (18.55, 186), (-18.55, -186), (0.04, 0)],
)
def test_what_lies_between_two_counts_goes_to_the_nearest(asked: float, raw: int) -> None:
    assert made("int16", scale=0.1).encode(asked) == struct.pack(">h", raw)


@pytest.mark.parametrize(
    ("kind", "scale", "least", "most"),
    [
        ("uint16", 1, 0, 65535),
        ("int16", 1, -32768, 32767),
        ("int16", 0.1, -3276.8, 3276.7),
        ("int16", -1, -32767, 32768),
        ("bcd16", 1, 0, 9999),
        ("uint32", 1, 0, 2**32 - 1),
    ],
)
def test_the_ends_of_a_register_are_taken_and_nothing_beyond(
    kind: RegisterType, scale: float, least: float, most: float
) -> None:
    one = made(kind, scale=scale)
    for value in (least, most):
        assert one.decode(one.encode(value)) == pytest.approx(value)
    step = abs(scale)
    for value in (least - step, most + step):
        with pytest.raises(ValueError, match=r"out of range: the point holds"):
            one.encode(value)


@pytest.mark.parametrize(
    ("value", "taken"), [(5.0, True), (40.0, True), (4.99, False), (40.01, False)]
)
def test_a_range_holds_its_ends(value: float, taken: bool) -> None:
    one = made("float64", low=5.0, high=40.0)
    data = struct.pack(">d", value)
    if taken:
        assert one.decode(data) == value
        assert one.encode(value) == data
        return
    with pytest.raises(ValueError, match="is outside 5 to 40"):
        one.encode(value)
    with pytest.raises(Exception, match="is outside 5 to 40"):
        one.decode(data)
