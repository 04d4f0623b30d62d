"""The embedded history: one SQLite file, one durable transaction per commit.

Samples go into a log, one compressed blob per commit (a row per sample would write tens of
megabytes a second to the disk). Meter readings, awards and alarms are separate rows and are
kept for good. One process writes; others read meanwhile (`read_only=True`).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from operator import itemgetter
from pathlib import Path

from bms.core.equipment import PointClass
from bms.core.errors import StoreError
from bms.core.readings import Reading
from bms.historian.files import roll_layout
from bms.historian.formats.blob import encode
from bms.historian.log import award_rows
from bms.historian.log.ahead import LOOK_BACK_MS, stamped_ahead
from bms.historian.log.log_queries import TEXT_CACHE, Queries
from bms.historian.records import Batch, Meter, to_ms
from bms.storage.sqlite import transaction
from bms.texts.messages import made_of, msg, same
from drivers.points import PointId, Quality, Sample

_TIME = itemgetter(3)

__all__ = ["Batch", "History"]

AHEAD_MS = 300_000
"""A sample this far ahead of the cycle that stored it is set aside: the clock was wrong."""
SEEN_MS = 10_000
"""How often it is noted that the recorder is alive: what a power cut may lose of a last value."""
BEFORE_FIRST_CYCLE_MS = 60_000
PRUNED_AT_ONCE = 1000
ROW_SAMPLES = 8192
"""Most samples in one log row, so that one row is always quick to decode and to send."""


class History(Queries):
    """The history of one site directory: `Queries` and the writing side."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        super().__init__(directory, read_only=read_only)
        self._texts: dict[str, tuple[str, int]] = {}
        """Of texts with the same words the one that came last, as it was, and its number."""
        self._meters: dict[PointId, tuple[int, int, int]] = {}
        """Row id and resolution (numerator, denominator) of the meters that readings go to."""
        self._widest_ms = 0
        self._session: int | None = None
        self._noted_ms = self._seen_ms = 0
        self._newest_ms: dict[int, int] = {}
        """By meter row: the newest reading."""
        if not read_only:
            # Readers need both files, and for a while nobody else writes the roll-ups.
            with suppress(StoreError):  # whoever needs a damaged file reports it
                roll_layout.bring_up_to_date(directory)

    def close(self) -> None:
        """Close; until when it was recorded is noted if the disk still takes it."""
        if self._session is not None and self._seen_ms > self._noted_ms:
            with suppress(StoreError), transaction(self._connection, self._path):
                self._see(self._seen_ms, force=True)
        super().close()

    def append(self, batch: Batch) -> int:
        """Store a batch in one durable transaction; returns the newest log sequence number.

        All of it or, on StoreError, nothing. A reading already known for its instant is kept as
        it is: a reading once recorded never changes, but those of a clock that was ahead go once
        it is set back. Readings are also logged as samples of their counter. Raises ValueError
        for a reading of a meter that was never declared.
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
            self._session = None
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
            samples = [*samples, *self._add_readings(batch.readings, batch.alive)]
        samples = self._without_future(samples, batch.alive)
        self._note_session(batch, samples)
        if samples:
            self._log(samples)
        for lost in batch.dropped:
            execute(
                "INSERT INTO dropped (time_ms, class, t0, t1, samples, bytes, reason, made_of) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    to_ms(lost.time),
                    lost.group,
                    to_ms(lost.start),
                    to_ms(lost.end),
                    lost.samples,
                    lost.bytes,
                    lost.reason,
                    made_of(lost.reason),
                ),
            )
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
                "INSERT INTO alarm (time_ms, key, severity, kind, text, made_of) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (to_ms(a.time), a.key, int(a.severity), a.kind, a.text, made_of(a.text))
                    for a in batch.alarms
                ],
            )
        return self.last_seq()

    def _without_future(
        self, samples: Sequence[Sample], alive: datetime | None
    ) -> Sequence[Sample]:
        """Samples without those that lie ahead of the clock: these are set aside, as a blob."""
        if alive is None or not samples:
            return samples
        limit = alive + timedelta(milliseconds=AHEAD_MS)
        if max(map(_TIME, samples)) <= limit:
            return samples
        ahead = [sample for sample in samples if sample.time > limit]
        for sample in ahead:
            self._series_id(sample.point, sample)
        t0, _, blob = encode(ahead, self._series, self._text_id)
        self._connection.execute(
            "INSERT INTO quarantine (time_ms, t0, n, blob) VALUES (?, ?, ?, ?)",
            (to_ms(alive), t0, len(ahead), blob),
        )
        return [sample for sample in samples if sample.time <= limit]

    # --- sessions ----------------------------------------------------------------------------

    def _note_session(self, batch: Batch, samples: Sequence[Sample]) -> None:
        """Note when recording began and until when it went on: values hold no longer than that."""
        alive = batch.alive
        if alive is None:
            if not samples:
                return
            alive = max(map(_TIME, samples))
        alive_ms = to_ms(alive)
        if batch.begun is not None or self._session is None:
            self._open_session(batch, samples, alive_ms)
        self._seen_ms = max(self._seen_ms, alive_ms)
        self._see(self._seen_ms)

    def _open_session(self, batch: Batch, samples: Sequence[Sample], alive_ms: int) -> None:
        rows = self._rows("SELECT id, seen_ms FROM session ORDER BY id DESC LIMIT 1")
        if rows:
            # A process that was killed saw at least what it stored.
            last = self._rows("SELECT t1 FROM log ORDER BY seq DESC LIMIT 1")
            seen = max(rows[0][1], last[0][0] if last else 0)
            if batch.begun is None:
                self._session, self._noted_ms, self._seen_ms = rows[0][0], rows[0][1], seen
                return
            self._connection.execute(
                "UPDATE session SET seen_ms = ? WHERE id = ?", (seen, rows[0][0])
            )
        begun_ms = alive_ms if batch.begun is None else to_ms(batch.begun)
        if samples:
            first = to_ms(min(map(_TIME, samples)))
            # Links were read shortly before the first cycle.
            least = first if batch.begun is None else begun_ms - BEFORE_FIRST_CYCLE_MS
            begun_ms = min(begun_ms, max(first, least))
        if rows and begun_ms <= alive_ms:
            begun_ms = min(max(begun_ms, seen + 1), alive_ms)
        cursor = self._connection.execute(
            "INSERT INTO session (begun_ms, seen_ms) VALUES (?, ?)", (begun_ms, alive_ms)
        )
        self._session = cursor.lastrowid
        self._noted_ms = self._seen_ms = alive_ms

    def _see(self, seen_ms: int, *, force: bool = False) -> None:
        if force or seen_ms - self._noted_ms >= SEEN_MS:
            self._connection.execute(
                "UPDATE session SET seen_ms = ? WHERE id = ?", (seen_ms, self._session)
            )
            self._noted_ms = seen_ms

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

    def _add_readings(self, readings: Sequence[Reading], alive: datetime | None) -> list[Sample]:
        rows = []
        samples = []
        for reading in readings:
            point, time, counts = reading
            found = self._meters.get(point) or self._stored_meter(point)
            if found is None:
                raise ValueError(
                    msg("{point}: a reading of a meter that was never declared", point=point)
                )
            number, numerator, denominator = found
            rows.append((number, to_ms(time), counts))
            # Dividing whole numbers gives the float nearest to the exact kWh.
            kwh = counts * numerator / denominator
            samples.append(Sample(point, kwh, Quality.GOOD, time))
        rows.sort()
        now_ms = rows[-1][1] if alive is None else to_ms(alive)
        late = []
        for number, ms, counts in rows:
            if not self._is_newest(number, ms):
                late += [(number, ms), *self._set_aside(number, (ms, counts), now_ms)]
        self._connection.executemany("INSERT INTO late (meter, time_ms) VALUES (?, ?)", late)
        self._connection.executemany(
            "INSERT INTO reading (meter, time_ms, counts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )
        return samples

    def _set_aside(
        self, meter: int, reading: tuple[int, int], now_ms: int
    ) -> list[tuple[int, int]]:
        """Take readings out that a clock stamped which was ahead; meter and instant of each."""
        query = "SELECT time_ms, counts FROM reading WHERE meter = ? AND time_ms BETWEEN ? AND ? "
        first = max(reading[0], now_ms) + AHEAD_MS
        after = self._rows(f"{query} ORDER BY time_ms", meter, first, 2**62)
        if not after:
            return []
        found = self._rows(
            "SELECT max(time_ms) FROM reading WHERE meter = ? AND time_ms < ?", meter, reading[0]
        )
        if found[0][0] is None:
            return []
        newest = int(found[0][0])
        before = self._rows(f"{query} ORDER BY time_ms", meter, newest - LOOK_BACK_MS, newest)
        ahead = stamped_ahead(before, reading, after)
        if ahead:
            self._connection.executemany(
                "DELETE FROM reading WHERE meter = ? AND time_ms = ?",
                [(meter, ms) for ms in ahead],
            )
            self._newest_ms[meter] = reading[0]
        return [(meter, ms) for ms in ahead]

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
            raise ValueError(msg("{point}: a meter's resolution is positive", point=meter.point))
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
        known = self._texts.get(text)
        if known is not None and same(known[0], text):
            return known[1]
        made = made_of(text)
        row = self._connection.execute(
            "SELECT id FROM text WHERE text = ? AND made_of IS ?", (text, made)
        ).fetchone()
        if row is None:
            cursor = self._connection.execute(
                "INSERT INTO text (text, made_of) VALUES (?, ?)", (text, made)
            )
            row = (cursor.lastrowid,)
        if len(self._texts) >= TEXT_CACHE:
            for old in list(islice(self._texts, TEXT_CACHE // 2)):
                del self._texts[old]
        number = int(row[0])
        self._texts[text] = text, number
        return number

    def prune(
        self,
        before: datetime,
        *,
        compacted: tuple[int, int],
        taken: int | None,
        limit: int = PRUNED_AT_ONCE,
    ) -> int:
        """Delete log rows that end before `before` and are compacted; returns how many.

        `compacted` is the row and the millisecond up to which they are in segments and roll-ups.
        Rows after `taken`, which some copy has not taken yet, stay; None: nobody copies.
        Readings, awards and alarms stay.
        At most `limit` rows go at once, so that a commit never waits long.
        """
        seq, horizon_ms = compacted
        if taken is not None:
            seq = min(seq, taken)
        end = min(to_ms(before), horizon_ms)
        with transaction(self._connection, self._path):
            return self._connection.execute(
                "DELETE FROM log WHERE seq IN "
                "(SELECT seq FROM log WHERE t0 < ? AND t1 < ? AND seq <= ? LIMIT ?)",
                (end, end, seq, limit),
            ).rowcount
