"""The Grafana dashboards: each parses, and each of its queries answers on a server with data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import bms.forward
from bms.core.decisions import Award, Command, Priority, Severity
from bms.core.equipment import PointClass
from bms.core.readings import Label
from bms.forward.streams.lines import LineWriter, alarm_line, award_line, energy_line, rollup_line
from bms.forward.streams.tags import Tagging, site_tags
from bms.historian.formats.blob import BOOL, NONE
from bms.historian.records import AlarmRow, AwardRow, to_ms
from bms.historian.streams import EnergyRow, RollupRow
from bms.texts.yaml.parsing import read
from tests.forward import seasons
from tests.servers.influx import BUCKET, ORG, ROLLUPS, TOKEN, Influx2, call

FOLDER = Path(bms.forward.__file__).parent / "grafana"
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=2)
EQUIP = ("ch-1", "grid")


def dashboards(language: str) -> dict[str, Any]:
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((FOLDER / language).glob("*.json"))
    }


def queries(language: str) -> list[tuple[str, str, str]]:
    """Where, of which data source, and the text: panels, and variables that ask."""
    key = "query" if language == "influxql" else "rawSql"
    found = []
    for name, dashboard in dashboards(language).items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                where = f"{name}: {panel['title']} {target['refId']}"
                found.append((where, target["datasource"]["uid"], target[key]))
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                text = variable["query"]
                where = f"{name}: variable {variable['name']}"
                found.append(
                    (
                        where,
                        variable["datasource"]["uid"],
                        text if isinstance(text, str) else text[key],
                    )
                )
    return found


@pytest.mark.parametrize("language", ["influxql", "sql"])
def test_each_is_complete(language: str) -> None:
    found = dashboards(language)
    assert set(found) == {"park-overview", "base-energy", "chilled-water", "data-quality"}
    for name, dashboard in found.items():
        assert dashboard["uid"] == f"bms-{name}-{language}"
        assert "__inputs" not in dashboard  # provisioning from files ignores them
        variables = {variable["name"] for variable in dashboard["templating"]["list"]}
        assert {"rollups", "raw", "base"} <= variables
        ids = [panel["id"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        used = set(re.findall(r"\$\{?(\w+)", json.dumps(dashboard["panels"])))
        builtin = {"timeFilter", "__timeFilter", "tag_point", "tag_base", "tag_role", "tag_equip"}
        assert used <= variables | builtin
        for panel in dashboard["panels"]:
            at = panel["gridPos"]
            assert at["x"] + at["w"] <= 24


@pytest.mark.parametrize("name", ["dashboards", "datasources"])
def test_provisioning_files_are_yaml(name: str) -> None:
    path = FOLDER / "provisioning" / name / "bms.yaml"
    document, problems = read(path.name, path.read_text(encoding="utf-8"))
    assert problems == []
    assert document is not None
    assert document.data["apiVersion"] == 1


def lines() -> dict[str, list[str]]:
    """Two days of everything that dashboards ask for, by bucket."""
    site = seasons.site_of(Path("site"))
    tags = site_tags(site)
    tagging = Tagging({point: [(0, text)] for point, text in tags.items()})
    energy, analog = [], []
    for quarter in range(192):
        time = START + timedelta(minutes=15 * quarter)
        for meter in (*seasons.METERS, "north.ch-1"):
            row = EnergyRow(
                0, f"{meter}.energy", to_ms(time), Fraction(quarter, 4), Label.MEASURED, 0,
                time.date(),
            )  # fmt: skip
            energy.append(energy_line(row, tagging))
        analog += [
            rollup_line(
                RollupRow(0, f"north.ch-1.{role}", to_ms(time), 0, 15, 6300.0, 900.0, 6.0, 8.0,
                          7.0, 0.0, 0, time.date()),
                tagging,
            )
            for role in ("chw_supply_temp", "chw_return_temp", "chw_setpoint", "power", "load")
        ]  # fmt: skip
    correction = EnergyRow(
        0, "north.grid.energy", to_ms(START), Fraction(-1, 2), Label.CORRECTED, 1, START.date()
    )
    energy.append(energy_line(correction, tagging))
    writer = LineWriter(tagging, {"north.ch-1.status": PointClass.STATE})
    raw = writer.lines(
        ["north.ch-1.status", "north.ch-1.power"],
        [to_ms(START)] * 2,
        [1.0, 0.0],
        bytes([BOOL << 4, NONE << 4 | 2]),
        lambda _text: "",
    )
    command = Command(
        point="north.ch-1.enable", value=1, priority=Priority.SCHEDULE, source="s", reason="r"
    )
    raw.append(award_line(AwardRow("north.ch-1.enable", START, Award(command)), tagging))
    raw.append(alarm_line(AlarmRow("link:a", Severity.URGENT, "silent", "raised", START), "park"))
    return {BUCKET: raw, ROLLUPS: energy + analog}


@pytest.fixture(scope="module")
def server() -> Iterator[Influx2]:
    with Influx2() as running:
        for bucket, found in lines().items():
            call(
                f"{running.url}/api/v2/write?org={ORG}&bucket={bucket}&precision=ms",
                "\n".join(found).encode(),
                token=TOKEN,
            )
        yield running


def filled(text: str, language: str) -> str:
    """A query as Grafana sends it, with every variable chosen."""
    start, end = START.isoformat(), END.isoformat()
    quoted = {"base": "'north','south','west'", "equip": ",".join(f"'{e}'" for e in EQUIP)}
    for name, value in (
        ("$timeFilter", f"time >= '{start[:19]}Z' AND time < '{end[:19]}Z'"),
        ("$__timeFilter(time)", f"time >= '{start[:19]}Z' AND time < '{end[:19]}Z'"),
        ("${base:regex}", "(north|south|west)"),
        ("${equip:regex}", f"({'|'.join(EQUIP)})"),
        ("${base:singlequote}", quoted["base"]),
        ("${cold:regex}", "(cold)"),
        ("${cold:singlequote}", "'cold'"),
        ("${equip:singlequote}", quoted["equip"]),
        ("$target_pct", "5"),
        ("$zone", "Europe/Berlin"),
        ("now()", "CAST('2026-03-10' AS TIMESTAMP)" if language == "sql" else "now()"),
    ):
        text = text.replace(name, value)
    assert "$" not in text.replace("$/", "")
    return text


@pytest.mark.servers
@pytest.mark.parametrize(
    ("where", "source", "text"), queries("influxql"), ids=[q[0] for q in queries("influxql")]
)
def test_every_influxql_query_answers(where: str, source: str, text: str, server: Influx2) -> None:
    database = {"${raw}": BUCKET, "${rollups}": ROLLUPS}[source]
    answer = server.influxql(filled(text, "influxql"), database)
    assert answer, where
    values = [value for series in answer for row in series["values"] for value in row[1:]]
    assert any(value is not None for value in values), where


@pytest.fixture(scope="module")
def tables() -> Any:
    import pyarrow as pa
    from datafusion import SessionContext

    context = SessionContext()
    rows: dict[str, list[dict[str, Any]]] = {}
    for found in lines().values():
        for line in found:
            rows.setdefault(line.partition(",")[0], []).append(seasons.parsed(line))
    for name, group in rows.items():
        columns = sorted({key for row in group for key in row} | {"q", "v"})
        table = pa.table({key: [row.get(key) for row in group] for key in columns})
        times = pa.array([row["time"] for row in group], pa.timestamp("ms"))
        table = table.set_column(table.column_names.index("time"), "time", times)
        context.register_record_batches(name, [table.to_batches()])
    return context


@pytest.mark.parametrize(
    ("where", "source", "text"), queries("sql"), ids=[q[0] for q in queries("sql")]
)
def test_every_sql_query_answers(where: str, source: str, text: str, tables: Any) -> None:
    rows = tables.sql(filled(text, "sql")).to_pylist()
    assert rows, where
    assert any(value is not None for row in rows for value in row.values()), where
