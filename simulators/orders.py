"""What people order of a running park: links cut and restored, faults begun and ended."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from simulators.faults.faulted import FaultedPlant

USAGE = "write 'stop LINK', 'start LINK', 'fault KIND TARGET [NUMBER] [for DURATION]', "
USAGE += "'clear [TARGET]' or 'faults'"
_ANSWER_WITHIN_S = 10.0
_LONGEST_PATH = 100
"""Unix sockets take 107 bytes; longer paths fail with a word that nobody understands."""

Answer = Mapping[str, object]


class Orders:
    """Carries out one line at a time."""

    def __init__(
        self,
        plant: FaultedPlant,
        links: Mapping[str, Callable[[str], Awaitable[None]]],
        names: Callable[[], list[str]],
    ) -> None:
        self._plant = plant
        self._links = links
        """`stop` and `start`."""
        self._names = names

    async def obey(self, line: str) -> Answer:
        """Do what a line says; the answer has `done`, or `error` and what would be right."""
        words = line.split()
        what = words[0] if words else ""
        try:
            if what in self._links and len(words) == 2:
                return await self._link(what, words[1])
            if what == "fault":
                self._plant.fault(" ".join(words[1:]))
                return {"done": line.strip(), "faults": self._active()}
            if what == "clear" and len(words) <= 2:
                ended = self._plant.clear(*words[1:])
                return {"done": line.strip(), "ended": ended, "faults": self._active()}
            if what == "faults" and len(words) == 1:
                return {"done": "faults", "faults": self._active()}
        except (ValueError, KeyError) as error:
            return {"error": str(error)}
        return {"error": USAGE}

    async def _link(self, what: str, name: str) -> Answer:
        try:
            await self._links[what](name)
        except KeyError:
            return {"error": f"unknown link '{name}'", "links": self._names()}
        return {"done": f"{what} {name}"}

    def _active(self) -> list[str]:
        return [
            f"{fault.kind} {fault.target}" + (f" {fault.value:g}" if fault.value else "")
            for fault in self._plant.active()
        ]


async def open_door(path: Path, orders: Orders) -> asyncio.AbstractServer:
    """A local socket that takes orders, a line each; raises OSError, ValueError if too long."""
    if len(str(path).encode()) > _LONGEST_PATH:
        raise ValueError(f"{path} is too long for a local socket")
    with suppress(FileNotFoundError):
        path.unlink()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.LimitOverrunError, ValueError, TimeoutError):
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                line = await reader.readline()
                told = await orders.obey(line.decode(errors="replace"))
                writer.write(json.dumps(told).encode() + b"\n")
                await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(answer, path=str(path))


def tell(path: Path, line: str) -> Answer:
    """Give one order to the park behind a socket; raises OSError if nobody is there."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(_ANSWER_WITHIN_S)
        door.connect(str(path))
        door.sendall(line.encode() + b"\n")
        with door.makefile("rb") as answers:
            found: dict[str, object] = json.loads(answers.readline() or b'{"error": "no answer"}')
    return found
