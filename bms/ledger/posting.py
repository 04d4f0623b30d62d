"""Brings the ledger up to date: from readings, and from what people said, to published rows.

Each `step` is one transaction: it reads where the ledger stands, adds what follows, and moves on.
So a kill at any moment leaves the ledger at a step's end, and the next step goes on from there.
Between steps, memory holds nothing that the database does not have.

A meter's intervals normally go on from its *tip*, the last mark. Sometimes that is not enough: a
register that stepped back may still return, a reading came late, or a person said something about
the past. Then they are found again from an *anchor* a week before. A result that differs from what
was published becomes a revision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec
from bms.core.instants import DAY_MS, to_ms
from bms.core.readings import RANK, Label
from bms.energy.account import GOES_ON
from bms.energy.intervals import (
    RETURN_WITHIN_MS,
    Event,
    Interval,
    Mark,
    Register,
    Replacement,
    judged,
    suspicious,
)
from bms.energy.quarters import (
    Anchor,
    Open,
    Quarter,
    Stretch,
    anchors_of,
    ceil_quarter,
    floor_quarter,
)
from bms.energy.usual_week import usual
from bms.historian.log.log_queries import Queries
from bms.ledger.database.store import Ledger, Tip
from bms.ledger.entered.entries import OF_QUARTERS, Entry, EntryKind
from bms.ledger.known_of_meters import first_difference, register_of, settings_of
from bms.ledger.power_beside import PowerRecord
from bms.ledger.published import FOREVER, Changes, Publisher, Value, common, floor_day
from bms.texts.messages import msg

LATE_MS: Final = 120_000
"""A quarter hour is published this long after its end: gateways deliver within two minutes, and
what is published once does not have to be revised."""

STEP_QUARTERS: Final = 50_000
"""About how many slots one transaction makes: half a second of work."""

_TROUBLE: Final = (Event.ROLLOVER, Event.RESET, Event.QUARANTINE, Event.JUMP)


class Posting:
    """Keeps one site's ledger. `history` has the readings, None if nothing was ever polled; both
    belong to the calling thread."""

    def __init__(
        self, specs: Mapping[str, MeterSpec], history: Queries | None, ledger: Ledger
    ) -> None:
        self._registers = [spec for spec in specs.values() if not spec.virtual]
        self._specs = specs
        self._history = history
        self._ledger = ledger
        self._powers = None if history is None else PowerRecord(history)
        self._known: dict[tuple[str, Fraction, Fraction], Register] = {}
        self._read_in: dict[str, Fraction | None] = {}
        self._publisher = Publisher([spec for spec in specs.values() if spec.virtual], ledger)

    def catch_up(self, now: datetime) -> None:
        """Step until nothing is left to do."""
        while self.step(now):
            pass

    def step(self, now: datetime) -> bool:
        """One transaction; whether there is more to do. Raises StoreError."""
        until_ms = to_ms(now) - LATE_MS
        with self._ledger.transaction():
            self._publisher.begin()
            self._read_in.clear()
            if self._powers is not None:
                self._powers.forget()
            changes: Changes = {}
            more = self._changed_settings(changes) or self._told_since(changes)
            if not more:
                more = self._new_readings(until_ms, changes)
            self._publisher.formulas(changes)
            self._ledger.close_days(floor_day(until_ms))
        return more

    def _changed_settings(self, changes: Changes) -> bool:
        """Redo what was made with other settings; one meter at a time."""
        known = self._ledger.settings()
        for spec in self._specs.values():
            before, now = known.get(spec.id, ""), settings_of(spec)
            if before == now:
                continue
            number = self._ledger.number(spec.id)
            self._ledger.put_settings(number, now)
            if spec.virtual:
                changes.setdefault(number, set()).update(
                    ms for ms in self._ledger.raw_slots(number, 0, FOREVER)
                )
                for _, key in spec.terms:
                    source = self._ledger.known(key)
                    if source is not None:
                        changes[number].update(self._ledger.raw_slots(source, 0, FOREVER))
                return True
            if before:
                if json.loads(before)["zone"] != spec.zone:
                    self._publisher.recount_months(spec, number)
                self._redo(spec, first_difference(json.loads(before), json.loads(now)), changes)
                return True
        return False

    def _told_since(self, changes: Changes) -> bool:
        """Redo what late readings and entries touch."""
        late, entry = self._ledger.cursors()
        if self._history is not None and (newest := self._history.last_late()) < late:
            late = newest  # another history, whose late readings count from 1 again
            self._ledger.put_cursors(late, entry)
        readings = self._history.late_readings(late) if self._history is not None else []
        entries = self._ledger.entries(after=entry)
        if not readings and not entries:
            return False
        touched: dict[str, tuple[int, int]] = {}

        def touch(key: str, first_ms: int, last_ms: int) -> None:
            low, high = touched.get(key, (first_ms, last_ms))
            touched[key] = min(low, first_ms), max(high, last_ms)

        corrected: dict[str, list[Entry]] = {}
        for seq, point, ms in readings:
            touch(point, ms, ms)
            late = max(late, seq)
        for found in entries:
            entry = max(entry, found.number)
            about = self._withdrawn(found) if found.kind is EntryKind.WITHDRAWAL else found
            if about is not None and about.kind in OF_QUARTERS:
                corrected.setdefault(about.meter, []).append(about)
            elif about is not None:
                touch(about.meter, to_ms(about.start), to_ms(about.end))
        for key, (first_ms, last_ms) in touched.items():
            spec = self._specs.get(key)
            if spec is not None and not spec.virtual:
                self._redo(spec, first_ms, changes, last_ms)
        for key, about_these in corrected.items():
            spec = self._specs.get(key)
            for one in about_these if spec is not None else ():
                assert spec is not None
                first, last = floor_quarter(to_ms(one.start)), ceil_quarter(to_ms(one.end))
                self._publisher.republish(spec, first, last, changes)
        self._ledger.put_cursors(late, entry)
        return True

    def _withdrawn(self, found: Entry) -> Entry | None:
        number = int(found.data["entry"])
        return next((e for e in self._ledger.entries(found.meter) if e.number == number), None)

    def _new_readings(self, until_ms: int, changes: Changes) -> bool:
        """Go on from every tip, by a stretch of time for all meters together."""
        waiting: list[tuple[MeterSpec, int]] = []
        for spec in self._registers:
            tip = self._tip(spec)
            after = -1 if tip is None else tip.anchor.ms
            first = self._next_mark(spec, after)
            if first is not None and first <= until_ms:
                waiting.append((spec, first))
        if not waiting:
            return False
        days = min(7, max(1, STEP_QUARTERS // (96 * len(waiting))))
        end_ms = min(until_ms, floor_day(min(first for _, first in waiting)) + days * DAY_MS)
        for spec, first in waiting:
            if first <= end_ms:
                self._go_on(spec, end_ms, changes)
        return end_ms < until_ms or any(first > end_ms for _, first in waiting)

    def _go_on(self, spec: MeterSpec, end_ms: int, changes: Changes) -> None:
        tip = self._tip(spec)
        if tip is None:
            self._fold(spec, None, end_ms, None, changes)
            return
        begin = tip.anchor
        fresh = self._marks(spec, begin, end_ms)
        troubled = tip.trouble_ms > fresh[-1].ms - RETURN_WITHIN_MS
        if troubled or suspicious([mark.counts for mark in fresh]):
            # The tip itself may turn out to have been part of a jump.
            self._redo(spec, begin.ms, changes, end_ms)
        else:
            self._fold(spec, begin, end_ms, None, changes)

    def _redo(
        self, spec: MeterSpec, first_ms: int, changes: Changes, last_ms: int | None = None
    ) -> None:
        """Find the intervals again that marks from `first_ms` to `last_ms` can influence."""
        number = self._ledger.number(spec.id)
        tip = self._tip(spec)
        if tip is None:
            return  # nothing is in the ledger yet: it comes with the new readings
        if last_ms is not None and first_ms > tip.anchor.ms:
            return
        begin = self._ledger.anchor_before(number, first_ms - RETURN_WITHIN_MS - DAY_MS)
        end = None
        if last_ms is not None:
            end = self._ledger.anchor_after(number, last_ms + RETURN_WITHIN_MS, last_ms)
        reach = tip.anchor.ms if end is None else end.ms
        if end is None and last_ms is not None:
            reach = max(reach, last_ms)
        self._fold(spec, begin, reach, end, changes)

    def _fold(
        self,
        spec: MeterSpec,
        begin: Anchor | None,
        last_ms: int,
        end: Anchor | None,
        changes: Changes,
    ) -> None:
        """Intervals from one anchor to another, or to `last_ms`, and what they make of slots."""
        number = self._ledger.number(spec.id)
        before = self._tip(spec)
        resolution = self._resolution(spec)
        marks = self._marks(spec, begin, last_ms)
        if end is not None:
            marks = [*(mark for mark in marks if mark.ms < end.ms), Mark(end.ms, end.shown)]
        changed = self._replacements(spec, begin, last_ms, resolution)
        if begin is None and not marks and not changed:
            return
        register = self._register(spec, resolution)
        past = None if begin is None else begin.past
        found = judged(marks, register, changed, past)
        if begin is not None and found.back_ms is not None and found.back_ms < begin.ms:
            # What the register did now says what it did before; the tip itself is no anchor.
            earlier = self._ledger.anchor_before(number, min(found.back_ms, begin.ms - 1))
            self._fold(spec, earlier, last_ms, end, changes)
            return
        parts = found.parts
        if begin is None and not parts:
            begin = Anchor(marks[0].ms, marks[0].counts, Open()) if marks else _begun(changed)

        def profile(first: int, last: int) -> Sequence[int] | None:
            return self._profile(spec, number, resolution, first, last)

        quarters, anchors, tip = anchors_of(parts, begin, profile, DAY_MS, found.pasts)
        assert tip is not None
        begin_ms = -1 if begin is None else begin.ms
        end_ms = FOREVER if end is None else end.ms
        self._ledger.put_anchors(number, begin_ms, end_ms, [a for a in anchors if a.ms < end_ms])
        stretches = self._joined(spec, _stretches(parts, spec, resolution), begin_ms)
        first_ms = min(begin_ms, stretches[0].start_ms) if stretches else begin_ms
        self._ledger.put_stretches(number, first_ms, end_ms, stretches)
        if end is None:
            trouble = max(
                (part.end_ms for part in parts if part.event in _TROUBLE),
                default=0 if before is None else min(before.trouble_ms, tip.ms),
            )
            self._ledger.put_tip(number, Tip(tip, resolution, trouble))
            reach = floor_quarter(tip.ms)
            if before is not None:
                reach = max(reach, floor_quarter(before.anchor.ms))
        else:
            reach = end.ms
        first = 0 if begin is None else floor_quarter(begin.ms)
        self._publisher.publish(
            spec, number, first, reach, self._values(spec, resolution, quarters), changes
        )

    def _joined(self, spec: MeterSpec, found: list[Stretch], begin_ms: int) -> list[Stretch]:
        """The stretches; the first goes on with the one before it, if it is the same trouble."""
        if found and found[0].event in GOES_ON and found[0].start_ms == begin_ms:
            for before in self._ledger.stretches(spec.id, begin_ms - 1, begin_ms):
                # What lasts is one stretch over all its anchors: it may end behind this one.
                if before.start_ms < begin_ms and before.event is found[0].event:
                    found[0] = before._replace(end_ms=found[0].end_ms)
        return found

    def _register(self, spec: MeterSpec, resolution: Fraction) -> Register:
        key = spec.id, resolution, self._shown(spec)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = register_of(spec, *key[1:], self._powers)
        return found

    def _values(
        self, spec: MeterSpec, resolution: Fraction, quarters: Sequence[Quarter]
    ) -> dict[int, Value]:
        if not spec.ratios:
            scale = self._ledger.scale_id(resolution)
            return {
                start_ms: Value(counts, scale, RANK[label], covered_ms)
                for start_ms, counts, label, covered_ms in quarters
            }
        return {
            q.start_ms: Value(
                q.counts,
                self._ledger.scale_id(resolution * spec.ratio(q.start_ms)),
                RANK[q.label],
                q.covered_ms,
            )
            for q in quarters
        }

    def _tip(self, spec: MeterSpec) -> Tip | None:
        """Where a meter stands, in the resolution that its readings have now."""
        number = self._ledger.number(spec.id)
        tip = self._ledger.tip(number)
        if tip is None:
            return None
        resolution = self._resolution(spec, tip.resolution)
        if resolution != tip.resolution:
            self._ledger.refine(number, int(tip.resolution / resolution))
            tip = self._ledger.tip(number)
            assert tip is not None
            tip = tip._replace(resolution=resolution)
            self._ledger.put_tip(number, tip)
        return tip

    def _resolution(self, spec: MeterSpec, before: Fraction | None = None) -> Fraction:
        """What one count of a meter's marks is worth: the finest it ever was.

        People may write down more digits of a register than it tells us (`spec.resolution`).
        """
        found = common(self._shown(spec), Fraction(spec.resolution))
        if before is None:
            tip = self._ledger.tip(self._ledger.number(spec.id))
            before = None if tip is None else tip.resolution
        return found if before is None else common(found, before)

    def _shown(self, spec: MeterSpec) -> Fraction:
        """The steps in which a meter's register is read."""
        return self._own_steps(spec) or Fraction(spec.resolution)

    def _own_steps(self, spec: MeterSpec) -> Fraction | None:
        """The steps in which the history has a meter's readings; looked up once in a step."""
        if not spec.polled or self._history is None:
            return None
        if spec.id not in self._read_in:
            meter = self._history.meter(spec.id)
            self._read_in[spec.id] = None if meter is None else Fraction(meter.resolution)
        return self._read_in[spec.id]

    def _next_mark(self, spec: MeterSpec, after_ms: int) -> int | None:
        found = None
        if spec.polled and self._history is not None:
            found = self._history.next_reading(spec.id, after_ms)
        told = self._ledger.next_told(spec.id, after_ms) if self._publisher.told(spec) else None
        return min((ms for ms in (found, told) if ms is not None), default=None)

    def _marks(self, spec: MeterSpec, begin: Anchor | None, last_ms: int) -> list[Mark]:
        """The marks after an anchor, and the anchor itself, by time."""
        after = -1 if begin is None else begin.ms
        resolution = self._resolution(spec)
        marks: list[Mark] = []
        if spec.polled and self._history is not None:
            own = self._own_steps(spec)
            factor = 1 if own is None else int(own / resolution)
            for ms, counts in self._history.counts(spec.id, after + 1, last_ms):
                marks.append(Mark(ms, counts * factor))
        by_hand = False
        read = self._publisher.entries(spec, EntryKind.READING, after, last_ms)
        if read:
            # A reading that the gateway took at the same instant is the better one.
            taken = {mark.ms for mark in marks}
            for entry in read:
                ms = to_ms(entry.start)
                person = entry.data.get("by") != "instrument"
                by_hand = by_hand or (person and ms == after)
                if ms > after and ms not in taken:
                    taken.add(ms)
                    marks.append(Mark(ms, counts_of(entry.data["value"], resolution), person))
            marks.sort()
        if begin is not None:
            marks.insert(0, Mark(begin.ms, begin.shown, by_hand))
        return marks

    def _replacements(
        self, spec: MeterSpec, begin: Anchor | None, last_ms: int, resolution: Fraction
    ) -> list[Replacement]:
        after = -1 if begin is None else begin.ms
        latest: dict[int, Replacement] = {}
        for entry in self._publisher.entries(spec, EntryKind.REPLACEMENT, after + 1, last_ms):
            final = entry.data["final"]
            ms = to_ms(entry.start)
            latest[ms] = Replacement(
                ms,
                None if final is None else counts_of(final, resolution),
                counts_of(entry.data["initial"], resolution),
            )
        return sorted(latest.values(), key=lambda r: r.ms)

    def _profile(
        self, spec: MeterSpec, number: int, resolution: Fraction, first: int, last: int
    ) -> Sequence[int] | None:
        def measured(low: int, high: int) -> Mapping[int, int]:
            return {
                ms: counts
                for ms, (counts, scale, rank, *_) in self._ledger.raw_slots(
                    number, low, high
                ).items()
                if rank <= RANK[Label.CORRECTED]
                and self._ledger.scale_of(scale) == resolution * spec.ratio(ms)
            }

        return usual(measured, ZoneInfo(spec.zone), first, last)


def counts_of(text: str, resolution: Fraction) -> int:
    """A register value that a person wrote, in counts; raises ValueError if it is finer."""
    counts = Fraction(Decimal(text)) / resolution
    if counts.denominator != 1:
        raise ValueError(
            msg(
                "{text} is finer than the register's resolution of {resolution:g}",
                text=text,
                resolution=float(resolution),
            )
        )
    return int(counts)


def _begun(changed: Sequence[Replacement]) -> Anchor:
    return Anchor(changed[-1].ms, changed[-1].initial, Open())


def _stretches(parts: Sequence[Interval], spec: MeterSpec, resolution: Fraction) -> list[Stretch]:
    return [
        Stretch(
            part.start_ms,
            part.end_ms,
            part.event,
            part.label,
            None if part.counts is None else part.counts * resolution * spec.ratio(part.start_ms),
            part.reason,
        )
        for part in parts
        if part.event is not None
    ]
