"""OPC-UA against asyncua's server: status codes, types, namespaces that move, broken sessions."""

from __future__ import annotations

import logging
import math
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes

from drivers.base import Write, WriteStatus
from drivers.opcua.driver import OpcUaDriver
from drivers.points import OpcUaAddress, Point, Quality
from drivers.times import Times
from tests.servers.opcua_parts import listener, node_id, url_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime(2026, 3, 2, tzinfo=UTC)
KIND = ua.VariantType
MANY = 1200


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.init()
    made.set_endpoint("opc.tcp://127.0.0.1:0")
    made.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await made.register_namespace("urn:a")
    folder = await made.nodes.objects.add_object(index, "device")
    values: dict[str, tuple[Any, ua.VariantType]] = {
        "value": (1.5, KIND.Double),
        "count": (7, KIND.Int16),
        "nan": (math.nan, KIND.Double),
        "array": ([1.0, 2.0], KIND.Double),
        "bytes": (b"x", KIND.ByteString),
        "text": (ua.LocalizedText("ready", "en"), KIND.LocalizedText),
        "time": (NOW, KIND.DateTime),
        "read_only": (1.0, KIND.Double),
    }
    for name, (value, kind) in values.items():
        node = await folder.add_variable(node_id(name, index), name, ua.Variant(value, kind))
        if name != "read_only":
            await node.set_writable()
    for number in range(MANY):
        await folder.add_variable(node_id(f"m{number}", index), f"m{number}", number)
    await made.start()
    yield made
    await made.stop()


def point(name: str, namespace: str = "urn:a", node: str = "") -> Point:
    return Point(name, OpcUaAddress(namespace, node or f"s={name}"), "", True)


def driver(server: Server, *points: Point) -> OpcUaDriver:
    return OpcUaDriver(url_of(server), points, times=Times(now=lambda: NOW))


def node(server: Server, name: str) -> Any:
    return server.get_node(node_id(name, 2))


@pytest.mark.parametrize(
    ("code", "quality"),
    [
        ("Good", Quality.GOOD),
        ("GoodLocalOverride", Quality.GOOD),
        ("Uncertain", Quality.STALE),
        ("UncertainLastUsableValue", Quality.STALE),
        ("Bad", Quality.BAD),
        ("BadSensorFailure", Quality.BAD),
        ("BadNotConnected", Quality.BAD),
    ],
)
async def test_the_status_code_is_the_quality(server: Server, code: str, quality: Quality) -> None:
    status = ua.StatusCode(getattr(StatusCodes, code))
    await node(server, "value").write_value(ua.DataValue(ua.Variant(2.5, KIND.Double), status))
    async with driver(server, point("value")) as made:
        (sample,) = await made.read(["value"])
    await node(server, "value").write_value(1.5)
    assert sample.quality is quality
    assert sample.value == (None if quality is Quality.BAD else 2.5)
    assert sample.detail == ("" if quality is Quality.GOOD else code)
    assert sample.time == NOW


async def test_values_that_cannot_be_used_are_bad(server: Server) -> None:
    names = ["nan", "array", "bytes", "time", "value"]
    async with driver(server, *map(point, names)) as made:
        samples = await made.read(names)
    assert [s.quality.name for s in samples] == ["BAD"] * 4 + ["GOOD"]
    assert [s.detail for s in samples[:2]] == [
        "the server sends nan",
        "the server sends a list, not a number or text",
    ]


async def test_a_text_in_a_language_is_a_text(server: Server) -> None:
    async with driver(server, point("text")) as made:
        (sample,) = await made.read(["text"])
        assert (sample.value, sample.quality) == ("ready", Quality.GOOD)
        (result,) = await made.write([Write("text", "stopped")])
        assert result.status is WriteStatus.OK
        (sample,) = await made.read(["text"])
        assert sample.value == "stopped"


async def test_an_array_is_not_written_with_one_value(server: Server) -> None:
    async with driver(server, point("array")) as made:
        (result,) = await made.write([Write("array", 3.0)])
        assert (result.status, result.detail) == (
            WriteStatus.REFUSED,
            "the node holds an array of Double, and a point is one value",
        )
    assert await node(server, "array").read_value() == [1.0, 2.0]


async def test_an_unknown_namespace_costs_only_its_points(server: Server) -> None:
    async with driver(server, point("value"), point("x", "urn:other")) as made:
        value, other = await made.read(["value", "x"])
        assert value.quality is Quality.GOOD
        assert (other.quality, other.detail) == (
            Quality.BAD,
            "the server has no namespace urn:other",
        )
        (result,) = await made.write([Write("x", 1.0)])
        assert (result.status, result.detail) == (
            WriteStatus.REFUSED,
            "the server has no namespace urn:other",
        )


async def test_many_nodes_are_read_in_batches(server: Server) -> None:
    names = [f"m{number}" for number in range(MANY)]
    async with driver(server, *map(point, names)) as made:
        samples = await made.read(names)
    assert [s.value for s in samples] == list(range(MANY))


async def test_a_node_that_the_server_does_not_let_write_is_refused_in_its_words(
    server: Server,
) -> None:
    async with driver(server, point("read_only"), point("count"), point("none")) as made:
        results = await made.write(
            [Write("read_only", 2.0), Write("count", 12.0), Write("none", 1.0)]
        )
    assert [(r.status.value, r.detail) for r in results] == [
        ("refused", "BadUserAccessDenied"),
        ("ok", ""),
        ("refused", "BadNodeIdUnknown"),
    ]
    assert await node(server, "count").read_value() == 12
    assert (await node(server, "count").read_data_value()).Value.VariantType is KIND.Int16
    assert await node(server, "read_only").read_value() == 1.0


async def test_namespaces_are_resolved_anew_in_each_session(server: Server) -> None:
    """After an update of the server the same URI has another index."""
    clock = [0.0]
    made = OpcUaDriver(
        url_of(server),
        [point("moved", "urn:b")],
        times=Times(now=lambda: NOW, monotonic=lambda: clock[0]),
    )
    array = server.get_node(ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray)))
    before = await array.read_value()
    folder = server.nodes.objects
    await folder.add_variable(node_id("moved", 10), "moved", 1.0)
    await folder.add_variable(node_id("moved", 11), "moved", 2.0)
    filler = [f"urn:filler:{n}" for n in range(10 - len(before))]
    try:
        async with made:
            await array.write_value([*before, *filler, "urn:b"])
            assert [s.value for s in await made.read(["moved"])] == [1.0]
            await array.write_value([*before, *filler, "urn:new", "urn:b"])
            await listener(server).stop()
            await made.read(["moved"])
            await listener(server).start()
            clock[0] += 60
            assert [s.value for s in await made.read(["moved"])] == [2.0]
    finally:
        await array.write_value(before)


async def test_an_outage_is_not_shouted_about(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with driver(server, point("value")) as made:
        await made.read(["value"])
        await listener(server).stop()
        await made.read(["value"])
        await made.read(["value"])
    await listener(server).start()
    assert [r for r in caplog.records if r.name.startswith(("asyncua.client", "drivers"))] == []
