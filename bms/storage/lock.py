"""One controller per site: a lock on the state directory, held for as long as the process lives.

The kernel keeps it, also while the process is stopped, and lets it go however the process ends. A
socket says less: its file can be removed, and a stopped process does not answer on it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from bms.core.errors import DiskError, Refused, StoreError, UnusableFile
from bms.storage.durable import open_file
from bms.storage.sqlite import Identity
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

FILE_NAME = "controller.lock"


class SiteLock:
    """The lock of one state directory. Whoever does not hold it commands nothing there."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME
        self._held: list[int] = []
        self._file = Identity(self._path)

    @property
    def is_held(self) -> bool:
        """Whether it was taken, and its file is still the one that others would try."""
        return bool(self._held) and self._file.is_same()

    def take(self) -> None:
        """Take it, again if its file was removed or replaced.

        Raises Refused, naming the process that has it; StoreError where a file system has no
        locks; UnusableFile for what is no file; DiskError while there is none and none can be
        made.
        """
        if self.is_held:
            return
        handle = self._opened()
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise self._refused() from None
            raise StoreError(
                msg(
                    "{path}: this file system has no locks ({error}), so that two controllers "
                    "could command one plant; put the state directory on a local disk",
                    path=self._path,
                    error=os_cause(error),
                )
            ) from error
        self._held.append(handle)
        self._file = Identity(self._path)
        with suppress(OSError):  # on a full disk nobody reads who it is; the lock holds
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let it go; the process is about to end."""
        while self._held:
            os.close(self._held.pop())

    def _opened(self) -> int:
        if self._path.exists() and not self._path.is_file():
            what = msg("{path}: this is no file; move it away", path=self._path)
            raise UnusableFile(what, self._path, "foreign")
        try:
            return open_file(self._path, os.O_RDWR)
        except OSError as error:
            with suppress(OSError):  # a disk may be read-only by now
                return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            raise DiskError(
                msg("{path}: cannot be opened: {error}", path=self._path, error=os_cause(error))
            ) from error

    def _refused(self) -> Refused:
        try:
            pid = self._path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            pid = ""
        if not pid:
            return Refused(
                msg(
                    "another controller is already running for this site (it holds {path})",
                    path=self._path,
                )
            )
        return Refused(
            msg(
                "another controller is already running for this site: process {pid} holds {path}; "
                "stop it first",
                pid=pid,
                path=self._path,
            )
        )
