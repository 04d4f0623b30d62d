"""Where the copies of a state directory stand, as others ask: people, upkeep and pruning.

Each answer opens `sinks.db` for a moment; the sinks themselves keep a `SinkCursor` open.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bms.core.errors import StoreError
from bms.forward.cursors import (
    DAY_MS,
    FILE_NAME,
    GAP_COLUMNS,
    LAYOUT,
    LOG,
    STORED,
    Gap,
    Lost,
    day_of,
    gap_of,
)
from bms.historian.taken import Taken
from bms.storage.aside import opened
from bms.storage.sqlite import open_database, store_errors


@dataclass(frozen=True, slots=True)
class Position:
    """Where one stream of one sink stands, as others see it."""

    sink: str
    stream: str
    seq: int
    gaps: tuple[Gap, ...]


def positions(directory: Path) -> list[Position]:
    """Every cursor in a state directory, with its gaps. Empty before the first sink."""
    path = directory / FILE_NAME
    if not path.exists():
        return []
    with store_errors(path), closing(open_database(path, LAYOUT, read_only=True)) as connection:
        gaps: dict[tuple[str, str], list[Gap]] = {}
        for sink, *row in connection.execute(
            f"SELECT sink, {GAP_COLUMNS} FROM gap ORDER BY first, id"
        ):
            gap = gap_of(*row)
            gaps.setdefault((sink, gap.stream.removesuffix(STORED)), []).append(gap)
        return [
            Position(sink, stream, seq, tuple(gaps.get((sink, stream), ())))
            for sink, stream, seq in connection.execute(
                "SELECT sink, stream, seq FROM cursor ORDER BY sink, stream"
            )
            if not stream.endswith(STORED)
        ]


def without_unusable(directory: Path, now: Callable[[], datetime]) -> None:
    """Put cursors aside that can never be used: upkeep asks them what it may give up, whether or
    not there is a copy today. Raises StoreError."""
    path = directory / FILE_NAME

    def read_through() -> None:
        with store_errors(path), closing(open_database(path, LAYOUT)) as connection:
            for table in ("cursor", "gap", "dead", "known", "tag", "lost"):
                connection.execute(f"SELECT count(*) FROM {table}").fetchone()

    if path.exists():
        opened(path, read_through, now)


def losses(directory: Path, sink: str) -> list[Lost]:
    """What a sink did not get because it was given up first: by group and day, oldest first."""
    path = directory / FILE_NAME
    if not path.exists():
        return []
    with store_errors(path), closing(open_database(path, LAYOUT, read_only=True)) as connection:
        rows = connection.execute(
            "SELECT grp, t0, t1, samples FROM lost WHERE sink = ? ORDER BY t0, grp", (sink,)
        ).fetchall()
    return [Lost(*row) for row in rows]


def sent_until(directory: Path) -> list[int]:
    """The instants (ms) between what a sink has taken and what it has not."""
    path = directory / FILE_NAME
    if not path.exists():
        return []
    with store_errors(path), closing(open_database(path, LAYOUT)) as connection:
        rows = connection.execute(
            "SELECT from_ms FROM gap WHERE from_ms IS NOT NULL "
            "UNION SELECT until_ms FROM gap WHERE until_ms IS NOT NULL "
            "UNION SELECT newest_ms + 1 FROM cursor WHERE newest_ms > 0"
        ).fetchall()
    return [int(ms) for (ms,) in rows]


def least_taken(directory: Path, sinks: Collection[str] | None, history: str) -> int | None:
    """The row of this history's log that all sinks have taken; None if there is no sink.

    `sinks` None means every sink with a cursor here; a named one without a cursor took nothing.
    Rows in a gap are not taken.
    """
    path = directory / FILE_NAME
    cursors: dict[str, int] = {}
    if path.exists() and (sinks is None or sinks):
        # Not read-only: the file may still have an older layout.
        with store_errors(path), closing(open_database(path, LAYOUT)) as connection:
            for sink, uid, seq in connection.execute(
                "SELECT sink, history, min(seq, coalesce((SELECT min(first) - 1 FROM gap "
                "WHERE gap.sink = cursor.sink AND gap.stream = cursor.stream), seq)) "
                "FROM cursor WHERE stream = ?",
                (LOG,),
            ):
                cursors[sink] = seq if uid == history else 0
    names = cursors if sinks is None else sinks
    return min((cursors.get(name, 0) for name in names), default=None)


def taken(directory: Path, sinks: Collection[str] | None, history: str) -> Taken:
    """How far all copies of a history are (`bms.historian.taken.TakenOf`)."""
    return Taken(
        least_taken(directory, sinks, history),
        waiting_from(directory, sinks),
        tuple(sent_until(directory)),
    )


def waiting_from(directory: Path, sinks: Collection[str] | None) -> int | None:
    """From when on (ms) a sink still waits for raw samples that left the log; None: none does."""
    path = directory / FILE_NAME
    if not path.exists():
        return None
    with store_errors(path), closing(open_database(path, LAYOUT)) as connection:
        rows = connection.execute(
            "SELECT sink, first FROM gap WHERE stream = ?", (LOG + STORED,)
        ).fetchall()
    days = [day_of(first) for sink, first in rows if sinks is None or sink in sinks]
    return min(days) * DAY_MS if days else None


def known_tags(directory: Path, tags: Mapping[str, str]) -> dict[str, list[tuple[int, str]]]:
    """Every version as far as it can be read, and `tags` where there is none; nothing is kept."""
    versions: dict[str, list[tuple[int, str]]] = {}
    path = directory / FILE_NAME
    with (
        suppress(StoreError),
        store_errors(path),
        closing(open_database(path, LAYOUT, read_only=True)) as connection,
    ):
        for point, since_ms, text in connection.execute(
            "SELECT point, since_ms, tags FROM tag ORDER BY point, since_ms"
        ):
            versions.setdefault(point, []).append((since_ms, text))
    return {point: [(0, text)] for point, text in tags.items()} | versions
