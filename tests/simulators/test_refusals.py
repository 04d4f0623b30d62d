"""What the simulated endpoints do with writes that the plant, or the server, refuses."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import struct
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError
from pymodbus.client import AsyncModbusTcpClient

from simulators.serve import ParkServers
from simulators.sitefiles import ServedLink, ServedPoint
from tests.patience import PATIENCE_S, patience


class Stubborn:
    """Takes any number up to 50."""

    def __init__(self) -> None:
        self.values = {"b.x.setpoint": 20.0, "b.x.power": 3.0}
        self.asked: list[dict[str, float | None]] = []

    def points(self) -> tuple[()]:
        return ()

    def read(self) -> Mapping[str, float]:
        return self.values

    def write(self, values: Mapping[str, float | None]) -> None:
        self.asked.append(dict(values))
        for value in values.values():
            if value is None or not math.isfinite(value) or value > 50:
                raise ValueError("out of range")
        self.values.update({name: value or 0.0 for name, value in values.items()})

    def advance(self, until: datetime) -> datetime:
        return until

    def close(self) -> None: ...


def _modbus() -> ServedLink:
    float32 = {"table": "holding", "address": 0, "type": "float32"}
    return ServedLink("plc", "modbus_tcp", [ServedPoint("b.x.setpoint", 1, float32, True)])


def _opcua() -> ServedLink:
    points = [
        ServedPoint(
            f"b.x.{role}",
            0,
            {"namespace": "urn:test", "node": f"s=b.x.{role}", "type": "float64"},
            role == "setpoint",
        )
        for role in ("setpoint", "power")
    ]
    return ServedLink("opc", "opcua", points)


async def test_a_value_the_plant_refuses_is_exception_3_and_changes_nothing() -> None:
    plant = Stubborn()
    servers = ParkServers(plant, [_modbus()])
    await servers.start()
    port = int(str(servers.endpoints["plc"]["port"]))
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
    assert await client.connect()
    try:
        for value in (51.0, math.nan):
            words = list(struct.unpack(">2H", struct.pack(">f", value)))
            assert (await client.write_registers(0, words, device_id=1)).exception_code == 3
        read = await client.read_holding_registers(0, count=2, device_id=1)
        assert struct.unpack(">f", struct.pack(">2H", *read.registers)) == (20.0,)
        words = list(struct.unpack(">2H", struct.pack(">f", 49.0)))
        assert not (await client.write_registers(0, words, device_id=1)).isError()
        assert plant.values["b.x.setpoint"] == 49.0
    finally:
        client.close()
        await servers.stop()


async def test_opcua_writes_that_are_refused_never_reach_the_plant() -> None:
    plant = Stubborn()
    servers = ParkServers(plant, [_opcua()])
    await servers.start()
    try:
        async with Client(str(servers.endpoints["opc"]["url"])) as client:
            index = await client.get_namespace_index("urn:test")
            setpoint = client.get_node(f"ns={index};s=b.x.setpoint")
            power = client.get_node(f"ns={index};s=b.x.power")
            with pytest.raises(UaStatusCodeError):
                await power.write_value(99.0)
            with pytest.raises(UaStatusCodeError):
                await setpoint.write_value(ua.Variant(7, ua.VariantType.Int32))
            assert plant.asked == []
            with pytest.raises(UaStatusCodeError) as refused:
                await setpoint.write_value(51.0)
            assert refused.value.code == StatusCodes.BadOutOfRange
            await servers.advance(datetime.now(UTC))
            assert await setpoint.read_value() == 20.0
            await setpoint.write_value(21.5)
            assert plant.values["b.x.setpoint"] == 21.5
            assert await setpoint.read_value() == 21.5
    finally:
        await servers.stop()


def test_serves_quietly_without_anybody_on_standard_input(tmp_path: Path) -> None:
    (tmp_path / "links.yaml").write_text(
        "links:\n  plc: {protocol: modbus_tcp, host: 10.0.0.1, port: 502}\n"
    )
    (tmp_path / "equipment").mkdir()
    process = subprocess.Popen(
        [
            sys.executable, "-m", "simulators", "serve", str(tmp_path),
            "--plant", "tests.simulators.test_servers:Memory", "--period", "0.05",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert json.loads(process.stdout.readline())["ready"]
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert complaints == ""
    finally:
        process.kill()
        process.wait()


async def test_cutting_a_link_does_not_disturb_the_others() -> None:
    servers = ParkServers(Stubborn(), [_modbus(), _opcua()])
    await servers.start()
    try:
        async with patience():
            await asyncio.gather(
                servers.advance(datetime.now(UTC)),
                servers.stop_link("opc"),
                servers.advance(datetime.now(UTC)),
            )
            await servers.advance(datetime.now(UTC))
    finally:
        await servers.stop()
