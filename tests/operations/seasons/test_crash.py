"""kill -9 between any two steps: what was acknowledged stands, and ends when it was to end."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bms.core.errors import Unreachable
from bms.storage import audit
from bms.storage.state import Store
from tests.asking import ask
from tests.operations.seasons.site import SITE, USER, time_units
from tests.patience import until

KILLS = 8
NOW = datetime(2026, 7, 1, tzinfo=UTC)

SWITCHER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from bms.storage.state import Store
from bms.core.switched import Spell
from schedules.model.context import Extension, OverlayLevel

n, now = int(sys.argv[2]), datetime(2026, 7, 1, tzinfo=UTC)
with Store(Path(sys.argv[1])) as store:
    while True:
        n += 1
        at = now + timedelta(seconds=n)
        store.switched.put_level(
            OverlayLevel("epidemic", "full", at, at + timedelta(days=9), "li", f"{n}"), at)
        print("level", n, flush=True)
        (made,) = store.switched.put_extensions([Extension(
            0, "u", "b.air", at, at + timedelta(hours=2), "on", {}, "mei", f"{n}")], at)
        print("extension", made.id, flush=True)
        if n % 2:
            later = at + timedelta(minutes=1)
            store.switched.put_extensions(
                (), later, ended=[made.id], by="mei", reason="enough")
            print("ended", made.id, flush=True)
        spell = Spell("s", "b", at, "summer", "weather", "bms", f"{n}")
        store.save_states({"seasons": {"n": n}}, [spell], at)
        print("season", n, flush=True)
"""


def test_everything_acknowledged_is_there_once_and_audited_once(tmp_path: Path) -> None:
    rng = random.Random(20260701)
    level = season = last = 0
    extensions: dict[int, bool] = {}
    for _ in range(KILLS):
        with subprocess.Popen(
            [sys.executable, "-c", SWITCHER, str(tmp_path), str(last)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(rng.randrange(1, 16))]
            process.kill()
            lines += [line for line in process.stdout if line.endswith("\n")]
        for what, number in (line.split() for line in lines):
            if what == "level":
                level = last = int(number)
            elif what == "season":
                season = int(number)
            else:
                extensions[int(number)] = what == "ended"
        with Store(tmp_path) as store:
            found = store.switched.read(NOW)
            states = store.load_states()
        (kept,) = found.levels
        assert int(kept.reason) >= level
        last = int(kept.reason)
        live = {e.id: e for e in found.extensions}
        for extension, ended in extensions.items():
            length = live[extension].end - live[extension].start
            assert length in (timedelta(minutes=1), timedelta(hours=2))
            assert length == timedelta(minutes=1) or not ended
        # What decided a season and the season are there both or neither.
        told = [int(s.reason) for s in found.spells]
        assert told == sorted(set(told))
        assert season in (0, *told)
        assert states.get("seasons", {"n": None})["n"] == (told[-1] if told else None)
        count, problems = audit.verify(tmp_path)
        assert problems == []
    refs = [e["ref"] for e in audit.entries(tmp_path)]
    assert refs == sorted(set(refs))
    assert count == len(refs) >= len(extensions)
    assert len(extensions) > KILLS


PLANT_SITE = {
    **SITE,
    "links.yaml": "links:\n"
    "  rig: {protocol: plant, plant: 'tests.operations.seasons.rig:Rig', poll_s: 0.05}\n",
    "devices/fan.yaml": "device: two-fans\nkind: fan\ndocument: test\nprotocol: plant\npoints:\n"
    "  enable: {name: '{base}.{equipment}.enable', writable: true}\n"
    "  speed: {name: '{base}.{equipment}.speed', unit: '%', writable: true}\n",
    "devices/station.yaml": "device: station\nkind: weather_station\ndocument: test\n"
    "protocol: plant\npoints:\n"
    "  outdoor_temp: {name: '{base}.{equipment}.outdoor_temp', unit: degC}\n",
    "equipment/b.yaml": "base: b\nequipment:\n"
    "  holds:\n    {kind: fan, device: two-fans, link: rig,\n"
    "     outputs: {enable: {min_on_s: 0, min_off_s: 0}}}\n"
    "  station: {kind: weather_station, device: station, link: rig}\n",
    "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [holds]}}\n",
    "schedules/air.yaml": "schedule: air\ngoverns: [b.air]\n"
    "otherwise: {mode: 'off'}\nweek: {any: {}}\n",
    "schedules/time-units.yaml": time_units().replace('"23:30"', '"+04:00"'),
}


@contextmanager
def daemon(site: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`bms run` as a process, killed at the end without a word."""
    with (site / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bms", "run", str(site)], stdout=log, stderr=log
        )
    try:
        until(lambda: answers(site) or process.poll() is not None, "the controller answers")
        assert process.poll() is None, (site / "log").read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def answers(site: Path) -> Any:
    try:
        status = ask(site / "state", "status")
    except Unreachable:
        return None
    return status if status["cycle"]["count"] > 1 else None


def value(site: Path, point: str) -> Any:
    (row,) = ask(site / "state", "points", filter=point)
    return row["value"]


def test_a_killed_controller_goes_on_where_it_was_and_ends_on_time(tmp_path: Path) -> None:
    for name, text in PLANT_SITE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    state = tmp_path / "state"
    begun = time.monotonic()
    with daemon(tmp_path):
        # Long enough for another start, on a machine as busy as this one.
        lasts_s = round(2 * (time.monotonic() - begun)) + 4
        made = ask(
            state, "unit.extend", unit="dressing-room", duration=f"{lasts_s}s", reason="late",
            setpoints={"speed_pct": 60},
        )  # fmt: skip
        ask(state, "overlay.set", overlay="epidemic", level="full", reason="a case")
    end = datetime.fromisoformat(made["extensions"][0]["until"])
    with daemon(tmp_path):
        status = answers(tmp_path)
        assert [(e["who"], e["until"]) for e in status["extensions"]] == [
            (USER, made["extensions"][0]["until"])
        ]
        assert [(o["level"], o["who"]) for o in status["overlays"]] == [("full", USER)]
        until(lambda: value(tmp_path, "b.holds.speed") == 100, "the overlay on the extension")
        assert value(tmp_path, "b.holds.enable") == 1
        # The overlay keeps the fans on for an hour after; without it they end with the extension.
        ask(state, "overlay.clear", overlay="epidemic", reason="over")
        until(lambda: value(tmp_path, "b.holds.enable") == 0, "the extension ends")
        late_s = (datetime.now(UTC) - end).total_seconds()
        assert 0 <= late_s <= 3.0
    assert audit.verify(state)[1] == []
