"""A month's power factor: from a reactive register, from a point, or not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.site import Site
from bms.core.equipment import PointClass
from bms.historian.compaction.compaction import Compaction, Zones
from bms.historian.log.embedded import History
from bms.historian.records import Batch, Series
from bms.operations.reporting.power_factors import factors_of
from drivers.points import Quality, Sample
from tests.reports.month.month_sites import site_with

MARCH = date(2026, 3, 1)
START = datetime(2026, 2, 28, 15, tzinfo=UTC)
"""An hour before the month begins in China."""
END = datetime(2026, 3, 31, 17, tzinfo=UTC)
ROLES = {"reactive_energy": "kvarh", "power_factor": "", "power": "kW"}

Value = Callable[[int], float]
"""By the number of the quarter hour since START."""


def site_that_saw(directory: Path, values: Mapping[str, Value], until: datetime = END) -> Site:
    site = site_with(directory)
    points = {role: f"plant.meter-main.{role}" for role in values}
    with History(site.state_dir) as history:
        at, number = START, 0
        while at <= until:
            history.append(
                Batch(
                    [
                        Sample(points[role], value(number), Quality.GOOD, at)
                        for role, value in values.items()
                    ],
                    series=[Series(points[r], ROLES[r], PointClass.ANALOG) for r in values],
                    alive=at,
                )
            )
            at, number = at + timedelta(minutes=15), number + 1
    assert Compaction(site.state_dir, Zones("Asia/Shanghai", {})).run(END).finished
    return site


def factor(site: Site) -> tuple[float, str] | None:
    found = factors_of(site, site.bases["plant"], MARCH).get("plant.meter-main.energy")
    return None if found is None else (found.kvarh, found.how)


def test_a_reactive_register_is_read_at_both_ends(tmp_path: Path) -> None:
    found = factor(site_that_saw(tmp_path, {"reactive_energy": lambda n: 1000.0 + 2.0 * n}))
    assert found is not None
    assert found[0] == pytest.approx(2.0 * 31 * 96, abs=2.0)
    assert found[1] == "register"


def test_a_point_is_weighed_by_the_power_beside_it(tmp_path: Path) -> None:
    values: dict[str, Value] = {
        # The mean of the point alone would say 0.7.
        "power_factor": lambda n: 0.6 if n % 2 else 0.8,
        "power": lambda n: 100.0 if n % 2 else 300.0,
    }
    found = factor(site_that_saw(tmp_path, values))
    assert found is not None
    # tan(acos(0.8)) = 3/4, tan(acos(0.6)) = 4/3.
    assert found[0] == pytest.approx((300 * 3 / 4 + 100 * 4 / 3) / 2 * 744, rel=0.01)
    assert found[1] == "point"


def test_half_a_month_is_no_month(tmp_path: Path) -> None:
    until = datetime(2026, 3, 20, tzinfo=UTC)
    values: dict[str, Value] = {
        "reactive_energy": lambda n: 2.0 * n,
        "power_factor": lambda _: 0.9,
        "power": lambda _: 100.0,
    }
    assert factor(site_that_saw(tmp_path, values, until)) is None


def test_a_register_that_fell_is_not_believed(tmp_path: Path) -> None:
    values: dict[str, Value] = {"reactive_energy": lambda n: 5000.0 - n}
    assert factor(site_that_saw(tmp_path, values)) is None


def test_where_nothing_was_recorded_nothing_is_known(tmp_path: Path) -> None:
    assert factor(site_with(tmp_path)) is None
