"""Four stages, facts that become points, and time that nobody sets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from bms.control.engine.cycle import STEADY, Engine
from bms.control.engine.steady_time import SteadyTime, looked, resumed
from bms.core.decisions import (
    Award,
    Decision,
    Fact,
    OutputRules,
    Priority,
    Snapshot,
    Stage,
    Steady,
)
from drivers.points import PointId, Quality
from tests.control.engine.parts import Scripted, Wish, at, command

P = "b.p.enable"
LOAD = "b.g.load_kw"
RULES = {P: OutputRules()}


class Looker:
    """Remembers the awards of the first point that its stage saw."""

    def __init__(self, stage: Stage, priority: Priority, value: int | None = None) -> None:
        self.seen: list[tuple[str, Any] | None] = []
        self.times: list[tuple[float, float, str]] = []
        writes = frozenset({P}) if value is not None else frozenset[PointId]()
        commands = (
            ()
            if value is None
            else (command(value, priority, point=P, source=f"{stage.name.lower()}"),)
        )

        def script(snapshot: Snapshot, _state: object, _now: datetime) -> Decision[None]:
            found: Award | None = snapshot.awards.get(P)
            self.seen.append(None if found is None else (found.winner.source, found.value))
            self.times.append((snapshot.steady_s, snapshot.watched_s, snapshot.boot))
            return Decision(commands, None)

        self.controller = Scripted(stage.name.lower(), script, writes, priority, stage)


def engine_of(*lookers: Looker, saved: Mapping[str, object] | None = None) -> Engine:
    return Engine([looker.controller for looker in lookers], RULES, saved or {})


def test_each_stage_sees_the_awards_of_the_stages_before_it() -> None:
    supervise = Looker(Stage.SUPERVISE, Priority.SCHEDULE, 1)
    plan = Looker(Stage.PLAN, Priority.OPTIMISER, 0)
    sequence = Looker(Stage.SEQUENCE, Priority.SEQUENCE, 1)
    protect = Looker(Stage.PROTECT, Priority.EQUIPMENT)
    engine = engine_of(protect, sequence, plan, supervise)
    engine.cycle({}, at(0))
    assert supervise.seen == [None]
    assert plan.seen == [("supervise", 1)]
    assert sequence.seen == [("plan", 0)]
    assert protect.seen == [("sequence", 1)]


def test_safety_is_seen_by_those_who_plan_and_not_by_itself() -> None:
    plan = Looker(Stage.PLAN, Priority.OPTIMISER)
    sequence = Looker(Stage.SEQUENCE, Priority.SEQUENCE, 1)
    protect = Looker(Stage.PROTECT, Priority.EQUIPMENT, 0)
    engine = engine_of(plan, sequence, protect)
    engine.cycle({}, at(0))
    award = engine.why(P)
    assert award is not None
    assert award.value == 0
    engine.cycle({}, at(1))
    assert plan.seen == [None, ("protect", 0)]
    assert sequence.seen == [None, ("protect", 0)]
    assert protect.seen == [("sequence", 1)] * 2


def test_a_stage_that_somebody_joins_later_sees_what_stands_already() -> None:
    sequence = Looker(Stage.SEQUENCE, Priority.SEQUENCE, 1)
    engine = engine_of(sequence)
    engine.cycle({}, at(0))
    protect = Looker(Stage.PROTECT, Priority.EQUIPMENT)
    engine.replace([sequence.controller, protect.controller])
    engine.cycle({}, at(1))
    assert protect.seen == [("sequence", 1)]


def test_what_expires_is_gone_for_every_stage() -> None:
    wish = Wish(name="person", priority=Priority.OPERATOR, stage=Stage.SUPERVISE)
    wish.commands = (command(1, Priority.OPERATOR, source="person", expires=at(10)),)
    sequence = Looker(Stage.SEQUENCE, Priority.SEQUENCE)
    engine = Engine([wish, sequence.controller], RULES)
    for second in (0, 9, 10):
        engine.cycle({}, at(second))
    assert sequence.seen == [("person", 1), ("person", 1), None]


# --- facts -----------------------------------------------------------------------------------


class Teller:
    """Publishes what the test says, or fails."""

    def __init__(self, *facts: Fact) -> None:
        self.facts = facts
        self.fails = False

        def script(_snapshot: Snapshot, _state: object, _now: datetime) -> Decision[None]:
            if self.fails:
                raise RuntimeError("broken")
            return Decision((), None, facts=self.facts)

        self.controller = Scripted("teller", script, frozenset(), stage=Stage.PLAN)


def test_a_fact_is_a_sample_with_quality_and_its_time() -> None:
    teller = Teller(Fact(LOAD, 120.5))
    engine = Engine([teller.controller], RULES)
    first = engine.cycle({}, at(0)).facts
    assert first[LOAD].value == 120.5
    assert first[LOAD].quality is Quality.GOOD
    assert first[LOAD].time == at(0)
    # The same answer costs nothing: the same object.
    assert engine.cycle({}, at(1)).facts is first
    teller.facts = (Fact(LOAD, None, Quality.BAD, "no flow"),)
    bad = engine.cycle({}, at(2)).facts[LOAD]
    assert (bad.value, bad.quality, bad.detail, bad.time) == (None, Quality.BAD, "no flow", at(2))


@pytest.mark.parametrize("how", ["fails", "left out", "gone"])
def test_a_fact_that_nobody_works_out_never_poses_as_good(how: str) -> None:
    teller = Teller(Fact(LOAD, 120.5))
    engine = Engine([teller.controller], RULES)
    engine.cycle({}, at(0))
    if how == "fails":
        teller.fails = True
    elif how == "left out":
        teller.facts = ()
    else:
        engine.replace([])
    found = engine.cycle({}, at(1)).facts[LOAD]
    assert found.value is None
    assert found.quality is Quality.BAD
    assert found.detail


def test_a_fact_is_good_again_after_a_failure() -> None:
    teller = Teller(Fact(LOAD, 120.5))
    engine = Engine([teller.controller], RULES)
    engine.cycle({}, at(0))
    teller.fails = True
    engine.cycle({}, at(1))
    teller.fails = False
    found = engine.cycle({}, at(2)).facts[LOAD]
    assert (found.value, found.quality) == (120.5, Quality.GOOD)


# --- time that nobody sets -------------------------------------------------------------------


def test_steady_time_goes_on_over_a_restart_and_watched_time_does_not() -> None:
    first = Looker(Stage.SEQUENCE, Priority.SEQUENCE)
    engine = engine_of(first)
    engine.cycle({}, at(0), (), Steady("one", 100.0))
    engine.cycle({}, at(1), (), Steady("one", 101.0))
    engine.cycle({}, at(2), (), Steady("one", 103.0))
    assert first.times == [(0.0, 0.0, "one"), (1.0, 1.0, "one"), (3.0, 3.0, "one")]
    second = Looker(Stage.SEQUENCE, Priority.SEQUENCE)
    engine = engine_of(second, saved=engine.states())
    engine.cycle({}, at(1000), (), Steady("one", 603.0))
    engine.cycle({}, at(1001), (), Steady("one", 604.0))
    assert second.times == [(503.0, 3.0, "one"), (504.0, 4.0, "one")]


def test_nobody_knows_how_long_a_machine_was_off() -> None:
    engine = engine_of(Looker(Stage.SEQUENCE, Priority.SEQUENCE))
    engine.cycle({}, at(0), (), Steady("one", 5000.0))
    engine.cycle({}, at(60), (), Steady("one", 5060.0))
    later = Looker(Stage.SEQUENCE, Priority.SEQUENCE)
    engine = engine_of(later, saved=engine.states())
    engine.cycle({}, at(9000), (), Steady("two", 9000.0))
    engine.cycle({}, at(9001), (), Steady("two", 9001.0))
    assert later.times == [(60.0, 60.0, "two"), (61.0, 61.0, "two")]


def test_a_clock_that_is_set_changes_neither_time() -> None:
    looker = Looker(Stage.SEQUENCE, Priority.SEQUENCE)
    engine = engine_of(looker)
    for second, wall in enumerate((0, 1, 3600, 3601, 2)):
        engine.cycle({}, at(wall), (), Steady("one", float(second)))
    assert [(s, w) for s, w, _ in looker.times] == [(float(n), float(n)) for n in range(5)]


def test_a_long_step_was_not_watched() -> None:
    now = resumed(SteadyTime(), Steady("one", 10.0))
    assert looked(now, Steady("one", 19.0), 10.0).watched_s == 9.0
    slept = looked(now, Steady("one", 310.0), 10.0)
    assert (slept.steady_s, slept.watched_s) == (300.0, 0.0)


def test_a_boot_in_the_middle_of_a_life_is_another_boot() -> None:
    now = looked(resumed(SteadyTime(), Steady("one", 10.0)), Steady("one", 20.0))
    after = looked(now, Steady("two", 5.0))
    assert (after.steady_s, after.watched_s, after.boot) == (10.0, 10.0, "two")
    assert after.boots == now.boots + 1


def test_a_saved_time_that_cannot_be_used_is_reported_and_starts_over() -> None:
    engine = Engine([], RULES, {STEADY: {"steady_s": "long"}})
    engine.cycle({}, at(0))
    assert [c.key for c in engine.conditions] == ["saved:steady"]
