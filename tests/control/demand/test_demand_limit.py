"""What a demand limit sheds, in which order, for how long, and what it says of it."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from typing import Any

import pytest

from bms.control.strategies.demand.demand_controller import LOOK_S
from bms.core.decisions import Priority
from drivers.points import Quality, Sample
from tests.control.demand import peak_hours
from tests.control.demand.boundary_rig import GROUP, Boundary, Lamp
from tests.control.parts import machine

LIMIT_KW = 850.0


def test_a_golden_trajectory() -> None:
    assert peak_hours.table() == peak_hours.GOLDEN.read_text(encoding="utf-8")


def test_nothing_is_shed_that_is_not_needed_and_no_sooner() -> None:
    lamps = [Lamp("l1", 100.0), Lamp("l2", 100.0)]
    boundary = Boundary(lamps, lambda s: 620.0 if s < 890 else 680.0, limit_kw=LIMIT_KW)
    boundary.run(950, 5.0)
    assert not boundary.shed  # 820 of 850 kW, then 880, and much may still change
    waited_s = boundary.until(lambda: bool(boundary.shed), 900.0, 5.0)
    assert waited_s > 60.0
    assert len(boundary.shed) == 1
    boundary.run(1800, 5.0)
    assert max(boundary.intervals) <= LIMIT_KW
    assert boundary.fact("avoided_kw") == pytest.approx(880.0 - max(boundary.intervals), abs=12.0)


def test_a_frozen_power_does_not_hide_a_rise_of_a_quiet_boundary() -> None:
    lamps = [Lamp("l1", 100.0), Lamp("l2", 100.0)]
    boundary = Boundary(lamps, lambda s: 100.0 if s < 1000 else 1500.0, limit_kw=LIMIT_KW)

    def freeze(samples: dict[str, Sample]) -> None:
        power = samples[boundary.meter.points["power"]]
        samples[power.point] = power._replace(value=300.0)

    boundary.meddle = freeze
    boundary.run(1000, 5.0)
    looked_s = boundary.state.looked_s
    assert looked_s is not None
    waited_s = boundary.until(lambda: boundary.state.looked_s != looked_s, 300.0, 5.0)
    assert waited_s < 120.0


def test_a_quiet_boundary_hears_of_another_limit_at_once() -> None:
    boundary = Boundary([Lamp("l1", 100.0)], lambda _: 100.0, limit_kw=LIMIT_KW)
    boundary.run(60, 5.0)
    boundary.schedule.values[f"{GROUP}.limit_kw"] = 150.0
    boundary.run(10, 5.0)
    assert boundary.fact("limit_in_force_kw") == 150.0


def test_levels_go_in_order_and_come_back_in_reverse() -> None:
    lamps = [Lamp("a", 50.0), Lamp("b", 50.0, level=2), Lamp("c", 50.0, level=3)]
    boundary = Boundary(lamps, lambda s: 800.0 if s < 3600 else 300.0, limit_kw=LIMIT_KW)
    order: list[str] = []
    back: list[str] = []
    before: set[str] = set()
    for _ in range(1000):
        boundary.step(5.0)
        order += sorted(boundary.shed - before)
        back += sorted(before - boundary.shed)
        before = boundary.shed
    assert order[:3] == ["a", "b", "c"]
    assert back == ["c", "b", "a"]
    assert max(boundary.intervals) <= LIMIT_KW


def test_a_limit_that_cannot_be_held_is_told() -> None:
    boundary = Boundary([Lamp("a", 50.0)], lambda _: 900.0, limit_kw=LIMIT_KW)
    boundary.run(600, 5.0)
    assert boundary.shed == {"a"}
    assert f"{GROUP}:demand" in boundary.conditions


def test_loads_of_a_level_take_turns_and_none_is_shed_for_too_long() -> None:
    lamps = [Lamp(f"l{i}", 60.0, keys={"longest_s": 1800.0}) for i in range(4)]
    boundary = Boundary(lamps, lambda _: 650.0, limit_kw=LIMIT_KW)
    since: dict[str, float] = {}
    total: dict[str, float] = {}
    for _ in range(6 * 720):
        boundary.step(5.0)
        for name in boundary.shed:
            since.setdefault(name, boundary.seconds)
            total[name] = total.get(name, 0.0) + 5.0
            assert boundary.seconds - since[name] <= 1800.0 + LOOK_S + 5.0
        for name in set(since) - boundary.shed:
            del since[name]
    assert set(total) == {"l0", "l1", "l2", "l3"}
    assert max(total.values()) <= 1.5 * min(total.values())
    assert max(boundary.intervals[1:]) <= LIMIT_KW


def test_comfort_keeps_a_load_from_being_shed_and_brings_it_back() -> None:
    room = machine("room-1", "room")
    comfort = [{"equipment": "room-1", "role": "zone_temp", "most": 27.0, "band": 0.5}]
    lamps = [Lamp("cooler", 80.0, keys={"comfort": comfort}), Lamp("other", 80.0, level=2)]
    boundary = Boundary(lamps, lambda _: 740.0, limit_kw=LIMIT_KW, others=[room])
    boundary.values["b.room-1.zone_temp"] = 25.0
    boundary.until(lambda: "cooler" in boundary.shed, 900.0, 5.0)
    boundary.values["b.room-1.zone_temp"] = 27.2
    boundary.until(lambda: "cooler" not in boundary.shed, 2 * LOOK_S, 5.0)
    boundary.run(1800, 5.0)
    assert boundary.shed == {"other"}
    assert max(boundary.intervals) <= LIMIT_KW
    boundary.bad = {"b.room-1.zone_temp"}
    boundary.run(1800, 5.0)
    assert "cooler" not in boundary.shed  # unknown is not comfortable


def test_a_shed_load_says_why_at_its_own_slot() -> None:
    boundary = Boundary(
        [Lamp("l1", 100.0), Lamp("l2", 100.0, level=2)], lambda _: 700.0, limit_kw=LIMIT_KW
    )
    boundary.run(3600, 5.0)
    reason = boundary.why("l1.enable") if "l1" in boundary.shed else boundary.why("l2.enable")
    assert "level" in reason
    assert "kW expected of 850 kW" in reason
    award = boundary.engine.why(f"b.{sorted(boundary.shed)[0]}.enable")
    assert award is not None
    assert award.winner.priority is Priority.DEMAND


def test_a_group_is_asked_by_its_mode() -> None:
    lamps = [
        machine(f"x{i}", "lighting_circuit", without=("level", "power", "status")) for i in (1, 2)
    ]
    boundary = Boundary(
        [],
        lambda _: 900.0,
        limit_kw=LIMIT_KW,
        groups={"street": ("on_off", lamps, {})},
        others=lamps,
        loads=[{"group": "street", "kw": 70.0}],
    )
    boundary.schedule.values["b.street.mode"] = "on"
    boundary.run(900, 5.0)
    assert boundary.shed == {"street"}
    assert boundary.engine.why("b.street.mode").winner.value == "off"  # type: ignore[union-attr]
    assert boundary.values["b.x1.enable"] == 0
    assert boundary.values["b.x2.enable"] == 0


def test_a_setpoint_is_shifted_from_what_the_schedule_gives() -> None:
    units = [machine("fc-1", "fan_coil", without=("power", "status"))]
    boundary = Boundary(
        [],
        lambda _: 900.0,
        limit_kw=LIMIT_KW,
        groups={"rooms": ("on_off", units, {})},
        others=units,
        loads=[
            {"group": "rooms", "how": "shift", "setpoint": "zone_setpoint_c", "by": 2.0, "kw": 60.0}
        ],
    )
    boundary.schedule.values |= {"b.rooms.mode": "on", "b.rooms.zone_setpoint_c": 25.0}
    boundary.run(900, 5.0)
    assert boundary.shed == {"rooms"}
    assert boundary.values["b.fc-1.zone_setpoint"] == 27.0


def test_mode_off_lets_everything_come_back_one_after_the_other() -> None:
    boundary = Boundary([Lamp(f"l{i}", 50.0) for i in range(4)], lambda _: 800.0, limit_kw=LIMIT_KW)
    boundary.run(1800, 5.0)
    assert len(boundary.shed) >= 3
    boundary.schedule.values[f"{GROUP}.mode"] = "off"
    seen: list[int] = []
    for _ in range(120):
        boundary.step(5.0)
        seen.append(len(boundary.shed))
    assert seen[-1] == 0
    assert all(one - other <= 1 for one, other in pairwise(seen))


def test_a_person_may_give_another_limit() -> None:
    boundary = Boundary([Lamp("l1", 100.0)], lambda _: 600.0, limit_kw=LIMIT_KW)
    boundary.run(900, 5.0)
    assert not boundary.shed
    boundary.operator.values[f"{GROUP}.limit_kw"] = 650.0
    boundary.run(900, 5.0)
    assert boundary.fact("limit_in_force_kw") == 650.0
    assert boundary.shed == {"l1"}


def test_what_a_load_really_gives_is_learned() -> None:
    boundary = Boundary(
        [Lamp("dimmed", 100.0, metered=False, keys={"kw": 100.0, "longest_s": 900.0})],
        lambda _: 780.0,
        limit_kw=LIMIT_KW,
    )
    boundary.lamps["dimmed"].kw = 60.0  # less than its file says
    boundary.base_kw = lambda _: 820.0
    boundary.run(6 * 3600, 10.0)
    assert boundary.state.loads["dimmed"].learned < 0.97


def test_it_is_cheap_while_the_power_is_far_below_the_limit() -> None:
    boundary = Boundary([Lamp("l1", 100.0)], lambda _: 300.0, limit_kw=LIMIT_KW)
    boundary.run(120, 5.0)
    assert boundary.engine.left_s(boundary.now) >= 900.0 or boundary.schedule is not None
    looks = {boundary.state.looked_s}
    for _ in range(60):
        boundary.step(1.0)
        looks.add(boundary.state.looked_s)
    assert len(looks) <= 3


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_it_sheds_in_order_briefly_and_never_blindly(seed: int) -> None:
    random = Random(f"demand {seed}")
    lamps = [
        Lamp(f"l{i}", random.uniform(20, 90), random.randint(1, 3), random.random() < 0.6)
        for i in range(6)
    ]
    levels = {lamp.name: lamp.level for lamp in lamps}
    power = {"kw": 500.0}
    boundary = Boundary(lamps, lambda _: power["kw"], limit_kw=800.0)
    since: dict[str, float] = {}
    silent_s: float | None = None
    before: set[str] = set()
    for _ in range(900):
        if random.random() < 0.03:
            _happen(boundary, random, power)
        boundary.step(10.0)
        silent = "b.meter-main.energy" in boundary.bad
        silent_s = (boundary.seconds if silent_s is None else silent_s) if silent else None
        now = boundary.shed
        if silent_s is not None and boundary.seconds - silent_s > 60.0:
            assert not now - before, "shed blindly"
        for name in now:
            since.setdefault(name, boundary.seconds)
            assert (
                boundary.seconds - since[name] <= 7200.0 + 300.0 + 2 * LOOK_S
            )  # or as soon as it is back
        for name in set(since) - now:
            del since[name]
        states = boundary.state.loads
        for name in now - before:
            held = f"b.{name}.enable" in boundary.operator.values
            assert not held, "shed from under an operator"
            for other, load in states.items():
                rests = load.back_s is not None
                if levels[other] < levels[name] and not load.shed and not rests:
                    drawn = boundary.draws(boundary.lamps[other])
                    by_hand = f"b.{other}.enable" in boundary.operator.values
                    assert by_hand or drawn < 1.0, f"{name} before {other}"
        for change in boundary.cycle.changed if boundary.cycle else ():
            award = change.award
            if award is not None and award.winner.source.startswith("demand_limit"):
                assert award.winner.priority is Priority.DEMAND
        before = now


def _happen(boundary: Boundary, random: Random, power: dict[str, float]) -> None:
    what: Any = random.choice(("power", "power", "silent", "swap", "clock", "hand", "restart"))
    if what == "power":
        power["kw"] = random.uniform(300, 800)
    elif what == "silent":
        if boundary.bad:
            boundary.speak()
        else:
            boundary.silence()
    elif what == "swap":
        boundary.register_shift = random.choice((-5000.0, 12_000.0))
    elif what == "clock":
        boundary.clock_ahead_s = random.uniform(-600, 600)
    elif what == "hand":
        point = f"b.l{random.randrange(6)}.enable"
        if boundary.operator.values.pop(point, None) is None:
            boundary.operator.values[point] = 1
    else:
        boundary.restart(random.uniform(0, 300), boot=random.choice((None, "another")))


def test_in_shadow_it_decides_as_if_loads_obeyed() -> None:
    from bms.control.engine.shadowed import ASSUMED

    boundary = Boundary(
        [Lamp("l1", 100.0), Lamp("l2", 100.0, level=2)], lambda _: 700.0, limit_kw=LIMIT_KW
    )
    wished: dict[str, object] = {}

    def assumed(samples: dict[str, Sample]) -> None:
        for name in boundary.lamps:
            point = f"b.{name}.enable"
            award = boundary.cycle.awards.get(point) if boundary.cycle else None
            value = 1 if award is None else award.value
            wished[name] = value
            time = samples[point].time
            samples[point] = Sample(point, value, Quality.GOOD, time, ASSUMED)
            status = f"b.{name}.status"
            samples[status] = Sample(status, value, Quality.GOOD, time, ASSUMED)
            boundary.values[point] = 1  # nothing was sent: it draws on

    boundary.meddle = assumed
    boundary.run(3600, 5.0)
    assert boundary.shed == {"l1"}  # 900 kW, of which 100 would be gone
    assert not boundary.conditions
