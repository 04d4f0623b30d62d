"""A model for people: its terms, how well it fits, and which rules it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from bms.core.readings import Label
from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.change_points import Weather
from bms.energy.models.daily_frames import AFTER, BEFORE, FESTIVAL, FREE, HOLIDAY_WEEK
from bms.energy.models.model_terms import COOLING, HEATING, INTERCEPT, Cause, Outside, Term
from bms.energy.models.validity import Rule
from bms.reports.documents.document import (
    Column,
    Figure,
    Headline,
    Headlines,
    Kind,
    Lines,
    Name,
    Part,
    Row,
    Table,
    Text,
)
from bms.texts.messages import Message, msg

MOST_LINES: Final = 12
"""So many sentences are enough for a page; the others are counted."""

CAUSES: Final[Mapping[Cause, Message]] = {
    Cause.BASE: msg("base load"),
    Cause.WEATHER: msg("weather"),
    Cause.PRODUCTION: msg("production"),
    Cause.CALENDAR: msg("calendar"),
}
_CALENDAR: Final[Mapping[str, Message]] = {
    "sat": msg("Saturday"),
    "sun": msg("Sunday"),
    "work": msg("working day"),
    FREE: msg("public holiday"),
    HOLIDAY_WEEK: msg("holiday week"),
    FESTIVAL: msg("festival that moves"),
    BEFORE: msg("just before a festival"),
    AFTER: msg("just after a festival"),
}
_RULES: Final[Mapping[str, Message]] = {
    "coefficients": msg("no negative coefficient"),
    "intercept": msg("no negative base load"),
    "r2": msg("explains enough"),
    "variables": msg("each variable counts"),
    "model": msg("the model as a whole counts"),
    "production": msg("has production"),
    "days": msg("enough days"),
}
KEPT: Final = msg("kept")
BROKEN: Final = msg("broken")


def model_parts(model: BaselineModel, kept: Sequence[Rule]) -> tuple[Part, ...]:
    """How well it fits, its terms, and its rules."""
    return (_fit(model), _terms(model), _rules(kept))


def _fit(model: BaselineModel) -> Headlines:
    m = model.metrics

    def one(key: str, title: Message, amount: float, unit: str = "", decimals: int = 2) -> Headline:
        return Headline(key, title, Figure(amount, Label.DERIVED), unit, decimals)

    return Headlines(
        (
            one("cv_rmse", msg("scatter, CV(RMSE)"), m.cv_rmse_pct, "%", 1),
            one("r2", msg("explained, R²"), m.r2),
            one("adjusted_r2", msg("adjusted R²"), m.adjusted_r2),
            one("nmbe", msg("net bias, NMBE"), m.nmbe_pct, "%", 3),
            one("rho", msg("memory from day to day, ρ"), m.rho),
            one("days", msg("days"), m.days, "", 0),
            one("independent", msg("as good as independent days"), m.independent_days, "", 0),
        )
    )


def _terms(model: BaselineModel) -> Table:
    rows = tuple(
        Row(
            f"{term.cause.name.lower()}:{term.name}",
            {
                "term": _term(term),
                "cause": CAUSES[term.cause],
                "value": Figure(float(amount), Label.DERIVED),
                "per": _per(term, model),
                "p": Figure(p, Label.DERIVED),
            },
        )
        for term, amount, p in zip(model.terms, model.values, model.metrics.p_values, strict=True)
    )
    return Table(
        "terms",
        (
            Column("term", msg("term"), width=26),
            Column("cause", msg("cause"), width=12),
            Column("value", msg("amount"), Kind.NUMBER, "", 3, summed=False),
            Column("per", msg("of"), width=30),
            Column("p", msg("p"), Kind.NUMBER, "", 4, summed=False),
        ),
        rows,
        notes=(
            msg(
                "{tried} models were tried; the least of Bayes' criterion on independent days is "
                "taken",
                tried=len(model.candidates),
            ),
        ),
    )


def _term(term: Term) -> Text:
    if term == INTERCEPT:
        return msg("base load")
    if term == HEATING:
        return msg("heating")
    if term == COOLING:
        return msg("cooling")
    if term.cause is Cause.CALENDAR:
        return _CALENDAR.get(term.name, Name(term.name))
    return Name(term.name)


def _per(term: Term, model: BaselineModel) -> Text:
    heating_c, cooling_c = model.bends
    if term == HEATING:
        return msg("a day and K below {temp_c:.1f} °C", temp_c=heating_c)
    if term == COOLING:
        return msg("a day and K above {temp_c:.1f} °C", temp_c=cooling_c)
    if term.cause is Cause.PRODUCTION:
        return msg("each unit of {driver}", driver=term.name)
    return msg("a day")


def _rules(kept: Iterable[Rule]) -> Table:
    return Table(
        "rules",
        (
            Column("rule", msg("rule"), width=26),
            Column("kept", msg("state"), width=10),
            Column("found", msg("found"), width=60),
        ),
        tuple(
            Row(
                rule.key,
                {
                    "rule": _RULES[rule.key],
                    "kept": KEPT if rule.kept else BROKEN,
                    "found": rule.text,
                },
                marked=not rule.kept,
            )
            for rule in kept
        ),
    )


def weather_text(model: BaselineModel) -> Text:
    """One phrase: how the outdoor temperature counts."""
    return {
        Weather.NONE: msg("the outdoor temperature does not count"),
        Weather.HEATING: msg("heating counts"),
        Weather.COOLING: msg("cooling counts"),
        Weather.BOTH: msg("heating and cooling count"),
    }[model.weather]


def outside_lines(outside: Sequence[Outside]) -> Lines | None:
    """Which days a model refuses, and why; None if there are none."""
    if not outside:
        return None
    runs = list(_runs(outside))
    told: list[Text] = [
        first.text_of(f"{first.day}" if first.day == last else f"{first.day}..{last}")
        for first, last in runs[:MOST_LINES]
    ]
    more = len(runs) - len(told)
    if more:
        told.append(msg("and {count} more", count=more))
    return Lines((msg("Days that are not compared:"), *told))


def _runs(outside: Sequence[Outside]) -> Iterator[tuple[Outside, date]]:
    """Days one after the other that are outside for the same reason, with the last of them."""
    ordered = sorted(outside, key=lambda item: (item.driver, item.value is not None, item.day))
    at = 0
    while at < len(ordered):
        first, last = ordered[at], ordered[at]
        at += 1
        while at < len(ordered) and first.value is None and _follows(last, ordered[at]):
            last = ordered[at]
            at += 1
        yield first, last.day


def _follows(one: Outside, other: Outside) -> bool:
    return other.driver == one.driver and other.value is None and (other.day - one.day).days == 1
