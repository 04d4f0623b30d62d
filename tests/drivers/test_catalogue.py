"""Device files: what is accepted, what is refused and in which words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pydantic import ValidationError

from drivers.codec.encoding import codec
from drivers.device_files.catalogue import DeviceType, bind, profile_of, shipped
from drivers.modbus.wire.transport import UnitProfile
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
        (modbus({"a": HOLDING | {"type": "string"}}), ("points", "a"), "needs its 'length'"),
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
        (opcua({"a": {"node": "i=12x"}}), ("points", "a", "node"), "whole number"),
        (opcua({"a": {"node": "i=4294967296"}}), ("points", "a", "node"), "up to 4294967295"),
        (opcua({"a": {"node": "g=xyz"}}), ("points", "a", "node"), "a GUID such as"),
        (opcua({"a": {"node": "b=***"}}), ("points", "a", "node"), "in base64"),
        (
            opcua({"a": {"node": "i=1", "method": "g=1", "writable": True}}),
            ("points", "a", "method"),
            "a GUID such as",
        ),
        (opcua({"a": {"node": "s=x", "address": 1}}), ("points", "a", "address"), "Modbus points"),
        (opcua({"a": {"node": "s=x"}}, namespace=None), (), "needs 'namespace'"),
        (
            opcua({"a": {"node": "s=x"}}, defaults={"table": "input"}),
            ("defaults",),
            "only Modbus",
        ),
        (modbus({"a": HOLDING | {"adress": 1}}), ("points", "a", "adress"), "not permitted"),
        (modbus({"a": HOLDING | {"type": "int24"}}), ("points", "a", "type"), "int16"),
        (modbus({"a": HOLDING}, models={103: 0}), ("models", "103"), "'model: 103'"),
        (modbus({"a": HOLDING | {"model": 0}}), ("points", "a", "model"), "greater than"),
        (opcua({"a": {"node": "s=x", "model": 1}}), ("points", "a", "model"), "Modbus points"),
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
    models = dict.fromkeys(device.sunspec, 40070)
    points = bind(device, base="b", equipment="e", unit=1, models=models)
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


def test_all_that_a_register_can_be_told_about() -> None:
    device = DeviceType.model_validate(
        modbus(
            {
                "low": {"address": 1, "type": "uint8", "writable": True, "write": "mask"},
                "high": {"address": 1, "type": "int8", "half": "high"},
                "name": {"address": 2, "type": "string", "length": 8},
                "mode": {"address": 10, "labels": {0: "off", 1: "heating"}},
                "power": {"address": 11, "type": "int16", "scale_address": 12, "range": [0, 500]},
                "energy": {"address": 13, "type": "uint32", "scan": 60, "not_available": []},
                "reset": {"address": 20, "writable": True, "readback": False, "write": "multiple"},
            },
            defaults={
                "table": "holding",
                "word_order": "little",
                "not_available": {"int16": 0x8000, "uint32": [0xFFFFFFFF, 0]},
            },
            addresses="one_based",
            profile={
                "max_registers": 20,
                "forbidden": [{"table": "holding", "first": 15, "last": 19}],
            },
        )
    )
    points = bind(device, base="b", equipment="e", unit=7)
    addresses = {role: point.address for role, point in points.items()}
    assert addresses == {
        "low": ModbusAddress(7, "holding", 0, "uint8", word_order="little", write="mask"),
        "high": ModbusAddress(7, "holding", 0, "int8", word_order="little", half="big"),
        "name": ModbusAddress(7, "holding", 1, "string", length=8),
        "mode": ModbusAddress(
            7, "holding", 9, word_order="little", labels=((0, "off"), (1, "heating"))
        ),
        "power": ModbusAddress(
            7,
            "holding",
            10,
            "int16",
            word_order="little",
            not_available=(0x8000,),
            low=0,
            high=500,
            scale_address=11,
        ),
        "energy": ModbusAddress(7, "holding", 12, "uint32", word_order="little"),
        "reset": ModbusAddress(7, "holding", 19, word_order="little", write="multiple"),
    }
    assert points["energy"].scan_s == 60
    assert points["reset"].readback is False
    assert points["low"].readback is True
    assert points["low"].tolerance == 1.0
    assert profile_of(device, UnitProfile(120, 16)) == UnitProfile(20, 16, (("holding", 14, 18),))


@pytest.mark.parametrize(
    ("point", "key", "words"),
    [
        ({"type": "uint16", "half": "high"}, "half", "only int8 and uint8"),
        ({"type": "uint16", "length": 2}, "length", "only a string has a length"),
        ({"write": "single"}, "write", "not writable"),
        ({"write": "mask", "writable": True}, "write", "a bit or a half"),
        ({"write": "single", "writable": True, "type": "float32"}, "write", "cannot hold float32"),
        ({"method": "s=x"}, "method", "not 'method'"),
        ({"labels": {0: "a"}, "scale": 2.0}, "", "labels has no scale"),
        ({"not_available": 65536}, "", "does not fit"),
        ({"range": [3, 1]}, "", "is empty"),
    ],
)
def test_what_does_not_go_together_is_said_at_its_place(
    point: dict[str, Any], key: str, words: str
) -> None:
    with pytest.raises(ValidationError) as error:
        DeviceType.model_validate(modbus({"a": {"table": "holding", "address": 1} | point}))
    (found,) = error.value.errors()
    assert found["loc"] == ("points", "a", *((key,) if key else ()))
    assert words in found["msg"]


def test_methods_and_dead_bands_of_opcua() -> None:
    device = DeviceType.model_validate(
        opcua(
            {
                "enable": {
                    "node": "s={equipment}",
                    "method": "s={equipment}.start",
                    "writable": True,
                },
                "power": {"node": "s={equipment}.kw", "deadband": 0.5},
            }
        )
    )
    points = bind(device, base="b", equipment="e", unit=None)
    enable, power = points["enable"].address, points["power"].address
    assert isinstance(enable, OpcUaAddress)
    assert isinstance(power, OpcUaAddress)
    assert enable.method == "s=e.start"
    assert power.deadband == 0.5
    with pytest.raises(ValidationError, match="has to be writable"):
        DeviceType.model_validate(opcua({"a": {"node": "s=x", "method": "s=y"}}))


@pytest.mark.parametrize("first", [2, 40070, 50069])
@pytest.mark.parametrize("counting", ["zero_based", "one_based"])
def test_a_sunspec_model_begins_where_the_device_has_it(first: int, counting: str) -> None:
    """Its addresses count from the header; the installation goes before the device's own file."""
    one = int(counting == "one_based")
    power = {"address": 14 + one, "type": "int16", "scale_address": 15 + one, "model": 103}
    points = {"power": HOLDING | power, "other": HOLDING | {"address": 5 + one}}
    device = DeviceType.model_validate(
        modbus(points, models={103: 40069 + one}, addresses=counting)
    )
    for models, begins in (({103: first}, first), (None, 40069)):
        found = bind(device, base="b", equipment="e", unit=1, models=models)
        address, fixed = found["power"].address, found["other"].address
        assert isinstance(address, ModbusAddress)
        assert isinstance(fixed, ModbusAddress)
        assert (address.address, address.scale_address) == (begins + 14, begins + 15)
        assert fixed.address == 5


@pytest.mark.parametrize(
    ("device", "models", "words"),
    [
        ("sunspec-102", {}, "models: {102: 40070}"),
        (
            "sunspec-102",
            {103: 40070},
            "no point of sunspec-102 lies in SunSpec model 103; it has 102",
        ),
        ("eastron-sdm630", {103: 40070}, "its addresses are fixed"),
        ("sunspec-102", {102: 65530}, "beyond register 65535"),
    ],
)
def test_where_models_begin_must_fit_the_device(
    device: str, models: dict[int, int], words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        bind(shipped()[device], base="b", equipment="e", unit=1, models=models)


def test_a_state_says_which_codes_mean_on_and_off() -> None:
    device = DeviceType.model_validate(
        modbus(
            {
                "status": {"address": 1, "on": [1, 2], "off": 255, "labels": {6: "lock-out"}},
                "enable": {"address": 2, "on": 0x47F, "off": 0x47E, "writable": True},
                "fault": {"table": "discrete", "address": 3, "on": 0},
            },
            defaults={"table": "holding", "scale": 0.1},
        )
    )
    points = bind(device, base="b", equipment="ch-1", unit=3, states={"status", "enable", "fault"})
    assert points["status"].address == ModbusAddress(
        3, "holding", 1, on=(1, 2), off=(255,), labels=((6, "lock-out"),)
    )
    assert points["enable"].address == ModbusAddress(3, "holding", 2, on=(0x47F,), off=(0x47E,))
    assert points["fault"].address == ModbusAddress(3, "discrete", 3, "bool", on=(0,))
    assert points["status"].tolerance is None


def test_a_plain_number_that_plays_a_state_is_0_or_1() -> None:
    """The role makes it a state; a code for "left to the device" stays what it is."""
    enable = {"address": 2, "writable": True, "release_value": 2}
    device = DeviceType.model_validate(
        modbus(
            {
                "enable": enable,
                "status": {"address": 1, "type": "int16"},
                "fault": {"address": 3, "scale": 0.5, "offset": 1},
                "load": {"address": 4, "scale": 0.1, "unit": "%"},
            },
            defaults={"table": "holding", "scale": 0.1},
        )
    )
    points = bind(device, base="b", equipment="ch-1", unit=3, states={"status", "enable", "fault"})
    assert points["enable"].address == ModbusAddress(3, "holding", 2, on=(1,), off=(0,), left=2)
    assert points["status"].address == ModbusAddress(3, "holding", 1, "int16", on=(1,), off=(0,))
    assert points["load"].address == ModbusAddress(3, "holding", 4, scale=0.1)
    assert points["fault"].address == ModbusAddress(3, "holding", 3, scale=0.5, offset=1)


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        ({"on": [1, 2], "off": 2}, "cannot mean both"),
        ({"on": 70000}, "does not fit uint16"),
        ({"on": [2], "scale": 2.0}, "no scale"),
        ({"bit": 3, "on": 6}, "does not fit"),
        ({"on": []}, "at least 1"),
        ({"on": 2, "off": 1, "writable": True, "release_value": 70000}, "does not fit"),
    ],
)
def test_codes_that_make_no_sense_are_refused(point: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        DeviceType.model_validate(modbus({"p": {"table": "holding", "address": 0} | point}))


def test_a_table_read_from_its_start_reaches_so_far_and_no_further() -> None:
    points = {"a": {"table": "holding", "address": 124}, "c": {"table": "coil", "address": 1999}}
    made = modbus(points, profile={"from_start": ["holding", "coil"]})
    device = DeviceType.model_validate(made)
    assert profile_of(device, UnitProfile(10)).from_start == ("holding", "coil")
    for wrong in (
        {"profile": {"from_start": ["holding"], "max_registers": 60}},
        {"profile": {"from_start": ["holding"]}, "points": {"a": points["a"] | {"type": "int32"}}},
        {"profile": {"from_start": ["coil"]}, "points": {"c": points["c"] | {"address": 2000}}},
    ):
        with pytest.raises(ValidationError, match="read from its start"):
            DeviceType.model_validate(made | wrong)
    hole = {"table": "coil", "first": 4, "last": 4}
    with pytest.raises(ValidationError, match="nothing is left out"):
        DeviceType.model_validate(made | {"profile": {"from_start": ["coil"], "forbidden": [hole]}})
