"""Every query of docs/energy/queries.md, run on real servers and compared with the report."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.config.shapes.sinks import InfluxFile
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.opened import Copied
from bms.forward.copying.sink import InfluxSink
from bms.forward.copying.timing import Timing
from bms.forward.server.destination import Destination
from bms.forward.streams.lines import energy_line, rollup_line
from bms.ledger.database.store import Ledger
from bms.reports.growth import BaseGrowth, GrowthReport, growth_report
from tests.forward import seasons
from tests.forward.rows import Rows
from tests.forward.seasons import NOW, Seasons
from tests.machine_time import utc_now
from tests.patience import patience
from tests.servers.influx import ORG, ROLLUPS, TOKEN, Influx1, Influx2

pytestmark = pytest.mark.servers

DOCUMENT = Path(__file__).parents[2] / "docs" / "energy" / "queries.md"
Answers = dict[tuple[str, ...], float]


def documented() -> dict[tuple[str, str], str]:
    """Every query by its heading and language."""
    found = {}
    for section in re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0].strip()
        for language, text in re.findall(r"```(influxql|flux|sql)\n(.*?)```", section, re.DOTALL):
            found[title, language] = text.strip()
    return found


QUERIES = documented()
TITLES = list(dict.fromkeys(title for title, _ in QUERIES))


@pytest.fixture(scope="module")
def park(tmp_path_factory: pytest.TempPathFactory) -> Seasons:
    return seasons.make(tmp_path_factory.mktemp("park"))


def copied(park: Seasons, settings: InfluxFile, token: str) -> None:
    async def work() -> None:
        sink = InfluxSink(
            Destination(settings, token),
            Copied(park.directory, tagging=seasons.tagging_of(park.site), sources=seasons.sources),
            timing=Timing(utc_now, jitter=lambda: 0.0),
            reconcile=False,
            pace=Swift(5.0),
        )
        task = asyncio.create_task(sink.run())
        with seasons.sources(park.directory) as sources:
            assert sources.energy is not None
            assert sources.rollups is not None
            wanted = sources.energy.last_energy() + sources.rollups.last_rollup()
        async with patience():
            while sink.status.sent_lines < wanted or sink.status.backlog_rows:
                assert not task.done()
                await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(work())


class Swift(Pace):
    def allowance(self, now_s: float) -> int:
        return 100_000


@pytest.fixture(scope="module")
def influx1(park: Seasons) -> Iterator[Influx1]:
    with Influx1() as server:
        settings = InfluxFile(
            name="one", dialect="v1", url=server.url, db=ROLLUPS, send=["energy", "rollups"]
        )
        copied(park, settings, "")
        yield server


@pytest.fixture(scope="module")
def influx2(park: Seasons) -> Iterator[Influx2]:
    with Influx2() as server:
        settings = InfluxFile(
            name="two", url=server.url, org=ORG, bucket=ROLLUPS, send=["energy", "rollups"]
        )
        copied(park, settings, TOKEN)
        yield server


@pytest.fixture(scope="module")
def sql(park: Seasons) -> Any:
    """DataFusion with the same lines as tables, as InfluxDB 3 shows them."""
    import pyarrow as pa
    from datafusion import SessionContext

    context = SessionContext()
    tagging = seasons.tagging_of(park.site)
    with Ledger(park.directory, read_only=True) as ledger, closing(Rows(park.directory)) as rows:
        for name, lines in (
            ("energy_15m", [energy_line(r, tagging) for r in ledger.energy(0, 1_000_000)]),
            ("analog_15m", [rollup_line(r, tagging) for r in rows.rollups(0, 1_000_000)]),
        ):
            found = [seasons.parsed(line) for line in lines]
            columns = sorted({key for row in found for key in row})
            table = pa.table({key: [row.get(key) for row in found] for key in columns})
            times = pa.array([row["time"] for row in found], pa.timestamp("ms")).cast(
                pa.timestamp("ns")
            )
            table = table.set_column(table.column_names.index("time"), "time", times)
            context.register_record_batches(name, [table.to_batches()])
    return context


# --- what each answer should be, from the ledger and the report --------------------------------


def expected(title: str, park: Seasons) -> Answers:
    """Numbers by the tags that tell rows apart."""
    day = date(2026, 3, 29)
    year = (date(2026, 1, 1), date(2026, 4, 7))
    before = (date(2025, 1, 1), date(2025, 4, 7))
    roles = {"north.grid": "main", "north.pv": "generation", "north.feed-in": "export",
             "south.grid": "main"}  # fmt: skip
    north = {meter: role for meter, role in roles.items() if meter.startswith("north")}
    match title:
        case "Energy of a base on one day":
            return load_of(north, park, day)
        case "Energy of a base on the day with 25 hours":
            long_day = date(2026, 4, 5)
            return load_of({"south.grid": "main"}, park, long_day)
        case "Every day of a month":
            days = [date(2026, 3, 1) + timedelta(days=n) for n in range(31)]
            return {(d.isoformat(),): park.kwh("north.grid", d, d) for d in days}
        case "The year so far, by base":
            return {(m.split(".")[0], role): park.kwh(m, *year) for m, role in roles.items()}
        case "Growth on last year (base)":
            return {(m.split(".")[0], role): park.kwh(m, *before) for m, role in roles.items()}
        case "Growth on last year":
            with Ledger(park.directory, read_only=True) as ledger:
                report = growth_report(park.site, ledger, 2026, NOW)
            growths: Answers = {}
            for billed_base in billed(report):
                assert billed_base.growth.growth_pct is not None
                growths[billed_base.growth.base,] = billed_base.growth.growth_pct
            return growths
        case "Highest quarter hour of a month, in kW":
            zone = ZoneInfo("Europe/Berlin")
            counts = [
                n
                for time, n in park.counts["north.grid"].items()
                if time.astimezone(zone).strftime("%Y-%m") == "2026-03"
            ]
            return {(): float(max(counts) * seasons.RESOLUTION * 4)}
        case "How complete a day is":
            return {(p,): 92.0 for p in (*(f"{m}.energy" for m in north), "north.load")}
        case "COP of a chilled-water plant":
            chillers = sum(park.kwh(f"west.ch-{n}", day, day) for n in (1, 2))
            return {(): park.kwh("west.cold", day, day) / chillers}
        case "Mean of a point over a day":
            zone = ZoneInfo("Europe/Berlin")
            quarters = seasons.temperature_quarters()
            parts = [p for p in quarters if p[0].astimezone(zone).date() == day]
            assert len(parts) == 92
            return {(): sum(p[1] for p in parts) / sum(p[2] for p in parts)}
    raise AssertionError(f"docs/energy/queries.md has a query that no test knows: {title}")


def billed(report: GrowthReport) -> list[BaseGrowth]:
    """The bases with meters of their load; the plant in the west has none."""
    return [item for item in report.bases if item.growth.base != "west"]


def load_of(meters: dict[str, str], park: Seasons, day: date) -> Answers:
    """By role; the load is main + generation - export."""
    found: Answers = {(role,): park.kwh(meter, day, day) for meter, role in meters.items()}
    load = sum(-kwh if role == "export" else kwh for (role, *_), kwh in found.items())
    return {**found, ("load",): load}


KEYS = {
    "Energy of a base on one day": ("role",),
    "Energy of a base on the day with 25 hours": ("role",),
    "The year so far, by base": ("base", "role"),
    "Growth on last year": ("base",),
    "How complete a day is": ("point",),
}


def agrees(found: Answers, wanted: Answers) -> None:
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert found[key] == pytest.approx(value, rel=1e-9), key


# --- the languages ---------------------------------------------------------------------------


def influxql(server: Influx1 | Influx2, title: str, park: Seasons) -> None:
    wanted = expected(title, park)
    keys = KEYS.get(title, ())
    if title == "Growth on last year":  # the baseline: a second query
        wanted, keys = expected("Growth on last year (base)", park), ("base", "role")
    found: Answers
    answer = server.influxql(QUERIES[title, "influxql"], ROLLUPS)
    if title == "Every day of a month":
        zone = ZoneInfo("Europe/Berlin")
        found = {
            (datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).date().isoformat(),): kwh
            for series in answer
            for ms, kwh in series["values"]
        }
    else:
        found = {
            tuple(series.get("tags", {})[key] for key in keys): series["values"][0][1]
            for series in answer
        }
    agrees(found, wanted)


@pytest.mark.parametrize("title", TITLES)
def test_influxql_on_influxdb_1(title: str, park: Seasons, influx1: Influx1) -> None:
    influxql(influx1, title, park)


@pytest.mark.parametrize("title", TITLES)
def test_influxql_on_influxdb_2(title: str, park: Seasons, influx2: Influx2) -> None:
    influxql(influx2, title, park)


def rows_to_answers(title: str, rows: list[dict[str, Any]]) -> Answers:
    keys = KEYS.get(title, ())
    values = ("growth_pct", "kwh", "kw", "n", "mean", "cop")
    found: Answers = {}
    for row in rows:
        (name,) = [v for v in values if v in row]
        key = tuple(str(row[k]) for k in keys)
        if title == "Every day of a month":
            digits = str(int(float(row["date"])))
            key = (f"{digits[:4]}-{digits[4:6]}-{digits[6:]}",)
        found[key] = float(row[name])
    return found


@pytest.mark.parametrize("title", TITLES)
def test_flux(title: str, park: Seasons, influx2: Influx2) -> None:
    rows = influx2.flux(QUERIES[title, "flux"])
    agrees(rows_to_answers(title, rows), expected(title, park))


@pytest.mark.parametrize("title", TITLES)
def test_sql_on_datafusion(title: str, park: Seasons, sql: Any) -> None:
    rows = sql.sql(QUERIES[title, "sql"]).to_pylist()
    agrees(rows_to_answers(title, rows), expected(title, park))


def test_the_day_sums_are_the_reports_load(park: Seasons) -> None:
    """The oracle above is the report: its load is main + generation - export of the ledger."""
    with Ledger(park.directory, read_only=True) as ledger:
        report = growth_report(park.site, ledger, 2026, NOW)
    for item in billed(report):
        this = item.growth.this
        assert this is not None
        period = (this.period.first, this.period.last)
        assert period == (date(2026, 1, 1), date(2026, 4, 7))
        base = park.site.bases[item.growth.base]
        kwh = sum(park.kwh(m, *period) for m in (*base.imports, *base.generation))
        kwh -= sum(park.kwh(m, *period) for m in base.exports)
        assert this.kwh == pytest.approx(kwh, rel=1e-12)
