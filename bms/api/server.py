"""Serves the local API of the control process on its Unix socket."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from bms.api.protocol import LINE_LIMIT, REQUEST_LIMIT, Asked, Failed, error_sent
from bms.core.errors import BmsError, InvalidInput, Refused, Unfinished
from bms.operations.requests.operation import Served, request_of
from bms.people.accounts import account
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 10.0
IDLE_S = 60.0
LISTEN_AGAIN_S = 5.0


class ApiServer:
    """Answers requests one line at a time; a slow or silent client costs only itself."""

    def __init__(self, path: Path, served: Mapping[str, Served]) -> None:
        self._path = path
        self._served = served

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
        # Members of the controller's group may ask. The kernel says who they are, `people` in
        # site.yaml what they may do.
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
                    too_long = msg(
                        "a request is at most {limit_bytes} bytes", limit_bytes=REQUEST_LIMIT
                    )
                    writer.write(_failed(InvalidInput(too_long)))
                    return
                if not line:
                    return
                writer.write(await self._answer(line, user))
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await writer.drain()

    async def _answer(self, line: bytes, user: str) -> bytes:
        try:
            asked = Asked.model_validate_json(line)
            served = self._served[asked.op]
        except (ValidationError, KeyError):
            known = ", ".join(self._served)
            return _failed(
                InvalidInput(msg("not a request; operations: {operations}", operations=known))
            )
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                request = request_of(served.operation, asked.args)
                answer = await served.carry_out(request, user)
        except BmsError as error:
            return _failed(error)
        except TimeoutError:
            return _failed(_too_late(changes=served.operation.changes))
        except Exception:
            _log.exception("request %s failed", asked.op)
            return _failed(
                BmsError(
                    msg(
                        "the controller failed to answer '{operation}'; see its log",
                        operation=asked.op,
                    )
                )
            )
        return b'{"ok":' + _json(answer) + b"}\n"


def _too_late(*, changes: bool) -> BmsError:
    late = msg("no answer within {limit_s:.0f} s", limit_s=ANSWER_WITHIN_S)
    if not changes:
        return BmsError(late)
    return Unfinished(
        msg("{late}; it may still be carried out: look before you ask again", late=late)
    )


def _failed(error: BmsError) -> bytes:
    return _json(Failed(error=error_sent(error))) + b"\n"


def _json(answer: BaseModel) -> bytes:
    return answer.model_dump_json(by_alias=True).encode()


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
