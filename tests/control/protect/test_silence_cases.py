"""Silence is an alarm: machines that do nothing though they are told to."""

from __future__ import annotations

import pytest

from bms.control import STRATEGIES
from tests.control.parts import group, machine
from tests.control.protect.house_of_water import World


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
