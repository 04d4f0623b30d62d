"""How the month compares, who used it, what was corrected by hand, and how good the data are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from bms.config.site import MeterRole, MeterSpec
from bms.config.tariffs import Period
from bms.core.instants import to_ms
from bms.core.readings import Label, worst
from bms.energy.billing.allotment import Share, Use, allot, price_of
from bms.energy.intervals import Energy
from bms.ledger.entered.entries import OF_QUARTERS, Entry, EntryKind
from bms.reports.documents.document import (
    Cell,
    Column,
    Figure,
    Kind,
    Name,
    Ratio,
    Row,
    Table,
    Text,
    change_pct,
    missing,
    sum_of,
)
from bms.reports.month.bill_tables import NO_PRICE, period_word
from bms.reports.month.figures import MOST_DECIMALS, name_of, of_energy, of_use
from bms.reports.month.gathering import OTHER_MEDIA, MonthData
from bms.texts.messages import Message, msg

_MEASURED = (Label.MEASURED, Label.CORRECTED, Label.DERIVED)


def comparison(data: MonthData) -> Table:
    """This month against the last one and the same of last year, as it is and per day."""
    this, last, year = (span.days for span in data.spans)
    rows = [
        Row(key, {
            "what": title, "unit": spec.medium.unit,
            "this": of_energy(energies[0], spec),
            "last": of_energy(energies[1], spec),
            "year": of_energy(energies[2], spec),
        })
        for key, title, spec, energies in _compared(data)
    ]  # fmt: skip
    return Table(
        "comparison",
        (
            Column("what", msg("Energy")),
            Column("unit", msg("Unit")),
            Column("this", msg("This month"), Kind.NUMBER, "", 0),
            Column("last", msg("Last month"), Kind.NUMBER, "", 0),
            Column("mom", msg("Month on month"), Kind.CHANGE, "%", 1, change_pct("this", "last")),
            Column("mom_day", msg("per day"), Kind.CHANGE, "%", 1,
                   Ratio("this", "last", _times(last, this), 100)),
            Column("year", msg("Same month last year"), Kind.NUMBER, "", 0),
            Column("yoy", msg("Year on year"), Kind.CHANGE, "%", 1, change_pct("this", "year")),
            Column("yoy_day", msg("per day"), Kind.CHANGE, "%", 1,
                   Ratio("this", "year", _times(year, this), 100)),
        ),
        tuple(rows),
        notes=(
            msg(
                "{days} days this month, {days_last} last month, {days_year} in the same month of "
                "last year",
                days=_days(this), days_last=_days(last), days_year=_days(year),
            ),
        ),
    )  # fmt: skip


def _times(then: Fraction, now: Fraction) -> Fraction:
    return 100 * then / now


def _days(count: Fraction) -> str:
    return f"{float(count):g}"


def _compared(
    data: MonthData,
) -> Iterator[tuple[str, str | Name, MeterSpec, tuple[Energy, Energy, Energy]]]:
    load = data.load
    if load is not None and (data.base.generation or data.base.exports):
        yield "load", msg("Load"), load, data.energy[load.id]
    words = {
        MeterRole.IMPORT: msg("Purchased electricity"),
        MeterRole.GENERATION: msg("Generation"),
        MeterRole.EXPORT: msg("Export"),
    }
    for role, word in words.items():
        specs = data.of_role(role)
        for spec in specs:
            title: str | Name = word
            if len(specs) > 1:
                title = name_of(spec)
            yield spec.name, title, spec, data.energy[spec.id]
    for spec in data.specs.values():
        if spec.medium in OTHER_MEDIA and spec.parent is None and not spec.virtual:
            yield spec.name, name_of(spec), spec, data.energy[spec.id]


def departments(data: MonthData) -> Table | None:
    """kWh by department and period, and the rest that is in none; None where none is named."""
    found: dict[str, tuple[Name, list[tuple[int, MeterSpec]]]] = {}
    for spec in data.specs.values():
        if not spec.department or spec.id not in data.slots:
            continue
        key = spec.department.get("en") or next(iter(spec.department.values()))
        above = _department_above(data, spec)
        if above != key:
            found.setdefault(key, (Name(key, spec.department), []))[1].append((1, spec))
            if above is not None and above in found:
                found[above][1].append((-1, spec))
    if not found:
        return None
    named: list[tuple[str, Text, list[tuple[int, MeterSpec]]]] = [
        (key, name, meters) for key, (name, meters) in found.items()
    ]
    whole = [(1, spec) for spec in data.of_role(MeterRole.IMPORT)]
    whole += [(1, spec) for spec in data.of_role(MeterRole.GENERATION)]
    whole += [(-1, spec) for spec in data.of_role(MeterRole.EXPORT)]
    if whole:
        rest = [*whole, *((-sign, spec) for _, _, meters in named for sign, spec in meters)]
        named.append(("rest", msg("Not assigned"), rest))
    return _by_department(data, named)


def _department_above(data: MonthData, spec: MeterSpec) -> str | None:
    above = spec.parent
    while above is not None and above in data.specs:
        parent = data.specs[above]
        if parent.department:
            return parent.department.get("en") or next(iter(parent.department.values()))
        above = parent.parent
    return None


def _by_department(
    data: MonthData, named: Sequence[tuple[str, Text, list[tuple[int, MeterSpec]]]]
) -> Table:
    tariff = data.site.tariff_of(data.base.id)
    first, last = to_ms(data.span.start), to_ms(data.span.end)
    uses = {
        key: allot(
            [data.metered(spec, sign) for sign, spec in meters], tariff, data.zone, first, last
        )
        for key, _, meters in named
    }
    shares = [share.period for found in uses.values() for share in found]
    periods = [p for p in (*Period, None) if p in shares]
    rows = []
    for key, name, _ in named:
        by_period = {period: _joined(uses[key], period) for period in periods}
        cells: dict[str, Cell] = {"department": name}
        cells |= {_period_key(period): of_use(use) for period, use in by_period.items()}
        if tariff is not None:
            cells["cost"] = _cost([(price_of(tariff, s), use) for s, use in uses[key].items()])
        rows.append(Row(key, cells))
    total = Row("sum", {"department": msg("Sum")}, sum_of(*(row.key for row in rows)), total=True)
    keys = [_period_key(period) for period in periods]
    columns = [
        Column("department", msg("Department")),
        *(
            Column(key, period_word(period) if tariff else msg("Energy"), Kind.NUMBER, "kWh", 0)
            for key, period in zip(keys, periods, strict=True)
        ),
    ]
    if tariff is not None:
        columns.append(Column("kwh", msg("Sum"), Kind.NUMBER, "kWh", 0, sum_of(*keys)))
        columns.append(Column("cost", msg("Cost"), Kind.NUMBER, tariff.currency, 2))
    notes = (msg("Costs are those of energy, at the prices of each period; without demand."),)
    return Table("departments", tuple(columns), (*rows, total), notes=notes if tariff else ())


def _period_key(period: Period | None) -> str:
    return "kwh_all" if period is None else f"kwh_{period.value}"


def _joined(uses: Mapping[Share, Use], period: Period | None) -> Use:
    """All price lists of a period together."""
    made = Use()
    for share, use in uses.items():
        if share.period is period:
            made.join(use)
    return made


def _cost(parts: Sequence[tuple[Decimal | None, Use]]) -> Figure:
    total = Fraction(0)
    label = Label.MEASURED
    for price, use in parts:
        found = of_use(use)
        if price is None or found.value is None:
            return missing(NO_PRICE if price is None else found.reason)
        total += use.known * Fraction(price)
        label = worst(label, found.label)
    return Figure(total, label)


def corrections(data: MonthData) -> Table:
    """What people said that stands behind the figures."""
    rows = tuple(
        Row(str(entry.number), {
            "meter": name_of(spec),
            "kind": kind_word(entry.kind),
            "from": entry.start.astimezone(data.zone),
            "to": entry.end.astimezone(data.zone) if entry.end > entry.start else None,
            "amount": _amount(entry),
            "unit": spec.medium.unit,
            "who": entry.who,
            "why": entry.why if not entry.withdrawn else msg("withdrawn: {why}", why=entry.why),
        })
        for spec, entry in data.entries
    )  # fmt: skip
    return Table(
        "corrections",
        (
            Column("meter", msg("Meter")),
            Column("kind", msg("What")),
            Column("from", msg("From"), Kind.MOMENT),
            Column("to", msg("To"), Kind.MOMENT),
            Column("amount", msg("Amount"), Kind.NUMBER, "", MOST_DECIMALS),
            Column("unit", msg("Unit")),
            Column("who", msg("Who")),
            Column("why", msg("Why")),
        ),
        rows,
        empty=msg("Nobody corrected, read or entered anything by hand."),
    )


def kind_word(kind: EntryKind) -> Message:
    """What a person did, as a message."""
    return {
        EntryKind.REPLACEMENT: msg("meter replaced"),
        EntryKind.READING: msg("reading by hand"),
        EntryKind.INTERVALS: msg("another instrument"),
        EntryKind.CORRECTION: msg("correction"),
        EntryKind.WITHDRAWAL: msg("withdrawal"),
    }[kind]


def _amount(entry: Entry) -> Figure | None:
    """What was said: kWh of a period, or the register's reading."""
    if entry.kind in OF_QUARTERS:
        counts = [count for count in entry.data["counts"] if count is not None]
        return Figure(sum(counts) * Fraction(entry.data["scale"]), Label.MANUAL)
    said = entry.data.get("value", entry.data.get("initial"))
    return None if said is None else Figure(Fraction(str(said)), Label.MANUAL)


def quality(data: MonthData) -> Table:
    """Coverage, and how the amounts were come by, meter by meter."""
    rows = []
    reasons: dict[str, None] = {}
    for spec in data.specs.values():
        energy = data.energy[spec.id][0]
        if spec.virtual and spec.role is not MeterRole.LOAD:
            continue
        total = sum((abs(share) for share in energy.shares.values()), Fraction(0))
        parts = {
            "measured": sum((abs(energy.shares.get(n, Fraction(0))) for n in _MEASURED),
                            Fraction(0)),
            "allocated": abs(energy.shares.get(Label.ALLOCATED, Fraction(0))),
            "by_hand": abs(energy.shares.get(Label.MANUAL, Fraction(0))),
            "estimated": abs(energy.shares.get(Label.ESTIMATED, Fraction(0))),
        }  # fmt: skip
        cells: dict[str, Cell] = {
            "meter": msg("Load") if spec.role is MeterRole.LOAD else name_of(spec),
            "amount": of_energy(energy, spec),
            "unit": spec.medium.unit,
            "coverage": Figure(energy.covered * 100),
        }
        if total:
            cells |= {key: Figure(part / total * 100) for key, part in parts.items()}
        rows.append(Row(spec.name, cells, marked=energy.covered < 1))
        for reason in data.reasons.get(spec.id, ()):
            reasons.setdefault(msg("{meter}: {reason}", meter=spec.name, reason=reason))
    return Table(
        "quality",
        (
            Column("meter", msg("Meter")),
            Column("amount", msg("Amount"), Kind.NUMBER, "", MOST_DECIMALS),
            Column("unit", msg("Unit")),
            Column("coverage", msg("Coverage"), Kind.NUMBER, "%", 2),
            Column("measured", msg("measured"), Kind.NUMBER, "%", 2),
            Column("allocated", msg("allocated"), Kind.NUMBER, "%", 2),
            Column("by_hand", msg("manual"), Kind.NUMBER, "%", 2),
            Column("estimated", msg("estimated"), Kind.NUMBER, "%", 2),
        ),
        tuple(rows),
        notes=tuple(reasons)[:20],
    )


def demand_table(data: MonthData) -> Table:
    """The greatest quarter hour of each meter of what is bought, and of those behind it."""
    rows = []
    for spec in data.specs.values():
        if spec.id not in data.slots:
            continue
        if not (spec.role is MeterRole.IMPORT or spec.parent is not None):
            continue
        peak = data.peak(spec)
        kw = (
            Figure(peak.peak)
            if peak.peak is not None
            else missing(msg("no quarter hour is known well enough"))
        )
        rows.append(
            Row(spec.name, {
                "meter": name_of(spec),
                "kw": kw,
                "at": None if peak.start is None else peak.start.astimezone(data.zone),
                "filled": Figure(Fraction(peak.filled_pct)),
            }, depth=0 if spec.role is MeterRole.IMPORT else 1)
        )  # fmt: skip
    return Table(
        "demand",
        (
            Column("meter", msg("Meter")),
            Column("kw", msg("Greatest demand"), Kind.NUMBER, "kW", 1),
            Column("at", msg("Quarter hour from"), Kind.MOMENT),
            Column("filled", msg("Quarter hours that could set it"), Kind.NUMBER, "%", 2),
        ),
        tuple(rows),
        empty=msg("No meter of this base is for electricity."),
    )
