"""Bays, aisles and walkways of a car park."""

from __future__ import annotations

from typing import Any

import pytest

from tests.control.lighting.lamps import Lamps, area, bay, circuit


def garage(**parameters: Any) -> Lamps:
    """Two circuits over bays, and the lamps of their aisle."""
    members = [
        circuit("row-1", "bay-1", "bay-2", "aisle"),
        circuit("row-2", "bay-3", "aisle"),
        circuit("aisle-lamps", "aisle"),
    ]
    others = [*(bay(f"bay-{i}") for i in (1, 2, 3)), area("aisle", "motion", "arrival")]
    rig = Lamps(members, others, floor_of={"aisle-lamps": 30}, **parameters)
    rig.mode("on")
    return rig


def test_the_circuit_of_empty_bays_goes_off_and_the_aisle_keeps_its_floor() -> None:
    rig = garage()
    rig.put("bay-3.occupied", 1)
    rig.run(355)
    assert rig.lit("row-1")
    rig.run(365)
    assert not rig.lit("row-1")
    assert rig.lit("row-2")
    rig.run(910)
    assert rig.level("aisle-lamps") == 30
    assert "never below 30 %" in rig.why("aisle-lamps")


def test_a_bay_that_is_empty_for_a_moment_is_not_empty() -> None:
    rig = garage()
    for second in range(3000):
        rig.put("bay-1.occupied", int(second % 50 == 0))
        rig.step(second)
    assert rig.lit("row-1")


@pytest.mark.parametrize("sensor", ["aisle.motion", "aisle.arrival", "bay-2.occupied"])
def test_light_comes_in_the_same_cycle(sensor: str) -> None:
    rig = garage()
    rig.run(1000)
    assert not rig.lit("row-1")
    rig.put(sensor, 1)
    rig.step(1001)
    assert rig.lit("row-1")
    assert rig.writes()[-1][0] == 1001


@pytest.mark.case(
    "P59",
    when="A bay or motion sensor of a car park cannot be read, or never changes.",
    then="Its circuit is lit while nobody knows; a sensor that shows the same for two weeks is "
    "named.",
)
def test_unknown_means_on_and_what_never_changes_is_named() -> None:
    rig = garage()
    rig.run(1000)
    assert not rig.lit("row-1")
    rig.bad.add("b.bay-2.occupied")
    rig.step(1001)
    assert rig.lit("row-1")
    rig.bad.clear()
    for hour in range(1, 15 * 24):
        rig.put("bay-2.occupied", hour % 2)
        rig.put("bay-3.occupied", hour % 2)
        rig.put("aisle.motion", hour % 2)
        rig.put("aisle.arrival", hour % 2)
        rig.step(1001 + 3600 * hour)
    assert rig.active() == {"b.row-1:unchanged"}
    rig.put("bay-1.occupied", 1)
    rig.step(rig.seconds + 60)
    assert rig.active() == set()


def test_a_floor_holds_when_the_garage_is_closed() -> None:
    rig = garage()
    rig.run(1000)
    rig.mode("off")
    rig.run(2000)
    assert rig.level("aisle-lamps") == 30
    assert not rig.lit("row-1")


def test_hundreds_of_circuits_at_rest_are_not_asked() -> None:
    members = [circuit(f"row-{i}", f"bay-{i}", "aisle") for i in range(300)]
    others = [*(bay(f"bay-{i}") for i in range(300)), area("aisle", "motion")]
    rig = Lamps(members, others)
    rig.mode("on")
    rig.run(500, 5)
    rig.put("bay-7.occupied", 1)
    rig.step(501)
    assert [name for t, name, _ in rig.writes() if t == 501] == ["row-7"]
