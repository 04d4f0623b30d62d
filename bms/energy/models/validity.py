"""Rules that say whether a model may be used, each by its name: printed with every model.

They are those that ORNL's VERIFI tells its users, and those of CalTRACK for the days themselves.
A model that breaks one is shown all the same, and says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.model_terms import INTERCEPT, Cause
from bms.texts.messages import Message, msg

LEAST_R2: Final = 0.5
MOST_P: Final = 0.2
SURE_P: Final = 0.1
MOST_MODEL_P: Final = 0.1
YEAR_DAYS: Final = 365
LEAST_SHARE: Final = 0.9


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, and whether a model keeps it."""

    key: str
    kept: bool
    text: Message
    """What was found."""


def rules(
    model: BaselineModel, *, industrial: bool, others: Collection[str] = ()
) -> tuple[Rule, ...]:
    """Every rule for a model, kept or not. `industrial`: production has to be in it; `others` are
    drivers that are no production."""
    return tuple(_rules(model, industrial, others))


def valid(found: tuple[Rule, ...]) -> bool:
    """Whether a model keeps all of its rules."""
    return all(rule.kept for rule in found)


def _rules(model: BaselineModel, industrial: bool, others: Collection[str]) -> Iterator[Rule]:
    m = model.metrics
    base_load = model.value_of(INTERCEPT)
    negative = [
        term.name
        for term, value in zip(model.terms, model.values, strict=True)
        if value < 0.0 and term.cause in (Cause.WEATHER, Cause.PRODUCTION)
    ]
    yield Rule(
        "coefficients",
        not negative,
        msg("a coefficient is negative: {names}", names=", ".join(negative))
        if negative
        else msg("no coefficient of weather or production is negative"),
    )
    yield Rule(
        "intercept", base_load >= 0.0, msg("the base load is {base_load:,.1f}", base_load=base_load)
    )
    yield Rule(
        "r2",
        m.r2 >= LEAST_R2 and m.adjusted_r2 >= LEAST_R2,
        msg(
            "R² is {explained:.3f}, adjusted {adjusted:.3f}; at least {least:g} is asked",
            explained=m.r2,
            adjusted=m.adjusted_r2,
            least=LEAST_R2,
        ),
    )
    slopes = [
        (term.name, p)
        for term, p in zip(model.terms, m.p_values, strict=True)
        if term.cause in (Cause.WEATHER, Cause.PRODUCTION)
    ]
    weakest = max(slopes, key=lambda item: item[1], default=None)
    strongest = min(slopes, key=lambda item: item[1], default=None)
    if weakest is None or strongest is None:
        yield Rule("variables", False, msg("neither weather nor production explains anything"))
    else:
        yield Rule(
            "variables",
            weakest[1] <= MOST_P and strongest[1] <= SURE_P,
            msg(
                "p is {least_p:.3g} ({strongest}) … {most_p:.3g} ({weakest}); none above "
                "{limit:g}, one below {sure:g} is asked",
                least_p=strongest[1],
                strongest=strongest[0],
                most_p=weakest[1],
                weakest=weakest[0],
                limit=MOST_P,
                sure=SURE_P,
            ),
        )
    yield Rule(
        "model",
        m.model_p <= MOST_MODEL_P,
        msg(
            "p of the model is {model_p:.3g}; at most {limit:g} is asked",
            model_p=m.model_p,
            limit=MOST_MODEL_P,
        ),
    )
    if industrial:
        produced = [
            term.name
            for term in model.terms
            if term.cause is Cause.PRODUCTION and term.name not in others
        ]
        yield Rule(
            "production",
            bool(produced),
            msg("driven by {names}", names=", ".join(produced))
            if produced
            else msg("an industrial model without a production variable"),
        )
    span = (model.last_day - model.first_day).days + 1
    whole = m.days >= LEAST_SHARE * max(span, YEAR_DAYS)
    yield Rule(
        "days",
        whole,
        msg(
            "{known_days} days of {first_day}..{last_day} are known; nine tenths of a year are "
            "asked",
            known_days=m.days,
            first_day=model.first_day,
            last_day=model.last_day,
        ),
    )
