"""A write endpoint as InfluxDB 2 and 1 have it, on a real socket, that can be told to misbehave."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeAlias

from aiohttp import web

Answer: TypeAlias = web.Response | str
Script: TypeAlias = Callable[[list[str]], Answer]
"""Given a request's lines: a response, or `hang`, `reset`, `lost` (stored, not acknowledged)."""


def ok(_lines: list[str]) -> Answer:
    return web.Response(status=204)


FAULTS = ("503", "429", "413", "hang", "reset", "lost")
"""What a server or the way to it does; `lost` is an acknowledgement that does not arrive."""


def fault(name: str, *, most_lines: int = 1) -> Script:
    """A script with one fault; 413 is for requests of more than `most_lines`."""

    def script(lines: list[str]) -> Answer:
        if name == "413" and len(lines) <= most_lines:
            return ok(lines)
        if name.isdigit():
            headers = {"Retry-After": "1"} if name in ("429", "503") else None
            return web.Response(status=int(name), headers=headers)
        return name

    return script


class InfluxServer:
    """Keeps every line it stored, in order; `script` decides each answer."""

    def __init__(self) -> None:
        self.script: Script = ok
        self.stored: list[str] = []
        self.requests: list[list[str]] = []
        self.queries: list[dict[str, str]] = []
        self.tokens: set[str] = set()
        self.url = ""
        self._runner: web.AppRunner | None = None
        self._released = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/api/v2/write", self._write)
        app.router.add_post("/write", self._write)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._released.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _write(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        self.tokens.add(request.headers.get("Authorization", ""))
        raw = await request.read()  # the server has taken Content-Encoding off
        lines = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode().split("\n")
        self.requests.append(lines)
        answer = self.script(lines)
        if answer == "lost" or (isinstance(answer, web.Response) and answer.status == 204):
            self.stored += lines
        if isinstance(answer, web.Response):
            return answer
        if answer == "hang":
            await self._released.wait()
        elif request.transport is not None:
            request.transport.abort()
        return web.Response(status=204)
