"""The embedded history: one SQLite file, one durable transaction per commit.

Samples go into a log, one compressed blob per commit (a row per sample would write tens of
megabytes a second to the disk). Meter readings, awards and alarms are rows of their own and are
kept for good. One process writes; others read meanwhile (`read_only=True`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

from bms.database import transaction
from bms.energy.ledger import Reading
from bms.equipment import PointClass
from bms.historian import award_rows
from bms.historian.blob import encode
from bms.historian.queries import TEXT_CACHE, Queries
from bms.historian.records import Batch, Meter, to_ms
from bms.historian.sinks import least_taken
from drivers.points import PointId, Quality, Sample

__all__ = ["Batch", "History"]

ROW_SAMPLES = 8192
"""Most samples in one log row, so that one row is always quick to decode and to send."""


_LATE = (
    "CREATE TABLE IF NOT EXISTS late (seq INTEGER PRIMARY KEY AUTOINCREMENT, "
    "meter INTEGER NOT NULL, time_ms INTEGER NOT NULL)"
)


class History(Queries):
    """The history of one site directory: `Queries` and the writing side."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        super().__init__(directory, read_only=read_only)
        self._texts: dict[str, int] = {}
        self._meters: dict[PointId, tuple[int, int, int]] = {}
        """Row id and resolution (numerator, denominator) of the meters that readings go to."""
        self._widest_ms = 0
        self._newest_ms: dict[int, int] = {}
        """By meter row: the newest reading."""
        if not read_only:
            with transaction(self._connection, self._path):
                self._connection.execute(_LATE)  # files of earlier versions lack it

    def append(self, batch: Batch) -> int:
        """Store a batch in one durable transaction; returns the newest log sequence number.

        All of it or, on StoreError, nothing. A reading already known for its instant is kept as
        it is: a reading once recorded never changes. Readings are also logged as samples of
        their counter. Raises ValueError for a reading of a meter that was never declared.
        """
        try:
            with transaction(self._connection, self._path):
                return self._store(batch)
        except BaseException:
            # Ids given out in the transaction went with it.
            self._series.clear()
            self._texts.clear()
            self._text_by_id.clear()
            self._meters.clear()
            self._widest_ms = 0
            self._newest_ms.clear()
            raise

    def _store(self, batch: Batch) -> int:
        execute = self._connection.execute
        for series in batch.series:
            execute(
                "INSERT INTO series (point, unit, class) VALUES (?, ?, ?) ON CONFLICT (point) "
                "DO UPDATE SET unit = excluded.unit, class = excluded.class "
                "WHERE unit != excluded.unit OR class != excluded.class",
                (series.point, series.unit, series.klass.value),
            )
        for meter in batch.meters:
            self._declare(meter)
        samples: Sequence[Sample] = batch.samples
        if batch.readings:
            samples = [*samples, *self._add_readings(batch.readings)]
        if samples:
            self._log(samples)
        if batch.awards:
            self._connection.executemany(
                award_rows.INSERT,
                [
                    award_rows.pack(row, self._series_id(row.point), self._text_id)
                    for row in batch.awards
                ],
            )
        if batch.alarms:
            self._connection.executemany(
                "INSERT INTO alarm (time_ms, key, severity, kind, text) VALUES (?, ?, ?, ?, ?)",
                [(to_ms(a.time), a.key, int(a.severity), a.kind, a.text) for a in batch.alarms],
            )
        return self.last_seq()

    def _log(self, samples: Sequence[Sample]) -> None:
        known = self._series
        for sample in samples:
            if sample.point not in known:
                self._series_id(sample.point, sample)
        for first in range(0, len(samples), ROW_SAMPLES):
            part = samples[first : first + ROW_SAMPLES]
            t0, t1, blob = encode(part, known, self._text_id)
            self._connection.execute(
                "INSERT INTO log (t0, t1, n, blob) VALUES (?, ?, ?, ?)", (t0, t1, len(part), blob)
            )
            if t1 - t0 > self._widest_ms:
                self._connection.execute(
                    "UPDATE about SET widest_ms = ? WHERE widest_ms < ?", (t1 - t0, t1 - t0)
                )
                self._widest_ms = t1 - t0

    def _add_readings(self, readings: Sequence[Reading]) -> list[Sample]:
        rows = []
        samples = []
        for reading in readings:
            point, time, counts = reading
            found = self._meters.get(point) or self._stored_meter(point)
            if found is None:
                raise ValueError(f"{point}: a reading of a meter that was never declared")
            number, numerator, denominator = found
            rows.append((number, to_ms(time), counts))
            # Dividing whole numbers gives the float nearest to the exact kWh.
            kwh = counts * numerator / denominator
            samples.append(Sample(point, kwh, Quality.GOOD, time))
        rows.sort()
        late = [(number, ms) for number, ms, _ in rows if not self._is_newest(number, ms)]
        self._connection.executemany("INSERT INTO late (meter, time_ms) VALUES (?, ?)", late)
        self._connection.executemany(
            "INSERT INTO reading (meter, time_ms, counts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )
        return samples

    def _is_newest(self, meter: int, ms: int) -> bool:
        """Whether a reading is after all others of its meter, and then the newest from now on."""
        newest = self._newest_ms.get(meter)
        if newest is None:
            rows = self._rows("SELECT max(time_ms) FROM reading WHERE meter = ?", meter)
            newest = ms - 1 if rows[0][0] is None else int(rows[0][0])
        self._newest_ms[meter] = max(newest, ms)
        return ms > newest

    def _declare(self, meter: Meter) -> None:
        if meter.resolution <= 0:
            raise ValueError(f"{meter.point}: a meter's resolution is positive")
        resolution = str(meter.resolution.normalize())
        key = (meter.point, resolution)
        self._connection.execute(
            "INSERT INTO meter (point, base, resolution) VALUES (?, ?, ?) "
            "ON CONFLICT (point, resolution) DO UPDATE SET base = excluded.base "
            "WHERE base != excluded.base",
            (meter.point, meter.base, resolution),
        )
        self._connection.execute(
            "INSERT INTO series (point, unit, class) VALUES (?, 'kWh', 'counter') "
            "ON CONFLICT (point) DO NOTHING",
            (meter.point,),
        )
        row = self._connection.execute(
            "SELECT id FROM meter WHERE point = ? AND resolution = ?", key
        ).fetchone()
        self._meters[meter.point] = (row[0], *meter.resolution.as_integer_ratio())

    def _stored_meter(self, point: PointId) -> tuple[int, int, int] | None:
        """The meter as last declared, for readings of a process that did not declare it."""
        rows = self._rows("SELECT id, resolution FROM meter WHERE point = ? ORDER BY id", point)
        if not rows:
            return None
        found = (int(rows[-1][0]), *Decimal(rows[-1][1]).as_integer_ratio())
        self._meters[point] = found
        return found

    def _series_id(self, point: PointId, first: Sample | None = None) -> int:
        number = self._series.get(point)
        if number is None:
            state = first is not None and isinstance(first.value, bool | str)
            klass = PointClass.STATE if state else PointClass.ANALOG
            self._connection.execute(
                "INSERT INTO series (point, unit, class) VALUES (?, '', ?) ON CONFLICT DO NOTHING",
                (point, klass.value),
            )
            number = self._series[point] = self._known_series(point) or 0
        return number

    def _text_id(self, text: str) -> int:
        number = self._texts.get(text)
        if number is None:
            row = self._connection.execute("SELECT id FROM text WHERE text = ?", (text,)).fetchone()
            if row is None:
                cursor = self._connection.execute("INSERT INTO text (text) VALUES (?)", (text,))
                row = (cursor.lastrowid,)
            if len(self._texts) >= TEXT_CACHE:
                for old in list(islice(self._texts, TEXT_CACHE // 2)):
                    del self._texts[old]
            number = self._texts[text] = int(row[0])
        return number

    def prune(self, before: datetime, *, sinks: Collection[str] | None = None) -> int:
        """Delete log rows that end before `before`; returns how many.

        Rows that a sink has not taken stay. `sinks` names the configured sinks; None respects
        every sink that ever kept a cursor in this directory. Readings, awards and alarms stay.
        """
        taken = least_taken(self._directory, sinks, self.uid())
        rule, arguments = "t1 < ? AND t0 < ?", [to_ms(before)] * 2
        if taken is not None:
            rule, arguments = f"{rule} AND seq <= ?", [*arguments, taken]
        with transaction(self._connection, self._path):
            return self._connection.execute(f"DELETE FROM log WHERE {rule}", arguments).rowcount
