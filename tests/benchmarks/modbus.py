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

from pymodbus.client import AsyncModbusTcpClient

from bms.field import Field
from drivers.modbus.driver import ModbusTcpDriver
from drivers.points import ModbusAddress, Point
from tests.benchmarks.table import Row, median

CONNECTIONS = 50
FLOATS = 60
ROUNDS = 60
REPEATS = 5

_REGISTERS = struct.pack(">60f", *(20.0 + i / 7 for i in range(FLOATS)))


class _Server(asyncio.Protocol):
    """Answers any read of holding registers with the same 60 floats."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

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

    asyncio.run(main())


async def _ours(port: int) -> tuple[float, float]:
    """Points per second and CPU µs per point, from socket to snapshot."""

    def now() -> datetime:
        return datetime.now(UTC)

    field = Field(now)
    drivers = []
    for number in range(CONNECTIONS):
        points = [
            Point(f"b.d{number}.p{i}", ModbusAddress(1, "holding", 2 * i, "float32"))
            for i in range(FLOATS)
        ]
        drivers.append(ModbusTcpDriver("127.0.0.1", port, points))
    ids = [[p.id for p in driver.points] for driver in drivers]
    for number, driver in enumerate(drivers):
        field.add(f"l{number}", "", driver, poll_s=1.0)
        await driver.__aenter__()
    links = field._links

    async def poll(number: int, rounds: int) -> None:
        link = links[number]
        for _ in range(rounds):
            link._finish(await drivers[number].read(ids[number]))

    await asyncio.gather(*(poll(n, 2) for n in range(CONNECTIONS)))
    assert all(s.quality == 0 for s in field.snapshot(now()).values())
    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(poll(n, ROUNDS) for n in range(CONNECTIONS)))
    field.snapshot(now())
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    for driver in drivers:
        await driver.__aexit__(None, None, None)
    total = CONNECTIONS * FLOATS * ROUNDS
    return total / wall, cpu / total * 1e6


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
