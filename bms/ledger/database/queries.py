"""What can be asked of the ledger's database."""

from __future__ import annotations

import json
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from bms.config.site import MeterSpec
from bms.core.errors import StoreError
from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.core.readings import LABELS, Label
from bms.energy.intervals import Energy, Event
from bms.energy.quarters import (
    QUARTER_MS,
    Anchor,
    Slot,
    Stretch,
    coverage,
    crosses,
    energy_of,
    floor_quarter,
)
from bms.energy.today import Day
from bms.historian.streams import EnergyRow
from bms.ledger.database.layout import FILE_NAME, LAYOUT, MonthSum, Tip, anchor_of
from bms.ledger.database.months import month_edges, month_of, whole_months
from bms.ledger.database.packing import DamagedBlob, Raw, unpack, unpack_day
from bms.ledger.entered.entries import Entry, EntryKind
from bms.ledger.entered.measured import stretches_at
from bms.storage.sqlite import Closing, open_database, store_errors
from bms.texts.messages import msg, remade


class LedgerQueries(Closing):
    """What can be asked of the ledger of one state directory. A context manager; one thread at a
    time. Every method raises StoreError if the file cannot be opened or read.
    """

    def __init__(self, directory: Path, *, read_only: bool = False) -> None:
        self._path = directory / FILE_NAME
        self._db = open_database(self._path, LAYOUT, read_only=read_only)
        self._ids: dict[str, int] = {}
        self._scales: dict[int, Fraction] = {}
        self._scale_ids: dict[Fraction, int] = {}

    def close(self) -> None:
        self._db.close()

    def _rows(self, sql: str, *arguments: Any) -> list[Any]:
        with store_errors(self._path):
            return self._db.execute(sql, arguments).fetchall()

    def uid(self) -> str:
        """The identity of this database: a sink's cursor into another one means nothing here."""
        return str(self._rows("SELECT uid FROM about")[0][0])

    def known(self, key: str) -> int | None:
        """The number of a meter; None if the ledger has never seen it."""
        number = self._ids.get(key)
        if number is None:
            rows = self._rows("SELECT id FROM meter WHERE key = ?", key)
            if rows:
                number = self._ids[key] = int(rows[0][0])
        return number

    def keys(self) -> dict[int, str]:
        """Every meter that the ledger has seen, by number."""
        return dict(self._rows("SELECT id, key FROM meter"))

    def scale_of(self, number: int) -> Fraction:
        scale = self._scales.get(number)
        if scale is None:
            for found, text in self._rows("SELECT id, value FROM scale"):
                self._scales[found] = Fraction(text)
            scale = self._scales.get(number)
            if scale is None:
                raise StoreError(
                    msg("{path}: scale {number} is missing", path=self._path, number=number)
                )
        return scale

    def last_energy(self) -> int:
        """The number of the newest row, 0 before the first."""
        return int(self._rows("SELECT coalesce(max(last), 0) FROM log")[0][0])

    def energy(self, after: int, limit: int) -> list[EnergyRow]:
        """The next rows after number `after`, in order, at most `limit`."""
        result: list[EnergyRow] = []
        at = after
        while len(result) < limit:
            rows = self._rows(
                "SELECT first, blob FROM log WHERE last > ? ORDER BY last LIMIT 1", at
            )
            if not rows:
                break
            first, blob = rows[0]
            names = self.keys()  # after the rows: a new meter is committed with its first ones
            columns = self._columns(blob, 7)
            skip = at + 1 - first
            for index in range(skip, min(len(columns[0]), skip + limit - len(result))):
                meter, ms, counts, scale, label, rev, day = (c[index] for c in columns)
                result.append(
                    EnergyRow(
                        first + index,
                        names[meter],
                        ms,
                        counts * self.scale_of(scale),
                        LABELS[label],
                        rev,
                        date.fromordinal(day),
                    )
                )
            at = result[-1].seq
        return result

    def _columns(self, blob: bytes, count: int) -> list[list[int]]:
        try:
            return unpack(blob, count)
        except DamagedBlob as error:
            raise StoreError(
                msg("{path}: a block of rows is damaged: {error}", path=self._path, error=error)
            ) from error

    def slots(self, key: str, first_ms: int, last_ms: int) -> list[tuple[int, Slot]]:
        """The published quarter hours of a meter from `first_ms` to before `last_ms`."""
        number = self.known(key)
        if number is None:
            return []
        return [
            (ms, Slot(counts, self.scale_of(scale), LABELS[label], covered_ms, rev))
            for ms, (counts, scale, label, covered_ms, rev) in sorted(
                self.raw_slots(number, first_ms, last_ms).items()
            )
        ]

    def raw_slots(self, number: int, first_ms: int, last_ms: int) -> dict[int, Raw]:
        """The same, packed."""
        found: dict[int, Raw] = {}
        first_day = first_ms - first_ms % DAY_MS
        for day_ms, blob in self._rows(
            "SELECT ms, blob FROM day WHERE meter = ? AND ms >= ? AND ms < ? ORDER BY ms",
            number,
            first_day,
            last_ms,
        ):
            found.update(self._day(number, day_ms, blob))
        if first_ms > first_day or last_ms % DAY_MS:
            found = {ms: raw for ms, raw in found.items() if first_ms <= ms < last_ms}
        found.update(self._open_slots(number, first_ms, last_ms))
        return found

    def _open_slots(self, number: int, first_ms: int, last_ms: int) -> dict[int, Raw]:
        """Those that are not packed into days yet."""
        oldest_ms, newest_ms = self._rows("SELECT min(ms), max(ms) FROM slot")[0]
        if oldest_ms is None:
            return {}
        # By instant, because the slots of one meter lie as far apart as there are meters.
        return {
            ms: raw
            for ms in range(max(oldest_ms, first_ms), min(newest_ms + 1, last_ms), QUARTER_MS)
            for raw in self._rows(
                "SELECT counts, scale, label, covered_ms, rev FROM slot WHERE ms = ? AND meter = ?",
                ms,
                number,
            )
        }

    def _day(self, number: int, day_ms: int, blob: bytes) -> list[tuple[int, Raw]]:
        try:
            return unpack_day(day_ms, blob)
        except DamagedBlob as error:
            part = msg("day {date:%Y-%m-%d} of meter {number}", date=from_ms(day_ms), number=number)
            raise StoreError(
                msg("{path}: {block} is damaged: {error}", path=self._path, block=part, error=error)
            ) from error

    def beneath(self, number: int, first_ms: int, last_ms: int) -> dict[int, Raw]:
        """What corrected quarter hours would be without their correction (`rev` is 0)."""
        return {
            ms: (counts, scale, label, covered_ms, 0)
            for ms, counts, scale, label, covered_ms in self._rows(
                "SELECT ms, counts, scale, label, covered_ms FROM beneath "
                "WHERE meter = ? AND ms >= ? AND ms < ?",
                number,
                first_ms,
                last_ms,
            )
        }

    def known_until(self, key: str) -> int | None:
        """The last instant (ms) that anything is known of a meter; None if nothing is."""
        number = self.known(key)
        if number is None:
            return None
        tip = self.tip(number)
        ends = [] if tip is None else [tip.anchor.ms]
        for (day_ms,) in self._rows(
            "SELECT max(ms) FROM (SELECT ms FROM day WHERE meter = ?1 UNION ALL "
            "SELECT ms FROM slot WHERE meter = ?1)",
            number,
        ):
            if day_ms is not None:
                found = self.raw_slots(number, day_ms, day_ms + DAY_MS)
                ends += [ms + QUARTER_MS for ms, raw in found.items() if raw[3]]
        return max(ends, default=None)

    def tip(self, number: int) -> Tip | None:
        rows = self._rows(
            "SELECT ms, shown, counts, label, covered_ms, past, resolution, trouble_ms FROM tip "
            "WHERE meter = ?",
            number,
        )
        if not rows:
            return None
        *anchor, resolution, trouble_ms = rows[0]
        return Tip(anchor_of(anchor), Fraction(resolution), trouble_ms)

    def anchor_before(self, number: int, ms: int) -> Anchor | None:
        """The newest anchor at or before an instant."""
        rows = self._rows(
            "SELECT ms, shown, counts, label, covered_ms, past FROM anchor "
            "WHERE meter = ? AND ms <= ? ORDER BY ms DESC LIMIT 1",
            number,
            ms,
        )
        return anchor_of(rows[0]) if rows else None

    def anchor_after(self, number: int, ms: int, changed_ms: int) -> Anchor | None:
        """The first anchor at or after an instant that lies on a quarter hour, and before which
        the register changed after `changed_ms`: what comes later does not hang on what was then."""
        for row in self._rows(
            "SELECT ms, shown, counts, label, covered_ms, past FROM anchor "
            f"WHERE meter = ? AND ms >= ? AND ms % {QUARTER_MS} = 0 ORDER BY ms LIMIT 400",
            number,
            ms,
        ):
            found = anchor_of(row)
            if found.past is None or found.past.since_ms > changed_ms:
                return found
        return None

    def stretches(self, key: str, first_ms: int, last_ms: int) -> list[Stretch]:
        """What happened to a register in a period, by time."""
        number = self.known(key)
        return [
            Stretch(start, end, Event(event), LABELS[label], _fraction(amount), remade(*why))
            for start, end, event, label, amount, *why in self._rows(
                "SELECT start_ms, end_ms, event, label, amount, reason, made_of FROM stretch "
                "WHERE meter = ? AND start_ms < ? AND end_ms > ? ORDER BY start_ms",
                number,
                last_ms,
                first_ms,
            )
        ]

    def cursors(self) -> tuple[int, int]:
        """The last late reading and the last entry that are in the ledger."""
        late, entry = self._rows("SELECT late, entry FROM about")[0]
        return int(late), int(entry)

    def settings(self) -> dict[str, str]:
        """How each meter was set when its slots were made; "" before the first time."""
        return dict(self._rows("SELECT key, settings FROM meter"))

    def entries(
        self,
        meter: str | None = None,
        kind: EntryKind | None = None,
        first_ms: int | None = None,
        last_ms: int | None = None,
        *,
        after: int = 0,
    ) -> list[Entry]:
        """What people said, in the order they said it; touching a time range (ends included)."""
        rule, arguments = "id > ?", [after, *[a for a in (meter, kind) if a is not None]]
        rule += " AND meter = ?" if meter is not None else ""
        rule += " AND kind = ?" if kind is not None else ""
        if first_ms is not None and last_ms is not None:
            instant = kind in (EntryKind.READING, EntryKind.REPLACEMENT)  # an index has both ends
            rule += " AND start_ms <= ? AND end_ms >= ?" + (" AND start_ms >= ?" if instant else "")
            arguments += [last_ms, first_ms, *([first_ms] if instant else [])]
        found = self._rows(
            "SELECT id, meter, kind, start_ms, end_ms, data, who, why, made_of, recorded_ms, "
            "EXISTS (SELECT 1 FROM entry AS w WHERE w.meter = entry.meter AND "
            "w.kind = 'withdrawal' AND json_extract(w.data, '$.entry') = entry.id) "
            f"FROM entry WHERE {rule} ORDER BY id",
            *arguments,
        )
        return [
            Entry(
                number,
                key,
                EntryKind(what),
                from_ms(start),
                from_ms(end),
                json.loads(data),
                who,
                remade(why, made),
                from_ms(recorded),
                bool(withdrawn),
            )
            for number, key, what, start, end, data, who, why, made, recorded, withdrawn in found
        ]

    def next_told(self, meter: str, after_ms: int) -> int | None:
        """When the first reading or replacement after an instant is, that still counts."""
        found = [
            row[0]
            for kind in (EntryKind.READING, EntryKind.REPLACEMENT)
            for row in self._rows(
                "SELECT start_ms FROM entry WHERE meter = ?1 AND kind = ?2 AND start_ms > ?3 AND "
                "NOT EXISTS (SELECT 1 FROM entry AS w WHERE w.meter = ?1 AND w.kind = 'withdrawal' "
                "AND json_extract(w.data, '$.entry') = entry.id) ORDER BY start_ms LIMIT 1",
                meter,
                kind.value,
                after_ms,
            )
        ]
        return min(found, default=None)

    def with_entries(self) -> frozenset[str]:
        """The meters that anybody ever said anything about."""
        return frozenset(key for (key,) in self._rows("SELECT DISTINCT meter FROM entry"))

    def months(
        self, first: tuple[int, int] | None = None, last: tuple[int, int] | None = None
    ) -> list[MonthSum]:
        """Sums of all meters by month and label; from one (year, month) to another, both in."""
        low = 0 if first is None else month_of(date(*first, 1))
        high = 10**6 if last is None else month_of(date(*last, 1))
        names = self.keys()
        scales = {n: Fraction(text) for n, text in self._rows("SELECT id, value FROM scale")}
        return [
            MonthSum(
                names[number],
                month // 12,
                month % 12 + 1,
                LABELS[label],
                counts,
                scales[scale],
                covered_ms,
            )
            for month, number, label, scale, counts, covered_ms in self._rows(
                "SELECT * FROM month WHERE month BETWEEN ? AND ? AND (counts != 0 OR "
                "covered_ms != 0) ORDER BY month, meter",
                low,
                high,
            )
        ]

    def energy_in(self, spec: MeterSpec, start: datetime, end: datetime) -> Energy:
        """What a meter measured between two quarter-hour edges."""
        first, last = to_ms(start), to_ms(end)
        number = self.known(spec.id)
        if number is None:
            return energy_of([], [], start, end)
        stretches = self.stretches(spec.id, first, last) or self._of_inputs(spec, first, last)
        months = whole_months(spec.zone, start, end)
        if not months:
            return energy_of(self.slots(spec.id, first, last), stretches, start, end)
        begin, finish = month_edges(spec.zone, months[0], months[-1])
        slots = [*self.slots(spec.id, first, begin), *self.slots(spec.id, finish, last)]
        known = self._known_months(number, months[0], months[-1], start, end)
        return energy_of(slots, stretches, start, end, known)

    def _of_inputs(self, spec: MeterSpec, first_ms: int, last_ms: int) -> list[Stretch]:
        """Why inputs of a formula are missing, and so its result, by time."""
        found = [
            stretch._replace(reason=msg("{meter}: {reason}", meter=key, reason=stretch.reason))
            for _, key in spec.terms
            for stretch in self.stretches(key, first_ms, last_ms)
            if stretch.amount is None
        ]
        return sorted(found, key=lambda stretch: stretch.start_ms)

    def across(self, key: str, ms: int) -> list[Stretch]:
        """Long measurements of known energy across an instant, of the register or of another
        instrument: how they divide there is a guess."""
        told = [
            stretch
            for entry in self.entries(key, EntryKind.INTERVALS, ms, ms)
            if not entry.withdrawn
            for stretch in stretches_at(entry, ms)
        ]
        # Another instrument that knows the instant fills what the register leaves open there.
        return [s for s in told or self.stretches(key, ms, ms + 1) if crosses(s, ms)]

    def day(self, spec: MeterSpec, start: datetime) -> Day | None:
        """What is known of a meter since `start`, a quarter hour; None before its first mark."""
        number = self.known(spec.id)
        tip = None if number is None else self.tip(number)
        if tip is None:
            return None
        counts, label, _ = tip.anchor.opened
        register = tip.anchor.shown * tip.resolution
        edge_ms = floor_quarter(tip.anchor.ms)
        used: Fraction | None = counts * tip.resolution * spec.ratio(edge_ms)
        if label is Label.MISSING:
            used = None
        if edge_ms > to_ms(start):
            before = self.energy_in(spec, start, from_ms(edge_ms))
            begin_ms = to_ms(start)
            across = self.across(spec.id, begin_ms)
            whole = before.amount is not None and before.covered == 1 and not across
            used = used + before.amount if used is not None and before.amount is not None else None
            used = used if whole else None
        return Day(used, tip.anchor.ms, register)

    def _known_months(
        self, number: int, first: int, last: int, start: datetime, end: datetime
    ) -> Energy:
        shares: dict[Label, Fraction] = {}
        covered_ms = 0
        for label, scale, counts, ms in self._rows(
            "SELECT label, scale, sum(counts), sum(covered_ms) FROM month "
            "WHERE month BETWEEN ? AND ? AND meter = ? GROUP BY label, scale",
            first,
            last,
            number,
        ):
            if counts or ms:
                rank = LABELS[label]
                shares[rank] = shares.get(rank, Fraction(0)) + counts * self.scale_of(scale)
                covered_ms += ms
        amount = sum(shares.values(), Fraction(0)) if covered_ms else None
        covered = coverage(covered_ms, to_ms(end) - to_ms(start))
        return Energy(start, end, amount, covered, shares=shares)


def _fraction(text: str | None) -> Fraction | None:
    return None if text is None else Fraction(text)
