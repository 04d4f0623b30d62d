"""Seeded sites of which the truth is known: what is told is right, and what can be told is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest

from bms.energy.comparing.festivals import new_year
from bms.energy.verdict import Verdict
from tests.energy.growth_sites import KINDS, site_of


@dataclass
class Count:
    """What came of many sites."""

    given: int = 0
    wrong: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    """Sites that had to be told and were not."""
    bounded: int = 0
    outside: int = 0
    """Sites with losses whose truth is not within the interval."""


def judged(seeds: range, *, nasty: bool = False, close: bool = False) -> Count:
    """`close`: the target lies half a point to four points beside the truth, on either side."""
    count = Count()
    for seed in seeds:
        site = site_of(seed, nasty=nasty)
        if close:
            aside = Random(seed).uniform(0.5, 4.0) * (1 if seed // len(KINDS) % 2 else -1)
            site.target_pct = site.truth_pct + aside
        result = site.judge()
        text = f"{seed} {site.kind}: {site.truth_pct:+.2f} is {result.verdict}: {result.reason}"
        if result.verdict is not Verdict.CANNOT_TELL:
            count.given += 1
            if not site.right(result.verdict):
                count.wrong.append(text)
        elif site.must_be_told():
            count.untold.append(text)
        if result.low_pct is not None and result.high_pct is not None and site.missing():
            count.bounded += 1
            count.outside += not result.low_pct <= site.truth_pct <= result.high_pct
    return count


def test_a_sample_of_sites_is_judged_rightly() -> None:
    count = judged(range(2 * len(KINDS)))
    assert count.wrong == []
    assert count.untold == []
    assert count.given >= 25


@pytest.mark.slow
def test_of_300_sites_what_is_told_is_right_and_what_can_be_told_is_told() -> None:
    count = judged(range(300))
    assert len(count.wrong) <= 0.01 * count.given, count.wrong
    assert count.untold == []
    assert count.given >= 220
    assert count.outside <= 0.1 * count.bounded


@pytest.mark.slow
def test_also_close_to_the_target_what_is_told_is_right() -> None:
    count = judged(range(300, 600), close=True)
    assert len(count.wrong) <= 0.01 * count.given, count.wrong
    assert count.given >= 180


@pytest.mark.slow
def test_stops_of_production_and_wild_weather_do_not_make_verdicts_wrong() -> None:
    count = judged(range(1000, 1200), nasty=True)
    assert len(count.wrong) <= 0.01 * count.given, count.wrong
    assert count.given >= 120


def test_the_chinese_new_year_is_that_of_the_library() -> None:
    chinese = pytest.importorskip("holidays.calendars.chinese")
    known = chinese._ChineseLunisolar()
    for year in range(2000, 2071):
        assert new_year(year) == known.lunar_new_year_date(year)[0], year
    assert new_year(1999) is None
    assert new_year(2071) is None
