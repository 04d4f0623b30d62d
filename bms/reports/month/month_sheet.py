"""The month's sheet of a base: what an energy manager reads, checks and signs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction

from bms.config.site import MeterRole, Site
from bms.config.tariffs import Tariff
from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import (
    Blank,
    Document,
    Figure,
    Headline,
    Headlines,
    Lines,
    Name,
    Part,
    Receipt,
    Section,
    Text,
    missing,
)
from bms.reports.documents.spelling import number
from bms.reports.month.bill_tables import Bill, bills_of
from bms.reports.month.figures import MOST_DECIMALS, decimals_of, name_of, of_energy, of_peak
from bms.reports.month.gathering import MonthData
from bms.reports.month.group_runs import GroupRun
from bms.reports.month.month_pictures import load_curve, period_bars, run_parts
from bms.reports.month.usage_tables import (
    comparison,
    corrections,
    demand_table,
    departments,
    quality,
)
from bms.texts.messages import joined, msg

KIND = "month"
_FILES = ("site.yaml", "meters.yaml", "tariffs.yaml", "schedules/calendars/")
"""What the figures hang on, of the files of a site."""


def month_sheet(data: MonthData, code: str, runs: Sequence[GroupRun] = ()) -> Document:
    """The document; `code` is the version of the program that worked it out, `runs` how metered
    groups ran."""
    bills = bills_of(data)
    site, base = data.site, data.base
    title = msg("Month's sheet {month:%Y-%m}", month=data.month)
    if not data.over:
        title = msg("Month so far {month:%Y-%m}, not to be signed", month=data.month)
    return Document(
        KIND,
        title,
        Name.of(site.file.id, site.file.title),
        Name.of(base.id, base.file.title),
        f"{data.month:%Y-%m}",
        data.span.start,
        data.span.end,
        _answer(data, bills),
        tuple(_sections(data, bills, runs)),
        _receipt(data, bills, code),
        signatures=(msg("Made by"), msg("Checked by"), msg("Approved by")) if data.over else (),
    )


def _answer(data: MonthData, bills: Sequence[Bill]) -> Text:
    """What happened, in one sentence."""
    if not bills:
        return msg("This base names no meters of what it buys: there is nothing to bill.")
    kwh = [bill.kwh.value for bill in bills]
    known = [Fraction(value) for value in kwh if value is not None]
    if len(known) < len(bills):
        least = [bill.kwh.value or bill.kwh.least for bill in bills]
        most = [bill.kwh.value or bill.kwh.most for bill in bills]
        if None in least or None in most:
            return msg(
                "Parts of this month are missing: its sums are bounds and not to be paid by; "
                "see the quality of the data."
            )
        return msg(
            "Parts of this month are missing: between {least} and {most} kWh were bought. Its "
            "sums are bounds and not to be paid by; see the quality of the data.",
            least=number(sum(Fraction(value or 0) for value in least), 0),
            most=number(sum(Fraction(value or 0) for value in most), 0),
        )
    parts: list[str] = [msg("{amount} kWh were bought", amount=number(sum(known), 0))]
    if len(bills) == 1:
        parts += _changes(data, bills[0])
    if all(bill.total.value is not None for bill in bills):
        total = sum((Fraction(bill.total.value or 0) for bill in bills), Fraction(0))
        currency = bills[0].tariff.currency if bills[0].tariff is not None else ""
        parts.append(msg("{amount} {currency} to pay", amount=number(total, 2), currency=currency))
    return msg("{sentence}.", sentence=joined(", ", *parts))


def _changes(data: MonthData, bill: Bill) -> list[str]:
    """What is bought against last month and last year, as far as both are known."""
    table = comparison(data)
    keys = [column.key for column in table.columns]
    cells = next(
        dict(zip(keys, cells, strict=True))
        for row, cells in zip(table.rows, worked_out(table), strict=True)
        if row.key == bill.spec.name
    )
    parts: list[str] = []
    for key in ("mom", "yoy"):
        cell = cells[key]
        if isinstance(cell, Figure) and cell.value is not None:
            change = number(cell.value, 1, sign=True)
            parts.append(
                msg("{change} % against last month", change=change)
                if key == "mom"
                else msg("{change} % against the same month of last year", change=change)
            )
    return parts


def _sections(data: MonthData, bills: Sequence[Bill], runs: Sequence[GroupRun]) -> list[Section]:
    found = [Section("summary", msg("At a glance"), (Headlines(tuple(_heads(data, bills))),))]
    found += [_energy_section(bill, several=len(bills) > 1) for bill in bills]
    found.append(Section("comparison", msg("Compared"), (comparison(data),)))
    by_department = departments(data)
    if by_department is not None:
        found.append(Section("departments", msg("By department"), (by_department,)))
    curves = [load_curve(data, bill) for bill in bills]
    parts: list[Part] = [demand_table(data), *(curve for curve in curves if curve is not None)]
    found.append(Section("demand", msg("Demand"), tuple(parts), msg("by quarter hours")))
    if runs:
        parts = [part for run in runs for part in run_parts(run)]
        detail = msg("half hours of metered groups against their plan")
        found.append(Section("running", msg("How it ran"), tuple(parts), detail))
    found.append(
        Section("corrections", msg("Entered by hand"), (corrections(data),),
                msg("what stands behind the figures"))
    )  # fmt: skip
    found.append(Section("quality", msg("Quality of the data"), (quality(data),)))
    found.append(Section("remarks", msg("Remarks"), (*_remarks(data, bills), Blank(3))))
    return found


def _heads(data: MonthData, bills: Sequence[Bill]) -> list[Headline]:
    heads = []
    load = data.load
    if load is not None and (data.base.generation or data.base.exports):
        energy = data.energy[load.id][0]
        heads.append(Headline("load", msg("Load"), of_energy(energy, load), "kWh"))
    for bill in bills:
        several = len(bills) > 1
        of = name_of(bill.spec) if several else ""
        heads.append(
            Headline(f"bought-{bill.spec.name}", msg("Purchased electricity"), bill.kwh, "kWh",
                     decimals_of(bill.spec), of)
        )  # fmt: skip
        start = bill.peak.start
        at: Text = ""
        if start is not None:
            at = msg("{moment:%Y-%m-%d %H:%M}", moment=start.astimezone(data.zone))
        heads.append(
            Headline(f"peak-{bill.spec.name}", msg("Greatest demand"), of_peak(bill.peak), "kW",
                     1, at)
        )  # fmt: skip
        factor = Figure(bill.factor) if bill.factor is not None else missing(msg("not metered"))
        heads.append(
            Headline(f"factor-{bill.spec.name}", msg("Power factor"), factor, "", MOST_DECIMALS)
        )
        unit = "" if bill.tariff is None else bill.tariff.currency
        heads.append(Headline(f"cost-{bill.spec.name}", msg("Cost"), bill.total, unit, 2))
    return heads


def _energy_section(bill: Bill, *, several: bool) -> Section:
    detail: Text = ""
    if bill.tariff is not None:
        detail = Name(bill.tariff.id, bill.tariff.title)
    title: Text = msg("Energy and cost by tariff period")
    parts: list[Part] = [bill.energy]
    if bill.tariff is not None:
        parts.append(period_bars(bill))
    if several:
        meter = name_of(bill.spec)
        parts.insert(0, Lines((meter,), heading=True))
    if bill.charges is not None:
        parts.append(bill.charges)
    return Section(f"energy-{bill.spec.name}" if several else "energy", title, tuple(parts), detail)


def _remarks(data: MonthData, bills: Sequence[Bill]) -> list[Lines]:
    lines: list[Text] = []
    for tariff in _tariffs(bills):
        if tariff.example:
            lines.append(
                msg("Prices are an example, not a contract: {source}", source=tariff.source)
            )
        for calendar, years in tariff.lacking([data.month.year]).items():
            lines.append(
                msg(
                    "The calendar '{calendar}' says nothing of {year}: its days count as ordinary.",
                    calendar=calendar, year=years[0],
                )
            )  # fmt: skip
    if bills and not _tariffs(bills):
        lines.append(msg("No tariff applies here: write tariffs.yaml to see periods and costs."))
    return [Lines(tuple(lines))] if lines else []


def _tariffs(bills: Sequence[Bill]) -> list[Tariff]:
    found = {bill.tariff.id: bill.tariff for bill in bills if bill.tariff is not None}
    return list(found.values())


def _receipt(data: MonthData, bills: Sequence[Bill], code: str) -> Receipt:
    names = {spec.name for role in MeterRole for spec in data.specs.values() if spec.role is role}
    return Receipt(
        code,
        data.data_hash(),
        files_hash(data.site),
        tuple(sorted(names)),
        tuple(f"{t.id} ({t.source}, {t.read_on.isoformat()})" for t in _tariffs(bills)),
        assumptions=(
            msg("Quarter hours are those of the utility's clock, in the time of the base."),
            msg("Purchased energy is billed; demand is the mean of a quarter hour."),
            msg("Costs are not rounded before they are added."),
        ),
    )


def files_hash(site: Site) -> str:
    """A hash over the files that say how readings become figures."""
    made = hashlib.sha256()
    for name, text in sorted(site.texts.items()):
        if name.startswith(_FILES):
            made.update(f"{name}\0{text}\0".encode())
    return made.hexdigest()
