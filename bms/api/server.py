"""Serves the local API of the control process on its Unix socket."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from bms.api.connections import Connections, most_in_all
from bms.api.places import address, former_path, refuse_if_alive
from bms.api.protocol import (
    REQUEST_LIMIT,
    Asked,
    Failed,
    error_sent,
)
from bms.core.errors import BmsError, InvalidInput, Refused, Unfinished
from bms.operations.requests.operation import Served, request_of
from bms.people.accounts import account
from bms.people.hints import named
from bms.people.roles import SUPERUSER
from bms.storage.sqlite import Identity
from bms.texts.messages import msg

_log = logging.getLogger(__name__)

ANSWER_WITHIN_S = 10.0
IDLE_S = 60.0
LISTEN_AGAIN_S = 5.0
LOOK_S = 5.0
"""How often it is looked whether the socket's file is still there."""
_NOT_YET = frozenset({errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOENT})
"""A disk that is full, read-only or failing, or has no state directory yet."""
MEMBERS = 0o660
BACKLOG = 512
"""So many wait to be let in; a crowd that connects at once is closed again one by one."""
FILES_AT_ONCE = 1
"""How many requests with a file are in memory; others wait."""


class ApiServer:
    """Answers requests one line at a time; a slow or silent client costs only itself."""

    def __init__(self, path: Path, served: Mapping[str, Served]) -> None:
        self._path = path
        self._served = served
        self._connections: Connections[asyncio.Task[None]] = Connections(most_in_all())
        self._files = asyncio.Semaphore(FILES_AT_ONCE)

    async def run(self, ready: asyncio.Event) -> None:
        """Serve until cancelled. Raises Refused if another controller answers on the socket, and
        OSError if there can be none."""
        await refuse_if_alive(self._path)
        while True:
            server = await self._listen(ready)
            mine = Identity(self._path)
            ready.set()
            try:
                while mine.is_same():
                    await asyncio.sleep(LOOK_S)
                _log.error("the socket %s was removed: listening again", self._path)
            finally:
                server.close()
                tasks = self._connections.all()
                for task in tasks:
                    task.cancel()
                if tasks:
                    await asyncio.wait(tasks, timeout=1.0)
                if mine.is_same():
                    self._path.unlink()

    async def _listen(self, ready: asyncio.Event) -> asyncio.AbstractServer:
        """Listen as soon as the disk takes a socket: a full one does not keep the control back."""
        while True:
            try:
                sock = _bound(self._path)
                return await asyncio.start_unix_server(
                    self._accept, sock=sock, limit=REQUEST_LIMIT, backlog=BACKLOG
                )
            except OSError as error:
                if error.errno not in _NOT_YET:
                    raise
                _log.error("the local API cannot listen on %s yet: %s", self._path, error)
                ready.set()
                await asyncio.sleep(LISTEN_AGAIN_S)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        now = asyncio.get_running_loop().time()
        uid = _peer(writer)
        stays, gone = self._connections.admit(task, uid, now)
        if gone is not None:
            gone.cancel()
        try:
            if stays:
                await self._serve(reader, writer, task, account(uid))
            else:
                crowded = msg("too many are asking at once; close some and ask again")
                writer.write(_failed(Refused(crowded)))
        finally:
            self._connections.close(task)
            writer.close()

    async def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        task: asyncio.Task[None],
        user: str,
    ) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            while True:
                self._connections.idle(task, loop.time())
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
                self._connections.busy(task)
                try:
                    asked, served = self._asked(line)
                except InvalidInput as error:
                    writer.write(_failed(error))
                    return  # what follows may be a file
                if not asked.body:
                    writer.write(await self._answer(asked, served, user, b""))
                else:
                    async with self._files:
                        async with asyncio.timeout(IDLE_S):
                            body = await reader.readexactly(asked.body)
                        writer.write(await self._answer(asked, served, user, body))
                async with asyncio.timeout(ANSWER_WITHIN_S):
                    await writer.drain()

    def _asked(self, line: bytes) -> tuple[Asked, Served]:
        """What is asked, and who does it. Raises InvalidInput."""
        try:
            asked = Asked.model_validate_json(line)
            served = self._served[asked.op]
        except (ValidationError, KeyError):
            known = ", ".join(self._served)
            raise InvalidInput(
                msg("not a request; operations: {operations}", operations=known)
            ) from None
        if asked.body and not served.operation.body:
            raise InvalidInput(msg("'{operation}' takes no file", operation=asked.op))
        return asked, served

    async def _answer(self, asked: Asked, served: Served, user: str, body: bytes) -> bytes:
        operation = served.operation
        within_s = operation.within_s or ANSWER_WITHIN_S
        who = named(user, asked.says) if user == SUPERUSER else user
        try:
            async with asyncio.timeout(within_s):
                args: dict[str, Any] = dict(asked.args)
                if operation.body:
                    args[operation.body] = body
                answer = await served.carry_out(request_of(operation, args), who)
        except BmsError as error:
            return _failed(error)
        except TimeoutError:
            return _failed(_too_late(within_s, changes=operation.changes))
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


def _too_late(within_s: float, *, changes: bool) -> BmsError:
    late = msg("no answer within {limit_s:.0f} s", limit_s=within_s)
    if not changes:
        return BmsError(late)
    return Unfinished(
        msg("{late}; it may still be carried out: look before you ask again", late=late)
    )


def _failed(error: BmsError) -> bytes:
    return _json(Failed(error=error_sent(error))) + b"\n"


def _json(answer: BaseModel) -> bytes:
    return answer.model_dump_json(by_alias=True).encode()


def _peer(writer: asyncio.StreamWriter) -> int:
    """The local account on the other end (SO_PEERCRED), for the record of who did it."""
    sock = writer.get_extra_info("socket")
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", raw)
    return int(uid)


def _bound(path: Path) -> socket.socket:
    """A socket at a path, in place of what was left there. Raises OSError.

    Members of the controller's group may ask, and nobody else at any moment. The kernel says who
    they are, `people` in site.yaml what they may do.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(sock.fileno(), MEMBERS)
        with address(path) as where:
            sock.bind(where)
        path.chmod(MEMBERS)
        _point_here(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _point_here(path: Path) -> None:
    """Let programs of earlier versions find a socket whose path is long, if that place is free."""
    former = former_path(path.parent)
    if former is None:
        return
    with suppress(OSError):
        if former.is_symlink() and former.lstat().st_uid == os.geteuid():
            former.unlink()
        former.symlink_to(path)
