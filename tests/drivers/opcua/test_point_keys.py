"""The keys of OPC-UA points in device files, and their values on a real server."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from pydantic import ValidationError

from drivers.base import Write, WriteStatus
from drivers.device_files.catalogue import DeviceType, bind
from drivers.opcua.driver import OpcUaDriver
from drivers.points import OpcUaAddress, Point, Quality
from drivers.times import Times
from tests.machine_time import utc_now
from tests.servers.odd_opcua import NAMESPACE, OddServer

INT16, UINT16 = ua.NodeId(ua.Int32(4)), ua.NodeId(ua.Int32(5))


def device(**points: dict[str, Any]) -> DeviceType:
    return DeviceType.model_validate(
        {
            "device": "odd",
            "kind": "air_handler",
            "document": "test",
            "protocol": "opcua",
            "namespace": NAMESPACE,
            "points": points,
        }
    )


POINTS = {
    "supply_temp": {"node": "s=tenths", "scale": 0.1, "range": [-40, 80], "unit": "degC"},
    "supply_setpoint": {
        "node": "s=setpoint", "scale": 0.1, "unit": "degC", "writable": True,
    },
    "status": {"node": "s=word", "bit": 3},
    "enable": {"node": "s=word", "bit": 0, "writable": True},
    "fault": {"node": "s=code", "on": [4, 6], "off": 0},
    "zone_temp": {"node": "s=list", "index": 1, "unit": "degC", "writable": True},
}  # fmt: skip


@pytest_asyncio.fixture
async def server() -> AsyncIterator[OddServer]:
    made = OddServer()
    made.values = {
        "tenths": b"\x01\x04" + struct.pack("<h", 185),
        "setpoint": b"\x01\x04" + struct.pack("<h", 260),
        "word": b"\x01\x05" + struct.pack("<H", 0b1010),
        "code": b"\x01\x05" + struct.pack("<H", 6),
        "list": b"\x01\x8b" + struct.pack("<idd", 2, 21.5, 22.5),
    }
    made.types = {"tenths": INT16, "setpoint": INT16, "word": UINT16, "code": UINT16}
    await made.start()
    yield made
    await made.stop()


def points() -> list[Point]:
    states = {"status", "enable", "fault"}
    made = bind(device(**POINTS), base="b", equipment="e", unit=None, states=states)
    return list(made.values())


async def test_the_keys_of_a_device_file_are_what_is_read_and_written(server: OddServer) -> None:
    made = points()
    async with OpcUaDriver(server.url, made, times=Times(now=utc_now)) as driver:
        samples = await driver.read([point.id for point in made])
        assert {s.point.rpartition(".")[2]: s.value for s in samples} == {
            "supply_temp": 18.5, "supply_setpoint": 26.0, "status": True, "enable": False,
            "fault": True, "zone_temp": 22.5,
        }  # fmt: skip
        assert {s.quality for s in samples} == {Quality.GOOD}
        results = await driver.write(
            [
                Write("b.e.supply_setpoint", 18.0),
                Write("b.e.enable", True),
                Write("b.e.zone_temp", 23.5),
            ]
        )
        assert {r.status for r in results} == {WriteStatus.OK}, results
        assert server.written["setpoint"].Value == 180
        assert server.written["word"].Value == 0b1011
        assert server.written["list"].Value == [23.5]
        assert server.ranges["list"] == "1"
        assert server.ranges["setpoint"] is None


async def test_eighteen_degrees_are_never_written_as_one_point_eight(server: OddServer) -> None:
    plain = {"node": "s=setpoint", "unit": "degC", "writable": True}
    (made,) = bind(device(supply_setpoint=plain), base="b", equipment="e", unit=None).values()
    async with OpcUaDriver(server.url, [made], times=Times(now=utc_now)) as driver:
        (result,) = await driver.write([Write(made.id, 18.5)])
    assert (result.status, result.detail) == (
        WriteStatus.REFUSED,
        "int16 takes whole numbers, not 18.5; with scale 0.1 write 185",
    )
    assert server.written == {}


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ({"node": "s=x", "scale": 0}, "a scale of 0"),
        ({"node": "s=x", "bit": 3, "scale": 0.1}, "an on/off point has no scale"),
        ({"node": "s=x", "bit": 64}, "less than or equal to 63"),
        ({"node": "s=x", "labels": {0: "a"}, "range": [0, 1]}, "a point with labels has no scale"),
        ({"node": "s=x", "labels": {0: "a", 1: "a"}}, "two numbers have the same label"),
        ({"node": "s=x", "range": [5, 1]}, "is empty"),
        ({"node": "s=x", "on": 1, "off": 1}, "both on and off"),
        ({"node": "s=x", "on": "RUN", "off": "RUN"}, "both on and off"),
        ({"node": "s=x", "method": "s=m", "writable": True, "index": 1}, "a method takes"),
        ({"node": "s=x", "word_order": "big"}, "belongs to Modbus points"),
    ],
)
def test_keys_that_do_not_go_together(point: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        device(power=point)


def test_a_node_may_name_its_namespace_as_a_scan_prints_it() -> None:
    pasted = device(power={"node": "nsu=urn:maker;s={equipment};power"})
    (point,) = bind(pasted, base="b", equipment="e", unit=None).values()
    assert isinstance(point.address, OpcUaAddress)
    assert (point.address.namespace, point.address.node) == ("urn:maker", "s=e;power")
    with pytest.raises(ValidationError, match="may change with every start"):
        device(power={"node": "ns=2;s=power"})
    with pytest.raises(ValidationError, match="is written s=Name"):
        device(power={"node": "nsu=urn:maker"})


async def test_a_server_that_does_not_name_its_namespaces_is_bad_and_ends_nothing(
    server: OddServer,
) -> None:
    server.names = b"\x01\x06\0\0\0\0"
    made = points()
    async with OpcUaDriver(server.url, made, times=Times(now=utc_now)) as driver:
        (sample,) = await driver.read([made[0].id])
        assert (sample.quality, "does not name its namespaces" in sample.detail) == (
            Quality.BAD,
            True,
        )
