"""Two bases in two zones over the changes of the clock, as readings, ledger rows and lines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.resolving.energy.meters import meter_specs
from bms.config.shapes.models import EnergyBoundary
from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.forward.streams.outgoing import Outgoing
from bms.forward.streams.sources import Sources
from bms.forward.streams.tags import Tagging, site_tags
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter, to_ms
from bms.historian.streams import RollupRow
from bms.ledger.database.store import Ledger
from bms.ledger.posting import Posting
from tests.forward.rows import Rows
from tests.historian.support import make_site

ZONES = {"north": "Europe/Berlin", "south": "Australia/Sydney", "west": "Europe/Berlin"}
EQUIPMENT = {
    "north.grid": "meter", "north.pv": "pv_inverter", "north.feed-in": "meter",
    "north.ch-1": "chiller", "south.grid": "meter",
    "west.ch-1": "chiller", "west.ch-2": "chiller", "west.cold": "heat_meter",
}  # fmt: skip
METERS = [name for name in EQUIPMENT if name != "north.ch-1"]
RESOLUTION = Decimal("0.01")
NOW = datetime(2026, 4, 8, 12, tzinfo=UTC)
WINDOWS = [
    (datetime(year - 1, 12, 31, tzinfo=UTC), datetime(year, 4, 8, 12, tzinfo=UTC))
    for year in (2025, 2026)
]
QUARTER = timedelta(minutes=15)


def site_of(directory: Path) -> Site:
    made = make_site(
        directory,
        EQUIPMENT,
        {
            "north": EnergyBoundary(imports=["grid"], generation=["pv"], exports=["feed-in"]),
            "south": EnergyBoundary(imports=["grid"]),
        },
    )
    bases = {name: replace(base, zone=ZONES[name]) for name, base in made.bases.items()}
    metering = meter_specs(bases, made.equipment, made.meters)
    return replace(made, bases=bases, metering=metering)


def tagging_of(site: Site) -> Tagging:
    return Tagging({point: [(0, text)] for point, text in site_tags(site).items()})


@dataclass(frozen=True)
class Seasons:
    """The site, and its energy as the ledger has it: counts of RESOLUTION by meter and start."""

    site: Site
    directory: Path
    counts: dict[str, dict[datetime, int]]

    def kwh(self, meter: str, first: date, last: date) -> float:
        """Exactly what the registers say of the local days from first to last."""
        zone = ZoneInfo(ZONES[meter.partition(".")[0]])
        start = local_midnight(first, zone)
        end = local_midnight(last + timedelta(days=1), zone)
        found = sum(n for time, n in self.counts[meter].items() if start <= time < end)
        return float(found * RESOLUTION)


def make(directory: Path) -> Seasons:
    """Fill a directory: readings every quarter hour, some of them late, and the ledger of them."""
    site = site_of(directory)
    counts: dict[str, dict[datetime, int]] = {}
    with (
        History(directory) as history,
        Ledger(directory) as ledger,
        closing(Rows(directory)) as rows,
    ):
        posting = Posting(site.metering, history, ledger)
        late: list[Reading] = []
        for number, meter in enumerate(METERS):
            point = f"{meter}.energy"
            counts[meter] = {}
            readings = [
                reading
                for start, end in WINDOWS
                for reading in _readings(point, number, start, end)
            ]
            for before, after in pairwise(readings):
                if after.time - before.time == QUARTER:
                    counts[meter][before.time] = after.counts - before.counts
            # The ledger spreads what lies between evenly, until the late ones come.
            late += readings[7::2000]
            history.append(
                Batch(
                    readings=[r for i, r in enumerate(readings) if i % 2000 != 7],
                    meters=[Meter(point, meter.partition(".")[0], RESOLUTION)],
                )
            )
        posting.catch_up(NOW)
        history.append(Batch(readings=late))
        posting.catch_up(NOW + timedelta(hours=1))
        rows.add_rollups(_rollups())
    return Seasons(site, directory, counts)


@contextmanager
def sources(directory: Path) -> Iterator[Sources]:
    """The history and the ledger, and roll-ups that were made by hand."""
    with (
        Outgoing(directory, read_only=True) as history,
        Ledger(directory, read_only=True) as ledger,
        closing(Rows(directory)) as rows,
    ):
        yield Sources(history, ledger, rows, ledger.uid())


def _readings(point: str, number: int, start: datetime, end: datetime) -> Iterator[Reading]:
    counts = 1_000_000 * (number + 1)
    time = start
    step = 0
    while time <= end:
        yield Reading(point, time, counts)
        # By year, hour and meter different, so that a day cut elsewhere has another sum.
        counts += 100 * (number + 2) + (step * 37 + time.hour * 11 + time.year % 7 * 13) % 211
        step += 1
        time += QUARTER


def temperature_quarters() -> list[tuple[datetime, float, float]]:
    """Start, integral and covered seconds of the chilled water supply on the day of 23 hours."""
    start = local_midnight(date(2026, 3, 28), ZoneInfo("Europe/Berlin"))
    return [
        (start + q * QUARTER, (6.0 + q % 9 / 4) * (900.0 - q % 4 * 100), 900.0 - q % 4 * 100)
        for q in range(3 * 96)
    ]


def _rollups() -> Iterator[RollupRow]:
    zone = ZoneInfo("Europe/Berlin")
    for start, integral, covered_s in temperature_quarters():
        yield RollupRow(
            0, "north.ch-1.chw_supply_temp", to_ms(start), 0, 15, integral, covered_s, 5.5, 8.5,
            7.0, 0.0, 0, start.astimezone(zone).date(),
        )  # fmt: skip


def parsed(line: str) -> dict[str, Any]:
    """One line of the protocol as a row: tags and fields by name, `time` in ms (plain names)."""
    head, fields, ms = line.split(" ")
    row: dict[str, Any] = dict(tag.split("=") for tag in head.split(",")[1:])
    for item in fields.split(","):
        key, value = item.split("=")
        row[key] = value.strip('"') if value.startswith('"') else float(value)
    row["time"] = int(ms)
    return row
