"""tariffs.yaml: what it makes, and every mistake at its place."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bms.config.tariffs import Period, quarter_of
from bms.core.instants import local_midnight
from tests.config.sites import Draft

FILE = "tariffs.yaml"
TARIFF = """\
tariffs:
  city:
    source: notice 1 of 2026
    read_on: 2026-01-05
    hours:
      - from: 2026-01-01
        to: 2026-06-30
        days:
          - weekdays: sat,sun
            hours: {valley: "00:00-24:00"}
          - months: "7-8"
            hours: {sharp: "09:00-11:00"}
          - hours: {peak: "08:00-22:00", flat: "22:00-23:15", valley: "23:15-08:00"}
      - from: 2026-09-01
        days:
          - hours: {flat: "00:00-24:00"}
    prices:
      - from: 2026-01-01
        per_kwh: {sharp: 1.2, peak: 1.0, flat: 0.7, valley: 0.3}
        demand: {per_kw: 40.5, contract_kw: 1000, free_over_pct: 5, over_times: 2}
        power_factor: [[0.9, 0], [0.85, 2.5], [0, 10]]
applies:
  plant: city
"""


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    return Draft(tmp_path).add(FILE, TARIFF)


def test_the_first_rule_that_fits_decides(draft: Draft) -> None:
    tariff = draft.site().tariffs["city"]
    monday = tariff.periods(date(2026, 3, 2))
    assert monday[:32] == (Period.VALLEY,) * 32
    assert monday[88:93] == (Period.FLAT,) * 5
    assert monday[93:] == (Period.VALLEY,) * 3
    assert set(tariff.periods(date(2026, 3, 7))) == {Period.VALLEY}
    # Between two tables nobody knows.
    assert set(tariff.periods(date(2026, 7, 1))) == {None}
    assert set(tariff.periods(date(2025, 12, 31))) == {None}
    assert set(tariff.periods(date(2027, 1, 1))) == {Period.FLAT}
    prices = tariff.price_list(date(2026, 3, 2))
    assert prices is not None
    assert prices.per_kwh[Period.FLAT] == Decimal("0.7")
    assert tariff.price_list(date(2025, 12, 31)) is None


def test_who_pays_by_which(draft: Draft) -> None:
    site = draft.site()
    found = site.tariff_of("plant.meter-main", "plant")
    assert found is not None
    assert found.id == "city"
    assert site.tariff_of("other") is None


@pytest.mark.parametrize(
    ("day", "quarters", "peak"),
    [
        (date(2026, 3, 29), 92, 0),  # clocks go forward on a Sunday
        (date(2026, 10, 25), 100, 0),
        (date(2026, 3, 30), 96, 56),
    ],
)
def test_days_of_23_and_25_hours_have_all_their_quarter_hours(
    draft: Draft, day: date, quarters: int, peak: int
) -> None:
    zone = ZoneInfo("Europe/Berlin")
    tariff = draft.site().tariffs["city"]
    start, end = (local_midnight(d, zone) for d in (day, day + timedelta(days=1)))
    walls = []
    while start < end:
        walls.append(start.astimezone(zone))
        start += timedelta(minutes=15)
    found = [tariff.periods(wall.date())[quarter_of(wall)] for wall in walls]
    assert len(found) == quarters
    assert found.count(Period.PEAK) == peak
    assert None not in found


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("09:00-11:00", "09:10-11:00", 12, "does not lie on quarter hours"),
        ("08:00-22:00", "08:00-22:30", 13, "22:00 stands in"),
        ('flat: "22:00-23:15", ', "", 9, "no rule says what 22:00 is on a mon of month 1"),
        ("00:00-24:00\"}\n          - m", "00:00-00:00\"}\n          - m", 10, "no length"),
        ("sharp: 1.2, ", "", 19, "no price for 'sharp'"),
        ("from: 2026-09-01", "from: 2026-06-01", 14, "holds until 2026-06-30"),
        ("[0, 10]", "[0.8, 10]", 21, "the last one is 0"),
        ("sat,sun", "sat,son", 9, "son"),
        ("7-8", "7-13", 11, "months are 1 to 12"),
        ("peak:", "peek:", 13, "'peek'"),
        ("plant: city", "plant: town", 23, "no tariff 'town'"),
        ("plant: city", "plnt: city", 23, "no base and no meter 'plnt'"),
        ("read_on: 2026-01-05", "read_on: soon", 4, "no date"),
        ('- months: "7-8"', "- on: {calendar: us}", 11, "no calendar 'us'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place(
    draft: Draft, old: str, new: str, line: int, says: str
) -> None:
    assert old in TARIFF
    draft.add(FILE, TARIFF.replace(old, new, 1))
    _, problems = draft.check()
    assert [(p.file, p.line) for p in problems] == [(FILE, line)], [str(p) for p in problems]
    assert says in str(problems[0])


@pytest.mark.case(
    "T1",
    when="tariffs.yaml is wrong: an edge beside the quarter hours, a time that no rule names.",
    then="bms check tells the line and refuses the edit. A site that starts with it is run all the "
    "same: only the costs are missing.",
)
def test_a_wrong_tariff_withholds_the_costs_and_nothing_else(draft: Draft) -> None:
    draft.add(FILE, TARIFF.replace("09:00-11:00", "09:10-11:00"))
    site = draft.site()
    assert not site.tariffs
    assert [problem.withholds for problem in site.unmet] == ["city"]
    draft.add(FILE, "tariffs: [")
    assert not draft.site().tariffs
