"""One round of upkeep in a separate process: budget, compaction, retention.

The process reads a `Request` as JSON from its input and prints an `Outcome`. It runs beside the
controller so that sorting a quarter hour of samples neither holds up a control cycle nor leaves its
memory behind: the controller itself never imports numpy for it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from bms.core.errors import BmsError, StoreError, UnusableFile
from bms.historian.records import Dropped, from_ms
from bms.historian.taken import TakenOf
from bms.texts.messages import from_json, message_of, msg, to_json

ERROR_TAIL: Final = 500
RETRY_LATER: Final = 3
"""Exit code when another process compacts already."""


@dataclass(frozen=True, slots=True)
class Request:
    directory: str
    now_ms: int
    zone: str
    zones: Mapping[str, str] = field(default_factory=dict)
    """By base."""
    retain_days: int = 400
    max_bytes: int | None = None
    sinks: Sequence[str] | None = None
    """The configured ones; None: all that ever kept a cursor."""
    within_s: float = 120.0
    publish: bool = True
    whole_days: bool = True
    own: bool = False
    """Whether the state directory is the asker's, who may put files aside."""


@dataclass(frozen=True, slots=True)
class Outcome:
    seq: int = 0
    horizon_ms: int | None = None
    finished: bool = True
    passes: int = 0
    samples: int = 0
    late: int = 0
    rows: int = 0
    dropped_samples: int = 0
    """Given up in this round for want of room."""
    missing_bytes: int = 0
    """Still over the budget, or short of free disk, after giving up what may be."""
    prune_log: bool = False
    """The disk needs the room of log rows that are compacted, taken by every sink or not."""
    used_bytes: int = 0
    limit_bytes: int = 0
    segments: int = 0
    quarantined: int = 0
    """Samples ever set aside because they lay ahead of the clock."""
    seconds: float = 0.0
    error: str = ""

    @property
    def compacted(self) -> tuple[int, int] | None:
        return None if self.horizon_ms is None else (self.seq, self.horizon_ms)


def run(request: Request, taken_of: TakenOf) -> Outcome:
    """Make room, compact, make room again. Raises StoreError; BlockingIOError if one is at it."""
    from bms.historian.compaction.compaction import Compaction, Zones

    begun = perf_counter()
    directory, now = Path(request.directory), from_ms(request.now_ms)
    if request.own:
        _without_unusable(directory, now)
    # Before anything is written: on a full disk the compaction itself needs room.
    first = _make_room(directory, request, now, taken_of)
    compaction = Compaction(directory, Zones(request.zone, request.zones), publish=request.publish)
    done = compaction.run(now, whole_days=request.whole_days, within_s=request.within_s)
    second = _make_room(directory, request, now, taken_of)
    return Outcome(
        seq=done.seq,
        horizon_ms=done.horizon_ms,
        finished=done.finished,
        passes=done.passes,
        samples=done.samples,
        late=done.late,
        rows=done.rows,
        dropped_samples=first.dropped + second.dropped,
        missing_bytes=second.missing,
        prune_log=second.prune_log,
        used_bytes=second.used,
        limit_bytes=second.limit,
        segments=second.segments,
        quarantined=second.quarantined,
        seconds=round(perf_counter() - begun, 3),
        error=done.damaged,
    )


def _without_unusable(directory: Path, now: datetime) -> None:
    """Put a `roll.db` aside that can never be used: it is made again from the raw files, which go
    with it where it was made from another history, like them. Raises StoreError."""
    from bms.historian.files.roll_layout import made_from_history
    from bms.historian.files.rolldb import RollDb
    from bms.historian.log.log_queries import Queries
    from bms.storage.aside import put_aside

    with Queries(directory, read_only=True) as history:
        uid = history.uid()
    try:
        with RollDb(directory, uid) as roll:
            roll.progress()
            roll.segments()
            roll.held()
    except UnusableFile as error:
        put_aside(error, now, made_from_history(directory) if error.why == "misplaced" else ())


@dataclass(frozen=True, slots=True)
class _Made:
    dropped: int = 0
    missing: int = 0
    prune_log: bool = False
    used: int = 0
    limit: int = 0
    segments: int = 0
    quarantined: int = 0


def _make_room(directory: Path, request: Request, now: datetime, taken_of: TakenOf) -> _Made:
    """Unlink segments that are too old or have no room; note every sample given up."""
    from bms.historian.files.rolldb import RollDb
    from bms.historian.log.log_queries import Queries
    from bms.historian.upkeep.budget import RESERVE_SHARE, expired, given_up

    with Queries(directory, read_only=True) as history:
        uid, quarantined = history.uid(), history.quarantined()
    taken = taken_of(directory, request.sinks, uid)
    with RollDb(directory, uid) as roll:
        segments = roll.segments()
        lost = [s for s in segments if not (directory / s.name).exists()]
        if lost:
            with roll.transaction():
                roll.put_segments((), lost)
                for segment in lost:
                    roll.note_dropped(_dropped(segment, msg("the file is missing"), now))
        there = [s for s in segments if s not in lost]
        old = expired(there, request.now_ms, request.retain_days, taken.seq, taken.waiting_from_ms)
        if old:
            with roll.transaction():
                roll.put_segments((), old)
            for segment in old:
                (directory / segment.name).unlink(missing_ok=True)
        left = roll.segments()
        room = _room(directory, request)
        # The log is a copy of what is in segments, so it goes first.
        copied = _compacted_log_bytes(directory, roll.progress()) if room.missing() else 0
        gone = given_up(left, room.missing() - copied, taken.seq, taken.waiting_from_ms)
        for segment, why in gone:
            _give_up(directory, roll, segment, why, now, taken.edges_ms)
        if gone:
            room = _room(directory, request)
        limit = room.disk_total if request.max_bytes is None else request.max_bytes
        return _Made(
            sum(segment.samples for segment, _ in gone),
            max(0, room.missing() - copied),
            room.missing() > 0,
            room.used,
            int(limit * (1 - RESERVE_SHARE)),
            len(left) - len(gone),
            quarantined,
        )


def _give_up(
    directory: Path, roll: Any, segment: Any, why: str, now: datetime, edges_ms: Sequence[int]
) -> None:
    from bms.historian.files.rawfiles import counted

    path = directory / segment.name
    try:
        counts = counted(directory, segment, edges_ms)
    except (StoreError, FileNotFoundError):
        counts = None  # damaged: what was in it is known from the manifest only

    def note() -> None:
        with roll.transaction():
            roll.put_segments((), [segment])
            roll.note_dropped(_dropped(segment, why, now))
            if counts is not None:
                roll.note_given_up(counts)

    try:
        note()
    except StoreError:
        # Not even the note fits: an unlink always does, and makes room for it.
        path.unlink(missing_ok=True)
        note()
    path.unlink(missing_ok=True)


def _dropped(segment: Any, why: str, now: datetime) -> Dropped:
    return Dropped(
        now,
        segment.group,
        from_ms(segment.t0),
        from_ms(segment.t1),
        segment.samples,
        segment.bytes,
        why,
    )


def _room(directory: Path, request: Request) -> Any:
    from bms.historian.files.roll_layout import FILE_NAME as ROLL
    from bms.historian.log.log_queries import FILE_NAME as HISTORY
    from bms.historian.upkeep.budget import Room

    used = 0
    for path in directory.iterdir():
        if path.suffix in (".db", ".db-wal") or path.name.endswith((".db-wal", ".db-shm")):
            used += path.stat().st_size
    unused = sum(_free_bytes(directory / name) for name in (HISTORY, ROLL))
    disk = shutil.disk_usage(directory)
    return Room(used - unused, disk.free + unused, disk.total, request.max_bytes)


def _compacted_log_bytes(directory: Path, progress: Any) -> int:
    """The bytes that the controller frees by deleting every log row that is in segments too."""
    from bms.historian.log.log_queries import Queries

    with Queries(directory, read_only=True) as history:
        return history.log.bytes_until(progress)


def _free_bytes(path: Path) -> int:
    """Pages inside a database that it will fill before it grows."""
    import sqlite3
    from contextlib import closing

    from bms.storage.sqlite import store_errors

    with (
        store_errors(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        pages = connection.execute("PRAGMA freelist_count").fetchone()[0]
        return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])


def start(request: Request, command: Sequence[str]) -> subprocess.Popen[str]:
    """Start a round in a separate process; `outcome_of` waits for it."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(request)))
    process.stdin.close()
    process.stdin = None
    return process


def outcome_of(process: subprocess.Popen[str]) -> Outcome:
    """Wait for a round that was started."""
    out, err = process.communicate()
    return parsed(process.returncode, out, err)


def parsed(code: int, out: str, err: str) -> Outcome:
    """What the process said, or why it said nothing.

    A program that was updated while the controller ran may say more than this one knows.
    """
    if out:
        said = json.loads(out)
        return Outcome(**_known(Outcome, said | {"error": from_json(said.get("error", ""))}))
    words = msg("ended with {code}: {output}", code=code, output=err.strip()[-ERROR_TAIL:])
    return Outcome(error=words, finished=False)


def _known(kind: type[Request] | type[Outcome], said: Mapping[str, Any]) -> dict[str, Any]:
    return {item.name: said[item.name] for item in fields(kind) if item.name in said}


def main(taken_of: TakenOf) -> int:
    """Run one round, as the separate process: a request in, an outcome out."""
    request = Request(**_known(Request, json.load(sys.stdin)))
    os.nice(10)
    try:
        outcome = run(request, taken_of)
    except BlockingIOError:
        return RETRY_LATER
    except BmsError as error:
        outcome = Outcome(error=message_of(error), finished=False)
    sys.stdout.write(json.dumps(asdict(outcome) | {"error": to_json(outcome.error)}))
    return 1 if outcome.error else 0
