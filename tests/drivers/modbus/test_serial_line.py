"""A serial adapter that is pulled out and put back: the line comes back under the same name."""

from __future__ import annotations

import asyncio
import os
import struct
import tty
from contextlib import suppress
from pathlib import Path

import pytest

from drivers.base import Write, WriteStatus
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.rtu import framed
from drivers.modbus.wire.transport import Pacing, Serial
from drivers.points import ModbusAddress, Point, Quality
from drivers.times import Times
from tests.drivers.fieldbus import Clocks

A_BACKOFF_S = 75.0
VALUE = 4711


class Adapter:
    """A pseudo-terminal behind a name that stays, with a device at its far end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._near = -1

    def plug_in(self) -> None:
        self._near, far = os.openpty()
        tty.setraw(self._near)
        tty.setraw(far)
        self.path.symlink_to(os.ttyname(far))
        self._far = far
        asyncio.get_running_loop().add_reader(self._near, self._answer)

    def pull_out(self) -> None:
        if self._near < 0:
            return
        asyncio.get_running_loop().remove_reader(self._near)
        self.path.unlink()
        os.close(self._far)
        os.close(self._near)
        self._near = -1

    def _answer(self) -> None:
        with suppress(OSError):
            request = os.read(self._near, 256)
            unit, function = request[:2]
            body = request[:-2] if function == 6 else struct.pack(">BBBH", unit, function, 2, VALUE)
            os.write(self._near, framed(body))


@pytest.fixture
def adapter(tmp_path: Path) -> Adapter:
    return Adapter(tmp_path / "ttyUSB0")


async def test_an_adapter_that_is_pulled_out_and_put_back(adapter: Adapter) -> None:
    clocks = Clocks()
    driver = ModbusDriver(
        Serial(str(adapter.path), 115200, "N"),
        [Point("p", ModbusAddress(1, "holding", 0), "", True)],
        pacing=Pacing(timeout_s=0.5),
        times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
    )

    async def quality() -> Quality:
        (sample,) = await driver.read(["p"])
        assert sample.quality is Quality.BAD or sample.value == VALUE
        assert sample.quality is Quality.GOOD or sample.detail
        return sample.quality

    before = len(list(Path("/proc/self/fd").iterdir()))
    async with driver:
        assert await quality() is Quality.BAD, "there is no such line yet"
        for _ in range(3):
            adapter.plug_in()
            clocks.pass_s(A_BACKOFF_S)
            assert await quality() is Quality.GOOD
            (result,) = await driver.write([Write("p", 5)])
            assert result.status is WriteStatus.OK
            adapter.pull_out()
            for _ in range(4):
                clocks.pass_s(A_BACKOFF_S)
                found = await quality()
            assert found is Quality.BAD
            (result,) = await driver.write([Write("p", 5)])
            assert result.status is WriteStatus.TIMEOUT
    assert len(list(Path("/proc/self/fd").iterdir())) == before
