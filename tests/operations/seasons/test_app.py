"""WithEffects a running controller: over its socket, by the command line, on real devices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner, Result

from bms.cli import main
from bms.core.errors import Refused
from bms.storage import audit
from tests.app.test_app import controlled
from tests.asking import ask
from tests.operations.seasons.site import SITE, USER, time_units
from tests.patience import async_until, patience

ZONE = ZoneInfo("Asia/Shanghai")
ALWAYS_OFF = """\
schedule: air
governs: [b.air]
otherwise: {mode: "off"}
week: {any: {}}
"""
BY_SEASON = """\
schedule: air
governs: [b.air]
seasons: base
otherwise: {mode: "off"}
week:
  summer: {daily: [{from: "00:00", to: "24:00", mode: "on", speed_pct: 90}]}
  winter: {daily: [{from: "00:00", to: "24:00", mode: "on", speed_pct: 50}]}
  transitional: {daily: [{from: "00:00", to: "24:00", mode: "on", speed_pct: 70}]}
"""
SPEEDS = {"summer": 90.0, "winter": 50.0, "transitional": 70.0}
SPEED, ENABLE = "b.holds.speed", "b.holds.enable"


@asynccontextmanager
async def switched(directory: Path, **changes: str) -> AsyncIterator[dict[str, float]]:
    """The site under control, and what its devices were last told."""
    async with controlled(directory, **{**SITE, **changes}) as (_, _, told):
        yield told


async def run(*args: object, stdin: str | None = None) -> Result:
    runner = CliRunner()
    return await asyncio.to_thread(runner.invoke, main, [str(a) for a in args], input=stdin)


async def cli(*args: object) -> Any:
    done = await run(*args, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


async def call(directory: Path, op: str, **args: object) -> Any:
    return await asyncio.to_thread(lambda: ask(directory / "state", op, **args))


def others(season: str) -> str:
    return "winter" if season == "transitional" else "transitional"


async def test_a_season_switched_by_hand_reaches_the_device_and_outlives_a_restart(
    tmp_path: Path,
) -> None:
    changes = {"schedules/air.yaml": BY_SEASON}
    async with switched(tmp_path, **changes) as told:
        await async_until(lambda: told.get(SPEED))
        (row,) = await cli("season", "list", tmp_path)
        assert told[SPEED] == SPEEDS[row["season"]]
        assert row["cause"] == "start"
        to = others(row["season"])
        args = (
            "season",
            "switch",
            tmp_path,
            "two-pipe",
            "--base",
            "b",
            "--to",
            to,
            "--reason",
            "mild",
        )
        unasked = await run(*args)
        assert unasked.exit_code == 4
        assert "--yes" in unasked.output
        trial = await cli(*args, "--dry-run")
        assert [s["season"] for s in trial["steps"]] == [to]
        (group,) = trial["groups"]
        assert {
            (c["point"], c["before"]["value"], c["after"]["value"]) for c in group["changes"]
        } == {("b.air.speed_pct", SPEEDS[row["season"]], SPEEDS[to])}
        shown = await run(*args, "--dry-run")
        assert f"speed_pct {SPEEDS[row['season']]:g} → {SPEEDS[to]:g}" in shown.output
        assert told[SPEED] == SPEEDS[row["season"]]
        await cli(*args, "--yes")
        await async_until(lambda: told[SPEED] == SPEEDS[to])
        why = await call(tmp_path, "why", point="b.air.speed_pct")
        assert f"({to})" in why["winner"]["reason"]
        back = await run(*args[:7], row["season"], "--reason", "no", "--yes")
        assert back.exit_code == 4
        assert "stays for at least 14 days" in back.output
    async with switched(tmp_path, **changes) as told:
        await async_until(lambda: told.get(SPEED) == SPEEDS[to])
        (after,) = await cli("season", "list", tmp_path)
        assert (after["season"], after["who"]) == (to, USER)
        assert "mild" in after["reason"]
        shown = await run("season", "show", tmp_path, "two-pipe", "--base", "b")
        assert "mild" in shown.output
        status = await run("status", tmp_path)
        assert f"season of b (two-pipe): {to}" in status.output
    entries = [e for e in audit.entries(tmp_path / "state") if e["what"] == "season.switch"]
    assert [(e["who"], e["cause"]) for e in entries] == [("bms", "start"), (USER, "hand")]


async def test_an_overlay_is_set_renewed_and_cleared(tmp_path: Path) -> None:
    changes = {"schedules/air.yaml": BY_SEASON}
    async with switched(tmp_path, **changes) as told:
        await async_until(lambda: told.get(SPEED))
        usual = told[SPEED]
        trial = await run(
            "overlay", "set", tmp_path, "epidemic", "full", "--reason", "case", "--dry-run"
        )
        assert "100" in trial.output
        assert "nothing was changed" in trial.output
        set_ = await cli(
            "overlay", "set", tmp_path, "epidemic", "full", "--reason", "case", "--yes"
        )
        assert set_["level"] == "full"
        await async_until(lambda: told[SPEED] == 100)
        why = await call(tmp_path, "why", point="b.air.speed_pct")
        assert why["winner"]["priority"] == 12
        assert f"by {USER}: case" in why["winner"]["reason"]
        assert why["losers"][0]["value"] == usual
        renewed = await cli(
            "overlay", "renew", tmp_path, "epidemic", "--for", "13d", "--reason", "x", "--yes"
        )
        assert renewed["until"] != set_["until"]
        (row,) = await cli("overlay", "list", tmp_path)
        assert (row["level"], row["until"]) == ("full", renewed["until"])
        preview = await run("schedule", "preview", tmp_path, "b.air", "--days", "1")
        assert "overlay epidemic full" in preview.output
        await cli("overlay", "clear", tmp_path, "epidemic", "--reason", "over", "--yes")
        await async_until(lambda: told[SPEED] == usual)
        twice = await run("overlay", "clear", tmp_path, "epidemic", "--reason", "over", "--yes")
        assert twice.exit_code == 4
        assert "epidemic is off" in twice.output


async def test_a_level_ends_by_itself(tmp_path: Path) -> None:
    async with switched(tmp_path, **{"schedules/air.yaml": BY_SEASON}) as told:
        await async_until(lambda: told.get(SPEED))
        usual = told[SPEED]
        await cli(
            "overlay", "set", tmp_path, "epidemic", "full", "--for", "1s", "--reason", "x", "--yes"
        )
        await async_until(lambda: told[SPEED] == 100)
        await async_until(lambda: told[SPEED] == usual)
        (row,) = await cli("overlay", "list", tmp_path)
        assert (row["level"], row["ended"]) == ("off", True)


async def test_an_extension_runs_the_area_and_ends_at_the_same_instant_after_a_restart(
    tmp_path: Path,
) -> None:
    late = {"schedules/time-units.yaml": time_units().replace('"23:30"', '"+04:00"')}
    changes = {"schedules/air.yaml": ALWAYS_OFF, **late}
    async with switched(tmp_path, **changes) as told:
        assert not told.get(ENABLE)
        answer = await cli(
            "unit", "extend", tmp_path, "dressing-room", "--for", "5s", "--set", "speed_pct=60",
            "--reason", "late shift",
        )  # fmt: skip
        (extension,) = answer["extensions"]
        await async_until(lambda: told.get(ENABLE) == 1 and told.get(SPEED) == 60)
        why = await call(tmp_path, "why", point="b.air.mode")
        assert why["winner"]["priority"] == 15
        assert USER in why["winner"]["reason"]
        assert "late shift" in why["winner"]["reason"]
        assert "time-units.yaml:" in why["winner"]["reason"]
        (row,) = await cli("unit", "list", tmp_path)
        assert row["extensions"][0]["until"] == extension["until"]
        preview = await run("schedule", "preview", tmp_path, "b.air", "--days", "2")
        assert "late shift" in preview.output
    # The devices of the rig begin anew, all off: machines start in their turn, a minute later.
    async with switched(tmp_path, **changes):
        (live,) = (await call(tmp_path, "status"))["extensions"]
        assert live["until"] == extension["until"]
        await _mode(tmp_path, "on")
        await _mode(tmp_path, "off")
        late_s = (datetime.now(ZONE) - datetime.fromisoformat(extension["until"])).total_seconds()
        # The end is told to the second; one cycle decides.
        assert 0 <= late_s <= 2.0
    what = [e["what"] for e in audit.entries(tmp_path / "state")]
    assert "unit.extend" in what


async def _mode(directory: Path, wanted: str) -> None:
    async with patience():
        while True:
            winner = (await call(directory, "why", point="b.air.mode"))["winner"]
            if winner is not None and winner["value"] == wanted:
                return
            await asyncio.sleep(0.02)


async def test_people_who_are_not_named_are_refused(tmp_path: Path) -> None:
    changes = {
        "schedules/air.yaml": BY_SEASON, "schedules/time-units.yaml": time_units("somebody"),
    }  # fmt: skip
    async with switched(tmp_path, **changes):
        for command in (("extend", "--for", "1h"), ("cancel",), ("resume",)):
            done = await run(
                "unit", command[0], tmp_path, "dressing-room", *command[1:], "--reason", "x"
            )
            assert done.exit_code == 4
            assert f"{USER} is not among the people of dressing-room: somebody" in done.output


async def test_cancelling_switches_off_and_resuming_on_again(tmp_path: Path) -> None:
    async with switched(tmp_path, **{"schedules/air.yaml": BY_SEASON}) as told:
        await async_until(lambda: told.get(ENABLE) == 1)
        done = await run("unit", "cancel", tmp_path, "dressing-room", "--reason", "nobody here")
        assert done.exit_code == 0, done.output
        assert "b.air off from " in done.output
        await async_until(lambda: told[ENABLE] == 0)
        shown = await run("unit", "show", tmp_path, "dressing-room")
        assert "nobody here" in shown.output
        assert "240 min at a time" in shown.output
        await run("unit", "resume", tmp_path, "dressing-room", "--reason", "back")
        await async_until(lambda: told[ENABLE] == 1)


@pytest.mark.parametrize(
    ("op", "args"),
    [
        ("season.switch", {"set": "two-pipe", "base": "b", "to": "winter"}),
        ("season.switch", {"set": 3, "base": "b", "to": "winter", "reason": "x"}),
        ("overlay.set", {"overlay": "epidemic", "level": "full", "until": 7, "reason": "x"}),
        (
            "unit.extend",
            {"unit": "dressing-room", "duration": "1h", "setpoints": [1], "reason": "x"},
        ),
        (
            "unit.extend",
            {
                "unit": "dressing-room",
                "duration": "1h",
                "setpoints": {"speed_pct": "a"},
                "reason": "x",
            },
        ),
        ("unit.extend", {"unit": "dressing-room", "duration": "1h"}),
        ("season.show", {"set": "two-pipe"}),
    ],
)
async def test_what_is_no_request_is_said_to_be_none(
    tmp_path: Path, op: str, args: dict[str, object]
) -> None:
    async with switched(tmp_path):
        with pytest.raises(Exception, match=r"'|number") as caught:
            await call(tmp_path, op, **args)
        assert type(caught.value).__name__ == "InvalidInput"
        status = await call(tmp_path, "status")
        assert status["extensions"] == []


async def test_changes_at_once_are_carried_out_one_after_the_other(tmp_path: Path) -> None:
    late = {"schedules/time-units.yaml": time_units().replace('"23:30"', '"+04:00"')}
    async with switched(tmp_path, **{"schedules/air.yaml": ALWAYS_OFF, **late}):

        async def one(n: int) -> Any:
            return await call(
                tmp_path, "unit.extend", unit="dressing-room", duration=f"{n + 1}m", reason="x"
            )

        answers = await asyncio.gather(*(one(n) for n in range(8)))
        ids = sorted(answer["extensions"][0]["id"] for answer in answers)
        assert ids == list(range(1, 9))
        (row,) = await cli("unit", "list", tmp_path)
        (left,) = row["extensions"]  # the last one asked for; it has ended those before
        assert left["id"] == 8


async def test_an_engineer_only_switches_seasons(tmp_path: Path) -> None:
    people = SITE["site.yaml"].replace("guest: viewer", f"{USER}: operator")
    async with switched(tmp_path, **{"site.yaml": people}):
        with pytest.raises(Refused, match="engineers may"):
            await call(
                tmp_path, "season.switch", set="two-pipe", base="b", to="winter", reason="x",
                dry_run=True,
            )  # fmt: skip
