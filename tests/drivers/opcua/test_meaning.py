"""What a node's value means to a point, and what is sent for one; without a server."""

from __future__ import annotations

from typing import Any

import pytest
from asyncua import ua

from drivers.opcua.values.meaning import Meaning
from drivers.points import Holds, OpcUaAddress, Point, Value

KIND = ua.VariantType
DOUBLE, INT16, UINT16, BOOL, STRING = (
    KIND.Double,
    KIND.Int16,
    KIND.UInt16,
    KIND.Boolean,
    KIND.String,
)


def meaning(holds: Holds = "number", unit: str = "", **settings: Any) -> Meaning:
    return Meaning(Point("a", OpcUaAddress("urn:x", "s=a", **settings), unit, True, holds=holds))


READ: dict[str, tuple[Meaning, Any, Value | None, str]] = {
    "tenths": (meaning(scale=0.1), 185, 18.5, ""),
    "ten times": (meaning(scale=10.0), 18, 180.0, ""),
    "exact": (meaning(scale=0.01), 1234, 12.34, ""),
    "kelvin": (meaning(offset=-273.0), 300.5, 27.5, ""),
    "scaled float": (meaning(scale=0.001), 12345.0, 12.345, ""),
    "in range": (meaning(low=-40, high=80, scale=0.1), 185, 18.5, ""),
    "out of range": (meaning(low=-40, high=80), 180.0, None, "180 is outside -40 to 80"),
    "bit": (meaning("state", bit=3), 0b1000, True, ""),
    "bit of a negative": (meaning("state", bit=15), -1, True, ""),
    "bit of a text": (
        meaning("state", bit=3), "8", None, "the server sends '8', not a whole number",
    ),
    "bit of a fraction": (
        meaning("state", bit=3), 8.5, None, "the server sends 8.5, not a whole number",
    ),
    "inverted bit": (meaning("state", bit=3, on=(0,)), 0b1000, False, ""),
    "element": (meaning(index=1), [1.5, 2.5], 2.5, ""),
    "scaled element": (meaning(index=0, scale=0.1), [215], 21.5, ""),
    "no element": (
        meaning(index=2), [1.5, 2.5], None,
        "the server sends 2 elements; there is no element 2",
    ),
    "element of one": (
        meaning(index=0), 1.5, None,
        "the server sends one value, and the point is an element of a list",
    ),
    "label": (meaning("any", labels=((0, "off"), (6, "lock-out"))), 6, "lock-out", ""),
    "no label": (meaning("any", labels=((0, "off"),)), 6, None, "6 has no label"),
    "state": (meaning("state"), True, True, ""),
    "state as number": (meaning("state"), 1, True, ""),
    "state as float": (meaning("state"), 0.0, False, ""),
    "undeclared code": (meaning("state"), 6, None, "code 6 means neither on nor off"),
    "declared code": (meaning("state", on=(1, 2), off=(255,)), 2, True, ""),
    "declared off": (meaning("state", on=(1, 2), off=(255,)), 255, False, ""),
    "outside the lists": (
        meaning("state", on=(1, 2), off=(255,)), 0, None, "code 0 means neither on nor off",
    ),
    "word": (meaning("state", on=("RUN", "Starting"), off=("STOP",)), "Starting", True, ""),
    "no such word": (
        meaning("state", on=("RUN",), off=("STOP",)), "FAULT", None,
        "'FAULT' means neither on nor off",
    ),
    "number among words": (
        meaning("state", on=("RUN",), off=("STOP",)), 1, None, "'1' means neither on nor off",
    ),
    "text as a state": (meaning("state"), "on", None, "the server sends 'on', not a number"),
    "no value": (meaning(not_available=(32767,)), 32767, None, "not available (32767)"),
    "infinite after scaling": (meaning(scale=1e10), 1e308, None, "the device sends inf"),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
@pytest.mark.case(
    "O12",
    when="An OPC-UA node holds tenths, a word of bits, an array, or codes",
    then="Its point says scale, offset, range, bit, index, labels, on and off, as of Modbus.",
)
def test_what_is_read(name: str) -> None:
    found, sent, value, wrong = READ[name]
    assert found.value(sent) == (value, wrong)
    if value is not None:
        assert type(found.value(sent)[0]) is type(value)


WRITTEN: dict[str, tuple[Meaning, Value, ua.VariantType, Any]] = {
    "tenths": (meaning(scale=0.1), 18.5, INT16, 185),
    "rounded to a step": (meaning(scale=0.1), 18.04, INT16, 180),
    "of a schedule": (meaning(scale=0.1), 18, INT16, 180),
    "float": (meaning(scale=0.001), 12.5, DOUBLE, 12500.0),
    "plain": (meaning(), 18.5, DOUBLE, 18.5),
    "whole": (meaning(), 18.0, INT16, 18),
    "percent": (meaning(unit="%"), 47.3, INT16, 47),
    "label": (meaning("any", labels=((0, "off"), (6, "night"))), "night", INT16, 6),
    "code": (meaning("state", on=(0x47F,), off=(0x47E,)), True, UINT16, 0x47F),
    "word": (meaning("state", on=("RUN",), off=("STOP",)), False, STRING, "STOP"),
    "state": (meaning("state"), True, BOOL, True),
    "release": (meaning("state", on=(1,), off=(0,), left=3), 3, INT16, 3),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written(name: str) -> None:
    made, value, kind, raw = WRITTEN[name]
    found = made.variant(value, kind)
    assert (found.Value, found.VariantType) == (raw, kind)
    assert type(found.Value) is type(raw)


@pytest.mark.parametrize(
    ("made", "value", "kind", "words"),
    [
        (meaning(), 26.5, INT16, "int16 takes whole numbers, not 26.5; with scale 0.1 write 265"),
        (
            meaning(),
            26.25,
            UINT16,
            "uint16 takes whole numbers, not 26.25; with scale 0.01",
        ),
        (meaning(), 1 / 3, INT16, "int16 takes whole numbers, not 0.3333333333333333"),
        (meaning(scale=0.1), 5000.0, INT16, "out of range: the point holds -3276.8 to 3276.7"),
        (meaning(low=5, high=30), 180.0, DOUBLE, "180 is outside 5 to 30"),
        (meaning("any", labels=((0, "off"),)), "on", INT16, "'on' is none of: off"),
        (meaning("state", on=(1,), off=(0,)), 2, INT16, "2 is neither on nor off"),
        (meaning("state"), True, STRING, "the point names none for this state"),
    ],
)
@pytest.mark.case(
    "O12",
    when="A fraction is written to an OPC-UA node of whole numbers",
    then="It is refused with what to write instead, never cut.",
)
def test_what_cannot_be_written(
    made: Meaning, value: Value, kind: ua.VariantType, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        made.variant(value, kind)


def test_a_bit_is_written_with_the_rest_of_its_word() -> None:
    point = meaning("state", bit=2)
    assert point.with_bit(0b1010, True, UINT16).Value == 0b1110
    assert point.with_bit(0b1110, False, UINT16).Value == 0b1010
    with pytest.raises(ValueError, match="no whole number"):
        point.with_bit(1.5, True, UINT16)
