"""The streams that a sink takes: numbered rows that never change, and the lines they become."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import compress, islice
from pathlib import Path
from typing import Protocol

from bms.config.shapes.sinks import InfluxFile, StreamKind
from bms.core.equipment import PointClass
from bms.forward.cursors import LOG, Lost
from bms.forward.streams.lines import (
    LineWriter,
    alarm_line,
    audit_line,
    award_line,
    energy_line,
    rollup_line,
)
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.tags import Tagging
from bms.historian.formats.blob import Columns, damaged_row
from bms.historian.reading.trends import Trends
from bms.historian.records import to_ms
from bms.historian.streams import EnergyRow, RollupRow
from bms.storage import audit
from drivers.points import PointId

LOG_ROWS_AT_ONCE = 200
PUBLISHED_LATE_S = 1800.0
"""A quarter hour is published up to this long after its start: its length, two minutes for
stragglers, and slack."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Rows `first` to `last` that are no longer in their stream."""

    first: int
    last: int
    after_ms: int | None
    """The time of the row before; None: it is not known here."""
    until_ms: int | None
    """The time of the row behind; None: there is none yet."""


@dataclass(slots=True)
class Take:
    """Some rows of a stream. `seq` is the last of them; they can be fewer than there are."""

    seq: int
    lines: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    newest_ms: int | None = None
    holes: list[Hole] = field(default_factory=list)
    """Rows that retention or a full disk had taken away before they were sent."""
    lost: list[Lost] = field(default_factory=list)
    """What was given up by the store before it was sent."""


class Stream(Protocol):
    """Rows numbered from 1. Used by one thread at a time."""

    @property
    def name(self) -> str: ...
    @property
    def uid(self) -> str:
        """The identity of the database it comes from: numbers of another one mean nothing."""

    @property
    def rollup(self) -> bool:
        """Whether it goes where roll-ups go."""

    @property
    def late_s(self) -> float:
        """How old a row's time may be when the row is new."""

    @property
    def at_once(self) -> int:
        """A backlog of so many rows is nothing to set aside: it goes out within seconds."""

    def last(self) -> int:
        """The newest row's number; 0 before the first."""

    def oldest_ms(self, after: int) -> int | None:
        """The time of the first row after `after`; None if there is none."""

    def take(self, after: int, upto: int, most_lines: int) -> Take:
        """Rows after `after` up to `upto`: at least one, and about `most_lines` lines.

        `seq` is `upto` if there is nothing left up to there.
        """


class EnergySource(Protocol):
    """The energy ledger as a sink sees it."""

    def energy(self, after: int, limit: int) -> Sequence[EnergyRow]: ...
    def last_energy(self) -> int: ...


class RollupSource(Protocol):
    """The roll-ups as a sink sees them."""

    def rollups(self, after: int, limit: int) -> Sequence[RollupRow]: ...
    def last_rollup(self) -> int: ...


class Selection:
    """Which raw points a sink takes."""

    def __init__(self, settings: InfluxFile) -> None:
        self._classes = frozenset(settings.classes)
        self._patterns = tuple(settings.points)
        self._everything = self._patterns == ("*",) and self._classes == frozenset(PointClass)

    def wants(self, point: PointId, klass: PointClass) -> bool:
        return klass in self._classes and any(fnmatchcase(point, p) for p in self._patterns)

    def kept(self, points: Mapping[int, PointId], classes: Mapping[PointId, PointClass]) -> bytes:
        """1 by the number of a series if it is wanted, else 0; empty if everything is."""
        if self._everything:
            return b""
        wanted = bytearray(max(points, default=0) + 1)
        for number, point in points.items():
            wanted[number] = self.wants(point, classes.get(point, PointClass.ANALOG))
        return bytes(wanted)


class LogStream:
    """Raw samples, a row per commit."""

    name = LOG
    rollup = False
    late_s = 0.0
    at_once = 100

    def __init__(self, history: Outgoing, tagging: Tagging, selection: Selection) -> None:
        self.uid = history.uid()
        self._history = history
        self._selection = selection
        self._writer = LineWriter(tagging, {})
        self._points: dict[int, PointId] = {}
        self._wanted = b""

    def last(self) -> int:
        return self._history.last_seq()

    def oldest_ms(self, after: int) -> int | None:
        rows = self._history.columns_after(after, 1)
        return rows[0].t0 if rows else None

    def take(self, after: int, upto: int, most_lines: int) -> Take:
        result = Take(after)
        count = self._history.rows_of_about(after, upto, most_lines)
        for row in self._history.columns_after(after, min(count, LOG_ROWS_AT_ONCE)):
            if row.seq > upto:
                break
            if row.seq > result.seq + 1:
                result.holes.append(Hole(result.seq + 1, row.seq - 1, result.newest_ms, row.t0))
            result.seq = row.seq
            damage = row.damage
            if row.columns is not None:
                try:
                    result.lines += self._lines(row.columns, row.t0)
                except KeyError as error:
                    damage = damaged_row(row.seq, error)
                else:
                    newest_ms = row.t0 + max(row.columns.after_ms, default=0)
                    result.newest_ms = max(result.newest_ms or 0, newest_ms)
            if damage:
                result.damaged.append(damage)
        if result.seq == after:
            result.holes.append(Hole(after + 1, upto, None, self.oldest_ms(upto)))
            result.seq = upto
        return result

    def _lines(self, columns: Columns, t0: int) -> list[str]:
        """The lines of a row; KeyError if it names a series or a text that is not there."""
        series: Sequence[int] = columns.series
        after_ms: Sequence[int] = columns.after_ms
        values: Sequence[float] = columns.values
        status = columns.status
        if not self._points.keys() >= set(series):
            self._learn()
        if self._wanted:
            use = [self._wanted[number] for number in series]
            series, after_ms = list(compress(series, use)), list(compress(after_ms, use))
            values = list(compress(values, use))
            status = bytes(compress(status, use))
        points = list(map(self._points.__getitem__, series))
        times_ms = [t0 + after for after in after_ms]
        return self._writer.lines(points, times_ms, values, status, self._history.text)

    def _learn(self) -> None:
        rows = self._history.series_rows()
        classes = {point: PointClass(klass) for _, point, klass in rows}
        self._points = {number: point for number, point, _ in rows}
        self._wanted = self._selection.kept(self._points, classes)
        self._writer.know(classes)


class RowStream:
    """A stream with one line per row."""

    def __init__(
        self,
        name: str,
        uid: str,
        last: Callable[[], int],
        fetch: Callable[[int, int], Sequence[tuple[int, int, str]]],
        *,
        rollup: bool = False,
        late_s: float = 0.0,
    ) -> None:
        """`fetch(after, limit)` gives number, time in ms and line of the next rows."""
        self.name = name
        self.uid = uid
        self.rollup = rollup
        self.late_s = late_s
        self.at_once = 5000
        self.last = last
        self._fetch = fetch

    def oldest_ms(self, after: int) -> int | None:
        rows = self._fetch(after, 1)
        return rows[0][1] if rows else None

    def take(self, after: int, upto: int, most_lines: int) -> Take:
        limit = max(1, min(most_lines, upto - after))
        rows = [row for row in self._fetch(after, limit) if row[0] <= upto]
        if not rows:
            return Take(upto, holes=[Hole(after + 1, upto, None, self.oldest_ms(upto))])
        result = Take(
            rows[-1][0], [line for _, _, line in rows], newest_ms=max(ms for _, ms, _ in rows)
        )
        known_ms = None
        for number, ms, _ in rows:
            if number > after + 1:
                result.holes.append(Hole(after + 1, number - 1, known_ms, ms))
            after, known_ms = number, ms
        return result


def energy_stream(source: EnergySource, uid: str, tagging: Tagging) -> RowStream:
    """The quarter hours of all meters."""
    return RowStream(
        "energy",
        uid,
        source.last_energy,
        lambda after, limit: [
            (row.seq, row.start_ms, energy_line(row, tagging))
            for row in source.energy(after, limit)
        ],
        rollup=True,
        late_s=PUBLISHED_LATE_S,
    )


def rollup_stream(source: RollupSource, uid: str, tagging: Tagging) -> RowStream:
    """The quarter hours of all points."""
    return RowStream(
        "rollups",
        uid,
        source.last_rollup,
        lambda after, limit: [
            (row.seq, row.start_ms, rollup_line(row, tagging))
            for row in source.rollups(after, limit)
        ],
        rollup=True,
        late_s=PUBLISHED_LATE_S,
    )


def award_stream(history: Outgoing, tagging: Tagging) -> RowStream:
    """Who commands what: every change."""
    return RowStream(
        "awards",
        history.uid(),
        history.last_award,
        lambda after, limit: [
            (number, to_ms(row.time), award_line(row, tagging))
            for number, row in history.awards_after(after, limit)
        ],
    )


def alarm_stream(history: Outgoing, site: str) -> RowStream:
    """What happened to alarms."""
    return RowStream(
        "alarms",
        history.uid(),
        history.last_alarm,
        lambda after, limit: [
            (number, to_ms(row.time), alarm_line(row, site))
            for number, row in history.alarms_after(after, limit)
        ],
    )


def audit_stream(directory: Path, site: str) -> RowStream:
    """What the audit's entries were called when they were new, and not what they say: whoever
    writes the audit again on this machine does not write it there."""

    def fetch(after: int, limit: int) -> list[tuple[int, int, str]]:
        found = islice((row for row in audit.hashes(directory) if row[0] > after), limit)
        return [
            (number, to_ms(time), audit_line(number, digest, time, site))
            for number, time, digest in found
        ]

    return RowStream("audit", "audit", lambda: audit.head(directory).number, fetch)


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to copy in one state directory, opened for one thread."""

    history: Outgoing
    energy: EnergySource | None = None
    rollups: RollupSource | None = None
    energy_uid: str = ""
    """The identity of the ledger, which is another database than the history."""
    trends: Trends | None = None
    """What is stored by series: for rows that have left their stream."""


def streams_of(sources: Sources, settings: InfluxFile, tagging: Tagging, site: str) -> list[Stream]:
    """The streams that a sink asks for, the most valuable first."""
    wanted: set[StreamKind] = set(settings.send)
    found: list[Stream] = []
    if "energy" in wanted and sources.energy is not None:
        found.append(energy_stream(sources.energy, sources.energy_uid, tagging))
    if "events" in wanted:
        found += [
            alarm_stream(sources.history, site),
            award_stream(sources.history, tagging),
            audit_stream(sources.history.directory, site),
        ]
    if "rollups" in wanted and sources.rollups is not None:
        found.append(rollup_stream(sources.rollups, sources.history.uid(), tagging))
    if "raw" in wanted:
        found.append(LogStream(sources.history, tagging, Selection(settings)))
    return found
