"""Files of the state directory that can never be used as they are: put aside, never destroyed.

Whoever owns a file, the running controller, moves it with all that belongs to it into a directory
of `aside/` whose name says when, what and why, and goes on with a new file. While such a directory
is there, an alarm names it: moved out of the state directory by a person, it is dealt with.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, get_args

from bms.core.errors import DiskError, StoreError, Unusable, UnusableFile
from bms.storage.durable import make_directories, sync_directory
from bms.storage.sqlite import parts
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause

_log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDER = "aside"
_TIME = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(rf"(\d{{8}}T\d{{6}}Z)-(.+)-({'|'.join(get_args(Unusable))})(?:-\d+)?")


@dataclass(frozen=True, slots=True)
class Aside:
    """A file that was put aside."""

    name: str
    """As it was called in the state directory."""
    why: Unusable
    time: datetime
    folder: Path
    """Where it lies now."""


def opened(
    path: Path,
    open_it: Callable[[], T],
    now: Callable[[], datetime],
    beside: Callable[[], Iterable[Path]] = tuple,
) -> T:
    """What `open_it` answers; what it finds unusable at `path` is put aside first.

    `open_it` also reads what will be needed at once: a file may open and be damaged further in.
    `beside` are files that mean nothing without it. Raises DiskError, also when nothing can be
    moved; StoreError, UnusableFile of another file.
    """
    try:
        return open_it()
    except UnusableFile as error:
        if error.path != path:
            raise
        put_aside(error, now(), beside())
    except (ValueError, TypeError, LookupError, ArithmeticError) as error:
        # It reads as a database, and what stands in it makes no sense.
        what = msg("{path}: what stands in it cannot be: {error}", path=path, error=repr(error))
        put_aside(UnusableFile(what, path, "damaged"), now(), beside())
    return open_it()


def put_aside(error: UnusableFile, now: datetime, beside: Iterable[Path] = ()) -> Path:
    """Move a file, and those `beside` it, out of the way; where it lies now. Raises DiskError."""
    path = error.path
    folder = path.parent / FOLDER
    stem = f"{now.astimezone(UTC).strftime(_TIME)}-{path.name}-{error.why}"
    try:
        make_directories(folder)
        into = next(
            found
            for number in range(1, 1000)
            if not (found := folder / (stem if number == 1 else f"{stem}-{number}")).exists()
        )
        make_directories(into)
        # The file itself comes last: a power cut before it, and all of this is done once more.
        for part in (*beside, *reversed(parts(path))):
            if part.exists() or part.is_symlink():
                part.rename(into / part.name)
        for directory in (into, folder, path.parent):
            sync_directory(directory)
    except OSError as cause:
        raise DiskError(
            msg("{path}: cannot be put aside: {error}", path=path, error=os_cause(cause))
        ) from cause
    _log.error("%s; it is put aside in %s", error, into)
    return into


def lying_aside(state_dir: Path) -> list[Aside]:
    """What was put aside and is still there, oldest first. Raises StoreError."""
    try:
        names = sorted(entry.name for entry in (state_dir / FOLDER).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(
            msg("{path}: {error}", path=state_dir / FOLDER, error=os_cause(error))
        ) from error
    found = []
    for name in names:
        if told := _NAME.fullmatch(name):
            time = datetime.strptime(told[1], _TIME).replace(tzinfo=UTC)
            why: Unusable = next(word for word in get_args(Unusable) if word == told[3])
            found.append(Aside(told[2], why, time, state_dir / FOLDER / name))
    return found
