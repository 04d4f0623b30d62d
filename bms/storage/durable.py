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
import stat
from contextlib import suppress
from pathlib import Path

from bms.core.errors import Refused
from bms.texts.messages import msg

FILE_MODE = 0o640
DIRECTORY_MODE = 0o750
"""At most, of all that the state directory holds: its group may look, and nobody else."""
_WRITABLE = 0o022

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


def make_directories(path: Path) -> None:
    """Make a directory with its parents, whatever the umask. Raises OSError."""
    if path.is_dir():
        _narrowed(path)
        return
    if path.parent != path:
        make_directories(path.parent)
    try:
        path.mkdir(DIRECTORY_MODE)
    except FileExistsError:
        if not path.is_dir():
            raise
    else:
        _given(path)


def open_file(path: Path, flags: int = os.O_RDWR | os.O_APPEND) -> int:
    """Open a file of the state directory, making it if there is none: for its group to read and
    for nobody else, whatever the umask. Raises OSError."""
    there = path.exists()
    handle = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    if there:
        _narrowed(path)
    else:
        _given(path)
    return handle


def write_whole(path: Path, data: bytes) -> None:
    """A file of the state directory with this content, on the disk before this returns: there is
    the old one or the new one. Raises OSError."""
    make_directories(path.parent)
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(open_file(new, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_directory(path.parent)


def narrow(path: Path) -> None:
    """Let nobody but its owner write a file or directory that an older version left open."""
    with suppress(OSError):
        _narrowed(path)


def _narrowed(path: Path) -> None:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    # A directory with the sticky bit is a place of everybody's, like /tmp.
    if mode & _WRITABLE and not mode & stat.S_ISVTX and found.st_uid == os.geteuid():
        path.chmod(mode & ~_WRITABLE)


def _given(path: Path) -> None:
    """What root makes in somebody's directory is theirs, or their controller could not use it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        if owner.st_uid != 0 and not owner.st_mode & stat.S_ISVTX:
            os.chown(path, owner.st_uid, owner.st_gid)


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
