"""kWh by tariff period and what they cost, demand and the charges: per meter of what is bought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction

from bms.config.site import MeterRole, MeterSpec
from bms.config.tariffs import Period, PriceList, Tariff
from bms.core.instants import to_ms
from bms.energy.billing.allotment import Share, Use, allot, price_of
from bms.energy.billing.charges import adjustment_pct, billed_kw, power_factor
from bms.energy.demand import Peak
from bms.reports.documents.arithmetic import worked_out
from bms.reports.documents.document import (
    Cell,
    Chart,
    Column,
    Figure,
    Kind,
    Product,
    Row,
    Table,
    Text,
    missing,
    sum_of,
)
from bms.reports.month.figures import decimals_of, of_peak, of_use
from bms.reports.month.gathering import MonthData
from bms.texts.messages import Message, msg

NO_PRICE = msg("no price list is in force")


@dataclass(frozen=True, slots=True)
class Bill:
    """What one meter of the base's purchases is charged."""

    spec: MeterSpec
    tariff: Tariff | None
    prices: PriceList | None
    """Those on the last day of the month: they decide the charges."""
    uses: Mapping[Share, Use]
    peak: Peak
    factor: float | None
    kwh: Figure
    """All of it."""
    energy: Table
    """By period."""
    charges: Table | None
    """None without a tariff."""
    total: Figure
    """What is to be paid; missing without a tariff, or with a part that is missing."""


def bills_of(data: MonthData) -> list[Bill]:
    """One for each meter of what is bought."""
    return [_bill(data, spec) for spec in data.of_role(MeterRole.IMPORT)]


def period_word(period: Period | None) -> Message:
    """A period as people call it."""
    words = {
        Period.SHARP: msg("sharp"),
        Period.PEAK: msg("peak"),
        Period.FLAT: msg("flat"),
        Period.VALLEY: msg("valley"),
        Period.DEEP_VALLEY: msg("deep valley"),
    }
    return msg("no period") if period is None else words[period]


def _bill(data: MonthData, spec: MeterSpec) -> Bill:
    tariff = data.tariff(spec)
    first, last = to_ms(data.span.start), to_ms(data.span.end)
    uses = allot([data.metered(spec)], tariff, data.zone, first, last)
    peak = data.peak(spec)
    table = energy_table(uses, tariff, decimals_of(spec), key=spec.name)
    sums = dict(zip((c.key for c in table.columns), worked_out(table)[-1], strict=True))
    kwh = _figure(sums["kwh"])
    factor = None
    found = data.factors.get(spec.id)
    if found is not None and kwh.value is not None:
        factor = power_factor(float(kwh.value), found.kvarh)
    if tariff is None:
        return Bill(spec, None, None, uses, peak, factor, kwh, table, None, missing(NO_PRICE))
    prices = tariff.price_list((data.span.end - timedelta(minutes=1)).date())
    charges = _charges(spec, (tariff, prices), _figure(sums["cost"]), peak, factor)
    total = _figure(worked_out(charges)[-1][-1])
    return Bill(spec, tariff, prices, uses, peak, factor, kwh, table, charges, total)


def _figure(cell: object) -> Figure:
    assert isinstance(cell, Figure)
    return cell


def energy_table(
    uses: Mapping[Share, Use], tariff: Tariff | None, decimals: int, *, key: str
) -> Table:
    """kWh by period, with what each costs; of several price lists, each has its rows."""
    several = len({share.prices for share in uses}) > 1
    rows = []
    for share, use in uses.items():
        cells: dict[str, Cell] = {"period": msg("all hours"), "kwh": of_use(use)}
        if tariff is not None:
            price = price_of(tariff, share)
            cells["period"] = period_word(share.period)
            if several and share.prices is not None:
                cells["period"] = msg(
                    "{period}, prices from {day}",
                    period=period_word(share.period), day=share.prices,
                )  # fmt: skip
            cells["price"] = missing(NO_PRICE) if price is None else Figure(Fraction(price))
        rows.append(Row(share_key(share), cells))
    rows.append(Row("sum", {"period": msg("Sum")}, sum_of(*(row.key for row in rows)), total=True))
    columns = [
        Column("period", msg("Period")),
        Column("kwh", msg("Energy"), Kind.NUMBER, "kWh", decimals),
    ]
    if tariff is not None:
        unit = tariff.currency
        columns += [
            Column("price", msg("Price"), Kind.NUMBER, f"{unit}/kWh", 4, summed=False),
            Column("cost", msg("Cost"), Kind.NUMBER, unit, 2, Product("kwh", "price")),
        ]
    chart = Chart("column", "period", ("kwh",), msg("kWh by period")) if tariff else None
    return Table(f"energy-{key}", tuple(columns), tuple(rows), chart=chart)


def share_key(share: Share) -> str:
    """The key of a share's row."""
    period = "none" if share.period is None else share.period.value
    return period if share.prices is None else f"{period}-{share.prices.isoformat()}"


def _charges(
    spec: MeterSpec,
    paid_by: tuple[Tariff, PriceList | None],
    energy: Figure,
    peak: Peak,
    factor: float | None,
) -> Table:
    """Energy, demand or capacity, power factor: prices on the last day of the month count."""
    tariff, prices = paid_by
    unit = tariff.currency
    rows = [Row("energy", {"item": msg("Energy"), "amount": energy})]
    base = energy
    if prices is not None and prices.demand is not None:
        rows.append(_demand_row(prices, peak))
    if prices is not None and prices.capacity is not None:
        kva, per_kva = Fraction(prices.capacity.kva), Fraction(prices.capacity.per_kva)
        rows.append(
            Row("capacity", {
                "item": msg("Capacity"), "quantity": Figure(kva), "unit": "kVA",
                "price": Figure(per_kva), "amount": Figure(kva * per_kva),
            })
        )  # fmt: skip
    for row in rows[1:]:
        part = _figure(row.cells["amount"])
        if base.value is None or part.value is None:
            base = missing(base.reason or part.reason)
        else:
            base = Figure(Fraction(base.value) + Fraction(part.value))
    notes: list[Text] = []
    if prices is not None and prices.power_factor:
        pct = None if factor is None else adjustment_pct(prices, factor)
        if factor is None or pct is None:
            notes.append(
                msg("The power factor is not metered: its clause is not in these charges.")
            )
        else:
            rows.append(_factor_row(base, factor, Fraction(pct)))
    made = Row("sum", {"item": msg("Sum")}, sum_of(*(row.key for row in rows)), total=True)
    return Table(
        f"charges-{spec.name}",
        (
            Column("item", msg("Charge")),
            Column("quantity", msg("Quantity"), Kind.NUMBER, "", 2, summed=False),
            Column("unit", msg("Unit")),
            Column("price", msg("Price"), Kind.NUMBER, "", 4, summed=False),
            Column("amount", msg("Amount"), Kind.NUMBER, unit, 2),
        ),
        (*rows, made),
        msg("Charges of the month"),
        tuple(notes),
    )


def _demand_row(prices: PriceList, peak: Peak) -> Row:
    assert prices.demand is not None
    price = Fraction(prices.demand.per_kw)
    found = of_peak(peak)
    kw = found
    if found.value is not None:
        kw = Figure(billed_kw(prices.demand, Fraction(found.value)), found.label, found.reason)
    amount = kw if kw.value is None else Figure(Fraction(kw.value) * price, kw.label, kw.reason)
    cells: dict[str, Cell] = {
        "item": msg("Demand"),
        "quantity": kw,
        "unit": "kW",
        "price": Figure(price),
    }
    return Row("demand", {**cells, "amount": amount})


def _factor_row(base: Figure, factor: float, pct: Fraction) -> Row:
    change = base if base.value is None else Figure(Fraction(base.value) * pct / 100)
    cells: dict[str, Cell] = {"item": msg("Power factor"), "quantity": Figure(factor)}
    return Row(
        "power-factor",
        {**cells, "unit": msg("% of the charges"), "price": Figure(pct), "amount": change},
    )
