"""Normalised growth and models as plain values, for programs and for faces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bms.energy.models.baseline_model import BaselineModel
from bms.energy.models.model_terms import Outside
from bms.energy.models.student import CONFIDENCE
from bms.energy.models.validity import Rule
from bms.energy.models.years.cause_bridge import Bridge
from bms.energy.models.years.normalised import Normalised, Standard
from bms.reports.normalising.normalised_report import BaseNormalised, NormalisedReport
from bms.reports.normalising.year_ahead import Ahead

MOST_OUTSIDE: Final = 50
"""So many days outside the support are named; the count tells of the others."""


def report_plain(report: NormalisedReport) -> dict[str, Any]:
    """Energies in kWh, growth in percent; what cannot be told is None."""
    return {
        "site": report.site,
        "year": report.year,
        "made": report.made.isoformat(timespec="seconds"),
        "confidence": CONFIDENCE,
        "bases": [_base(item) for item in report.bases],
    }


def _base(item: BaseNormalised) -> dict[str, Any]:
    growth = item.growth
    this = growth.this
    return {
        "base": item.base,
        "baseline_year": growth.baseline_year,
        "first_day": None if this is None else this.period.first.isoformat(),
        "last_day": None if this is None else this.period.last.isoformat(),
        "target_pct": growth.target_pct,
        "verdict": growth.verdict.value,
        "raw_pct": _rounded(growth.growth_pct),
        "raw_low_pct": _rounded(growth.low_pct),
        "raw_high_pct": _rounded(growth.high_pct),
        "per_day_pct": _rounded(item.per_day_pct),
        "normalised": _normalised(item.compared, growth.target_pct),
        "standard": _standard(item.standard, growth.target_pct),
        "bridge": None if item.bridge is None else _bridge(item.bridge),
        "budget": None if item.ahead is None else _budget(item.ahead),
        "model": None if item.model is None else model_plain(item.model, item.rules),
        "notes": list(item.notes),
    }


def _normalised(found: Normalised | None, target_pct: float) -> dict[str, Any] | None:
    if found is None:
        return None
    told = found.enough
    low, high = found.interval_pct() if told else (None, None)
    return {
        "growth_pct": _rounded(found.growth_pct) if told else None,
        "low_pct": _rounded(low),
        "high_pct": _rounded(high),
        "probability_under": round(found.probability_under(target_pct), 4) if told else None,
        "metered_kwh": round(found.metered_kwh, 3),
        "expected_kwh": round(found.expected.value, 3),
        "compared_days": found.compared_days,
        "reported_days": found.reported_days,
        "outside_days": len({item.day for item in found.outside}),
        "outside": [_outside(item) for item in found.outside[:MOST_OUTSIDE]],
    }


def _standard(found: Standard | None, target_pct: float) -> dict[str, Any] | None:
    if found is None:
        return None
    low, high = found.interval_pct()
    return {
        "growth_pct": _rounded(found.growth_pct),
        "low_pct": _rounded(low),
        "high_pct": _rounded(high),
        "probability_under": round(found.probability_under(target_pct), 4),
        "days": found.days,
    }


def _bridge(found: Bridge) -> dict[str, Any]:
    """Not rounded: the steps sum to the change."""
    return {
        "baseline_kwh": found.baseline_kwh,
        "reported_kwh": found.reported_kwh,
        "steps": [{"cause": cause, "kwh": kwh} for cause, kwh in found.steps()],
    }


def _budget(found: Ahead) -> dict[str, Any]:
    budget = found.budget
    low, high = budget.year_end.interval()
    return {
        "cap_kwh": round(budget.cap_kwh, 3),
        "used_kwh": round(budget.used_kwh, 3),
        "left_kwh": round(budget.left_kwh, 3),
        "pace": None if budget.pace is None else round(budget.pace, 4),
        "level": round(budget.level, 4),
        "year_end_kwh": round(budget.year_end.value, 3),
        "year_end_low_kwh": round(low, 3),
        "year_end_high_kwh": round(high, 3),
        "probability_under": round(budget.probability, 4),
        "light": budget.light,
        "assumptions": list(found.assumptions),
    }


def model_plain(model: BaselineModel, kept: Sequence[Rule]) -> dict[str, Any]:
    """A model for people and programs; `whole` holds all that a prediction needs."""
    m = model.metrics
    return {
        "weather": model.weather.value,
        "heating_c": _rounded(model.bends[0], 2),
        "cooling_c": _rounded(model.bends[1], 2),
        "terms": [
            {
                "cause": term.cause.value,
                "name": term.name,
                "per_day_kwh": float(value),
                "p": p,
            }
            for term, value, p in zip(model.terms, model.values, m.p_values, strict=True)
        ],
        "first_day": model.first_day.isoformat(),
        "last_day": model.last_day.isoformat(),
        "days": m.days,
        "independent_days": round(m.independent_days, 1),
        "r2": round(m.r2, 4),
        "adjusted_r2": round(m.adjusted_r2, 4),
        "cv_rmse_pct": round(m.cv_rmse_pct, 3),
        "nmbe_pct": round(m.nmbe_pct, 6),
        "rho": round(m.rho, 3),
        "tried": len(model.candidates),
        "data_hash": model.data_hash,
        "valid": all(rule.kept for rule in kept),
        "rules": [{"rule": rule.key, "kept": rule.kept, "found": rule.text} for rule in kept],
        "whole": model.to_json(),
    }


def _outside(item: Outside) -> dict[str, Any]:
    return {
        "day": item.day.isoformat(),
        "driver": item.driver,
        "amount": item.value,
        "why": item.text(),
    }


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None or value in (float("inf"), float("-inf")) else round(value, digits)
