"""Device files: what is accepted, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from drivers.catalogue import DeviceType, bind, shipped
from drivers.codec import codec
from drivers.points import ModbusAddress, OpcUaAddress


def modbus(points: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "device": "demo",
        "kind": "chiller",
        "document": "manual",
        "protocol": "modbus",
        "points": points,
    } | more


def opcua(points: dict[str, Any], **more: Any) -> dict[str, Any]:
    return modbus(points, protocol="opcua", namespace="urn:demo") | more


def test_defaults_fill_what_a_point_leaves_open() -> None:
    device = DeviceType.model_validate(
        modbus(
            {
                "enable": {"table": "coil", "address": 0, "writable": True, "release_value": False},
                "alarm": {"address": 3, "bit": 4},
                "temp": {"address": 0, "unit": "degC"},
                "energy": {"address": 10, "type": "uint32", "scale": 0.01, "unit": "kWh"},
            },
            defaults={"table": "input", "type": "int16", "scale": 0.1, "word_order": "little"},
        )
    )
    points = bind(device, base="b", equipment="ch-1", unit=3)
    assert {role: point.address for role, point in points.items()} == {
        "enable": ModbusAddress(3, "coil", 0, "bool", word_order="little"),
        "alarm": ModbusAddress(3, "input", 3, "bool", word_order="little", bit=4),
        "temp": ModbusAddress(3, "input", 0, "int16", 0.1, word_order="little"),
        "energy": ModbusAddress(3, "input", 10, "uint32", 0.01, word_order="little"),
    }
    enable = points["enable"]
    assert (enable.id, enable.writable, enable.release_value) == ("b.ch-1.enable", True, False)
    assert points["temp"].unit == "degC"


def test_nodes_carry_the_installation() -> None:
    device = DeviceType.model_validate(
        opcua({"power": {"node": "s={base}.{equipment}.p{unit}", "type": "float64"}})
    )
    points = bind(device, base="b", equipment="e-1", unit=7)
    assert points["power"].address == OpcUaAddress("urn:demo", "s=b.e-1.p7")
    with pytest.raises(ValueError, match="a unit is needed"):
        bind(device, base="b", equipment="e-1", unit=None)


@pytest.mark.parametrize("unit", [None, -1, 256])
def test_a_modbus_device_needs_a_unit(unit: int | None) -> None:
    device = DeviceType.model_validate(modbus({"a": {"table": "coil", "address": 0}}))
    with pytest.raises(ValueError, match="unit from 0 to 255"):
        bind(device, base="b", equipment="e", unit=unit)


HOLDING = {"table": "holding", "address": 0}


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        (
            modbus({"a": {"table": "input", "address": 0, "writable": True}}),
            ("points", "a", "writable"),
            "nothing can be written to table 'input'",
        ),
        (
            modbus({"a": {"table": "discrete", "address": 0, "writable": True}}),
            ("points", "a", "writable"),
            "lies in 'coil'",
        ),
        (
            modbus({"a": HOLDING | {"type": "uint32", "bit": 1}}),
            ("points", "a"),
            "16-bit register",
        ),
        (
            modbus({"a": {"table": "coil", "address": 0, "type": "int16"}}),
            ("points", "a", "type"),
            "its type is bool, not int16",
        ),
        (modbus({"a": {"address": 0}}), ("points", "a"), "'table' is missing"),
        (modbus({"a": {"table": "holding"}}), ("points", "a"), "'address' is missing"),
        (modbus({"a": HOLDING | {"scale": 0}}), ("points", "a"), "scale 0.0 is not usable"),
        (modbus({"a": HOLDING | {"type": "bool", "scale": 2}}), ("points", "a"), "no scale"),
        (modbus({"a": HOLDING | {"node": "s=x"}}), ("points", "a", "node"), "not 'node'"),
        (modbus({"a": HOLDING | {"type": "string"}}), ("points", "a", "type"), "texts"),
        (
            modbus({"a": HOLDING | {"address": 65535, "type": "uint32"}}),
            ("points", "a"),
            "not within",
        ),
        (
            modbus({"a": HOLDING | {"writable": True, "release_value": -1}}),
            ("points", "a", "release_value"),
            "out of range",
        ),
        (
            modbus({"a": HOLDING | {"release_value": 1}}),
            ("points", "a", "release_value"),
            "cannot be released",
        ),
        (modbus({"a": HOLDING}, namespace="urn:x"), ("namespace",), "only OPC-UA"),
        (opcua({"a": {}}), ("points", "a"), "'node' is missing"),
        (opcua({"a": {"node": "Name"}}), ("points", "a", "node"), "s=Name"),
        (opcua({"a": {"node": "s={site}"}}), ("points", "a", "node"), "'{site}' is not known"),
        (opcua({"a": {"node": "s={base"}}), ("points", "a", "node"), "brace"),
        (opcua({"a": {"node": "s=x", "address": 1}}), ("points", "a", "address"), "Modbus points"),
        (opcua({"a": {"node": "s=x"}}, namespace=None), (), "needs 'namespace'"),
        (
            opcua({"a": {"node": "s=x"}}, defaults={"table": "input"}),
            ("defaults",),
            "only Modbus",
        ),
        (modbus({"a": HOLDING | {"adress": 1}}), ("points", "a", "adress"), "not permitted"),
        (modbus({"a": HOLDING | {"type": "int8"}}), ("points", "a", "type"), "int16"),
        (modbus({"Bad Role": HOLDING}), ("points", "Bad Role", "[key]"), "pattern"),
        (modbus({}), ("points",), "at least 1"),
        (modbus({"a": "x"}), ("points", "a"), "PointTemplate"),
    ],
)
def test_a_wrong_device_is_refused_at_its_place(
    data: dict[str, Any], where: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValidationError) as error:
        DeviceType.model_validate(data)
    found = error.value.errors()
    assert [item["loc"] for item in found] == [where]
    assert words in found[0]["msg"]


def test_every_wrong_point_is_listed() -> None:
    with pytest.raises(ValidationError) as error:
        DeviceType.model_validate(modbus({"a": {"address": 0}, "b": {"table": "input"}}))
    assert len(error.value.errors()) == 2


def test_a_loaded_device_is_frozen() -> None:
    device = DeviceType.model_validate(modbus({"a": HOLDING}))
    with pytest.raises(ValidationError, match="frozen"):
        device.kind = "pump"  # type: ignore[misc]


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_shipped_device_can_be_installed(name: str) -> None:
    device = shipped()[name]
    assert len(device.document) > 20
    points = bind(device, base="b", equipment="e", unit=1)
    assert points
    for point in points.values():
        assert isinstance(point.address, ModbusAddress)
        codec(point.address)


def registers(name: str, role: str, data: str) -> Any:
    address = bind(shipped()[name], base="b", equipment="e", unit=1)[role].address
    assert isinstance(address, ModbusAddress)
    return codec(address).decode(bytes.fromhex(data))


@pytest.mark.parametrize(
    ("device", "role", "data", "value"),
    [
        # 230.2 as a big-endian float is 43 66 33 34; the meter sends W, the point is in kW.
        ("eastron-sdm630", "power", "43663334", 0.230200005),
        ("eastron-sdm630", "energy", "43663334", 230.200005),
        # 123456 tenths of a watt, low word first: 0001 e240 becomes e240 0001.
        ("carlo-gavazzi-em24-ethernet", "power", "e2400001", 12.3456),
        ("carlo-gavazzi-em24-ethernet", "power", "ffffffff", -0.0001),
        ("carlo-gavazzi-em24-ethernet", "energy", "e2400001", 12345.6),
        ("fronius-sunspec-float", "power", "459c4000", 5.0),
        ("fronius-sunspec-float", "energy", "4b189680", 10000.0),
    ],
)
def test_raw_registers_of_shipped_devices(device: str, role: str, data: str, value: float) -> None:
    assert registers(device, role, data) == pytest.approx(value, rel=1e-7)
