"""Energy, coal equivalent and CO2 by year as a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.shapes.energy_keys import EnergyEntry, EnergyFile
from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Label
from bms.energy.carbon.energy_table import Cell, Energy, EnergyTable, Unknown
from bms.energy.carbon.energy_table import Row as Made
from bms.energy.carbon.factors import Book, FactorSet, Measure
from bms.energy.carbon.printed_check import Checked, Relation
from bms.reports.documents.document import (
    Column,
    Document,
    Figure,
    Headline,
    Headlines,
    Kind,
    Name,
    Ratio,
    Receipt,
    Row,
    Section,
    Sum,
    Table,
    Text,
    change_pct,
    missing,
    sum_of,
)
from bms.texts.messages import joined, msg

TITLES: Final[Mapping[str, str]] = {
    "tce:direct": msg("Fuels, coal equivalent"),
    "tce:indirect": msg("Bought energy, coal equivalent"),
    "tce": msg("Energy in all, coal equivalent"),
    "scope_1": msg("CO2 from what is burnt here (scope 1)"),
    "scope_2": msg("CO2 from bought energy (scope 2)"),
    "co2": msg("CO2 in all"),
    "water": msg("Water in all"),
}
KINDS: Final[Mapping[str, str]] = {
    "electricity": msg("bought electricity"),
    "heat": msg("bought heat"),
    "steam": msg("bought steam"),
    "pv": msg("sun, generated here"),
    "wind": msg("wind, generated here"),
    "water": msg("water"),
    "natural_gas": msg("natural gas"),
    "petrol": msg("petrol"),
    "diesel": msg("diesel"),
}
_UNKNOWN: Final[Mapping[Unknown, str]] = {
    Unknown.NO_AMOUNT: msg("no meter has this year; give the amount in energy.yaml"),
    Unknown.INCOMPLETE: msg("its meters miss a part of the year"),
    Unknown.NO_FACTOR: msg("no factor set in use has this energy: name one in energy.yaml"),
    Unknown.UNLIKE_UNITS: msg("amount and factor have units that cannot be converted"),
    Unknown.PART: msg("a part of it is missing"),
    Unknown.NO_ACTIVITY: msg("the year's figure to divide by is missing"),
}  # fmt: skip
UNVERIFIED: Final = msg("unverified")


@dataclass(frozen=True, slots=True)
class Carbon:
    """What the report is made of."""

    site: Site
    file: EnergyFile
    energies: Sequence[Energy]
    entries: Mapping[str, EnergyEntry]
    book: Book
    table: EnergyTable
    checked: Sequence[Checked]
    receipt: Receipt


def carbon_document(carbon: Carbon) -> Document:
    """The report as companies print it: amounts, coal equivalent, CO2, water, intensities."""
    years = carbon.table.years
    zone = ZoneInfo(carbon.site.file.zone)
    site = Name.of(carbon.site.file.id, carbon.site.file.title)
    sections = [Section("answer", msg("In all"), (_headlines(carbon),)), *_tables(carbon)]
    if carbon.checked:
        sections.append(Section("printed", msg("The printed table, checked"), (_printed(carbon),)))
    sections.append(Section("factors", msg("Factors"), (_factors(carbon),)))
    return Document(
        kind="energy",
        title=msg("Energy, coal equivalent and CO2"),
        site=site,
        subject=site,
        period=f"{years[0]}-{years[-1]}" if len(years) > 1 else f"{years[0]}",
        start=local_midnight(date(years[0], 1, 1), zone).astimezone(zone),
        end=local_midnight(date(years[-1] + 1, 1, 1), zone).astimezone(zone),
        answer=_answer(carbon),
        sections=tuple(sections),
        receipt=carbon.receipt,
        signatures=(msg("Drawn up by"), msg("Checked by"), msg("Approved by")),
    )


def _answer(carbon: Carbon) -> str:
    year = carbon.table.years[-1]
    rows = carbon.table.rows
    tce, co2 = ((rows[name].cells[year] if name in rows else None) for name in ("tce", "co2"))
    if tce is None or tce.amount is None:
        return msg("{year}: the energy of the year is not known in full", year=year)
    if co2 is None or co2.amount is None:
        return msg(
            "{year}: {coal_t:,.1f} tce; CO2 is not known in full",
            year=year,
            coal_t=float(tce.amount),
        )
    return msg(
        "{year}: {coal_t:,.1f} tce and {carbon_t:,.1f} t CO2",
        year=year, coal_t=float(tce.amount), carbon_t=float(co2.amount),
    )  # fmt: skip


def _headlines(carbon: Carbon) -> Headlines:
    year = carbon.table.years[-1]
    found = [
        Headline(
            name, TITLES[name], _figure(carbon.table.rows[name].cells[year]), unit, 1,
            msg("in {year}", year=year),
        )
        for name, unit in (("tce", "tce"), ("scope_1", "t"), ("scope_2", "t"), ("co2", "t"))
        if name in carbon.table.rows
    ]  # fmt: skip
    return Headlines(tuple(found))


def _tables(carbon: Carbon) -> Iterator[Section]:
    """Amounts, coal equivalent, CO2, water and intensities, each under its title."""
    rows = carbon.table.rows.values()
    waters = {f"amount:{energy.id}" for energy in carbon.energies if energy.water} | {"water"}
    amounts = [row for row in rows if row.id.startswith("amount:") and row.id not in waters]
    yield _section(carbon, "amounts", msg("Energy used"), amounts)
    tce = [row for row in rows if row.id.partition(":")[0] == "tce"]
    burnt = any(not (energy.bought or energy.own or energy.water) for energy in carbon.energies)
    note = msg("no fuel is declared in energy.yaml: what is burnt here is in none of the totals")
    notes = () if burnt else (note,)
    yield _section(carbon, "tce", msg("Coal equivalent"), tce, "tce", notes)
    measures = ("scope_1", "scope_2", "co2")
    co2 = [row for row in rows if row.id.partition(":")[0] in measures]
    yield _section(carbon, "co2", msg("CO2"), co2, "t", notes)
    yield _section(carbon, "water", msg("Water"), [r for r in rows if r.id in waters], "m3")
    ratios = [row for row in rows if "/" in row.id]
    yield Section("intensities", msg("Intensities"), (_intensities(carbon, ratios),))


def _section(
    carbon: Carbon,
    key: str,
    title: str,
    rows: Sequence[Made],
    unit: str = "",
    notes: tuple[str, ...] = (),
) -> Section:
    columns = _columns(carbon, unit)
    if key == "amounts":
        columns[1:1] = [Column("kind", msg("Kind")), Column("unit", msg("Unit"))]
    elif unit in ("tce", "t"):
        columns.append(Column("factors", msg("Factor sets"), width=30))
    made = tuple(_row(carbon, row) for row in rows)
    empty = msg("neither a meter nor energy.yaml has any")
    return Section(key, title, (Table(key, tuple(columns), made, notes=notes, empty=empty),))


def _columns(carbon: Carbon, unit: str) -> list[Column]:
    years = carbon.table.years
    columns = [
        Column("row", msg("Energy")),
        *(Column(f"{year}", f"{year}", Kind.NUMBER, unit, 2) for year in years),
    ]
    if len(years) > 1:
        change = change_pct(f"{years[-1]}", f"{years[-2]}")
        title = msg("{year} against the year before", year=years[-1])
        columns.append(Column("change", title, Kind.CHANGE, "%", 2, change, summed=False))
    return columns


def _row(carbon: Carbon, made: Made) -> Row:
    cells: dict[str, Figure | str | Name] = {"row": _title(carbon, made.id)}
    energy = carbon.entries.get(made.id.partition(":")[2])
    if made.id.startswith("amount:") and energy is not None:
        cells["kind"] = KINDS.get(energy.kind, Name(energy.kind))
        cells["unit"] = made.unit
    else:
        cells["factors"] = _sets(carbon, made)
    if not made.parts:
        # A formula works itself out from its parts, and is missing where they are.
        cells |= {f"{year}": _figure(cell) for year, cell in made.cells.items()}
    formula = sum_of(*made.parts) if made.parts else None
    return Row(made.id, cells, formula, total=bool(made.parts), depth=0 if made.parts else 1)


def _intensities(carbon: Carbon, ratios: Sequence[Made]) -> Table:
    """What is divided, what it is divided by, and the ratios, which a workbook works out."""
    columns = _columns(carbon, "")
    columns.insert(1, Column("unit", msg("Unit")))
    divided = dict.fromkeys(made.parts[0] for made in ratios)
    rows = [
        Row(
            total,
            {"row": TITLES[total], "unit": carbon.table.rows[total].unit}
            | {f"{year}": _figure(cell) for year, cell in carbon.table.rows[total].cells.items()},
            depth=1,
        )
        for total in divided
    ]
    rows += _activity_rows(carbon)
    for made in ratios:
        above, below = made.parts
        cells = {"row": _title(carbon, made.id), "unit": _unit(carbon, made)}
        rows.append(Row(made.id, cells, Ratio(above, below), total=True))
    empty = msg("energy.yaml names no activity to divide by: revenue, product, area, persons")
    return Table("intensities", tuple(columns), tuple(rows) if ratios else (), empty=empty)


def _title(carbon: Carbon, row: str) -> Text:
    if row in TITLES:
        return TITLES[row]
    what, mark, name = row.partition("/")
    if mark:
        return msg("{total} per {activity}", total=TITLES[what], activity=_unit_of(carbon, name))
    energy = row.partition(":")[2]
    return Name.of(energy, carbon.entries[energy].title)


def _unit(carbon: Carbon, made: Made) -> str:
    _, mark, activity = made.id.partition("/")
    return (
        made.unit.replace(f"/{activity}", f"/{_unit_of(carbon, activity)}") if mark else made.unit
    )


def _unit_of(carbon: Carbon, activity: str) -> str:
    return carbon.file.activities[activity].unit


def _activity_rows(carbon: Carbon) -> Iterator[Row]:
    for name, entry in carbon.file.activities.items():
        title = Name.of(name, entry.title)
        cells: dict[str, Figure | str | Name] = {"row": title, "unit": entry.unit}
        for year in carbon.table.years:
            amount = entry.amounts.get(year)
            cells[f"{year}"] = (
                missing(_UNKNOWN[Unknown.NO_ACTIVITY])
                if amount is None
                else Figure(float(amount), Label.MANUAL)
            )
        yield Row(f"activity:{name}", cells, depth=1)


def _figure(cell: Cell) -> Figure:
    if cell.amount is None:
        assert cell.unknown is not None
        return missing(_UNKNOWN[cell.unknown], cell.known)
    return Figure(cell.amount, Label.MANUAL if cell.entered else Label.DERIVED)


def _sets(carbon: Carbon, made: Made) -> str:
    """The sets that a row rests on, and which of them nobody checked."""
    names = sorted({name for cell in made.cells.values() for name in cell.sets})
    return joined(
        ", ",
        *(
            name if carbon.book.sets[name].verified else msg("{set_id} (unverified)", set_id=name)
            for name in names
        ),
    )


_RELATIONS: Final[Mapping[Relation, str]] = {
    Relation.SUM: msg("is not the sum of its parts"),
    Relation.RATIO: msg("does not follow from total and divisor"),
    Relation.FACTORS: msg("does not follow from amounts and factors in use"),
}


def _printed(carbon: Carbon) -> Table:
    columns = (
        Column("row", msg("Row")),
        Column("year", msg("Year")),
        Column("printed", msg("Printed"), Kind.NUMBER, decimals=3),
        Column("reckoned", msg("Worked out"), Kind.NUMBER, decimals=3),
        Column("difference", msg("Difference"), Kind.CHANGE, decimals=3,
               formula=Sum(((1, "reckoned"), (-1, "printed")))),
        Column("tolerance", msg("Rounding allows"), Kind.NUMBER, decimals=3),
        Column("verdict", msg("Verdict")),
    )  # fmt: skip
    rows = [
        Row(
            f"{one.rule.row}:{one.rule.year}",
            {
                "row": _title(carbon, one.rule.row),
                "year": f"{one.rule.year}",
                "printed": Figure(one.printed, Label.MANUAL),
                "reckoned": Figure(one.reckoned, Label.DERIVED),
                "tolerance": Figure(one.tolerance, Label.DERIVED),
                "verdict": msg("agrees") if one.agrees else _RELATIONS[one.rule.relation],
            },
            marked=not one.agrees,
        )
        for one in carbon.checked
    ]
    agree = sum(one.agrees for one in carbon.checked)
    note = msg("{agree} of {cells} cells agree inside their rounding", agree=agree, cells=len(rows))
    return Table("printed", columns, tuple(rows), notes=(note,))


_MEASURES: Final[Mapping[Measure, str]] = {
    Measure.TCE: msg("coal equivalent"),
    Measure.SCOPE_1: msg("CO2, scope 1"),
    Measure.SCOPE_2: msg("CO2, scope 2"),
}


def _factors(carbon: Carbon) -> Table:
    columns = (
        Column("set", msg("Factor set")),
        Column("of", msg("For")),
        Column("source", msg("Source"), width=60),
        Column("verified", msg("Checked")),
    )
    used = [carbon.book.sets[name] for name in sorted(carbon.table.sets)]
    rows = tuple(_factor_row(one) for one in used)
    note = msg("figures that rest on an unverified set are marked; its source was not read")
    doubtful = any(not one.verified for one in used)
    return Table(
        "factors", columns, rows, notes=(note,) if doubtful else (),
        empty=msg("no factor set is in use"),
    )  # fmt: skip


def _factor_row(one: FactorSet) -> Row:
    return Row(
        one.id,
        {
            "set": Name(one.id),
            "of": _MEASURES[one.measure],
            "source": Name(one.source),
            "verified": msg("checked against its source") if one.verified else UNVERIFIED,
        },
        marked=not one.verified,
    )
