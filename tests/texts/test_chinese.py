"""Every command, asked in Chinese: its answer has no English but names, keys, commands, units.

What people and files call things is known from the site; the program's own words are told from
arguments by their marks (`tests/texts/words.py`). A command that is not run here fails the test.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bms.cli import main
from bms.texts.language import marking
from tests.app.test_app import controlled
from tests.asking import ask
from tests.operations.seasons.site import SITE, USER
from tests.operations.seasons.test_app import ENABLE, ZONE, run
from tests.patience import async_until
from tests.texts.words import Marked, english, sentences

_EDITED = SITE["schedules/air.yaml"].replace("07:00", "06:00")
_TABLE = "season,day,from,to,mode\nany,mon-fri,08:00,17:00,on\n"
_READINGS = "meter,time,reading\nplant.water-main,2026-03-28 08:00,12.5\nplant.none,soon,much\n"
_AIR, _SPEED, _WHY = "b.air", "b.air.speed_pct", ("--reason", "belt")
_RUNNING: tuple[tuple[str, ...], ...] = (
    ("status", "."),
    ("points", "."),
    ("points", ".", "b.none*"),
    ("links", "."),
    ("why", ".", _SPEED),
    ("why", ".", ENABLE),
    ("why", ".", ENABLE, "--at", "00:00"),
    ("why", ".", "b.none.enable"),
    ("why", ".", ENABLE, "--at", "2020-01-01T00:00"),
    ("why", ".", ENABLE, "--at", "2199-01-01T00:00"),
    ("override", "list", "."),
    ("override", "set", ".", ENABLE, "on", "--for", "30d", *_WHY),
    ("override", "set", ".", ENABLE, "maybe", "--for", "1h", *_WHY),
    ("override", "set", ".", "b.holds.speed", "fast", "--for", "1h", *_WHY),
    ("override", "set", ".", "b.holds.speed", "70000", "--for", "1h", *_WHY),
    ("override", "set", ".", ENABLE, "on", "--for", "soon", *_WHY),
    ("override", "set", ".", ENABLE, "on", "--until", "25:00", *_WHY),
    ("override", "set", ".", ENABLE, "on", "--until", "end-of-block", *_WHY),
    ("override", "set", ".", "b.holds.speed", "55", "--for", "1h", *_WHY),
    ("override", "extend", ".", "b.holds.speed", "--for", "30h", *_WHY),
    ("override", "extend", ".", "77", "--for", "1h", *_WHY),
    ("override", "list", "."),
    ("status", "."),
    ("why", ".", "b.holds.speed"),
    ("lock", ".", "b.fan", *_WHY),
    ("lock", ".", "b.fan", *_WHY),
    ("lock", ".", "b.none", *_WHY),
    ("why", ".", ENABLE),
    ("unlock", ".", "b.fan", *_WHY),
    ("unlock", ".", "b.fan", *_WHY),
    ("reset", ".", "b.fan", *_WHY),
    ("check", ".", "--functions"),
    ("read", ".", "plc", "holding:0", "--unit", "1"),
    ("read", ".", "plc", "holding:0", "--unit", "1", "--type", "uint16"),
    ("read", ".", "plc", "coil:0", "--unit", "1"),
    ("read", ".", "plc", "holding:9", "--unit", "1"),
    ("read", ".", "plc", "nowhere", "--unit", "1"),
    ("read", ".", "none", "holding:0", "--unit", "1"),
    ("write", ".", "plc", "holding:0", "42", "--unit", "1", "--yes", *_WHY),
    ("write", ".", "plc", "input:0", "42", "--unit", "1", "--yes", *_WHY),
    ("schedule", "list", "."),
    ("schedule", "show", ".", "air"),
    ("schedule", "show", ".", "water"),
    ("schedule", "preview", ".", _AIR, "--days", "3"),
    ("schedule", "diff", ".", "draft/air.yaml"),
    ("schedule", "history", ".", "air"),
    ("schedule", "set", ".", "air", "daily", "1", "--season", "summer", "--from", "06:30",
     "--dry-run"),
    ("schedule", "set", ".", "air", "mon-fri", "9", "--from", "06:30", *_WHY, "--yes"),
    ("schedule", "set", ".", "air", "daily", "1", "--season", "summer", "--from", "06:30",
     *_WHY, "--yes"),
    ("schedule", "copy-day", ".", "air", "daily", "mon", "--season", "summer", *_WHY, "--yes"),
    ("schedule", "exception", "add", ".", "air", "replace", "--dates", "2026-12-24", "--name",
     "inventory", *_WHY, "--yes"),
    ("schedule", "exception", "add", ".", "air", "use", "--dates", "2026-12-25", "--name",
     "inventory", *_WHY, "--yes"),
    ("schedule", "exception", "remove", ".", "air", "9", *_WHY, "--yes"),
    ("schedule", "exception", "remove", ".", "air", "inventory", *_WHY, "--yes"),
    ("schedule", "edit", ".", "air", *_WHY, "--yes"),
    ("schedule", "import", ".", "draft/table.csv", "--into", "air", "--replace", *_WHY, "--yes"),
    ("schedule", "import", ".", "draft/readings.csv", "--into", "air", "--replace", *_WHY, "--yes"),
    ("schedule", "history", ".", "air"),
    ("schedule", "restore", ".", "air", "1", *_WHY, "--yes"),
    ("schedule", "restore", ".", "air", "77", *_WHY, "--yes"),
    ("season", "list", "."),
    ("season", "show", ".", "two-pipe", "--base", "b"),
    ("season", "switch", ".", "two-pipe", "--base", "b", "--to", "transitional", *_WHY,
     "--dry-run"),
    ("season", "switch", ".", "two-pipe", "--base", "b", "--to", "winter", *_WHY, "--dry-run"),
    ("season", "switch", ".", "two-pipe", "--base", "b", "--to", "spring", *_WHY),
    ("season", "withdraw", ".", "two-pipe", "--base", "b", *_WHY),
    ("overlay", "list", "."),
    ("overlay", "set", ".", "epidemic", "full", *_WHY, "--dry-run"),
    ("overlay", "set", ".", "epidemic", "full", *_WHY, "--yes"),
    ("overlay", "set", ".", "epidemic", "full", "--for", "30d", *_WHY, "--yes"),
    ("overlay", "list", "."),
    ("status", "."),
    ("why", ".", _SPEED),
    ("overlay", "renew", ".", "epidemic", "--for", "2d", *_WHY, "--yes"),
    ("overlay", "clear", ".", "epidemic", *_WHY, "--yes"),
    ("overlay", "renew", ".", "epidemics", *_WHY, "--yes"),
    ("unit", "list", "."),
    ("unit", "show", ".", "dressing-room"),
    ("unit", "extend", ".", "dressing-room", "--for", "9h", *_WHY),
    ("unit", "extend", ".", "dressing-room", "--for", "1m", "--set", "speed_pct=99", *_WHY),
    ("unit", "cancel", ".", "dressing-room", *_WHY),
    ("unit", "resume", ".", "dressing-room", *_WHY),
    ("calendar", "list", "."),
    ("calendar", "show", ".", "cn"),
    ("override", "clear", ".", "b.holds.speed"),
    ("override", "clear", ".", "b.holds.speed"),
    ("override", "list", ".", "--past", "1d"),
    ("history", ".", ENABLE, "--from", "2026-03-28"),
    ("history", ".", "b.none", "--from", "2026-03-28"),
    ("export", ".", ENABLE, "--from", "2026-03-28", "-o", "draft/out.csv"),
    ("report", "shadow", "."),
    ("report", "growth", "."),
    ("report", "demand", ".", "--from", "2026-03-28"),
    ("audit", "list", "."),
    ("audit", "verify", "."),
    ("meter", "list", "."),
    ("influx", "status", "."),
    ("check", "."),
)  # fmt: skip
_ALONE: tuple[tuple[str, ...], ...] = (
    ("check", "new"),
    ("check", "broken"),
    ("devices", "no-such-thing"),
    ("reload", "new", "--reason", "x"),
    ("schedule", "remove", "new", "office", "--yes", "--reason", "x"),
    ("check", "nothing"),
    ("run", "broken"),
    ("simulate", "broken", "--from", "2026-03-28", "--to", "2026-03-29", "--plant", "a:B"),
    ("simulate", "new", "--from", "2026-03-29", "--to", "2026-03-28", "--plant", "a:B"),
    ("simulate", "new", "--from", "2026-03-28", "--to", "2026-03-29", "--plant", "a:B"),
    ("compare", "new", "--baseline", "none", "--candidate", ".", "--from", "2026-03-28", "--to",
     "2026-03-29"),
    ("init", "new"),
    ("demo", "--dir", "new/site.yaml", "--for", "1s"),
    ("status", "new"),
    ("meter", "list", "new"),
    ("meter", "show", "new", "plant.water-main"),
    ("meter", "show", "new", "plant.none"),
    ("meter", "intervals", "new", "plant.water-main"),
    ("meter", "demand", "new", "plant.water-main"),
    ("meter", "tree", "new"),
    ("meter", "replace", "new", "plant.water-main", "--initial", "0", *_WHY),
    ("meter", "correct", "new", "plant.water-main", "--from", "2026-03-28", "--to", "2026-03-29",
     "--amount", "3", *_WHY),
    ("meter", "withdraw", "new", "3", *_WHY),
    ("meter", "import", "new", "readings.csv", *_WHY),
    ("meter", "import", "new", "logger.csv", *_WHY),
    ("meter", "import", "new", "logger.csv", "--format", "decimal=comma", "--format",
     "holds=intervals", "--format", "stamp=end", "--meter", "A=plant.water-main", *_WHY),
    ("report", "growth", "new"),
    ("report", "demand", "new", "--from", "2026-03-28"),
    ("report", "month", "new", "--month", "2026-03"),
    ("report", "month", "new", "--month", "2026-13"),
    ("report", "energy", "new", "--years", "2025-2026"),
    ("report", "energy", "new", "--years", "soon"),
    ("report", "normalised", "new", "--year", "2026"),
    ("report", "baseline", "new", "plant.water-main", "--from", "2025-01-01", "--to",
     "2025-12-31"),
    ("report", "savings", "new", "--year", "2026"),
    ("report", "management", "new", "--year", "2026"),
    ("goal", "add", "new", "--title", "belt", "--level", "base", "--of", "plant", "--year", "2026",
     "--budget", "5000", "--responsible", "lin"),
    ("goal", "add", "new", "--title", "belt", "--level", "area", "--of", "plant", "--year", "2026",
     "--budget", "9000", "--responsible", "lin", "--parent", "1"),
    ("goal", "add", "new", "--title", "belt", "--level", "base", "--of", "none", "--year", "2026",
     "--budget", "5000", "--responsible", "lin"),
    ("goal", "set", "new", "1", "--budget", "6000", *_WHY),
    ("goal", "acknowledge", "new", "1"),
    ("goal", "list", "new"),
    ("goal", "show", "new", "1"),
    ("round", "add", "new", "--title", "belt", "--place", "plant", "--look-at", "belt", "--every",
     "7", "--responsible", "lin"),
    ("round", "visit", "new", "1", "--found", "belt"),
    ("round", "list", "new"),
    ("finding", "add", "new", "--title", "belt", "--place", "plant", "--kind", "leak"),
    ("finding", "assign", "new", "1", "--owner", "lin", "--due", "2026-04-01"),
    ("finding", "look", "new", "--from", "2026-03-01", "--to", "2026-03-28"),
    ("finding", "close", "new", "1", "--note", "belt"),
    ("finding", "list", "new"),
    ("measure", "add", "new", "--title", "belt", "--base", "plant", "--means", "smart",
     "--category", "lighting", "--expected", "1000"),
    ("measure", "set", "new", "1", "--state", "launched", "--from", "2026-03-01", *_WHY),
    ("measure", "list", "new"),
    ("measure", "show", "new", "1"),
    ("report", "management", "new", "--year", "2026"),
    ("upload", "status", "new"),
    ("upload", "list", "new"),
    ("upload", "export", "new"),
    ("upload", "send", "new"),
    ("cert", "show", "new"),
    ("cert", "create", "new"),
    ("cert", "create", "new"),
    ("cert", "show", "new"),
    ("cert", "trust", "new", "plc"),
    ("cert", "trust", "new", "none"),
    ("cert", "distrust", "new", "AABB"),
    ("scan", "modbus", "127.0.0.1", "--port", "1", "--units", "1", "--timeout", "0.1"),
    ("scan", "modbus", "10.0.0.0/8"),
    ("scan", "modbus", "127.0.0.1", "--units", "1-x"),
    ("scan", "opcua", "opc.tcp://127.0.0.1:1", "--timeout", "0.5"),
    ("scan", "opcua", "127.0.0.1"),
    ("influx", "init", "new"),
    ("influx", "verify", "new"),
    ("influx", "backfill", "new", "--from", "2026-03-28", *_WHY),
    ("influx", "status", "new"),
    ("influx", "dead", "list", "new"),
    ("influx", "dead", "resend", "new", *_WHY),
    ("calendar", "import", "XX", "2026", "--into", "new"),
    ("calendar", "import", "CN", "2026", "--into", "new"),
    ("calendar", "import", "CN", "2026", "--into", "new"),
    ("export", "new", "-o", "out.csv"),
    ("status", "new", "--none"),
    ("nothing",),
)  # fmt: skip
_LOGGER = "Time;A\n2026-03-28 00:15;1,500\n2026-03-28 00:30;\n2026-03-28 00:45;2,000\nSum;3,5\n"
_DATA = {
    # what the audit calls changes, roles, sources, classes: as programs know them
    "engineer", "operator", "viewer", "cli", "api", "file", "adopted", "restore", "set", "clear",
    "extend", "end", "switch", "exception", "exceptions", "replace", "import", "schedule", "season",
    "overlay", "unit", "override", "raw", "write", "acknowledge", "analog", "state", "counter",
    "none",
    # what the test writes as a person
    "belt", "inventory", "lin",
    # points and keys of every site
    "hw_setpoint_c", "level_pct", "supply_setpoint_c", "tank_setpoint_c", "zone_setpoint_c",
    "rated_kw",
    # where an issued report lies
    "reports", "issue-1", "month-plant-2026-03",
    # how the test runner calls the program; click names the type of a path at import
    "main", "Directory",
}  # fmt: skip


@dataclass
class _Asked:
    """What was said that nobody can account for, by command; `known` are the words of the site."""

    directory: Path
    known: set[str] = field(default_factory=set)
    left: dict[str, str] = field(default_factory=dict)

    def know(self, folder: Path) -> None:
        """Files, and whatever is written in them, are the site's own words."""
        for path in folder.glob("**/*"):
            self.known |= _words(str(path))
            if path.suffix in (".yaml", ".csv", ".draft"):
                self.known |= _words(path.read_text("utf-8"))

    async def ask(self, words: tuple[str, ...]) -> None:
        with marking(Marked):
            said = (await run("--lang", "zh", *words)).output
        known = self.known | _DATA | _words(" ".join(words)) | {USER, *ZONE.key.split("/")}
        plain = said.replace(str(self.directory), " ")
        unknown = [word for word in english(plain) if word not in known]
        unknown += [text for text in sentences(plain) if not _words(text) <= known]
        if unknown:
            self.left[" ".join(words)] = f"{unknown}\n{said}"

    def verdict(self) -> str:
        return "\n\n".join(f"{command}: {said}" for command, said in self.left.items())


async def test_a_running_controller_answers_in_chinese(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "true")
    drafts = tmp_path_factory.mktemp("drafts")
    for name, text in (("air.yaml", _EDITED), ("table.csv", _TABLE), ("readings.csv", _READINGS)):
        (drafts / name).write_text(text, encoding="utf-8")
    asked = _Asked(tmp_path)
    async with controlled(tmp_path, **SITE):
        await async_until(lambda: (tmp_path / "state" / "bms.sock").exists(), "the socket")
        asked.know(tmp_path)
        asked.know(drafts)
        for words in _RUNNING:
            placed = [str(tmp_path) if word == "." else word for word in words]
            await asked.ask(tuple(word.replace("draft/", f"{drafts}/") for word in placed))
        await asyncio.to_thread(ask, tmp_path / "state", "status")  # it has survived all of it
    assert asked.left == {}, asked.verdict()


@pytest.mark.case(
    "N18",
    when="Somebody asks in Chinese: init, headings, notes of the growth report, broken YAML",
    then="All of it is answered in Chinese",
)
async def test_commands_without_a_controller_answer_in_chinese(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (await run("init", "new")).exit_code == 0
    for name, text in SITE.items():
        path = tmp_path / "broken" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("mode:", "mod:").replace("unit: 2", "unit: two"), "utf-8")
    (tmp_path / "readings.csv").write_text(_READINGS, encoding="utf-8")
    (tmp_path / "logger.csv").write_text(_LOGGER, encoding="utf-8")
    asked = _Asked(tmp_path)
    asked.know(tmp_path)
    for words in _ALONE:
        await asked.ask(words)
    assert asked.left == {}, asked.verdict()


_FOR_PROGRAMS = (("api", "schema"), ("devices",))
"""What they print is read by programs alone, or is what makers call their devices and manuals."""


def test_no_command_is_forgotten() -> None:
    given = (*_RUNNING, *_ALONE, *_FOR_PROGRAMS)
    forgotten = [
        " ".join(path)
        for path in _commands(main)
        if not any(words[: len(path)] == path for words in given)
    ]
    assert forgotten == []


@pytest.mark.parametrize("path", ["", "schedule", "override set", "meter replace", "scan modbus"])
def test_help_is_chinese(path: str) -> None:
    words = ["--lang", "zh", *path.split(), "--help"]
    shown = CliRunner().invoke(main, words, terminal_width=1000, max_content_width=1000).output
    names = {name for command in _commands(main) for name in command}
    assert [word for word in english(shown) if word not in names | _DATA] == []


def _commands(command: click.Command, *path: str) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _commands(inner, *path, name)
    else:
        yield path


def _words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z][A-Za-z0-9_-]*", text))
