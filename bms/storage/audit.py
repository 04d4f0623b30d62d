"""Who changed what, and why: an append-only file of the site whose lines are chained by hashes.

Each line is one JSON object; `hash` is the SHA-256 of the line before's hash and of the line
itself without it. Changing, removing or inserting a line breaks the chain from there on
(`verify`). A chain does not show that its end is gone, or that all of it was written again:
`audit.head`, a file beside it, has the number and hash of the last entry, and *anchors* have those
of earlier ones: in the state database, in every copy of the history, in the log and below printed
reports. A power cut can leave a half-written last line: the next entry cuts it off and says so, as
it does if whole entries are gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from bms.core.errors import InvalidInput, StoreError
from bms.storage.durable import make_directories, open_file, sync_directory
from bms.texts.clean import device_text
from bms.texts.messages import Message, from_json, msg, to_json
from bms.texts.system_errors import os_cause

FILE_NAME = "audit.jsonl"
HEAD_NAME = "audit.head"
GONE = "audit.gone"
ORIGIN = "0" * 64
"""Stands for the hash before the first line."""
FEWEST_DIGITS = 12
"""Of a hash that somebody has noted."""


class Head(NamedTuple):
    """An entry by its number and its hash; number 0 before the first."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"


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
        make_directories(state_dir)
        new = not path.exists()
        with os.fdopen(open_file(path), "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            number, before, whole = _last(file)
            lines = b""
            noted = []
            if whole is not None:
                file.truncate(whole)
                noted.append(("audit.cut", msg("the last line was only half written")))
            known = head(state_dir).number
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


def head(state_dir: Path) -> Head:
    """The last entry, as far as `audit.head` says; number 0 if it does not."""
    try:
        number, _, digest = (state_dir / HEAD_NAME).read_text(encoding="ascii").partition(" ")
        return Head(int(number), digest.strip())
    except (OSError, ValueError):
        return Head(0, ORIGIN)


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


def has(state_dir: Path, ref: int | str, entry: Mapping[str, Any]) -> bool:
    """Whether this entry is there with this `ref`. Raises StoreError if the file cannot be read."""
    said = f'"ref": {json.dumps(ref)}'.encode()
    for line in _lines(state_dir / FILE_NAME):
        if said in line:
            with suppress(ValueError, AttributeError):
                found = json.loads(line)
                if all(found.get(key) == told for key, told in {**entry, "ref": ref}.items()):
                    return True
    return False


def hashes(state_dir: Path) -> Iterator[tuple[int, datetime, str]]:
    """Number, time and hash of every entry that reads back, oldest first. Raises StoreError."""
    for number, line in enumerate(_lines(state_dir / FILE_NAME), 1):
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            entry = json.loads(line)
            yield number, datetime.fromisoformat(entry["time"]), str(entry["hash"])


def kept(value: Any) -> Any:
    """JSON values with what the messages in them were made of, and every text harmless.

    What was not clean where it came in must not keep an entry from being made.
    """
    if isinstance(value, Message):
        return kept(to_json(value))
    if isinstance(value, str):
        return device_text(value)
    if isinstance(value, Mapping):
        return {kept(key): kept(part) for key, part in value.items()}
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


def verify(
    state_dir: Path, anchors: Sequence[Head] = (), noted: str | None = None
) -> tuple[int, list[str]]:
    """How many entries the chain holds, and what is wrong with it; empty if nothing.

    `anchors` are entries that were kept elsewhere at the time; the more, the surer. `noted` is a
    hash that somebody noted, or the beginning of one, alone or behind its number: `17:4f3a…`.
    """
    path = state_dir / FILE_NAME
    last = head(state_dir)
    digests, problems = _followed(path, last)
    count = len(digests)
    known = max([last, *anchors], key=lambda one: one.number)
    if known.number > count:
        gone = msg(
            "entries {first_entry} to {last_entry} are gone",
            first_entry=count + 1,
            last_entry=known.number,
        )
        problems.append(msg("{place}: {problem}", place=f"{path}:{count}", problem=gone))
    for anchor in anchors:
        if 0 < anchor.number <= count and digests[anchor.number - 1] != anchor.digest:
            problems.append(
                msg(
                    "{place}: not the entry that was kept elsewhere when it was written: the "
                    "chain was written again",
                    place=f"{path}:{anchor.number}",
                )
            )
            break  # all later ones hang on it
    if noted is not None and not _stands(noted, digests):
        problems.append(
            msg(
                "no entry has the hash {hash}: this is not the chain that it was noted of",
                hash=noted,
            )
        )
    return count, problems


def missing(state_dir: Path, *, begun: bool) -> list[str]:
    """Which of the audit's own files are gone that ought to be there, and what that means.

    `begun`: whether this state directory has ever been used, so that there were entries.
    """
    path, last = state_dir / FILE_NAME, state_dir / HEAD_NAME
    if path.exists():
        if head(state_dir).number:
            return []
        return [
            msg(
                "{place}: it is gone or damaged, so that nothing beside the entries shows whether "
                "the last ones are there",
                place=last,
            )
        ]
    if begun or last.exists():
        return [msg("{place}: the audit is gone", place=path)]
    return []


def _followed(path: Path, last: Head) -> tuple[list[str], list[str]]:
    """The hash that each line says it has, and what is wrong with the lines."""
    before, digests, problems = ORIGIN, list[str](), list[str]()
    for number, line in enumerate(_lines(path), 1):
        digests.append("")
        place = f"{path}:{number}"
        try:
            entry = json.loads(line)
            told = str(entry.pop("hash"))
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            problems.append(msg("{place}: not an entry of the audit", place=place))
            continue
        digests[-1] = told
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
        elif number == last.number and told != last.digest:
            problems.append(msg("{place}: not the entry that was written here", place=place))
        before = told
    return digests, problems


def _stands(noted: str, digests: Sequence[str]) -> bool:
    """Whether an entry has this hash. Raises InvalidInput for what is no hash."""
    number, sign, digest = noted.strip().lower().rpartition(":")
    known = set(digest) <= set("0123456789abcdef") and FEWEST_DIGITS <= len(digest) <= len(ORIGIN)
    if not known or (sign and not (number.isascii() and number.isdigit())):
        raise InvalidInput(
            msg(
                "'{hash}' is no hash of an entry: write at least {digits} of its digits, or "
                "NUMBER:HASH",
                hash=noted,
                digits=FEWEST_DIGITS,
            )
        )
    if sign:
        at = int(number) - 1
        return 0 <= at < len(digests) and digests[at].startswith(digest)
    return any(one.startswith(digest) for one in digests)


def _put_head(state_dir: Path, number: int, digest: str) -> None:
    """Move the head on; one that stays behind only knows less, so that a full disk may."""
    new = state_dir / f".{HEAD_NAME}.new"
    with suppress(OSError):
        handle = open_file(new, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(handle, "w", encoding="ascii") as file:
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
