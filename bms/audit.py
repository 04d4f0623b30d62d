"""Who changed what, and why: an append-only file of the site whose lines are chained by hashes.

Each line is one JSON object; `hash` is the SHA-256 of the line before's hash and of the line
itself without it. Changing, removing or inserting a line breaks the chain from there on
(`verify`). A power cut can leave a half-written last line: the next entry cuts it off and says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.durable import sync_directory
from bms.errors import StoreError
from schedules.msg import msg

FILE_NAME = "audit.jsonl"
ORIGIN = "0" * 64
"""Stands for the hash before the first line."""


def record(
    state_dir: Path, time: datetime, *, who: str, via: str, what: str, why: str, **details: Any
) -> None:
    """Append one entry, on the disk before this returns.

    `who` is a user name, `via` how they came (`cli`, `file`, `api`), `what` a dotted word for the
    kind of change (`schedule.edit`, `meter.replace`), `why` their reason; `details` are JSON
    values. Several processes may append. Raises StoreError.
    """
    path = state_dir / FILE_NAME
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            number, before, whole = _last(file)
            lines = b""
            if whole is not None:
                file.truncate(whole)
                cut = {"what": "audit.cut", "why": "the last line was only half written"}
                number, before, lines = _line(
                    number, before, time, {"who": "bms", "via": "audit", **cut}
                )
            entry = {"who": who, "via": via, "what": what, "why": why, **details}
            lines += _line(number, before, time, entry)[2]
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if new:
            sync_directory(state_dir)
    except OSError as error:
        raise StoreError(
            msg("cannot write the audit {path}: {error}", path=path, error=error)
        ) from error


def entries(state_dir: Path) -> Iterator[dict[str, Any]]:
    """The entries that read back, oldest first. Raises StoreError if the file cannot be read."""
    for line in _lines(state_dir / FILE_NAME):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def verify(state_dir: Path) -> tuple[int, list[str]]:
    """How many entries the chain holds, and what is wrong with it, by line; empty if nothing."""
    before, problems, count = ORIGIN, list[str](), 0
    path = state_dir / FILE_NAME
    for number, line in enumerate(_lines(path), 1):
        count += 1
        place = f"{path}:{number}"
        try:
            entry = json.loads(line)
            told = entry.pop("hash")
        except (ValueError, KeyError, AttributeError):
            problems.append(msg("{place}: not an entry of the audit", place=place))
            continue
        if entry.get("seq") != number:
            problems.append(
                msg(
                    "{place}: entry {entry} stands where {number} belongs",
                    place=place,
                    entry=entry.get("seq"),
                    number=number,
                )
            )
        if _hash(before, entry) != told:
            problems.append(
                msg(
                    "{place}: changed after it was written, or a line before it is gone",
                    place=place,
                )
            )
        before = told
    return count, problems


def _line(
    number: int, before: str, time: datetime, entry: dict[str, Any]
) -> tuple[int, str, bytes]:
    """The entry as the next line: its number, its hash, its text."""
    full = {"seq": number + 1, "time": time.isoformat(timespec="seconds"), **entry}
    digest = _hash(before, full)
    text = json.dumps({**full, "hash": digest}, ensure_ascii=False) + "\n"
    return number + 1, digest, text.encode()


def _hash(before: str, entry: dict[str, Any]) -> str:
    text = json.dumps(entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()


def _last(file: Any) -> tuple[int, str, int | None]:
    """Number and hash of the last whole line; where the file must be cut, if behind it is more."""
    file.seek(0)
    data: bytes = file.read()
    end = data.rfind(b"\n") + 1
    cut = end if end < len(data) else None
    whole = data[:end].splitlines()
    if not whole:
        return 0, ORIGIN, cut
    try:
        entry = json.loads(whole[-1])
        return len(whole), str(entry["hash"]), cut
    except (ValueError, KeyError, TypeError):
        return len(whole), ORIGIN, cut


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            msg("cannot read the audit {path}: {error}", path=path, error=error)
        ) from error
