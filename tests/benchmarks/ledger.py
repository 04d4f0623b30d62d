"""The energy ledger: 500 meters over 5 years summed per month, and what a quarter hour costs."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from bms.core.instants import DAY_MS, to_ms
from bms.core.readings import RANK, Label, Reading
from bms.energy.quarters import QUARTER_MS
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from bms.ledger.database.packing import Raw
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
from tests.benchmarks.table import Row, median
from tests.historian.support import make_site

METERS = 500
YEARS = 5
REPEATS = 5
EVERY = 50
START = datetime(2021, 1, 1, tzinfo=UTC)


def fill(directory: Path) -> int:
    """Five years of quarter hours as `Posting` leaves them: packed days, and their months.

    Every month is there, but of the days only one in `EVERY`, so that filling takes a minute and
    not hours: the sum per month does not look at days. Returns what the months sum up.
    """
    days = (START.replace(year=START.year + YEARS) - START).days
    with Ledger(directory) as ledger, ledger.transaction():
        scale = ledger.scale_id(Fraction(1, 100))
        label = RANK[Label.MEASURED]
        for meter in range(METERS):
            number = ledger.number(f"b.m{meter}.energy")
            day: list[Raw] = [
                (100 + (i * meter) % 37, scale, label, QUARTER_MS, 0) for i in range(96)
            ]
            total = sum(raw[0] for raw in day)
            for first in range(0, days, EVERY):
                begin = to_ms(START) + first * DAY_MS
                slots = {begin + i * QUARTER_MS: raw for i, raw in enumerate(day)}
                ledger.put_slots(number, slots, begin + DAY_MS)
            ledger.add_months(
                number,
                {
                    (month, label, scale): (total * 30, DAY_MS * 30)
                    for month in range(START.year * 12, (START.year + YEARS) * 12)
                },
            )
    return METERS * days * 96


def _months(directory: Path) -> list[float]:
    took = []
    for _ in range(REPEATS):
        with Ledger(directory, read_only=True) as ledger:
            begun = time.perf_counter()
            rows = ledger.months()
            took.append(time.perf_counter() - begun)
            assert len(rows) == METERS * YEARS * 12
    return took


def _keeping(directory: Path) -> tuple[float, float]:
    """CPU per quarter hour when a history is taken in, and of one live step for 500 meters."""
    site = make_site(directory, {f"b.m{i}": "meter" for i in range(METERS)})
    meters = [Meter(point, "b", Decimal("0.01")) for point in site.meters]
    days = 4
    with History(site.state_dir) as history, Ledger(site.state_dir) as ledger:
        posting = Posting(site.metering, history, ledger)

        def read(first: int, last: int) -> None:
            readings = [
                Reading(point, START + timedelta(minutes=15 * i), 100 * i)
                for i in range(first, last)
                for point in site.meters
            ]
            history.append(Batch(readings=readings, meters=meters))

        read(0, days * 96 + 1)
        begun = time.process_time()
        posting.catch_up(START + timedelta(days=days, minutes=2))
        taken_in = time.process_time() - begun
        steps = []
        for quarter in range(days * 96 + 1, days * 96 + 9):
            read(quarter, quarter + 1)
            begun = time.process_time()
            posting.catch_up(START + timedelta(minutes=15 * quarter + 2))
            steps.append(time.process_time() - begun)
        assert ledger.last_energy() == METERS * (days * 96 + 8)
    return taken_in / (METERS * days * 96) * 1e6, median(steps) * 1000


def run() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        values = fill(Path(folder))
        months = _months(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        taken_in_us, step_ms = _keeping(Path(folder))
    return [
        Row(
            f"ledger: 500 meters x 5 years per month ({values:,} values)",
            median(months),
            "s",
            "<= 0.2",
        ),
        Row("ledger: a quarter hour of history taken in, CPU", taken_in_us, "us"),
        Row("ledger: a live quarter hour of 500 meters, CPU", step_ms, "ms"),
    ]
