"""A site with meters, its history and its ledger, and the sums that have to hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from bms.config.resolving.energy.meters import MeterEntry
from bms.config.shapes.models import EnergyBoundary
from bms.config.site import Site
from bms.core.readings import LABELS, Label, Reading
from bms.energy.quarters import Slot
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from bms.historian.streams import EnergyRow
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
from tests.historian.support import make_site

START = datetime(2026, 3, 2, tzinfo=UTC)
METER = "b.m.energy"
CENT = Decimal("0.01")
ALWAYS = 2**61


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def site_of(
    directory: Path,
    entries: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    equipment: Mapping[str, str] | None = None,
    boundaries: Mapping[str, EnergyBoundary] | None = None,
    zone: str = "Asia/Shanghai",
) -> Site:
    return make_site(
        directory,
        equipment or {"b.m": "meter"},
        boundaries,
        zone=zone,
        entries={name: MeterEntry(**entry) for name, entry in (entries or {}).items()},
    )


class Books:
    """History and ledger of one site; `keep` brings the ledger up to date."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.history = History(site.state_dir)
        self.ledger = Ledger(site.state_dir)
        self.posting = Posting(site.metering, self.history, self.ledger)

    def __enter__(self) -> Books:
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()
        self.history.close()

    def read(self, pairs: Iterable[tuple[float, int]], meter: str = METER) -> None:
        """Store readings: minutes after `START`, counts of 0.01."""
        readings = [Reading(meter, at(minutes), counts) for minutes, counts in pairs]
        meters = [Meter(meter, meter.split(".")[0], CENT)]
        self.history.append(Batch(readings=readings, meters=meters))

    def keep(self, minutes: float = 60 * 24 * 4000) -> Books:
        self.posting.catch_up(at(minutes))
        return self

    def slots(self, meter: str = METER) -> list[tuple[int, Slot]]:
        return self.ledger.slots(meter, 0, ALWAYS)

    def shown(self, meter: str = METER) -> list[tuple[int, float, str]]:
        """Quarter hour number since `START`, amount, label: for tables computed by hand."""
        return [
            (
                (ms - int(START.timestamp() * 1000)) // 900_000,
                float(slot.amount),
                slot.label.value,
            )
            for ms, slot in self.slots(meter)
        ]

    def rows(self, page: int = 1000) -> list[EnergyRow]:
        """The whole stream, read as a sink does."""
        found: list[EnergyRow] = []
        while part := self.ledger.energy(len(found), page):
            found += part
        assert [row.seq for row in found] == list(range(1, self.ledger.last_energy() + 1))
        return found


def check_stream(books: Books, rows: Sequence[EnergyRow]) -> None:
    """Published revisions sum to the ledger, in order, with its last label."""
    sums: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    labels: dict[tuple[str, int], Label] = {}
    revs: dict[tuple[str, int], int] = {}
    for row in rows:
        key = row.meter, row.start_ms
        assert row.rev == revs.get(key, -1) + 1
        revs[key] = row.rev
        sums[key] += row.amount
        labels[key] = row.label
    for meter in books.ledger.keys().values():
        for ms, slot in books.slots(meter):
            assert sums.pop((meter, ms)) == slot.amount
            assert labels[meter, ms] is slot.label
            assert revs[meter, ms] == slot.rev
            assert (slot.covered_ms < 900_000) == (slot.label is Label.MISSING)
            assert slot.label in LABELS
            if slot.covered_ms == 0:
                assert slot.counts == 0
    assert sums == {}


def check_months(books: Books) -> None:
    """Months sum to the slots, per label."""
    for meter in books.ledger.keys().values():
        by_month: dict[Label, Fraction] = defaultdict(Fraction)
        covered = 0
        for found in books.ledger.months():
            if found.meter == meter:
                by_month[found.label] += found.amount
                covered += found.covered_ms
        by_slot: dict[Label, Fraction] = defaultdict(Fraction)
        for _, slot in books.slots(meter):
            by_slot[slot.label] += slot.amount
            covered -= slot.covered_ms
        assert {k: v for k, v in by_month.items() if v} == {k: v for k, v in by_slot.items() if v}
        assert covered == 0
