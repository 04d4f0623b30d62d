"""The proofs of the first issue, from outside: processes, files, sockets and the wire."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pymodbus.client import AsyncModbusTcpClient
from ruamel.yaml import YAML

from tests.acceptance.park import Park, bms, running_park
from tests.patience import until

LIGHT = "binjiang.light-1"
GROUP = "binjiang.lighting"


@pytest.fixture(scope="module")
def shared_park(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Park]:
    with running_park(tmp_path_factory.mktemp("park")) as running:
        yield running


@pytest.fixture
def park(shared_park: Park) -> Iterator[Park]:
    """The one running park; each test finds its files as they were, and a controller."""
    if shared_park.controller is None or shared_park.controller.poll() is not None:
        shared_park.start_controller()
    texts = {path: path.read_bytes() for path in (shared_park.site / "schedules").rglob("*.yaml")}
    yield shared_park
    assert shared_park.controller is not None
    for path, text in texts.items():
        if path.read_bytes() != text:
            path.write_bytes(text)
    if shared_park.controller.poll() is None:
        until(lambda: _restored(shared_park), "the light runs by its own schedule again")


def _restored(park: Park) -> bool:
    answer = park.why(f"{LIGHT}.enable")
    winner = answer["winner"]
    return bool("trial" not in winner["reason"] and answer["field"]["value"] == winner["value"])


def wire(park: Park, equipment: str, role: str) -> int:
    """One bit or register as an independent client reads it, found in the site's own files."""
    yaml = YAML(typ="safe", pure=True)
    base, _, name = equipment.partition(".")
    for path in (park.site / "equipment").glob("*.yaml"):
        file = yaml.load(path.read_text(encoding="utf-8"))
        if file["base"] == base and name in file["equipment"]:
            entry = file["equipment"][name]
    (device,) = (
        found
        for path in (park.site / "devices").glob("*.yaml")
        if (found := yaml.load(path.read_text(encoding="utf-8")))["device"] == entry["device"]
    )
    point = device.get("defaults", {}) | device["points"][role]
    endpoint = park.endpoints[entry["link"]]

    async def read() -> int:
        client = AsyncModbusTcpClient(endpoint["host"], port=endpoint["port"], retries=0)
        assert await client.connect()
        try:
            unit, address = int(entry["unit"]), point["address"]
            if point["table"] == "coil":
                return int((await client.read_coils(address, device_id=unit)).bits[0])
            if point["table"] == "holding":
                return (await client.read_holding_registers(address, device_id=unit)).registers[0]
            raise AssertionError(f"{role} is not writable")
        finally:
            client.close()

    return asyncio.run(read())


def schedule_file(park: Park, group: str) -> Path:
    (found,) = (
        path
        for path in (park.site / "schedules").glob("*.yaml")
        if f"{group}]" in path.read_text(encoding="utf-8")
        or f"- {group}\n" in path.read_text(encoding="utf-8")
        or f"{group}," in path.read_text(encoding="utf-8")
    )
    return found


def today() -> str:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date().isoformat()


def with_exception(text: str, mode: str) -> tuple[str, int]:
    """The schedule with an exception for today in first place; also the line it stands on."""
    line = (
        f"  - {{name: trial, dates: [{today()}], do: replace, "
        f'blocks: [{{from: "00:00", to: "24:00", mode: "{mode}"}}]}}\n'
    )
    if "\nexceptions:\n" in text:
        head, tail = text.split("\nexceptions:\n", 1)
        edited = f"{head}\nexceptions:\n{line}{tail}"
    else:
        head = text.rstrip("\n")
        edited = f"{head}\nexceptions:\n{line}"
    return edited, head.count("\n") + 3


def test_schedule_edit_reaches_the_wire(park: Park) -> None:
    before = wire(park, LIGHT, "enable")
    path = schedule_file(park, GROUP)
    edited, line = with_exception(path.read_text(encoding="utf-8"), "off" if before else "on")

    path.write_text(edited, encoding="utf-8")
    until(lambda: wire(park, LIGHT, "enable") != before, "the coil follows the edited schedule")

    answer = park.why(f"{LIGHT}.enable")
    assert f"{path.name}:{line}" in answer["winner"]["reason"]
    said = bms("why", park.site, f"{LIGHT}.enable").stdout
    assert f"{path.name}:{line}" in said
    assert "trial" in said


def test_broken_edit_keeps_the_last_good_schedule(park: Park) -> None:
    before = wire(park, LIGHT, "enable")
    path = schedule_file(park, GROUP)
    good = path.read_text(encoding="utf-8")
    broken, line = with_exception(good, "offf" if before else "onn")

    path.write_text(broken, encoding="utf-8")
    status = until(
        lambda: (s := park.status())["schedules"]["problems"] and s, "the edit is rejected"
    )
    assert any(f"{path.name}:{line}:" in text for text in status["schedules"]["problems"])
    until(
        lambda: any(alarm["key"] == "schedules:rejected" for alarm in park.status()["alarms"]),
        "an alarm says so",  # beside that of December, when next year's holidays are missing
    )
    assert wire(park, LIGHT, "enable") == before
    checked = bms("check", park.site, check=False)
    assert checked.returncode == 2
    assert f"{path.name}:{line}:" in checked.stderr
    assert "did you mean" in checked.stderr

    path.write_text(good, encoding="utf-8")
    until(lambda: not park.status()["schedules"]["problems"], "the repaired file is adopted")


@pytest.mark.slow
def test_override_survives_kill_and_ends_at_the_same_instant(park: Park) -> None:
    point = f"{LIGHT}.enable"
    before = wire(park, LIGHT, "enable")
    wanted = 1 - before
    # Long enough for another start, on a machine as busy as this one.
    lasts_s = round(2 * park.started_in_s) + 8
    set_ = json.loads(
        bms(
            "override", "set", park.site, point, "on" if wanted else "off",
            "--for", f"{lasts_s}s", "--reason", "lamp test", "--json",
        ).stdout
    )  # fmt: skip
    until(lambda: wire(park, LIGHT, "enable") == wanted, "the override reaches the wire")

    park.kill_controller()
    assert bms("status", park.site, check=False).returncode == 3
    park.start_controller()

    listed = json.loads(bms("override", "list", park.site, "--json").stdout)
    assert [(o["id"], o["point"], o["until"]) for o in listed] == [
        (set_["id"], point, set_["until"])
    ]
    assert wire(park, LIGHT, "enable") == wanted
    assert park.why(point)["winner"]["expires"] == set_["until"]

    until(lambda: wire(park, LIGHT, "enable") == before, "the override ends")
    # `until` is shown to the second.
    assert time.time() >= datetime.fromisoformat(set_["until"]).timestamp() - 1.0
    assert park.why(point)["winner"]["slot"] != "operator"


def test_a_dead_link_hurts_nobody_else(park: Park) -> None:
    links = {link["id"]: link for link in park.status()["links"]}
    dead = "cq-warehouse"
    park.tell_servers(f"stop {dead}")

    def none_is_good() -> bool:
        rows = park.points("chongqing.ahu-*")
        assert len(rows) >= 64
        return all(row["quality"] != "good" for row in rows)

    # Each machine answers in two blocks, read at two moments: all of them, not one point each.
    until(none_is_good, "the dead link shows no good point")
    first = park.status()["cycle"]["count"]

    def six_cycles_later() -> bool:
        assert none_is_good()
        return bool(park.status()["cycle"]["count"] >= first + 6)

    until(six_cycles_later, "six cycles without the link")

    def others_are_whole() -> bool:
        others = [link for link in park.status()["links"] if link["id"] != dead]
        return all(link["online"] and link["good"] == links[link["id"]]["good"] for link in others)

    # A busy machine may be late with one answer; a link that is hurt stays so.
    until(others_are_whole, "every other link has all its points")

    park.tell_servers(f"start {dead}")
    until(
        lambda: (
            next(x for x in park.status()["links"] if x["id"] == dead)["good"]
            == links[dead]["good"]
        ),
        "the link comes back by itself",
    )


def test_the_commands_answer_people_and_programs(park: Park) -> None:
    status = bms("status", park.site).stdout
    assert "warehouse" in status
    assert "points:" in status
    rows = json.loads(bms("points", park.site, "binjiang.ch-*", "--json").stdout)
    assert {row["point"].rsplit(".", 1)[1] for row in rows} >= {"enable", "status"}
    unknown = bms("why", park.site, "binjiang.light-1.enabel", check=False)
    assert unknown.returncode == 2
    assert "binjiang.light-1.enable" in unknown.stderr
    measured = bms(
        "override", "set", park.site, "binjiang.meter-main.power", "1",
        "--for", "1h", "--reason", "x", check=False,
    )  # fmt: skip
    assert measured.returncode == 4
    assert "measured" in measured.stderr
    long = bms(
        "override", "set", park.site, f"{LIGHT}.enable", "on",
        "--for", "30d", "--reason", "x", check=False,
    )  # fmt: skip
    assert long.returncode == 4
    unsaid = bms("override", "set", park.site, f"{LIGHT}.enable", "on", check=False)
    assert unsaid.returncode == 2
    preview = bms("schedule", "preview", park.site, GROUP, "--days", "3").stdout
    assert ".yaml:" in preview


def test_sigterm_stops_cleanly_and_a_second_controller_is_refused(park: Park) -> None:
    second = bms("run", park.site, "--endpoints", park.endpoints_file, check=False)
    assert second.returncode == 4
    assert "already running" in second.stderr
    park.stop_controller()
    assert "Traceback" not in park.log.read_text()
    gone = bms("points", park.site, check=False)
    assert gone.returncode == 3
    assert "bms run" in gone.stderr
