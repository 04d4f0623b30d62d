"""5,000 OPC-UA items that all change every second, from socket to the controller's snapshot.

The server is asyncua's own, in a separate process. The peer is asyncua's subscription with its
handler, against the same server in the same run.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import multiprocessing.connection
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.server.server import Server

from bms.app.event_loop import run as run_process
from bms.field.image import Field
from drivers.opcua.driver import OpcUaDriver
from drivers.opcua.subscribing.decode import Changes
from drivers.opcua.subscribing.subscription import Items
from drivers.points import OpcUaAddress, Point
from drivers.times import Times
from tests.benchmarks.table import Row, median
from tests.servers.opcua_parts import listener, node_id, ua_time

ITEMS = 5_000
SECONDS = 8
REPEATS = 3
_NAMESPACE = "urn:bms:bench"


def _serve(pipe: multiprocessing.connection.Connection) -> None:
    async def main() -> None:
        logging.disable(logging.WARNING)
        server = Server()
        await server.init()
        server.set_endpoint("opc.tcp://127.0.0.1:0")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        index = await server.register_namespace(_NAMESPACE)
        nodes = [
            await server.nodes.objects.add_variable(node_id(f"p{n}", index), f"p{n}", 0.0)
            for n in range(ITEMS)
        ]
        await server.start()
        pipe.send((listener(server).port, index))
        loop = asyncio.get_running_loop()
        count, due = 0.0, loop.time()
        while not pipe.poll():
            count, due = count + 1, due + 1
            for number, node in enumerate(nodes):
                # The number of the second in front, the number of the item behind the point.
                value = ua.Variant(count + number / 10_000, ua.VariantType.Double)
                data = ua.DataValue(value, SourceTimestamp=ua_time(datetime.now(UTC)))
                await server.write_attribute_value(node.nodeid, data)
                if number % 250 == 249:
                    await asyncio.sleep(0)
            await asyncio.sleep(max(0.0, due - loop.time()))
        await server.stop()

    asyncio.run(main())


class _Blocked:
    """The longest that the loop was held up, in ms."""

    def __init__(self) -> None:
        self.worst_ms = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            self.worst_ms = max(self.worst_ms, (loop.time() - before - 0.005) * 1000)


def _now() -> datetime:
    return datetime.now(UTC)


async def _ours(port: int, index: int) -> tuple[float, float, float]:
    """Percent of a core, longest hold-up in ms, and changes that were lost."""
    field = Field(_now)
    points = [Point(f"b.d.p{n}", OpcUaAddress(_NAMESPACE, f"s=p{n}")) for n in range(ITEMS)]
    field.add(
        "l",
        "",
        OpcUaDriver(f"opc.tcp://127.0.0.1:{port}", points, timeout_s=20, times=Times(now=_now)),
        poll_s=1.0,
    )
    running = asyncio.create_task(field.run())
    async with asyncio.timeout(60):
        while not all(s.quality == 0 for s in field.snapshot(_now()).values()):
            await asyncio.sleep(0.2)
    await asyncio.sleep(2)
    measured = await _measured(lambda: field.snapshot(_now()))
    seen = await _recorded()
    running.cancel()
    await asyncio.wait([running])
    return *measured, _lost(seen)


async def _recorded() -> dict[tuple[int, int], list[int]]:
    """Every change that arrives in some seconds, by item; recording is not part of the measure."""
    seen: dict[tuple[int, int], list[int]] = {}
    take = Items.take

    def recording(items: Items, changes: Changes) -> None:
        for handle, value in zip(changes.handles, changes.values, strict=True):
            assert isinstance(value, float)
            seen.setdefault((id(items), handle), []).append(int(value))
        take(items, changes)

    Items.take = recording  # type: ignore[assignment,method-assign]
    try:
        await asyncio.sleep(SECONDS)
    finally:
        Items.take = take  # type: ignore[method-assign]
    assert len(seen) == ITEMS
    return seen


def _lost(seen: dict[tuple[int, int], list[int]]) -> float:
    """Seconds of which an item told nothing, although later ones came."""
    return float(sum(values[-1] - values[0] + 1 - len(values) for values in seen.values()))


async def _measured(note: Callable[[], object]) -> tuple[float, float]:
    """Percent of a core and longest hold-up over some seconds. `note`, once a second, is part of
    the load but not of the hold-up: it is the control cycle, not the link."""
    blocked = _Blocked()
    watching = asyncio.create_task(blocked.run())
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(SECONDS):
        await asyncio.sleep(1.0)
        held = blocked.worst_ms
        note()
        await asyncio.sleep(0.01)
        blocked.worst_ms = held
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    watching.cancel()
    return cpu / wall * 100, blocked.worst_ms


class _Handler:
    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        self.values[node.nodeid.Identifier] = value


async def _theirs(port: int, index: int) -> tuple[float, float]:
    handler = _Handler()
    # At its default of 1 s its watchdog gives up while it decodes on a busy machine.
    async with Client(f"opc.tcp://127.0.0.1:{port}", timeout=20, watchdog_intervall=10) as client:
        subscription = await client.create_subscription(1000, handler)
        nodes = [client.get_node(node_id(f"p{n}", index)) for n in range(ITEMS)]
        for start in range(0, ITEMS, 500):
            await subscription.subscribe_data_change(nodes[start : start + 500])
        async with asyncio.timeout(60):
            while len(handler.values) < ITEMS:
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)
        return await _measured(lambda: None)


def run() -> list[Row]:
    logging.disable(logging.WARNING)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        port, index = here.recv()
        ours, theirs = [], []
        for _ in range(REPEATS):
            ours.append(run_process(_ours(port, index)))
            theirs.append(run_process(_theirs(port, index)))
    finally:
        server.terminate()
        server.join()
        logging.disable(logging.NOTSET)
    peer = "asyncua subscription, handler"
    return [
        Row(
            f"opcua: {ITEMS:,} items changing each second",
            median([x[0] for x in ours]),
            "% of a core",
            "<= 3",
            peer,
            median([x[0] for x in theirs]),
        ),
        Row(
            "opcua: longest hold-up of the loop",
            median([x[1] for x in ours]),
            "ms",
            "<= 50",
            peer,
            median([x[1] for x in theirs]),
        ),
        Row("opcua: changes lost", max(x[2] for x in ours), "changes", "<= 0"),
    ]
