"""Brings the ledger up to date: from readings, and from what people said, to published rows.

Each `step` is one transaction that reads where the ledger stands, adds what follows, and moves
on, so that a kill at any moment leaves the ledger at a step's end and the next step goes on from
there. Nothing is kept in memory between steps that the database does not have.

A meter's intervals normally go on from its *tip*, the last mark. Where that is not enough (a
register that stepped back may yet return; a reading came late; a person said something about the
past) they are found anew from an *anchor* a week before, and what comes out otherwise than it was
published becomes a revision.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import gcd, lcm
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.meters import MeterSpec
from bms.energy.ledger import (
    LABELS,
    RANK,
    RETURN_WITHIN_MS,
    Event,
    Interval,
    Label,
    Mark,
    Register,
    Replacement,
    intervals,
    suspicious,
    worst,
)
from bms.energy.profile import usual
from bms.energy.quarters import (
    QUARTER_MS,
    Anchor,
    Open,
    Quarter,
    Stretch,
    anchors_of,
    floor_quarter,
)
from bms.historian.queries import Queries
from bms.instants import DAY_MS, from_ms, to_ms
from bms.ledger.codec import Raw
from bms.ledger.months import month_of
from bms.ledger.records import Entry, EntryKind
from bms.ledger.store import Ledger, Tip

LATE_MS: Final = 120_000
"""A quarter hour is published this long after its end: gateways deliver within two minutes, and
what is published once does not have to be revised."""

STEP_QUARTERS: Final = 50_000
"""About how many slots one transaction makes: half a second of work."""

_TROUBLE: Final = (Event.ROLLOVER, Event.RESET, Event.QUARANTINE, Event.JUMP)
_CACHED_DATES: Final = 20_000

_FOREVER: Final = 2**62

Changes = dict[int, set[int]]
"""The starts of the slots that a step changed, by meter number."""


class Value(NamedTuple):
    """What a quarter hour holds, whatever was published of it."""

    counts: int
    scale: int
    label: int
    covered_ms: int


NOTHING: Final = Value(0, 0, RANK[Label.MISSING], 0)


class Bookkeeper:
    """Keeps one site's ledger. `history` has the readings, None if nothing was ever polled; both
    belong to the calling thread."""

    def __init__(
        self, specs: Mapping[str, MeterSpec], history: Queries | None, ledger: Ledger
    ) -> None:
        self._registers = [spec for spec in specs.values() if not spec.virtual]
        self._virtual = [spec for spec in specs.values() if spec.virtual]
        self._specs = specs
        self._history = history
        self._ledger = ledger
        self._dates: dict[tuple[str, int], tuple[int, int]] = {}
        self._told: frozenset[str] = frozenset()

    def catch_up(self, now: datetime) -> None:
        """Step until nothing is left to do."""
        while self.step(now):
            pass

    def step(self, now: datetime) -> bool:
        """One transaction; whether there is more to do. Raises StoreError."""
        until_ms = to_ms(now) - LATE_MS
        with self._ledger.transaction():
            self._told = self._ledger.with_entries()
            changes: Changes = {}
            more = self._changed_settings(changes) or self._told_since(changes)
            if not more:
                more = self._new_readings(until_ms, changes)
            self._formulas(changes)
            self._ledger.close_days(floor_day(until_ms))
        return more

    # --- what people and files say -----------------------------------------------------------

    def _changed_settings(self, changes: Changes) -> bool:
        """Do anew what was made with other settings; one meter at a time."""
        known = self._ledger.settings()
        for spec in self._specs.values():
            before, now = known.get(spec.id, ""), _settings(spec)
            if before == now:
                continue
            number = self._ledger.number(spec.id)
            self._ledger.put_settings(number, now)
            if spec.virtual:
                changes.setdefault(number, set()).update(
                    ms for ms in self._ledger.raw_slots(number, 0, _FOREVER)
                )
                for _, key in spec.terms:
                    source = self._ledger.known(key)
                    if source is not None:
                        changes[number].update(self._ledger.raw_slots(source, 0, _FOREVER))
                return True
            if before:
                if json.loads(before)["zone"] != spec.zone:
                    self._recount_months(spec, number)
                self._redo(spec, _first_difference(json.loads(before), json.loads(now)), changes)
                return True
        return False

    def _told_since(self, changes: Changes) -> bool:
        """Do anew what late readings and entries touch."""
        late, entry = self._ledger.cursors()
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
            if about is not None and about.kind is EntryKind.CORRECTION:
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
                self._republish(spec, to_ms(one.start), to_ms(one.end), changes)
        self._ledger.put_cursors(late, entry)
        return True

    def _withdrawn(self, found: Entry) -> Entry | None:
        number = int(found.data["entry"])
        return next((e for e in self._ledger.entries(found.meter) if e.number == number), None)

    def _recount_months(self, spec: MeterSpec, number: int) -> None:
        self._ledger.drop_months(number)
        sums: dict[tuple[int, int, int], tuple[int, int]] = {}
        for ms, raw in self._ledger.raw_slots(number, 0, _FOREVER).items():
            self._count(sums, spec.zone, ms, Value(*raw[:4]), 1)
        self._ledger.add_months(number, sums)

    # --- registers ---------------------------------------------------------------------------

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
        """Find the intervals anew that marks from `first_ms` to `last_ms` can have a say in."""
        number = self._ledger.number(spec.id)
        tip = self._tip(spec)
        if tip is None:
            return  # nothing is in the ledger yet: it comes with the new readings
        if last_ms is not None and first_ms > tip.anchor.ms:
            return
        begin = self._ledger.anchor_before(number, first_ms - RETURN_WITHIN_MS)
        end = None
        if last_ms is not None:
            end = self._ledger.anchor_after(number, last_ms + RETURN_WITHIN_MS)
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
        parts = intervals(marks, _register(spec, resolution), changed)
        if begin is None and not parts:
            begin = Anchor(marks[0].ms, marks[0].counts, Open()) if marks else _begun(changed)

        def profile(first: int, last: int) -> Sequence[int] | None:
            return self._profile(spec, number, resolution, first, last)

        quarters, anchors, tip = anchors_of(parts, begin, profile, DAY_MS)
        assert tip is not None
        from_ms_ = -1 if begin is None else begin.ms
        to_ms_ = _FOREVER if end is None else end.ms
        self._ledger.put_anchors(number, from_ms_, to_ms_, [a for a in anchors if a.ms < to_ms_])
        stretches = _stretches(parts, spec, resolution)
        self._ledger.put_stretches(number, from_ms_, to_ms_, stretches)
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
        self._publish(spec, number, first, reach, self._values(spec, resolution, quarters), changes)

    def _values(
        self, spec: MeterSpec, resolution: Fraction, quarters: Sequence[Quarter]
    ) -> dict[int, Value]:
        if not spec.ratios:
            scale = self._ledger.scale_id(resolution)
            return {q[0]: Value(q[1], scale, RANK[q[2]], q[3]) for q in quarters}
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
        """What one count of a meter's marks is worth: the finest it ever was."""
        found = Fraction(spec.resolution)
        if spec.polled and self._history is not None:
            meter = self._history.meter(spec.id)
            if meter is not None:
                found = Fraction(meter.resolution)
        if before is None:
            tip = self._ledger.tip(self._ledger.number(spec.id))
            before = None if tip is None else tip.resolution
        return found if before is None else common(found, before)

    def _next_mark(self, spec: MeterSpec, after_ms: int) -> int | None:
        found = None
        if spec.polled and self._history is not None:
            found = self._history.next_reading(spec.id, after_ms)
        for entry in self._entries(spec, after_ms + 1, _FOREVER):
            ms = to_ms(entry.start)
            if entry.kind is not EntryKind.CORRECTION and (found is None or ms < found):
                found = ms
        return found

    def _entries(self, spec: MeterSpec, first_ms: int, last_ms: int) -> list[Entry]:
        """What people said of this time, and still say."""
        if spec.id not in self._told:
            return []
        found = self._ledger.entries(spec.id, None, first_ms, last_ms)
        return [e for e in found if not e.withdrawn and e.kind is not EntryKind.WITHDRAWAL]

    def _marks(self, spec: MeterSpec, begin: Anchor | None, last_ms: int) -> list[Mark]:
        """The marks after an anchor, and the anchor itself, by time."""
        after = -1 if begin is None else begin.ms
        resolution = self._resolution(spec)
        marks: list[Mark] = []
        if spec.polled and self._history is not None:
            own = self._history.meter(spec.id)
            factor = 1 if own is None else int(Fraction(own.resolution) / resolution)
            for ms, counts in self._history.counts(spec.id, after + 1, last_ms):
                marks.append(Mark(ms, counts * factor))
        by_hand = False
        read = [e for e in self._entries(spec, after, last_ms) if e.kind is EntryKind.READING]
        if read:
            # A reading that the gateway took at the same instant is the better one.
            taken = {mark.ms for mark in marks}
            for entry in read:
                ms = to_ms(entry.start)
                by_hand = by_hand or ms == after
                if ms > after and ms not in taken:
                    taken.add(ms)
                    marks.append(Mark(ms, counts_of(entry.data["value"], resolution), True))
            marks.sort()
        if begin is not None:
            marks.insert(0, Mark(begin.ms, begin.shown, by_hand))
        return marks

    def _replacements(
        self, spec: MeterSpec, begin: Anchor | None, last_ms: int, resolution: Fraction
    ) -> list[Replacement]:
        after = -1 if begin is None else begin.ms
        latest: dict[int, Replacement] = {}
        for entry in self._entries(spec, after + 1, last_ms):
            if entry.kind is EntryKind.REPLACEMENT:
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
                ms: raw[0]
                for ms, raw in self._ledger.raw_slots(number, low, high).items()
                if raw[2] <= RANK[Label.CORRECTED]
                and self._ledger.scale_of(raw[1]) == resolution * spec.ratio(ms)
            }

        return usual(measured, ZoneInfo(spec.zone), first, last)

    # --- publishing --------------------------------------------------------------------------

    def _republish(self, spec: MeterSpec, first: int, last: int, changes: Changes) -> None:
        """Publish a range again after its corrections changed; the registers' part stays."""
        number = self._ledger.number(spec.id)
        base = {
            ms: Value(*raw[:4]) for ms, raw in self._ledger.raw_slots(number, first, last).items()
        }
        base |= {
            ms: Value(*raw[:4]) for ms, raw in self._ledger.beneath(number, first, last).items()
        }
        self._publish(spec, number, first, last, base, changes)

    def _publish(
        self,
        spec: MeterSpec,
        number: int,
        first: int,
        last: int,
        base: Mapping[int, Value],
        changes: Changes,
    ) -> None:
        """Make the slots from `first` to before `last` say what `base` and corrections say."""
        over = self._corrections(spec, first, last)
        if over or spec.id in self._told:
            kept = {ms: (*base.get(ms, NOTHING), 0) for ms in over}
            for ms, raw in kept.items():
                if raw[1] == 0:
                    kept[ms] = (0, over[ms].scale, *raw[2:])
            self._ledger.put_beneath(number, first, last, kept)
        current = self._ledger.raw_slots(number, first, last)
        final = {**base, **over} if over else base
        rows: list[tuple[int, int, int, int, int, int, int]] = []
        slots: dict[int, Raw] = {}
        sums: dict[tuple[int, int, int], tuple[int, int]] = {}
        if not current:
            self._first_time(spec.zone, number, final, rows, slots, sums)
        for ms in sorted({*final, *current}) if current else ():
            old, new = current.get(ms), final.get(ms)
            if old is None:
                if new is None or new[3] == 0:
                    continue
                rev, counts, scale = 0, new[0], new[1]
            else:
                if new is None or new[3] == 0:
                    new = Value(0, old[1], RANK[Label.MISSING], 0)
                if old[:4] == new:
                    continue
                counts, scale = self._difference(old, new)
                rev = old[4]
                self._count(sums, spec.zone, ms, Value(*old[:4]), -1)
                if counts == 0 and old[2] == new[2]:
                    slots[ms] = (*new, rev)
                    self._count(sums, spec.zone, ms, new, 1)
                    continue
                rev += 1
            slots[ms] = (*new, rev)
            _, day = self._count(sums, spec.zone, ms, new, 1)
            rows.append((number, ms, counts, scale, new[2], rev, day))
        if not slots:
            return
        changes.setdefault(number, set()).update(slots)
        newest = max(slots)
        self._ledger.put_slots(number, slots, floor_day(newest + QUARTER_MS))
        self._ledger.add_months(number, sums)
        self._ledger.append(rows)

    def _first_time(
        self,
        zone: str,
        number: int,
        final: Mapping[int, Value],
        rows: list[tuple[int, int, int, int, int, int, int]],
        slots: dict[int, Raw],
        sums: dict[tuple[int, int, int], tuple[int, int]],
    ) -> None:
        """Where nothing was published yet: the usual case, and years of it when a history is
        taken in."""
        for ms, (counts, scale, label, covered_ms) in final.items():
            if covered_ms:
                month, day = self._date(zone, ms)
                slots[ms] = counts, scale, label, covered_ms, 0
                rows.append((number, ms, counts, scale, label, 0, day))
                key = month, label, scale
                before = sums.get(key)
                if before is None:
                    sums[key] = counts, covered_ms
                else:
                    sums[key] = before[0] + counts, before[1] + covered_ms

    def _difference(self, old: Raw, new: Value) -> tuple[int, int]:
        """New minus old, as counts and the number of their scale."""
        if old[1] == new.scale:
            return new.counts - old[0], new.scale
        one, other = self._ledger.scale_of(old[1]), self._ledger.scale_of(new.scale)
        scale = common(one, other)
        counts = int((new.counts * other - old[0] * one) / scale)
        return counts, self._ledger.scale_id(scale)

    def _count(
        self,
        sums: dict[tuple[int, int, int], tuple[int, int]],
        zone: str,
        ms: int,
        value: Value,
        sign: int,
    ) -> tuple[int, int]:
        """Add to the month that a slot lies in; its month and the ordinal of its local date."""
        found = self._date(zone, ms)
        if value[3] or value[0]:
            key = found[0], value[2], value[1]
            counts, covered_ms = sums.get(key, (0, 0))
            sums[key] = counts + sign * value[0], covered_ms + sign * value[3]
        return found

    def _date(self, zone: str, ms: int) -> tuple[int, int]:
        """The month that a slot lies in, and the ordinal of its local date."""
        found = self._dates.get((zone, ms))
        if found is None:
            if len(self._dates) > _CACHED_DATES:
                self._dates.clear()
            day = from_ms(ms).astimezone(ZoneInfo(zone)).date()
            found = self._dates[zone, ms] = month_of(day), day.toordinal()
        return found

    def _corrections(self, spec: MeterSpec, first: int, last: int) -> dict[int, Value]:
        """What people say that quarter hours used; the latest word counts."""
        found: dict[int, Value] = {}
        for entry in self._entries(spec, first, last):
            if entry.kind is EntryKind.CORRECTION:
                scale = self._ledger.scale_id(Fraction(entry.data["scale"]))
                label = RANK[Label(entry.data["label"])]
                ms = to_ms(entry.start)
                for counts in entry.data["counts"]:
                    if first <= ms < last:
                        found[ms] = Value(counts, scale, label, QUARTER_MS)
                    ms += QUARTER_MS
        return found

    # --- formulas ----------------------------------------------------------------------------

    def _formulas(self, changes: Changes) -> None:
        """Work out virtual meters where an input changed; inputs come before what uses them."""
        for spec in self._virtual:
            numbers = [self._ledger.known(key) for _, key in spec.terms]
            number = self._ledger.number(spec.id)
            starts = set(changes.get(number, ()))
            for source in numbers:
                if source is not None:
                    starts |= changes.get(source, set())
            if not starts or any(source is None for source in numbers):
                continue
            first, last = min(starts), max(starts) + QUARTER_MS
            inputs = [
                (factor, self._ledger.raw_slots(source, first, last))
                for (factor, _), source in zip(spec.terms, numbers, strict=True)
                if source is not None
            ]
            base = {
                ms: Value(*raw[:4])
                for ms, raw in self._ledger.raw_slots(number, first, last).items()
            }
            base |= {
                ms: Value(*raw[:4]) for ms, raw in self._ledger.beneath(number, first, last).items()
            }
            for ms in starts:
                base[ms] = self._derived(inputs, ms)
            self._publish(spec, number, first, last, base, changes)

    def _derived(self, inputs: Iterable[tuple[Fraction, Mapping[int, Raw]]], ms: int) -> Value:
        """One quarter hour by formula; missing if any input is, or is known in part only."""
        label, total = Label.DERIVED, Fraction(0)
        scales: Fraction | None = None
        for factor, slots in inputs:
            raw = slots.get(ms)
            if raw is None or raw[3] < QUARTER_MS:
                return NOTHING
            label = worst(label, LABELS[raw[2]])
            step = abs(factor) * self._ledger.scale_of(raw[1])
            scales = step if scales is None else common(scales, step)
            total += factor * raw[0] * self._ledger.scale_of(raw[1])
        assert scales is not None
        scale = self._ledger.scale_id(scales)
        return Value(int(total / scales), scale, RANK[label], QUARTER_MS)


def floor_day(ms: int) -> int:
    """The UTC midnight at or before an instant."""
    return ms - ms % DAY_MS


def common(one: Fraction, other: Fraction) -> Fraction:
    """The greatest fraction of which both are whole multiples."""
    if one == other:
        return one
    denominator = lcm(one.denominator, other.denominator)
    first = one.numerator * (denominator // one.denominator)
    second = other.numerator * (denominator // other.denominator)
    return Fraction(gcd(first, second), denominator)


def counts_of(text: str, resolution: Fraction) -> int:
    """A register value that a person wrote, in counts; raises ValueError if it is finer."""
    counts = Fraction(Decimal(text)) / resolution
    if counts.denominator != 1:
        raise ValueError(f"{text} is finer than the register's resolution of {float(resolution):g}")
    return int(counts)


def _begun(changed: Sequence[Replacement]) -> Anchor:
    return Anchor(changed[-1].ms, changed[-1].initial, Open())


def _register(spec: MeterSpec, resolution: Fraction) -> Register:
    size = None if spec.register_size is None else Fraction(spec.register_size) / resolution
    # The register counts before the ratio, the rating is after it: the least ratio allows most.
    least = min((factor for _, factor in spec.ratios), default=Fraction(1))
    least = min(least, Fraction(1))
    most = None if spec.most_per_h is None else spec.most_per_h / resolution / least
    return Register(None if size is None else round(size), most)


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


def _settings(spec: MeterSpec) -> str:
    """Everything that slots depend on besides marks."""
    return json.dumps(
        {
            "size": None if spec.register_size is None else str(spec.register_size),
            "most": None if spec.most_per_h is None else str(spec.most_per_h),
            "ratios": [[ms, str(factor)] for ms, factor in spec.ratios],
            "terms": [[str(factor), key] for factor, key in spec.terms],
            "zone": spec.zone,
        }
    )


def _first_difference(before: Mapping[str, object], now: Mapping[str, object]) -> int:
    """From when on slots are otherwise with other settings."""
    if any(before[key] != now[key] for key in ("size", "most", "terms", "zone")):
        return 0
    old, new = before["ratios"], now["ratios"]
    assert isinstance(old, list)
    assert isinstance(new, list)
    return min(
        int(ms) for ms, factor in [*old, *new] if [ms, factor] not in old or [ms, factor] not in new
    )
