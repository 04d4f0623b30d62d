"""Makes what is published from quarter hours: rows, revisions, months, formulas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import reduce
from math import gcd, lcm
from operator import mul
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from bms.config.site import MeterSpec
from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.core.readings import RANK, Label
from bms.energy.quarters import QUARTER_MS
from bms.ledger.database.months import month_of
from bms.ledger.database.packing import Raw
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import Entry, EntryKind
from bms.ledger.entered.measured import quarters_of

_CACHED_DATES: Final = 20_000
FOREVER: Final = 2**62
MOST_COUNTS: Final = 2**60
"""Sums of what is worked out or entered stay within the integers of the database."""

Changes = dict[int, set[int]]
"""The starts of the slots that a step changed, by meter number."""


class Value(NamedTuple):
    """What a quarter hour holds, whatever was published of it."""

    counts: int
    scale: int
    label: int
    covered_ms: int


_DERIVED: Final = RANK[Label.DERIVED]
NOTHING: Final = Value(0, 0, RANK[Label.MISSING], 0)


class Publisher:
    """Publishes slots of one site's ledger, inside the transactions of `Posting`."""

    def __init__(self, virtual: Sequence[MeterSpec], ledger: Ledger) -> None:
        self._virtual = virtual
        self._ledger = ledger
        self._dates: dict[tuple[str, int], tuple[int, int]] = {}
        self._told: frozenset[str] = frozenset()

    def begin(self) -> None:
        """A step begins: what people said may have changed since the last one."""
        self._told = self._ledger.with_entries()

    def told(self, spec: MeterSpec) -> bool:
        """Whether anybody ever said anything of a meter."""
        return spec.id in self._told

    def entries(self, spec: MeterSpec, kind: EntryKind, first_ms: int, last_ms: int) -> list[Entry]:
        """What people said of this time, and still say, of one kind."""
        if spec.id not in self._told:
            return []
        found = self._ledger.entries(spec.id, kind, first_ms, last_ms)
        return [entry for entry in found if not entry.withdrawn]

    def recount_months(self, spec: MeterSpec, number: int) -> None:
        self._ledger.drop_months(number)
        sums: dict[tuple[int, int, int], tuple[int, int]] = {}
        for ms, raw in self._ledger.raw_slots(number, 0, FOREVER).items():
            self._count(sums, spec.zone, ms, Value(*raw[:4]), 1)
        self._ledger.add_months(number, sums)

    def republish(self, spec: MeterSpec, first: int, last: int, changes: Changes) -> None:
        """Publish a range again after its corrections changed; the registers' part stays."""
        number = self._ledger.number(spec.id)
        base = {
            ms: Value(*raw[:4]) for ms, raw in self._ledger.raw_slots(number, first, last).items()
        }
        base |= {
            ms: Value(*raw[:4]) for ms, raw in self._ledger.beneath(number, first, last).items()
        }
        self.publish(spec, number, first, last, base, changes)

    def publish(
        self,
        spec: MeterSpec,
        number: int,
        first: int,
        last: int,
        base: Mapping[int, Value],
        changes: Changes,
    ) -> None:
        """Make the slots from `first` to before `last` say what `base` and corrections say."""
        over = self._elsewhere(spec, first, last, base) | self._corrections(spec, first, last)
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
                if new is None or new.covered_ms == 0:
                    continue
                rev, counts, scale = 0, new.counts, new.scale
            else:
                *held, rev = old
                was = Value(*held)
                if new is None or new.covered_ms == 0:
                    new = Value(0, was.scale, RANK[Label.MISSING], 0)
                if was == new:
                    continue
                counts, scale = self._difference(was, new)
                self._count(sums, spec.zone, ms, was, -1)
                if counts == 0 and was.label == new.label:
                    slots[ms] = (*new, rev)
                    self._count(sums, spec.zone, ms, new, 1)
                    continue
                rev += 1
            slots[ms] = (*new, rev)
            _, day = self._count(sums, spec.zone, ms, new, 1)
            rows.append((number, ms, counts, scale, new.label, rev, day))
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
                counts_before, covered_before_ms = sums.get(key, (0, 0))
                sums[key] = counts_before + counts, covered_before_ms + covered_ms

    def _difference(self, old: Value, new: Value) -> tuple[int, int]:
        """New minus old, as counts and the number of their scale."""
        if old.scale == new.scale:
            return new.counts - old.counts, new.scale
        one, other = self._ledger.scale_of(old.scale), self._ledger.scale_of(new.scale)
        scale = common(one, other)
        counts = int((new.counts * other - old.counts * one) / scale)
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
        month, day = self._date(zone, ms)
        if value.covered_ms or value.counts:
            key = month, value.label, value.scale
            counts, covered_ms = sums.get(key, (0, 0))
            sums[key] = counts + sign * value.counts, covered_ms + sign * value.covered_ms
        return month, day

    def _date(self, zone: str, ms: int) -> tuple[int, int]:
        """The month that a slot lies in, and the ordinal of its local date."""
        found = self._dates.get((zone, ms))
        if found is None:
            if len(self._dates) > _CACHED_DATES:
                self._dates.clear()
            day = from_ms(ms).astimezone(ZoneInfo(zone)).date()
            found = self._dates[zone, ms] = month_of(day), day.toordinal()
        return found

    def _elsewhere(
        self, spec: MeterSpec, first: int, last: int, base: Mapping[int, Value]
    ) -> dict[int, Value]:
        """What another instrument measured, where the register itself does not know it as well.

        Quarter hours that the register measured stay: theirs is the account that sums to the
        register. What it only knows as a share of a longer time, or not at all, the file knows
        better.
        """
        told = self.entries(spec, EntryKind.INTERVALS, first, last)
        if not told:
            return {}
        scale = reduce(common, (Fraction(entry.data["scale"]) for entry in told))
        number = self._ledger.scale_id(scale)
        found: dict[int, Value] = {}
        for start_ms, counts, label, covered_ms in quarters_of(told, scale, first, last):
            own = base.get(start_ms, NOTHING)
            rank = RANK[label]
            if own.covered_ms < covered_ms or (own.covered_ms == QUARTER_MS and own.label > rank):
                found[start_ms] = Value(counts, number, rank, covered_ms)
        return found

    def _corrections(self, spec: MeterSpec, first: int, last: int) -> dict[int, Value]:
        """What people say that quarter hours used; the latest word counts."""
        found: dict[int, Value] = {}
        for entry in self.entries(spec, EntryKind.CORRECTION, first, last):
            scale = self._ledger.scale_id(Fraction(entry.data["scale"]))
            label = RANK[Label(entry.data["label"])]
            ms = to_ms(entry.start)
            for counts in entry.data["counts"]:
                if first <= ms < last:
                    found[ms] = Value(counts, scale, label, QUARTER_MS)
                ms += QUARTER_MS
        return found

    def formulas(self, changes: Changes) -> None:
        """Work out virtual meters where an input changed; inputs come before their users."""
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
            slots = [
                self._ledger.raw_slots(source, first, last)
                for source in numbers
                if source is not None
            ]
            formula = _Formula([factor for factor, _ in spec.terms], self._ledger)
            base = {
                ms: Value(*raw[:4])
                for ms, raw in self._ledger.raw_slots(number, first, last).items()
            }
            base |= {
                ms: Value(*raw[:4]) for ms, raw in self._ledger.beneath(number, first, last).items()
            }
            for ms in starts:
                base[ms] = formula.value([inputs.get(ms) for inputs in slots])
            self.publish(spec, number, first, last, base, changes)


class _Formula:
    """What a virtual meter makes of the quarter hours of its inputs.

    Scales hardly ever change, so that a quarter hour costs one sum of whole numbers (measured:
    180 us with fractions, 5 us so).
    """

    def __init__(self, factors: Sequence[Fraction], ledger: Ledger) -> None:
        self._factors = factors
        self._ledger = ledger
        self._worths: dict[tuple[int, ...], tuple[tuple[int, ...], int]] = {}

    def value(self, inputs: Sequence[Raw | None]) -> Value:
        """One quarter hour; missing if any input is, or is known in part only."""
        rank = _DERIVED
        counts: list[int] = []
        scales: list[int] = []
        for raw in inputs:
            if raw is None or raw[3] < QUARTER_MS:
                return NOTHING
            counts.append(raw[0])
            scales.append(raw[1])
            rank = max(rank, raw[2])
        each, scale = self._worth(tuple(scales))
        total = sum(map(mul, counts, each))
        if abs(total) >= MOST_COUNTS:  # factors nobody can mean: it holds up no other
            return NOTHING
        return Value(total, scale, rank, QUARTER_MS)

    def _worth(self, scales: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
        """In counts of the result, what a count of each input is worth; the result's scale."""
        found = self._worths.get(scales)
        if found is None:
            worths = [
                factor * self._ledger.scale_of(scale)
                for factor, scale in zip(self._factors, scales, strict=True)
            ]
            step = reduce(common, map(abs, worths))
            each = tuple(int(worth / step) for worth in worths)
            found = self._worths[scales] = each, self._ledger.scale_id(step)
        return found


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
