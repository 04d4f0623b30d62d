"""Growth of sites with gaps, new meters, bills and festivals, from readings to the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bms.config.resolving.energy.meters import MeterEntry
from bms.config.shapes.models import EnergyBoundary
from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from bms.ledger.database.store import Ledger
from bms.ledger.entered.entries import EntryKind
from bms.ledger.up_to_date import open_ledger
from bms.reports.growth import growth_report
from bms.reports.meter_figures import Step, interval_rows, meter_list, meter_view
from tests.energy.growth_sites import ZONE, Weather, days_from
from tests.historian.support import make_site
from tests.ledger.support import CENT

AFTER_2025 = datetime(2026, 1, 20, tzinfo=UTC)

YEARS = [2023, 2024, 2025]

Load = Callable[[date], float]


def weekly(day: date) -> float:
    return 1.0 if day.weekday() < 5 else 0.55


def summery(rate: float, seed: int = 3) -> Load:
    """A base whose hot weeks use nearly twice as much, grown by `rate` from 2024 to 2025."""
    weather, noise = Weather(Random(seed), YEARS, 0.6), Random(seed + 1)
    values = {
        day: (weekly(day) * 1800 + 70 * max(0.0, weather[day] - 20)) * noise.gauss(1, 0.02)
        for year in YEARS
        for day in days_from(date(year, 1, 1), 365 + (year == 2024))
    }
    return _grown(values, rate)


def wintry(rate: float, seed: int = 5) -> Load:
    """A base that heats: January uses half as much again as May."""
    weather, noise = Weather(Random(seed), YEARS, 0.6), Random(seed + 1)
    values = {
        day: (weekly(day) * 1800 + 50 * max(0.0, 16 - weather[day])) * noise.gauss(1, 0.02)
        for year in YEARS
        for day in days_from(date(year, 1, 1), 365 + (year == 2024))
    }
    return _grown(values, rate)


def _grown(values: dict[date, float], rate: float) -> Load:
    """Scaled so that 2025 uses exactly `rate` more than 2024."""
    sums = {y: sum(v for d, v in values.items() if d.year == y) for y in (2024, 2025)}
    factor = (1 + rate) * sums[2024] / sums[2025]
    return lambda day: values[day] * (factor if day.year == 2025 else 1.0)


@dataclass
class Rig:
    """A site with one base `b`, and what is written down of it."""

    site: Site
    history: History

    def polled(self, meter: str, load: Load, days: Iterable[date], start: int = 500) -> None:
        """Hourly readings of a register that begins at `start` counts of 0.01 kWh."""
        counts, readings = float(start), []
        last = None
        for day in days:
            for hour in range(24):
                at = local_midnight(day, ZONE) + timedelta(hours=hour)
                readings.append(Reading(f"b.{meter}.energy", at, int(counts)))
                counts += load(day) * 100 / 24
            last = day
        assert last is not None
        end = local_midnight(last + timedelta(days=1), ZONE)
        readings.append(Reading(f"b.{meter}.energy", end, int(counts)))
        made = [Meter(f"b.{meter}.energy", f"b.{meter}", CENT)]
        self.history.append(Batch(readings=readings, meters=made))

    def by_hand(self, ledger: Ledger, load: Load, times: Sequence[datetime], begin: float) -> None:
        """Readings that a person took; the register showed `begin` at the first of these times,
        which is not noted."""
        total, day, started = begin, times[0].date(), load(times[0].date()) * times[0].hour / 24
        for at in times[1:]:
            while day < at.date():
                total += load(day)
                day += timedelta(days=1)
            value = total - started + load(day) * at.hour / 24
            self.enter(ledger, EntryKind.READING, at, value=f"{value:.2f}")

    def enter(self, ledger: Ledger, kind: EntryKind, at: datetime, **data: str | None) -> None:
        with ledger.transaction():
            ledger.enter("b.main.energy", kind, at, at, data, who="li", why="round", now=AFTER_2025)

    def report(self, now: datetime = AFTER_2025, year: int = 2025) -> dict[str, Any]:
        with open_ledger(self.site, self.site.state_dir, now) as ledger:
            (base,) = growth_report(self.site, ledger, year, now).to_json()["bases"]
        return dict(base)


@pytest.fixture
def rig_of(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    opened: list[History] = []

    def make(*meters: str) -> Rig:
        equipment = {f"b.{name}": "meter" for name in meters}
        rated = {name: MeterEntry(rated_kw=500) for name in equipment}
        boundary = EnergyBoundary(imports=list(meters))
        site = make_site(tmp_path, equipment, {"b": boundary}, entries=rated)
        opened.append(History(site.state_dir))
        return Rig(site, opened[-1])

    yield make
    for history in opened:
        history.close()


def span(first: date, last: date) -> list[date]:
    return days_from(first, (last - first).days + 1)


JAN_24, DEC_25 = date(2024, 1, 1), date(2025, 12, 31)


def hottest(load: Load, year: int) -> date:
    starts = span(date(year, 6, 1), date(year, 9, 1))
    return max(starts, key=lambda first: sum(map(load, days_from(first, 28))))


@pytest.mark.case(
    "G1",
    when="One of two years has a leap day",
    then="Growth is that of the whole years, and the leap day is named",
)
def test_a_leap_day(rig_of: Callable[..., Rig]) -> None:
    rig = rig_of("main")
    rig.polled("main", lambda day: 1051.6 if day.year == 2025 else 1000, span(JAN_24, DEC_25))
    base = rig.report()
    assert base["growth_pct"] == pytest.approx(4.87, abs=0.01)
    assert base["growth_low_pct"] == base["growth_high_pct"] == base["growth_pct"]
    assert base["verdict"] == "under"
    assert any("2024 has a leap day more" in note for note in base["notes"])


@pytest.mark.case(
    "G2",
    when="A base lost its four hottest weeks in the year before",
    then="They are bounded by the same weeks of this year, and the verdict stands",
)
@pytest.mark.parametrize("seed", [5, 9])
def test_the_hottest_weeks_of_the_baseline_are_lost(rig_of: Callable[..., Rig], seed: int) -> None:
    rig, load = rig_of("main"), summery(0.02, seed)
    at = hottest(load, 2024)
    rig.polled("main", load, span(JAN_24, at - timedelta(days=1)), start=10_000_000)
    rig.polled("main", load, span(at + timedelta(days=28), DEC_25), start=0)
    base = rig.report()
    assert base["verdict"] == "under", base["reason"]
    assert base["growth_low_pct"] < 2.0 < base["growth_high_pct"]


@pytest.mark.case(
    "G3",
    when="A base lost its four hottest weeks of this year",
    then="The loss does not pass for saved energy: it is over",
)
@pytest.mark.parametrize("seed", [5, 9])
def test_the_hottest_weeks_of_this_year_are_lost(rig_of: Callable[..., Rig], seed: int) -> None:
    rig, load = rig_of("main"), summery(0.079, seed)
    at = hottest(load, 2025)
    rig.polled("main", load, span(JAN_24, at - timedelta(days=1)), start=10_000_000)
    rig.polled("main", load, span(at + timedelta(days=28), DEC_25), start=0)
    base = rig.report()
    assert base["verdict"] == "over", base["reason"]
    assert base["growth_low_pct"] < 7.9 < base["growth_high_pct"]


@pytest.mark.case(
    "G5",
    when="The only meter of a base was put in on 4 February of the year before",
    then="January is bounded by January of this year, winter as it is",
)
@pytest.mark.parametrize("seed", [5, 12])
def test_a_meter_from_february_on(rig_of: Callable[..., Rig], seed: int) -> None:
    rig, load = rig_of("main"), wintry(0.029, seed)
    rig.polled("main", load, span(date(2024, 2, 4), DEC_25))
    base = rig.report()
    assert base["verdict"] == "under", base["reason"]
    assert base["growth_low_pct"] < 2.9 < base["growth_high_pct"]


def festive(rate: float) -> Load:
    """Production stands still at the Spring Festival, whenever that is."""
    free = {
        *span(date(2025, 1, 28), date(2025, 2, 4)),
        *span(date(2026, 2, 15), date(2026, 2, 23)),
    }
    return lambda day: (
        (300.0 if day in free else 1000 * weekly(day)) * (1 + rate * (day.year == 2026))
    )


@pytest.mark.case(
    "G6",
    when="The Spring Festival lies in the year so far of one year only",
    then="Nobody can tell by dates alone; the report names it, and from when it can be told",
)
def test_the_spring_festival_has_moved(rig_of: Callable[..., Rig]) -> None:
    rig = rig_of("main")
    rig.polled("main", festive(0.03), span(date(2025, 1, 1), date(2026, 3, 20)))
    base = rig.report(datetime(2026, 2, 15, 2, tzinfo=UTC), 2026)
    assert base["verdict"] == "cannot tell"
    assert "Spring Festival was on 2025-01-28..2025-02-04" in base["reason"]
    assert base["growth_low_pct"] < 3.0 < base["growth_high_pct"]
    assert base["would_decide"] == ["the year so far from 2026-03-03 on"]
    assert base["projection_kwh"] is None
    later = rig.report(datetime(2026, 3, 4, 2, tzinfo=UTC), 2026)
    assert later["verdict"] == "under"
    early = rig.report(datetime(2026, 1, 19, 2, tzinfo=UTC), 2026)
    assert early["verdict"] == "under"  # neither year has had it


@pytest.mark.case(
    "G7",
    when="A meter read once a month was swapped, and 27 days were lost",
    then="The loss is bounded by the other year: over, or it cannot be told; never saved energy",
)
@pytest.mark.parametrize("day_of_month", [1, 5])
def test_bills_with_a_swap(rig_of: Callable[..., Rig], day_of_month: int) -> None:
    rig, load = rig_of("main"), summery(0.09)
    base = _bills(rig, load, day_of_month, lost=True)
    assert base["verdict"] in ("over", "cannot tell"), base["reason"]
    assert base["growth_low_pct"] < 9.0 < base["growth_high_pct"]
    assert base["growth_low_pct"] > 4.0


@pytest.mark.case(
    "G9",
    when="A meter is read once a month, and no reading is missing",
    then="That is complete: the verdict is as good as with a meter that is polled",
)
@pytest.mark.parametrize("day_of_month", [1, 2, 28])
def test_bills_throughout(rig_of: Callable[..., Rig], day_of_month: int) -> None:
    rig, load = rig_of("main"), summery(0.0367)
    base = _bills(rig, load, day_of_month, lost=False)
    assert base["verdict"] == "under", base["reason"]
    assert base["growth_low_pct"] < 3.67 < base["growth_high_pct"]


def _bills(rig: Rig, load: Load, day_of_month: int, *, lost: bool) -> dict[str, Any]:
    """Readings at nine o'clock of one day a month; if `lost`, those of April 2025 are lost with
    the meter, which was swapped on the 28th."""
    months = [date(2023, 11, day_of_month)]
    while months[-1] < date(2026, 1, 1):
        months.append((months[-1] + timedelta(days=31)).replace(day=day_of_month))
    times = [datetime.combine(day, time(9), ZONE) for day in months]
    swap = datetime(2025, 4, day_of_month, 9, tzinfo=ZONE) + timedelta(days=27)

    def used(day: date) -> float:
        return load(min(day, DEC_25))

    with Ledger(rig.site.state_dir) as ledger:
        if not lost:
            rig.by_hand(ledger, used, times, 1000)
            return rig.report()
        rig.by_hand(ledger, used, [at for at in times if at < swap - timedelta(days=20)], 1000)
        rig.enter(ledger, EntryKind.REPLACEMENT, swap, final=None, initial="0")
        rig.by_hand(ledger, used, [swap, *(at for at in times if at > swap)], 0)
    return rig.report()


@pytest.mark.case(
    "E13",
    when="The coverage of a meter is asked in several ways",
    then="List, show, intervals and growth say one number for the same time",
)
def test_one_coverage_everywhere(rig_of: Callable[..., Rig]) -> None:
    rig = rig_of("main")
    now = datetime(2025, 1, 31, 16, tzinfo=UTC)  # midnight there
    with Ledger(rig.site.state_dir) as ledger:
        for day, value in ((date(2024, 12, 20), "0"), (date(2025, 1, 22), "3300")):
            at = datetime.combine(day, time(12), ZONE)
            rig.enter(ledger, EntryKind.READING, at, value=value)
    start = datetime(2024, 12, 31, 16, tzinfo=UTC)
    known = 100 * 21.5 / 31
    with open_ledger(rig.site, rig.site.state_dir, now) as ledger:
        spec = rig.site.meter_named("b.main")
        shown = meter_view(rig.site, ledger, spec, start, now)["coverage_pct"]
        steps: tuple[Step, ...] = ("15m", "day", "month")
        rows = [interval_rows(ledger, spec, start, now, step) for step in steps]
        ahead = now - timedelta(minutes=15)
        listed = next(r for r in meter_list(rig.site, ledger, ahead) if r["meter"] == "b.main")
        upto = meter_view(rig.site, ledger, spec, start, ahead)["coverage_pct"]
    assert shown == pytest.approx(known, abs=0.01)
    for found in rows:
        mean = sum(row["coverage_pct"] for row in found) / len(found)
        assert mean == pytest.approx(known, abs=0.01)
    assert listed["coverage_pct"] == upto
    base = rig.report(now, 2025)
    assert base["coverage_pct"] == shown
    assert base["meters"][0]["coverage_pct"] == shown


@pytest.mark.case(
    "G8",
    when="A feeder or solar plant is added in the middle of a year",
    then="Nobody can tell until somebody says what was there before",
)
def test_a_feeder_added_in_mid_year(rig_of: Callable[..., Rig]) -> None:
    rig = rig_of("main", "feeder")
    rig.polled("main", lambda day: 1000 * weekly(day), span(JAN_24, DEC_25))
    rig.polled("feeder", lambda day: 400 * weekly(day), span(date(2024, 4, 1), DEC_25))
    base = rig.report()
    assert base["verdict"] == "cannot tell"
    assert base["growth_low_pct"] < 0 < 5 < base["growth_high_pct"]
    assert base["would_decide"] == ["the register of b.feeder on 2024-01-01"]
    with Ledger(rig.site.state_dir) as ledger, ledger.transaction():
        at = datetime(2024, 1, 1, tzinfo=ZONE)  # it hung there, and nothing flowed
        ledger.enter("b.feeder.energy", EntryKind.READING, at, at, {"value": "5.00"}, who="li",
                     why="put in in April", now=AFTER_2025)  # fmt: skip
    told = rig.report()
    assert told["verdict"] == "over"
    assert told["growth_low_pct"] == pytest.approx(told["growth_high_pct"], abs=0.01)
