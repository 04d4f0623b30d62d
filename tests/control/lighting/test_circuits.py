"""A circuit by schedule, presence, daylight, the sweep and people's wishes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from bms.control.strategies.lighting.circuit_controller import CircuitController, CircuitState
from bms.core.decisions import Decision, Snapshot
from tests.control.lighting.lamps import Lamps, area, circuit


def office(**parameters: Any) -> Lamps:
    rig = Lamps([circuit("l-1", has=("occupied", "extend"))], **parameters)
    rig.mode("on")
    return rig


def test_a_circuit_follows_schedule_and_presence() -> None:
    rig = office()
    rig.put("l-1.occupied", 1)
    rig.step(0)
    assert rig.lit("l-1")
    rig.put("l-1.occupied", 0)
    rig.run(800)
    assert rig.lit("l-1")
    rig.run(902)
    assert not rig.lit("l-1")
    assert "nobody for 15 min" in rig.why("l-1")
    rig.put("l-1.occupied", 1)
    rig.step(rig.seconds + 1)
    assert rig.lit("l-1")


def test_presence_outside_the_schedule_lights_nothing() -> None:
    rig = office()
    rig.put("l-1.occupied", 1)
    rig.mode("off")
    rig.run(20)
    assert not rig.lit("l-1")


def test_a_circuit_without_sensors_follows_the_schedule() -> None:
    rig = Lamps([circuit("l-1")])
    rig.mode("on")
    rig.run(4000, 60)
    assert rig.lit("l-1")
    assert "as scheduled" in rig.why("l-1")


def test_at_night_nobody_looks_for_daylight(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sensors that show the same need no look until they show something else, but for the quarter
    hours at which the power of lamps is looked at."""
    asked: list[float] = []
    decide = CircuitController.decide

    def counted(
        self: CircuitController, snapshot: Snapshot, state: CircuitState, now: datetime
    ) -> Decision[CircuitState]:
        asked.append(snapshot.watched_s)
        return decide(self, snapshot, state, now)

    rig = daylit()
    rig.put("l-1.illuminance", 0)
    rig.run(181)
    monkeypatch.setattr(CircuitController, "decide", counted)
    rig.run(1800, 10)
    assert asked == [900.0]
    rig.put("l-1.illuminance", 1200)
    rig.run(1820, 10)
    rig.run(2450, 10)
    assert not rig.lit("l-1")


@pytest.mark.case(
    "P55",
    when="A presence or light sensor of a lamp circuit is lost, or a light sensor freezes.",
    then="The circuit follows its schedule, and the sensor is named.",
)
def test_a_lost_sensor_leaves_the_schedule() -> None:
    rig = office()
    rig.run(1000)
    assert not rig.lit("l-1")
    rig.bad.add("b.l-1.occupied")
    rig.step(1001)
    assert rig.lit("l-1")
    assert "cannot be read" in rig.why("l-1")
    rig.run(1310)
    assert "b.l-1:presence" in rig.active()
    rig.bad.clear()
    rig.run(2300)
    assert not rig.lit("l-1")
    assert "b.l-1:presence" not in rig.active()


def daylit(**parameters: Any) -> Lamps:
    rig = Lamps([circuit("l-1", has=("illuminance",))], target_lux=500, **parameters)
    rig.mode("on")
    return rig


def test_daylight_switches_off_and_on() -> None:
    rig = daylit()
    rig.put("l-1.illuminance", 760)
    rig.run(560)
    assert rig.lit("l-1")
    rig.run(700)
    assert not rig.lit("l-1")
    assert "daylight is enough: 760 lx where 500 lx are asked" in rig.why("l-1")
    rig.put("l-1.illuminance", 499)
    rig.run(732)
    assert rig.lit("l-1")


def test_lamps_that_the_sensor_sees_do_not_hunt() -> None:
    """Daylight of 0.7 targets looks like 1.7 with lamps. What they give is seen as they come."""
    rig = daylit()
    rig.put("l-1.illuminance", 350)
    for second in range(0, 6 * 3600, 5):
        rig.put("l-1.illuminance", 350.0 + (500.0 if rig.lit("l-1") else 0.0) + second % 7)
        rig.step(second)
    switched = [value for _, _, value in rig.writes()]
    assert switched == [1]
    for second in range(6 * 3600, 7 * 3600, 5):
        rig.put("l-1.illuminance", 900.0 + (500.0 if rig.lit("l-1") else 0.0) + second % 7)
        rig.step(second)
    assert not rig.lit("l-1")


@pytest.mark.case(
    "P55",
    when="A presence or light sensor of a lamp circuit is lost, or a light sensor freezes.",
    then="The circuit follows its schedule, and the sensor is named.",
)
def test_a_frozen_light_sensor_is_not_believed() -> None:
    rig = daylit()
    rig.put("l-1.illuminance", 1200)
    rig.run(700)
    assert not rig.lit("l-1")
    rig.run(24 * 3600 + 100, 60)
    assert rig.lit("l-1")
    assert "b.l-1:light" in rig.active()
    rig.put("l-1.illuminance", 1201)
    rig.run(rig.seconds + 700)
    assert not rig.lit("l-1")
    assert "b.l-1:light" not in rig.active()


def test_dimmed_circuits_take_the_level_of_the_schedule() -> None:
    rig = Lamps([circuit("l-1", "hall")], [area("hall", "motion")], vacant_pct=20)
    rig.mode("on")
    rig.give("level_pct", 60)
    rig.put("hall.motion", 1)
    rig.step(0)
    assert rig.level("l-1") == 60
    rig.put("hall.motion", 0)
    rig.run(910)
    assert rig.level("l-1") == 20
    rig.mode("full")
    rig.step(911)
    assert rig.level("l-1") == 100


@pytest.mark.case(
    "P57",
    when="Closing time comes while somebody is still there.",
    then="Lamps blink, or a warning lights, and go off five minutes later. A push on the button "
    "gives two hours more.",
)
def test_closing_warns_and_can_be_put_off() -> None:
    rig = office()
    rig.put("l-1.occupied", 1)
    rig.run(10)
    rig.mode("off")
    rig.step(11)
    assert not rig.lit("l-1")  # the blink
    rig.run(14)
    assert rig.lit("l-1")
    assert "closing: off in 5 min" in rig.why("l-1")
    rig.run(200)
    rig.put("l-1.extend", 1)
    rig.step(201)
    rig.put("l-1.extend", 0)
    rig.run(201 + 7190, 10)
    assert rig.lit("l-1")
    rig.run(201 + 7210)
    assert rig.lit("l-1")  # warned once more
    rig.run(201 + 7210 + 310)
    assert not rig.lit("l-1")
    assert "closed" in rig.why("l-1")


def test_a_warning_point_in_place_of_the_blink() -> None:
    rig = Lamps([circuit("l-1", has=("warning",))])
    rig.mode("on")
    rig.run(5)
    rig.mode("off")
    rig.run(100)
    assert (rig.get("l-1.warning"), rig.lit("l-1")) == (1, True)
    rig.run(310)
    assert (rig.get("l-1.warning"), rig.lit("l-1")) == (0, False)
    assert [value for _, _, value in rig.writes()] == [1, 0]


def test_nobody_is_warned_in_the_dark() -> None:
    rig = office()
    rig.run(1000)
    rig.mode("off")
    rig.run(1400)
    assert [value for _, _, value in rig.writes()] == [1, 0]


def test_a_restart_amid_a_warning_ends_it_in_its_time() -> None:
    rig = Lamps([circuit("l-1")])
    rig.mode("on")
    rig.run(5)
    rig.mode("off")
    rig.run(150)
    later = Lamps([circuit("l-1")], saved=rig.engine.states())
    later.values.update(rig.values)
    later.mode("off")
    later.run(100)
    assert later.lit("l-1")
    later.run(400)
    assert not later.lit("l-1")


def test_an_operator_lights_whatever_the_schedule_says() -> None:
    rig = office()
    rig.mode("off")
    rig.step(0)
    rig.operator.values["b.g.mode"] = "full"
    rig.step(1)
    assert rig.lit("l-1")
    rig.operator.values.clear()
    rig.run(320)
    assert not rig.lit("l-1")


@pytest.mark.case(
    "P56",
    when="A lamp circuit burns though it is commanded off, or is dark though it is commanded on.",
    then="Its power tells; it is named as a welded contactor or as a tripped breaker.",
)
def test_power_tells_of_welded_and_tripped_circuits() -> None:
    rig = Lamps([circuit("l-1"), circuit("l-2", rated_kw=None)])
    rig.mode("on")
    rig.run(600)
    assert rig.active() == set()
    rig.welded.add("l-1")
    rig.tripped.add("l-2")
    rig.run(2700)
    assert rig.active() == {"b.l-2:proof"}
    rig.tripped.clear()
    rig.mode("off")
    rig.run(4800)
    assert rig.active() == {"b.l-1:running"}
    rig.welded.clear()
    rig.run(6900)
    assert rig.active() == set()
