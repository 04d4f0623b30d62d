"""The days that the source is about, driven through the simulated park, read at its devices."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.acceptance.days import Days, days, demo_site

COMPRESSORS = [f"tonglu.ac-{n}" for n in range(1, 5)]


async def test_earth_hour_turns_decorative_lights_off_and_back_on(tmp_path: Path) -> None:
    """S20: 28 March 2026, 20:30 to 21:30; nobody has to remember to switch back."""
    seen = await days(tmp_path, "2026-03-28 18:00", "2026-03-29 21:00")
    lights = [f"{member.id}.status" for member in demo_site().groups["binjiang.landscape"].members]
    for light in lights:
        assert seen.at("2026-03-28 20:25", light) == 1.0
        assert set(seen.between("2026-03-28 20:33", "2026-03-28 21:29", light)) == {0.0}
        assert seen.at("2026-03-28 21:35", light) == 1.0
        assert seen.at("2026-03-29 20:45", light) == 1.0  # the day after is a day like any other
    # Where people drive and walk, the lights stay on.
    assert 0.0 not in seen.between("2026-03-28 20:33", "2026-03-28 21:29", "tonglu.park-1.enable")


async def test_on_sundays_one_compressor_fewer_runs(tmp_path: Path) -> None:
    """S13: the joined network from Saturday evening to Monday morning, 11 to 13 July 2026."""
    seen = await days(tmp_path / "a", "2026-07-11 20:00", "2026-07-13 10:00")
    sunday = _running(seen, "2026-07-12 00:05", "2026-07-12 23:59")
    monday = _running(seen, "2026-07-13 08:00", "2026-07-13 10:00")
    assert max(sunday) <= max(monday) - 1
    # Never at the cost of the pressure that machines need: the critical limit is 600 kPa.
    pressure = seen.between("2026-07-12 00:05", "2026-07-12 23:59", "tonglu.air-header.pressure")
    assert min(pressure) > 600.0
    # It is the schedule that holds them back: a cap of one stops a unit at midnight.
    lower = demo_site({"schedules/tonglu-compressors.yaml": ("max_units: 3", "max_units: 1")})
    capped = await days(tmp_path / "b", "2026-07-11 22:00", "2026-07-12 02:00", site=lower)
    assert _running(capped, "2026-07-11 23:58", "2026-07-11 23:58") == [2.0]
    assert set(_running(capped, "2026-07-12 00:01", "2026-07-12 02:00")) == {1.0}


def _running(seen: Days, first: str, last: str) -> list[float]:
    """How many compressors are enabled, step by step."""
    units = [seen.between(first, last, f"{ac}.enable") for ac in COMPRESSORS]
    return [sum(step) for step in zip(*units, strict=True)]


async def test_lights_follow_their_place_and_hour(tmp_path: Path) -> None:
    """S11: garages, halls and offices each by their own hours, on a working day and a Sunday."""
    seen = await days(tmp_path, "2026-07-10 05:00", "2026-07-12 23:00", step=timedelta(minutes=5))
    assert seen.at("2026-07-10 12:00", "tonglu.park-1.level") == 40.0
    assert seen.at("2026-07-10 08:00", "tonglu.park-1.level") == 100.0
    assert seen.at("2026-07-11 01:00", "tonglu.park-1.level") == 20.0  # a floor for walking
    assert seen.at("2026-07-10 21:00", "tonglu.park-3.enable") == 0.0
    assert set(seen.between("2026-07-12 00:10", "2026-07-12 22:00", "tonglu.park-3.enable")) == {
        0.0
    }
    assert seen.at("2026-07-10 10:00", "binjiang.light-2.enable") == 1.0
    assert seen.at("2026-07-10 12:00", "binjiang.light-1.enable") == 0.0  # bright windows
    assert seen.at("2026-07-10 18:00", "binjiang.light-1.enable") == 1.0
    assert set(seen.between("2026-07-11 02:30", "2026-07-11 05:00", "tonglu.aisle-1.level")) == {
        30.0
    }
    assert seen.at("2026-07-11 01:00", "tonglu.park-1.enable") == 0.0  # nobody parks there
    assert set(seen.between("2026-07-12 00:10", "2026-07-12 22:00", "binjiang.light-1.enable")) == {
        0.0
    }
