from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from bms.control.engine.cycle import Cycle, Engine
from bms.core.decisions import Award, Condition, Decision, OutputRules, Priority, Severity, Stage
from bms.texts.messages import msg
from drivers.base import WriteResult, WriteStatus
from drivers.points import Quality, Value
from tests.control.engine.parts import Device, Scripted, Wish, at, command

P = "b.p.enable"
Q = "b.q.setpoint"


class Rig:
    """An engine, a device and the time."""

    def __init__(
        self,
        *controllers: Any,
        rules: OutputRules | None = None,
        saved: Mapping[str, object] | None = None,
        values: Mapping[str, Value] | None = None,
    ) -> None:
        self.outputs = {P: rules or OutputRules(), Q: OutputRules(tolerance=0.1)}
        self.engine = Engine(controllers, self.outputs, saved or {})
        self.device = Device({P: 0, Q: 7.0} if values is None else dict(values))
        self.last: Cycle | None = None

    def step(self, seconds: float, *, answer: bool = True) -> Cycle:
        now = at(seconds)
        self.last = self.engine.cycle(self.device.samples(now), now)
        if answer:
            self.engine.written(self.device.write(self.last.writes), now)
        return self.last

    def why(self) -> Award:
        """Who has the first point."""
        award = self.engine.why(P)
        assert award is not None
        return award

    def saved(self, name: str) -> Any:
        return self.engine.states()[name]

    def wrote(self, seconds: float) -> list[Value | None]:
        return [w.value for w in self.step(seconds).writes if w.point == P]


# --- writing when due ------------------------------------------------------------------------


def test_writes_on_change_only_and_confirms_by_read_back() -> None:
    seq = Wish()
    rig = Rig(seq)
    assert rig.wrote(0) == []
    seq.want(1)
    assert rig.wrote(1) == [1]
    assert [rig.wrote(s) for s in (2, 3, 60)] == [[], [], []]
    seq.want(True)  # the same state in another type
    assert rig.wrote(61) == []
    seq.want(0)
    assert rig.wrote(62) == [0]


def test_what_the_machine_already_does_is_not_written() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq, values={P: 1.0, Q: 7.0})
    assert [rig.wrote(s) for s in (0, 1, 2)] == [[], [], []]


def test_read_back_within_the_tolerance_confirms() -> None:
    seq = Wish()
    seq.want(6.66, Q)
    rig = Rig(seq)
    assert [w.value for w in rig.step(0).writes] == [6.66]
    rig.device.values[Q] = 6.7
    for seconds in (1, 2, 3, 100):
        assert rig.step(seconds).writes == ()
    rig.device.values[Q] = 6.8
    assert [w.value for w in rig.step(101).writes] == [6.66]


def test_a_value_changed_in_the_field_is_written_again() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    assert rig.wrote(0) == [1]
    assert rig.wrote(1) == []
    rig.device.values[P] = 0  # somebody at the panel, or a reboot
    assert rig.wrote(2) == [1]
    assert rig.wrote(3) == []


def test_a_reading_that_is_not_good_neither_confirms_nor_denies() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.step(0)
    rig.step(1)
    rig.device.values[P] = 0
    rig.device.quality = Quality.STALE
    assert [rig.wrote(s) for s in (2, 3, 300)] == [[], [], []]
    rig.device.quality = Quality.GOOD
    assert rig.wrote(301) == [1]


def test_retries_at_1_2_4_then_every_30_s_and_says_why() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.device.status = WriteStatus.REFUSED
    tried, raised = [], []
    for second in range(100):
        cycle = rig.step(second)
        tried += [second for _ in cycle.writes]
        raised += [(second, e.key, e.kind, e.severity, e.text) for e in cycle.alarms]
    assert tried == [0, 1, 3, 7, 37, 67, 97]
    assert len(raised) == 1
    second, key, kind, severity, text = raised[0]
    assert (second, key, kind, severity) == (8, f"{P}:uncommandable", "raised", Severity.URGENT)
    assert "said the device" in text
    assert "commanded to 1" in text
    rig.device.status = WriteStatus.OK
    rig.step(127)
    assert [e.kind for e in rig.step(128).alarms] == ["cleared"]


def test_a_device_that_is_back_is_told_at_once() -> None:
    seq = Wish()
    seq.want(0)
    rig = Rig(seq)
    rig.step(0)
    rig.device.quality, rig.device.status = Quality.BAD, WriteStatus.TIMEOUT
    seq.want(1)
    for second in range(1, 70):
        rig.step(second)
    rig.device.quality, rig.device.status = Quality.GOOD, WriteStatus.OK
    assert rig.wrote(70) == [1]  # the next try of a dead device would be seconds later
    assert [rig.wrote(s) for s in (71, 72)] == [[], []]


def test_a_device_that_acknowledges_but_does_nothing_is_found_out() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.device.deaf = True
    for second in range(30):
        rig.step(second)
    assert [c.key for c in rig.engine.conditions] == [f"{P}:uncommandable"]
    assert "reads back 0" in rig.engine.conditions[0].text


def test_a_state_that_is_not_kept_is_written_more_and_more_rarely() -> None:
    """A coil that falls back by itself, or another master: memory wears, and so do contactors."""
    for after_s in (0, 1, 20, 590):
        seq = Wish()
        seq.want(1)
        rig = Rig(seq)
        tried: list[int] = []
        told = False
        for second in range(6 * 3600):
            tried += [second for _ in rig.step(second).writes]
            if tried and second >= tried[-1] + after_s:
                rig.device.values[P] = 0
            told |= [c.key for c in rig.engine.conditions] == [f"{P}:uncommandable"]
        assert tried[0] == 0
        assert len(tried) < 40, (after_s, tried)
        assert told, after_s


def test_results_may_come_cycles_later() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    assert rig.step(0, answer=False).writes != ()
    assert [rig.step(s, answer=False).writes for s in (1, 2, 3)] == [(), (), ()]
    rig.device.values[P] = 1
    rig.engine.written([WriteResult(P, 1, WriteStatus.OK)], at(4))
    assert rig.step(5, answer=False).writes == ()
    # A link that never answers is asked again.
    seq.want(0)
    assert len(rig.step(6, answer=False).writes) == 1
    tried = [s for s in range(7, 80) if rig.step(s, answer=False).writes]
    assert tried == [67]


def test_a_late_result_of_a_replaced_write_is_not_taken_for_the_new_one() -> None:
    seq = Wish()
    seq.want(6.0, Q)
    rig = Rig(seq)
    rig.step(0, answer=False)
    seq.want(9.0, Q)
    assert [w.value for w in rig.step(1, answer=False).writes] == [9.0]
    rig.engine.written([WriteResult(Q, 6.0, WriteStatus.REFUSED, "no")], at(2))
    assert rig.step(3, answer=False).writes == ()


def test_refresh_writes_again_though_nothing_changed() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq, rules=OutputRules(refresh_s=10))
    assert [s for s in range(31) if rig.wrote(s)] == [0, 10, 20, 30]


def test_a_released_point_is_released_once() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.step(0)
    rig.step(1)
    seq.want(None)
    cycle = rig.step(2)
    assert [w.value for w in cycle.writes] == [None]
    assert [(c.point, c.award) for c in cycle.changed] == [(P, None)]
    assert [rig.wrote(s) for s in (3, 4, 60)] == [[], [], []]
    seq.want(0)
    assert rig.wrote(61) == [0]


def test_a_refused_release_is_no_alarm() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.step(0)
    rig.step(1)
    seq.want(None)
    rig.device.status = WriteStatus.REFUSED
    assert sum(len(rig.wrote(s)) for s in range(2, 200)) == 1
    assert rig.engine.conditions == ()


def test_a_point_never_commanded_is_never_written() -> None:
    rig = Rig(Wish())
    assert [rig.step(s).writes for s in range(5)] == [()] * 5


def test_a_silent_device_is_the_alarm_of_its_link_not_of_every_point() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.device.status = WriteStatus.TIMEOUT
    rig.device.quality = Quality.BAD
    tried = [s for s in range(60) if rig.wrote(s)]
    assert tried[0] == 5  # it waits for a first reading, then writes without
    assert len(tried) == 5
    assert rig.engine.conditions == ()


# --- minimum on and off ----------------------------------------------------------------------

MINIMUM = OutputRules(min_on_s=900, min_off_s=600)


def test_a_machine_stays_on_for_its_minimum_time() -> None:
    seq = Wish("chw")
    seq.want(1)
    rig = Rig(seq, rules=MINIMUM)
    assert rig.wrote(0) == [1]
    assert rig.why().winner.source == "chw"  # a hold that agrees does not hide who wants it
    seq.want(0, reason="schedule")
    cycle = rig.step(240)
    assert cycle.writes == ()
    award = rig.why()
    assert (award.value, award.winner.priority) == (1, Priority.MIN_ON_OFF)
    assert award.winner.source == "minimum on/off"
    assert award.winner.expires == at(900)
    assert (
        award.winner.reason == "on for 4 min of at least 15 min, then off wanted by chw (schedule)"
    )
    assert [c.source for c in award.losers] == ["chw"]
    rig.step(600)
    assert rig.why().winner.reason.startswith("on for 10 min of at least 15 min")
    assert rig.wrote(899) == []
    assert rig.wrote(900) == [0]
    seq.want(1)
    assert rig.wrote(901) == []
    assert rig.wrote(1499) == []
    assert rig.wrote(1500) == [1]


def test_a_minimum_time_holds_at_quarter_hour_steps_too() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq, rules=OutputRules(min_on_s=1800))
    assert rig.wrote(0) == [1]
    seq.want(0)
    assert [rig.wrote(s) for s in (900, 1800)] == [[], [0]]


def test_a_relinquished_machine_is_held_before_it_is_released() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq, rules=MINIMUM)
    rig.step(0)
    rig.step(1)
    seq.want(None)
    assert rig.wrote(2) == []
    assert rig.why().winner.reason.endswith("then released")
    assert rig.wrote(900) == [None]


def test_an_operator_does_not_beat_a_minimum_time_and_life_safety_does() -> None:
    seq = Wish()
    operator = Wish("override:1", Priority.OPERATOR, Stage.SUPERVISE)
    smoke = Wish("smoke", Priority.LIFE_SAFETY, Stage.SUPERVISE)
    seq.want(1)
    rig = Rig(seq, operator, smoke, rules=MINIMUM)
    rig.step(0)
    rig.step(1)
    operator.want(0)
    assert rig.wrote(2) == []
    assert [c.source for c in rig.why().losers] == ["override:1", "seq"]
    smoke.want(0)
    assert rig.wrote(3) == [0]
    assert rig.why().winner.source == "smoke"
    smoke.want(None)
    operator.want(None)
    assert rig.wrote(4) == []  # it was switched off at 3 s: its minimum off time runs
    assert rig.why().winner.source == "minimum on/off"
    assert rig.wrote(603) == [1]


def test_a_machine_found_in_the_wanted_state_is_not_held() -> None:
    seq = Wish()
    seq.want(0)
    rig = Rig(seq, rules=MINIMUM)
    rig.step(0)
    seq.want(1)
    assert rig.wrote(1) == [1]


def test_a_machine_found_otherwise_is_held_from_the_first_command() -> None:
    seq = Wish()
    seq.want(0)
    rig = Rig(seq, rules=MINIMUM, values={P: 1})
    assert rig.wrote(0) == [0]
    seq.want(1)
    assert rig.wrote(1) == []
    assert rig.wrote(600) == [1]


def test_at_start_the_first_reading_decides_whether_a_minimum_time_begins() -> None:
    seq = Wish()
    seq.want(0)
    rig = Rig(seq, rules=MINIMUM)
    rig.device.quality = Quality.BAD
    assert rig.wrote(0) == []
    rig.device.quality = Quality.GOOD
    assert rig.wrote(1) == []
    seq.want(1)
    assert rig.wrote(2) == [1]


def test_a_restart_keeps_a_minimum_time() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq, rules=MINIMUM)
    rig.step(0)
    seq.want(0)
    rig.step(900)
    saved = json.loads(json.dumps(rig.engine.states()))
    again = Wish()
    again.want(1)
    rig = Rig(again, rules=MINIMUM, saved=saved, values={P: 0, Q: 7.0})
    assert rig.wrote(1000) == []
    assert rig.why().winner.expires == at(1500)
    assert rig.wrote(1499) == []
    assert rig.wrote(1500) == [1]


def test_a_command_that_ended_during_a_stop_is_released_after_it() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    rig.step(0)
    rig.step(1)
    saved = json.loads(json.dumps(rig.engine.states()))
    assert Rig(Wish(), saved=saved).wrote(100) == [None]


# --- controllers -----------------------------------------------------------------------------


def test_later_stages_see_earlier_awards_of_the_same_cycle() -> None:
    schedule = Wish("schedule", Priority.SCHEDULE, Stage.SUPERVISE)
    seen = []

    def follow(snapshot: Any, state: None, now: datetime) -> Decision[None]:
        award = snapshot.awards.get("b.g.mode")
        seen.append(award.value if award else None)
        return Decision((), None)

    rig = Rig(Scripted("follow", follow, frozenset()), schedule)
    for seconds, mode in ((0, "on"), (1, "on"), (2, None), (3, "off")):
        schedule.want(mode, "b.g.mode")
        rig.step(seconds)
    assert seen == ["on", "on", None, "off"]
    assert rig.last is not None
    assert rig.last.awards["b.g.mode"].value == "off"


def test_sequences_see_minimum_times_in_force() -> None:
    seq = Wish()
    seq.want(1)
    seen = []

    def look(snapshot: Any, state: None, now: datetime) -> Decision[None]:
        award = snapshot.awards.get(P)
        seen.append((award.value, award.winner.priority) if award else None)
        return Decision((), None)

    rig = Rig(seq, Scripted("look", look, frozenset()), rules=OutputRules(min_on_s=10))
    for seconds in (0, 1, 9, 10, 11):
        rig.step(seconds)
    assert seen == [None, (1, 6), (1, 6), None, None]


def test_a_frozen_cycle_is_not_changed_by_later_ones() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq)
    first = rig.step(0)
    seq.want(0)
    rig.step(1)
    assert first.awards[P].value == 1


def test_an_expired_override_gives_way_at_its_instant() -> None:
    seq = Wish()
    seq.want(0)
    operator = Wish("override:1", Priority.OPERATOR, Stage.SUPERVISE)
    operator.want(1, expires=at(10))
    rig = Rig(seq, operator)
    assert rig.wrote(0) == [1]
    assert [s for s in range(1, 12) if rig.wrote(s)] == [10]
    assert rig.why().winner.source == "seq"


def test_only_changed_winners_are_reported() -> None:
    seq = Wish()
    seq.want(1)
    low = Wish("default", Priority.DEFAULT, Stage.SUPERVISE)
    rig = Rig(seq, low)
    assert [c.point for c in rig.step(0).changed] == [P]
    low.want(0)
    assert rig.step(1).changed == ()
    assert [c.source for c in rig.why().losers] == ["default"]


def test_a_failing_controller_is_held_then_relinquished_and_stops_nobody() -> None:
    broken = {"now": False}

    def sometimes(snapshot: Any, state: int, now: datetime) -> Decision[int]:
        if broken["now"]:
            raise ZeroDivisionError("no flow")
        return Decision((command(1, source="sometimes"),), state + 1)

    other = Wish("other", Priority.SEQUENCE)
    rig = Rig(Scripted("sometimes", sometimes, frozenset({P}), first=0), other)
    rig.step(0)
    broken["now"] = True
    other.want(5.0, Q)
    cycle = rig.step(1)
    assert [w.value for w in cycle.writes] == [5.0]
    assert [(e.kind, e.key, e.severity) for e in cycle.alarms] == [
        ("raised", "controller:sometimes", Severity.CRITICAL)
    ]
    assert "ZeroDivisionError: no flow" in cycle.alarms[0].text
    assert rig.why().value == 1
    assert rig.wrote(2) == []
    assert rig.wrote(3) == [None]
    assert rig.engine.why(P) is None
    broken["now"] = False
    cycle = rig.step(4)
    assert rig.why().value == 1
    assert [e.kind for e in cycle.alarms] == ["cleared"]
    assert rig.engine.states()["sometimes"] == 2


@pytest.mark.parametrize(
    "commands",
    [
        (command(1, point="b.other.enable"),),
        (command(1, Priority.LIFE_SAFETY),),
        (command(1), command(0)),
        (command(float("nan")),),
    ],
)
def test_commands_that_are_not_the_controllers_to_give_are_refused(commands: Any) -> None:
    seq = Wish()
    seq.commands = commands
    rig = Rig(seq)
    assert rig.step(0).writes == ()
    assert [c.severity for c in rig.engine.conditions] == [Severity.CRITICAL]


def test_conditions_from_outside_become_alarms() -> None:
    rig = Rig()
    down = Condition("link:x", Severity.URGENT, msg("down"))
    assert [e.kind for e in rig.engine.cycle({}, at(0), [down]).alarms] == ["raised"]
    assert rig.engine.cycle({}, at(1), [down]).alarms == ()
    assert [(a.key, a.since) for a in rig.engine.alarms()] == [("link:x", at(0))]
    assert [e.kind for e in rig.engine.cycle({}, at(2)).alarms] == ["cleared"]


# --- replacing and restarting ----------------------------------------------------------------


@dataclass(frozen=True)
class Counted:
    cycles: int = 0
    since: datetime | None = None


def _count(snapshot: Any, state: Counted, now: datetime) -> Decision[Counted]:
    return Decision((), Counted(state.cycles + 1, state.since or now))


def test_replacing_keeps_states_and_drops_commands_of_the_removed() -> None:
    seq = Wish()
    seq.want(1)
    count = Scripted("count", _count, frozenset(), first=Counted())
    rig = Rig(seq, count)
    rig.step(0)
    rig.engine.replace([Scripted("count", _count, frozenset(), first=Counted())])
    cycle = rig.step(1)
    assert [(c.point, c.award) for c in cycle.changed] == [(P, None)]
    assert rig.saved("count")["cycles"] == 2


def test_replacing_with_the_same_wish_changes_nothing() -> None:
    rig = Rig(seq := Wish())
    seq.want(1)
    rig.step(0)
    rig.step(1)
    again = Wish()
    again.want(1)
    rig.engine.replace([again])
    cycle = rig.step(2)
    assert (cycle.changed, cycle.writes) == ((), ())


def test_states_go_through_json_and_back() -> None:
    count = Scripted("count", _count, frozenset(), first=Counted())
    rig = Rig(count)
    rig.step(0)
    saved = json.loads(json.dumps(rig.engine.states()))
    again = Engine([count], {}, saved)
    again.cycle({}, at(100))
    assert again.states()["count"] == {"cycles": 2, "since": "2026-07-01T08:00:00Z"}


@pytest.mark.parametrize("data", [{"cycles": "many"}, 7, "x", ["a"], {"since": "yesterday"}])
def test_a_saved_state_that_does_not_fit_is_reported_and_begins_anew(data: object) -> None:
    count = Scripted("count", _count, frozenset(), first=Counted())
    engine = Engine([count], {}, {"count": data, "protection": data})
    cycle = engine.cycle({}, at(0))
    assert {e.key for e in cycle.alarms} == {"saved:count", "saved:protection"}
    counted: Any = engine.states()["count"]
    assert counted["cycles"] == 1
    later = engine.cycle({}, at(4000))
    assert [e.kind for e in later.alarms] == ["cleared", "cleared"]


def test_names_must_be_unique() -> None:
    with pytest.raises(ValueError, match="taken twice: seq"):
        Engine([Wish(), Wish()], {})


def test_a_clock_set_back_asks_everything_again() -> None:
    seq = Wish()
    seq.want(1)
    operator = Wish("override:1", Priority.OPERATOR, Stage.SUPERVISE)
    operator.want(0, expires=at(100))
    rig = Rig(seq, operator, rules=OutputRules(min_on_s=60))
    assert rig.wrote(0) == []
    assert rig.wrote(100) == [1]
    rig.step(101)
    assert rig.wrote(-1000) == []  # the override counts again, the minimum time goes on
    assert rig.why().winner.expires == at(-941)
    assert rig.wrote(-940) == [0]
    assert rig.wrote(100) == [1]


def test_a_clock_set_back_does_not_starve_a_watchdog() -> None:
    seq = Wish()
    seq.want(1)
    rig = Rig(seq, rules=OutputRules(refresh_s=10))
    assert [s for s in range(12) if rig.wrote(s)] == [0, 10]
    back = range(-3600, -3575)
    assert [s for s in back if rig.wrote(s)] == [-3590, -3580]
