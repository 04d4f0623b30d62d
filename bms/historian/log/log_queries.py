"""The reading side of the embedded history, for the controller, reports and sinks alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bms.core.decisions import Severity
from bms.core.equipment import PointClass
from bms.core.errors import StoreError
from bms.core.readings import Reading
from bms.historian.formats.blob import DamagedBlob, damaged_row, decode, value_of
from bms.historian.log import award_rows
from bms.historian.records import (
    AlarmRow,
    AwardRow,
    Dropped,
    LogRow,
    Meter,
    Series,
    from_ms,
    to_ms,
)
from bms.storage.sqlite import Closing, Layout, open_database, store_errors
from bms.texts.messages import msg, remade
from drivers.points import PointId, Quality, Sample

if TYPE_CHECKING:
    from bms.historian.files.rawfiles import LogView

FILE_NAME = "history.db"
TEXT_CACHE = 8192

_SESSIONS = """
CREATE TABLE session (id INTEGER PRIMARY KEY, begun_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL);
CREATE TABLE quarantine (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, t0 INTEGER NOT NULL,
    n INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE TABLE dropped (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, class TEXT NOT NULL,
    t0 INTEGER NOT NULL, t1 INTEGER NOT NULL, samples INTEGER NOT NULL, bytes INTEGER NOT NULL,
    reason TEXT NOT NULL)
"""
"""Since version 2: when it was recorded at all, what was set aside, and what was given up."""

_LATE = """
CREATE TABLE IF NOT EXISTS late (seq INTEGER PRIMARY KEY AUTOINCREMENT, meter INTEGER NOT NULL,
    time_ms INTEGER NOT NULL)
"""
"""Readings that came when later ones were there; only some files of layout 2 have it."""
_TEXT = """
CREATE TABLE text (id INTEGER PRIMARY KEY, text TEXT NOT NULL, made_of TEXT);
CREATE INDEX text_text ON text (text)
"""
"""Every text once. A message is another text than the same words in somebody's mouth."""

_AWARD_3 = "SELECT *, NULL AS sent FROM main.award"
"""Up to version 3 nobody noted whether the link was in shadow mode."""

LAYOUT = Layout(
    msg("history"),
    0x424D5348,  # "BMSH"
    4,
    f"""
CREATE TABLE series (id INTEGER PRIMARY KEY, point TEXT NOT NULL UNIQUE,
    unit TEXT NOT NULL, class TEXT NOT NULL);
{_TEXT};
CREATE TABLE log (seq INTEGER PRIMARY KEY AUTOINCREMENT, t0 INTEGER NOT NULL,
    t1 INTEGER NOT NULL, n INTEGER NOT NULL, blob BLOB NOT NULL);
CREATE INDEX log_time ON log (t0, t1);
CREATE TABLE about (only INTEGER PRIMARY KEY CHECK (only = 1), uid TEXT NOT NULL,
    widest_ms INTEGER NOT NULL);
INSERT INTO about VALUES (1, lower(hex(randomblob(16))), 0);
CREATE TABLE meter (id INTEGER PRIMARY KEY, point TEXT NOT NULL, base TEXT NOT NULL,
    resolution TEXT NOT NULL, UNIQUE (point, resolution));
CREATE TABLE reading (meter INTEGER NOT NULL, time_ms INTEGER NOT NULL, counts INTEGER NOT NULL,
    PRIMARY KEY (meter, time_ms)) WITHOUT ROWID;
{_LATE};
CREATE TABLE award (id INTEGER PRIMARY KEY, point INTEGER NOT NULL, time_ms INTEGER NOT NULL,
    value TEXT, priority INTEGER, source INTEGER, reason INTEGER, expires_ms INTEGER,
    losers INTEGER, sent INTEGER);
CREATE INDEX award_point ON award (point, time_ms);
CREATE INDEX award_time ON award (time_ms);
CREATE TABLE alarm (id INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, key TEXT NOT NULL,
    severity INTEGER NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, made_of TEXT);
CREATE INDEX alarm_time ON alarm (time_ms);
{_SESSIONS};
ALTER TABLE dropped ADD COLUMN made_of TEXT
""",
    {
        # What an older file holds was recorded without a break, as far as anybody knows.
        1: f"{_SESSIONS}; INSERT INTO session (begun_ms, seen_ms) "
        "SELECT min(t0), max(t1) FROM log HAVING count(*) > 0",
        2: f"""
ALTER TABLE text RENAME TO text_2;
{_TEXT};
INSERT INTO text (id, text) SELECT id, text FROM text_2;
DROP TABLE text_2;
ALTER TABLE alarm ADD COLUMN made_of TEXT;
ALTER TABLE dropped ADD COLUMN made_of TEXT;
{_LATE}
""",
        3: "ALTER TABLE award ADD COLUMN sent INTEGER",
    },
    {
        2: {
            "text": "SELECT *, NULL AS made_of FROM main.text",
            "alarm": "SELECT *, NULL AS made_of FROM main.alarm",
            "dropped": "SELECT *, NULL AS made_of FROM main.dropped",
            "late": "SELECT 0 AS seq, 0 AS meter, 0 AS time_ms WHERE 0",
            "award": _AWARD_3,
        },
        3: {"award": _AWARD_3},
    },
)


class Queries(Closing):
    """What can be asked of the history of one directory. A context manager; one thread at a time.

    Every method raises StoreError, naming the file and the way out, if the database cannot be
    opened, read or written. Times are aware UTC and kept to the millisecond; ranges include both
    ends.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self._directory = directory
        self._path = directory / FILE_NAME
        self._connection = open_database(self._path, LAYOUT, read_only=read_only)
        self._series: dict[PointId, int] = {}
        self._text_by_id: dict[int, str] = {}

    def close(self) -> None:
        self._connection.close()

    @property
    def directory(self) -> Path:
        """Where its files lie."""
        return self._directory

    @property
    def log(self) -> LogView:
        """The log as columns."""
        from bms.historian.files.rawfiles import LogView

        return LogView(self._connection, self._path)

    def series_rows(self) -> list[tuple[int, PointId, str]]:
        """Number, point and class of every series, by number."""
        return self._rows("SELECT id, point, class FROM series ORDER BY id")

    def _rows(self, sql: str, *arguments: Any) -> list[Any]:
        with store_errors(self._path):
            return self._connection.execute(sql, arguments).fetchall()

    def _known_series(self, point: PointId) -> int | None:
        number = self._series.get(point)
        if number is None:
            rows = self._rows("SELECT id FROM series WHERE point = ?", point)
            if not rows:
                return None
            number = self._series[point] = int(rows[0][0])
        return number

    def text(self, number: int) -> str:
        """The text that a row names by its number; raises KeyError if it is missing."""
        text = self._text_by_id.get(number)
        if text is None:
            rows = self._rows("SELECT text, made_of FROM text WHERE id = ?", number)
            if not rows:
                raise KeyError(msg("text {number} is missing", number=number))
            text = remade(*rows[0])
            if len(self._text_by_id) >= TEXT_CACHE:
                self._text_by_id.clear()
            self._text_by_id[number] = text
        return text

    def series(self) -> list[Series]:
        """Every point that history knows."""
        rows = self._rows("SELECT point, unit, class FROM series ORDER BY point")
        return [Series(point, unit, PointClass(klass)) for point, unit, klass in rows]

    def samples(self, point: PointId, start: datetime, end: datetime) -> list[Sample]:
        """The samples of one point, by time, from segments and log: meant for hours and days."""
        from bms.historian.files.rawfiles import samples_between

        number = self._known_series(point)
        if number is None:
            return []
        found = samples_between(
            self._directory, self.log, self.uid(), number, to_ms(start), to_ms(end)
        )
        try:
            return [
                Sample(point, value_of(status, value, self.text), Quality(status & 15), from_ms(ms))
                for ms, value, status in found
            ]
        except KeyError as error:
            raise StoreError(
                msg(
                    "{path}: a sample of {point} is damaged: {error}",
                    path=self._path,
                    point=point,
                    error=error,
                )
            ) from error

    def dropped(self, start: datetime, end: datetime) -> list[Dropped]:
        """What the recorder had to give up before it was stored."""
        rows = self._rows(
            "SELECT time_ms, class, t0, t1, samples, bytes, reason, made_of FROM dropped "
            "WHERE t1 >= ? AND t0 < ? ORDER BY t0, id",
            to_ms(start),
            to_ms(end),
        )
        return [
            Dropped(from_ms(at), group, from_ms(a), from_ms(b), n, size, remade(*why))
            for at, group, a, b, n, size, *why in rows
        ]

    def quarantined(self) -> int:
        """How many samples were set aside because they lay ahead of the clock."""
        return int(self._rows("SELECT coalesce(sum(n), 0) FROM quarantine")[0][0])

    def awards(self, point: PointId | None, start: datetime, end: datetime) -> list[AwardRow]:
        """Award changes of one point, or of all, in the order they were made."""
        rule, arguments = "a.time_ms BETWEEN ? AND ?", [to_ms(start), to_ms(end)]
        if point is None:
            return self._award_rows(f"{rule} ORDER BY a.time_ms, a.id", *arguments)
        return self._award_rows(
            f"a.point = ? AND {rule} ORDER BY a.time_ms, a.id",
            self._known_series(point),
            *arguments,
        )

    def award_at(self, point: PointId, time: datetime) -> AwardRow | None:
        """The award change in force at `time`; None if there was none up to then."""
        rule = "a.point = ? AND a.time_ms <= ? ORDER BY a.time_ms DESC, a.id DESC LIMIT 1"
        rows = self._award_rows(rule, self._known_series(point), to_ms(time))
        return rows[0] if rows else None

    def first_award(self) -> datetime | None:
        """When the first award was recorded; None before that."""
        first = self._rows("SELECT min(time_ms) FROM award")[0][0]
        return None if first is None else from_ms(first)

    def recorded(self, start: datetime, end: datetime) -> bool:
        """Whether anything was logged or awarded in a period."""
        first, last = to_ms(start), to_ms(end)
        return bool(
            self._rows(
                "SELECT 1 FROM log WHERE t0 BETWEEN ? - (SELECT widest_ms FROM about) AND ? "
                "AND t1 >= ? LIMIT 1",
                first,
                last,
                first,
            )
            or self._rows("SELECT 1 FROM award WHERE time_ms BETWEEN ? AND ? LIMIT 1", first, last)
        )

    def _award_rows(self, rule: str, *arguments: Any) -> list[AwardRow]:
        rows = self._rows(f"{award_rows.SELECT} WHERE {rule}", *arguments)
        try:
            return [award_rows.unpack(row, self.text) for row in rows]
        except (KeyError, ValueError) as error:
            raise StoreError(
                msg("{path}: an award is damaged: {error}", path=self._path, error=error)
            ) from error

    def alarms(self, start: datetime, end: datetime) -> list[AlarmRow]:
        """Alarm events, by time."""
        rows = self._rows(
            "SELECT key, severity, text, made_of, kind, time_ms FROM alarm "
            "WHERE time_ms BETWEEN ? AND ? ORDER BY time_ms, id",
            to_ms(start),
            to_ms(end),
        )
        return [
            AlarmRow(key, Severity(severity), remade(text, made), kind, from_ms(ms))
            for key, severity, text, made, kind, ms in rows
        ]

    def meters(self) -> list[Meter]:
        """Every meter, each with the resolution that `readings` counts in."""
        points = self._rows("SELECT DISTINCT point FROM meter ORDER BY point")
        return [meter for (point,) in points if (meter := self.meter(point)) is not None]

    def meter(self, point: PointId) -> Meter | None:
        """The meter with the resolution that `readings` counts in.

        That is the declared resolution, or, if it was ever changed, the greatest one in which
        both the old and the new counts are whole.
        """
        rows = self._rows("SELECT base, resolution FROM meter WHERE point = ? ORDER BY id", point)
        if not rows:
            return None
        return Meter(point, rows[-1][0], _common([Decimal(text) for _, text in rows]))

    def readings(
        self, point: PointId, start: datetime, end: datetime, *, around: bool = True
    ) -> list[Reading]:
        """Register readings of one meter by time, in counts of `meter(point).resolution`.

        `around` adds the last reading before `start` and the first after `end`, which close the
        intervals at the borders.
        """
        meters = self._rows("SELECT id, resolution FROM meter WHERE point = ? ORDER BY id", point)
        first, last = to_ms(start), to_ms(end)
        common = _common([Decimal(text) for _, text in meters]) if meters else Decimal(1)
        found: dict[int, int] = {}
        before: list[tuple[int, int]] = []
        after: list[tuple[int, int]] = []
        for number, text in meters:
            factor = int(Fraction(Decimal(text)) / Fraction(common))
            query = f"SELECT time_ms, counts * {factor} FROM reading WHERE meter = ? AND time_ms "
            for ms, counts in self._rows(f"{query} BETWEEN ? AND ?", number, first, last):
                found.setdefault(ms, counts)
            if around:
                before += self._rows(f"{query} < ? ORDER BY time_ms DESC LIMIT 1", number, first)
                after += self._rows(f"{query} > ? ORDER BY time_ms LIMIT 1", number, last)
        if before:
            found.update([max(before)])
        if after:
            found.update([min(after)])
        return [Reading(point, from_ms(ms), found[ms]) for ms in sorted(found)]

    def counts(self, point: PointId, first_ms: int, last_ms: int) -> list[tuple[int, int]]:
        """Instants (ms) and counts of one meter's readings, as `readings` without the objects."""
        meters = self._rows("SELECT id, resolution FROM meter WHERE point = ? ORDER BY id", point)
        query = "SELECT time_ms, counts FROM reading WHERE meter = ? AND time_ms BETWEEN ? AND ?"
        if len(meters) == 1:
            return self._rows(f"{query} ORDER BY time_ms", meters[0][0], first_ms, last_ms)
        found: dict[int, int] = {}
        common = _common([Decimal(text) for _, text in meters]) if meters else Decimal(1)
        for number, text in meters:
            factor = int(Fraction(Decimal(text)) / Fraction(common))
            for ms, counts in self._rows(query, number, first_ms, last_ms):
                found.setdefault(ms, counts * factor)
        return sorted(found.items())

    def next_reading(self, point: PointId, after_ms: int) -> int | None:
        """The instant (ms) of the first reading of a meter after another instant."""
        found = self._rows(
            "SELECT min((SELECT min(time_ms) FROM reading WHERE meter = meter.id AND time_ms > ?)) "
            "FROM meter WHERE point = ?",
            after_ms,
            point,
        )[0][0]
        return None if found is None else int(found)

    def late_readings(self, after: int) -> list[tuple[int, PointId, int]]:
        """Readings that were recorded when later ones of their meter already were: a number that
        rises, the point, and the instant (ms)."""
        return self._rows(
            "SELECT late.seq, meter.point, late.time_ms FROM late JOIN meter "
            "ON meter.id = late.meter WHERE late.seq > ? ORDER BY late.seq",
            after,
        )

    def last_late(self) -> int:
        """The number of the last late reading, 0 before the first."""
        return int(self._rows("SELECT coalesce(max(seq), 0) FROM late")[0][0])

    def last_reading(self, point: PointId) -> Reading | None:
        """The newest reading of a meter, in counts of `meter(point).resolution`."""
        rows = self._rows(
            "SELECT max(time_ms) FROM reading JOIN meter ON meter.id = reading.meter "
            "WHERE point = ?",
            point,
        )
        if rows[0][0] is None:
            return None
        time = from_ms(rows[0][0])
        return self.readings(point, time, time, around=False)[0]

    def span(self) -> tuple[datetime | None, datetime | None]:
        """When recording began and the newest sample or reading; None, None before the first."""
        times = [
            *self._rows("SELECT min(t0) FROM log")[0],
            *self._rows(
                "SELECT max(t1) FROM log WHERE t0 >= (SELECT max(t0) FROM log) - "
                "(SELECT widest_ms FROM about)"
            )[0],
            *self._rows("SELECT min(begun_ms), max(seen_ms) FROM session")[0],
        ]
        for (meter,) in self._rows("SELECT id FROM meter"):
            times += self._rows("SELECT min(time_ms) FROM reading WHERE meter = ?", meter)[0]
            times += self._rows("SELECT max(time_ms) FROM reading WHERE meter = ?", meter)[0]
        known = [ms for ms in times if ms is not None]
        return (from_ms(min(known)), from_ms(max(known))) if known else (None, None)

    def log_after(self, seq: int, limit: int) -> list[LogRow]:
        """The next log rows after `seq`, in order, at most `limit`, for a sink."""
        rows = self._rows(
            "SELECT seq, t0, blob FROM log WHERE seq > ? ORDER BY seq LIMIT ?", seq, limit
        )
        # After the rows: a series that is new in them was committed with them, not before.
        names = dict(self._rows("SELECT id, point FROM series"))
        result = []
        for number, t0, blob in rows:
            try:
                columns = decode(blob)
                row = LogRow(
                    number,
                    [names[series] for series in columns.series],
                    [t0 + after for after in columns.after_ms],
                    [columns.value(i, self.text) for i in range(len(columns.status))],
                    [columns.quality(i) for i in range(len(columns.status))],
                )
            except (DamagedBlob, KeyError) as error:
                row = LogRow(number, damage=damaged_row(number, error))
            result.append(row)
        return result

    def log_extent(self) -> tuple[int, int, int]:
        """First and last row of the log, and how many there are; zeros if it is empty."""
        first, last, count = self._rows("SELECT min(seq), max(seq), count(*) FROM log")[0]
        return first or 0, last or 0, count

    def last_seq(self) -> int:
        """The newest log sequence number, 0 before the first."""
        rows = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'log'")
        return int(rows[0][0]) if rows else 0

    def uid(self) -> str:
        """The identity of this database: a sink's cursor into another one means nothing here."""
        return str(self._rows("SELECT uid FROM about")[0][0])


def _common(resolutions: Sequence[Decimal]) -> Decimal:
    """The greatest resolution of which all given ones are whole multiples."""
    ratios = [resolution.as_integer_ratio() for resolution in resolutions]
    denominator = lcm(*(d for _, d in ratios))
    return Decimal(gcd(*(n * (denominator // d) for n, d in ratios))) / Decimal(denominator)


@contextmanager
def opened(directory: Path) -> Iterator[Queries | None]:
    """The history of a directory, to be read; None if there is none or it cannot be opened."""
    try:
        history = Queries(directory, read_only=True)
    except StoreError:
        yield None
        return
    with history:
        yield history
