"""Tanks and stores: what goes in comes out, runs over, or is still there."""

from __future__ import annotations

from random import Random

import pytest

from simulators.physics.water.basins import Basin
from simulators.physics.water.hot_store import HotStore


def test_the_water_of_a_basin_balances() -> None:
    random, basin = Random(1), Basin(20.0, 50.0)
    came = went = 0.0
    begun = basin.water_m3
    for _ in range(2000):
        inflow, outflow = random.uniform(0.0, 15.0), random.uniform(0.0, 15.0)
        share = basin.step(inflow, outflow, 300.0)
        came += inflow / 12.0
        went += outflow * share / 12.0
    assert basin.overflow_m3 > 0.0
    assert basin.missing_m3 > 0.0
    assert begun + came == pytest.approx(basin.water_m3 + went + basin.overflow_m3)


def test_the_heat_of_a_store_balances_and_hot_water_lies_above() -> None:
    random, store = Random(2), HotStore(3.0, 55.0)
    drawn_kwh, begun_kwh = 0.0, store.energy_kwh
    for _ in range(2000):
        draw = random.choice([0.0, 0.0, 0.4, 1.2])
        out_c = store.step(300.0, draw_m3h=draw, cold_c=12.0, heat_kw=random.uniform(0.0, 25.0))
        drawn_kwh += draw / 12.0 * 4180.0 / 3600.0 * (out_c - 12.0)
        assert store.temps_c == sorted(store.temps_c, reverse=True)
    gained_kwh = store.heated_kwh - store.lost_kwh - drawn_kwh
    assert store.energy_kwh - begun_kwh == pytest.approx(gained_kwh, abs=0.5)
