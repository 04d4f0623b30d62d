"""What one sink copies and how far it is: streams, their cursors, and refills of their holes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.status import SinkStatus
from bms.forward.cursors import DAY_MS, LAST_PLACE, STORED, Gap, SinkCursor, day_of
from bms.forward.cursors import FILE_NAME as SINKS
from bms.forward.positions import losses
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.refill import Refill, refills_of
from bms.forward.streams.sources import Sources, Stream, streams_of
from bms.forward.streams.tags import Tagging
from bms.historian.files.roll_layout import FILE_NAME as ROLL
from bms.historian.log.log_queries import FILE_NAME as HISTORY
from bms.historian.reading.trends import Trends
from bms.ledger.database.store import FILE_NAME as LEDGER
from bms.ledger.database.store import Ledger
from bms.storage.sqlite import Identity


@dataclass(frozen=True, slots=True)
class Filling:
    """A gap and where its rows come from."""

    stream: Stream | Refill
    cursor: SinkCursor
    gap: Gap


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that is open on the sink's thread."""

    streams: list[Stream]
    cursors: Mapping[str, SinkCursor]
    refills: Mapping[str, tuple[Refill, SinkCursor]]
    """By the name of the stream whose holes they fill."""
    files: Sequence[Identity]
    """All that is open."""

    def is_replaced(self) -> bool:
        """Whether one of the files is another by now, or is there at last: open them again."""
        return any(file.is_replaced() for file in self.files)

    @property
    def any_cursor(self) -> SinkCursor | None:
        """One of them, for what is kept of the sink as a whole."""
        return next(iter(self.cursors.values()), None)

    def oldest_gap(self) -> Filling | None:
        """The gap to be filled next: the oldest of the most valuable stream."""
        for stream in self.streams:
            if stream.name in self.refills:  # the oldest, and what the disk may run out of
                refill, places = self.refills[stream.name]
                if gaps := places.gaps():
                    return Filling(refill, places, gaps[0])
            cursor = self.cursors[stream.name]
            if gaps := cursor.gaps():
                return Filling(stream, cursor, gaps[0])
        return None

    def look(self, status: SinkStatus, directory: Path, now_ms: int) -> None:
        """Note in the status how far the copy is, and what is lost or refused."""
        rows = gaps = 0
        oldest: list[int] = []
        cursors: dict[str, int] = {}
        for stream in self.streams:
            cursor = self.cursors[stream.name]
            seq, missed = cursor.seq, cursor.gaps()
            cursors[stream.name] = seq
            rows += stream.last() - seq + sum(gap.rows for gap in missed)
            gaps += len(missed)
            if stream.last() > seq and (found := stream.oldest_ms(seq)) is not None:
                oldest.append(found + round(stream.late_s * 1000))
            oldest += [gap.from_ms for gap in missed if gap.from_ms is not None]
        days: set[tuple[str, int]] = set()
        for refill, places in self.refills.values():
            missed = places.gaps()
            gaps += len(missed)
            for gap in missed:
                days |= {(refill.name, d) for d in range(day_of(gap.first), day_of(gap.last) + 1)}
            oldest += [day_of(gap.first) * DAY_MS for gap in missed]
        status.refill_days = len(days)
        status.lost = [lost.to_json() for lost in losses(directory, status.name)]
        status.lost_samples = sum(lost["samples"] for lost in status.lost)
        status.backlog_rows, status.gaps, status.cursors = rows, gaps, cursors
        status.oldest_unsent_s = max(0.0, (now_ms - min(oldest)) / 1000) if oldest else None
        if self.any_cursor is not None:
            status.dead_lines = self.any_cursor.dead_lines()


def open_streams(
    stack: ExitStack,
    sources: Sources,
    settings: InfluxFile,
    copied: Copied,
    files: Sequence[Identity],
) -> Opened:
    """The streams of a sink with their cursors, which close with the stack."""

    def cursor(uid: str, last: int, stream: str) -> SinkCursor:
        return stack.enter_context(
            SinkCursor(copied.directory, settings.name, uid, last, stream=stream)
        )

    streams = streams_of(sources, settings, copied.tagging, copied.site)
    return Opened(
        streams,
        {stream.name: cursor(stream.uid, stream.last(), stream.name) for stream in streams},
        {
            refill.name.removesuffix(STORED): (
                refill,
                cursor(refill.uid, LAST_PLACE, refill.name),
            )
            for refill in refills_of(sources, settings, copied.tagging)
        },
        files,
    )


def has_ledger(directory: Path) -> bool:
    """Whether energy is kept there: not before the controller's first start."""
    return (directory / LEDGER).exists()


@contextmanager
def open_sources(directory: Path) -> Iterator[Sources]:
    """What a state directory has to copy, opened for reading."""
    with ExitStack() as stack:
        history = stack.enter_context(Outgoing(directory, read_only=True))
        trends = stack.enter_context(Trends(directory))
        if not has_ledger(directory):
            yield Sources(history, rollups=trends, trends=trends)
            return
        ledger = stack.enter_context(Ledger(directory, read_only=True))
        yield Sources(history, ledger, trends, ledger.uid(), trends)


@dataclass(frozen=True, slots=True)
class Copied:
    """What a sink copies: the state directory of a site, with the tags of its points."""

    directory: Path
    site: str = ""
    """The id of the site, for a database that many sites share."""
    tagging: Tagging = field(default_factory=lambda: Tagging({}))
    sources: Callable[[Path], AbstractContextManager[Sources]] = open_sources
    """Opens the directory for reading."""

    def files(self) -> list[Identity]:
        """Which files are there now."""
        return [Identity(self.directory / name) for name in (HISTORY, ROLL, LEDGER, SINKS)]
