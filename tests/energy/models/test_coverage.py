"""How often the truth lies in the interval, and how often a stated probability is right."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import pytest

from bms.energy.models.measures.saving_methods import before_after
from bms.energy.models.model_choice import fit
from bms.energy.models.years.normalised import normalised
from tests.energy.models.known_truth import Made, made

METERS = 200
SAMPLE = 25

KINDS: dict[str, Callable[[int], Made]] = {
    "factories": made,
    "buildings": lambda seed: made(seed, produces=False),
    "growing factories": lambda seed: made(seed, production_growth=0.1),
    "meters with many gaps": lambda seed: made(seed, gaps=60),
}


def hits(make: Callable[[int], Made], seeds: range) -> int:
    """How many of the meters have their true saving in the interval of 90 %."""
    found = 0
    for seed in seeds:
        data = make(seed)
        model = fit(data.before)
        saving = before_after(model, data.after)
        frame = model.predict(data.after.where(data.after.known)).frame
        low, high = saving.kwh.interval()
        found += low <= data.saved_on(frame.days) <= high
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_of_intervals_holds_the_truth(kind: str) -> None:
    assert hits(KINDS[kind], range(1000, 1000 + SAMPLE)) >= 18


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_nine_of_ten_intervals_hold_the_truth(kind: str) -> None:
    assert 0.85 * METERS <= hits(KINDS[kind], range(METERS)) <= 0.95 * METERS


@pytest.mark.slow
def test_probabilities_of_verdicts_are_as_often_right_as_they_say() -> None:
    """Growth around the target: a verdict is wrong as often as its own probability allows."""
    wrong, expected, spread = 0, 0.0, 0.0
    for seed in range(METERS):
        growth = -0.05 + 0.002 * (seed % 41 - 20)  # a step that costs: 1 ... 9 % more
        data = made(seed, step=growth)
        model = fit(data.before)
        found = normalised(model, data.after)
        probability = found.probability_under(5.0)
        under = -growth < 0.05
        wrong += (probability >= 0.5) != under
        expected += min(probability, 1 - probability)
        spread += probability * (1 - probability)
    assert abs(wrong - expected) <= 1.96 * sqrt(spread) + 1
