"""Silence is an alarm: machines that do nothing though they are told to."""

from __future__ import annotations

import pytest

from bms.control import STRATEGIES
from bms.control.watch.machine_watch import Watch
from drivers.points import Quality, Sample
from tests.control.engine.parts import at
from tests.control.parts import group, machine
from tests.control.protect.house_of_water import World


@pytest.mark.case(
    "P39",
    when="An air handler or a pump is commanded on by its group and never shows that it runs.",
    then="An alarm names it within the proof time of its kind; the others run on.",
)
@pytest.mark.parametrize("kind", ["air_handler", "pump"])
def test_a_machine_of_a_plain_group_that_never_runs_is_named_in_time(kind: str) -> None:
    units = [machine(f"m-{i}", kind) for i in (1, 2)]
    made = group("on_off", units)
    world = World(units, list(STRATEGIES["on_off"].build(made)), [made])
    world.dead = {"m-1"}
    world.schedule.values = {f"{made.id}.mode": "on"}
    watch, named_s = Watch(units), None
    while named_s is None and world.seconds < 900.0:
        world.step()
        now = at(world.seconds)
        samples = {p: Sample(p, v, Quality.GOOD, now) for p, v in world.values.items()}
        told = {p: award for p in world.outputs if (award := world.engine.why(p)) is not None}
        watch.look(samples, told, now)
        if any(condition.key == "b.m-1:proof" for condition in watch.conditions):
            named_s = world.seconds
    assert named_s is not None
    assert named_s <= units[0].kind.proves_s + 5.0
    assert world.runs("m-2")
    assert [c.key for c in watch.conditions if c.key.endswith(":proof")] == ["b.m-1:proof"]


@pytest.mark.case(
    "P45",
    when="A compressor without a fault contact is commanded on and never runs",
    then="After its proof time another one runs in its place, and an alarm names it",
)
def test_a_compressor_that_never_runs_is_replaced_and_named() -> None:
    units = [machine(f"c-{i}", "air_compressor", without=("fault",)) for i in (1, 2)]
    made = group("compressors", units, [machine("air", "air_header")], header="air")
    machines = [*units, made.equipment["air"]]
    world = World(machines, list(STRATEGIES["compressors"].build(made)), [made])
    world.schedule.values = {f"{made.id}.mode": "on", f"{made.id}.max_units": 1}
    world.dead = {"c-1"}
    world.water = lambda: world.put("air.pressure", 690.0 if world.runs("c-2") else 600.0)
    spent = world.until(lambda: world.runs("c-2"), 900)
    assert spent <= 180
    assert not world.on("c-1")
    assert "b.c-1:proof" in world.active()
    assert world.winner("c-1")[1:3] == (5, "fault_stop:b")
    world.run(7200, 5)
    assert world.runs("c-2")
    assert len(world.starts(kind="c-1")) <= 3
