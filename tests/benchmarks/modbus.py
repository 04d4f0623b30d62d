"""50 Modbus connections of 60 float32 each: from socket to the controller's snapshot.

The server is a C program on libmodbus (`make peers`). The peer is pymodbus's own client with its
own conversion to numbers, against the same server, on the same kind of loop, in the same run.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import multiprocessing
import resource
import struct
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bms.app.event_loop import YOUNG_OBJECTS, loop_factory
from bms.app.event_loop import run as run_process
from bms.field.image import Field
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Tcp
from drivers.points import ModbusAddress, Point
from drivers.ticker import Ticker
from drivers.times import Times
from tests.benchmarks.table import Row, median
from tests.servers.peers import Libmodbus

CONNECTIONS = 50
FLOATS = 60
ROUNDS = 60
REPEATS = 5
FLAT_OUT_S = 2.0
PACED = 400

_WORDS = struct.unpack(">120H", struct.pack(">60f", *(20.0 + i / 7 for i in range(FLOATS))))


def _drivers(port: int, count: int, ticker: Ticker) -> list[ModbusDriver]:
    return [
        ModbusDriver(
            Tcp("127.0.0.1", port),
            [
                Point(f"b.d{number}.p{i}", ModbusAddress(1, "holding", 2 * i, "float32"))
                for i in range(FLOATS)
            ],
            times=Times(now=_now),
            ticker=ticker,
        )
        for number in range(count)
    ]


def _now() -> datetime:
    return datetime.now(UTC)


async def _running(count: int, port: int, poll_s: float) -> tuple[Field, asyncio.Task[None]]:
    field = Field(_now)
    for number, driver in enumerate(_drivers(port, count, Ticker())):
        field.add(f"l{number}", "", driver, poll_s=poll_s)
    running = asyncio.create_task(field.run())
    async with asyncio.timeout(60):
        while not all(s.quality == 0 for s in field.snapshot(_now()).values()):
            await asyncio.sleep(0.2)
    return field, running


def _requests(field: Field) -> int:
    """How many were sent so far."""
    drivers = (field.driver(f"l{n}") for n in range(CONNECTIONS))
    return sum(driver.health().requests for driver in drivers if isinstance(driver, ModbusDriver))


async def _ours(port: int) -> tuple[float, float]:
    """Points per second and CPU µs per point, from socket to snapshot, as fast as it goes."""
    field, running = await _running(CONNECTIONS, port, 0.0)
    loop = asyncio.get_running_loop()
    before = _requests(field)
    wall, cpu = time.perf_counter(), time.process_time()
    end = loop.time() + FLAT_OUT_S

    def look() -> None:
        field.snapshot(_now())
        if loop.time() < end:
            loop.call_later(0.001, look)  # about one read of each connection

    look()
    await asyncio.sleep(FLAT_OUT_S)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    total = (_requests(field) - before) * FLOATS
    running.cancel()
    await asyncio.wait([running])
    return total / wall, cpu / total * 1e6


async def _paced(port: int) -> float:
    """Percent of a core for 400 devices, each read once a second, with a snapshot a second."""
    field, running = await _running(PACED, port, 1.0)
    await asyncio.sleep(1.5)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(5):
        await asyncio.sleep(1.0)
        assert all(s.quality == 0 for s in field.snapshot(_now()).values())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    running.cancel()
    await asyncio.wait([running])
    return cpu / wall * 100


async def _pymodbus(port: int) -> tuple[float, float]:
    from pymodbus.client import AsyncModbusTcpClient  # its 13 MB are not ours

    clients = [AsyncModbusTcpClient("127.0.0.1", port=port) for _ in range(CONNECTIONS)]
    for client in clients:
        assert await client.connect()

    async def poll(client: Any, rounds: int) -> None:
        for _ in range(rounds):
            answer = await client.read_holding_registers(0, count=2 * FLOATS, device_id=1)
            values = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
            assert isinstance(values, list)

    await asyncio.gather(*(poll(client, 2) for client in clients))
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(poll(client, ROUNDS) for client in clients))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for client in clients:
        client.close()
    total = CONNECTIONS * FLOATS * ROUNDS
    return total / wall, cpu / total * 1e6


def _paced_alone(port: int) -> tuple[float, float]:
    """Percent of a core and RSS in MB, in a process that does nothing else."""
    logging.disable(logging.WARNING)
    return run_process(_paced(port)), _rss_mb()


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize() / 1e6


def run() -> list[Row]:
    logging.disable(logging.WARNING)  # hundreds of connections at once do not all succeed at first
    try:
        with Libmodbus() as server:
            server.say("unit", 1, 0, 0, 2 * FLOATS, 0)
            server.say("set", 1, "holding", 0, *_WORDS)
            return _rows(server.listen())
    finally:
        logging.disable(logging.NOTSET)


def _rows(port: int) -> list[Row]:
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
    rows: list[Row] = []
    for name, factory in (("asyncio", None), ("uvloop", loop_factory())):
        if name == "asyncio" or factory is not None:
            with asyncio.Runner(loop_factory=factory) as runner:
                rows += _flat_out(name, port, runner)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:  # alone, for its memory
        paced = [pool.apply(_paced_alone, (port,)) for _ in range(3)]
    share, memory = median([x[0] for x in paced]), median([x[1] for x in paced])
    name = f"modbus: {PACED} devices x {FLOATS} points each second"
    return [
        *rows,
        Row(name, share, "% of a core", "<= 5"),
        Row(f"modbus: RSS with those {PACED} devices", memory, "MB"),
    ]


def _flat_out(loop: str, port: int, runner: asyncio.Runner) -> list[Row]:
    ours, theirs = [], []
    for _ in range(REPEATS):  # side by side, so that a slow spell of the machine hits both
        ours.append(runner.run(_ours(port)))
        theirs.append(runner.run(_pymodbus(port)))
    ratio = median([t[1] / o[1] for o, t in zip(ours, theirs, strict=True)])
    rate, their_rate = median([x[0] for x in ours]), median([x[0] for x in theirs])
    cost, their_cost = median([x[1] for x in ours]), median([x[1] for x in theirs])
    peer = f"pymodbus client, {loop}"
    name = f"modbus, {loop}: {CONNECTIONS} connections x {FLOATS} float32"
    return [
        Row(name, rate, "points/s", ">= 1000000", peer, their_rate),
        Row(
            f"modbus, {loop}: requests", rate / FLOATS, "requests/s", "", peer, their_rate / FLOATS
        ),
        Row(f"modbus, {loop}: CPU, socket to snapshot", cost, "µs/point", "", peer, their_cost),
        Row(f"modbus, {loop}: times less CPU than pymodbus", ratio, "times", ">= 5"),
    ]
