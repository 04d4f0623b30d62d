"""Emergency lighting, which nobody may switch: files, people, raw writes, old overrides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.config.load import check
from bms.config.site import Site
from bms.control import STRATEGIES, assemble
from bms.control.protect.by_hand import lockable
from bms.core.decisions import Override
from bms.core.errors import Refused
from bms.field.commissioning.raw_access import Register, touches
from bms.operations.overrides import orphaned
from bms.operations.overrides.planning import wanted
from bms.operations.requests.override_requests import SetOverride
from bms.operations.requests.raw_requests import WriteRaw
from bms.operations.use_cases.raw_cases import write_directly
from bms.texts.problems import Problem
from drivers.points import OpcUaAddress
from tests.config.sites import write

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
FILES = {
    "site.yaml": "id: small\nzone: Asia/Shanghai\nbases: {b: {}}\n",
    "links.yaml": "links:\n  plc: {protocol: modbus_tcp, host: 127.0.0.1}\n",
    "devices/lamps.yaml": """\
device: lamps
kind: lighting_circuit
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true}
  status: {table: discrete, address: 0, type: bool}
  level: {table: holding, address: 0, type: uint16, unit: "%", writable: true}
""",
    "equipment/b.yaml": """\
base: b
equipment:
  l-1: {kind: lighting_circuit, device: lamps, link: plc, unit: 1}
  exit-1: {kind: lighting_circuit, device: lamps, link: plc, unit: 2, emergency: true}
""",
    "groups/b.yaml": "base: b\ngroups:\n  hall: {strategy: lighting, members: [l-1]}\n",
    "schedules/hall.yaml": "schedule: hall\ngoverns: [b.hall]\notherwise: {mode: 'on'}\n"
    "week: {any: {}}\n",
}


def checked(directory: Path, **changes: str) -> tuple[Site | None, list[Problem]]:
    return check(write(directory, {**FILES, **changes}), STRATEGIES)


def site_of(directory: Path, **changes: str) -> Site:
    site, _ = checked(directory, **changes)
    assert site is not None
    return site


def commanded(site: Site) -> set[str]:
    return {point for controller in assemble(site, ()) for point in controller.writes}


def test_its_points_are_read_and_never_written(tmp_path: Path) -> None:
    assert checked(tmp_path / "a")[1] == []
    site = site_of(tmp_path / "b")
    assert "b.exit-1.status" in {p.id for link in site.links.values() for p in link.points}
    assert not any("exit-1" in point for point in site.outputs)
    assert lockable(site.equipment["b.exit-1"]) is None


@pytest.mark.case(
    "P57",
    when="Emergency lighting is put into a group, a schedule, a default, an override or a raw "
    "write.",
    then="Each is refused. Where a site runs already, all but that goes on, with one alarm.",
)
@pytest.mark.parametrize("strategy", ["lighting", "on_off"])
def test_it_is_in_no_group_schedule_or_default(tmp_path: Path, strategy: str) -> None:
    group = FILES["groups/b.yaml"].replace("[l-1]", "[l-1, exit-1]").replace("lighting", strategy)
    schedule = FILES["schedules/hall.yaml"].replace("[b.hall]", "[b.hall, b.exit-1]")
    for name, changes in {
        "group": {"groups/b.yaml": group},
        "schedule": {"schedules/hall.yaml": schedule},
        "both": {"groups/b.yaml": group, "schedules/hall.yaml": schedule},
    }.items():
        site, problems = checked(tmp_path / name, **changes)
        assert problems != []
        assert {problem.withholds for problem in problems} == {"b.exit-1"}
        assert all("emergency lighting" in problem.message for problem in problems)
        assert site is not None
        assert site.unmet == tuple(problems)
        assert "b.l-1.enable" in commanded(site)
        assert not any("exit-1" in point for point in commanded(site))
    default = FILES["equipment/b.yaml"].replace(
        "emergency: true", "emergency: true, outputs: {enable: {default: 0}}"
    )
    assert checked(tmp_path / "default", **{"equipment/b.yaml": default})[1] != []


def test_its_registers_cannot_be_given_to_another_name(tmp_path: Path) -> None:
    twin = FILES["equipment/b.yaml"] + (
        "  other: {kind: lighting_circuit, device: lamps, link: plc, unit: 2}\n"
    )
    site, problems = checked(tmp_path, **{"equipment/b.yaml": twin})
    assert site is None
    assert problems != []


def test_people_cannot_override_it_and_an_old_override_is_told(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    asked = SetOverride(point="b.exit-1.enable", value="off", reason="dark room", duration="1h")
    with pytest.raises(Refused, match="emergency lighting"):
        wanted(site, asked, "wang", NOW, lambda _group: None)
    end = NOW + timedelta(hours=1)
    old = Override(1, "b.exit-1.enable", 0, NOW, end, "before", "wang")
    (condition,) = orphaned.conditions(site, [old])
    assert "b.exit-1.enable" in condition.text


async def test_raw_writes_spare_it(tmp_path: Path) -> None:
    site = site_of(tmp_path)
    for place in ("coil:0", "holding:0"):
        asked = WriteRaw(link="plc", place=place, unit=2, value="0", reason="test")
        with pytest.raises(Refused, match="emergency lighting"):
            await write_directly(site, asked, "root", lambda: NOW)


def test_what_a_raw_write_touches() -> None:
    site_address = Register(2, "holding", 4).as_address()
    assert touches(Register(2, "holding", 4), site_address)
    assert touches(Register(2, "holding", 3, type="float32"), site_address)
    assert not touches(Register(2, "holding", 5), site_address)
    assert not touches(Register(1, "holding", 4), site_address)
    assert not touches(Register(2, "coil", 4), site_address)
    node = OpcUaAddress("urn:maker", "s=Exit.Enable")
    assert touches("ns=2;s=Exit.Enable", node)
    assert not touches("ns=2;s=Hall.Enable", node)
    assert not touches("ns=2;s=Exit.Enable", site_address)
