"""Makes `state.tar.gz` beside it: a site and a state directory as an earlier version leaves them.

    git worktree add ../before <a commit before the change>
    (cd ../before && make install)
    ../before/.venv/bin/python tests/app/before/make.py

It drives that version alone, by its commands: three simulated days, then a running controller
that is asked for everything people can ask for. What that version said of it goes into
`said.json` in the archive.
"""

from __future__ import annotations

import getpass
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DATES = "{summer: [05-15..09-30], winter: [11-15..03-15], transitional: rest}"
SITE = {
    "site.yaml": "id: small\nzone: Asia/Shanghai\ncycle_s: 0.1\n"
    "bases: {b: {energy: {imports: [m]}}}\n"
    "history: {commit_s: 0.1, trend_s: 0.2}\npeople: {guest: viewer}\n"
    "influx: {url: 'URL', org: o, bucket: raw}\n",
    "links.yaml": "links:\n  rig: {protocol: plant, plant: 'tests.app.before.rig:Rig',\n"
    "        options: {replaced: 'REPLACED'}, poll_s: 0.1}\n",
    "devices/fan.yaml": "device: two-fans\nkind: fan\ndocument: test\nprotocol: plant\npoints:\n"
    "  enable: {name: '{base}.{equipment}.enable', type: bool, writable: true}\n"
    "  speed: {name: '{base}.{equipment}.speed', unit: '%', writable: true}\n",
    "devices/station.yaml": "device: station\nkind: weather_station\ndocument: test\n"
    "protocol: plant\npoints:\n"
    "  outdoor_temp: {name: '{base}.{equipment}.outdoor_temp', unit: degC}\n",
    "devices/meter.yaml": "device: telling\nkind: meter\ndocument: test\nprotocol: plant\npoints:\n"
    "  energy: {name: '{base}.{equipment}.energy', unit: kWh}\n",
    "equipment/b.yaml": "base: b\nequipment:\n"
    "  holds:\n    {kind: fan, device: two-fans, link: rig,\n"
    "     outputs: {enable: {min_on_s: 0, min_off_s: 0}}}\n"
    "  lets-go:\n    {kind: fan, device: two-fans, link: rig,\n"
    "     outputs: {enable: {min_on_s: 0, min_off_s: 0}}}\n"
    "  station: {kind: weather_station, device: station, link: rig}\n"
    "  m: {kind: meter, device: telling, link: rig}\n",
    "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [holds, lets-go]}}\n",
    "schedules/air.yaml": "schedule: air\ngoverns: [b.air]\nseasons: base\n"
    'otherwise: {mode: "off"}\nweek:\n'
    "  summer:\n"
    '    daily: [{from: "07:00", to: "19:00", mode: "on", speed_pct: 90}]\n'
    "  winter:\n"
    '    daily: [{from: "08:00", to: "17:00", mode: "on", speed_pct: 50}]\n'
    "  transitional:\n"
    '    daily: [{from: "09:00", to: "16:00", mode: "on", speed_pct: 70}]\n',
    "schedules/seasons.yaml": f"seasons:\n  two-pipe:\n    by: hand\n    dates: {DATES}\n"
    "    dwell_days: 14\nbases: {b: two-pipe}\n",
    "schedules/overlays.yaml": "overlays:\n  epidemic:\n"
    "    title: {zh: 防疫通风, en: Epidemic ventilation}\n    renew_days: 14\n    levels:\n"
    '      elevated:\n        - {targets: [b.air], while: "on", speed_pct: 100}\n',
    "schedules/time-units.yaml": "time_units:\n  dressing-room:\n"
    "    title: {zh: 更衣室, en: Dressing room}\n    targets: [b.air]\n"
    f'    people: [{getpass.getuser()}]\n    modes: ["on"]\n'
    '    setpoints: {speed_pct: [30, 80]}\n    longest: 4h\n    latest: "+04:00"\n',
}
REFUSED = "b.station.outdoor_temp"


class Database(BaseHTTPRequestHandler):
    """Takes every line but the first of one point, which it refuses for good."""

    poison = ""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        body = (gzip.decompress(sent) if "Content-Encoding" in self.headers else sent).decode()
        for line in body.splitlines():
            if not Database.poison and f"point={REFUSED}" in line:
                Database.poison = line
        refused = bool(Database.poison) and Database.poison in body.splitlines()
        answer = b'{"code": "invalid", "message": "cannot parse it"}' if refused else b""
        self.send_response(400 if refused else 204)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="before-") as folder:
        home = Path(folder)
        code = home / "tests/app/before"
        code.mkdir(parents=True)
        for package in (home / "tests", home / "tests/app", code):
            (package / "__init__.py").touch()
        shutil.copy(HERE / "rig.py", code)
        _make(home)
        with tarfile.open(HERE / "state.tar.gz", "w:gz", compresslevel=9) as archive:
            for name in ("site", "said.json"):
                archive.add(home / name, name, filter=_nobody)


def _nobody(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return None if entry.name.endswith((".sock", ".lock", "log")) else entry


def _make(home: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Database)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    now = datetime.now(UTC)
    begun = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    replaced = (begun - timedelta(days=1)).replace(minute=0)
    site = home / "site"
    for name, text in SITE.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("URL", url).replace("REPLACED", replaced.isoformat()), "utf-8")
    bms = Commands(home)
    since = (begun - timedelta(days=3)).isoformat()
    bms("simulate", "site", "--from", since, "--to", begun.isoformat(), "--into", "site/state")
    controller = bms.start("run", "site")
    try:
        _ask_for_everything(bms, site, replaced)
        said = _what_it_says(bms)
        while not json.loads(bms("influx", "dead", "list", "site", "--json")):
            time.sleep(0.2)
    finally:
        controller.send_signal(signal.SIGTERM)
        assert controller.wait() == 0
    ended = datetime.now(UTC)
    said |= {"since": since, "begun": begun.isoformat(), "ended": ended.isoformat()}
    said |= _what_is_kept(bms, said)
    path = site / "site.yaml"
    path.write_text(path.read_text("utf-8").replace(url, "http://127.0.0.1:1"), "utf-8")
    text = json.dumps(said, ensure_ascii=False, indent=1)
    (home / "said.json").write_text(text, "utf-8")


class Commands:
    """The command line of the version that runs this script."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._environment = {**os.environ, "BMS_INFLUX_TOKEN": "secret", "BMS_LANG": "en"}

    def __call__(self, *words: str, may_fail: bool = False) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "bms", *words],
            cwd=self._home, env=self._environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode and not may_fail:
            raise SystemExit(f"{words}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self._home / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bms", *words],
                cwd=self._home, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip
        while "points: 6 good" not in self("status", "site", may_fail=True):
            assert process.poll() is None, (self._home / "log").read_text()
            time.sleep(0.2)
        return process


def _ask_for_everything(bms: Commands, site: Path, replaced: datetime) -> None:
    for_s = {"b.holds.speed": "3s", "b.lets-go.speed": "20h", "b.holds.enable": "2h"}
    for point, lasts in for_s.items():
        value = "on" if point.endswith("enable") else "35"
        bms("override", "set", "site", point, value, "--for", lasts, "--reason", f"belt {lasts}")
    (cleared,) = [
        o for o in _json(bms, "override", "list", "site") if o["point"].endswith("enable")
    ]
    bms("override", "clear", "site", str(cleared["id"]), "--reason", "belt is on")
    to = "transitional"
    bms("season", "switch", "site", "two-pipe", "--base", "b", "--to", to, "--force",
        "--reason", "a mild week", "--yes")  # fmt: skip
    bms("overlay", "set", "site", "epidemic", "elevated", "--reason", "a case in hall 2", "--yes")
    bms("unit", "extend", "site", "dressing-room", "--for", "3h", "--reason", "late show")
    bms("schedule", "set", "site", "air", "daily", "1", "--season", "winter", "--from", "06:30",
        "--reason", "earlier shift", "--yes")  # fmt: skip
    bms("schedule", "exception", "add", "site", "air", "replace", "--name", "Stocktaking",
        "--dates", "2027-06-01", "--reason", "stocktaking", "--yes")  # fmt: skip
    # A broken edit: an alarm that comes and goes.
    file = site / "schedules/air.yaml"
    good = file.read_text("utf-8")
    file.write_text(good.replace('"08:00"', '"25:00"').replace('"06:30"', '"25:00"'), "utf-8")
    while not _rejected(bms):
        time.sleep(0.2)
    file.write_text(good, "utf-8")
    while _rejected(bms):
        time.sleep(0.2)
    at = replaced.isoformat()
    bms("meter", "replace", "site", "b.m.energy", "--initial", "0", "--at", at, "--reason", "worn")
    start = replaced - timedelta(hours=5)
    end = start + timedelta(hours=1)
    bms("meter", "correct", "site", "b.m.energy", "--from", start.isoformat(),
        "--to", end.isoformat(), "--amount", "20", "--reason", "counted twice")  # fmt: skip
    time.sleep(4)  # the short override ends, and what was decided is stored


def _rejected(bms: Commands) -> bool:
    return any(a["key"] == "schedules:rejected" for a in _json(bms, "status", "site")["alarms"])


def _json(bms: Commands, *words: str) -> Any:
    return json.loads(bms(*words, "--json"))


def _what_it_says(bms: Commands) -> dict[str, Any]:
    """What only a running controller says."""
    return {
        "overrides": _json(bms, "override", "list", "site"),
        "past": _json(bms, "override", "list", "site", "--past", "1d"),
        "seasons": _json(bms, "season", "list", "site"),
        "overlays": _json(bms, "overlay", "list", "site"),
        "units": _json(bms, "unit", "list", "site"),
    }


def _what_is_kept(bms: Commands, said: Mapping[str, Any]) -> dict[str, Any]:
    """What can be read of the state directory alone."""
    period = ("--from", said["since"], "--to", said["ended"])
    quarters = ("--from", said["since"], "--to", said["begun"])
    return {
        "history_raw": _json(bms, "history", "site", "b.station", *period, "--step", "raw"),
        "history_day": _json(bms, "history", "site", "b", *period, "--step", "day"),
        "meter": _json(bms, "meter", "intervals", "site", "b.m.energy", *quarters),
        "meter_show": _json(bms, "meter", "show", "site", "b.m.energy", *quarters),
        "audit": _json(bms, "audit", "list", "site"),
        "revisions": _json(bms, "schedule", "history", "site"),
        "dead": _json(bms, "influx", "dead", "list", "site"),
        "why": _json(bms, "why", "site", "b.lets-go.speed", "--at", said["ended"]),
    }


if __name__ == "__main__":
    main()
