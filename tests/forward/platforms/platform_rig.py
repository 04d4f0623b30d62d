"""A platform on a real socket that can be told to misbehave, and a gateway that reports to it."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from aiohttp import web

from bms.config.site import Site
from bms.core.decisions import Condition
from bms.forward.copying.timing import Timing
from bms.forward.platforms.postbox import Kept, Postbox
from bms.forward.platforms.sending import Places, PlatformUpload
from bms.forward.platforms.site_platforms import plans_of
from tests.ledger.support import START, Books, site_of
from tests.servers.certificates import Identity

Script: TypeAlias = Callable[[dict[str, Any]], web.StreamResponse | str]
"""Given a message: an answer, or `hang`, or `lost` (taken, and the answer does not arrive)."""

UPLOADS = """\
platforms:
  %(platforms)s
formats:
  plain:
    times: {day: "%%Y-%%m-%%d", month: "%%Y-%%m"}
    quality: {measured: 1, missing: 9}
    body:
      head: {id: "{message_id}", enterprise: "{enterprise}", kind: "{kind}", again: "{correction}"}
      from: "{start}"
      to: "{end}"
      data: "{readings}"
    reading: {code: "{code}", value: "{value}", unit: "{unit}", quality: "{quality}"}
"""
PLATFORM = """\
%(name)s:
    url: %(url)s
    insecure: true
    enterprise: "9133"
    format: plain
    timeout_s: 1
    paths: {quarter: /quarter, day: /day, month: /month}
    meters: {b.m: {code: "0101", unit: MWh}}
    %(more)s
"""


def taken(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.json_response({"code": 0})


def broken(_message: dict[str, Any]) -> web.StreamResponse | str:
    return web.Response(status=503)


class Platform:
    """Keeps every message it took, in order; `script` decides each answer."""

    def __init__(self, shown: Identity | None = None) -> None:
        self.script: Script = taken
        self.bodies: list[bytes] = []
        """Of all requests, also of those that were not taken."""
        self.taken: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self._shown = shown
        self._runner: web.AppRunner | None = None
        self._released = asyncio.Event()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/{kind}", self._post)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        tls = None
        if self._shown is not None:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(self._shown.certificate, self._shown.key)
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http{'s' if tls else ''}://{host}:{port}"
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

    async def _post(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.bodies.append(raw)
        self.headers.append(dict(request.headers))
        message = json.loads(raw)
        answer = self.script(message)
        if answer == "hang":
            await self._released.wait()
            return web.Response(status=500)
        if answer == "lost":
            self.taken.append(message)
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=204)
        assert isinstance(answer, web.StreamResponse)
        if answer.status < 300 and self.script is taken:
            self.taken.append(message)
        return answer

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The messages of one kind that were taken, in order."""
        return [message for message in self.taken if message["head"]["kind"] == kind]


def uploads(*platforms: str) -> str:
    return UPLOADS % {"platforms": "  ".join(platforms)}


def platform(name: str, url: str, more: str = "") -> str:
    return PLATFORM % {"name": name, "url": url, "more": more}


@dataclass
class Gateway:
    """A site with one meter that counts 4 kWh in a quarter hour, its ledger, and the time."""

    books: Books
    now: datetime = START
    read: int = 0
    """Minutes after the start: the next reading."""

    @classmethod
    def of(cls, directory: Path, text: str, zone: str = "Asia/Shanghai") -> Gateway:
        return cls(Books(replace(site_of(directory, zone=zone), texts={"uploads.yaml": text})))

    @property
    def site(self) -> Site:
        return self.books.site

    def __enter__(self) -> Self:
        self.books.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.books.__exit__()

    def count(self, minutes: float) -> None:
        """The register counts on until a number of minutes after the start, and it is then."""
        self.books.read((at, int(at / 15 * 400)) for at in range(self.read, int(minutes) + 1, 15))
        self.read = int(minutes) // 15 * 15 + 15
        self.now = START + timedelta(minutes=minutes + 10)
        self.books.posting.catch_up(self.now)
        self.now = START + timedelta(minutes=minutes)

    def later(self, **span: float) -> None:
        """Time goes by, and nothing is read."""
        self.now += timedelta(**span)

    def upload(self, number: int = 0, shown: list[Condition] | None = None) -> PlatformUpload:
        """The task of one platform, as it is after a start of the program."""
        places = Places(self.site.directory, self.site.state_dir, lambda: self.now)

        def show(found: Sequence[Condition]) -> None:
            if shown is not None:
                shown[:] = found

        return PlatformUpload(plans_of(self.site)[number], places, self.timing(), show)

    def timing(self) -> Timing:
        return Timing(lambda: self.now, idle_s=0.01, jitter=lambda: 0.0, monotonic=self._steady)

    def _steady(self) -> float:
        return (self.now - START).total_seconds()

    def kept(self, name: str | None = None, *, waiting: bool = False) -> list[Kept]:
        with Postbox(self.site.state_dir) as box:
            return list(box.messages(name, 0, 2**60, waiting=waiting))
