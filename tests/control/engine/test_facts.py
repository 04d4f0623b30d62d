"""What controllers work out: samples of the next cycle, alive as long as somebody works it out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bms.control.engine.cycle import Engine
from bms.core.decisions import ON_NOTHING, Decision, Fact, Snapshot
from drivers.points import Quality
from tests.control.engine.parts import Scripted, at

LOAD = "b.g.load_kw"


class Telling:
    """A controller that publishes what it is told to, and is never asked again by itself."""

    def __init__(self) -> None:
        self.facts: tuple[Fact, ...] = (Fact(LOAD, 120.0),)
        self.fails = False

    def decide(self, snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        if self.fails:
            raise ZeroDivisionError
        return Decision((), state, facts=self.facts, depends_on=ON_NOTHING)

    def controller(self, name: str = "plan") -> Scripted:
        return Scripted(name, self.decide, frozenset())


def test_a_constant_fact_is_confirmed_every_ten_minutes() -> None:
    engine = Engine([Telling().controller()], {})
    times = []
    for minute in range(31):
        cycle = engine.cycle({}, at(60 * minute))
        times.append((cycle.facts[LOAD].time - at(0)) / timedelta(minutes=1))
        assert cycle.facts[LOAD].value == 120.0
    assert times == [0] * 10 + [10] * 10 + [20] * 10 + [30]


def test_between_confirmations_the_view_is_the_same_object() -> None:
    engine = Engine([Telling().controller()], {})
    first = engine.cycle({}, at(0)).facts
    assert all(engine.cycle({}, at(second)).facts is first for second in range(1, 600, 30))
    assert engine.cycle({}, at(600)).facts is not first


def test_a_clock_set_back_does_not_make_it_old() -> None:
    engine = Engine([Telling().controller()], {})
    engine.cycle({}, at(0))
    engine.cycle({}, at(-3600))
    cycle = engine.cycle({}, at(-3000))
    assert cycle.facts[LOAD].time == at(-3000)


def test_what_nobody_works_out_is_bad_and_is_not_confirmed() -> None:
    telling = Telling()
    engine = Engine([telling.controller()], {})
    engine.cycle({}, at(0))
    telling.facts = ()
    engine.replace([telling.controller()])
    for minute in (1, 20, 40):
        sample = engine.cycle({}, at(60 * minute)).facts[LOAD]
        assert (sample.value, sample.quality, sample.time) == (None, Quality.BAD, at(60))


def test_a_failed_controller_s_facts_are_bad() -> None:
    telling = Telling()
    engine = Engine([telling.controller()], {})
    engine.cycle({}, at(0))
    telling.fails = True
    engine.replace([telling.controller()])
    sample = engine.cycle({}, at(1)).facts[LOAD]
    assert (sample.value, sample.quality) == (None, Quality.BAD)
    assert sample.detail == "controller plan failed"
    telling.fails = False
    assert engine.cycle({}, at(2)).facts[LOAD].value == 120.0


def test_facts_of_groups_that_are_gone_are_no_points() -> None:
    telling = Telling()
    engine = Engine([telling.controller()], {})
    engine.cycle({}, at(0))
    engine.replace([])
    engine.keep_facts({LOAD})
    assert engine.cycle({}, at(1)).facts[LOAD].quality is Quality.BAD
    engine.keep_facts(())
    assert engine.cycle({}, at(2)).facts == {}
    engine.replace([telling.controller("another")])
    assert engine.cycle({}, at(3)).facts[LOAD].value == 120.0


def test_other_controllers_see_it_in_the_next_cycle() -> None:
    telling, seen = Telling(), []

    def look(snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        seen.append(snapshot.number(LOAD))
        return Decision((), state, depends_on=frozenset({LOAD}))

    engine = Engine([telling.controller(), Scripted("look", look, frozenset())], {})
    facts: Any = {}
    for second in range(4):
        facts = engine.cycle(facts, at(second)).facts
    assert seen == [None, 120.0], "it is asked again when the fact is there, and not later"
