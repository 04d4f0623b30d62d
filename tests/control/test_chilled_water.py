from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bms.config.site import Group
from bms.control import STRATEGIES
from bms.core.decisions import OutputRules, Severity
from tests.control.parts import Rig, group, machine

SETPOINT_C = 7.0
FLOW_M3H = 120.0


def plant(count: int = 3, capacity_kw: float = 700.0, **parameters: Any) -> Group:
    chillers = [machine(f"ch-{i}", "chiller", capacity_kw=capacity_kw) for i in range(1, count + 1)]
    others = [machine("hdr", "water_loop"), machine("wx", "weather_station")]
    for i in range(1, count + 1):
        others += [
            machine(f"chp-{i}", "pump"),
            machine(f"cwp-{i}", "pump"),
            machine(f"ct-{i}", "cooling_tower"),
        ]
    trains = [
        {"chiller": f"ch-{i}", "chw_pump": f"chp-{i}", "cw_pump": f"cwp-{i}", "tower": f"ct-{i}"}
        for i in range(1, count + 1)
    ]
    return group(
        "chilled_water_plant",
        chillers,
        others,
        header="hdr",
        weather="wx",
        trains=trains,
        **parameters,
    )


def kinds_rules(equipment: Any) -> OutputRules:
    return OutputRules(min_on_s=equipment.kind.min_on_s, min_off_s=equipment.kind.min_off_s)


class Plant(Rig):
    """A plant whose load a test sets; the loop shows it as flow and return temperature."""

    def __init__(self, made: Group | None = None, **options: Any) -> None:
        super().__init__(made or plant(), **options)
        self.load_kw: Callable[[float], float] = lambda seconds: 300.0
        self.supply_c = SETPOINT_C
        self.put("wx.outdoor_temp", 30.0)
        self.plant = self._loop
        self.give("chw_setpoint_c", SETPOINT_C)
        self.stages: list[tuple[float, int]] = []

    def _loop(self) -> None:
        self.put("hdr.flow", FLOW_M3H)
        self.put("hdr.supply_temp", self.supply_c)
        load_kw = self.load_kw(self.seconds)
        self.put("hdr.return_temp", SETPOINT_C + load_kw / (1.163 * FLOW_M3H))

    def step(self, seconds: float) -> Any:
        cycle = super().step(seconds)
        running = len(self.running("chiller"))
        if not self.stages or self.stages[-1][1] != running:
            self.stages.append((seconds, running))
        return cycle

    def chillers(self) -> set[str]:
        return self.running("chiller")


def started() -> Plant:
    rig = Plant()
    rig.mode("on")
    rig.run(10)
    assert rig.chillers() == {"ch-1"}
    return rig


# --- start and stop --------------------------------------------------------------------------


def test_starts_water_first_then_the_chiller_after_the_proofs() -> None:
    rig = Plant()
    rig.status_after_s = {"chp-1": 5, "cwp-1": 8, "ct-1": 2, "ch-1": 60}
    rig.mode("on")
    rig.seconds = -1
    rig.run(100)
    assert rig.writes() == [(0, "chp-1", 1), (0, "cwp-1", 1), (0, "ct-1", 1), (8, "ch-1", 1)]
    assert [v for _, e, v in rig.writes("chw_setpoint") if e == "ch-1"] == [SETPOINT_C]
    assert rig.alarms == []
    reason = rig.reason("ch-1.enable")
    assert reason == (
        "ch-1 running, stage 1 of 3 (start) ← weekly daily 07:30-18:00, schedules/x.yaml:12"
    )


def test_stops_the_chiller_first_and_the_water_after_the_overrun() -> None:
    rig = started()
    rig.run(1000)
    rig.log.clear()
    rig.mode("off")
    rig.run(1300)
    assert rig.writes() == [
        (1001, "ch-1", 0),
        (1181, "chp-1", 0),
        (1181, "cwp-1", 0),
        (1181, "ct-1", 0),
    ]


def test_the_overrun_begins_when_the_chiller_really_stands_still() -> None:
    rig = started()
    rig.run(1000)
    rig.log.clear()
    rig.status_after_s = {"ch-1": 400}  # it coasts down for longer than the overrun
    rig.mode("off")
    rig.run(2000)
    assert [t for t, e, _ in rig.writes() if e == "chp-1"] == [1001 + 400 - 1 + 180]
    assert (1301, "raised", "b.ch-1:running") in rig.alarms
    assert rig.active() == set()


def test_a_chiller_kept_on_by_its_minimum_time_keeps_its_water() -> None:
    rig = Plant(plant(), rules=kinds_rules)
    rig.status_after_s = {"chp-1": 20}
    rig.mode("on")
    rig.seconds = -1
    rig.run(899)
    rig.mode("off")
    rig.run(919)
    assert rig.get("ch-1.enable") == 1
    rig.run(2000)
    off = {e: t for t, e, v in rig.writes() if v == 0}
    assert off["ch-1"] == 920
    assert off["chp-1"] >= 920 + 180
    assert off["chp-1"] == off["cwp-1"] == off["ct-1"]


def test_starts_and_stops_at_quarter_hour_steps() -> None:
    rig = Plant()
    rig.mode("on")
    rig.seconds = -900
    rig.run(1800, 900)
    assert [(t, e) for t, e, v in rig.writes() if v] == [
        (0, "chp-1"),
        (0, "cwp-1"),
        (0, "ct-1"),
        (900, "ch-1"),
    ]
    rig.mode("off")
    rig.run(5400, 900)
    assert rig.running("pump") == set()
    assert rig.alarms == []


def test_off_and_on_last_at_least_a_quarter_of_an_hour() -> None:
    rig = Plant()
    rig.mode("on")
    rig.step(0)
    rig.mode("off")
    rig.run(899)
    assert rig.chillers() == {"ch-1"}
    assert "plant on for at least 15 min" in rig.reason("ch-1.enable")
    rig.run(900)
    assert rig.chillers() == set()
    rig.mode("on")
    rig.run(1799)
    assert rig.chillers() == set()
    rig.run(1802)
    assert rig.chillers() == {"ch-2"}  # ch-1 has run before


def test_locked_out_when_it_is_cold_with_hysteresis() -> None:
    rig = Plant()
    rig.mode("on")
    rig.put("wx.outdoor_temp", 4.4)
    rig.run(10)
    assert rig.chillers() == set()
    assert "outdoor at or below 4.4 degC" in rig.reason("ch-1.enable")
    rig.put("wx.outdoor_temp", 4.5)
    rig.run(20)
    assert rig.chillers() == {"ch-1"}
    rig.put("wx.outdoor_temp", 3.9)
    rig.run(2000)
    assert rig.chillers() == {"ch-1"}
    rig.put("wx.outdoor_temp", 3.8)
    rig.run(2010)
    assert rig.chillers() == set()


def test_without_a_mode_everything_is_relinquished() -> None:
    rig = started()
    rig.mode(None)
    rig.step(11)
    assert rig.engine.why("b.ch-1.enable") is None
    assert rig.engine.why("b.chp-1.enable") is None


# --- staging ---------------------------------------------------------------------------------


def test_staging_follows_a_synthetic_day_of_load() -> None:
    rig = Plant()
    rig.mode("on")

    def load_kw(seconds: float) -> float:
        hours = seconds / 3600
        return 2000 * max(0.0, 1 - abs(hours - 6) / 6)  # a triangle over twelve hours

    rig.load_kw = load_kw
    rig.run(13 * 3600, 10)
    # Up above 90 % of 700 and 1400 kW, down below 80 % of 1400 and 700 kW, 15 min later each;
    # the mean of 5 min comes half its time behind a load that rises steadily.
    late = 900 + 150
    up_1, up_2 = (630 / 2000 * 6 * 3600 + late, 1260 / 2000 * 6 * 3600 + late)
    down_2, down_1 = ((2 - 1120 / 2000) * 6 * 3600 + late, (2 - 560 / 2000) * 6 * 3600 + late)
    stages = [n for _, n in rig.stages]
    assert stages == [0, 1, 2, 3, 2, 1]
    times = [t for t, _ in rig.stages]
    for found, expected in zip(times[2:], (up_1, up_2, down_2, down_1), strict=True):
        assert 0 <= found - expected <= 40
    assert "above 90 % of 700 kW" in next(
        c.award.winner.reason
        for c in _changes_of(rig)
        if c.point == "b.ch-2.enable" and c.award is not None
    )


def _changes_of(rig: Plant) -> list[Any]:
    """The award changes of one stage up, on a fresh plant."""
    again = Plant()
    again.mode("on")
    again.load_kw = lambda seconds: 690.0
    changes: list[Any] = []
    for seconds in range(0, 2000, 10):
        changes += [
            c for c in again.step(seconds).changed if c.award is not None and c.award.value == 1
        ]
    return changes


def test_the_same_load_at_quarter_hour_steps_gives_the_same_stages() -> None:
    rig = Plant()
    rig.mode("on")
    rig.load_kw = lambda s: 2000 * max(0.0, 1 - abs(s / 3600 - 6) / 6)
    rig.run(14 * 3600, 900)
    assert [n for _, n in rig.stages] == [0, 1, 2, 3, 2, 1]


def test_a_load_between_the_limits_changes_nothing() -> None:
    rig = started()
    rig.load_kw = lambda seconds: 600.0
    rig.run(6 * 3600, 10)
    assert rig.chillers() == {"ch-1"}
    rig.load_kw = lambda seconds: 700.0
    rig.run(8 * 3600, 10)
    rig.load_kw = lambda seconds: 600.0  # below 90 % of one, above 80 % of one: stays at two
    rig.run(14 * 3600, 10)
    assert rig.chillers() == {"ch-1", "ch-2"}


def test_a_supply_that_stays_too_warm_raises_the_stage() -> None:
    rig = started()
    rig.supply_c = SETPOINT_C + 1.2
    rig.run(1200)
    assert rig.chillers() == {"ch-1", "ch-2"}
    assert "supply 1.2 K above its setpoint" in rig.reason("ch-2.enable")


def test_a_load_peak_shorter_than_the_delay_changes_nothing() -> None:
    rig = started()
    rig.load_kw = lambda seconds: 900.0 if seconds % 1000 < 800 else 300.0
    rig.run(5000, 5)
    assert [n for _, n in rig.stages] == [0, 1]


def test_the_least_run_chiller_starts_first() -> None:
    made = plant()
    first = Plant(made)
    first.mode("on")
    first.run(7200, 10)
    first.mode("off")
    first.run(9000, 10)
    assert first.chillers() == set()
    again = Plant(made, saved=json.loads(json.dumps(first.engine.states())))
    again.mode("on")
    again.seconds = 20_000
    again.run(20_020)
    assert again.chillers() == {"ch-2"}


def test_chillers_of_different_size_count_with_their_own_capacity() -> None:
    chillers = [
        machine("small", "chiller", capacity_kw=200.0),
        machine("big", "chiller", capacity_kw=1000.0),
    ]
    made = group(
        "chilled_water_plant",
        chillers,
        [machine("hdr", "water_loop")],
        header="hdr",
        trains=[{"chiller": "small"}, {"chiller": "big"}],
    )
    rig = Rig(made)
    rig.give("chw_setpoint_c", SETPOINT_C)
    rig.mode("on")

    def loop() -> None:
        rig.put("hdr.flow", FLOW_M3H)
        rig.put("hdr.supply_temp", SETPOINT_C)
        rig.put("hdr.return_temp", SETPOINT_C + 190 / (1.163 * FLOW_M3H))

    rig.plant = loop
    rig.run(800)
    assert rig.running("chiller") == {"small"}
    rig.run(1000)
    assert rig.running("chiller") == {"big"}


# --- proofs and failures ---------------------------------------------------------------------


def test_a_pump_that_does_not_prove_costs_its_train_and_the_next_one_starts() -> None:
    rig = Plant()
    rig.dead = {"chp-1"}
    rig.mode("on")
    rig.seconds = -1
    rig.run(100)
    assert rig.chillers() == {"ch-2"}
    assert ("ch-1", 1) not in [(e, v) for _, e, v in rig.writes()]
    assert [(t, k) for t, k, key in rig.alarms if key == "b.ch-1:proof"] == [(30, "raised")]
    assert [(t, e) for t, e, v in rig.writes() if e == "chp-2"] == [(30, "chp-2")]
    (alarm,) = rig.engine.alarms()
    assert alarm.severity is Severity.CRITICAL
    assert "chp-1 shows no run status within 30 s" in alarm.text
    assert rig.get("cwp-1.enable") == 0


def test_a_chiller_that_does_not_prove_is_stopped_in_order_and_replaced() -> None:
    rig = Plant()
    rig.dead = {"ch-1"}
    rig.mode("on")
    rig.seconds = -1
    rig.run(600)
    assert rig.chillers() == {"ch-2"}
    off = {e: t for t, e, v in rig.writes() if v == 0}
    assert off["ch-1"] == 301
    assert off["chp-1"] == 301 + 180
    assert "ch-1 out of use" in rig.reason("ch-1.enable")


def test_a_failed_train_stays_out_over_nights_until_a_person_resets_it() -> None:
    rig = Plant()
    rig.dead = {"ch-1"}
    rig.mode("on")
    rig.run(400)
    rig.dead = set()
    for morning in range(1, 5):
        rig.mode("off")
        rig.run(4000 * morning)
        assert rig.active() == {"b.ch-1:proof"}
        rig.mode("on")
        rig.run(4000 * morning + 1500)
        assert "ch-1" not in rig.chillers()
    rig.mode("off")
    rig.run(20_000)
    rig.reset("ch-1")
    assert rig.active() == set()
    rig.mode("on")
    rig.run(22_000)
    assert rig.chillers() == {"ch-1"}


def test_failed_proofs_are_found_at_quarter_hour_steps() -> None:
    rig = Plant()
    rig.dead = {"chp-1"}
    rig.mode("on")
    rig.seconds = -900
    rig.run(3600, 900)
    assert rig.chillers() == {"ch-2"}
    assert "b.ch-1:proof" in rig.active()


def test_when_every_train_failed_the_plant_says_so() -> None:
    rig = Plant()
    rig.dead = {"ch-1", "ch-2", "ch-3"}
    rig.mode("on")
    rig.run(1000)
    assert rig.chillers() == set()
    assert "b.g:no-train" in rig.active()


def test_a_reported_fault_takes_the_train_out_for_as_long_as_it_lasts() -> None:
    rig = started()
    rig.put("ch-1.fault", 1)
    rig.run(20)
    assert rig.chillers() == {"ch-2"}
    assert "b.ch-1:fault" in rig.active()
    rig.put("ch-1.fault", 0)
    rig.run(30)
    assert rig.active() == set()
    assert rig.chillers() == {"ch-2"}


def test_flow_loss_switches_the_chiller_off_whatever_its_minimum_time() -> None:
    rig = Plant(plant(), rules=kinds_rules)
    rig.mode("on")
    rig.run(100)
    assert rig.chillers() == {"ch-1"}
    rig.dead = {"cwp-1"}
    rig.run(108)
    assert "ch-1" in rig.chillers()
    rig.run(111)
    award = rig.engine.why("b.ch-1.enable")
    assert award is not None
    assert (award.value, award.winner.priority, award.winner.source) == (0, 5, "flow_guard:b")
    assert award.winner.reason == ("its condenser water is not proven: no pump shows that it runs")
    rig.run(140)
    assert rig.chillers() == {"ch-2"}
    assert "b.ch-1:flow" in rig.active()


def test_an_operator_who_takes_a_chiller_is_no_failure() -> None:
    rig = started()
    rig.operator.values["b.ch-1.enable"] = 0
    rig.run(400)
    assert rig.chillers() == {"ch-2"}
    assert rig.active() == set()


def test_an_operator_who_runs_a_chiller_gets_its_water_too() -> None:
    rig = Plant(plant(), rules=kinds_rules)
    rig.mode("off")
    rig.run(10)
    rig.operator.values["b.ch-3.enable"] = 1
    rig.run(1000)
    assert rig.chillers() == {"ch-3"}
    assert rig.running("pump") == {"chp-3", "cwp-3"}
    rig.mode("on")
    rig.run(1200)
    assert rig.chillers() == {"ch-3"}


def test_a_chiller_held_off_by_its_minimum_time_is_not_a_failed_proof() -> None:
    rig = Plant(plant(1), rules=kinds_rules)
    rig.mode("on")
    rig.seconds = -1
    rig.run(950)
    rig.operator.values["b.ch-1.enable"] = 0
    rig.run(960)
    del rig.operator.values["b.ch-1.enable"]
    rig.run(1800)
    assert rig.chillers() == set()
    assert rig.active() == set()
    rig.run(1900)
    assert rig.chillers() == {"ch-1"}
    assert rig.active() == set()


# --- bad inputs ------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["b.hdr.flow", "b.hdr.return_temp"])
def test_an_unknown_load_holds_the_stage_and_says_so(point: str) -> None:
    rig = Plant()
    rig.mode("on")
    rig.load_kw = lambda seconds: 690.0
    rig.run(2000, 10)
    assert len(rig.chillers()) == 2
    rig.bad.add(point)
    rig.load_kw = lambda seconds: 0.0
    rig.run(9000, 10)
    assert len(rig.chillers()) == 2
    (alarm,) = rig.engine.alarms()
    assert (alarm.key, alarm.severity) == ("b.g:load", Severity.URGENT)
    rig.supply_c = SETPOINT_C + 2  # the failsafe does not need the load
    rig.run(10_500, 10)
    assert len(rig.chillers()) == 3
    rig.bad.clear()
    rig.supply_c = SETPOINT_C
    rig.run(15_000, 10)
    assert rig.active() == set()
    assert len(rig.chillers()) == 1


def test_with_the_supply_bad_too_the_stage_is_held() -> None:
    rig = started()
    rig.bad |= {"b.hdr.flow", "b.hdr.supply_temp"}
    rig.supply_c = SETPOINT_C + 5
    rig.load_kw = lambda seconds: 2000.0
    rig.run(9000, 10)
    assert rig.chillers() == {"ch-1"}
    assert rig.active() == {"b.g:load"}


@pytest.mark.parametrize(("locked", "temperature"), [(False, 30.0), (True, 0.0)])
def test_a_bad_outdoor_temperature_leaves_the_lockout_as_it_was(
    locked: bool, temperature: float
) -> None:
    rig = Plant()
    rig.put("wx.outdoor_temp", temperature)
    rig.mode("on")
    rig.run(1000, 10)
    rig.bad.add("b.wx.outdoor_temp")
    rig.put("wx.outdoor_temp", 30.0 - temperature)
    rig.run(5000, 10)
    assert rig.chillers() == (set() if locked else {"ch-1"})
    (alarm,) = rig.engine.alarms()
    assert (alarm.key, alarm.severity) == ("b.g:outdoor-temp", Severity.URGENT)


def test_a_chiller_that_falls_silent_is_left_running() -> None:
    rig = started()
    rig.bad |= {p for p in rig.values if p.startswith("b.ch-1.")}
    rig.run(2000)
    assert rig.chillers() == {"ch-1"}


# --- restart and loading ---------------------------------------------------------------------


def test_a_restart_goes_on_where_the_plant_was() -> None:
    made = plant()
    rig = Plant(made, rules=kinds_rules)
    rig.mode("on")
    rig.load_kw = lambda seconds: 690.0
    rig.run(2000)
    assert rig.chillers() == {"ch-1", "ch-2"}
    again = Plant(made, rules=kinds_rules, saved=json.loads(json.dumps(rig.engine.states())))
    again.values |= rig.values
    again.load_kw = rig.load_kw
    again.mode("on")
    again.seconds = 2030
    again.run(4000)
    assert again.writes() == []
    assert again.alarms == []


@pytest.mark.parametrize("gap", [600, 90_000, -3600])
def test_a_start_goes_on_after_a_restart_or_a_clock_that_was_set(gap: float) -> None:
    rig = Plant()
    rig.status_after_s = {"ch-1": 60}
    rig.mode("on")
    rig.run(30)
    assert rig.running("pump")
    saved = json.loads(json.dumps(rig.engine.states()))
    after = Plant(saved=saved)
    after.values = rig.values
    status = {"b.ch-1.status", "b.chp-1.status", "b.cwp-1.status", "b.ct-1.status"}
    after.bad = status  # nothing is read yet
    after.mode("on")
    after.seconds = 30 + gap
    after.run(33 + gap)
    after.bad = set()
    after.dead = {"ch-1"}  # still on its way
    after.run(60 + gap)
    assert after.alarms == []
    after.dead = set()
    after.run(100 + gap)
    assert after.chillers() == {"ch-1"}
    assert after.active() == set()


def test_a_clock_set_back_does_not_keep_the_plant_on() -> None:
    rig = started()
    rig.run(1000)
    rig.step(-6200)
    rig.mode("off")
    rig.run(-6180)
    assert rig.chillers() == set()


def test_a_lost_state_keeps_the_chillers_that_run() -> None:
    rig = Plant()
    rig.mode("on")
    rig.load_kw = lambda seconds: 690.0
    rig.run(2000)
    again = Plant()
    again.values |= rig.values
    again.load_kw = rig.load_kw
    again.mode("on")
    again.seconds = 2030
    again.run(2100)
    assert again.writes() == []


def test_chillers_whose_link_comes_later_are_kept_too() -> None:
    rig = Plant()
    rig.mode("on")
    rig.load_kw = lambda seconds: 690.0
    rig.run(2000)
    assert rig.chillers() == {"ch-1", "ch-2"}
    again = Plant()
    again.values |= rig.values
    again.load_kw = rig.load_kw
    again.bad = {p for p in rig.values if p.startswith(("b.ch-", "b.chp-", "b.cwp-", "b.ct-"))}
    again.mode("on")
    again.seconds = 2030
    again.run(2033)
    again.bad = set()
    again.run(2100)
    assert again.writes() == []


def test_a_saved_train_that_is_gone_is_forgotten() -> None:
    rig = Plant()
    rig.mode("on")
    rig.load_kw = lambda seconds: 2000.0
    rig.run(4000, 10)
    assert len(rig.chillers()) == 3
    smaller = Plant(plant(2), saved=json.loads(json.dumps(rig.engine.states())))
    smaller.values |= {p: rig.values[p] for p in smaller.values}
    smaller.mode("on")
    smaller.load_kw = rig.load_kw
    smaller.seconds = 4000
    smaller.run(4100)
    assert smaller.chillers() == {"ch-1", "ch-2"}
    assert smaller.active() == set()


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"header": "wx"}, ("parameters", "header")),
        ({"weather": "nowhere"}, ("parameters", "weather")),
        ({"trains": [{"chiller": "chp-1"}]}, ("parameters", "trains", 0, "chiller")),
        (
            {"trains": [{"chiller": "ch-1", "chw_pump": "ct-1"}]},
            ("parameters", "trains", 0, "chw_pump"),
        ),
        ({"trains": [{"chiller": "ch-1"}] * 2}, ("parameters", "trains", 1, "chiller")),
    ],
)
def test_what_is_missing_is_found_at_loading(change: dict[str, Any], where: Any) -> None:
    made = plant()
    parameters = made.parameters.model_dump() | change
    spec = STRATEGIES["chilled_water_plant"]
    wrong = Group(
        made.id,
        made.base,
        made.strategy,
        made.members,
        spec.parameters.model_validate(parameters),
        made.equipment,
    )
    assert [at for at, _ in spec.check(wrong)] == [where]


def test_a_chiller_without_capacity_is_found_at_loading() -> None:
    made = plant(capacity_kw=0.0)
    assert STRATEGIES["chilled_water_plant"].check(made) == []
    bare = group(
        "chilled_water_plant",
        [machine("ch", "chiller")],
        [machine("hdr", "water_loop")],
        header="hdr",
        trains=[{"chiller": "ch"}],
    )
    ((where, message),) = STRATEGIES["chilled_water_plant"].check(bare)
    assert where == ("parameters", "trains", 0, "chiller")
    assert "capacity_kw" in message


def test_a_plant_goes_on_from_what_an_earlier_version_saved() -> None:
    rig = Plant()
    rig.mode("on")
    rig.run(1000, 5)
    assert rig.chillers() == {"ch-1"}
    earlier = {
        "enabled": True,
        "enabled_since": "2026-07-01T00:00:00Z",
        "locked": False,
        "wanted": ["ch-1"],
        "reason": "start",
        "timers": {"stage_since": "2026-07-01T00:00:00Z"},
        "trains": {"ch-1": {"phase": "running", "failed": ""}},
        "run": {"hours": {"ch-1": 5.0, "ch-2": 9.0, "ch-3": 1.0}, "time": None},
        "step_s": 5.0,
    }
    saved = {**json.loads(json.dumps(rig.engine.states())), "chilled_water_plant:b.g": earlier}
    again = Plant(saved=saved)
    again.values |= rig.values
    again.mode("on")
    again.seconds = 1000
    again.run(2000, 5)
    assert again.writes() == []
    again.load_kw = lambda seconds: 690.0
    again.run(5000, 5)
    assert again.chillers() == {"ch-1", "ch-3"}  # the hours of before count
