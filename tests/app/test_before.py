"""A state directory of an earlier version opens and goes on, and nothing in it is lost.

`before/state.tar.gz` has a site and its state as that version left them, and in `said.json` what it
said of them. `before/make.py` made it.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bms.app.composition import composed
from bms.cli import main
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.decisions import Steady
from bms.forward.positions import positions
from bms.storage import audit
from tests.asking import ask
from tests.historian.influx_server import InfluxServer
from tests.patience import async_until, patience

ARCHIVE = Path(__file__).parent / "before" / "state.tar.gz"
CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Before:
    """What an earlier version left, unpacked."""

    site: Path
    said: dict[str, Any]

    @property
    def period(self) -> tuple[str, ...]:
        return ("--from", self.said["since"], "--to", self.said["ended"])

    def reading(self) -> dict[str, tuple[str, ...]]:
        """What can be read without a controller: the name of what was said, and the words."""
        site = str(self.site)
        quarters = ("--from", self.said["since"], "--to", self.said["begun"])
        meter = (site, "b.m.energy", *quarters)
        return {
            "history_raw": ("history", site, "b.station", *self.period, "--step", "raw"),
            "history_day": ("history", site, "b", *self.period, "--step", "day"),
            "meter": ("meter", "intervals", *meter),
            "meter_show": ("meter", "show", *meter),
            "audit": ("audit", "list", site),
            "revisions": ("schedule", "history", site),
            "dead": ("influx", "dead", "list", site),
            "why": ("why", site, "b.lets-go.speed", "--at", self.said["ended"]),
        }

    def also_reading(self) -> tuple[tuple[str, ...], ...]:
        """What else can be, of which nothing was said."""
        site, start = str(self.site), self.period[:2]
        quarters = (*start, "--to", self.said["begun"])
        return (
            ("schedule", "preview", site, "b.air"),
            ("schedule", "diff", site),
            ("schedule", "list", site),
            ("schedule", "show", site, "air"),
            ("meter", "list", site),
            ("meter", "demand", site, "b.m.energy", *quarters),
            ("meter", "tree", site, *quarters),
            ("report", "growth", site, "--year", self.said["since"][:4]),
            ("report", "shadow", site, *self.period, "--link", "rig"),
            ("audit", "verify", site),
            ("influx", "status", site),
        )


@pytest.fixture
def before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Before:
    monkeypatch.setenv("BMS_INFLUX_TOKEN", "secret")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(tmp_path, filter="data")
    said = json.loads((tmp_path / "said.json").read_text(encoding="utf-8"))
    return Before(tmp_path / "site", said)


def bms(*words: str, lang: str = "en") -> str:
    done = CliRunner().invoke(main, [*words, "--lang", lang])
    assert done.exit_code == 0, (words, done.output)
    return done.stdout


def bms_json(*words: str) -> Any:
    return json.loads(bms(*words, "--json"))


class Later:
    """A clock that began to run at a moment of our choice."""

    def __init__(self, start: datetime) -> None:
        self._system = SystemClock()
        self._ahead = start - self._system.now()

    def now(self) -> datetime:
        return self._system.now() + self._ahead

    def steady(self) -> Steady:
        return self._system.steady()


@asynccontextmanager
async def controlled(before: Before, after: timedelta) -> AsyncIterator[InfluxServer]:
    """The controller of today on that state, and the database that it copies to."""
    async with InfluxServer() as server:
        file = before.site / "site.yaml"
        text = file.read_text(encoding="utf-8")
        file.write_text(re.sub(r"http://127\.0\.0\.1:\d+", server.url, text), encoding="utf-8")
        clock = Later(datetime.fromisoformat(before.said["ended"]) + after)
        stop, ready = asyncio.Event(), asyncio.Event()
        async with composed(load(before.site, STRATEGIES), clock) as app:
            task = asyncio.create_task(app.run(stop, ready.set))
            try:
                async with patience():
                    await ready.wait()
                yield server
                assert not task.done(), task
            finally:
                stop.set()
                await task


async def gone_on(before: Before, after: timedelta = timedelta(minutes=1)) -> InfluxServer:
    """Let the controller work on it until it has decided, stored and copied something."""
    async with controlled(before, after) as server:
        await async_until(lambda: any("point=b.station" in line for line in server.stored))
    return server


async def asked(before: Before, op: str, **args: object) -> Any:
    return await asyncio.to_thread(lambda: ask(before.site / "state", op, **args))


def still(found: Any, said: Any) -> bool:
    """Whether all that was said is still said; more may be, and some of it passes with time."""
    if isinstance(said, dict):
        passing = ("left_s", "age_s", "cost")
        return all(
            key in passing or (key in found and still(found[key], value))
            for key, value in said.items()
        )
    if isinstance(said, list):
        return len(found) == len(said) and all(map(still, found, said))
    return bool(found == said)


def layouts(before: Before) -> dict[str, int]:
    found = {}
    for path in (before.site / "state").glob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            (found[path.name],) = database.execute("PRAGMA user_version").fetchone()
    return found


def test_it_can_be_read_before_a_controller_brings_it_up_to_date(before: Before) -> None:
    """An earlier program that still runs, or is put back, finds the layouts that it knows."""
    layouts_before = layouts(before)
    for name, words in before.reading().items():
        found, said = bms_json(*words), before.said[name]
        assert found == said, name
    for words in before.also_reading():
        bms_json(*words)
        assert layouts(before) == layouts_before, words
    assert layouts(before) == layouts_before


@pytest.mark.parametrize(
    "words",
    [
        ("replace", "b.m.energy", "--initial", "0", "--at", "{since}"),
        ("withdraw", "1"),
    ],
)
def test_what_is_told_of_meters_waits_for_the_controller(
    before: Before, words: tuple[str, ...]
) -> None:
    layouts_before = layouts(before)
    asked = ["meter", words[0], str(before.site), *words[1:], "--reason", "a case", "--lang", "en"]
    done = CliRunner().invoke(main, [word.format(**before.said) for word in asked])
    assert done.exit_code == 1
    assert "start the controller once" in done.output
    assert layouts(before) == layouts_before


async def test_what_was_kept_is_read_as_it_was(before: Before) -> None:
    await gone_on(before)
    for name, words in before.reading().items():
        found, said = bms_json(*words), before.said[name]
        if name == "audit":  # the latest first
            found = found[-len(said) :]
        assert found == said, name
    assert audit.verify(before.site / "state")[1] == []
    # What is only asked for since is an error for people, and withholds no more than it names.
    found = CliRunner().invoke(main, ["check", str(before.site), "--json"])
    assert {problem["withholds"] for problem in json.loads(found.stdout)} == {"b.m"}


async def test_it_is_told_in_chinese_and_old_sentences_as_they_are(before: Before) -> None:
    await gone_on(before)
    shown = {name: bms(*words, lang="zh") for name, words in before.reading().items()}
    for name, text in shown.items():
        assert CHINESE.search(text), name
    # What people wrote, and what that version itself kept as English sentences.
    for name, sentence in (
        ("why", before.said["why"]["winner"]["reason"]),
        ("audit", "a case in hall 2"),
        ("revisions", "stocktaking"),
        ("meter_show", "counted twice"),
        ("dead", "cannot parse it"),
    ):
        assert sentence in " ".join(shown[name].split()), name


async def test_what_people_decided_is_still_in_force(before: Before) -> None:
    said = before.said
    async with controlled(before, timedelta(minutes=1)) as server:
        await async_until(lambda: any("point=b.station" in line for line in server.stored))
        for name, op, arguments in (
            ("overrides", "override.list", {}),
            ("past", "override.past", {"back": "1d"}),
            ("seasons", "season.list", {}),
            ("overlays", "overlay.list", {}),
            ("units", "unit.list", {}),
        ):
            assert said[name], name
            found = await asked(before, op, **arguments)
            assert still(found, said[name]), (name, found, said[name])
        for point, value in (("b.lets-go.speed", 35.0), ("b.holds.speed", 100.0)):
            why = await asked(before, "why", point=point)
            assert why["winner"]["value"] == value, why
            async with patience():
                while why["field"]["value"] != value:
                    why = await asked(before, "why", point=point)


async def test_its_copies_go_on_where_they_were(before: Before) -> None:
    state = before.site / "state"
    with closing(sqlite3.connect(state / "sinks.db")) as database:
        taken = dict(database.execute("SELECT stream, seq FROM cursor WHERE sink = 'influx'"))
    server = await gone_on(before, timedelta(minutes=40))
    # Nothing is sent twice: what comes is behind what was taken before.
    ended_ms = datetime.fromisoformat(before.said["ended"]).timestamp() * 1000
    sent = [line for line in server.stored if line.startswith("bms_analog")]
    assert sent
    assert all(int(line.rsplit(" ", 1)[1]) > ended_ms - 5000 for line in sent)
    now = {p.stream: p.seq for p in positions(state)}
    assert taken
    assert all(now[stream] >= seq for stream, seq in taken.items() if stream in now)
    for path in state.glob("*.db"):
        with closing(sqlite3.connect(path)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
