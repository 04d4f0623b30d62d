"""What may be asked of an override, until when, what follows, and what the controller keeps."""

from __future__ import annotations

import asyncio
import getpass
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bms.config.load import load
from bms.config.site import Site
from bms.control import STRATEGIES
from bms.core.decisions import Override
from bms.core.errors import BmsError, InvalidInput, Refused, Unreachable
from bms.historian.log.embedded import History
from bms.operations.overrides.planning import ResolverOf, back_to, extended, wanted
from bms.operations.requests.override_requests import ExtendOverride, SetOverride
from bms.storage import audit
from drivers.points import Value
from simulators.modbus_server import ModbusServer
from simulators.sitefiles import read_links
from tests.app.test_app import FILES, controlled
from tests.asking import ask
from tests.config.sites import write
from tests.patience import PATIENCE_S, async_until, patience

SCHEDULE = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week:
  any:
    daily:
      - {from: "06:00", to: "12:00", mode: "on", speed_pct: 80}
      - {from: "12:00", to: "15:00", mode: "on", speed_pct: 80}
      - {from: "15:00", to: "18:00", mode: "on", speed_pct: 40}
      - {from: "22:00", to: "02:30", mode: "on", speed_pct: 40}
"""


def _site(directory: Path, **changes: str) -> Site:
    files = {**FILES, "schedules/air.yaml": SCHEDULE, **changes}
    return load(write(directory, files), STRATEGIES)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return _site(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """With a guest, and a fan that no group runs."""
    alone = "  alone: {kind: fan, device: two-fans, link: plc, unit: 3}\n"
    return _site(
        tmp_path_factory.mktemp("guarded"),
        **{
            "site.yaml": FILES["site.yaml"] + "people: {guest: viewer}\n",
            "equipment/b.yaml": FILES["equipment/b.yaml"] + alone,
        },
    )


def _resolver(site: Site) -> ResolverOf:
    return lambda group: site.library.resolver(group.id, site.bases[group.base].zone)


def _ask(site: Site, now: str, until: dict[str, str], point: str = "b.holds.enable") -> Override:
    value = "on" if point.endswith(("enable", "mode")) else "50"
    moment = datetime.fromisoformat(now)
    asked = SetOverride(point=point, value=value, reason="belt", **until)
    return wanted(site, asked, "wang", moment, _resolver(site))


def _for(duration: str) -> dict[str, str]:
    return {"duration": duration}


def _to(moment: str) -> dict[str, str]:
    return {"until": moment}


def _longer(until: dict[str, str], reason: str) -> ExtendOverride:
    return ExtendOverride(override="1", reason=reason, **until)


@pytest.mark.parametrize(
    ("until", "now", "end"),
    [
        ({"duration": "2h"}, "2026-07-01T09:00+08:00", "2026-07-01T11:00+08:00"),
        ({"until": "18:30"}, "2026-07-01T09:00+08:00", "2026-07-01T18:30+08:00"),
        ({"until": "tomorrow 07:00"}, "2026-07-01T09:00+08:00", "2026-07-02T07:00+08:00"),
        # People see blocks that decide the same as one; it ends when the group does something else.
        ({"until": "end-of-block"}, "2026-07-01T09:00+08:00", "2026-07-01T15:00+08:00"),
        ({"until": "end-of-block"}, "2026-07-01T23:00+08:00", "2026-07-02T02:30+08:00"),
        ({"until": "end-of-block"}, "2026-07-01T18:00+08:00", "2026-07-01T22:00+08:00"),
    ],
)
def test_until(site: Site, until: dict[str, str], now: str, end: str) -> None:
    for point in ("b.holds.enable", "b.air.mode", "b.holds.speed", "b.air.speed_pct"):
        assert _ask(site, now, until, point).until == datetime.fromisoformat(end)


def test_the_end_of_a_block_that_the_clocks_move(tmp_path: Path) -> None:
    site = _site(
        tmp_path,
        **{"site.yaml": FILES["site.yaml"].replace("Asia/Shanghai", "Europe/Berlin")},
    )
    block = {"until": "end-of-block"}
    # The block ends at 02:30, which the clocks skip: it ends when they do.
    assert _ask(site, "2026-03-28T23:00+01:00", block).until == datetime(2026, 3, 29, 1, tzinfo=UTC)
    # 2 h are 2 h, whatever the clocks do.
    two_hours = _ask(site, "2026-03-29T01:30+01:00", {"duration": "2h"})
    assert two_hours.until == datetime(2026, 3, 29, 2, 30, tzinfo=UTC)
    twice = _ask(site, "2026-10-25T01:00+02:00", {"until": "02:30"})
    assert twice.until == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("point", "value", "until", "reason", "user", "error", "says"),
    [
        ("b.holds.enable", "on", {}, "x", "wang", InvalidInput, "--for.*--until"),
        ("b.holds.enable", "on", _for("1h") | _to("18:30"), "x", "wang", InvalidInput,
         "--for.*--until"),
        ("b.holds.enable", "on", _for("soon"), "x", "wang", InvalidInput, "not a duration"),
        ("b.holds.enable", "on", _for("9999999d"), "x", "wang", InvalidInput, "too long"),
        ("b.holds.enable", "on", _for("25h"), "x", "wang", Refused, "at most 1 d.*engineers"),
        ("b.holds.enable", "on", _for("8d"), "x", "root", Refused, "edit the schedule"),
        ("b.holds.enable", "on", _for("1h"), " \n", "wang", InvalidInput, "needs a reason"),
        ("b.holds.enable", "maybe", _for("1h"), "x", "wang", InvalidInput, "on or off"),
        ("b.holds.speed", "nan", _for("1h"), "x", "wang", InvalidInput, "finite"),
        ("b.holds.speed", "101", _for("1h"), "x", "wang", InvalidInput, "write 0 to 100"),
        ("b.air.zone_setpoint_c", "260", _for("1h"), "x", "w", InvalidInput, "write 5 to 40"),
        ("b.air.mode", "onn", _for("1h"), "x", "wang", InvalidInput, "no mode of b.air"),
        ("b.holds.enabel", "on", _for("1h"), "x", "wang", InvalidInput, "b.holds.enable"),
        ("b.alone.enable", "on", _to("end-of-block"), "x", "wang", InvalidInput,
         "no group runs"),
        ("b.holds.enable", "on", _for("1h"), "x", "guest", Refused, "operators and engineers may"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked(
    guarded: Site,
    point: str,
    value: str,
    until: dict[str, str],
    reason: str,
    user: str,
    error: type[BmsError],
    says: str,
) -> None:
    now = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
    asked = SetOverride(point=point, value=value, reason=reason, **until)
    with pytest.raises(error, match=says):
        wanted(guarded, asked, user, now, _resolver(guarded))


def test_a_schedule_that_never_changes_has_no_end_of_block(tmp_path: Path) -> None:
    site = _site(tmp_path, **{"schedules/air.yaml": FILES["schedules/air.yaml"]})
    with pytest.raises(InvalidInput, match="does not change within 14 d"):
        _ask(site, "2026-07-01T09:00+08:00", {"until": "end-of-block"})


def test_extending_counts_from_the_end_and_is_bounded_from_now(site: Site) -> None:
    now = datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
    first = _ask(site, "2026-07-01T09:00+08:00", {"duration": "2h"})
    later = now + timedelta(hours=1)
    more = extended(
        site, first, _longer({"duration": "3h"}, "guests"), "zhao", later, _resolver(site)
    )
    assert (more.until, more.start) == (now + timedelta(hours=5), now)
    assert (more.owner, more.reason) == ("wang", "belt; extended by zhao: guests")
    again = extended(site, more, _longer({"duration": "1h"}, "still"), "li", later, _resolver(site))
    assert again.reason == "belt; extended by li: still"
    with pytest.raises(Refused, match="at most 1 d"):
        extended(site, first, _longer({"duration": "24h"}, "x"), "zhao", later, _resolver(site))
    with pytest.raises(InvalidInput, match="lasts longer already"):
        extended(site, first, _longer({"until": "10:30"}, "x"), "zhao", later, _resolver(site))


@pytest.mark.parametrize(
    ("point", "end", "others", "text"),
    [
        ("b.air.mode", "14:00", "", "then back to on (weekly daily 12:00-15:00"),
        ("b.air.mode", "19:00", "", "then back to off (otherwise"),
        ("b.air.speed_pct", "16:00", "", "then back to 40"),
        ("b.air.speed_pct", "19:00", "", "then nobody commands it"),
        ("b.holds.speed", "16:00", "", "then back to its group b.air: 40 (weekly daily 15:00-18"),
        ("b.holds.speed", "19:00", "", "then back to its group b.air: off (otherwise"),
        ("b.holds.enable", "19:00", "", "then back to its group b.air: off (otherwise"),
        ("b.holds.enable", "19:00", "20:00", "then back to its group b.air: on (override 9: gala)"),
        ("b.holds.enable", "19:00", "18:59", "then back to its group b.air: off"),
    ],
)
def test_then_back_to(site: Site, point: str, end: str, others: str, text: str) -> None:
    override = _ask(site, "2026-07-01T09:00+08:00", {"until": end}, point)
    longer = []
    if others:
        until = datetime.fromisoformat(f"2026-07-01T{others}+08:00")
        longer = [Override(9, "b.air.mode", "on", override.start, until, "gala", "li")]
    assert back_to(site, override, longer, _resolver(site)).text.startswith(text)


# --- the real process ------------------------------------------------------------------------


async def _when(condition: Callable[[], Any]) -> Any:
    async with patience():
        while True:
            try:
                found = await asyncio.to_thread(condition)
            except Unreachable:
                found = None
            if found:
                return found
            await asyncio.sleep(0.01)


class Controller:
    """`bms run` as a separate process, on a real server."""

    def __init__(self, directory: Path, endpoints: Mapping[str, Any]) -> None:
        self.directory = directory
        self._endpoints = directory / "endpoints.json"
        self._endpoints.write_text(json.dumps(endpoints))
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        self._spawn()
        await _when(lambda: self.ask("status")["cycle"]["count"] > 2)

    def _spawn(self) -> None:
        run = [sys.executable, "-m", "bms", "run", str(self.directory)]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*run, "--endpoints", str(self._endpoints)], stdout=log, stderr=log
            )

    def ask(self, op: str, **args: Any) -> Any:
        return ask(self.directory / "state", op, **args)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()


@asynccontextmanager
async def controller(directory: Path) -> AsyncIterator[tuple[Controller, dict[str, float]]]:
    write(directory, FILES)
    told: dict[str, float] = {}
    (link,) = read_links(directory)
    server = ModbusServer(link.points, told.update)
    await server.start()
    process = Controller(directory, {"plc": server.endpoint()})
    try:
        yield process, told
    finally:
        process.kill()
        await server.stop()


async def test_overrides_survive_kill_9_and_end_at_the_same_instant(tmp_path: Path) -> None:
    async with controller(tmp_path) as (bms, told):
        await bms.start()

        def put(point: str, value: str, **end: str) -> Any:
            return bms.ask("override.set", point=point, value=value, reason="belt", **end)

        speed = await asyncio.to_thread(put, "b.holds.speed", "33", duration="1h")
        fan = await asyncio.to_thread(put, "b.lets-go.enable", "off", duration="1h")
        gone = await asyncio.to_thread(put, "b.lets-go.speed", "44", duration="1h")
        bms.kill()  # the very moment that it said so
        await bms.start()
        rows = await asyncio.to_thread(bms.ask, "override.list")
        assert [(r["id"], r["value"], r["until"]) for r in rows] == [
            (o["id"], o["value"], o["until"]) for o in (speed, fan, gone)
        ]
        assert rows[0]["owner"] == getpass.getuser()
        assert rows[0]["then"]["text"].startswith("then back to its group b.air: 80 (otherwise")
        await _when(lambda: (told.get("b.holds.speed"), told.get("b.lets-go.enable")) == (33, 0))
        during = datetime.now(UTC).isoformat()

        def recorded() -> bool:
            with History(tmp_path / "state", read_only=True) as history:
                row = history.award_at("b.holds.speed", datetime.now(UTC))
            return row is not None and row.award is not None and row.award.value == 33

        await _when(recorded)  # the disk has its own thread: a moment after the machine was told
        await asyncio.to_thread(lambda: bms.ask("override.clear", override=str(gone["id"])))
        bms.kill()  # and so does a release
        begun = datetime.now(UTC)
        await bms.start()
        took = datetime.now(UTC) - begun
        rows = await asyncio.to_thread(bms.ask, "override.list")
        assert [r["id"] for r in rows] == [speed["id"], fan["id"]]

        # Extended, ended while nobody was there, and released in the first cycle.
        short = await asyncio.to_thread(put, "b.holds.speed", "35", duration="1s")
        # It is to end when the controller is back, however long that takes on this machine.
        until = (datetime.now(UTC) + 2 * took + timedelta(seconds=2)).isoformat()
        longer = await asyncio.to_thread(
            lambda: bms.ask("override.extend", override=str(short["id"]), until=until, reason="y")
        )
        await _when(lambda: told.get("b.holds.speed") == 35)
        bms.kill()
        await bms.start()
        assert told["b.holds.speed"] == 35
        await _when(lambda: told.get("b.holds.speed") == 80)
        end = datetime.fromisoformat(until)
        with pytest.raises(Refused, match="no override"):
            await asyncio.to_thread(lambda: bms.ask("override.clear", override=str(longer["id"])))
        past = await asyncio.to_thread(lambda: bms.ask("override.past", back="1h"))
        assert [(r["id"], r["how"].split(" by ")[0]) for r in past] == [
            (speed["id"], "replaced"),
            (gone["id"], "cleared"),
            (longer["id"], "expired"),
        ]

        def released() -> Any:
            with History(tmp_path / "state", read_only=True) as history:
                rows = history.awards("b.holds.speed", end - timedelta(seconds=5), end + MINUTE)
            return [r.time for r in rows if r.award and r.award.winner.source[:3] == "on_"]

        (when, *_) = await _when(released)
        # At the first cycle (every 50 ms) from its end on, and never before.
        assert timedelta(0) <= when - end < timedelta(seconds=2)
        # Why, then: of a moment before a kill, told by the controller and without it.
        point = "b.holds.speed"
        told_live = await asyncio.to_thread(lambda: bms.ask("why", point=point, at=during))
        bms.kill()
        told_offline = await asyncio.to_thread(_why, tmp_path, point, during)
    assert told_offline == told_live
    assert told_live["winner"]["reason"] == f"override by {getpass.getuser()}: belt"
    assert told_live["winner"]["expires"] == speed["until"]
    assert [c["source"] for c in told_live["losers"]] == ["on_off:b.air"]
    (by_setpoint, by_mode) = told_live["behind"]
    assert by_setpoint["point"] == "b.air.speed_pct"
    assert by_mode["winner"]["reason"].endswith("schedules/air.yaml:3")
    notes = [n for n in audit.entries(tmp_path / "state") if n["what"] != "schedule.adopted"]
    assert [(n["what"], n["override"]) for n in notes] == [
        ("override.set", speed["id"]),
        ("override.set", fan["id"]),
        ("override.set", gone["id"]),
        ("override.clear", gone["id"]),
        ("override.set", short["id"]),
        ("override.extend", short["id"]),
    ]
    assert audit.verify(tmp_path / "state")[1] == []


def _why(site: Path, point: str, at: str) -> Any:
    words = [sys.executable, "-m", "bms", "why", str(site), point, "--at", at, "--json"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    return json.loads(done.stdout)


MINUTE = timedelta(minutes=1)


async def test_roles_hold_at_the_socket_and_costs_are_listed(tmp_path: Path) -> None:
    user = getpass.getuser()

    async def asked(directory: Path, op: str, **args: Any) -> Any:
        return await asyncio.to_thread(lambda: ask(directory / "state", op, **args))

    def holds(told: Mapping[str, Value], point: str, value: Value) -> bool:
        return told.get(point) == value

    lamp = {"point": "b.holds.enable", "value": "off", "reason": "belt"}
    for role, says in (("viewer", "may not override"), ("operator", "at most 1 d")):
        directory = tmp_path / role
        site_file = FILES["site.yaml"] + f"people: {{{user}: {role}}}\n"
        async with controlled(directory, **{"site.yaml": site_file}) as (_, _, told):
            await async_until(partial(holds, told, "b.holds.speed", 80.0))
            with pytest.raises(Refused, match=says):
                await asked(directory, "override.set", **lamp, duration="25h")
            with pytest.raises(Refused, match="engineers may"):
                await asked(directory, "raw.write", link="plc", place="coil:0", value="1",
                            reason="x")  # fmt: skip
            if role == "viewer":
                continue
            answer = await asked(directory, "override.set", **lamp, duration="24h")
            assert answer["left_s"] == 86400
            await async_until(partial(holds, told, "b.holds.enable", 0.0))
            (row,) = await asked(directory, "override.list")
            assert row["age_s"] >= 0
            # This fan has neither a register nor a rating: nothing is made up.
            while "no register" not in row["cost"]["detail"]:
                await asyncio.sleep(0.02)
                (row,) = await asked(directory, "override.list")
            assert row["cost"]["kwh"] is None
    kept = [n["what"] for n in audit.entries(tmp_path / "operator" / "state")]
    assert [what for what in kept if what != "schedule.adopted"] == ["override.set"]
