"""Days of the demo park on which people switch: seasons and epidemic ventilation (S8 of the
sources), the warehouse's and the dressing rooms' own time (S9, S12). Read at the devices."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.core.errors import Refused
from bms.storage import audit
from tests.acceptance.driven import Driven, driven

FANS = ("binjiang.show-fan-1", "binjiang.show-fan-2")
COILS = ("binjiang.show-fc-1", "binjiang.show-fc-2")
AHUS = tuple(f"chongqing.ahu-{n:02}" for n in range(1, 65))
DRESSING = ("chongqing.dress-fan-1", "chongqing.dress-fan-2")


def of(machines: tuple[str, ...], role: str) -> list[str]:
    return [f"{machine}.{role}" for machine in machines]


async def test_s8_a_season_switched_by_hand_changes_what_the_devices_do(tmp_path: Path) -> None:
    # A Tuesday; by the dates it is summer, and the showroom's people have the last word.
    async with driven(tmp_path, "2026-09-22T08:00") as park:
        await park.until("2026-09-22T10:00")
        assert park.devices(*of(FANS, "speed")) == [70, 70]
        assert park.devices(*of(COILS, "zone_setpoint")) == [25, 25]
        trial = await park.ask(
            "season.switch", set="showroom", base="binjiang", to="transitional",
            at="tomorrow 00:00", reason="mild weather", dry_run=True,
        )  # fmt: skip
        assert [line["en"] for line in trial["checklist"]] == ["The water valves are closed"]
        assert [g["group"] for g in trial["groups"]] == ["binjiang.showroom"]
        with pytest.raises(Refused, match="engineers may"):
            await park.ask(
                "season.switch", "shop.keeper", set="showroom", base="binjiang", to="transitional",
                at="tomorrow 00:00", reason="mild weather",
            )  # fmt: skip
        await park.ask(
            "season.switch", set="showroom", base="binjiang", to="transitional",
            at="tomorrow 00:00", reason="mild weather",
        )  # fmt: skip
        await park.until("2026-09-22T17:00")
        assert park.devices(*of(FANS, "speed")) == [70, 70]
        park.power_cut()
        await park.until("2026-09-23T08:55")
        assert park.devices(*of(FANS, "enable")) == [0, 0]  # transitional opens at 09:00
        await park.until("2026-09-23T10:00")
        assert park.devices(*of(FANS, "speed")) == [100, 100]
        assert "(transitional)" in park.why("binjiang.showroom.mode")
        (view,) = [v for v in await park.ask("season.list") if v["set"] == "showroom"]
        assert "switched by root: mild weather" in view["reason"]


async def test_s8_epidemic_ventilation_is_full_and_goes_on_for_an_hour(tmp_path: Path) -> None:
    async with driven(tmp_path, "2026-07-07T08:00") as park:
        await park.until("2026-07-07T10:00")
        assert park.devices(*of(FANS, "speed")) == [70, 70]
        trial = await park.ask(
            "overlay.set", overlay="epidemic", level="full", reason="a case", dry_run=True
        )
        assert {g["group"] for g in trial["groups"]} == {
            "binjiang.showroom", "chongqing.dressing-room",
        }  # fmt: skip
        await park.ask(
            "overlay.set", overlay="epidemic", level="full", duration="3d", reason="a case"
        )
        await park.until("2026-07-07T10:05")
        assert park.devices(*of(FANS, "speed")) == [100, 100]
        assert park.devices(*of(DRESSING, "speed")) == [100, 100]
        assert park.devices(*of(DRESSING, "enable")) == [1, 1]  # outside of its blocks, too
        assert "epidemic full" in park.why("binjiang.showroom.speed_pct")
        assert "by root: a case" in park.why("binjiang.show-fan-1.speed")
        # The showroom closes at 18:00; a power cut in between changes nothing.
        await park.until("2026-07-07T18:30")
        park.power_cut()
        await park.until("2026-07-07T18:58")
        assert park.devices(*of(FANS, "enable"), *of(FANS, "speed")) == [1, 1, 100, 100]
        await park.until("2026-07-07T19:05")
        assert park.devices(*of(FANS, "enable")) == [0, 0]
        # It ends by itself and says so before and after.
        await park.until("2026-07-09T10:00")
        assert "unless somebody renews it" in alarms(park)
        await park.until("2026-07-10T10:05")
        assert "nobody renewed it" in alarms(park)
        assert park.devices(*of(FANS, "speed")) == [70, 70]


def alarms(park: Driven) -> str:
    return "; ".join(alarm.text for alarm in park.runtime.engine.alarms())


async def test_s9_the_warehouse_extends_itself_within_its_limits(tmp_path: Path) -> None:
    async with driven(tmp_path, "2026-07-07T16:00") as park:
        await park.until("2026-07-07T17:30")
        assert sum(park.devices(*of(AHUS, "enable"))) == 64
        ask = {"unit": "warehouse", "target": "warehouse", "reason": "stock-taking"}
        with pytest.raises(Refused, match=r"guard is not among the people.*li\.na"):
            await park.ask("unit.extend", "guard", until="20:30", **ask)
        with pytest.raises(Refused, match="at most 180 min"):
            await park.ask("unit.extend", "li.na", duration="4h", **ask)
        with pytest.raises(Refused, match="is 24 to 28"):
            await park.ask(
                "unit.extend", "li.na", duration="1h", setpoints={"zone_setpoint_c": 20}, **ask
            )
        answer = await park.ask("unit.extend", "li.na", until="20:30", **ask)
        assert [e["until"] for e in answer["extensions"]] == ["2026-07-07T20:30:00+08:00"]
        await park.until("2026-07-07T19:00")
        assert sum(park.devices(*of(AHUS, "enable"))) == 64  # the block ended at 18:00
        assert park.devices("chongqing.ahu-01.zone_setpoint") == [26]
        reason = park.why("chongqing.ahu-01.enable")
        assert "li.na" in reason
        assert "stock-taking" in reason
        assert (
            sum(park.devices(*of(tuple(f"chongqing.fc-{n}" for n in range(1, 8)), "enable"))) == 0
        )
        park.power_cut()
        await park.until("2026-07-07T20:29")
        assert sum(park.devices(*of(AHUS, "enable"))) == 64
        await park.until("2026-07-07T20:31")
        assert sum(park.devices(*of(AHUS, "enable"))) == 0
        with pytest.raises(Refused, match="may run until 22:00"):
            await park.ask("unit.extend", "li.na", duration="2h", **ask)
        await park.until("2026-07-12T10:00")
        with pytest.raises(Refused, match="may be extended on mon"):  # a Sunday
            await park.ask("unit.extend", "li.na", duration="1h", **ask)
        told = [e for e in audit.entries(tmp_path) if e["what"] == "unit.extend"]
        assert [(e["who"], e["why"]) for e in told] == [("li.na", "stock-taking")]


async def test_s9_nobody_works_today_and_the_warehouse_stays_off(tmp_path: Path) -> None:
    async with driven(tmp_path, "2026-07-07T08:00") as park:
        await park.until("2026-07-07T09:00")
        assert sum(park.devices(*of(AHUS, "enable"))) == 64
        await park.ask(
            "unit.cancel",
            "wang.wei",
            unit="warehouse",
            target="warehouse",
            reason="inventory moved",
        )
        await park.until("2026-07-07T09:30")
        assert sum(park.devices(*of(AHUS, "enable"))) == 0
        assert "inventory moved" in park.why("chongqing.warehouse.mode")
        await park.until("2026-07-08T07:45")  # the next day is as ever
        assert sum(park.devices(*of(AHUS, "enable"))) == 64


async def test_s12_the_dressing_room_runs_past_midnight_and_goes_off_by_itself(
    tmp_path: Path,
) -> None:
    async with driven(tmp_path, "2026-07-07T23:00") as park:
        await park.until("2026-07-07T23:30")
        assert park.devices(*of(DRESSING, "enable")) == [0, 0]
        await park.ask(
            "unit.extend", "chen.jie", unit="dressing-room", until="tomorrow 01:00",
            setpoints={"speed_pct": 50}, reason="late shift",
        )  # fmt: skip
        await park.until("2026-07-08T00:30")
        assert park.devices(*of(DRESSING, "enable"), *of(DRESSING, "speed")) == [1, 1, 50, 50]
        await park.until("2026-07-08T01:02")
        assert park.devices(*of(DRESSING, "enable")) == [0, 0]
        await park.until("2026-07-08T06:00")
        with pytest.raises(Refused, match="not switch it off"):
            await park.ask("unit.cancel", "chen.jie", unit="dressing-room", reason="quiet")
