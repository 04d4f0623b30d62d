"""What running the station as one machine saves over a year, and that nobody goes short of air."""

from __future__ import annotations

import pytest

from simulators.physics.air_station import AirUnitSpec
from tests.control.compressed_air.air_rig import (
    Counted,
    Station,
    Works,
    by_themselves,
    cascade,
    compressor,
    dryer,
)
from tests.extent import extent

WEEK_S = 7 * 86400.0
WEEKS = 52
STEP_S = 10.0
FOUR = [AirUnitSpec(110.0, 20.0)] * 4
"""Two phases of two units each, their headers joined."""
TOOLS_M3MIN, LEAKS_M3MIN = 36.0, 9.0
MOST_STARTS = 4
"""Within an hour."""


def ours(week: int) -> Counted:
    """A week under the strategy, on Sundays with one unit fewer."""
    members = [
        *(compressor(f"ac-{i}", without=("speed",)) for i in range(1, 5)), dryer("dr-1"),
        dryer("dr-2"),
    ]  # fmt: skip
    station = Station(FOUR, members, critical_kpa=600, leaks_m3min=LEAKS_M3MIN)
    works = station.demand_m3min = Works(week, TOOLS_M3MIN, week * WEEK_S)
    station.rig.give("max_units", 4)
    station.start_with(["ac-1", "ac-2", "ac-3"])
    while station.rig.seconds < WEEK_S:
        station.rig.give("max_units", 3 if works.sunday(station.rig.seconds) else 4)
        station.run(3600.0, STEP_S)
    return station.counted


def theirs(week: int) -> Counted:
    """The same week under a fixed cascade of the machines' own pressure bands."""
    return by_themselves(
        cascade(FOUR), Works(week, TOOLS_M3MIN, week * WEEK_S), WEEK_S, STEP_S,
        leaks_m3min=LEAKS_M3MIN, dryers=[dryer("dr-1"), dryer("dr-2")],
    )  # fmt: skip


@pytest.mark.slow
def test_a_year_takes_less_and_nobody_goes_short(capsys: pytest.CaptureFixture[str]) -> None:
    weeks = range(0, WEEKS, WEEKS // extent(4, WEEKS))
    saved = dried = our_low = their_low = our_kpa = their_kpa = unit_h = 0.0
    for week in weeks:
        here, there = ours(week), theirs(week)
        saved += there.kwh - here.kwh
        dried += there.dryer_kwh - here.dryer_kwh
        our_low, their_low = our_low + here.low_min, their_low + there.low_min
        our_kpa, their_kpa = our_kpa + here.mean_kpa, their_kpa + there.mean_kpa
        unit_h += there.unit_h - here.unit_h
        assert here.kwh + here.dryer_kwh < 0.95 * (there.kwh + there.dryer_kwh)
        assert here.low_min <= there.low_min
        for starts in here.starts.values():
            later = zip(starts, starts[MOST_STARTS:], strict=False)
            assert all(fifth - first >= 3600.0 for first, fifth in later)
    year = WEEKS / len(weeks)
    with capsys.disabled():
        print(
            f"\ncompressed air, {len(weeks)} weeks taken for a year: saved {saved * year:,.0f} kWh"
            f" by compressors, {dried * year:,.0f} kWh by dryers; mean pressure "
            f"{our_kpa / len(weeks):.0f} kPa instead of {their_kpa / len(weeks):.0f}, "
            f"{unit_h * year:,.0f} unit hours fewer; below 600 kPa {our_low:.1f} min, in the "
            f"cascade {their_low:.1f} min"
        )
    assert our_low <= their_low
    assert (saved + dried) * year > 150_000.0
