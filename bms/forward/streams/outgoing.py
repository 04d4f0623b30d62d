"""The history as sinks read it: rows by number, and what was recorded in a stretch of time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from bms.core.decisions import Severity
from bms.historian.formats.blob import Columns, DamagedBlob, damaged_row, decode
from bms.historian.log import award_rows
from bms.historian.log.log_queries import Queries
from bms.historian.records import AlarmRow, AwardRow, LogRow, from_ms

ROWS_AT_ONCE = 50
_IN_TIME = "t0 BETWEEN ?1 - (SELECT widest_ms FROM about) AND ?2 - 1 AND t1 >= ?1"


@dataclass(frozen=True, slots=True)
class LogColumns:
    """One row of the log as it is stored; `columns` is None and `damage` says why if it is not."""

    seq: int
    t0: int
    columns: Columns | None
    damage: str = ""


class Outgoing(Queries):
    """`Queries`, and what only sinks ask. Times are milliseconds, ranges without their end."""

    def awards_after(self, number: int, limit: int) -> list[tuple[int, AwardRow]]:
        """The next award changes after the one of that number, with theirs.

        Damaged ones are left out, so that they hold up no others.
        """
        found = []
        for row in self._rows(
            f"{award_rows.SELECT_NUMBERED} WHERE a.id > ? ORDER BY a.id LIMIT ?", number, limit
        ):
            with suppress(KeyError, ValueError):
                found.append((row[-1], award_rows.unpack(row[:-1], self.text)))
        return found

    def last_award(self) -> int:
        """The number of the newest award change, 0 before the first."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM award")[0][0])

    def alarms_after(self, number: int, limit: int) -> list[tuple[int, AlarmRow]]:
        """The next alarm events after the one of that number, with theirs."""
        return [
            (number, AlarmRow(key, Severity(severity), text, kind, from_ms(ms)))
            for number, key, severity, text, kind, ms in self._rows(
                "SELECT id, key, severity, text, kind, time_ms FROM alarm "
                "WHERE id > ? ORDER BY id LIMIT ?",
                number,
                limit,
            )
        ]

    def last_alarm(self) -> int:
        """The number of the newest alarm event, 0 before the first."""
        return int(self._rows("SELECT coalesce(max(id), 0) FROM alarm")[0][0])

    def rows_of_about(self, after: int, upto: int, samples: int) -> int:
        """How many log rows after `after` up to `upto` hold at most so many samples; at least 1."""
        total = count = 0
        for (n,) in self._rows(
            "SELECT n FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
            after,
            upto,
            max(1, samples),
        ):
            total += n
            if count and total > samples:
                break
            count += 1
        return max(1, count)

    def columns_after(self, seq: int, limit: int) -> list[LogColumns]:
        """The next log rows after `seq`, in order, at most `limit`, as columns."""
        found = []
        for number, t0, blob in self._rows(
            "SELECT seq, t0, blob FROM log WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit
        ):
            try:
                found.append(LogColumns(number, t0, decode(blob)))
            except DamagedBlob as error:
                found.append(LogColumns(number, t0, None, damaged_row(number, error)))
        return found

    def log_between(self, start_ms: int, end_ms: int) -> Iterator[LogRow]:
        """The log rows that may hold samples of [start, end), in order, a few at a time."""
        span = self.log_span(start_ms, end_ms)
        after, last = (span[0] - 1, span[1]) if span is not None else (0, 0)
        while after < last:
            rows = self.log_after(after, ROWS_AT_ONCE)
            if not rows:
                return
            yield from (row for row in rows if row.seq <= last)
            after = rows[-1].seq

    def log_span(self, start_ms: int, end_ms: int) -> tuple[int, int] | None:
        """The first and the last log row that may hold samples of [start, end)."""
        rule = f"SELECT min(seq), max(seq) FROM log WHERE {_IN_TIME}"
        first, last = self._rows(rule, start_ms, end_ms)[0]
        return None if first is None else (int(first), int(last))

    def samples_between(self, start_ms: int, end_ms: int) -> int:
        """About how many samples the log has of [start, end)."""
        rule = f"SELECT coalesce(sum(n), 0) FROM log WHERE {_IN_TIME}"
        return int(self._rows(rule, start_ms, end_ms)[0][0])

    def log_reaches(self, ms: int) -> bool:
        """Whether the log still has everything from that time on."""
        rows = self._rows("SELECT seq, t1 FROM log ORDER BY seq LIMIT ?", ROWS_AT_ONCE)
        if not rows:
            return self.last_seq() == 0
        return bool(rows[0][0] == 1 or max(t1 for _, t1 in rows) <= ms)

    def oldest_log_ms(self) -> int | None:
        """The time of the oldest sample in the log."""
        found = self._rows("SELECT min(t0) FROM log")[0][0]
        return None if found is None else int(found)
