"""Controllers are asked again only when something that their decision stands on is different."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Cycle, Engine
from bms.core.decisions import (
    ON_NOTHING,
    Controller,
    Decision,
    OutputRules,
    Override,
    Priority,
    Snapshot,
    Stage,
    Steady,
)
from bms.field.plants import make_plant
from drivers.base import Write, WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from tests.acceptance.park import PLANT, SITE
from tests.control.engine.parts import Device, Scripted, Wish, at, command

P, Q = "b.p.enable", "b.q.setpoint"


class Asked:
    """A controller that notes when it is asked, and says until when its decision stands."""

    def __init__(self, **standing: Any) -> None:
        self.standing = standing
        self.seconds: list[float] = []
        self.fails = False

    def decide(self, snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        self.seconds.append((now - at(0)).total_seconds())
        if self.fails:
            raise ZeroDivisionError
        return Decision((command(1, source="asked"),), state, **self.standing)

    @property
    def controller(self) -> Scripted:
        return Scripted("asked", self.decide, frozenset({P}))


def run(asked: Asked, device: Device, seconds: Any, *others: Wish) -> list[float]:
    engine = Engine([asked.controller, *others], {P: OutputRules()})
    for second in seconds:
        engine.cycle(device.samples(at(second)), at(second))
    return asked.seconds


def test_without_a_word_it_is_asked_in_each_cycle() -> None:
    assert run(Asked(), Device({P: 0}), range(4)) == [0, 1, 2, 3]


def test_it_is_asked_when_a_time_on_the_wall_has_come() -> None:
    asked = Asked(stands_until=at(3), depends_on=ON_NOTHING)
    assert run(asked, Device({P: 0}), range(5)) == [0, 3, 4]


def test_it_is_asked_when_a_delay_has_passed() -> None:
    asked = Asked(stands_until_s=3.0, depends_on=ON_NOTHING)
    device = Device({P: 0})
    engine = Engine([asked.controller], {P: OutputRules()}, watched_s=10)
    for second in (0, 1, 2, 600, 601, 602):  # nobody watched the ten minutes
        engine.cycle(device.samples(at(second)), at(second), (), Steady("boot", second))
    assert asked.seconds == [0, 601, 602]


@pytest.mark.parametrize(
    ("value", "quality"), [(8.0, Quality.GOOD), (7.0, Quality.STALE), (None, Quality.BAD)]
)
def test_it_is_asked_when_a_value_or_quality_changes(value: Value, quality: Quality) -> None:
    asked = Asked(depends_on=frozenset({Q}))
    engine = Engine([asked.controller], {})
    for second in range(6):
        sample = Sample(Q, 7.0, Quality.GOOD, at(second))
        other = Sample("b.r.temp", float(second), Quality.GOOD, at(second))
        if second in (2, 3):
            sample = Sample(Q, value, quality, at(second))
        engine.cycle({Q: sample, "b.r.temp": other}, at(second))
    assert asked.seconds == [0, 2, 4]


def test_a_point_that_comes_and_goes_is_a_change() -> None:
    asked = Asked(depends_on=frozenset({Q}))
    engine = Engine([asked.controller], {})
    for second in range(6):
        there = {Q: Sample(Q, 7.0, Quality.GOOD, at(second))} if second in (2, 3) else {}
        engine.cycle(there, at(second))
    assert asked.seconds == [0, 2, 4]


def test_it_is_asked_when_an_award_that_it_sees_changes() -> None:
    schedule = Wish("schedule", Priority.SCHEDULE, Stage.SUPERVISE)
    asked = Asked(depends_on=frozenset({"b.g.mode"}))
    engine = Engine([schedule, asked.controller], {})
    for second in range(8):
        if second in (2, 5):
            schedule.want("on" if second == 2 else None, "b.g.mode")
        if second == 3:
            schedule.want("on", Q)
        engine.cycle({}, at(second))
    assert asked.seconds == [0, 2, 5]


def test_it_is_asked_when_a_minimum_time_begins_and_ends() -> None:
    asked = Asked(depends_on=frozenset({P}))
    device = Device({P: 0})
    engine = Engine([asked.controller], {P: OutputRules(min_on_s=10)})
    for second in range(14):
        cycle = engine.cycle(device.samples(at(second)), at(second))
        engine.written(device.write(cycle.writes), at(second))
    assert asked.seconds == [0, 1, 10]


def test_a_clock_set_back_asks_again() -> None:
    asked = Asked(stands_until=at(100), depends_on=ON_NOTHING)
    assert run(asked, Device({P: 0}), [0, 1, 2, -50, -49]) == [0, -50]


def test_one_that_failed_is_asked_again() -> None:
    asked = Asked(depends_on=frozenset({Q}))
    engine = Engine([asked.controller], {})
    for second in range(7):
        asked.fails = second in (2, 3)
        values: dict[PointId, Value] = {Q: 1.0 if second < 2 else 2.0}
        engine.cycle(Device(values).samples(at(second)), at(second))
    assert asked.seconds == [0, 2, 3, 4]


def test_others_in_their_places_are_asked() -> None:
    asked = Asked(depends_on=ON_NOTHING)
    engine = Engine([asked.controller], {})
    for second in range(4):
        if second == 2:
            engine.replace([asked.controller])
        engine.cycle({}, at(second))
    assert asked.seconds == [0, 2]


def test_what_it_stands_on_may_change() -> None:
    asked = Asked(depends_on=frozenset({P}))
    engine = Engine([asked.controller], {})
    values: dict[PointId, Value] = {P: 0, Q: 0}
    for second in range(9):
        values[P] = second // 3
        values[Q] = second // 2
        engine.cycle(Device(dict(values)).samples(at(second)), at(second))
        asked.standing = {"depends_on": frozenset({Q})}
    assert asked.seconds == [0, 3, 4, 6, 8]


def test_how_long_nothing_will_be_decided() -> None:
    asked = Asked(stands_until=at(100), depends_on=ON_NOTHING)
    device = Device({P: 0})
    engine = Engine([asked.controller], {P: OutputRules()})
    left = []
    for second in range(4):
        cycle = engine.cycle(device.samples(at(second)), at(second))
        engine.written(device.write(cycle.writes), at(second))
        left.append(engine.left_s(at(second)))
    assert left == [0, 99, 98, 97], "at first a write is to be confirmed"
    asked.standing = {}
    engine.replace([asked.controller])
    engine.cycle(device.samples(at(4)), at(4))
    assert engine.left_s(at(4)) == 0


# --- every controller of the demo site -------------------------------------------------------


@dataclass(frozen=True)
class Always:
    """A controller that is asked in each cycle, whatever it says."""

    inner: Controller[Any]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def decide(self, snapshot: Snapshot, state: Any, now: datetime) -> Decision[Any]:
        decision = self.inner.decide(snapshot, state, now)
        return replace(decision, stands_until=None, stands_until_s=None, depends_on=None)


LOOKING = ("chilled_water",)
"""They look now and then, as their filters and hystereses want it; more looks would be others."""


class Pair:
    """One engine that asks when something changed, beside one that always asks."""

    def __init__(self, site: Site, overrides: list[Override]) -> None:
        self.asking = Engine(assemble(site, overrides), site.outputs)
        always: Any = [
            controller if controller.name.startswith(LOOKING) else Always(controller)
            for controller in assemble(site, overrides)
        ]
        self.always = Engine(always, site.outputs)

    def cycle(self, samples: dict[PointId, Sample], now: datetime) -> Cycle:
        found, expected = (engine.cycle(samples, now) for engine in (self.asking, self.always))
        for part in ("changed", "reordered", "writes", "alarms", "facts"):
            assert getattr(found, part) == getattr(expected, part), (part, now)
        assert found.awards == expected.awards, now
        assert self.asking.conditions == self.always.conditions, now
        return found

    def written(self, results: list[WriteResult], now: datetime) -> None:
        self.asking.written(results, now)
        self.always.written(results, now)


@pytest.fixture(scope="module")
def demo() -> Site:
    return load(SITE, STRATEGIES)


@pytest.mark.parametrize(
    "start", [datetime(2026, 7, 5, tzinfo=UTC), datetime(2026, 1, 11, tzinfo=UTC)]
)
def test_a_week_of_the_demo_park_is_decided_alike(demo: Site, start: datetime) -> None:
    plant = make_plant(PLANT, start, {})
    pair, now = Pair(demo, []), start
    while now < start + timedelta(days=7):
        now = plant.advance(now + timedelta(minutes=5))
        read = plant.read()
        samples = {point: Sample(point, v, Quality.GOOD, now) for point, v in read.items()}
        cycle = pair.cycle(samples, now)
        for write in cycle.writes:
            assert not isinstance(write.value, str)
            plant.write({write.point: None if write.value is None else float(write.value)})
        results = [WriteResult(w.point, w.value, WriteStatus.OK) for w in cycle.writes]
        pair.written(results, now)
    plant.close()


class Wild:
    """A field in which anything happens: values jump, sensors die, machines do not obey."""

    def __init__(self, site: Site) -> None:
        points = [point for link in site.links.values() for point in link.points]
        self.states = [p.id for p in points if p.id.rpartition(".")[2] in ("status", "fault")]
        self.numbers = [p.id for p in points if not p.writable and p.id not in self.states]
        self.values: dict[PointId, float] = dict.fromkeys((p.id for p in points), 20.0)
        self.values.update(dict.fromkeys((p.id for p in points if p.writable), 0.0))
        self.values.update(dict.fromkeys(self.states, 0.0))
        self.bad: set[PointId] = set()

    def happen(self, draw: Random, quiet: bool) -> None:
        if quiet:
            return
        for point in draw.sample(self.numbers, 20):
            self.values[point] += draw.choice([-3.0, -0.1, 0.1, 3.0])
        for point in draw.sample(self.states, 2):
            self.values[point] = draw.choice([0.0, 1.0])
        anything = [*self.values]
        for point in draw.sample(anything, 2):
            self.bad ^= {point}

    def obey(self, draw: Random, writes: tuple[Write, ...]) -> list[WriteResult]:
        for write in writes:
            value = 0.0 if write.value is None else float(write.value)
            self.values[write.point] = value
            status = write.point.replace(".enable", ".status")
            if status in self.values and draw.random() < 0.9:
                self.values[status] = value
        return [WriteResult(w.point, w.value, WriteStatus.OK) for w in writes]

    def samples(self, now: datetime) -> dict[PointId, Sample]:
        return {
            point: Sample(point, value, Quality.BAD if point in self.bad else Quality.GOOD, now)
            for point, value in self.values.items()
        }


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 364))
def test_whatever_happens_is_decided_alike(demo: Site, seed: int, day: int) -> None:
    draw = Random(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
    wild, now = Wild(demo), start
    overrides = [
        Override(n, point, 1.0, start, start + timedelta(hours=draw.randint(1, 30)), "test", "me")
        for n, point in enumerate(draw.sample([*demo.outputs], 3))
    ]
    pair = Pair(demo, overrides)
    for _ in range(150):
        now += timedelta(seconds=draw.choice([1, 20, 60, 300, 900, 3600, -600]))
        wild.happen(draw, draw.random() < 0.5)
        cycle = pair.cycle(wild.samples(now), now)
        pair.written(wild.obey(draw, cycle.writes), now)
