"""States as codes, from a device file to the wire and back."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.config.load import check, load
from bms.control import STRATEGIES
from drivers.base import Write, WriteStatus
from drivers.points import Quality
from tests.app.test_app import FILES
from tests.drivers.fieldbus import Device, bench

DRIVE = """\
device: drive
kind: fan
document: test
protocol: modbus
defaults: {table: holding, scale: 0.1}
points:
  enable: {address: 0, on: 0x47F, off: 0x47E, writable: true, release_value: false}
  status: {address: 1, on: [1, 2], off: 255, labels: {6: lock-out}}
  fault: {address: 2, type: uint16}
  speed: {address: 3, unit: "%", writable: true}
"""


def site(directory: Path, device: str) -> Path:
    files = {
        "site.yaml": FILES["site.yaml"],
        "links.yaml": FILES["links.yaml"],
        "devices/drive.yaml": device,
        "equipment/b.yaml": "base: b\nequipment:\n"
        "  fan: {kind: fan, device: drive, link: plc, unit: 1}\n",
        "groups/b.yaml": "base: b\ngroups: {air: {strategy: on_off, members: [fan]}}\n",
        "schedules/air.yaml": "schedule: air\ngoverns: [b.air]\n"
        "otherwise: {mode: 'on', speed_pct: 80}\nweek: {any: {}}\n",
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


@pytest.mark.case(
    "M13",
    when="A device file says which codes of a state or a command mean on and off",
    then="The codes are read and written; any other is BAD and is told in the file's own words",
)
async def test_codes_are_read_and_written_as_the_device_file_says(tmp_path: Path) -> None:
    found = load(site(tmp_path, DRIVE), STRATEGIES)
    points = list(found.links["plc"].points)
    device = Device({(1, 0): 0x47E, (1, 1): 255, (1, 2): 0, (1, 3): 805})
    async with bench(device, points) as b:

        async def read() -> dict[str, object]:
            samples = await b.driver.read(b.ids)
            return {
                s.point.rpartition(".")[2]: s.value if s.quality is Quality.GOOD else s.detail
                for s in samples
            }

        assert await read() == {"enable": False, "status": False, "fault": False, "speed": 80.5}
        (result,) = await b.driver.write([Write("b.fan.enable", 1)])
        assert (result.status, device.holding[1, 0]) == (WriteStatus.OK, 0x47F)
        device.holding |= {(1, 1): 2, (1, 2): 1}
        assert await read() == {"enable": True, "status": True, "fault": True, "speed": 80.5}
        device.holding |= {(1, 0): 6, (1, 1): 6, (1, 2): 6}
        assert await read() == {
            "enable": "code 6 means neither on nor off",
            "status": "code 6 (lock-out) means neither on nor off",
            "fault": "code 6 means neither on nor off",
            "speed": 80.5,
        }
        (result,) = await b.driver.write([Write("b.fan.enable", None)])
        assert (result.status, device.holding[1, 0]) == (WriteStatus.OK, 0x47E)


def test_words_alone_do_not_make_a_state(tmp_path: Path) -> None:
    words = DRIVE.replace("on: [1, 2], off: 255, ", "")
    _, problems = check(site(tmp_path, words), STRATEGIES)
    (problem,) = problems
    assert "'status' is a state, not a string" in problem.message
    assert problem.hint == "say which codes mean what: on: [1, 2], off: 0"
