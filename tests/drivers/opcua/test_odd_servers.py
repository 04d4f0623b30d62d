"""What servers in the field send and refuse, over real sockets: one point never takes its link."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from asyncua import ua

from drivers.base import Write, WriteStatus
from drivers.opcua import driver as driver_module
from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.session import session as session_module
from drivers.opcua.subscribing import feeding as feeding_module
from drivers.opcua.subscribing.feeding import Following
from drivers.points import Holds, OpcUaAddress, Point, Quality
from drivers.times import Times
from tests.drivers.opcua.test_feed import PERIOD_S, Received
from tests.machine_time import utc_now
from tests.servers.odd_opcua import NAMESPACE, OddServer, double, string

pytestmark = pytest.mark.asyncio(loop_scope="module")
SUBSCRIBED, POLL = Following(), Following("poll")
HOW = pytest.mark.parametrize("how", [SUBSCRIBED, POLL], ids=["subscribed", "polled"])


@pytest_asyncio.fixture(loop_scope="module")
async def odd() -> AsyncIterator[OddServer]:
    server = OddServer()
    server.values = {"before": double(1.5), "odd": double(7.0), "after": double(2.5)}
    await server.start()
    yield server
    await server.stop()


def point(name: str, holds: Holds = "number", unit: str = "", **settings: Any) -> Point:
    return Point(name, OpcUaAddress(NAMESPACE, f"s={name}", **settings), unit, True, holds=holds)


THREE = (point("before"), point("odd"), point("after"))


@asynccontextmanager
async def fed(
    server: OddServer, *points: Point, how: Following = SUBSCRIBED, timeout_s: float = 4.0
) -> AsyncIterator[tuple[OpcUaDriver, Received]]:
    received = Received()
    times = Times(now=utc_now, chance=lambda: 0.0)
    async with OpcUaDriver(
        server.url, points, timeout_s=timeout_s, following=how, times=times
    ) as driver:
        task = asyncio.create_task(driver.feed(received, PERIOD_S))
        try:
            yield driver, received
        finally:
            task.cancel()
            await asyncio.wait([task])


def neighbours_good(received: Received) -> bool:
    return [received.value(name) for name in ("before", "after")] == [1.5, 2.5] and all(
        received.quality(name) is Quality.GOOD for name in ("before", "after")
    )


async def bad_beside_good(odd: OddServer, value: bytes, how: Following, detail: str) -> None:
    """`value` makes its point BAD for this reason, and it comes back when it is well."""
    odd.values["odd"] = value
    async with fed(odd, *THREE, how=how) as (_, received):
        await received.until(
            lambda: neighbours_good(received) and received.quality("odd") is Quality.BAD
        )
        await received.until(lambda: received.latest["odd"].detail == detail)
        assert neighbours_good(received)
        odd.values["odd"] = double(8.0)
        await received.until(lambda: received.value("odd") == 8.0)
        assert received.quality("odd") is Quality.GOOD
        assert odd.connections == 1, "no session was thrown away"


@HOW
@pytest.mark.case(
    "O1",
    when="A server sends a text that is not UTF-8",
    then="Only that point is bad, and says so; history and every command go on.",
)
async def test_a_text_that_is_not_utf8(odd: OddServer, how: Following) -> None:
    await bad_beside_good(odd, string(b"\xb0\x43"), how, "text is not UTF-8")


@HOW
@pytest.mark.case(
    "O2",
    when="A server sends a text such as n/a where a number is meant",
    then="The point is bad, and its reason shows the text.",
)
async def test_a_text_where_a_number_is_meant(odd: OddServer, how: Following) -> None:
    await bad_beside_good(odd, string(b"n/a"), how, "the server sends 'n/a', not a number")


NULL_STRUCTURE = b"\x01\x16\x00\x00\x01" + struct.pack("<i", -1)
ODD_VALUES = {
    "null structure": (NULL_STRUCTURE, "the server sends a ExtensionObject, not a number or text"),
    "structure without body": (
        b"\x01\x16\x01\x02\x07\x00\x00",
        "the server sends a ExtensionObject, not a number or text",
    ),
    "unassigned type": (
        b"\x01\x1a" + struct.pack("<i", 3) + b"abc",
        "the server sends a 26, not a number or text",
    ),
    "nothing": (b"\x00", "the server sends no value"),
    "null text": (b"\x01\x0c" + struct.pack("<i", -1), "the server sends no value"),
    "nan": (double(float("nan")), "the server sends nan"),
    "null list": (b"\x01\x8b" + struct.pack("<i", -1), "the server sends no value"),
    "list": (
        b"\x01\x8b" + struct.pack("<idd", 2, 1.0, 2.0),
        "the server sends a list, not a number or text",
    ),
    "matrix": (
        b"\x01\xcb" + struct.pack("<iddiii", 2, 1.0, 2.0, 2, 1, 2),
        "the server sends a list, not a number or text",
    ),
    "fractions of times": (
        b"\x3f\x0c" + struct.pack("<i2sIqHqH", 2, b"no", 0, 1, 2, 3, 4),
        "the server sends 'no', not a number",
    ),
}


@HOW
@pytest.mark.parametrize("which", ODD_VALUES)
@pytest.mark.case(
    "O4",
    when="One value of a server cannot be decoded",
    then="Only that point is bad; its neighbours and the session stay.",
)
async def test_a_value_that_no_point_can_hold(odd: OddServer, how: Following, which: str) -> None:
    value, detail = ODD_VALUES[which]
    await bad_beside_good(odd, value, how, detail)


@HOW
@pytest.mark.parametrize(
    "value",
    [
        b"\x01\x3f",  # a type that does not exist: nobody knows how long it is
        string(b"")[:2] + struct.pack("<i", 2**31 - 1),
        b"\x01\x8b" + struct.pack("<i", 2**31 - 1),
        b"\x01" + b"\x18" * 60,
        b"\x01\x0b\x00",
        b"\x01\x16\x00\x00\x07",
    ],
    ids=["no type", "endless text", "endless list", "endless depth", "cut off", "no encoding"],
)
@pytest.mark.case(
    "O4",
    when="One value spoils a whole answer of a server",
    then="It is found by asking for less at a time; only its own point is bad.",
)
async def test_a_value_that_spoils_its_message(
    odd: OddServer, how: Following, value: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "UNREADABLE_FOR_S", 0.5)
    monkeypatch.setattr(feeding_module, "RETRY_ITEMS_S", 0.5)
    await bad_beside_good(odd, value, how, "the server sends bytes that are no value")


@HOW
async def test_many_values_that_spoil_their_messages(odd: OddServer, how: Following) -> None:
    names = [f"v{number}" for number in range(60)]
    odd.values |= {name: double(float(n)) for n, name in enumerate(names)}
    for name in names[::7]:
        odd.values[name] = b"\x01\x3f"
    async with fed(odd, *map(point, names), how=how) as (_, received):
        await received.until(
            lambda: all(
                received.quality(n) is (Quality.BAD if n in names[::7] else Quality.GOOD)
                for n in names
            )
        )


@HOW
@pytest.mark.parametrize(("state", "name"), [(3, "Suspended"), (6, "CommunicationFault")])
@pytest.mark.case(
    "O5",
    when="A server says that it is suspended, or has lost its devices, and goes on sending values",
    then="None of its values is good; the reason names its state. It recovers alone.",
)
async def test_a_server_that_is_not_running(
    odd: OddServer, how: Following, state: int, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding_module, "PROBE_S", 0.1)
    monkeypatch.setattr("drivers.opcua.driver.STATE_EVERY_S", 0.1)
    async with fed(odd, *THREE, how=how) as (driver, received):
        await received.until(lambda: received.quality("odd") is Quality.GOOD)
        odd.state = state
        await received.until(lambda: received.quality("odd") is Quality.STALE)
        await received.until(lambda: received.quality("after") is not Quality.GOOD)
        assert received.latest["odd"].detail == f"the server says that its state is {name}"
        (sample,) = await driver.read(["before"])
        assert sample.quality is Quality.STALE
        assert name in driver.health().detail
        odd.state = 0
        await received.until(lambda: neighbours_good(received))
        assert driver.health().detail == ""


@HOW
async def test_a_server_that_is_not_running_when_it_is_met(odd: OddServer, how: Following) -> None:
    odd.state = 2
    seen: set[Quality | None] = set()
    async with fed(odd, *THREE, how=how) as (_, received):
        await received.until(lambda: received.quality("odd") is Quality.STALE)
        seen.add(received.quality("odd"))
    assert Quality.GOOD not in seen


KINDS = {
    "none that exists": ua.NodeId(ua.Int32(9999), ua.Int16(1)),
    "BaseDataType": ua.NodeId(ua.Int32(24)),
    "Number": ua.NodeId(ua.Int32(26)),
    "Integer": ua.NodeId(ua.Int32(27)),
    "UInteger": ua.NodeId(ua.Int32(28)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.case(
    "O6",
    when="A node's data type is abstract, or described nowhere on the server",
    then="It is written as the type of the value that it holds; no session is lost by a write.",
)
async def test_the_type_of_the_value_is_written(odd: OddServer, kind: str) -> None:
    odd.types["odd"] = KINDS[kind]
    odd.values["odd"] = b"\x01\x06" + struct.pack("<i", 7)
    async with fed(odd, *THREE) as (driver, received):
        await received.until(lambda: received.value("odd") == 7)
        for value in range(20, 23):
            (result,) = await driver.write([Write("odd", value)])
            assert result.status is WriteStatus.OK
            written = odd.written["odd"]
            assert (written.Value, written.VariantType) == (value, ua.VariantType.Int32)
            assert neighbours_good(received)
        odd.values["odd"] = b"\x01\x16\x00\x00\x00"
        await received.until(lambda: received.quality("odd") is Quality.BAD)
    odd.values["odd"] = b"\x00"
    odd.types["odd"] = KINDS["Number"]
    async with fed(odd, *THREE) as (driver, received):
        await received.until(lambda: neighbours_good(received))
        (result,) = await driver.write([Write("odd", 1.0)])
        assert (result.status, result.detail) == (
            WriteStatus.REFUSED,
            "the type of the node cannot be known: it holds no value",
        )
        assert neighbours_good(received)
    assert odd.connections == 2


@HOW
@pytest.mark.case(
    "O7",
    when="A server takes 19 ms for each item, and has 300 of them",
    then="It is asked for fewer at a time, and all are good soon.",
)
async def test_a_slow_server_is_asked_for_less_at_a_time(odd: OddServer, how: Following) -> None:
    odd.s_per_node = 0.019
    names = [f"v{number}" for number in range(300)]
    odd.values |= {name: double(float(n)) for n, name in enumerate(names)}
    async with fed(odd, *map(point, names), how=how, timeout_s=2.0) as (driver, received):
        await received.until(lambda: all(received.quality(name) is Quality.GOOD for name in names))
        health = driver.health()
    assert (health.connects, health.timeouts) == (1, 0)


async def test_a_server_too_slow_for_the_first_request_is_asked_for_less(odd: OddServer) -> None:
    odd.s_per_node = 0.03
    names = [f"v{number}" for number in range(40)]
    odd.values |= {name: double(float(n)) for n, name in enumerate(names)}
    async with fed(odd, *map(point, names), timeout_s=0.5) as (_, received):
        await received.until(lambda: all(received.quality(name) is Quality.GOOD for name in names))


@pytest.mark.parametrize("subscriptions", [10, 1])
@pytest.mark.case(
    "O8",
    when="A server takes only some of the items into one subscription",
    then="The others get another subscription, or are polled: all points are good.",
)
async def test_a_subscription_that_is_full(odd: OddServer, subscriptions: int) -> None:
    odd.most_items, odd.most_subscriptions = 20, subscriptions
    names = [f"v{number}" for number in range(30)]
    odd.values |= {name: double(float(n)) for n, name in enumerate(names)}
    async with fed(odd, *map(point, names)) as (driver, received):
        await received.until(lambda: all(received.quality(name) is Quality.GOOD for name in names))
        for name in names:
            odd.values[name] = double(99.0)
        await received.until(lambda: all(received.value(name) == 99.0 for name in names))
        assert bool(driver.health().detail) is (subscriptions == 1)


@HOW
async def test_any_bytes_in_any_answer_end_with_the_answers(
    odd: OddServer, how: Following, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole answers are changed, cut and lengthened; then they are right again."""
    monkeypatch.setattr(session_module, "UNREADABLE_FOR_S", 0.2)
    monkeypatch.setattr(feeding_module, "RETRY_ITEMS_S", 0.2)
    monkeypatch.setattr(driver_module, "SUBSCRIBE_AGAIN_S", 0.2)
    chance = random.Random(11)
    spoilt = 0
    unhandled: list[object] = []
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(loop, "call_exception_handler", unhandled.append)

    def spoil(kind: str, body: bytes) -> bytes:
        nonlocal spoilt
        assert kind in ("read", "publish")
        spoilt += 1
        changed = bytearray(body)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        ends = (changed, changed[: chance.randrange(len(changed))], changed + b"\0\1\2")
        return bytes(chance.choice(ends))

    async with fed(odd, *THREE, how=how) as (driver, received):
        await received.until(lambda: neighbours_good(received))
        odd.spoils = spoil
        while spoilt < 40:
            odd.values["odd"] = double(chance.random())
            await driver.read(["odd", "after"])
        odd.spoils = lambda _, body: body
        # A value that was changed within a right answer cannot be told from a true one: it stays
        # until the server has another.
        right = {"before": 3.5, "odd": 8.0, "after": 4.5}
        odd.values |= {name: double(value) for name, value in right.items()}
        await received.until(
            lambda: all(
                received.value(name) == value and received.quality(name) is Quality.GOOD
                for name, value in right.items()
            )
        )
    assert unhandled == []
