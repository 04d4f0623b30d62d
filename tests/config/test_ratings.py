"""What a meter's file must say so that its register can be judged: demands that withhold."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from bms.core.instants import to_ms
from tests.config.sites import Draft

FILE = "meters.yaml"
RATIOS = "meters:\n  plant.meter-main:\n    rated_kw: 630\n    ratios:\n"


@pytest.mark.case(
    "E7 rating",
    when="Nobody wrote down what a meter at a base's boundary can see",
    then="'bms check' asks for it; a running site goes on, and judges the meter by its own past",
)
def test_a_meter_at_a_boundary_has_a_rating(draft: Draft) -> None:
    draft.add(FILE, "meters:\n  plant.meter-main: {register_size: 1000000}\n")
    site, problems = draft.check()
    (problem,) = problems
    assert (problem.file, problem.line, problem.withholds) == (FILE, 2, "plant.meter-main")
    assert "has no rating" in problem.message
    assert "rated_kw" in problem.hint
    assert site is not None
    assert site.unmet == (problem,)
    draft.add(FILE, "meters:\n  plant.water: {medium: water}\n")
    _, (problem,) = draft.check()
    assert problem.file == "site.yaml"
    assert problem.withholds == "plant.meter-main"
    draft.add(FILE, "meters:\n  plant.meter-main: {rated_kw: 630}\n")
    assert draft.check()[1] == []


def test_a_formula_at_a_boundary_asks_for_the_ratings_of_its_registers(draft: Draft) -> None:
    draft.add(FILE, "meters:\n  plant.half: {formula: 0.5 * meter-main}\n")
    draft.edit("site.yaml", "imports: [meter-main]", "imports: [half]")
    _, (problem,) = draft.check()
    assert problem.withholds == "plant.meter-main"


@pytest.mark.case(
    "E4 check",
    when="A register is round again faster than it is read",
    then="'bms check' refuses it, and says which register it is",
)
@pytest.mark.parametrize(
    ("size", "rated", "ratio", "wraps"),
    [
        (65.536, 300, 1, True),
        (65.536, 263, 1, True),
        (65.536, 262, 1, False),
        (655.36, 250, 1, False),
        (1000, 4000, 80, False),
        (10, 4000, 80, True),
    ],
)
def test_a_register_lasts_from_one_reading_to_the_next(
    draft: Draft, size: float, rated: float, ratio: float, wraps: bool
) -> None:
    draft.add(
        FILE,
        f"meters:\n  plant.meter-main:\n    register_size: {size}\n    rated_kw: {rated}\n"
        f"    ratios: [{{from: 2020-01-01, factor: {ratio}}}]\n",
    )
    site, problems = draft.check()
    assert site is not None
    assert [p.withholds for p in problems] == ["plant.meter-main"] * wraps
    assert all("may go round unseen" in p.message and p.line == 2 for p in problems)


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-03-01", datetime(2026, 2, 28, 16, tzinfo=UTC)),
        ("2026-03-01 14:30", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ('"2026-03-01T14:30"', datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("2026-03-01T14:30:00", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ('"2026-03-01 14:30+01:00"', datetime(2026, 3, 1, 13, 30, tzinfo=UTC)),
        ("2026-03-01 14:30Z", datetime(2026, 3, 1, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_ratio_begins_on_a_day_or_at_a_quarter_hour(
    draft: Draft, written: str, instant: datetime
) -> None:
    draft.add(FILE, f"{RATIOS}      - {{from: {written}, factor: 80}}\n")
    spec = draft.site().metering["plant.meter-main.energy"]
    assert spec.ratios == ((to_ms(instant), Fraction(80)),)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("2026-03-01 14:37", "no quarter hour"),
        ("2026-03-01 25:00", "no date and no time"),
        ("14:30", "no date and no time"),
        ("2026-10-25 02:30", "no single moment"),
        ("2026-03-29 02:30", "no single moment"),
    ],
)
def test_moments_that_cannot_be_meant(draft: Draft, written: str, message: str) -> None:
    draft.edit("site.yaml", "zone: Asia/Shanghai", "zone: Europe/Berlin")
    draft.add(FILE, f"{RATIOS}      - {{from: {written}, factor: 80}}\n")
    _, problems = draft.check()
    assert [message in p.message for p in problems] == [True]
    assert problems[0].line == 5


def test_an_unrated_meter_sees_no_more_than_its_base(draft: Draft) -> None:
    draft.edit(
        "equipment/plant.yaml",
        "  meter-main:\n",
        "  meter-sub:\n    kind: meter\n    device: example-meter\n    link: gateway-1\n"
        "    unit: 101\n  meter-main:\n",
    )
    metering = draft.site().metering
    assert metering["plant.meter-sub.energy"].most_per_h == 945
    assert not metering["plant.meter-sub.energy"].rated
    draft.add(FILE, "meters:\n  plant.water: {medium: water}\n")
    assert draft.site().metering["plant.meter-sub.energy"].most_per_h == 100_000
