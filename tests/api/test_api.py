"""The local API over a real Unix socket, with good and bad clients."""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bms.api.client import ask
from bms.api.protocol import REQUEST_LIMIT, socket_path
from bms.api.server import ApiServer
from bms.core.errors import BmsError, InvalidInput, Refused, Unreachable
from bms.texts.yaml.parsing import Problem


async def _echo(args: Mapping[str, Any], user: str) -> Any:
    return {"args": dict(args), "user": user}


async def _refuse(_args: Mapping[str, Any], _user: str) -> Any:
    raise Refused("not while it runs")


async def _invalid(_args: Mapping[str, Any], _user: str) -> Any:
    raise InvalidInput("two problems", [Problem("a.yaml", 3, 1, "no such mode")])


async def _defect(_args: Mapping[str, Any], _user: str) -> Any:
    raise ZeroDivisionError


@asynccontextmanager
async def serving(state_dir: Path) -> AsyncIterator[None]:
    handlers = {"echo": _echo, "refuse": _refuse, "invalid": _invalid, "defect": _defect}
    ready = asyncio.Event()
    task = asyncio.create_task(ApiServer(socket_path(state_dir), handlers).run(ready))
    await ready.wait()
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_answers_errors_and_the_name_of_who_asks(tmp_path: Path) -> None:
    async with serving(tmp_path):
        answer = await asyncio.to_thread(ask, tmp_path, "echo", text="冷站")
        assert answer == {"args": {"text": "冷站"}, "user": getpass.getuser()}
        with pytest.raises(Refused, match="not while it runs"):
            await asyncio.to_thread(ask, tmp_path, "refuse")
        with pytest.raises(InvalidInput, match=r"a\.yaml:3:1"):
            await asyncio.to_thread(ask, tmp_path, "invalid")
        with pytest.raises(InvalidInput, match="echo, refuse"):
            await asyncio.to_thread(ask, tmp_path, "nonsense")
        with pytest.raises(BmsError, match="defect"):
            await asyncio.to_thread(ask, tmp_path, "defect")
    assert not socket_path(tmp_path).exists()
    with pytest.raises(Unreachable, match="bms run"):
        ask(tmp_path, "echo")


async def test_a_request_that_is_too_long_is_not_an_absent_controller(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(InvalidInput, match="at most"):
            await asyncio.to_thread(ask, tmp_path, "echo", text="长" * REQUEST_LIMIT)


async def test_bad_clients_hurt_only_themselves(tmp_path: Path) -> None:
    async with serving(tmp_path):
        for junk in (b"\xff\xfe\n", b"[]\n", b'{"op": 3}\n', b"x" * (REQUEST_LIMIT + 10) + b"\n"):
            reader, writer = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
            writer.write(junk)
            error = json.loads(await reader.readline())["error"]
            assert error["kind"] == "invalid"
            writer.close()
            await writer.wait_closed()
        _, silent = await asyncio.open_unix_connection(str(socket_path(tmp_path)))
        assert (await asyncio.to_thread(ask, tmp_path, "echo"))["args"] == {}
        silent.close()
        await silent.wait_closed()


async def test_a_second_server_is_refused_and_a_dead_socket_is_replaced(tmp_path: Path) -> None:
    async with serving(tmp_path):
        with pytest.raises(Refused, match="already running"):
            await ApiServer(socket_path(tmp_path), {}).run(asyncio.Event())
        assert (await asyncio.to_thread(ask, tmp_path, "echo"))["args"] == {}
    leftover = await asyncio.start_unix_server(lambda *_: None, str(socket_path(tmp_path)))
    leftover.close()
    await leftover.wait_closed()
    socket_path(tmp_path).touch()
    async with serving(tmp_path):
        assert (await asyncio.to_thread(ask, tmp_path, "echo"))["args"] == {}


def test_a_long_state_directory_gets_a_short_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    path = socket_path(deep)
    assert len(str(path)) < 100
    assert path == socket_path(deep)
    assert path != socket_path(deep / "other")
