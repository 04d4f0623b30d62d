"""Asks the control process over its Unix socket; used by the command line."""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from bms.api.places import address, former_path, socket_path
from bms.api.protocol import (
    BODY_LIMIT,
    LINE_LIMIT,
    REQUEST_LIMIT,
    Failed,
    error_received,
)
from bms.core.errors import BmsError, InvalidInput, Refused, Unanswered, Unreachable
from bms.operations.requests.operation import Operation, Request
from bms.people.accounts import account, caller
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

TIMEOUT_S = 15.0
CROWDED_S = 0.05
"""Between two tries while the queue in front of the socket is full."""

Q = TypeVar("Q", bound=Request)
A = TypeVar("A", bound=BaseModel)


def ask(
    state_dir: Path, operation: Operation[Q, A], request: Q, timeout_s: float | None = None
) -> A:
    """One request, one answer.

    Raises:
        Unreachable: no controller runs; Unanswered: one may, and does not answer.
        InvalidInput: the request is too long.
        InvalidInput, Refused, Unfinished, BmsError: what the controller said.
    """
    name = operation.body
    args = request.model_dump(mode="json", exclude_none=True, exclude={name} if name else None)
    within_s = timeout_s or (operation.within_s or 0.0) + TIMEOUT_S
    body = getattr(request, name) if name else None
    answer = exchange(state_dir, operation.name, args, within_s, body=body)
    try:
        return operation.answer.model_validate(answer)
    except ValidationError as error:
        raise BmsError(
            msg(
                "the controller's answer to '{operation}' is not one that this version knows; "
                "restart the controller after an update",
                operation=operation.name,
            )
        ) from error


def exchange(
    state_dir: Path,
    op: str,
    args: Mapping[str, JsonValue],
    timeout_s: float = TIMEOUT_S,
    *,
    body: bytes | None = None,
) -> JsonValue:
    """One request and its answer as they travel. Raises as `ask` does."""
    asked: dict[str, JsonValue] = {"op": op, "args": dict(args)}
    if body:
        asked["body"] = len(body)
    if (says := caller()) is not None:
        asked["says"] = says
    request = json.dumps(asked).encode() + b"\n"
    _check_size(len(request), REQUEST_LIMIT)
    _check_size(len(body or b""), BODY_LIMIT)
    line = _exchanged(state_dir, request + (body or b""), timeout_s)
    answer: dict[str, JsonValue] = json.loads(line)
    if "error" in answer:
        raise error_received(Failed.model_validate(answer).error)
    return answer["ok"]


def _wait_and_connect(sock: socket.socket, where: str) -> None:
    """Connect within the time-out of the socket, also while many others wait to be let in."""
    ends = time.monotonic() + (sock.gettimeout() or TIMEOUT_S)
    while True:
        try:
            sock.connect(where)
        except BlockingIOError:
            if time.monotonic() >= ends:
                raise
            time.sleep(CROWDED_S)
        else:
            return


def _connect(sock: socket.socket, state_dir: Path) -> None:
    """Connect to the controller of a state directory, and to nobody who took its place.

    Raises OSError, Refused.
    """
    path, former = socket_path(state_dir), former_path(state_dir)
    if former is not None and not path.exists() and former.exists():
        path = former  # it runs since before an update
    with address(path) as where:
        _wait_and_connect(sock, where)
    raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", raw)
    directory = state_dir.stat()
    open_to_all = path == former or bool(directory.st_mode & stat.S_IWOTH)
    if open_to_all and uid not in (0, os.geteuid(), directory.st_uid):
        raise Refused(
            msg(
                "the process behind {path} belongs to the account {user}, and not to the owner "
                "of the state directory: it is not believed",
                path=path,
                user=account(uid),
            )
        )


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        # The controller would hang up while this is still being sent.
        raise InvalidInput(
            msg(
                "a request is at most {limit_bytes} bytes, not {size_bytes}",
                limit_bytes=limit,
                size_bytes=size,
            )
        )


def _exchanged(state_dir: Path, request: bytes, timeout_s: float) -> bytes:
    """The line that is answered."""
    path = socket_path(state_dir)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            _connect(sock, state_dir)
        except OSError as error:
            nobody = error.errno in (errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR)
            raise (Unreachable if nobody else Unanswered)(
                msg(
                    "no controller answers on {path} ({cause}); start it with 'bms run'",
                    path=path,
                    cause=os_cause(error),
                )
            ) from error
        try:
            with suppress(BrokenPipeError):  # it has said why before it hung up
                sock.sendall(request)
            with sock.makefile("rb") as stream:
                line = stream.readline(LINE_LIMIT)
        except OSError as error:
            raise Unanswered(
                msg(
                    "the controller on {path} does not answer ({cause}); it may still do what it "
                    "was asked: look before you ask again",
                    path=path,
                    cause=os_cause(error),
                )
            ) from error
    if not line.endswith(b"\n"):
        raise Unanswered(
            msg("the controller on {path} closed the connection without an answer", path=path)
        )
    return line
