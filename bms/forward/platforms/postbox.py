"""What is reported to platforms: every message with its body, until it is acknowledged and for
six months.

`uploads.db` lies apart from the history and the ledger: a platform that is slow holds up neither.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bms.config.shapes.upload_keys import Kind
from bms.core.instants import DAY_MS, to_ms
from bms.forward.platforms.periods import Period
from bms.forward.platforms.standing import Counted
from bms.forward.platforms.wording import Draft, Sent
from bms.storage.sqlite import Closing, Layout, open_database, store_errors, transaction
from bms.texts.messages import made_of, msg, remade

FILE_NAME: Final = "uploads.db"
KEPT_MS: Final = 184 * DAY_MS
"""No six months are longer."""
PRESENT_MS: Final = 3_600_000
"""Messages of periods that ended so recently need not wait for a long backlog."""
FIRST_WAIT_MS: Final = 60_000
LONGEST_WAIT_MS: Final = 6 * 3_600_000
LAYOUT: Final = Layout(
    msg("uploads"),
    0x424D5355,  # "BMSU"
    1,
    """
CREATE TABLE course (platform TEXT PRIMARY KEY, begun_ms INTEGER NOT NULL, ledger TEXT NOT NULL,
    seq INTEGER NOT NULL, upto TEXT NOT NULL, dropped INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, platform TEXT NOT NULL,
    kind TEXT NOT NULL, start_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
    revision INTEGER NOT NULL, message_id TEXT NOT NULL, made_ms INTEGER NOT NULL,
    body BLOB NOT NULL, sent BLOB NOT NULL, readings INTEGER NOT NULL, valued INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, next_ms INTEGER NOT NULL DEFAULT 0, acknowledged_ms INTEGER,
    said TEXT NOT NULL DEFAULT '', made_of TEXT,
    UNIQUE (platform, kind, start_ms, revision));
CREATE INDEX waiting ON message (platform, id) WHERE acknowledged_ms IS NULL;
CREATE INDEX age ON message (end_ms)
""",
)
_COLUMNS: Final = (
    "id, platform, kind, start_ms, end_ms, revision, message_id, made_ms, body, tries, "
    "acknowledged_ms, said, made_of"
)


@dataclass(frozen=True, slots=True)
class Course:
    """How far the messages of one platform are made."""

    begun_ms: int
    ledger: str
    """The ledger that `seq` counts in."""
    seq: int
    """Up to which of its rows corrections were looked for."""
    upto: Mapping[Kind, int]
    """By kind: every period that ended by then has its message."""
    dropped: int = 0
    """Messages that were never acknowledged and are older than six months by now."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One message as it is kept."""

    number: int
    platform: str
    period: Period
    revision: int
    message_id: str
    made_ms: int
    body: bytes
    tries: int
    acknowledged_ms: int | None
    said: str
    """What the last answer was, or why there was none."""


class Postbox(Closing):
    """The messages of one state directory. A context manager; one thread at a time."""

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        """Raises StoreError."""
        self._path = directory / FILE_NAME
        self._db = open_database(self._path, LAYOUT, read_only=read_only)

    def close(self) -> None:
        self._db.close()

    def _rows(self, sql: str, *arguments: Any) -> list[Any]:
        with store_errors(self._path):
            return self._db.execute(sql, arguments).fetchall()

    # --- making ------------------------------------------------------------------------------

    def course(self, platform: str) -> Course | None:
        """How far it is; None before `begin`."""
        rows = self._rows(
            "SELECT begun_ms, ledger, seq, upto, dropped FROM course WHERE platform = ?", platform
        )
        if not rows:
            return None
        begun_ms, ledger, seq, upto, dropped = rows[0]
        told = {Kind(kind): int(ms) for kind, ms in json.loads(upto).items()}
        return Course(begun_ms, ledger, seq, told, dropped)

    def keep(self, platform: str, course: Course, drafts: Sequence[Draft], now: datetime) -> None:
        """Keep messages and how far they are made, in one durable transaction."""
        upto = json.dumps({kind.value: ms for kind, ms in course.upto.items()})
        with transaction(self._db, self._path):
            self._db.execute(
                "INSERT INTO course (platform, begun_ms, ledger, seq, upto) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET begun_ms = excluded.begun_ms, seq = excluded.seq, "
                "ledger = excluded.ledger, upto = excluded.upto",
                (platform, course.begun_ms, course.ledger, course.seq, upto),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO message (platform, kind, start_ms, end_ms, revision, "
                "message_id, made_ms, body, sent, readings, valued) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        platform,
                        *(d.period.kind.value, d.period.start_ms, d.period.end_ms, d.revision),
                        *(d.message_id, to_ms(now), zlib.compress(d.body), _packed(d.sent)),
                        *(len(d.sent), d.valued),
                    )
                    for d in drafts
                ],
            )

    def last_sent(self, platform: str, period: Period) -> tuple[int, Sent] | None:
        """The last revision of a period, and its figures; None if it has no message."""
        rows = self._rows(
            "SELECT revision, sent FROM message WHERE platform = ? AND kind = ? AND start_ms = ? "
            "ORDER BY revision DESC LIMIT 1",
            *(platform, period.kind.value, period.start_ms),
        )
        return (int(rows[0][0]), _unpacked(rows[0][1])) if rows else None

    # --- sending -----------------------------------------------------------------------------

    def following(self, platform: str, now_ms: int, *, present: bool = False) -> Kept | None:
        """The oldest message to be sent now; with `present` of those that ended lately."""
        # What waits far beyond the longest wait was put off by a clock that has been set since.
        rows = self._rows(
            f"SELECT {_COLUMNS} FROM message WHERE platform = ? AND acknowledged_ms IS NULL "
            "AND (next_ms <= ? OR next_ms > ?) AND end_ms >= ? ORDER BY id LIMIT 1",
            *(platform, now_ms, now_ms + LONGEST_WAIT_MS, now_ms - PRESENT_MS if present else 0),
        )
        return _kept(*rows[0]) if rows else None

    def acknowledge(self, number: int, now_ms: int) -> None:
        """Note that the platform has a message."""
        with transaction(self._db, self._path):
            self._db.execute(
                "UPDATE message SET acknowledged_ms = ?, tries = tries + 1, said = '', "
                "made_of = NULL WHERE id = ?",
                (now_ms, number),
            )

    def refuse(self, kept: Kept, why: str, now_ms: int) -> None:
        """Note that a message was looked at and not taken: others go first."""
        wait_ms = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(kept.tries, 16))
        with transaction(self._db, self._path):
            self._db.execute(
                "UPDATE message SET tries = tries + 1, next_ms = ?, said = ?, made_of = ? "
                "WHERE id = ?",
                (now_ms + wait_ms, why, made_of(why), kept.number),
            )

    def drop(self, now_ms: int) -> None:
        """Forget what is older than six months; what was never acknowledged is counted."""
        before = (now_ms - KEPT_MS,)
        if not self._rows("SELECT 1 FROM message WHERE end_ms < ? LIMIT 1", *before):
            return
        with transaction(self._db, self._path):
            self._db.execute(
                "UPDATE course SET dropped = dropped + (SELECT count(*) FROM message WHERE "
                "message.platform = course.platform AND end_ms < ? AND acknowledged_ms IS NULL)",
                before,
            )
            self._db.execute("DELETE FROM message WHERE end_ms < ?", before)

    # --- looking -----------------------------------------------------------------------------

    def counted(self, platform: str) -> Counted:
        """What waits, and what was last acknowledged."""
        ((waiting, oldest_ms, refused),) = self._rows(
            "SELECT count(*), min(made_ms), coalesce(sum(tries >= 3), 0) FROM message "
            "WHERE platform = ? AND acknowledged_ms IS NULL",
            platform,
        )
        ((last_ms,),) = self._rows(
            "SELECT max(acknowledged_ms) FROM message WHERE platform = ?", platform
        )
        said = self._rows(
            "SELECT said, made_of FROM message WHERE platform = ? AND acknowledged_ms IS NULL "
            "AND said != '' ORDER BY id DESC LIMIT 1",
            platform,
        )
        text = remade(*said[0]) if said else ""
        return Counted(waiting, oldest_ms, refused, last_ms, text)

    def quarters(self, platform: str, first_ms: int, last_ms: int) -> tuple[int, int, int]:
        """Of quarter hours between two instants: how many have a message, how many readings these
        have, and how many readings with a value are acknowledged."""
        ((made, readings),) = self._rows(
            "SELECT count(*), coalesce(sum(r), 0) FROM (SELECT max(readings) AS r FROM message "
            "WHERE platform = ? AND kind = 'quarter' AND start_ms >= ? AND start_ms < ? "
            "GROUP BY start_ms)",
            *(platform, first_ms, last_ms),
        )
        # With max() SQLite takes the other columns from the row that has it.
        ((valued,),) = self._rows(
            "SELECT coalesce(sum(v), 0) FROM (SELECT valued AS v, max(revision) FROM message "
            "WHERE platform = ? AND kind = 'quarter' AND start_ms >= ? AND start_ms < ? "
            "AND acknowledged_ms IS NOT NULL GROUP BY start_ms)",
            *(platform, first_ms, last_ms),
        )
        return int(made), int(readings), int(valued)

    def acknowledged(self, platform: str, kind: Kind, first_ms: int, last_ms: int) -> list[Sent]:
        """The figures that a platform has of each period, by time."""
        rows = self._rows(
            "SELECT sent, max(revision) FROM message WHERE platform = ? AND kind = ? "
            "AND start_ms >= ? AND start_ms < ? AND acknowledged_ms IS NOT NULL "
            "GROUP BY start_ms ORDER BY start_ms",
            *(platform, kind.value, first_ms, last_ms),
        )
        return [_unpacked(sent) for sent, _ in rows]

    def messages(
        self, platform: str | None, first_ms: int, last_ms: int, *, waiting: bool = False
    ) -> Iterator[Kept]:
        """Messages of periods that start between two instants, in the order they were made."""
        at = 0
        while rows := self._rows(
            f"SELECT {_COLUMNS} FROM message WHERE id > ?1 AND (?2 IS NULL OR platform = ?2) "
            "AND start_ms >= ?3 AND start_ms < ?4 AND (NOT ?5 OR acknowledged_ms IS NULL) "
            "ORDER BY id LIMIT 500",
            *(at, platform, first_ms, last_ms, waiting),
        ):
            for row in rows:
                yield _kept(*row)
            at = rows[-1][0]


def _kept(*row: Any) -> Kept:
    number, platform, kind, start_ms, end_ms, revision, message_id, made_ms, body, *rest = row
    tries, acknowledged_ms, said, made = rest
    period = Period(Kind(kind), start_ms, end_ms)
    return Kept(
        number, platform, period, revision, message_id, made_ms, zlib.decompress(body),
        tries, acknowledged_ms, remade(said, made),
    )  # fmt: skip


def _packed(sent: Sent) -> bytes:
    return zlib.compress(json.dumps(sent, separators=(",", ":")).encode())


def _unpacked(blob: bytes) -> Sent:
    return {meter: (amount, quality) for meter, (amount, quality) in
            json.loads(zlib.decompress(blob)).items()}  # fmt: skip
