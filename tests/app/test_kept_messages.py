"""Nothing of ours is kept as plain text: a sentence on the disk is one that somebody wrote, or has
beside it what it was made of.

A site is controlled, switched, overridden, edited and corrected. Then every database, the audit and
the revisions are read as they lie, whatever tables there are: who adds one is covered too.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiohttp import web
from click.testing import CliRunner

from bms.app.simulate import simulate
from bms.cli import main
from bms.config.load import load
from bms.config.writing.scaffold import init
from bms.control import STRATEGIES
from bms.core.clock import SystemClock
from bms.core.readings import Reading
from bms.field.plants import make_plant
from bms.forward.cursors import SinkCursor, dead_letters
from bms.forward.positions import taken
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import meters_of
from bms.historian.records import Batch, to_ms
from bms.historian.upkeep.rounds import Request
from bms.historian.upkeep.rounds import run as upkeep
from bms.storage import audit
from bms.storage.durable import digest
from bms.texts.language import speaking, told
from bms.texts.messages import Message, from_json, remade
from drivers.points import Quality, Sample
from tests.acceptance.park import PLANT
from tests.acceptance.park import SITE as PARK
from tests.historian.influx_server import InfluxServer, ok
from tests.messages import Template, catalogue, translations
from tests.operations.seasons.site import OVERLAYS, SITE
from tests.operations.seasons.test_app import BY_SEASON, cli, others, run, switched
from tests.patience import async_until as until

SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
REFUSED = "field type conflict"
NAMES = {"minimum on/off", f"422: {REFUSED}"}
"""A source of commands whose name has a blank, and a server's own words."""


class Words:
    """What people write, some of it as if it were one of our sentences."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, text: str) -> str:
        self.said.append(text)
        return text


def test_a_controlled_site_keeps_every_message_of_ours_as_one(tmp_path: Path) -> None:
    words = Words()
    asyncio.run(_live(tmp_path, words))
    found = kept_in(tmp_path / "state", words.said)
    kinds = found.templates
    for part in (
        "{reason}, {origin}",  # an award
        "override by {owner}: {reason}",
        "replaced by {user}",
        "cleared by {user}",
        "{reason}; extended by {user}: {extension}",
        "ended by {user}: {reason}",
        "as it was at the first start",  # a revision
        "edited on the disk; owner {owner}",
        "{place}: {problem}",  # a rejected edit
        "{name}: {problem}",  # an alarm of a copy
    ):
        assert part in kinds
    assert found.plain == []
    assert found.as_ours == []
    assert found.written == set(words.said)
    assert audit.verify(tmp_path / "state")[1] == []
    _is_told_in_chinese(found.messages)


def test_the_ledger_and_what_was_given_up_keep_messages(tmp_path: Path) -> None:
    words = Words()
    directory = tmp_path / "site"
    _metered(directory, words)
    found = kept_in(directory / "state", words.said)
    kinds = found.templates
    assert "disk full: analog" in kinds
    assert any("more than the meter's rating allows" in kind for kind in kinds)
    assert found.plain == []
    assert found.as_ours == []
    assert found.written == set(words.said)
    _is_told_in_chinese(found.messages)


async def test_every_strategy_gives_messages_as_reasons(tmp_path: Path) -> None:
    """A simulated park: plants staged, compressors taking turns, optimal starts, night purge."""
    site = load(PARK, STRATEGIES)
    start = datetime(2026, 7, 6, tzinfo=UTC)
    plant = make_plant(PLANT, start, {})
    try:
        await simulate(
            site, plant, start=start, end=start + timedelta(days=3),
            step=timedelta(minutes=10), into=tmp_path,
        )  # fmt: skip
    finally:
        plant.close()
    found = kept_in(tmp_path, [])
    assert found.plain == []
    kinds = found.templates
    for part in (
        "{action} ← {reason}",
        "stage {stage} of {trains} ({reason})",
        "{train} running",
        "{units} of at most {cap} units",
        "load {load_kw:.0f} kW above {up_pct:g} % of {capacity_kw:.0f} kW",
    ):
        assert part in kinds
    _is_told_in_chinese(found.messages)


# --- what happens ----------------------------------------------------------------------------


@asynccontextmanager
async def _copied(directory: Path) -> AsyncIterator[tuple[dict[str, float], InfluxServer]]:
    """The site under control, with a copy in a database that refuses the first lines for good."""
    async with InfluxServer() as server:
        server.script = lambda _lines: web.Response(status=422, text=REFUSED)
        site = SITE["site.yaml"] + (
            f"influx: {{url: '{server.url}', org: o, bucket: raw, token_env: KEPT_TOKEN}}\n"
        )
        changes = {"site.yaml": site, "schedules/air.yaml": BY_SEASON}
        async with switched(directory, **changes) as commanded:
            yield commanded, server


async def _live(directory: Path, words: Words) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KEPT_TOKEN", "secret")
        async with _copied(directory) as (commanded, server):
            await until(lambda: commanded.get("b.holds.enable"))
            await _people(directory, words, commanded)
            await until(lambda: dead_letters(directory / "state", "influx"))
            server.script = ok


async def _people(directory: Path, words: Words, commanded: Mapping[str, Any]) -> None:
    point = "b.holds.speed"
    what = ("override", "set", directory, point)
    await cli(*what, "40", "--for", "2h", "--reason", words("the belt slips again"))
    await until(lambda: commanded.get(point) == 40)
    await cli(*what, "50", "--for", "2h", "--reason", words("cleared by nobody"))
    await cli(
        "override", "extend", directory, point, "--for", "1h", "--reason", words("guests stay on")
    )
    await cli("override", "clear", directory, point)
    (season,) = await cli("season", "list", directory)
    await cli(
        "season", "switch", directory, "two-pipe", "--base", "b", "--to", others(season["season"]),
        "--reason", words("where the dates are on the second day"), "--yes",
    )  # fmt: skip
    await cli(
        "overlay", "set", directory, "epidemic", "full", "--reason", words("a case was found"),
        "--yes",
    )  # fmt: skip
    await cli(
        "overlay", "clear", directory, "epidemic", "--reason", words("the case is over"), "--yes"
    )
    for reason in ("late shift of all", "even later shift"):
        done = await run("unit", "cancel", directory, "dressing-room", "--reason", words(reason))
        assert done.exit_code == 0, done.output
    done = await run(
        "unit", "resume", directory, "dressing-room", "--reason", words("back to work now")
    )
    assert done.exit_code == 0, done.output
    await _edits(directory, words)


async def _edits(directory: Path, words: Words) -> None:
    path = directory / "schedules" / "air.yaml"
    state = directory / "state"
    await cli(
        "schedule", "set", directory, "air", "mon", "1", "--set", "speed_pct=60", "--season",
        "winter", "--reason", words("it is cold today"), "--yes",
    )  # fmt: skip
    path.write_text(f"# by hand\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    sha = digest(path.read_bytes())
    await until(lambda: sha in (state / "revisions" / "good.json").read_text(encoding="utf-8"))
    broken = directory / "schedules" / "overlays.yaml"
    broken.write_text(OVERLAYS.replace("levels:", "level:"), encoding="utf-8")

    def rejected() -> bool:
        return any(e["what"] == "schedule.rejected" for e in audit.entries(state))

    await until(rejected)


def _metered(directory: Path, words: Words) -> None:
    """Four days of a meter that was swapped, corrected, read by hand; and a disk that is full."""
    init(directory)
    with (directory / "site.yaml").open("a", encoding="utf-8") as file:
        file.write("influx: {url: 'http://127.0.0.1:9', org: o, bucket: raw}\n")
    site = load(directory, STRATEGIES)
    zone, meter = ZoneInfo("Asia/Shanghai"), "plant.meter-main"
    begin = datetime(2026, 3, 1, tzinfo=zone)
    counts = [100 * i if i < 200 else 90_000_000 + 100 * i for i in range(4 * 96)]
    readings = [
        Reading(f"{meter}.energy", begin + timedelta(minutes=15 * i), n)
        for i, n in enumerate(counts)
    ]
    point = f"{meter}.power"
    samples = [
        Sample(point, float(i), Quality.GOOD, begin + timedelta(minutes=i)) for i in range(3 * 1440)
    ]
    with History(site.state_dir) as history:
        history.append(Batch(readings=readings, meters=meters_of(site), samples=samples))
        uid, last = history.uid(), history.last_seq()
    end = begin + timedelta(days=4)
    request = Request(str(site.state_dir), to_ms(end), site.file.zone, max_bytes=1, sinks=[])
    upkeep(request, taken)
    upkeep(request, taken)
    with SinkCursor(site.state_dir, "influx", uid, last) as cursor:
        cursor.advance(last)
    for command in (
        ("correct", "--from", "2026-03-03T01:45", "--to", "2026-03-03T02:00", "--amount", "1.1",
         "--reason", words("as on the bill")),
        ("replace", "--final", "199.6", "--initial", "900199.9", "--at", "2026-03-03T01:58",
         "--reason", words("worn out at last")),
    ):  # fmt: skip
        _bms("meter", command[0], directory, meter, *command[1:])
    _bms("meter", "withdraw", directory, 2, "--reason", words("the wrong meter"))
    _bms("meter", "show", directory, meter, "--from", "2026-03-01")
    _bms("influx", "backfill", directory, "--from", "2026-03-01", "--reason", words("lost it all"))


def _bms(*arguments: object) -> None:
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    assert done.exit_code == 0, done.output


# --- what is looked at -----------------------------------------------------------------------


class Kept:
    """What lies in a state directory."""

    def __init__(self, said: Sequence[str]) -> None:
        self._said = set(said)
        self.written: set[str] = set()
        """What of it was found, as the words that it is."""
        self.messages: list[Message] = []
        self.templates: set[str] = set()
        """Of all messages, and of those that are arguments of others."""
        self.plain: list[str] = []
        """Sentences that nobody wrote, and that do not know what they were made of."""
        self.as_ours: list[str] = []
        """What people wrote, kept as if it were a message of ours."""

    def text(self, place: str, text: str, made: str | None) -> None:
        """A text, and what the column beside it says that it was made of."""
        if made is None:
            self._words(place, text)
            return
        self._message(place, remade(text, made))
        if str(from_json(json.loads(made))) != text:
            self.plain.append(f"{place}: {text!r} is not {made}")

    def json(self, place: str, value: Any) -> None:
        """JSON: messages by `to_json`, or English with its number among the texts beside it."""
        if isinstance(value, list):
            for part in value:
                self.json(place, part)
        elif isinstance(value, Mapping):
            if "msg" in value:
                self._message(place, from_json(value))
                return
            for key, part in value.items():
                if not (key == "reason" and "text" in value):
                    self.json(f"{place}.{key}", part)
        elif isinstance(value, str):
            self._words(place, value)

    def _words(self, place: str, text: str) -> None:
        if text in self._said:
            self.written.add(text)
        elif SENTENCE.search(text) and text not in NAMES:
            self.plain.append(f"{place}: {text!r}")

    def _message(self, place: str, message: str) -> None:
        if not isinstance(message, Message):
            self.plain.append(f"{place}: {message!r} cannot be read back")
            return
        self.messages.append(message)
        if message in self._said:
            self.as_ours.append(f"{place}: {message!r}")
        self._arguments(message)

    def _arguments(self, message: Message) -> None:
        self.templates.add(message.template)
        for argument in message.arguments.values():
            if isinstance(argument, Message):
                self._arguments(argument)
            elif argument in self._said:
                self.written.add(str(argument))


def kept_in(state: Path, said: Sequence[str]) -> Kept:
    found = Kept(said)
    for path in sorted(state.glob("*.db")):
        for place, text, made in _columns(path):
            if text.startswith(("{", "[")):
                found.json(place, json.loads(text))
            else:
                found.text(place, text, made)
    if (state / audit.FILE_NAME).exists():
        with (state / audit.FILE_NAME).open(encoding="utf-8") as lines:
            for line in lines:
                found.json("audit", json.loads(line))
    for path in sorted((state / "revisions").rglob("*.json")):
        found.json("revision", json.loads(path.read_text(encoding="utf-8")))
    return found


def _columns(path: Path) -> Iterator[tuple[str, str, str | None]]:
    """Every text of every table: where, what, and what it was made of."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        tables = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        for (table,) in tables:
            for row in connection.execute(f"SELECT * FROM {table}"):
                cells = dict(row)
                for column, text in cells.items():
                    if isinstance(text, str) and not column.endswith("made_of"):
                        beside = f"{column}_made_of"
                        if beside not in cells:
                            beside = "made_of" if column in ("text", "reason", "why") else ""
                        yield f"{path.name}:{table}.{column}", text, cells.get(beside)


def _is_told_in_chinese(messages: Sequence[Message]) -> None:
    """Whatever the catalogue has is told in Chinese."""
    known = {template for template, said in translations(catalogue()).items() if all(said)}
    with speaking("zh"):
        for message in messages:
            template: Template = (
                (message.template, message.many) if message.many else message.template
            )
            if template in known:
                assert CHINESE.search(told(message)), message


def test_it_finds_what_is_kept_as_plain_text(tmp_path: Path) -> None:
    """The search itself: it reports our sentence if the parts it was made of are missing."""
    state = tmp_path / "state"
    state.mkdir()
    with closing(sqlite3.connect(state / "a.db")) as connection:
        connection.executescript(
            "CREATE TABLE t (why TEXT, made_of TEXT);"
            "INSERT INTO t VALUES ('cleared by nobody', NULL), ('some words', NULL)"
        )
    audit.record(state, SystemClock().now(), who="li", via="cli", what="x", why="cleared by force")
    found = kept_in(state, ["some words"])
    assert [line.partition(": ")[2] for line in found.plain] == [
        "'cleared by nobody'",
        "'cleared by force'",
    ]
