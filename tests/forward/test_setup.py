"""`bms influx init` against something that is no database: it says what to put right."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bms.config.shapes.sinks import InfluxFile
from bms.core.errors import BmsError
from bms.forward.server.asking import Reader
from bms.forward.server.setup import initialise


@asynccontextmanager
async def answering(answer: Callable[[], web.Response]) -> AsyncIterator[str]:
    async def handle(_request: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("dialect", ["v2", "v1"])
@pytest.mark.parametrize(
    ("answer", "part"),
    [
        (lambda: web.Response(text="<html>Grafana</html>"), "<html>"),
        (lambda: web.Response(body=b"\xff\xfe\x00", content_type="text/plain"), "127.0.0.1|url"),
        (lambda: web.Response(status=302, headers={"Location": "https://db.example/"}),
         "write in url the address that it points to .https://db.example/"),
        (lambda: web.Response(status=502, text="<html>Bad Gateway</html>"), "502"),
        (lambda: web.json_response({"message": "unauthorized"}, status=401), "401"),
    ],
)  # fmt: skip
async def test_what_is_no_database_is_said(
    dialect: str, answer: Callable[[], web.Response], part: str
) -> None:
    place = {"org": "o", "bucket": "b"} if dialect == "v2" else {"db": "b"}
    async with answering(answer) as url:
        settings = InfluxFile.model_validate({"url": url, "dialect": dialect, **place})
        async with Reader(settings, "t" if dialect == "v2" else "u:p") as admin:
            with pytest.raises(BmsError, match=part):
                await initialise(settings, admin)
