"""The writing side of the ledger's database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from bms.core.instants import DAY_MS, to_ms
from bms.core.readings import RANK
from bms.energy.quarters import Anchor, Stretch
from bms.energy.register import Past
from bms.ledger.database.daily import DailyQueries
from bms.ledger.database.layout import FILE_NAME as FILE_NAME
from bms.ledger.database.layout import Tip as Tip
from bms.ledger.database.packing import Raw, pack, pack_day
from bms.ledger.entered.entries import EntryKind
from bms.storage.outbox import TABLE, Outbox
from bms.storage.sqlite import store_errors, transaction
from bms.texts.messages import made_of

ROWS_A_BLOB: Final = 4096
MOST_AT: Final = Past._fields.index("most")
"""In what is kept of a register's past, the number that is in its counts."""


class Ledger(DailyQueries):
    """The ledger of one state directory: `LedgerQueries` and the writing side.

    Several processes may have it open; `transaction` lets one write.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        super().__init__(directory, read_only=read_only)
        self._outbox = Outbox(self._db, self._path, "ledger")
        self._noted = False

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it is on disk when the block ends, or none of it; others write before or after."""
        noted = self._noted
        try:
            with transaction(self._db, self._path):
                yield
        except BaseException:
            # Ids given out in the transaction went with it.
            self._ids.clear()
            self._scales.clear()
            self._scale_ids.clear()
            self._noted = noted
            raise
        if self._noted:
            self.deliver()

    def note(
        self, now: datetime, who: str, via: str, what: str, why: str, details: Mapping[str, Any]
    ) -> None:
        """Add an entry of the audit: it is there if what the transaction enters is. In one."""
        self._rows(TABLE)
        self._outbox.note(now, who, via, what, why, details)
        self._noted = True

    def deliver(self) -> None:
        """Bring entries into the audit that a transaction noted. What cannot be written there
        waits in the ledger; raises StoreError, as it does if the ledger cannot be read."""
        if not self._rows("SELECT 1 FROM sqlite_schema WHERE name = 'unaudited'"):
            return
        self._outbox.deliver()
        if self._outbox.trouble is not None:
            raise self._outbox.trouble
        self._noted = False

    def _many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        with store_errors(self._path):
            self._db.executemany(sql, rows)

    def number(self, key: str) -> int:
        """The number of a meter, given out if it is new. In a transaction."""
        number = self.known(key)
        if number is None:
            self._rows("INSERT INTO meter (key) VALUES (?)", key)
            number = self.known(key)
            assert number is not None
        return number

    def scale_id(self, scale: Fraction) -> int:
        """The number of a scale, given out if it is new. In a transaction."""
        number = self._scale_ids.get(scale)
        if number is None:
            self._rows("INSERT INTO scale (value) VALUES (?) ON CONFLICT DO NOTHING", str(scale))
            number = int(self._rows("SELECT id FROM scale WHERE value = ?", str(scale))[0][0])
            self._scale_ids[scale] = number
            self._scales[number] = scale
        return number

    def append(self, rows: Sequence[tuple[int, int, int, int, int, int, int]]) -> None:
        """Publish rows: meter, start ms, counts, scale id, label rank, rev, ordinal of the local
        date. In a transaction."""
        first = self.last_energy() + 1
        for at in range(0, len(rows), ROWS_A_BLOB):
            part = rows[at : at + ROWS_A_BLOB]
            blob = pack(list(zip(*part, strict=True)))
            self._rows(
                "INSERT INTO log (last, first, blob) VALUES (?, ?, ?)",
                first + at + len(part) - 1,
                first + at,
                blob,
            )

    def put_slots(self, number: int, slots: Mapping[int, Raw], open_from_ms: int) -> None:
        """Replace the slots of the same time. In a transaction."""
        days: dict[int, dict[int, Raw]] = {}
        rows = []
        for ms, raw in slots.items():
            if ms >= open_from_ms:
                rows.append((ms, number, *raw))
            else:
                days.setdefault(ms - ms % DAY_MS, {})[ms] = raw
        self._many("INSERT OR REPLACE INTO slot VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        for day_ms, changed in days.items():
            # An open slot hides a packed one of the same time, so no older one may stay open.
            still_open = self._open_slots(number, day_ms, day_ms + DAY_MS)
            if still_open:
                self._many(
                    "DELETE FROM slot WHERE ms = ? AND meter = ?",
                    [(ms, number) for ms in still_open],
                )
            self._put_day(number, day_ms, {**still_open, **changed})

    def _put_day(self, number: int, day_ms: int, changed: Mapping[int, Raw]) -> None:
        whole = dict(changed)
        for (blob,) in self._rows(
            "SELECT blob FROM day WHERE meter = ? AND ms = ?", number, day_ms
        ):
            whole = {**dict(self._day(number, day_ms, blob)), **whole}
        blob = pack_day(day_ms, whole.items())
        self._rows("INSERT OR REPLACE INTO day VALUES (?, ?, ?)", number, day_ms, blob)

    def close_days(self, before_ms: int) -> None:
        """Pack the slots of days that are over into blobs. In a transaction."""
        days: dict[tuple[int, int], dict[int, Raw]] = {}
        for ms, number, *raw in self._rows("SELECT * FROM slot WHERE ms < ?", before_ms):
            days.setdefault((number, ms - ms % DAY_MS), {})[ms] = tuple(raw)
        for (number, day_ms), slots in days.items():
            self._put_day(number, day_ms, slots)
        if days:
            self._rows("DELETE FROM slot WHERE ms < ?", before_ms)

    def add_months(self, number: int, sums: Mapping[tuple[int, int, int], tuple[int, int]]) -> None:
        """Add counts and covered ms by month, label rank and scale id. In a transaction."""
        self._many(
            "INSERT INTO month VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "counts = counts + excluded.counts, covered_ms = covered_ms + excluded.covered_ms",
            [
                (month, number, label, scale, *sums[month, label, scale])
                for month, label, scale in sums
            ],
        )

    def drop_months(self, number: int) -> None:
        """Forget the sums of a meter: its base's zone has changed. In a transaction."""
        self._rows("DELETE FROM month WHERE meter = ?", number)

    def put_beneath(
        self, number: int, first_ms: int, last_ms: int, slots: Mapping[int, Raw]
    ) -> None:
        """Replace all of a range. In a transaction."""
        self._rows(
            "DELETE FROM beneath WHERE meter = ? AND ms >= ? AND ms < ?", number, first_ms, last_ms
        )
        self._many(
            "INSERT INTO beneath VALUES (?, ?, ?, ?, ?, ?)",
            [(number, ms, *raw[:4]) for ms, raw in slots.items()],
        )

    def put_tip(self, number: int, tip: Tip) -> None:
        self._rows(
            "INSERT OR REPLACE INTO tip (meter, ms, shown, counts, label, covered_ms, past, "
            "resolution, trouble_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            number,
            *_flat(tip.anchor),
            str(tip.resolution),
            tip.trouble_ms,
        )

    def refine(self, number: int, factor: int) -> None:
        """The register's counts are from now on in a resolution `factor` times as fine."""
        for table in ("tip", "anchor"):
            self._rows(
                f"UPDATE {table} SET shown = shown * ?, counts = counts * ?, "
                f"past = json_set(past, '$[{MOST_AT}]', json_extract(past, '$[{MOST_AT}]') * ?) "
                "WHERE meter = ?",
                factor,
                factor,
                factor,
                number,
            )

    def put_anchors(
        self, number: int, after_ms: int, before_ms: int, anchors: Sequence[Anchor]
    ) -> None:
        """Replace the anchors between two instants."""
        self._rows(
            "DELETE FROM anchor WHERE meter = ? AND ms > ? AND ms < ?", number, after_ms, before_ms
        )
        self._many(
            "INSERT OR REPLACE INTO anchor (meter, ms, shown, counts, label, covered_ms, past) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(number, *_flat(anchor)) for anchor in anchors],
        )

    def put_stretches(
        self, number: int, after_ms: int, before_ms: int, found: Sequence[Stretch]
    ) -> None:
        """Replace the stretches that lie between two instants. Of missing ones that lie across
        one of them, the part beyond stays."""
        self._rows(
            "INSERT OR REPLACE INTO stretch SELECT meter, ?, end_ms, event, label, amount, reason, "
            "made_of FROM stretch WHERE meter = ? AND start_ms < ? AND end_ms > ? "
            "AND amount IS NULL",
            before_ms,
            number,
            before_ms,
            before_ms,
        )
        self._rows(
            "UPDATE stretch SET end_ms = ? WHERE meter = ? AND start_ms < ? AND end_ms > ? "
            "AND amount IS NULL",
            after_ms,
            number,
            after_ms,
            after_ms,
        )
        self._rows(
            "DELETE FROM stretch WHERE meter = ? AND start_ms >= ? AND start_ms < ? "
            "AND (end_ms <= ? OR amount IS NULL)",
            number,
            after_ms,
            before_ms,
            before_ms,
        )
        self._many(
            "INSERT OR REPLACE INTO stretch VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    number,
                    s.start_ms,
                    s.end_ms,
                    s.event.value,
                    RANK[s.label],
                    None if s.amount is None else str(s.amount),
                    s.reason,
                    made_of(s.reason),
                )
                for s in found
            ],
        )

    def put_cursors(self, late: int, entry: int) -> None:
        self._rows("UPDATE about SET late = ?, entry = ?", late, entry)

    def put_settings(self, number: int, settings: str) -> None:
        self._rows("UPDATE meter SET settings = ? WHERE id = ?", settings, number)

    def enter(
        self,
        meter: str,
        kind: EntryKind,
        start: datetime,
        end: datetime,
        data: Mapping[str, Any],
        *,
        who: str,
        why: str,
        now: datetime,
    ) -> int:
        """Add what a person says; returns its number. In a transaction."""
        self._rows(
            "INSERT INTO entry (meter, kind, start_ms, end_ms, data, who, why, made_of, "
            "recorded_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            meter,
            kind.value,
            to_ms(start),
            to_ms(end),
            json.dumps(data),
            who,
            why,
            made_of(why),
            to_ms(now),
        )
        return int(self._rows("SELECT last_insert_rowid()")[0][0])


def _flat(anchor: Anchor) -> tuple[int, int, int, int, int, str | None]:
    counts, label, covered_ms = anchor.opened
    past = None if anchor.past is None else f"[{','.join(map(str, map(int, anchor.past)))}]"
    return anchor.ms, anchor.shown, counts, RANK[label], covered_ms, past
