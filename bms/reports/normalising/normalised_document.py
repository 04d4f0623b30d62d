"""Normalised growth as a report: growth in four ways, its causes, the budget, the model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import Site
from bms.core.instants import local_midnight
from bms.core.readings import Label
from bms.energy.models.years.normalised import Normalised, Standard
from bms.reports.documents.document import (
    Column,
    Document,
    Figure,
    Headline,
    Headlines,
    Kind,
    Lines,
    Name,
    Part,
    Receipt,
    Row,
    Section,
    Table,
    Text,
    missing,
    sum_of,
)
from bms.reports.normalising.meter_baseline import MeterBaseline
from bms.reports.normalising.model_pages import (
    CAUSES,
    model_parts,
    outside_lines,
    weather_text,
)
from bms.reports.normalising.normalised_report import BaseNormalised, NormalisedReport
from bms.reports.normalising.year_ahead import Ahead
from bms.texts.messages import Message, msg

_UNTOLD: Final = msg("cannot be told; see the notes")
_CAUSE_NAMES: Final = {cause.value: text for cause, text in CAUSES.items()} | {
    "left out": msg("days that are not compared"),
    "residual": msg("not explained"),
}


def normalised_document(site: Site, report: NormalisedReport, receipt: Receipt) -> Document:
    """The growth of each base in four ways; then base by base its causes, budget and model."""
    zone = ZoneInfo(site.file.zone)
    name = Name.of(site.file.id, site.file.title)
    sections = [Section("growth", msg("Growth in four ways"), (_growth(report),))]
    for item in report.bases:
        sections += _sections(site, item)
    return Document(
        kind="normalised",
        title=msg("Growth at equal conditions"),
        site=name,
        subject=name,
        period=f"{report.year}",
        start=local_midnight(date(report.year, 1, 1), zone).astimezone(zone),
        end=local_midnight(date(report.year + 1, 1, 1), zone).astimezone(zone),
        answer=_answer(report),
        sections=tuple(sections),
        receipt=receipt,
        signatures=(msg("Drawn up by"), msg("Checked by")),
    )


def _answer(report: NormalisedReport) -> Message:
    told = [b for b in report.bases if b.compared is not None and b.compared.enough]
    under = sum(
        b.compared is not None and b.compared.probability_under(b.growth.target_pct) >= 0.9
        for b in told
    )
    return msg(
        "at equal conditions {under} of {all_bases} bases are under their target with 90 % "
        "probability; for {told} a figure can be given",
        under=under,
        all_bases=len(report.bases),
        told=len(told),
    )


def _growth(report: NormalisedReport) -> Table:
    def percent(key: str, title: Message) -> Column:
        return Column(key, title, Kind.CHANGE, "%", 2, summed=False)

    return Table(
        "growth",
        (
            Column("base", msg("base"), width=18),
            percent("raw", msg("raw")),
            percent("per_day", msg("per day")),
            percent("normalised", msg("normalised")),
            percent("standard", msg("standard")),
            Column("target", msg("target below"), Kind.NUMBER, "%", 1, summed=False),
            Column("probability", msg("under it"), Kind.NUMBER, "%", 0, summed=False),
            Column("verdict", msg("verdict by meters"), width=14),
        ),
        tuple(_row(item) for item in report.bases),
        notes=(
            msg(
                "normalised: against what the baseline year's model expects at this year's "
                "weather, production and calendar; the interval in the remarks has 90 % probability"
            ),
            msg("the verdict stands on metered energy alone"),
        ),
    )


def _row(item: BaseNormalised) -> Row:
    growth = item.growth
    found = item.compared if item.compared is not None and item.compared.enough else None
    low, high = found.interval_pct() if found is not None else (None, None)
    return Row(
        item.base,
        {
            "base": Name(item.base),
            "raw": _figure(growth.growth_pct, growth.low_pct, growth.high_pct),
            "per_day": _figure(item.per_day_pct),
            "normalised": _figure(found.growth_pct if found else None, low, high),
            "standard": _standard(item.standard),
            "target": Figure(growth.target_pct, Label.DERIVED),
            "probability": _probability(found, growth.target_pct),
            "verdict": msg("{verdict}", verdict=growth.verdict),
        },
    )


def _figure(amount: float | None, low: float | None = None, high: float | None = None) -> Figure:
    if amount is None:
        return missing(_UNTOLD)
    return Figure(amount, Label.DERIVED, least=low, most=high)


def _standard(found: Standard | None) -> Figure:
    return missing(_UNTOLD) if found is None else _figure(found.growth_pct, *found.interval_pct())


def _probability(found: Normalised | None, target_pct: float) -> Figure:
    return _figure(None if found is None else 100 * found.probability_under(target_pct))


def _sections(site: Site, item: BaseNormalised) -> Iterator[Section]:
    name = Name.of(item.base, site.bases[item.base].file.title)
    if item.bridge is not None:
        yield Section(f"{item.base}-causes", name, (_bridge(item),), msg("causes"))
    if item.ahead is not None:
        yield Section(f"{item.base}-budget", name, _budget(item.ahead), msg("budget"))
    parts: list[Part] = []
    if item.model is not None:
        parts += model_parts(item.model, item.rules)
    outside = outside_lines(item.compared.outside) if item.compared is not None else None
    if outside is not None:
        parts.append(outside)
    if item.notes:
        parts.append(Lines(tuple(item.notes)))
    if parts:
        detail = msg("model") if item.model is None else weather_text(item.model)
        yield Section(f"{item.base}-model", name, tuple(parts), detail)


def _bridge(item: BaseNormalised) -> Table:
    assert item.bridge is not None
    found = item.bridge
    steps = found.steps()
    rows = [
        Row("baseline", {"cause": msg("baseline"), "kwh": _figure(found.baseline_kwh)}),
        *(
            Row(f"step:{cause}", {"cause": _cause(cause), "kwh": _figure(kwh)}, depth=1)
            for cause, kwh in steps
        ),
    ]
    keys = [row.key for row in rows]
    reported = Row("reported", {"cause": msg("reported")}, sum_of(*keys), total=True)
    return Table(
        "causes",
        (
            Column("cause", msg("cause"), width=30),
            Column("kwh", msg("energy"), Kind.CHANGE, "kWh", 0),
        ),
        (*rows, reported),
    )


def _cause(cause: str) -> Text:
    return _CAUSE_NAMES.get(cause, Name(cause))


def _budget(found: Ahead) -> tuple[Part, ...]:
    budget = found.budget
    low, high = budget.year_end.interval()

    def kwh(key: str, title: Message, amount: Figure) -> Headline:
        return Headline(key, title, amount, "kWh", 0)

    figures = [
        kwh("cap", msg("cap of the year"), _figure(budget.cap_kwh)),
        kwh("used", msg("used so far"), _figure(budget.used_kwh)),
        kwh("left", msg("left"), _figure(budget.left_kwh)),
        kwh("year_end", msg("year's end"), _figure(budget.year_end.value, low, high)),
        kwh("year_end_low", msg("year's end, at least"), _figure(low)),
        kwh("year_end_high", msg("year's end, at most"), _figure(high)),
        Headline(
            "probability",
            msg("probability to stay under the cap"),
            _figure(100 * budget.probability),
            "%",
            0,
        ),
    ]
    if budget.pace is not None:
        pace = Headline("pace", msg("left over what is expected"), _figure(budget.pace), "", 2)
        figures.append(pace)
    return (Headlines(tuple(figures)), Lines(found.assumptions))


def baseline_document(site: Site, found: MeterBaseline, receipt: Receipt) -> Document:
    """The model of one meter, for people who have to judge it."""
    zone = ZoneInfo(found.meter.zone)
    parts: list[Part] = list(model_parts(found.model, found.rules))
    if found.notes:
        parts.append(Lines(tuple(found.notes)))
    broken = [rule for rule in found.rules if not rule.kept]
    return Document(
        kind="baseline",
        title=msg("Baseline"),
        site=Name.of(site.file.id, site.file.title),
        subject=Name(found.meter.name, found.meter.title),
        period=f"{found.period.first}..{found.period.last}",
        start=local_midnight(found.period.first, zone).astimezone(zone),
        end=found.period.bounds(zone)[1].astimezone(zone),
        answer=msg("the model keeps all rules: {weather}", weather=weather_text(found.model))
        if not broken
        else msg(
            "the model breaks {count} of its rules and proves nothing by itself",
            count=len(broken),
        ),
        sections=(
            Section(
                "model",
                msg("Model of each day"),
                tuple(parts),
                msg("in {unit}", unit=found.meter.medium.unit),
            ),
        ),
        receipt=receipt,
    )
