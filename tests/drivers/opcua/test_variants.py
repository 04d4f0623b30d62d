"""OPC-UA values and addresses, without a server."""

from __future__ import annotations

import math
from typing import Any

import pytest
from asyncua import ua

from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.values.meaning import Meaning
from drivers.opcua.variants import variant
from drivers.points import ModbusAddress, OpcUaAddress, Point
from drivers.times import Times
from tests.machine_time import utc_now

KIND = ua.VariantType


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (300, KIND.Byte, "out of range: the node holds 0 to 255"),
        (-1, KIND.UInt64, "out of range"),
        (math.nan, KIND.Double, "nan cannot be written"),
        (1e39, KIND.Float, "too large for a Float"),
        (3.4028236e38, KIND.Float, "too large for a Float"),
        ("on", KIND.Boolean, "'on' is not a number"),
        (2, KIND.Boolean, "neither on nor off"),
        (1, KIND.DateTime, "type DateTime cannot be written"),
    ],
)
def test_a_value_that_does_not_fit_the_node(value: Any, kind: ua.VariantType, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        variant(value, kind)


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (True, KIND.Int32, 1),
        (1.0, KIND.Boolean, True),
        (12.0, KIND.UInt16, 12),
        (5, KIND.Double, 5.0),
        (5, KIND.String, "5"),
        (3.4028234663852886e38, KIND.Float, 3.4028234663852886e38),
    ],
)
def test_a_value_takes_the_type_of_the_node(value: Any, kind: ua.VariantType, written: Any) -> None:
    made = variant(value, kind)
    assert (made.Value, type(made.Value), made.VariantType) == (written, type(written), kind)


def test_nothing_is_no_value() -> None:
    meaning = Meaning(Point("a", OpcUaAddress("urn:x", "s=a")))
    assert meaning.value(None) == (None, "the server sends no value")
    assert meaning.value(False) == (False, "")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (ModbusAddress(1, "coil", 0), "a: not an OPC-UA address"),
        (OpcUaAddress("urn:x", "nonsense"), "a: 'nonsense' is not a node"),
        (OpcUaAddress("urn:x", "i=text"), "a: 'i=text' is not a node"),
    ],
)
def test_an_address_that_makes_no_sense(address: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        OpcUaDriver("opc.tcp://127.0.0.1:1", [Point("a", address)], times=Times(now=utc_now))
