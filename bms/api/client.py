"""Asks the control process over its Unix socket; used by the command line."""

from __future__ import annotations

import json
import os
import socket
import stat
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from bms.api.protocol import (
    LINE_LIMIT,
    REQUEST_LIMIT,
    Failed,
    address,
    error_received,
    former_path,
    socket_path,
)
from bms.core.errors import BmsError, InvalidInput, Refused, Unreachable
from bms.operations.requests.operation import Operation, Request
from bms.people.accounts import account
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

TIMEOUT_S = 15.0

Q = TypeVar("Q", bound=Request)
A = TypeVar("A", bound=BaseModel)


def ask(state_dir: Path, operation: Operation[Q, A], request: Q, timeout_s: float = TIMEOUT_S) -> A:
    """One request, one answer.

    Raises:
        Unreachable: no controller answers.
        InvalidInput: the request is too long.
        InvalidInput, Refused, Unfinished, BmsError: what the controller said.
    """
    args = request.model_dump(mode="json", exclude_none=True)
    answer = exchange(state_dir, operation.name, args, timeout_s)
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
    state_dir: Path, op: str, args: Mapping[str, JsonValue], timeout_s: float = TIMEOUT_S
) -> JsonValue:
    """One request and its answer as they travel. Raises as `ask` does."""
    path = socket_path(state_dir)
    request = json.dumps({"op": op, "args": args}).encode() + b"\n"
    if len(request) > REQUEST_LIMIT:
        # The controller would hang up while this is still being sent.
        raise InvalidInput(
            msg(
                "a request is at most {limit_bytes} bytes, not {size_bytes}",
                limit_bytes=REQUEST_LIMIT,
                size_bytes=len(request),
            )
        )
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            _connect(sock, state_dir)
            with suppress(BrokenPipeError):  # it hangs up where it has said why
                sock.sendall(request)
            with sock.makefile("rb") as stream:
                line = stream.readline(LINE_LIMIT)
    except OSError as error:
        raise Unreachable(
            msg(
                "no controller answers on {path} ({cause}); start it with 'bms run'",
                path=path,
                cause=os_cause(error),
            )
        ) from error
    if not line.endswith(b"\n"):
        raise Unreachable(
            msg("the controller on {path} closed the connection without an answer", path=path)
        )
    answer: dict[str, JsonValue] = json.loads(line)
    if "error" in answer:
        raise error_received(Failed.model_validate(answer).error)
    return answer["ok"]


def _connect(sock: socket.socket, state_dir: Path) -> None:
    """Connect to the controller of a state directory, and to nobody who took its place.

    Raises OSError, Refused.
    """
    path, former = socket_path(state_dir), former_path(state_dir)
    if former is not None and not path.exists() and former.exists():
        path = former  # it runs since before an update
    with address(path) as where:
        sock.connect(where)
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
