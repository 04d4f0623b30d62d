"""Energy, coal equivalent and CO2: from files, from meters, and beside a printed table."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.config.load import check
from bms.config.shapes.models import EnergyBoundary
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.errors import InvalidInput
from bms.core.instants import local_midnight
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Meter
from bms.operations.reporting.carbon_case import energy_document
from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import Document, Figure, Table
from bms.reports.documents.json_face import to_json
from simulators.parks import demo
from tests.historian.support import make_site

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "energy_2018_2020.json"
SITE = Path(demo.__file__).parent / "site"
ENERGY = ("amounts", "tce", "co2", "water", "intensities")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
COMPANY = """
energies:
  electricity: {kind: electricity, unit: MWh, amounts: {2024: 1000.0, 2025: 1100.5}}
  petrol: {kind: petrol, unit: t, amounts: {2024: 10.0, 2025: 9.5}}
  town: {kind: water, unit: t, amounts: {2024: 300.0, 2025: 310.0}}
  well: {kind: water, unit: t, amounts: {2024: 20.0, 2025: 25.0}}
use:
  - {set: ndrc-scope-1}
  - {set: own-grid, from_year: 2025}
  - {set: grid-east-2012, to_year: 2024}
sets:
  own-grid:
    of: scope_2
    source: Letter of the supplier, 3 January 2026
    verified: true
    per: {electricity: {amount: 0.5, unit: MWh}}
activities:
  revenue: {unit: MRMB, amounts: {2024: 50.25, 2025: 55.25}}
printed:
  tce: {2024: 137.6, 2025: 149.2}
  water: {2024: 320.0, 2025: 330.0}
  water_per_revenue: {2024: 6.4, 2025: 6.1}
"""


def site_with(text: str | None) -> Site:
    files = {
        path.relative_to(SITE).as_posix(): path.read_text(encoding="utf-8")
        for path in SITE.rglob("*.yaml")
        if "variants" not in path.parts
    }
    files.pop("energy.yaml", None)
    if text is not None:
        files["energy.yaml"] = text
    site, _ = check(SITE, STRATEGIES, files=files)
    assert site is not None
    return site


def tables(document: Document, *names: str) -> dict[str, dict[str, object]]:
    """The cells of tables by row and column; figures as numbers."""
    parts = [part for section in document.sections for part in section.parts]
    return {
        row.key: {
            column.key: cell.value if isinstance(cell, Figure) else cell
            for column, cell in zip(part.columns, cells, strict=True)
        }
        for part in parts
        if isinstance(part, Table) and (part.key in names or not names)
        for row, cells in zip(part.rows, worked_out(part), strict=True)
    }


def test_a_year_is_reckoned_with_the_sets_that_it_names() -> None:
    rows = tables(energy_document(site_with(COMPANY), [2024, 2025], NOW), *ENERGY)
    assert rows["tce"]["2024"] == pytest.approx(1000 * 0.1229 + 10 * 1.4714)
    assert rows["scope_2"]["2024"] == pytest.approx(703.5)
    assert rows["scope_2"]["2025"] == pytest.approx(550.25)
    assert rows["scope_1"]["2025"] == pytest.approx(9.5 * 2.9251)
    assert rows["co2"]["change"] == pytest.approx(
        ((550.25 + 9.5 * 2.9251) / (703.5 + 29.251) - 1) * 100
    )
    assert rows["tce/revenue"]["2024"] == pytest.approx((122.9 + 14.714) / 50.25)


def test_what_nobody_checked_says_so() -> None:
    document = energy_document(site_with(COMPANY), [2024, 2025], NOW)
    rows = tables(document, *ENERGY)
    assert "grid-east-2012 (unverified), own-grid" in str(rows["scope_2:electricity"]["factors"])
    assert rows["tce:petrol"]["factors"] == "report-2020-tce"
    factors = tables(document, "factors")
    assert factors["own-grid"]["verified"] == "checked against its source"
    assert factors["ndrc-scope-1"]["verified"] == "unverified"
    assert document.receipt.factors == (
        "grid-east-2012", "ndrc-scope-1", "own-grid", "report-2020-tce",
    )  # fmt: skip


def test_a_printed_table_is_checked_against_itself() -> None:
    rows = tables(energy_document(site_with(COMPANY), [2024, 2025], NOW), "printed")
    wrong = {name: str(row["verdict"]) for name, row in rows.items() if row["verdict"] != "agrees"}
    assert wrong == {
        "water:2025": "is not the sum of its parts",
        "water/revenue:2025": "does not follow from total and divisor",
    }
    assert rows["water/revenue:2025"]["reckoned"] == pytest.approx(330 / 55.25)


@pytest.mark.skipif(not SOURCE.exists(), reason="the source's table is not beside the tree")
def test_the_source_table_comes_out_inside_its_rounding() -> None:
    source = json.loads(SOURCE.read_text(encoding="utf-8"))
    years = source["years"]

    def by_year(numbers: list[float]) -> dict[int, float]:
        return dict(zip(years, numbers, strict=True))

    activity, reported, water = source["activity"], source["reported"], source["water"]
    kinds = {
        "petrol": ("t", activity["gasoline_t"]),
        "diesel": ("t", activity["diesel_t"]),
        "natural_gas": ("1e4m3", activity["gas_1e4m3"]),
        "electricity": ("MWh", activity["electricity_MWh"]),
    }
    file = {
        "energies": {
            kind.replace("_", "-"): {"kind": kind, "unit": unit, "amounts": by_year(numbers)}
            for kind, (unit, numbers) in kinds.items()
        }
        | {
            name: {"kind": "water", "unit": "t", "amounts": by_year(water[name])}
            for name in ("municipal", "ground", "surface")
        },
        "use": [{"set": "ndrc-scope-1"}, {"set": "grid-east-2012"}],
        "activities": {"revenue": {"unit": "MRMB", "amounts": by_year(source["revenue_MRMB"])}},
        "printed": {
            "tce_indirect": by_year(reported["indirect_tce"]),
            "tce": by_year(reported["total_tce"]),
            "tce_per_revenue": by_year(reported["tce_per_MRMB"]),
            "scope_1": by_year(reported["scope1_tCO2"]),
            "scope_2": by_year(reported["scope2_tCO2"]),
            "co2": by_year(reported["total_tCO2"]),
            "co2_per_revenue": by_year(reported["tCO2_per_MRMB"]),
            "water": by_year(water["total"]),
            "water_per_revenue": by_year(water["t_per_MRMB"]),
        },
    }
    # Keys of JSON are texts; those of YAML are the years they look like.
    text = json.dumps(file).replace('"2018"', "2018").replace('"2019"', "2019")
    text = text.replace('"2020"', "2020")
    rows = tables(energy_document(site_with(text), years, NOW), "printed")
    verdicts = {name: str(row["verdict"]) for name, row in rows.items()}
    derived = {name: v for name, v in verdicts.items() if not name.startswith("water")}
    assert len(derived) == 21
    assert sum(verdict == "agrees" for verdict in derived.values()) == 15
    wrong = {name.split(":")[0] for name, verdict in derived.items() if verdict != "agrees"}
    assert wrong == {"scope_1", "scope_2"}
    misprints = {n for n, v in verdicts.items() if n.startswith("water") and v != "agrees"}
    assert misprints == {"water:2020", "water/revenue:2019"}


def test_energy_comes_from_meters_where_no_file_has_it(tmp_path: Path) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    site = make_site(
        tmp_path,
        {"north.meter-main": "meter", "south.meter-main": "meter"},
        {name: EnergyBoundary(imports=["meter-main"]) for name in ("north", "south")},
    )
    with History(site.state_dir) as history:
        for meter, first in (
            ("north.meter-main", date(2025, 1, 1)),
            ("south.meter-main", date(2025, 3, 1)),
        ):
            point, counts, readings = f"{meter}.energy", 0, []
            time, end = local_midnight(first, zone), local_midnight(date(2026, 1, 1), zone)
            while time <= end:
                readings.append(Reading(point, time, counts))
                counts += 100 * 100  # 100 kWh an hour, in counts of 0.01 kWh
                time += timedelta(hours=1)
            batch = Batch(
                readings=readings,
                meters=[Meter(point, meter.partition(".")[0], Decimal("0.01"))],
            )
            history.append(batch)
    rows = tables(energy_document(site, [2025], NOW), *ENERGY)
    assert rows["amount:electricity-north"]["2025"] == 8760 * 100 / 1000
    assert rows["amount:electricity-south"]["2025"] is None
    assert rows["tce"]["2025"] is None
    assert rows["tce:electricity-north"]["2025"] == pytest.approx(876 * 0.1229)
    made = energy_document(site, [2025], NOW)
    (south,) = (
        row.cells["2025"]
        for section in made.sections
        for part in section.parts
        if isinstance(part, Table)
        for row in part.rows
        if row.key == "amount:electricity-south"
    )
    assert isinstance(south, Figure)
    assert south.least == Fraction(306 * 24 * 100, 1000)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("use: [{set: grid-est-2012}]", "no factor set 'grid-est-2012'"),
        ("use: [{set: ndrc-scope-1, bases: [nowhere]}]", "no base 'nowhere'"),
        ("use: [{set: ndrc-scope-1, from_year: 2025, to_year: 2024}]", "before the first"),
        ("energies: {a: {kind: petroll, unit: t}}", "no factor set knows the energy 'petroll'"),
        ("energies: {a: {kind: petrol, unit: gallon}}", "gallon"),
        ("energies: {a: {kind: petrol, unit: t, amounts: {2024: -1}}}", "-1"),
        ("energies: {a: {kind: water, unit: t, meters: [tonglu.nothing]}}", "no meter"),
        ("printed: {tcee: {2024: 1}}", "no row 'tcee'"),
        ("nonsense: 1", "nonsense"),
        ("- a list", "keys"),
    ],
)
def test_what_is_wrong_with_the_file_keeps_back_the_report_alone(text: str, wrong: str) -> None:
    site = site_with(text)  # it runs
    (problem, *_) = [p for p in site.unmet if p.file == "energy.yaml"]
    assert wrong in str(problem)
    assert problem.line == 1
    assert all(p.withholds == "energy.yaml" for p in site.unmet if p.file == "energy.yaml")
    with pytest.raises(InvalidInput):
        energy_document(site, [2025], NOW)


def test_the_same_input_makes_the_same_bytes() -> None:
    site = site_with(COMPANY)
    one, other = (to_json(energy_document(site, [2024, 2025], NOW), "en") for _ in range(2))
    assert one == other
