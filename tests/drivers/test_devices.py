"""Every shipped device against its case: raw registers, and what they must mean.

A case is `cases/<device>.yaml`: `registers` by table and address on the wire, `expect` by role, and
`writes`: what a value must be in registers; `models` says where SunSpec models begin. `source` is
`manual` where the values are an example of the maker's manual, and `computed` where they were
worked by hand from the format it gives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from bms.core.machines.equipment_kinds import KINDS
from drivers.codec.encoding import codec, exponent_of, is_bit_table, width
from drivers.device_files.catalogue import bind, shipped
from drivers.points import ModbusAddress, Point

CASES = Path(__file__).parent / "cases"
DEVICES = shipped()


def case(name: str) -> dict[str, Any]:
    found = YAML(typ="safe", pure=True).load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def installed(name: str) -> dict[str, Point]:
    models = case(name).get("models")
    return bind(DEVICES[name], base="b", equipment="e", unit=1, models=models)


def wire(address: ModbusAddress, words: list[int]) -> bytes:
    if is_bit_table(address):
        return bytes(words)
    return b"".join(word.to_bytes(2, "big") for word in words)


def test_every_case_has_a_device_and_every_device_a_case() -> None:
    assert {path.stem for path in CASES.glob("*.yaml")} == set(DEVICES)


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_the_registers_of_a_device_mean_what_its_manual_says(name: str) -> None:
    example = case(name)
    assert example["source"] in ("manual", "computed")
    points = installed(name)
    assert set(example["expect"]) == set(points)
    used = set()
    for role, point in points.items():
        address = point.address
        assert isinstance(address, ModbusAddress)
        words = example["registers"][address.table][address.address]
        assert len(words) == width(address), role
        used.add((address.table, address.address))
        exponent = 0
        if address.scale_address is not None:
            (word,) = example["registers"][address.table][address.scale_address]
            exponent = exponent_of(word - 0x10000 * (word >> 15))
            used.add((address.table, address.scale_address))
        value = codec(address).decode(wire(address, words), exponent)
        expected = example["expect"][role]
        assert (role, value) == (role, expected)
        assert isinstance(value, bool) == isinstance(expected, bool), role
    given = {(t, a) for t, block in example["registers"].items() for a in block}
    assert given == used


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_a_value_is_written_as_the_manual_says(name: str) -> None:
    example = case(name)
    points = installed(name)
    written = set()
    for write in example.get("writes", ()):
        point = points[write["role"]]
        assert point.writable
        assert isinstance(point.address, ModbusAddress)
        encoded = codec(point.address).encode(write["value"])
        assert encoded == wire(point.address, write["words"]), write
        written.add(write["role"])
    for role, point in points.items():
        address = point.address
        assert isinstance(address, ModbusAddress)
        whole = not is_bit_table(address) and address.bit is None
        assert role in written or not (point.writable and whole), f"{role} needs an entry in writes"


@pytest.mark.parametrize("name", sorted(DEVICES))
def test_a_device_fits_its_kind(name: str) -> None:
    device = DEVICES[name]
    kind = KINDS[device.kind]
    for role, point in device.points.items():
        assert role in kind.roles, f"{device.kind} has no {role}"
        assert point.unit == kind.roles[role].unit, role
        assert not point.writable or kind.roles[role].command, f"{role} is not commanded"
    required = {name for name, role in kind.roles.items() if role.required}
    assert required <= set(device.points)
    assert "enable" not in device.points or device.points["enable"].writable
