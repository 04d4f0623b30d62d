"""Flow is proven, not assumed: over the engine, with machines that run dry if nobody watches."""

from __future__ import annotations

import pytest

from tests.control.protect.house_of_water import POINT, World, works


def running() -> World:
    world = works()
    world.run(60)
    assert world.runs("ch-1")
    return world


@pytest.mark.case(
    "P1",
    when="Pumps show that they run, and the header's meter shows no flow",
    then="The chiller goes off within its proof time, whatever its minimum time, and an alarm says "
    "why",
)
@pytest.mark.parametrize("blind", [False, True])
def test_no_flow_on_the_meter_stops_the_chiller_whatever_pumps_say(*, blind: bool) -> None:
    world = running()
    world.water = lambda: world.put("hdr.flow", 0.0)
    if blind:
        world.bad |= {f"{POINT}chp-1.status", f"{POINT}chp-2.status"}
    spent = world.until(lambda: not world.on("ch-1"), 30)
    assert spent <= 15
    assert "b.ch-1:flow" in world.active()
    assert "flow 0" in world.text("b.ch-1:flow")
    world.run(3600, 5)
    assert not any(world.on(name) for name in ("ch-1", "ch-2"))


@pytest.mark.case(
    "P2",
    when="A chiller's pump dies while the chiller is still starting",
    then="Its enable is withdrawn at the next look, at slot 5, also if its status is unreadable",
)
@pytest.mark.parametrize("blind", [False, True])
def test_a_pump_that_dies_during_the_start_withdraws_the_enable_at_once(*, blind: bool) -> None:
    world = works()
    world.dead = {"ch-1", "ch-2"}  # still proving
    world.run(20)
    started = "ch-1" if world.on("ch-1") else "ch-2"
    assert world.on(started)
    if blind:
        world.bad |= {f"{POINT}ch-1.status", f"{POINT}ch-2.status"}
    world.dead.add("chp-1" if started == "ch-1" else "chp-2")
    world.step()
    assert not world.on(started)
    value, slot, source, reason = world.winner(started)
    assert (value, slot, source) == (0, 5, "flow_guard:b")
    assert "chilled water" in reason


@pytest.mark.case(
    "P3",
    when="An operator starts a chiller by hand",
    then="Its pumps start, its flow is proven, and only then the chiller is enabled",
)
def test_an_override_on_is_a_wish_to_the_sequence() -> None:
    world = works()
    world.schedule.values["b.g.mode"] = "off"
    world.run(5)
    world.operator.values[f"{POINT}ch-2.enable"] = 1
    world.run(60)
    order = [name for _, name in world.starts()]
    assert order[-1] == "ch-2"
    assert set(order) == {"chp-2", "cwp-2", "ct-2", "ch-2"}
    assert world.runs("ch-2")


@pytest.mark.case(
    "P4",
    when="An operator starts a chiller whose pump is dead",
    then="The chiller is never enabled; why and an alarm say that its flow is not proven",
)
def test_an_override_on_without_flow_is_withheld_and_told() -> None:
    world = works()
    world.schedule.values["b.g.mode"] = "off"
    world.dead = {"chp-2"}
    world.operator.values[f"{POINT}ch-2.enable"] = 1
    for _ in range(120):
        world.step()
        assert not world.on("ch-2")
    assert world.winner("ch-2")[1:3] == (5, "flow_guard:b")
    assert "override:1 asks for it" in world.text("b.ch-2:flow")


@pytest.mark.case(
    "P5",
    when="A fault input comes on 100 s after the start",
    then="The enable is withdrawn at once at slot 5 and the standby follows",
)
def test_a_fault_input_withdraws_the_enable_at_once_and_the_standby_follows() -> None:
    world = works()
    world.run(100)
    assert world.on("ch-1")
    world.put("ch-1.fault", 1)
    world.step()
    assert not world.on("ch-1")
    assert world.winner("ch-1")[1:3] == (5, "fault_stop:b")
    assert world.until(lambda: world.runs("ch-2"), 60) < 30


@pytest.mark.case(
    "P6",
    when="A fault comes back a minute after each restart",
    then="The third within a day latches the machine; nights, restarts and reloads do not lift it, "
    "a person's reset does",
)
def test_a_fault_that_recurs_is_latched_until_a_person_resets_it() -> None:
    world = works(1)
    seen = 0.0
    for _ in range(20_000):
        world.step(2.0)
        if world.runs("ch-1"):
            seen += 2.0
        world.put("ch-1.fault", int(60 <= seen <= 90))
        if seen > 60 and not world.runs("ch-1"):
            seen = seen + 2.0 if seen < 90 else 0.0
    starts = world.starts(kind="ch-1")
    assert len(starts) == 3
    assert "b.ch-1:latched" in world.active()
    assert "bms reset b.ch-1" in world.text("b.ch-1:latched")
    world.put("ch-1.fault", 0)
    world.restart(600)
    for mode in ("off", "on") * 2:
        world.schedule.values["b.g.mode"] = mode
        world.run(4000, 5)
    assert not world.on("ch-1")
    assert len(world.starts(kind="ch-1")) == 3
    world.reset("ch-1")
    world.until(lambda: world.runs("ch-1"), 1200)
    assert "b.ch-1:latched" not in world.active()


@pytest.mark.case(
    "P7",
    when="An operator switches the pump of a running chiller off by hand",
    then="The chiller goes off first, the pump runs on until it stands still, and both say why",
)
def test_a_pump_that_is_switched_off_by_hand_stops_after_its_chiller() -> None:
    world = running()
    world.run(120)  # its minimum time on is over
    world.operator.values[f"{POINT}chp-1.enable"] = 0
    world.step()
    assert not world.on("ch-1")
    assert world.on("chp-1")
    assert "chp-1 is to be switched off" in world.winner("ch-1")[3]
    assert "until b.ch-1 stands still" in world.winner("chp-1")[3]
    world.until(lambda: not world.on("chp-1"), 10)
    assert not world.runs("ch-1")


def test_water_that_nobody_can_see_stops_nothing_for_five_minutes_and_starts_nothing() -> None:
    world = running()
    world.bad |= {f"{POINT}hdr.flow", f"{POINT}chp-1.status"}
    world.run(200)
    assert world.on("ch-1")
    world.until(lambda: not world.on("ch-1"), 200)
    blind = works()
    blind.bad |= {f"{POINT}{name}" for name in ("hdr.flow", "chp-1.status", "chp-2.status")}
    blind.run(600, 5)
    assert not any(blind.on(name) for name in ("ch-1", "ch-2"))


def test_a_restart_of_the_controller_leaves_a_chiller_that_runs_alone() -> None:
    world = running()
    world.restart(1800)
    world.saved = {}
    world.begin()  # and one whose state is lost
    world.bad |= set(world.values)
    world.run(3)  # nothing is read yet
    world.bad.clear()
    world.run(60)
    assert [v for t, p, v in world.log if p == "ch-1.enable"] == [1]
