"""What the operating system and SQLite say of files and connections, as messages of ours."""

from __future__ import annotations

import errno
import re
import socket

from bms.texts.messages import Message, msg

__all__ = ["os_cause", "sqlite_cause"]

_BY_NUMBER = {
    errno.ENOENT: msg("no such file or directory"),
    errno.EACCES: msg("permission denied"),
    errno.EPERM: msg("not permitted"),
    errno.EEXIST: msg("it exists already"),
    errno.ENOTDIR: msg("not a directory"),
    errno.EISDIR: msg("it is a directory"),
    errno.ENOTEMPTY: msg("the directory is not empty"),
    errno.ENOSPC: msg("no space left on the disk"),
    errno.EDQUOT: msg("the disk quota is used up"),
    errno.EROFS: msg("the file system is read-only"),
    errno.EIO: msg("input/output error"),
    errno.EMFILE: msg("too many open files"),
    errno.ENFILE: msg("too many open files"),
    errno.EFBIG: msg("the file is too large"),
    errno.ENAMETOOLONG: msg("the name is too long"),
    errno.EBUSY: msg("it is busy"),
    errno.ECONNREFUSED: msg("connection refused"),
    errno.ECONNRESET: msg("connection reset by the other side"),
    errno.ECONNABORTED: msg("connection broken off"),
    errno.EPIPE: msg("the other side has closed"),
    errno.ETIMEDOUT: msg("timed out"),
    errno.EHOSTUNREACH: msg("no route to the host"),
    errno.ENETUNREACH: msg("the network is not reachable"),
    errno.ENETDOWN: msg("the network is down"),
    errno.EADDRINUSE: msg("the address is in use"),
    errno.EADDRNOTAVAIL: msg("the address is not available here"),
}
_NAMES = {
    socket.EAI_NONAME: msg("the name is not known"),
    socket.EAI_AGAIN: msg("the name cannot be looked up now"),
    socket.EAI_FAIL: msg("the name cannot be looked up"),
}
"""By the system's number. What is missing here is shown in the system's own words."""

_BY_SQLITE = {
    str(message): message
    for message in (
        msg("database or disk is full"),
        msg("attempt to write a readonly database"),
        msg("unable to open database file"),
        msg("database is locked"),
        msg("disk I/O error"),
    )
}
"""SQLite's own sentences, which people meet in alarms. Any other is shown as it is."""

_FIRST_OF_SEVERAL = re.compile(r"\[Errno (\d+)\]")
"""asyncio says what each address of a name answered, in one text."""


def os_cause(error: OSError) -> str:
    """Why the system refused, without the file or address, which the caller names."""
    if error.args and isinstance(error.args[0], Message):
        return error.args[0]
    if isinstance(error, TimeoutError) and error.errno is None:
        return msg("timed out")
    table = _NAMES if isinstance(error, socket.gaierror) else _BY_NUMBER
    number = error.errno
    if number is None and (found := _FIRST_OF_SEVERAL.search(str(error))):
        number = int(found[1])
    known = table.get(number) if number is not None else None
    return known if known is not None else error.strerror or str(error)


def sqlite_cause(error: Exception) -> str:
    """Why SQLite could not do it; `error` is a `sqlite3.Error`."""
    return _BY_SQLITE.get(str(error), str(error))
