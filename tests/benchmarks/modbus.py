"""50 Modbus connections of 60 float32 each: from socket to the controller's snapshot.

The server is a bare asyncio loop in a process of its own, so that it is never the limit. The peer
is pymodbus's own client with its own conversion, against the same server in the same run.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import multiprocessing.connection
import struct
import time
from datetime import UTC, datetime
from typing import cast

from pymodbus.client import AsyncModbusTcpClient

from bms.field import Field
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.transport import Tcp
from drivers.points import ModbusAddress, Point
from drivers.ticker import Ticker
from tests.benchmarks.table import Row, median

CONNECTIONS = 50
FLOATS = 60
ROUNDS = 60
REPEATS = 5
FLAT_OUT_S = 2.0
PACED = 400

_REGISTERS = struct.pack(">60f", *(20.0 + i / 7 for i in range(FLOATS)))


class _Server(asyncio.Protocol):
    """Answers any read of holding registers with the same 60 floats."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        while len(data) >= 12:
            tid, _, _, unit, code, _, count = struct.unpack(">HHHBBHH", data[:12])
            body = _REGISTERS[: count * 2]
            head = struct.pack(">HHHBBB", tid, 0, 3 + len(body), unit, code, len(body))
            self._transport.write(head + body)
            data = data[12:]


def _serve(pipe: multiprocessing.connection.Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        async with server:
            await server.serve_forever()

    import uvloop

    uvloop.run(main())


def _drivers(port: int, count: int, ticker: Ticker) -> list[ModbusDriver]:
    return [
        ModbusDriver(
            Tcp("127.0.0.1", port),
            [
                Point(f"b.d{number}.p{i}", ModbusAddress(1, "holding", 2 * i, "float32"))
                for i in range(FLOATS)
            ],
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


async def _ours(port: int) -> tuple[float, float]:
    """Points per second and CPU µs per point, from socket to snapshot, as fast as it goes."""
    field, running = await _running(CONNECTIONS, port, 0.0)
    loop = asyncio.get_running_loop()
    drivers = [field.driver(f"l{n}") for n in range(CONNECTIONS)]
    before = sum(d.health().requests for d in drivers)
    wall, cpu = time.perf_counter(), time.process_time()
    end = loop.time() + FLAT_OUT_S
    while loop.time() < end:
        await asyncio.sleep(0.001)  # about one read of each connection
        field.snapshot(_now())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    total = (sum(d.health().requests for d in drivers) - before) * FLOATS
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
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port) for _ in range(CONNECTIONS)]
    for client in clients:
        assert await client.connect()

    async def poll(client: AsyncModbusTcpClient, rounds: int) -> None:
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


def run() -> list[Row]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=_serve, args=(there,), daemon=True)
    server.start()
    try:
        port = here.recv()
        ours, theirs = [], []
        for _ in range(REPEATS):  # side by side, so that a slow spell of the machine hits both
            ours.append(asyncio.run(_ours(port)))
            theirs.append(asyncio.run(_pymodbus(port)))
    finally:
        server.terminate()
        server.join()
    peer = "pymodbus AsyncModbusTcpClient"
    shape = f"{CONNECTIONS} connections x {FLOATS} float32"
    return [
        Row(
            f"modbus: {shape}",
            median([x[0] for x in ours]),
            "points/s",
            peer=peer,
            peer_value=median([x[0] for x in theirs]),
        ),
        Row(
            "modbus: CPU from socket to snapshot",
            median([x[1] for x in ours]),
            "µs/point",
            peer=peer,
            peer_value=median([x[1] for x in theirs]),
        ),
    ]
