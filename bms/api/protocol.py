"""The local API: one JSON object per line over a Unix socket, one answer per request.

Request: `{"op": "status", "args": {...}}`. Answer: `{"ok": ...}` or
`{"error": {"kind": "refused", "message": "...", "problems": ["file:line:col: ..."]}}`.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from bms.core.errors import BmsError, InvalidInput, Refused

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of the longest answer: 5,000 points with details are about 1 MB."""

REQUEST_LIMIT = 64 * 1024
"""Bytes of the longest request; a reason is the longest thing in one."""

_SUN_PATH_LIMIT = 100
"""Linux allows 107 bytes in a socket address; leave room for a rename suffix."""

ERROR_KINDS: dict[str, type[BmsError]] = {
    "invalid": InvalidInput,
    "refused": Refused,
    "failed": BmsError,
}


def socket_path(state_dir: Path) -> Path:
    """Where the controller of this state directory listens.

    In the state directory itself, or, when that path is too long for a socket address, under
    the temporary directory with a name derived from it, so that both sides agree.
    """
    path = state_dir.resolve() / "bms.sock"
    if len(str(path).encode()) <= _SUN_PATH_LIMIT:
        return path
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"bms-{digest}.sock"


def error_kind(error: BmsError) -> str:
    """The wire name of an error's class; a plain BmsError is `failed`."""
    for kind, cls in ERROR_KINDS.items():
        if type(error) is cls:
            return kind
    return "failed"
