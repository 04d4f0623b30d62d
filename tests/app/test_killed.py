"""kill -9 at any moment: nothing acknowledged is lost, there twice, or without its entry."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.errors import BmsError
from bms.historian.log.embedded import History
from bms.historian.records import to_ms
from bms.operations.editing.revisions import FOLDER
from bms.storage import audit
from bms.storage.state import Store
from drivers.points import Quality
from tests.asking import ask
from tests.extent import extent
from tests.historian.crash import FILES, METERS, Rig
from tests.historian.influx_server import InfluxServer
from tests.ledger.support import Books, check_months, check_stream
from tests.machine_time import utc_now
from tests.patience import until

LIVES = extent(60, 1000)
EVERY_LIFE = timedelta(minutes=10)
"""How much later the next life begins."""
SITE = {
    **FILES,
    # Days go by, and the rig counts every row that there ever was.
    "site.yaml": FILES["site.yaml"].replace("clock_wait_s: 0", "clock_wait_s: 0, log_hours: 1440"),
    "links.yaml": FILES["links.yaml"]
    + "  rig: {protocol: plant, plant: 'tests.operations.seasons.rig:Rig', poll_s: 0.05}\n",
    "devices/fan.yaml": "device: two-fans\nkind: fan\ndocument: test\nprotocol: plant\npoints:\n"
    "  enable: {name: 'b.holds.enable', writable: true}\n"
    "  speed: {name: 'b.holds.speed', unit: '%', writable: true}\n",
    "equipment/b.yaml": FILES["equipment/b.yaml"]
    + "  holds: {kind: fan, device: two-fans, link: rig}\n",
    "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [holds]}}\n",
    "schedules/air.yaml": "schedule: air\ngoverns: [b.air]\n"
    "otherwise: {mode: 'on', speed_pct: 30}\nweek: {any: {}}\n",
}


def _is_gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


class Killed:
    """One site, its controllers and what people did, all of whom keep being killed."""

    def __init__(self, directory: Path, url: str, seed: int) -> None:
        self.site = directory / "site"
        self.state = self.site / "state"
        self._directory = directory
        self._rng = random.Random(seed)
        for name, text in SITE.items():
            path = self.site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            more = f"influx: {{url: '{url}', org: o, bucket: raw}}\n" * (name == "site.yaml")
            path.write_text(text + more, encoding="utf-8")
        self._zygote = subprocess.Popen(
            [sys.executable, "-m", "tests.app.killing"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._begun = utc_now() - timedelta(days=30)
        self._pids: list[int] = []
        self._number = 0
        self.overrides: dict[str, int] = {}
        """The numbers of those that were acknowledged as stored, by reason."""
        self.cleared: set[int] = set()
        self.stored = 0

    def close(self) -> None:
        self.kill()
        self._zygote.communicate("")

    def _order(self, **order: Any) -> int:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(json.dumps(order | {"log": str(self._directory / "log")}) + "\n")
        self._zygote.stdin.flush()
        pid = int(self._zygote.stdout.readline())
        self._pids.append(pid)
        return pid

    def start(self) -> int:
        """Another controller, some time later; its pid."""
        self._begun += EVERY_LIFE
        return self._order(site=str(self.site), start=self._begun.timestamp())

    def kill(self) -> None:
        """kill -9 of all of them and their children; wait until they are gone."""
        for pid in self._pids:
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pid in self._pids:
            while not _is_gone(pid):
                time.sleep(0.001)
        self._pids.clear()

    def status(self) -> Any:
        with suppress(BmsError, OSError):
            return ask(self.state, "status")
        return None

    def life(self) -> None:
        """Start a controller, change things beside it and through it, kill everything."""
        rng = self._rng
        controller = self.start()
        self._edit()
        # Some are killed while they open their databases.
        ends = time.monotonic() + (rng.random() * 0.4 if rng.random() < 0.15 else 30.0)
        while time.monotonic() < ends and not (status := self.status()):
            time.sleep(0.01)
        if time.monotonic() < ends:
            ends = time.monotonic() + rng.random() * 0.6
            while time.monotonic() < ends:
                self._override()
                if status := self.status():
                    self.stored = max(self.stored, status["cycle"]["history_stored"])
                    time.sleep(rng.random() * 0.02)
        if rng.random() < 0.5:  # the commands go on without it
            commands = [pid for pid in self._pids if pid != controller]
            self._pids = [controller]
            self.kill()
            for pid in commands:
                until(partial(_is_gone, pid), "the end of a command")
            return
        self.kill()

    def _override(self) -> None:
        self._number += 1
        reason = f"o{self._number}"
        with suppress(BmsError, OSError):
            made = ask(
                self.state, "override.set",
                point="b.holds.speed", value="40", duration="9h", reason=reason,
            )  # fmt: skip
            if made["stored"]:
                self.overrides[reason] = made["id"]
            if self._rng.random() < 0.3:
                ask(self.state, "override.clear", override=str(made["id"]), reason="over")
                self.cleared.add(made["id"])

    def _edit(self) -> None:
        """Commands beside the controller, each on its own way to the end."""
        self._number += 1
        if self._rng.random() < 0.6:
            mark = f"e{self._number}"
            words = ["schedule", "set", str(self.site), "air", "otherwise"]
            words += ["--set", f"speed_pct={self._number % 90 + 1}", "--yes", "--reason", mark]
            self._order(argv=words, done=str(self._directory / "done"), mark=mark)
        if self._rng.random() < 0.6:
            mark = f"c{self._number}"
            start = datetime.fromtimestamp(self._begun.timestamp() // 900 * 900, UTC)
            start -= timedelta(minutes=15)
            words = ["meter", "correct", str(self.site), f"b.m-{METERS}", "--reason", mark]
            words += ["--from", start.isoformat(), "--amount", "1"]
            words += ["--to", (start + timedelta(minutes=15)).isoformat()]
            self._order(argv=words, done=str(self._directory / "done"), mark=mark)

    def settle(self) -> None:
        """One life that is not killed: everything that waits is brought to its end."""
        pid = self.start()

        def copied() -> Any:
            status = self.status()
            if not status or not status["cycle"]["sinks"]:
                return False
            (sink,) = status["cycle"]["sinks"]
            compacted = status["cycle"]["history"]["compacted_until"] is not None
            up_to_date = sink["sent_lines"] and sink["backlog_rows"] <= 3 and not sink["gaps"]
            return compacted and up_to_date

        until(copied, "the copy")
        os.kill(pid, signal.SIGTERM)
        until(partial(_is_gone, pid), "the end")

    def done(self, kind: str) -> list[str]:
        """The marks of the commands that ended well."""
        path = self._directory / "done"
        words = path.read_text().split() if path.exists() else []
        return [word for word in words if word.startswith(kind)]

    # --- what must hold ----------------------------------------------------------------------

    def check(self) -> None:
        entries = list(audit.entries(self.state))
        assert audit.verify(self.state)[1] == []
        self._check_overrides(entries)
        self._check_edits(entries)
        self._check_ledger(entries)
        rig = Rig.__new__(Rig)  # its looks at the history, without its process
        rig.site, rig.state, rig.acknowledged = self.site, self.state, self.stored
        rig.check_log()
        assert rig.check_samples() > 0
        rig.check_rollups(self._begun + timedelta(hours=1))
        rig.check_samples()

    def _check_overrides(self, entries: list[dict[str, Any]]) -> None:
        with Store(self.state) as store:
            kept = store.overrides_since(datetime(2000, 1, 1, tzinfo=UTC))
        by_reason = Counter(str(one.override.reason) for one in kept)
        assert max(by_reason.values()) == 1
        assert self.overrides.keys() <= by_reason.keys()
        ended = {one.override.id for one in kept if one.ended is not None}
        assert self.cleared <= ended
        told = Counter(e["override"] for e in entries if e["what"] == "override.set")
        assert told == Counter(one.override.id for one in kept)
        over = Counter(e["override"] for e in entries if e["what"] == "override.clear")
        assert max(over.values(), default=1) == 1
        assert self.cleared <= over.keys()

    def _check_edits(self, entries: list[dict[str, Any]]) -> None:
        told = Counter(e["why"] for e in entries if e["what"] == "schedule.set")
        assert max(told.values(), default=1) == 1
        assert set(self.done("e")) <= told.keys()
        kept = Counter(
            str(json.loads(path.read_text())["why"])
            for path in (self.state / FOLDER).rglob("*.json")
            if path.name[:1].isdigit() and "why" in path.read_text()
        )
        assert {why for why in kept if why.startswith("e")} <= told.keys()
        assert set(self.done("e")) <= kept.keys()

    def _check_ledger(self, entries: list[dict[str, Any]]) -> None:
        told = Counter(e["why"] for e in entries if e["what"] == "meter.correct")
        site = load(self.site, STRATEGIES)
        with Books(site) as books:
            books.keep(60 * 24 * 3650)
            check_stream(books, books.rows())
            check_months(books)
            said = Counter(str(entry.why) for entry in books.ledger.entries())
            assert said == told
            assert max(said.values(), default=1) == 1
            assert set(self.done("c")) <= said.keys()
            for k in range(1, METERS):
                meter = f"b.m-{k}.energy"
                tip = books.ledger.tip(books.ledger.known(meter) or 0)
                assert tip is not None
                booked = sum(slot.counts for _, slot in books.slots(meter))
                last, first = self._registers(meter)
                assert booked + tip.anchor.opened.counts == last - first

    def _registers(self, meter: str) -> tuple[int, int]:
        with History(self.state, read_only=True) as history:
            last = history.last_reading(meter)
            assert last is not None
            first = history.readings(meter, datetime(2000, 1, 1, tzinfo=UTC), last.time)[0]
        return last.counts, first.counts

    def check_copy(self, lines: list[str]) -> None:
        """Each good sample that was recorded while it was copied is there, and each once."""
        point = "b.m-1.power"
        there: dict[int, set[str]] = {}
        for line in lines:
            if f"point={point}" in line:
                head, _, ms = line.rpartition(" ")
                there.setdefault(int(ms), set()).add(head)
        assert all(len(heads) == 1 for heads in there.values())
        newest = max(there)
        with History(self.state, read_only=True) as history:
            first, last = history.span()
            assert first is not None
            assert last is not None
            good = {
                to_ms(sample.time)
                for sample in history.samples(point, first, last)
                if sample.quality is Quality.GOOD
            }
        # What was recorded while the last controller stopped follows with the next.
        assert {ms for ms in good if ms <= newest} <= there.keys()
        assert newest > to_ms(last) - 600_000


@pytest.mark.slow
@pytest.mark.case(
    "R9",
    when="The power goes a thousand times, while overrides, edits, the ledger, upkeep and the copy "
    "are at work",
    then="Nothing that was acknowledged is lost, nothing is there twice, and every change has one "
    "entry in the audit",
)
async def test_killed_a_thousand_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BMS_INFLUX_TOKEN", "secret")
    async with InfluxServer() as server:
        killed = Killed(tmp_path, server.url, seed=13)

        def lives() -> None:
            for _ in range(LIVES):
                killed.life()
            killed.settle()

        try:
            await asyncio.to_thread(lives)
        finally:
            await asyncio.to_thread(killed.close)
        assert len(killed.overrides) > LIVES / 2
        assert killed.done("e")
        assert killed.done("c")
        killed.check_copy(server.stored)
        killed.check()
