from __future__ import annotations

import json
from typing import Any

from bms.control import STRATEGIES
from bms.core.decisions import OutputRules
from tests.control.parts import Rig, group, machine


def air_handlers(count: int = 3, **parameters: Any) -> Rig:
    members = [machine(f"ahu-{i}", "air_handler") for i in range(1, count + 1)]
    return Rig(group("on_off", members, **parameters))


def test_members_follow_the_mode_and_say_which_line_decided() -> None:
    rig = air_handlers()
    rig.mode("on")
    rig.step(0)
    assert rig.running("air_handler") == {"ahu-1", "ahu-2", "ahu-3"}
    assert rig.reason("ahu-2.enable") == "group on ← weekly daily 07:30-18:00, schedules/x.yaml:12"
    rig.mode("off")
    rig.step(1)
    assert rig.running("air_handler") == set()


def test_without_a_mode_everything_is_relinquished() -> None:
    rig = air_handlers()
    rig.mode("on")
    rig.step(0)
    rig.mode(None)
    rig.step(1)
    assert {value for _, _, value in rig.writes()[-3:]} == {None}
    assert rig.engine.why("b.ahu-1.enable") is None


def test_an_unknown_mode_commands_nothing_and_says_so() -> None:
    rig = air_handlers()
    rig.mode("turbo")
    rig.step(0)
    assert rig.writes() == []
    assert rig.active() == {"b.g:mode"}


def test_setpoints_go_to_the_members_that_have_the_role() -> None:
    members = [machine("ahu-1", "air_handler"), machine("lamp", "lighting_circuit")]
    rig = Rig(group("on_off", members))
    rig.mode("off")
    rig.give("zone_setpoint_c", 26.0)
    rig.give("level_pct", 60.0)
    rig.step(0)
    assert rig.get("ahu-1.zone_setpoint") == 26.0
    assert rig.get("lamp.level") == 60.0
    assert rig.get("ahu-1.supply_setpoint") == 0  # nobody gives one
    assert rig.engine.why("b.ahu-1.supply_setpoint") is None
    assert rig.reason("lamp.level").startswith("group level_pct ← weekly")


def test_members_start_one_after_the_other_and_stop_together() -> None:
    rig = air_handlers(stagger_s=10)
    rig.mode("off")
    rig.step(0)
    rig.mode("on")
    rig.run(40)
    assert rig.writes() == [(1, "ahu-1", 1), (11, "ahu-2", 1), (21, "ahu-3", 1)]
    assert rig.reason("ahu-3.enable").startswith("group on")
    rig.mode("off")
    rig.step(41)
    assert [t for t, _, value in rig.writes() if value == 0] == [41, 41, 41]


def test_staggered_starts_work_at_quarter_hour_steps() -> None:
    rig = air_handlers(stagger_s=10)
    rig.mode("off")
    rig.step(0)
    rig.mode("on")
    rig.run(1800, 900)
    assert rig.writes() == [(900, "ahu-1", 1), (1800, "ahu-2", 1), (1800, "ahu-3", 1)]


def test_a_member_that_runs_is_not_stopped_to_wait_for_its_turn() -> None:
    rig = air_handlers(stagger_s=10)
    for i in (1, 2, 3):
        rig.put(f"ahu-{i}.enable", 1)
    rig.mode("on")
    rig.run(30)
    assert rig.writes() == []


def test_a_restart_in_the_middle_of_the_starts_goes_on_where_it_was() -> None:
    rig = air_handlers(stagger_s=10)
    rig.mode("on")
    rig.step(0)
    saved = json.loads(json.dumps(rig.engine.states()))
    members = [machine(f"ahu-{i}", "air_handler") for i in range(1, 4)]
    again = Rig(group("on_off", members, stagger_s=10), saved=saved)
    again.put("ahu-1.enable", 1)
    again.mode("on")
    again.seconds = 4
    again.run(30)
    assert again.writes() == [(10, "ahu-2", 1), (20, "ahu-3", 1)]


def test_an_overridden_mode_is_named_as_the_reason() -> None:
    rig = air_handlers()
    rig.mode("on")
    rig.operator.values["b.g.mode"] = "off"
    rig.operator.reason = "override by li.wei: filter change"
    rig.step(0)
    assert rig.running("air_handler") == set()
    assert rig.reason("ahu-1.enable") == "group off ← override by li.wei: filter change"


def test_minimum_times_and_groups_together() -> None:
    members = [machine("ahu-1", "air_handler")]
    rig = Rig(
        group("on_off", members),
        rules=lambda e: OutputRules(min_on_s=e.kind.min_on_s, min_off_s=e.kind.min_off_s),
    )
    rig.mode("on")
    rig.step(0)
    rig.mode("off")
    rig.run(400)
    assert rig.writes() == [(0, "ahu-1", 1), (300, "ahu-1", 0)]


def test_unchanged_commands_are_the_identical_tuple() -> None:
    rig = air_handlers()
    rig.mode("on")
    rig.step(0)
    controller = rig.spec.build(rig.group)[0]
    snapshot = rig.step(1).snapshot
    state = controller.initial()
    first = controller.decide(snapshot, state, snapshot.time)
    second = controller.decide(snapshot, first.state, snapshot.time)
    assert first.commands
    assert second.commands is first.commands
    assert second.state is first.state


def test_a_member_without_enable_is_found_at_loading() -> None:
    members = [machine("ahu-1", "air_handler"), machine("m", "meter")]
    made = group("on_off", members)
    assert list(STRATEGIES["on_off"].check(made)) == [
        (("members",), "m (meter) has no 'enable' point")
    ]
