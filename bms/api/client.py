"""Asks the control process over its Unix socket; used by the command line."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

from bms.api.protocol import ERROR_KINDS, LINE_LIMIT, REQUEST_LIMIT, socket_path
from bms.core.errors import BmsError, InvalidInput, Unreachable
from bms.texts.messages import msg

TIMEOUT_S = 15.0


def ask(state_dir: Path, op: str, timeout_s: float = TIMEOUT_S, **args: object) -> Any:
    """One request, one answer.

    Raises:
        Unreachable: no controller answers.
        InvalidInput: the request is too long.
        InvalidInput, Refused, BmsError: what the controller said.
    """
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
            sock.connect(str(path))
            sock.sendall(request)
            with sock.makefile("rb") as stream:
                line = stream.readline(LINE_LIMIT)
    except OSError as error:
        raise Unreachable(
            msg(
                "no controller answers on {path} ({cause}); start it with 'bms run'",
                path=path,
                cause=error.strerror or error,
            )
        ) from error
    if not line.endswith(b"\n"):
        raise Unreachable(
            msg("the controller on {path} closed the connection without an answer", path=path)
        )
    answer = json.loads(line)
    if "error" in answer:
        error_body = answer["error"]
        message = "\n".join([error_body["message"], *error_body.get("problems", [])])
        cls = ERROR_KINDS.get(error_body["kind"], BmsError)
        raise InvalidInput(message) if cls is InvalidInput else cls(message)
    return answer["ok"]
