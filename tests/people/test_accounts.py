"""The controller under its own account and people under theirs: who may, who reads, who it was.

Real accounts, real processes: children of the test take their account by `setuid`, so that only
root can run this. What they need of Python is imported before, for they may not read it.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import os
import pkgutil
import pwd
import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import bms
import drivers
import schedules
from bms.api.client import exchange
from bms.cli import main
from bms.config.load import load
from bms.config.writing.scaffold import init
from bms.control import STRATEGIES
from bms.core.errors import BmsError
from bms.core.readings import Reading
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import meters_of
from bms.historian.records import Batch
from bms.storage import audit
from tests.machine_time import utc_now
from tests.patience import until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes other accounts")

MAIN = "plant.meter-main"
OWN, OPERATOR, ENGINEER, STRANGER = "daemon", "games", "mail", "sys"
PEOPLE = f"people:\n  {OPERATOR}: operator\n  {ENGINEER}: engineer\n"
CLONE_NEWUSER = 0x10000000
PR_SET_DUMPABLE = 4


@dataclass(frozen=True)
class Answer:
    """What a command said to somebody."""

    code: int
    output: str


def _become(user: str, *, as_root: bool = False) -> None:
    """Be this account, a member of the controller's group unless it is a stranger; with `as_root`
    uid 0 of a namespace in which everybody can be it."""
    found = pwd.getpwnam(user)
    member = () if user == STRANGER else (pwd.getpwnam(OWN).pw_gid,)
    os.setgroups(member)
    os.setgid(found.pw_gid)
    os.setuid(found.pw_uid)
    os.umask(0o027)
    os.chdir("/")
    if as_root:
        system = ctypes.CDLL(None, use_errno=True)
        assert system.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0  # or /proc/self is still root's
        assert system.unshare(CLONE_NEWUSER) == 0
        Path("/proc/self/uid_map").write_text(f"0 {found.pw_uid} 1\n", encoding="ascii")
        assert os.geteuid() == 0


def _said(pipe: Any, user: str, words: Sequence[str], as_root: bool, says: str | None) -> None:
    if user != "root":
        _become(user, as_root=as_root)
    if says is not None:
        os.environ["SUDO_USER"] = says
    result = CliRunner().invoke(main, list(words))
    trouble = "" if isinstance(result.exception, SystemExit | None) else repr(result.exception)
    pipe.send((result.exit_code, result.output + trouble))


def say(user: str, *words: object, as_root: bool = False, says: str | None = None) -> Answer:
    """What `bms` answers to this account."""
    here, there = get_context("fork").Pipe(duplex=False)
    arguments = (there, user, [str(word) for word in words], as_root, says)
    process = get_context("fork").Process(target=_said, args=arguments)
    process.start()
    there.close()
    try:
        answer = Answer(*here.recv())
    except EOFError:
        answer = Answer(-1, "no answer")
    process.join()
    return answer


def _run(site: Path) -> None:
    _become(OWN)
    with (site / "log").open("ab", buffering=0) as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    main(["run", str(site)])


@contextmanager
def controller(site: Path, end: signal.Signals) -> Iterator[BaseProcess]:
    """`bms run` under the controller's own account, ended by a signal."""
    process = get_context("fork").Process(target=_run, args=(site,))
    process.start()
    try:
        until(lambda: _cycles(site) > 0 or not process.is_alive(), "the controller answers")
        assert process.is_alive(), (site / "log").read_text(encoding="utf-8")
        yield process
    finally:
        assert process.pid is not None
        os.kill(process.pid, end)
        process.join()


def _cycles(site: Path) -> int:
    with suppress(BmsError, OSError):
        status: Any = exchange(site / "state", "status", {})
        return int(status["cycle"]["count"])
    return 0


@pytest.fixture(scope="module")
def imported() -> None:
    """Everything that a child may import, by its parent."""
    asyncio.new_event_loop().close()
    for package in (bms, drivers, schedules):
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not found.name.endswith("__main__"):
                with suppress(ImportError):
                    importlib.import_module(found.name)


@pytest.fixture
def site(imported: None) -> Iterator[Path]:
    """The template site with some days of readings, of the account of its controller."""
    folder = Path(tempfile.mkdtemp(prefix="bms-accounts-"))
    folder.chmod(0o755)
    directory = folder / "site"
    init(directory)
    file = directory / "site.yaml"
    file.write_text(file.read_text(encoding="utf-8") + PEOPLE, encoding="utf-8")
    loaded = load(directory, STRATEGIES)
    begin = (utc_now() - timedelta(days=4)).replace(minute=0, second=0, microsecond=0)
    readings = [
        Reading(f"{MAIN}.energy", begin + timedelta(minutes=15 * i), 100 * i) for i in range(300)
    ]
    with History(loaded.state_dir) as history:
        history.append(Batch(readings=readings, meters=meters_of(loaded)))
    for words in reading(directory):  # what rich, click and others import late
        CliRunner().invoke(main, [str(word) for word in words])
    shutil.rmtree(directory / "state")
    with History(loaded.state_dir) as history:
        history.append(Batch(readings=readings, meters=meters_of(loaded)))
    own = pwd.getpwnam(OWN)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, own.pw_uid, own.pw_gid)
        path.chmod(0o750 if path.is_dir() else 0o640)
    yield directory
    shutil.rmtree(folder)


def reading(site: Path) -> list[tuple[object, ...]]:
    """What everybody may look at, with and without a running controller."""
    since = ("--from", f"{utc_now() - timedelta(days=3):%Y-%m-%d}")
    return [
        ("history", site, "plant", *since),
        ("export", site, "plant", *since),
        ("meter", "list", site),
        ("meter", "show", site, MAIN, *since),
        ("meter", "intervals", site, MAIN, *since),
        ("meter", "tree", site),
        ("report", "growth", site, "--year", f"{utc_now():%Y}"),
        ("report", "shadow", site, *since, "--link", "gateway-1"),
        ("audit", "list", site),
        ("audit", "verify", site),
        ("schedule", "list", site),
        ("schedule", "show", site, "offices"),
        ("schedule", "history", site),
        ("schedule", "preview", site, "plant.offices"),
        ("check", site),
    ]


def live(site: Path) -> list[tuple[object, ...]]:
    """What a running controller answers."""
    return [
        ("status", site), ("points", site), ("links", site), ("override", "list", site),
        ("season", "list", site), ("why", site, "plant.offices.mode"),
    ]  # fmt: skip


def _looks(site: Path, user: str, words: Sequence[Sequence[object]]) -> None:
    for one in words:
        answer = say(user, *one)
        assert answer.code == 0, (one, answer)
        assert "readonly database" not in answer.output


def _made(site: Path) -> set[str]:
    return {path.name for path in (site / "state").rglob("*")}


@pytest.mark.case(
    "R14",
    when="The controller has its own account, and a member of its group looks at history or meters",
    then="Everything can be read, with the controller running, stopped or killed; nothing is made.",
)
def test_who_may_only_look_can_look_at_everything(site: Path) -> None:
    with controller(site, signal.SIGTERM):
        _looks(site, OPERATOR, [*live(site), *reading(site)])
        assert say(STRANGER, "status", site).code != 0
    ended = _made(site)
    at = utc_now().isoformat(timespec="milliseconds")
    _looks(site, OPERATOR, [*reading(site), ("why", site, "plant.offices.mode", "--at", at)])
    assert _made(site) == ended
    with controller(site, signal.SIGKILL):
        pass
    killed = _made(site)
    _looks(site, OPERATOR, reading(site))
    assert _made(site) == killed
    (site / "state" / "history.db-shm").unlink()  # as in a copy of the directory
    _looks(site, OPERATOR, reading(site))


def _last(site: Path) -> dict[str, Any]:
    """The last thing that somebody asked for; what the controller noticed itself apart."""
    *_, last = (entry for entry in audit.entries(site / "state") if entry["via"] in ("api", "cli"))
    return last


def _correction(site: Path, amount: int) -> tuple[object, ...]:
    hour = f"{utc_now() - timedelta(days=2):%Y-%m-%dT%H}"
    end = datetime.fromisoformat(f"{hour}:00") + timedelta(hours=1)
    return (
        "meter", "correct", site, MAIN, "--from", f"{hour}:00", "--to", f"{end:%Y-%m-%dT%H}:00",
        "--amount", amount, "--reason", "read again",
    )  # fmt: skip


@pytest.mark.case(
    "R8",
    when="Somebody becomes root in a namespace, or has SUDO_USER say another name",
    then="The controller knows the account from the kernel: it may what that may, and is named so.",
)
def test_who_changes_something_is_who_the_kernel_says(site: Path) -> None:
    week = ("schedule", "set", site, "offices", "--season", "any", "mon-fri", 1)
    why = ("--reason", "early shift", "--yes")
    with controller(site, signal.SIGTERM):
        answer = say(OPERATOR, *_correction(site, 1))
        assert (answer.code, "may not change meters" in answer.output) == (4, True), answer
        answer = say(OPERATOR, *_correction(site, 1), as_root=True)
        assert (answer.code, "games (operator)" in answer.output) == (4, True), answer
        answer = say(ENGINEER, *_correction(site, 2), says=OWN)
        assert answer.code == 0, answer
        assert (_last(site)["who"], _last(site)["via"]) == (ENGINEER, "api")
        answer = say("root", *_correction(site, 3), says=OPERATOR)
        assert answer.code == 0, answer
        assert _last(site)["who"] == f"root (says: {OPERATOR})"
        answer = say(OPERATOR, *week, "--from", "06:30", *why)
        assert answer.code == 0, answer
        made = [e for e in audit.entries(site / "state") if e["what"] == "schedule.set"]
        assert [(e["who"], e["via"]) for e in made] == [(OPERATOR, "api")]
        assert (site / "schedules" / "offices.yaml").owner() == OWN
        readings = site.parent / "readings.csv"  # which the controller's account may not read
        readings.write_text(
            f"meter,time,reading\nplant.water-main,{utc_now():%Y-%m-%d} 00:00,12.5\n",
            encoding="utf-8",
        )
        readings.chmod(0o600)
        os.chown(readings, pwd.getpwnam(ENGINEER).pw_uid, -1)
        taken = ("meter", "import", site, readings, "--reason", "by hand")
        answer = say(ENGINEER, *taken)
        assert answer.code == 0, answer
        assert (_last(site)["who"], _last(site)["file"]) == (ENGINEER, "readings.csv")

    for user, as_root in ((ENGINEER, False), (OPERATOR, True)):
        for words in (_correction(site, 4), (*week, "--from", "06:00", *why)):
            answer = say(user, *words, as_root=as_root)
            who = "somebody else" if as_root else OWN
            assert (answer.code, f"only {who} may" in answer.output) == (4, True), answer
    say(OWN, *_correction(site, 4), as_root=True)  # it owns the files; who it is cannot be known
    answer = say(OWN, *_correction(site, 5))
    assert answer.code == 0, answer
    assert (_last(site)["who"], _last(site)["via"]) == (OWN, "cli")
    named = {entry["who"] for entry in audit.entries(site / "state")}
    assert named <= {OWN, ENGINEER, OPERATOR, f"root (says: {OPERATOR})", "?", "bms"} | {
        "root (in a namespace)"
    }
    assert audit.verify(site / "state")[1] == []
    assert json.loads(say(OPERATOR, "audit", "verify", site, "--json").output)["problems"] == []
