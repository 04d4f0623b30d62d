"""Where a controller listens, and whether somebody does already."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bms.core.errors import Refused
from bms.texts.messages import msg

SOCKET = "bms.sock"
_ADDRESS_LIMIT = 100
"""Linux allows 107 bytes in a socket address; earlier versions left room for a suffix."""


def socket_path(state_dir: Path) -> Path:
    """Where the controller of this state directory listens: in it, where only those can put a
    socket who may write there."""
    return state_dir.resolve() / SOCKET


def former_path(state_dir: Path) -> Path | None:
    """Where earlier versions listened if that path was too long for a socket address: a place where
    anybody may put something. None: nowhere else."""
    path = socket_path(state_dir)
    if len(os.fsencode(path)) <= _ADDRESS_LIMIT:
        return None
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"bms-{digest}.sock"


@contextmanager
def address(path: Path) -> Iterator[str]:
    """An address for the socket at `path` that is never too long, while the block lasts.

    Raises OSError if there is no such directory.
    """
    if len(os.fsencode(path)) <= _ADDRESS_LIMIT:
        yield str(path)
        return
    handle = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)


async def refuse_if_alive(path: Path) -> None:
    """Raises Refused if a process listens on the socket, be it stopped or too busy to answer."""
    try:
        with address(path) as where:
            async with asyncio.timeout(2.0):
                _reader, writer = await asyncio.open_unix_connection(where)
    except (TimeoutError, BlockingIOError):
        raise _already(path) from None  # nobody accepts, and yet somebody listens
    except OSError:
        return  # nothing, or left over from a process that was killed
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    raise _already(path)


def _already(path: Path) -> Refused:
    return Refused(
        msg("another controller is already running for this site (it answers on {path})", path=path)
    )
