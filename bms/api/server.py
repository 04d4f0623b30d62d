"""Serves the local API of the control process on its Unix socket."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bms.api.protocol import LINE_LIMIT, REQUEST_LIMIT, error_kind
from bms.core.errors import BmsError, InvalidInput, Refused
from bms.people.accounts import account
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 10.0
IDLE_S = 60.0
LISTEN_AGAIN_S = 5.0

Handler = Callable[[Mapping[str, Any], str], Awaitable[Any]]
"""Called with the arguments and the name of the local user who asks."""


class ApiServer:
    """Answers requests one line at a time; a slow or silent client costs only itself."""

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        self._path = path
        self._handlers = handlers

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. Raises Refused if another controller answers on the socket."""
        await _refuse_if_alive(self._path)
        with suppress(OSError):
            self._path.unlink()
        tasks: set[asyncio.Task[None]] = set()

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            try:
                await self._serve(reader, writer)
            finally:
                tasks.discard(task)
                writer.close()

        server = await self._listen(accept, ready)
        # Members of the controller's group may ask; who they are is told by the kernel, and what
        # they may do by `people` in site.yaml.
        self._path.chmod(0o660)
        ready.set()
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=1.0)
            with suppress(FileNotFoundError):
                self._path.unlink()

    async def _listen(
        self,
        accept: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        ready: asyncio.Event,
    ) -> asyncio.AbstractServer:
        """Listen as soon as the disk takes a socket: a full one does not keep the control back."""
        while True:
            try:
                return await asyncio.start_unix_server(
                    accept, path=str(self._path), limit=REQUEST_LIMIT
                )
            except OSError as error:
                if error.errno not in (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO):
                    raise
                _log.error("the local API cannot listen on %s yet: %s", self._path, error)
                ready.set()
                await asyncio.sleep(LISTEN_AGAIN_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        user = _peer(writer)
        with suppress(ConnectionError, TimeoutError):
            while True:
                try:
                    async with asyncio.timeout(IDLE_S):
                        line = await reader.readline()
                except ValueError:
                    writer.write(
                        _error(
                            "invalid",
                            msg(
                                "a request is at most {request_limit} bytes",
                                request_limit=REQUEST_LIMIT,
                            ),
                        )
                    )
                    return
                if not line:
                    return
                writer.write(await self._answer(line, user))
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await writer.drain()

    async def _answer(self, line: bytes, user: str) -> bytes:
        try:
            request = json.loads(line)
            name, args = request["op"], request.get("args", {})
            handler = self._handlers[name]
        except (ValueError, TypeError, KeyError, AttributeError):
            return _error(
                "invalid",
                msg(
                    "not a request; operations: {operations}", operations=", ".join(self._handlers)
                ),
            )
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = {"ok": await handler(args, user)}
        except BmsError as error:
            problems = [str(p) for p in error.problems] if isinstance(error, InvalidInput) else []
            return _error(error_kind(error), str(error), problems)
        except TimeoutError:
            return _error(
                "failed",
                msg("no answer within {answer_within_s:.0f} s", answer_within_s=ANSWER_WITHIN_S),
            )
        except Exception:
            _log.exception("request %s failed", name)
            return _error(
                "failed", msg("the controller failed to answer '{name}'; see its log", name=name)
            )
        return json.dumps(answer, ensure_ascii=False).encode() + b"\n"


def _error(kind: str, message: str, problems: list[str] | None = None) -> bytes:
    body = {"error": {"kind": kind, "message": message, "problems": problems or []}}
    return json.dumps(body, ensure_ascii=False).encode() + b"\n"


def _peer(writer: asyncio.StreamWriter) -> str:
    """The local account on the other end (SO_PEERCRED), for the record of who did it."""
    sock = writer.get_extra_info("socket")
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", raw)
    return account(uid)


async def _refuse_if_alive(path: Path) -> None:
    if not path.exists():
        return
    try:
        async with asyncio.timeout(2.0):
            _reader, writer = await asyncio.open_unix_connection(str(path), limit=LINE_LIMIT)
    except (OSError, TimeoutError):
        return  # left over from a process that was killed
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    raise Refused(
        msg("another controller is already running for this site (it answers on {path})", path=path)
    )
