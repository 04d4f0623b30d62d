"""The ladder of a past moment is the one that was in force then, restarts or not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.app.simulate import simulate
from bms.config.load import load
from bms.config.points import known_units
from bms.config.site import Group, Site
from bms.control import STRATEGIES, assemble
from bms.control.engine.cycle import Engine
from bms.control.supervise.scheduled import ScheduleController, resolver_of
from bms.core.decisions import Award, Override
from bms.core.errors import BmsError, InvalidInput
from bms.field.plants import EchoPlant
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import Recorder
from bms.operations.overrides.planning import back_to, wanted
from bms.operations.requests.override_requests import SetOverride
from bms.reports.why import award_at, why, why_then
from bms.storage.state import Store
from bms.texts.problems import Origin
from drivers.base import WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value
from schedules.answering.answers import Entry, Layer
from schedules.answering.resolve import Resolver
from schedules.model.context import NOTHING
from tests.app.test_app import FILES
from tests.config.sites import write

SCHEDULE = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    daily:
      - {from: "07:00", to: "09:00", mode: "on", speed_pct: 80}
      - {from: "09:00", to: "09:30", mode: "on", speed_pct: 50}
      - {from: "10:00", to: "18:00", mode: "on", speed_pct: 50}
exceptions:
  - {name: gala, dates: [2026-07-01], do: add, blocks: [{from: "17:00", to: "20:00", mode: "on"}]}
"""
MORNING = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)  # 06:30 in Shanghai


def _site(directory: Path) -> Site:
    files = {
        **FILES,
        "schedules/air.yaml": SCHEDULE,
        "equipment/b.yaml": FILES["equipment/b.yaml"]
        .replace("min_on_s: 0", "min_on_s: 1200, min_off_s: 600, default: false")
        .replace("enable: {on_stop: release}", "enable: {on_stop: release, min_off_s: 900}"),
        "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [holds, lets-go], "
        "parameters: {stagger_s: 90}}}\n",
    }
    return load(write(directory, files), STRATEGIES)


class House:
    """The engine with machines that obey, its history, and restarts at any moment."""

    def __init__(self, site: Site, history: History) -> None:
        self.site, self.history = site, history
        self.now = MORNING
        self.overrides: dict[int, Override] = {}
        self.values: dict[PointId, Value] = dict.fromkeys(site.outputs, 0.0)
        self.told: list[tuple[datetime, dict[PointId, Award | None]]] = []
        self.saved: dict[str, Any] = {}
        self.points = [
            p for p in known_units(site, STRATEGIES) if p in site.outputs or ".air." in p
        ]
        self.restart()

    def restart(self) -> None:
        self.recorder = Recorder(self.site, trend_s=60.0, commit_s=1.0)
        self.engine = Engine(self._controllers(), self.site.outputs, self.saved)

    def _controllers(self) -> Sequence[Any]:
        return assemble(self.site, list(self.overrides.values()))

    def override(self, point: PointId, value: Value, minutes: int) -> None:
        number = len(self.told) + 1
        until = self.now + timedelta(minutes=minutes)
        self.overrides = {n: o for n, o in self.overrides.items() if o.point != point}
        self.overrides[number] = Override(number, point, value, self.now, until, "belt", "wang")
        self.engine.replace(self._controllers())

    def clear(self) -> None:
        if self.overrides:
            del self.overrides[min(self.overrides)]
            self.engine.replace(self._controllers())

    def cycle(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        samples = {p: Sample(p, v, Quality.GOOD, self.now) for p, v in self.values.items()}
        cycle = self.engine.cycle(samples, self.now)
        for write_ in cycle.writes:
            self.values[write_.point] = 0.0 if write_.value is None else write_.value
        self.engine.written(
            [WriteResult(w.point, w.value, WriteStatus.OK) for w in cycle.writes], self.now
        )
        changes = (*cycle.changed, *cycle.reordered)
        self.recorder.offer(self.now, samples, changes, cycle.alarms)
        batch = self.recorder.flush()
        if batch is not None:
            self.history.append(batch)
        self.saved = self.engine.states()
        self.told.append((self.now, {p: self.engine.why(p) for p in self.points}))


@pytest.fixture(scope="module")
def house_site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return _site(tmp_path_factory.mktemp("house"))


POINTS = ("b.holds.enable", "b.lets-go.enable", "b.holds.speed", "b.air.mode", "b.air.speed_pct")
OPERATIONS = st.one_of(
    st.tuples(st.just("wait"), st.sampled_from([1.0, 30.0, 299.0, 600.0, 1800.0])),
    st.tuples(st.just("set"), st.sampled_from(POINTS), st.booleans(), st.integers(1, 90)),
    st.tuples(st.just("clear")),
    st.tuples(st.just("restart")),
)


@settings(max_examples=15)
@given(st.lists(OPERATIONS, min_size=5, max_size=60))
def test_history_gives_back_every_ladder_of_every_cycle(
    house_site: Site, operations: list[tuple[Any, ...]]
) -> None:
    site = house_site
    with TemporaryDirectory() as place, History(Path(place)) as history:
        house = House(site, history)
        for operation in operations:
            if operation[0] == "set":
                _, point, on, minutes = operation
                value: Value = ("on" if on else "off") if point == "b.air.mode" else int(on)
                house.override(point, value, minutes)
            elif operation[0] == "clear":
                house.clear()
            elif operation[0] == "restart":
                house.restart()
            house.cycle(operation[1] if operation[0] == "wait" else 1.0)
        for time, ladders in house.told:
            for point, award in ladders.items():
                assert award_at(history, point, time) == award, (point, time)


def _rungs(answer: dict[str, Any]) -> list[tuple[int, Any, str]]:
    commands = [answer["winner"], *answer["losers"]] if answer["winner"] else []
    places = re.compile(r"( \(|, schedules/air.yaml:\d+).*")
    return [(c["priority"], c["value"], places.sub("", c["reason"])) for c in commands]


EARLY = "weekly daily 07:00-09:00"
SHORT = "weekly daily 09:00-09:30"
LONG = "weekly daily 10:00-18:00"
GALA = "exception gala: 17:00-20:00 on top"
REST = (15, "off", "otherwise")
DEFAULT = (16, False, "default of the output")
LEAK = (8, "off", "override by wang: leak")
BELT = (8, False, "override by li: belt")
HOLD = (6, True, "on for 12 min of at least 20 min, then off wanted by override:2")


def _group(on: bool, reason: str) -> tuple[int, bool, str]:
    return (10, on, f"group {'on' if on else 'off'} ← {reason}")


LEFT_OFF = [_group(False, LEAK[2]), DEFAULT]
GOLDEN = {
    # By the site's clock: the ladder of the fan, and of its group's mode behind it.
    "06:45": ([_group(False, "otherwise"), DEFAULT], [REST]),
    "07:30": ([_group(True, EARLY), DEFAULT], [(15, "on", EARLY), REST]),
    "09:15": ([_group(True, SHORT), DEFAULT], [(15, "on", SHORT), REST]),
    # From 09:20 an operator has the mode; the schedule loses, and changes at 09:30 as a loser.
    "09:25": (LEFT_OFF, [LEAK, (15, "on", SHORT), REST]),
    "09:45": (LEFT_OFF, [LEAK, REST]),
    "10:05": (LEFT_OFF, [LEAK, (15, "on", LONG), REST]),
    # Back at 10:20. At 10:30 the fan itself is stopped by hand, and has to run 20 min.
    "10:25": ([_group(True, LONG), DEFAULT], [(15, "on", LONG), REST]),
    "10:32": ([HOLD, BELT, _group(True, LONG), DEFAULT], [(15, "on", LONG), REST]),
    "10:41": ([BELT, _group(True, LONG), DEFAULT], [(15, "on", LONG), REST]),
    # The gala lies on the week, and the week on what else is in force.
    "17:30": ([_group(True, GALA), DEFAULT], [(15, "on", GALA), (15, "on", LONG), REST]),
    "19:30": ([_group(True, GALA), DEFAULT], [(15, "on", GALA), REST]),
}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A simulated day with two overrides, simulated in two runs: the controller was restarted."""
    directory = tmp_path_factory.mktemp("day")
    site = _site(directory)
    points = [p for link in site.links.values() for p in link.points]

    def clock(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-07-01T{text}+08:00").astimezone(UTC)

    plant = EchoPlant(points)
    leak = ("b.air.mode", "off", "09:20", "10:20", "leak", "wang")
    belt = ("b.holds.enable", 0, "10:30", "12:00", "belt", "li")
    for start, end, asked in (
        ("06:30", "09:20", None), ("09:20", "10:30", leak), ("10:30", "21:00", belt),
    ):  # fmt: skip
        if asked is not None:
            point, value, since, until, reason, owner = asked
            override = Override(0, point, value, clock(since), clock(until), reason, owner)
            with Store(site.state_dir) as store:
                store.add(override)
        run = simulate(
            site, plant, start=clock(start), end=clock(end), step=timedelta(minutes=1),
            into=site.state_dir, trend_s=60.0,
        )  # fmt: skip
        asyncio.run(run)
    return site


@pytest.mark.parametrize("clock", GOLDEN)
def test_the_golden_ladders_of_a_day(day: Site, clock: str) -> None:
    time = datetime.fromisoformat(f"2026-07-01T{clock}+08:00").astimezone(UTC)
    units = known_units(day, STRATEGIES)
    with History(day.state_dir, read_only=True) as history:
        answer = why_then(
            day, STRATEGIES, history, "b.holds.enable", time, time + timedelta(days=3), units=units
        )
    fan, mode = GOLDEN[clock]
    assert _rungs(answer) == fan
    assert [b["point"] for b in answer["behind"]] == ["b.air.mode"]
    assert _rungs(answer["behind"][0]) == mode
    assert answer["time"] == f"2026-07-01T{clock}:00+08:00"
    assert answer["field"]["value"] == float(answer["winner"]["value"])
    assert answer["field"]["quality"] == "good"
    assert answer["note"] == ""
    scheduled = [c for c in answer["behind"][0]["losers"] + [answer["behind"][0]["winner"]]
                 if c["priority"] == 15]  # fmt: skip
    assert all(re.search(r"schedules/air\.yaml:\d+$", c["reason"]) for c in scheduled)


def test_what_is_not_known_is_said(day: Site) -> None:
    units = known_units(day, STRATEGIES)

    def asked(text: str, point: str = "b.holds.enable") -> dict[str, Any]:
        time = datetime.fromisoformat(text)
        now = datetime(2026, 7, 2, 4, tzinfo=UTC)
        with History(day.state_dir, read_only=True) as history:
            return why_then(day, STRATEGIES, history, point, time, now, units=units)

    with pytest.raises(BmsError, match="history of commands begins at 2026-07-01T06:31") as error:
        asked("2026-07-01T06:00+08:00")
    assert error.value.exit_code == 1
    with pytest.raises(InvalidInput, match="still to come"):
        asked("2026-07-03T06:00+08:00")
    with pytest.raises(InvalidInput, match="b.holds.enable"):
        asked("2026-07-01T08:00+08:00", "b.holds.enabel")
    # Nothing ran at night: what was commanded last is shown, and that it may not have been so.
    night = asked("2026-07-02T01:00+08:00")
    assert "may not have been running" in night["note"]
    assert night["field"]["value"] == 0.0
    assert night["field"]["age_s"] > 4 * 3600
    assert night["winner"]["reason"].startswith("group off")


def test_layers_that_a_schedule_has_beside_the_one_in_force_are_losers(tmp_path: Path) -> None:
    site = _site(tmp_path)
    group = site.groups["b.air"]
    layers = (
        Layer("on", {"speed_pct": 80.0}, "weekly mon-fri 07:00-18:00", Origin("s.yaml", 9)),
        Layer("off", {}, "otherwise", Origin("s.yaml", 3)),
    )
    entry = Entry(
        "off", {"speed_pct": 10.0}, "any", "exception holiday", Origin("s.yaml", 14), layers
    )

    class Fixed:
        def in_force(self, _now: datetime) -> Entry:
            return entry

        def in_force_until(self, now: datetime) -> datetime:
            return now

    controller = ScheduleController(group, frozenset({"speed_pct"}), Fixed())  # type: ignore[arg-type]
    engine = Engine([controller], {})
    cycle = engine.cycle({}, MORNING)
    recorder = Recorder(site, trend_s=60, commit_s=1)
    recorder.offer(MORNING, {}, cycle.changed)
    with History(tmp_path / "state") as history:
        batch = recorder.flush()
        assert batch is not None
        history.append(replace(batch, samples=()))
        found = award_at(history, "b.air.mode", MORNING)
        speed = award_at(history, "b.air.speed_pct", MORNING)
    assert found is not None
    assert found == engine.why("b.air.mode")
    assert [(c.value, c.reason) for c in (found.winner, *found.losers)] == [
        ("off", "exception holiday, s.yaml:14"),
        ("on", "weekly mon-fri 07:00-18:00, s.yaml:9"),
        ("off", "otherwise, s.yaml:3"),
    ]
    assert {int(c.priority) for c in found.losers} == {15}
    assert speed is not None
    assert [c.value for c in speed.losers] == [80.0]
    # A change of what lies beneath, and nothing else, is recorded too.
    entry = replace(entry, beaten=layers[1:])
    later = engine.cycle({}, MORNING + timedelta(seconds=1))
    assert (later.changed, [c.point for c in later.reordered]) == (
        (),
        ["b.air.mode", "b.air.speed_pct"],
    )


def test_the_present_names_the_group_behind_too(tmp_path: Path) -> None:
    site = _site(tmp_path)
    engine = Engine(assemble(site, []), site.outputs)
    engine.cycle({}, MORNING + timedelta(hours=1))
    units = known_units(site, STRATEGIES)
    answer = why(site, STRATEGIES, "b.holds.speed", MORNING, engine.why, None, units=units)
    assert [b["point"] for b in answer["behind"]] == ["b.air.speed_pct", "b.air.mode"]
    assert answer["field"]["value"] is None
    mode = why(site, STRATEGIES, "b.air.mode", MORNING, engine.why, None, units=units)
    assert mode["behind"] == []
    assert mode["commandable"]


def test_a_machine_with_a_schedule_of_its_own_is_its_own_group(tmp_path: Path) -> None:
    own = (
        "schedule: own\ngoverns: [b.holds]\notherwise: {mode: 'off'}\n"
        "week: {any: {daily: [{from: '06:00', to: '12:00', mode: 'on', speed_pct: 70}]}}\n"
    )
    site = load(write(tmp_path, {**FILES, "schedules/own.yaml": own}), STRATEGIES)
    engine = Engine(assemble(site, []), site.outputs)
    engine.cycle({}, MORNING)
    units = known_units(site, STRATEGIES)
    answer = why(site, STRATEGIES, "b.holds.enable", MORNING, engine.why, None, units=units)
    assert [b["point"] for b in answer["behind"]] == ["b.holds.mode"]
    assert answer["winner"]["value"] is True
    assert answer["behind"][0]["winner"]["source"] == "schedule:b.holds"
    resolver = partial(_resolver, site)
    for point, text in (
        ("b.holds.enable", "then back to its group b.holds: off (otherwise"),
        ("b.holds.mode", "then back to off (otherwise"),
    ):
        asked = SetOverride(point=point, value="off", until="end-of-block", reason="belt")
        found = wanted(site, asked, "root", MORNING, resolver)
        assert found.until == datetime(2026, 7, 1, 4, tzinfo=UTC)  # 12:00 in Shanghai
        assert back_to(site, found, [], resolver).text.startswith(text)


def _resolver(site: Site, group: Group) -> Resolver | None:
    return resolver_of(site, group.id, NOTHING)
