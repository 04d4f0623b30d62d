"""Runs a plant in real time behind one real server per link of a site."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol, TextIO

from drivers.plant import Plant
from simulators.clock import utc_now
from simulators.faults.faulted import FaultedPlant
from simulators.modbus_server import ModbusServer
from simulators.opcua_server import OpcUaServer
from simulators.orders import Orders, open_door
from simulators.sitefiles import ServedLink, SiteFilesError


class LinkServer(Protocol):
    """One endpoint that can be cut and restored."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    async def show(self, values: Mapping[str, float]) -> None: ...
    def endpoint(self) -> dict[str, object]: ...


def _server(link: ServedLink, written: Callable[[Mapping[str, float]], None]) -> LinkServer:
    if link.protocol == "modbus_tcp":
        return ModbusServer(link.points, written)
    if link.protocol == "opcua":
        return OpcUaServer(link.points, written)
    raise SiteFilesError(f"link {link.id}: no simulated server speaks '{link.protocol}'")


class ParkServers:
    """All endpoints of a site around one plant."""

    def __init__(self, plant: Plant, links: Sequence[ServedLink]) -> None:
        self._plant = plant
        self._servers = {link.id: _server(link, self._write) for link in links}
        self._running: set[str] = set()

    def _write(self, values: Mapping[str, float]) -> None:
        self._plant.write(values)

    @property
    def endpoints(self) -> dict[str, dict[str, object]]:
        return {name: server.endpoint() for name, server in self._servers.items()}

    async def start(self) -> None:
        for name in self._servers:
            await self.start_link(name)

    async def stop(self) -> None:
        for name in list(self._running):
            await self.stop_link(name)

    async def start_link(self, name: str) -> None:
        """Raises KeyError for an unknown link."""
        server = self._servers[name]
        if name not in self._running:
            await server.start()
            self._running.add(name)
            await server.show(self._plant.read())

    async def stop_link(self, name: str) -> None:
        """Raises KeyError for an unknown link."""
        server = self._servers[name]
        if name in self._running:
            self._running.discard(name)
            await server.stop()

    async def advance(self, until: datetime) -> None:
        """Bring the plant to `until` and show it on every running endpoint."""
        self._plant.advance(until)
        values = self._plant.read()
        for name in list(self._running):  # a link may be cut while another is shown
            await self._servers[name].show(values)


async def serve(
    plant: Plant,
    links: Sequence[ServedLink],
    *,
    period_s: float,
    endpoints_file: Path | None,
    door: Path | None = None,
    output: TextIO = sys.stdout,
) -> None:
    """Serve until SIGTERM or SIGINT; the plant is closed at the end.

    Prints one JSON line when ready, and one for each line read from standard input: `stop LINK`
    cuts an endpoint, `start LINK` brings it back on the same port, `fault` and `clear` are for
    what stands behind them. A local socket at `door` takes the same lines.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    plant = FaultedPlant.around(plant, utc_now())
    servers = ParkServers(plant, links)
    orders = Orders(
        plant,
        {"stop": servers.stop_link, "start": servers.start_link},
        lambda: sorted(servers.endpoints),
    )
    opened: asyncio.AbstractServer | None = None

    def say(value: object) -> None:
        print(json.dumps(value), file=output, flush=True)

    try:
        # A plant whose saved state is older catches up before anyone connects.
        plant.advance(utc_now())
        await servers.start()
        if door is not None:
            try:
                opened = await open_door(door, orders)
            except (OSError, ValueError) as error:  # the park is worth serving without it
                say({"no_door": str(error)})
        if endpoints_file is not None:
            _write_atomically(endpoints_file, json.dumps(servers.endpoints, indent=1))
        say({"ready": True, "endpoints": servers.endpoints})
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_advance(servers, period_s)),
                group.create_task(_obey(orders, say)),
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()
    finally:
        if opened is not None:
            opened.close()
        await servers.stop()
        plant.close()


async def _advance(servers: ParkServers, period_s: float) -> None:
    while True:
        await asyncio.sleep(period_s)
        await servers.advance(utc_now())


async def _obey(orders: Orders, say: Callable[[object], None]) -> None:
    if not _can_be_waited_for(sys.stdin):
        return  # standard input is a plain file, /dev/null or closed: nobody will say anything
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (ValueError, OSError):
        return
    while line := await reader.readline():
        say(await orders.obey(line.decode(errors="replace")))


def _can_be_waited_for(stream: TextIO | None) -> bool:
    """Whether asyncio can wait for it: epoll refuses plain files and /dev/null."""
    try:
        mode = os.fstat(stream.fileno()).st_mode if stream is not None else 0
        terminal = stream is not None and stream.isatty()
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or terminal


def _write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
