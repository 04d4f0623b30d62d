"""Starting again is a sequence: after outages of power, of a PLC and of the controller."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from bms.control import STRATEGIES
from bms.core.equipment import Equipment
from bms.core.machines.relations import Standing, StartLimits
from tests.control.parts import group, machine
from tests.control.protect.house_of_water import POINT, World, works

COLD = ("chp-1", "cwp-1", "ct-1", "ch-1")


def halls(count: int = 6) -> World:
    """Air handlers that all run as their schedule says."""
    members = [machine(f"ahu-{i}", "air_handler") for i in range(1, count + 1)]
    made = group("on_off", members)
    world = World(members, list(STRATEGIES["on_off"].build(made)), [made])
    world.schedule.values = {f"{made.id}.mode": "on"}
    return world


def apart(starts: list[tuple[float, str]]) -> list[float]:
    times = [t for t, _ in starts]
    return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.case(
    "P10",
    when="The PLC of a plant reboots to all-off after 20 minutes of silence",
    then="The plant starts again, one machine after the other, at slot 7, and minimum times off "
    "are kept",
)
def test_a_plc_that_comes_back_all_off_is_started_again_in_sequence() -> None:
    world = works()
    world.run(1200)
    assert world.runs("ch-1")
    world.silent = True
    world.run(1200, 5)
    world.all_off()
    world.silent = False
    back = world.seconds
    world.step()
    assert not any(world.on(name) for name in COLD)
    assert world.winner("chp-1")[:3] == (0, 7, "restart:b")
    world.until(lambda: world.runs("ch-1") or world.runs("ch-2"), 2000)
    starts = world.starts(back)
    assert starts[0][0] >= 60
    assert min(apart([s for s in starts if "ch-" not in s[1]])) >= 10
    chiller, first = next((t, name) for t, name in starts if name.startswith("ch-"))
    assert chiller >= (900 if first == "ch-1" else 300)
    assert not [key for _, kind, key in world.alarms if kind == "raised" and "proof" in key]
    world.run(600, 5)
    assert "b:restart" not in world.active()


@pytest.mark.case(
    "P11",
    when="The power of a plant is away for two minutes",
    then="No machine is called failed; pumps start 60 s after it is healthy, chillers last and one "
    "at a time, and everything runs again by itself",
)
@pytest.mark.parametrize("dip_s", [5, 120, 1800])
def test_a_power_dip_is_nobodys_fault(dip_s: int) -> None:
    world = works(3)
    world.put("hdr.return_temp", 24.0)  # 2,000 kW: all three
    world.run(5400, 5)
    assert all(world.runs(f"ch-{i}") for i in (1, 2, 3))
    gone = world.seconds
    world.power = False
    world.run(dip_s)
    world.power = True
    world.until(lambda: all(world.runs(f"ch-{i}") for i in (1, 2, 3)), 6 * 3600)
    failed = [k for t, kind, k in world.alarms if (t > gone and "proof" in k) or "latched" in k]
    assert failed == []
    chillers = [t for t, name in world.starts(gone) if name.startswith("ch-")]
    assert len(chillers) == 3
    assert min(b - a for a, b in pairwise(chillers)) >= 300
    back = dip_s
    assert min(t for t, name in world.starts(gone) if "p-" in name and t > back) >= back


@pytest.mark.case(
    "P78",
    when="After an outage the last chiller has just had its turn, and one more is wanted.",
    then="It waits until five minutes after the one before, as if the outage had stopped it.",
)
def test_a_chiller_that_is_wanted_after_a_restart_starts_apart_too() -> None:
    world = works(2)
    world.run(600)
    world.power = False
    world.run(120)
    world.power = True
    back = world.seconds
    both = ["ch-1", "ch-2"]
    world.until(lambda: any(world.on(name) for name in both), 3600)
    (other,) = (name[-1] for name in both if not world.on(name))
    for name in ("ch", "chp", "cwp", "ct"):
        world.operator.values[f"{POINT}{name}-{other}.enable"] = 1
    world.until(lambda: all(world.runs(name) for name in both), 3600)
    first, second = (t for t, name in world.starts(back) if name.startswith("ch-"))
    assert second - first >= 300


@pytest.mark.case(
    "P12",
    when="All air handlers start after an outage, with default parameters",
    then="They start 15 s apart, from 60 s after the power is healthy; those that never stopped "
    "are left alone",
)
def test_air_handlers_start_one_after_the_other_after_an_outage() -> None:
    world = halls()
    world.run(600)
    world.power = False
    world.run(30)
    world.power = True
    back = world.seconds
    world.until(lambda: all(world.runs(f"ahu-{i}") for i in range(1, 7)), 1200)
    starts = [(t, name) for t, name in world.starts(back) if t > 0]
    last = {name: t for t, name in starts}
    times = sorted(last.values())
    assert min(b - a for a, b in pairwise(times)) >= 15
    assert times[0] >= 30


def test_a_boot_of_the_gateway_after_a_power_cut_staggers_the_start() -> None:
    world = halls()
    world.run(600)
    world.restart(3600, boot="two")
    world.all_off()
    back = world.seconds
    world.step()
    world.until(lambda: all(world.runs(f"ahu-{i}") for i in range(1, 7)), 1200)
    starts = world.starts(back)
    assert starts[0][0] >= 60
    assert min(apart(starts)) >= 15


def test_a_boot_of_the_gateway_alone_touches_nothing_that_runs() -> None:
    world = halls()
    world.run(600)
    world.log.clear()
    world.restart(300, boot="two")
    world.run(600)
    assert world.log == []


@pytest.mark.case(
    "P13",
    when="A chiller stops by its own thermostat at low load for six minutes",
    then="It is waited for: no fault, no restart, no other machine",
)
def test_a_chiller_that_pauses_by_itself_is_left_alone() -> None:
    world = works()
    world.run(1000)
    world.log.clear()
    world.dead = {"ch-1"}
    world.run(280)
    assert world.on("ch-1")
    assert [name for _, name in world.starts()] == []


@pytest.mark.case(
    "P14",
    when="A machine has started as often as its maker allows",
    then="It is held off at slot 7 and says when its next start is possible; what runs is not "
    "stopped",
)
def test_starts_are_limited_by_the_machines_own_numbers() -> None:
    one: Equipment = machine("ct-9", "cooling_tower")
    one = replace(one, standing=Standing(starts=StartLimits(per_hour=3, per_day=6)))
    made = group("on_off", [one])
    world = World([one], list(STRATEGIES["on_off"].build(made)), [made], minimum=False)
    for minute in range(0, 24 * 60, 5):
        world.schedule.values = {"b.g.mode": "on" if minute % 10 else "off"}
        world.run(300, 10)
    starts = [t for t, _ in world.starts()]
    assert max(sum(t <= other < t + 3600 for other in starts) for t in starts) == 3
    assert max(sum(t <= other < t + 86400 for other in starts) for t in starts) == 6
    value, slot, source, reason = world.winner("ct-9")
    assert (value, slot, source) == (0, 7, "start_limit:b")
    assert "started 6 times within 24 h; next start possible at 2026-07-02T" in reason
    assert "b.ct-9:starts" in world.active()


def test_chillers_start_eight_times_a_day_without_a_number_of_their_own() -> None:
    world = works(1)
    for minute in range(0, 20 * 60, 40):
        world.schedule.values["b.g.mode"] = "on" if (minute // 40) % 2 else "off"
        world.run(2400, 20)
    assert len(world.starts(kind="ch-1")) == 8


@pytest.mark.case(
    "P15",
    when="Two pumps stop at once and one of them never starts again",
    then="Each is tried once in its turn; the one that does not start is named, the other runs",
)
def test_what_does_not_start_in_its_turn_has_failed() -> None:
    pumps = [machine(f"p-{i}", "pump") for i in (1, 2)]
    made = group("on_off", pumps)
    world = World(pumps, list(STRATEGIES["on_off"].build(made)), [made])
    world.schedule.values = {f"{made.id}.mode": "on"}
    world.run(300)
    world.power = False
    world.run(40)
    world.power, world.dead = True, {"p-1"}
    world.until(lambda: world.runs("p-2"), 400)
    world.dead = {"p-1", "p-2"}
    world.run(20)
    world.dead = {"p-1"}
    world.until(lambda: world.runs("p-2"), 400)


def test_two_pumps_that_never_start_again_are_handed_back_to_their_group() -> None:
    pumps = [machine(f"p-{i}", "pump") for i in (1, 2)]
    made = group("on_off", pumps)
    world = World(pumps, list(STRATEGIES["on_off"].build(made)), [made])
    world.schedule.values = {f"{made.id}.mode": "on"}
    world.run(300)
    world.dead = {"p-1", "p-2"}
    world.until(lambda: "b.p-1:proof" in world.active(), 250)
    world.until(lambda: not {"b:restart"} & world.active(), 250)
    world.run(1200)
    assert world.on("p-1")
    assert world.on("p-2")
    assert "b:restart" not in world.active()
