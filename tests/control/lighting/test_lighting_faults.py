"""Faults at random: sensors that die, lie and freeze, lamps that weld and trip, restarts."""

from __future__ import annotations

from random import Random

import pytest

from bms.core.decisions import Priority
from tests.control.lighting.lamps import HANGZHOU, Lamps, area, bay, circuit
from tests.extent import extent

SENSORS = ("bay-1.occupied", "bay-2.occupied", "bay-3.occupied", "aisle.motion", "hall.occupied")
LAMPS = ("row-1", "row-2", "lane", "hall-lamps")
STEPS_S = (1.0, 1.0, 5.0, 60.0, 400.0)


def built(saved: object = None) -> Lamps:
    members = [
        circuit("row-1", "bay-1", "bay-2", "aisle"),
        circuit("row-2", "bay-3", "aisle"),
        circuit("lane", "aisle"),
        circuit("hall-lamps", "hall", has=("warning", "extend")),
    ]
    others = [
        *(bay(f"bay-{i}") for i in (1, 2, 3)),
        area("aisle", "motion"),
        area("hall", "occupied", "illuminance"),
    ]
    return Lamps(
        members,
        others,
        place=HANGZHOU,
        saved=saved,
        target_lux_of={"hall-lamps": 300},
        floor_of={"lane": 25},
        warning="none",
    )


SERVES = {
    "row-1": ("bay-1.occupied", "bay-2.occupied", "aisle.motion"),
    "row-2": ("bay-3.occupied", "aisle.motion"),
    "hall-lamps": ("hall.occupied",),
}


def check(rig: Lamps, mode: str, at_s: float) -> None:
    """What holds whatever goes wrong."""
    assert rig.level("lane") >= 25, at_s
    assert not [key for key in rig.active() if "controller" in key or "fails" in key], at_s
    if mode == "off":
        return
    for lamp, sensors in SERVES.items():
        somebody = any(
            f"b.{sensor}" in rig.bad or rig.get(sensor) for sensor in sensors
        )  # what cannot be read counts as somebody
        dark_for_daylight = "daylight" in rig.why(lamp)
        if somebody and not dark_for_daylight:
            assert rig.lit(lamp), (lamp, at_s, rig.why(lamp))
        if dark_for_daylight:
            assert lamp == "hall-lamps"
            assert "b.hall.illuminance" not in rig.bad, at_s


@pytest.mark.parametrize("seed", range(extent(12, 300)))
def test_nobody_stands_in_the_dark_whatever_fails(seed: int) -> None:
    random = Random(seed)
    rig, mode, now = built(), "on", 0.0
    rig.mode(mode)
    for _ in range(500):
        now += random.choice(STEPS_S)
        for sensor in SENSORS:
            if random.random() < 0.08:
                rig.put(sensor, 1 - int(rig.get(sensor)))
            if random.random() < 0.02:
                rig.bad ^= {f"b.{sensor}"}
        rig.put("hall.illuminance", random.choice([0.0, 80.0, 320.0, 700.0, 9000.0]))
        if random.random() < 0.05:
            rig.bad ^= {"b.hall.illuminance"}
        lamp = random.choice(LAMPS)
        if random.random() < 0.03:
            rig.welded ^= {lamp}
        if random.random() < 0.03:
            rig.tripped ^= {lamp}
        if random.random() < 0.02:
            mode = random.choice(["on", "on", "full", "off"])
            rig.mode(mode)
        if random.random() < 0.02:  # the controller begins again with what it saved
            states, values, bad = rig.engine.states(), rig.values, rig.bad
            welded, tripped = rig.welded, rig.tripped
            rig = built(states)
            rig.values, rig.bad, rig.welded, rig.tripped = values, bad, welded, tripped
            rig.mode(mode)
        rig.step(now)
        check(rig, mode, now)
    rig.bad, rig.welded, rig.tripped = set(), set(), set()
    rig.mode("on")
    for sensor in SENSORS:
        rig.put(sensor, 0)
    for n in range(300):
        rig.put("hall.illuminance", 100.0 + n)
        rig.step(now := now + 30.0)
    assert rig.active() == set()
    assert not any(rig.lit(lamp) for lamp in SERVES)


def test_an_override_outranks_the_strategy_and_gives_back() -> None:
    rig = built()
    rig.mode("on")
    rig.run(1000, 10)
    assert not rig.lit("row-1")
    rig.operator.values["b.row-1.enable"] = 1
    assert rig.operator.priority is Priority.OPERATOR
    rig.step(1001)
    assert rig.lit("row-1")
    rig.run(3000, 10)
    assert "b.row-1:running" not in rig.active()
    rig.operator.values.clear()
    rig.step(3001)
    assert not rig.lit("row-1")
