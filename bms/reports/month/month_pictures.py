"""The pictures of the month's sheet, with the sentences that say what they show."""

from __future__ import annotations

from bms.config.tariffs import Period
from bms.energy.billing.allotment import Use
from bms.reports.documents.document import (
    Column,
    Figure,
    Kind,
    Lines,
    Name,
    Part,
    Row,
    Table,
    Text,
    sum_of,
)
from bms.reports.documents.spelling import bounds_text, number
from bms.reports.month.bill_tables import Bill, period_word
from bms.reports.month.figures import of_use
from bms.reports.month.gathering import MonthData
from bms.reports.month.group_runs import GroupRun
from bms.reports.pictures.carpet import carpet
from bms.reports.pictures.duration_curve import duration_curve
from bms.reports.pictures.marks import Picture
from bms.reports.pictures.tariff_bars import Bar, tariff_bars
from bms.texts.messages import msg


def period_bars(bill: Bill) -> Picture:
    """kWh by period, all price lists of the month together."""
    uses: dict[Period | None, Use] = {}
    for share, use in bill.uses.items():
        uses.setdefault(share.period, Use()).join(use)
    order = [*Period, None]
    bars = []
    for period in sorted(uses, key=order.index):
        use = uses[period]
        found = of_use(use)
        bars.append(
            Bar(
                period_word(period),
                None if found.value is None else float(found.value),
                _shown(found),
                min(order.index(period), 4),
                float(use.least or 0),
                None if use.most is None else float(use.most),
            )
        )
    return tariff_bars(bars, msg("Purchased kWh by tariff period"))


def _shown(figure: Figure) -> str:
    if figure.value is not None:
        return f"{number(figure.value, 0)} kWh"
    return bounds_text(figure, 0)


def load_curve(data: MonthData, bill: Bill) -> Picture | None:
    """The duration curve of a meter of what is bought; None where no quarter hour is known."""
    rates = [float(rate) for _, rate in data.rates(bill.spec)]
    if not rates:
        return None
    contract = None
    if bill.prices is not None and bill.prices.demand is not None:
        kw = bill.prices.demand.contract_kw
        contract = None if kw is None else float(kw)
    hours = (data.span.end - data.span.start).total_seconds() / 3600
    says = msg("Load duration: for how many hours of the month the demand was at least so much")
    return duration_curve(rates, says, hours=hours, contract_kw=contract)


def run_parts(run: GroupRun) -> list[Part]:
    """A group's carpet, and what ran out of plan with its hours, kWh and reason."""
    name = Name(run.group.id.partition(".")[2], run.group.title)
    says = msg("{group}: kWh of each half hour by day, with the plan", group=run.group.id)
    rows = [
        Row(
            str(number_of),
            {
                "number": str(number_of),
                "from": found.start,
                "to": found.end,
                "why": found.why,
                "hours": Figure(found.hours),
                "kwh": Figure(found.kwh),
            },
            marked=True,
        )
        for number_of, found in enumerate(run.runs, 1)
    ]
    if rows:
        keys = [row.key for row in rows]
        rows.append(Row("sum", {"from": msg("Sum")}, sum_of(*keys), total=True))
    nothing: Text = msg("Nothing ran out of plan.")
    if not run.shaped:
        nothing = msg("Its quarter hours are not measured as such: nothing is said of the plan.")
    table = Table(
        f"out-of-plan-{run.group.id}",
        (
            Column("number", msg("No.")),
            Column("from", msg("From"), Kind.MOMENT),
            Column("to", msg("To"), Kind.MOMENT),
            Column("why", msg("Why")),
            Column("hours", msg("Hours"), Kind.NUMBER, "h", 2),
            Column("kwh", msg("Energy"), Kind.NUMBER, "kWh", 1),
        ),
        tuple(rows),
        empty=nothing,
    )
    return [Lines((name,), heading=True), carpet(run.carpet, says), table]
