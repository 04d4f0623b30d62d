"""What the month's sheet of a base stands on, out of the ledger: energy, quarter hours, entries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cached_property
from zoneinfo import ZoneInfo

from bms.config.site import Base, MeterRole, MeterSpec, Site
from bms.config.tariffs import Tariff
from bms.core.equipment import Medium
from bms.core.instants import from_ms, local_midnight, to_ms
from bms.energy.billing.allotment import Metered
from bms.energy.demand import Peak, demand, peaks
from bms.energy.intervals import Energy
from bms.energy.quarters import QUARTER_MS, Slot
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import Entry, EntryKind

SETTLES = timedelta(hours=1)
"""After the end of a month: by then its last quarter hours are in the ledger."""
OTHER_MEDIA = (Medium.GAS, Medium.WATER, Medium.HEAT)


@dataclass(frozen=True, slots=True)
class Span:
    """Two quarter-hour edges in the zone of a base."""

    start: datetime
    end: datetime

    @property
    def days(self) -> Fraction:
        """Days of the calendar, a begun one by its hours: a day of 23 hours is one."""
        first, last = self.start.date(), self.end.date()
        whole = Fraction((last - first).days)
        into = self.end - self.end.replace(hour=0, minute=0)
        return whole + Fraction(into // timedelta(minutes=1), 1440)


@dataclass(frozen=True, slots=True)
class Factor:
    """What is known of a power factor."""

    kvarh: float
    how: str
    """`point` or `register`."""


@dataclass(frozen=True)
class MonthData:
    """All figures of one month that come out of the ledger, before anything is said of them."""

    site: Site
    base: Base
    month: date
    """Its first day."""
    spans: tuple[Span, Span, Span]
    """This month, the one before, the same of last year."""
    over: bool
    """Whether the month is over; else it is told up to now."""
    energy: Mapping[str, tuple[Energy, Energy, Energy]]
    """By meter, for each span."""
    slots: Mapping[str, Sequence[tuple[int, Slot]]]
    """Quarter hours of the month by electricity meter."""
    entries: tuple[tuple[MeterSpec, Entry], ...]
    """What people said that touches the month."""
    reasons: Mapping[str, Sequence[str]]
    """By meter: why parts are missing."""
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """By meter, where a power factor or reactive energy is metered."""

    @cached_property
    def specs(self) -> dict[str, MeterSpec]:
        """The base's meters by id."""
        return meters_of(self.site, self.base)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.base.zone)

    @property
    def span(self) -> Span:
        return self.spans[0]

    def of_role(self, role: MeterRole) -> list[MeterSpec]:
        """The electricity meters that have a role in the load, in the order of the boundary."""
        names = {
            MeterRole.IMPORT: self.base.imports,
            MeterRole.GENERATION: self.base.generation,
            MeterRole.EXPORT: self.base.exports,
        }[role]
        return [self.site.meter_named(name) for name in names]

    @property
    def load(self) -> MeterSpec | None:
        """The meter that is the load; None where a base names no boundary."""
        found = (spec for spec in self.specs.values() if spec.role is MeterRole.LOAD)
        return next(found, None)

    def metered(self, spec: MeterSpec, sign: int = 1) -> Metered:
        """A meter's quarter hours as a part of a sum."""
        most = spec.most_per_h / 4 if spec.rated and spec.most_per_h is not None else None
        return Metered(sign, dict(self.slots.get(spec.id, ())), most)

    def tariff(self, spec: MeterSpec) -> Tariff | None:
        """What a meter is paid by: its own tariff, or that of the base."""
        return self.site.tariff_of(spec.name, self.base.id)

    def peak(self, spec: MeterSpec) -> Peak:
        """The greatest quarter hour of the month."""
        return peaks(self.slots[spec.id], self.zone, self.span.start, self.span.end)[0]

    def rates(self, spec: MeterSpec) -> list[tuple[int, Fraction]]:
        """Mean rates by quarter hour, as far as they may set a peak."""
        return demand(self.slots[spec.id])

    def data_hash(self) -> str:
        """A hash over everything that was read: another figure is another hash."""
        made = hashlib.sha256()
        for key, slots in sorted(self.slots.items()):
            made.update(key.encode())
            for ms, slot in slots:
                row = ms, slot.counts, str(slot.scale), slot.label.value, slot.covered_ms
                made.update(repr(row).encode())
        for key, energies in sorted(self.energy.items()):
            made.update(repr((key, [(str(e.amount), str(e.covered)) for e in energies])).encode())
        for spec, entry in self.entries:
            told = json.dumps(entry.data, sort_keys=True)
            made.update(repr((spec.id, entry.number, told, entry.withdrawn)).encode())
        for key, factor in sorted(self.factors.items()):
            made.update(repr((key, round(factor.kvarh, 6), factor.how)).encode())
        return made.hexdigest()


def meters_of(site: Site, base: Base) -> dict[str, MeterSpec]:
    """The meters of a base by id, in the order of their files."""
    return {key: spec for key, spec in site.metering.items() if spec.base == base.id}


def spans_of(month: date, zone: ZoneInfo, until: datetime | None) -> tuple[Span, Span, Span]:
    """A month, the one before and the same of last year; as far as `until` of the clock in each
    if the month is not over."""
    firsts = (month, _earlier(month, 1), _earlier(month, 12))
    found = []
    for first in firsts:
        start, end = _midnight(first, zone), _midnight(_earlier(first, -1), zone)
        if until is not None:
            local = until.astimezone(zone)
            day = min(local.day, ((end - timedelta(hours=12)).date() - first).days + 1)
            same = datetime(first.year, first.month, day, local.hour, local.minute, tzinfo=zone)
            end = min(same, end, key=to_ms)
        found.append(Span(start, end))
    return found[0], found[1], found[2]


def _earlier(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 - count
    return date(number // 12, number % 12 + 1, 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return local_midnight(day, zone).astimezone(zone)


def is_over(month: date, zone: ZoneInfo, now: datetime) -> bool:
    """Whether a month is over, and its last quarter hours had time to come in."""
    return now >= local_midnight(_earlier(month, -1), zone) + SETTLES


def gather(
    site: Site,
    base: Base,
    ledger: Ledger,
    month: date,
    now: datetime,
    factors: Mapping[str, Factor] | None = None,
) -> MonthData:
    """Everything that the sheet of a base needs, as of `now`.

    Raises StoreError if the ledger cannot be read.
    """
    zone = ZoneInfo(base.zone)
    over = is_over(month, zone, now)
    edge = from_ms(to_ms(now) - to_ms(now) % QUARTER_MS)
    known = [ledger.known_until(key) for key in meters_of(site, base)]
    last = max((ms for ms in known if ms is not None), default=to_ms(edge))
    until = None
    if not over:  # as far as anything is known, and at least its first quarter hour
        begun = local_midnight(month, zone) + timedelta(milliseconds=QUARTER_MS)
        until = max(begun, min(edge, from_ms(last - last % QUARTER_MS)))
    spans = spans_of(month, zone, until)
    start, end = to_ms(spans[0].start), to_ms(spans[0].end)
    specs = meters_of(site, base)
    return MonthData(
        site,
        base,
        month,
        spans,
        over,
        {
            key: tuple(ledger.energy_in(spec, s.start, s.end) for s in spans)  # type: ignore[misc]
            for key, spec in specs.items()
        },
        {
            key: ledger.slots(key, start, end)
            for key, spec in specs.items()
            if spec.medium is Medium.ELECTRICITY
        },
        tuple(
            (spec, entry)
            for key, spec in specs.items()
            for entry in ledger.entries(key, None, start, end)
            if _counts(entry, spans[0])
        ),
        {
            key: ledger.energy_in(spec, spans[0].start, spans[0].end).problems
            for key, spec in specs.items()
        },
        factors or {},
    )


def _counts(entry: Entry, span: Span) -> bool:
    """What a person said of the month itself; not the thousands of values of a logger's file."""
    if entry.data.get("by") == "instrument" or entry.kind is EntryKind.WITHDRAWAL:
        return False
    if entry.end > entry.start:
        return entry.start < span.end and entry.end > span.start
    return span.start <= entry.start <= span.end
