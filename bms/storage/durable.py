"""Files that a power cut leaves whole, and puts in nobody else's way.

To replace a file, the new text and the old one change places in one step of the kernel
(`renameat2`, RENAME_EXCHANGE). Only then do we look at what was there: an edit that somebody saved
a moment before is in our hands, is not overwritten, and goes back.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
from contextlib import suppress
from pathlib import Path

from bms.core.errors import Refused
from bms.texts.messages import msg

_AT_FDCWD = -100
_EXCHANGE = 2
_SUFFIX = ".bms-new"


def sync_directory(directory: Path) -> None:
    """Names that were made, changed or removed in it are on the disk: a rename alone is not."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def digest(data: bytes) -> str:
    """SHA-256 in hex; of a file that is not there, the empty text."""
    return hashlib.sha256(data).hexdigest()


def on_disk(path: Path) -> bytes | None:
    """What the file holds now; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def put(path: Path, data: bytes, expected: str) -> None:
    """Make `data` the content of the file, on the disk before this returns.

    `expected` is the digest of what it replaces, empty for a file that must not exist yet.
    Owner and mode stay. Raises Refused if something else is there, OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.parent / f".{path.name}.{os.getpid()}{_SUFFIX}"
    _write_new(new, data, path if expected else None)
    try:
        if not expected:
            os.link(new, path)  # unlike a rename, never in the place of another
        elif not _exchange(new, path):
            if digest(on_disk(path) or b"") != expected:
                raise _changed(path)
            os.replace(new, path)  # noqa: PTH105 - one of the calls that proofs stop at
        elif digest(on_disk(new) or b"") != expected:
            _exchange(new, path)
            raise _changed(path)
        sync_directory(path.parent)
    except FileExistsError:
        raise _changed(path) from None
    finally:
        with suppress(FileNotFoundError):
            os.unlink(new)  # noqa: PTH108


def leftovers(path: Path) -> list[Path]:
    """The leftover of a killed process beside a file: either of the two texts it exchanged."""
    return sorted(path.parent.glob(f".{path.name}.*{_SUFFIX}"))


def _write_new(new: Path, data: bytes, like: Path | None) -> None:
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(data)
        if like is not None:
            with suppress(FileNotFoundError):
                there = like.stat()
                os.fchmod(handle, there.st_mode & 0o7777)
                with suppress(PermissionError):  # only root gives files away
                    os.fchown(handle, there.st_uid, there.st_gid)
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two files in one step; False where the system or its file system cannot."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if call is None:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
        return False
    if number == errno.ENOENT:
        raise _changed(other)
    raise OSError(number, os.strerror(number), str(other))


def _changed(path: Path) -> Refused:
    return Refused(
        msg(
            "{name} was changed meanwhile by somebody else; nothing is overwritten: look at it "
            "again and repeat your change",
            name=path.name,
        )
    )
