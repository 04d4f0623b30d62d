"""Who changed what, and why: an append-only file of the site whose lines are chained by hashes.

Each line is one JSON object; `hash` is the SHA-256 of the line before's hash and of the line
itself without it. Changing, removing or inserting a line breaks the chain from there on
(`verify`). A chain does not show that its end is gone: `audit.head`, a file beside it, has the
number and hash of the last entry. A power cut can leave a half-written last line: the next entry
cuts it off and says so, as it does if whole entries are gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from bms.core.errors import StoreError
from bms.storage.durable import sync_directory
from bms.texts.messages import Message, from_json, msg, to_json
from bms.texts.system_errors import os_cause

FILE_NAME = "audit.jsonl"
HEAD_NAME = "audit.head"
GONE = "audit.gone"
ORIGIN = "0" * 64
"""Stands for the hash before the first line."""


def record(
    state_dir: Path, time: datetime, *, who: str, via: str, what: str, why: str, **details: Any
) -> None:
    """Append one entry, on the disk before this returns.

    `who` is a user name, `via` how they came (`cli`, `file`, `api`), `what` a dotted word for the
    kind of change (`schedule.edit`, `meter.replace`), `why` their reason; `details` are JSON
    values and messages, which are kept as what they were made of. Several processes may append.
    Raises StoreError.
    """
    path = state_dir / FILE_NAME
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            number, before, whole = _last(file)
            lines = b""
            noted = []
            if whole is not None:
                file.truncate(whole)
                noted.append(("audit.cut", msg("the last line was only half written")))
            known, _ = _head(state_dir)
            if known > number:
                noted.append(
                    (
                        GONE,
                        msg(
                            "entries {first_entry} to {last_entry} are gone",
                            first_entry=number + 1,
                            last_entry=known,
                        ),
                    )
                )
            for mark, reason in noted:
                own = kept({"who": "bms", "via": "audit", "what": mark, "why": reason})
                number, before, line = _line(number, before, time, own)
                lines += line
            entry = kept({"who": who, "via": via, "what": what, "why": why, **details})
            number, before, line = _line(number, before, time, entry)
            file.write(lines + line)
            file.flush()
            os.fsync(file.fileno())
            _put_head(state_dir, number, before)
        if new:
            sync_directory(state_dir)
    except OSError as error:
        raise StoreError(
            msg("cannot write the audit {path}: {error}", path=path, error=os_cause(error))
        ) from error


def entries(state_dir: Path) -> Iterator[dict[str, Any]]:
    """The entries that read back, oldest first; messages as such again.

    Raises StoreError if the file cannot be read.
    """
    for line in _lines(state_dir / FILE_NAME):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield _read(entry)


def kept(value: Any) -> Any:
    """JSON values with what the messages in them were made of."""
    if isinstance(value, Message):
        return to_json(value)
    if isinstance(value, Mapping):
        return {key: kept(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [kept(part) for part in value]
    return value


def _read(value: Any) -> Any:
    """The same back; an object that cannot have been a message stays one."""
    if isinstance(value, list):
        return [_read(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "msg" in value and value.keys() <= {"msg", "many", "args"}:
        with suppress(ValueError):
            return from_json(value)
    return {key: _read(part) for key, part in value.items()}


def verify(state_dir: Path) -> tuple[int, list[str]]:
    """How many entries the chain holds, and what is wrong with it, by line; empty if nothing."""
    before, problems, count = ORIGIN, list[str](), 0
    path = state_dir / FILE_NAME
    known, head = _head(state_dir)
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
        if entry.get("what") == GONE:
            problems.append(
                msg("{place}: {problem}", place=place, problem=_read(entry.get("why", "")))
            )
        elif number == known and told != head:
            problems.append(msg("{place}: not the entry that was written here", place=place))
        before = told
    if known > count:
        gone = msg(
            "entries {first_entry} to {last_entry} are gone",
            first_entry=count + 1,
            last_entry=known,
        )
        problems.append(msg("{place}: {problem}", place=f"{path}:{count}", problem=gone))
    return count, problems


def _head(state_dir: Path) -> tuple[int, str]:
    """Number and hash of the last entry, as far as is known; 0 if it is not."""
    try:
        number, _, digest = (state_dir / HEAD_NAME).read_text(encoding="ascii").partition(" ")
        return int(number), digest.strip()
    except (OSError, ValueError):
        return 0, ORIGIN


def _put_head(state_dir: Path, number: int, digest: str) -> None:
    """Move the head on; one that stays behind only knows less, so that a full disk may."""
    new = state_dir / f".{HEAD_NAME}.new"
    with suppress(OSError), new.open("w", encoding="ascii") as file:
        file.write(f"{number} {digest}\n")
        file.flush()
        os.fsync(file.fileno())
        new.replace(state_dir / HEAD_NAME)


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
            msg("cannot read the audit {path}: {error}", path=path, error=os_cause(error))
        ) from error
