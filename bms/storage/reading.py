"""Opens a database for somebody who may look and write nothing: no file, no lock, no directory.

SQLite reads a file with a write-ahead log together with two files beside it. While a controller
runs, and after one that was killed, they are there, and reading them is enough. After one that
ended well they are not, and SQLite wants to make them: then the file is whole, and is read as one
that does not change. A copy of a state directory may have the log without its index: what is read
then is a copy of both.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from bms.core.errors import DiskError
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

BUSY_S: Final = 10.0
"""How long a statement waits for another process's lock, where nothing else is said."""
_CANNOT_WRITE: Final = (
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL,
)  # fmt: skip
"""What SQLite says to who may not mend the index of a log: after a kill, the last of them, where
the index was just being made."""
_HEAD: Final = 48
_MADE: Final = 12
"""Of the head of an index (SQLite's WalIndexHdr): its length, and the byte that says it is made."""
_LOOKS: Final = 50
"""A writer may just be changing it."""
_PRIMARY: Final = 0xFF
"""The part of SQLite's extended codes that says the kind."""


def connect(
    path: Path,
    mode: str,
    kind: type[sqlite3.Connection] = sqlite3.Connection,
    *,
    busy_s: float = BUSY_S,
) -> Any:
    """A connection for any one thread at a time, in autocommit mode. Raises sqlite3.Error."""
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_s,
        isolation_level=None,
        check_same_thread=False,
        factory=kind,
    )


def connect_to_read(path: Path, busy_s: float = BUSY_S) -> sqlite3.Connection:
    """The same, which writes nothing. Raises sqlite3.Error, DiskError."""
    if not os.access(path, os.W_OK) and _size(_log_of(path)) and not _is_indexed(path):
        # SQLite would try its locks for ten seconds before it says that it cannot mend the index.
        return _of_copy(path)
    connection: sqlite3.Connection = connect(path, "ro", busy_s=busy_s)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & _PRIMARY not in _CANNOT_WRITE:
            raise
        return _of_copy(path) if _size(_log_of(path)) else _of_still(path)
    except BaseException:
        connection.close()
        raise
    return connection


class _Still(sqlite3.Connection):
    """Reads a file that nobody changes, and looks before each question whether that is so: who
    keeps it open until a controller comes has to open it again."""

    path: Path | None = None
    before: object = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if self.path is not None and _state_of(self.path) != self.before:
            raise sqlite3.OperationalError("it was changed while it was being read; ask again")
        return super().execute(sql, parameters)


class _Copied(sqlite3.Connection):
    """Reads a copy, and takes it away at the end."""

    folder: TemporaryDirectory[str] | None = None

    def close(self) -> None:
        super().close()
        if self.folder is not None:
            self.folder.cleanup()


def _of_still(path: Path) -> sqlite3.Connection:
    before = _state_of(path)
    connection: _Still = connect(path, "ro&immutable=1", _Still)
    connection.path, connection.before = path, before
    return connection


def _of_copy(path: Path) -> sqlite3.Connection:
    folder: TemporaryDirectory[str] = TemporaryDirectory(prefix="bms-")
    try:
        copy = Path(folder.name) / path.name
        for one, other in ((path, copy), (_log_of(path), _log_of(copy))):
            shutil.copyfile(one, other)
        connection: _Copied = connect(copy, "rw", _Copied)
        connection.folder = folder
    except OSError as error:
        folder.cleanup()
        raise DiskError(
            msg("{path}: cannot be read: {error}", path=path, error=os_cause(error))
        ) from error
    return connection


def _is_indexed(path: Path) -> bool:
    """Whether the index of a log is whole: its head stands there twice, alike, and was made."""
    for _ in range(_LOOKS):
        try:
            with path.with_name(f"{path.name}-shm").open("rb") as file:
                head = file.read(2 * _HEAD)
        except OSError:
            return False
        if len(head) == 2 * _HEAD and head[:_HEAD] == head[_HEAD:] and head[_MADE]:
            return True
    return False


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _state_of(path: Path) -> object:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, _size(_log_of(path))
