"""Faults in a running park: ordered through its door, seen by independent clients."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaStatusCodeError
from pymodbus.client import AsyncModbusTcpClient

from simulators.faults.faulted import FaultedPlant
from simulators.orders import Orders, open_door, tell
from simulators.registers import Cell
from simulators.serve import ParkServers
from simulators.sitefiles import read_links
from tests.patience import PATIENCE_S
from tests.simulators.test_servers import Memory, site

__all__ = ["site"]

NOW = datetime(2026, 7, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ({"type": "int16"}, [0x8000]),
        ({"type": "uint16", "scale": 0.1}, [0xFFFF]),
        ({"type": "int32", "word_order": "little"}, [0, 0x8000]),
        ({"type": "bool"}, [1]),
        ({"bit": 2}, [1]),
    ],
)
def test_no_value_is_shown_as_devices_show_it(at: dict[str, object], words: list[int]) -> None:
    cell = Cell({"table": "holding", "address": 0, **at})
    assert cell.words(math.nan, 1) == words


def test_a_float_says_itself_that_it_is_none() -> None:
    cell = Cell({"table": "holding", "address": 0, "type": "float32"})
    assert math.isnan(cell.value(cell.words(math.nan)))


async def test_a_silent_device_answers_as_one_behind_a_gateway_and_a_broken_wire_shows(
    site: Path,
) -> None:
    plant = FaultedPlant.around(Memory(NOW), NOW)
    servers = ParkServers(plant, read_links(site))
    await servers.start()
    endpoint = servers.endpoints["plc"]
    client = AsyncModbusTcpClient(str(endpoint["host"]), port=int(str(endpoint["port"])), retries=0)
    assert await client.connect()
    try:
        plant.fault("silent b.fan-02")
        plant.fault("bad b.fan-03.speed")
        plant.fault("bad b.node-1.power")
        await servers.advance(NOW)
        assert (await client.read_coils(3, device_id=2)).exception_code == 11
        assert (await client.read_holding_registers(10, device_id=3)).registers == [0x8000]
        assert not (await client.read_coils(3, device_id=1)).isError()
        async with Client(str(servers.endpoints["opc"]["url"])) as opc:
            index = await opc.get_namespace_index("urn:test:park")
            power = opc.get_node(f"ns={index};s=b.node-1.power")
            with pytest.raises(UaStatusCodeError):
                await power.read_value()
            plant.clear()
            await servers.advance(NOW)
            assert await power.read_value() == 0.0
        assert not (await client.read_coils(3, device_id=2)).isError()
        assert (await client.read_holding_registers(10, device_id=3)).registers == [0]
    finally:
        client.close()
        await servers.stop()


async def test_orders_say_what_they_did_or_what_would_be_right(tmp_path: Path) -> None:
    plant = FaultedPlant.around(Memory(NOW), NOW)
    cut: list[str] = []

    async def stop(name: str) -> None:
        if name != "plc":
            raise KeyError(name)
        cut.append(name)

    orders = Orders(plant, {"stop": stop}, lambda: ["plc"])
    assert await orders.obey("stop plc") == {"done": "stop plc"}
    assert cut == ["plc"]
    assert (await orders.obey("stop x"))["links"] == ["plc"]
    assert (await orders.obey("fault bias b.fan-01.power 2"))["faults"] == ["bias b.fan-01.power 2"]
    assert "nowhere" in str((await orders.obey("fault trip nowhere"))["error"])
    assert (await orders.obey("faults"))["faults"] == ["bias b.fan-01.power 2"]
    assert (await orders.obey("clear"))["ended"] == 1
    for line in ("", "hm", "stop", "clear a b", "faults now"):
        assert "write" in str((await orders.obey(line))["error"])
    with pytest.raises(ValueError, match="too long"):
        await open_door(tmp_path / ("x" * 120), orders)


def test_the_command_line_provokes_a_fault_in_a_running_park(site: Path) -> None:
    door = site / "door"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "simulators", "serve", str(site), "--period", "0.1",
            "--plant", "tests.simulators.test_servers:Memory", "--door", str(door),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None

    def order(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "simulators", "tell", str(door), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    try:
        assert json.loads(process.stdout.readline())["ready"]
        assert json.loads(order("fault", "bias", "b.fan-01.power", "-3").stdout)["faults"] == [
            "bias b.fan-01.power -3"
        ]
        assert tell(door, "faults")["faults"] == ["bias b.fan-01.power -3"]
        wrong = order("fault", "explode", "b.fan-01")
        assert wrong.returncode == 1
        assert "no fault 'explode'" in wrong.stderr
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        gone = order("faults")
        assert gone.returncode in (1, 2)
        assert "Traceback" not in gone.stderr
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
