"""The simulated endpoints as independent clients see them: pymodbus and asyncua."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.uaerrors import UaStatusCodeError
from pymodbus.client import AsyncModbusTcpClient

from drivers.plant import PlantPoint
from simulators.registers import Cell
from simulators.serve import ParkServers
from simulators.sitefiles import ServedLink, SiteFilesError, read_links
from tests.patience import PATIENCE_S, patience

FILES = {
    "links.yaml": """\
        links:
          plc: {protocol: modbus_tcp, host: 10.0.0.1, port: 502}
          opc: {protocol: opcua, url: "opc.tcp://10.0.0.2:4840", security: none}
        """,
    "devices/fan.yaml": """\
        device: fan
        kind: fan
        document: test
        protocol: modbus
        points:
          enable: {table: coil, address: 3, type: bool, writable: true}
          status: {table: discrete, address: 1, type: bool}
          speed: {table: holding, address: 10, type: int16, scale: 0.1, unit: "%", writable: true}
          power: {table: input, address: 0, type: float32, word_order: little, unit: kW}
          energy: {table: input, address: 4, type: uint32, scale: 0.01, unit: kWh}
        """,
    "devices/node.yaml": """\
        device: node
        kind: fan
        document: test
        protocol: opcua
        namespace: urn:test:park
        points:
          enable: {node: "s={base}.{equipment}.enable", type: bool, writable: true}
          power: {node: "s={base}.{equipment}.power", type: float64, unit: kW}
          speed:
            {node: "s={base}.{equipment}.speed", type: int16, scale: 0.1, unit: "%", writable: true}
        """,
    "equipment/b.yaml": """\
        base: b
        equipment:
          "fan-{01..03}": {kind: fan, device: fan, link: plc, unit: "{1..3}"}
          node-1: {kind: fan, device: node, link: opc}
        """,
}


class Memory:
    """A plant that remembers what it is told; `power` follows `enable`."""

    def __init__(self, start: datetime, **_options: str) -> None:
        self.values = {
            f"b.{name}.{role}": 0.0
            for name in ("fan-01", "fan-02", "fan-03", "node-1")
            for role in ("enable", "status", "speed", "power", "energy")
        }
        self.closed = False

    def points(self) -> Sequence[PlantPoint]:
        return [PlantPoint(name) for name in self.values]

    def read(self) -> Mapping[str, float]:
        return self.values

    def write(self, values: Mapping[str, float | None]) -> None:
        for name, value in values.items():
            self.values[name] = value or 0.0

    def advance(self, until: datetime) -> datetime:
        for name in list(self.values):
            if name.endswith(".enable"):
                device = name.removesuffix(".enable")
                self.values[f"{device}.status"] = self.values[name]
                self.values[f"{device}.power"] = 7.5 * self.values[name]
                self.values[f"{device}.energy"] += 12345.67 * self.values[name]
        return until

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


def only(site: Path, name: str) -> list[ServedLink]:
    return [link for link in read_links(site) if link.id == name]


def _now() -> datetime:
    return datetime.now(UTC)


def test_reads_the_site_files(site: Path) -> None:
    links = {link.id: link for link in read_links(site)}
    assert {p.unit for p in links["plc"].points} == {1, 2, 3}
    assert "b.fan-03.energy" in {p.name for p in links["plc"].points}
    assert links["opc"].points[0].at["node"] == "s=b.node-1.enable"
    (site / "equipment" / "b.yaml").write_text(
        "base: b\nequipment:\n  x: {kind: fan, device: fann, link: plc, unit: 1}\n"
    )
    with pytest.raises(SiteFilesError, match="fann"):
        read_links(site)


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        ({"type": "int16", "scale": 0.1}, -12.3, [0xFF85]),
        ({"type": "uint32"}, 0x12345678, [0x1234, 0x5678]),
        ({"type": "uint32", "word_order": "little"}, 0x12345678, [0x5678, 0x1234]),
        ({"type": "uint32", "byte_order": "little"}, 0x12345678, [0x3412, 0x7856]),
        ({"type": "float32"}, 1.0, [0x3F80, 0]),
        ({"type": "uint16", "scale": 0.1, "offset": -40}, 21.5, [615]),
    ],
)
def test_words_by_hand(at: dict[str, Any], value: float, words: list[int]) -> None:
    cell = Cell({"table": "holding", "address": 0, **at})
    assert cell.words(value) == words
    assert cell.value(words) == pytest.approx(value)


def test_one_bit_leaves_the_others_alone() -> None:
    cell = Cell({"table": "holding", "address": 0, "bit": 3})
    assert cell.words(1, 0b0101) == [0b1101]
    assert cell.words(0, 0b1101) == [0b0101]


async def test_modbus_shows_the_plant_and_obeys(site: Path) -> None:
    plant = Memory(_now())
    servers = ParkServers(plant, only(site, "plc"))
    await servers.start()
    endpoint = servers.endpoints["plc"]
    client = AsyncModbusTcpClient(str(endpoint["host"]), port=int(str(endpoint["port"])), retries=0)
    assert await client.connect()
    try:
        assert not (await client.write_coil(3, True, device_id=2)).isError()
        assert plant.values["b.fan-02.enable"] == 1.0
        assert plant.values["b.fan-01.enable"] == 0.0
        await servers.advance(_now())
        answer = await client.read_input_registers(0, count=6, device_id=2)
        kind = client.DATATYPE
        assert client.convert_from_registers(answer.registers[:2], kind.FLOAT32, "little") == 7.5
        assert client.convert_from_registers(answer.registers[4:], kind.UINT32) == 1234567
        assert (await client.read_discrete_inputs(1, device_id=2)).bits[0]
        assert not (await client.write_register(10, 505, device_id=3)).isError()
        assert plant.values["b.fan-03.speed"] == 50.5
        assert not (await client.write_registers(10, [65535], device_id=3)).isError()
        assert plant.values["b.fan-03.speed"] == pytest.approx(-0.1)
        assert (await client.read_holding_registers(10, device_id=3)).registers == [65535]
        for bad in (
            client.read_input_registers(5, count=3, device_id=2),
            client.read_holding_registers(9, device_id=2),
            client.write_register(11, 1, device_id=2),
        ):
            assert (await bad).exception_code == 2
        assert (await client.read_coils(3, device_id=9)).exception_code == 11
        assert (await client.read_exception_status(device_id=1)).exception_code == 1
    finally:
        client.close()
        await servers.stop()


async def test_a_frame_in_pieces_and_two_at_once(site: Path) -> None:
    servers = ParkServers(Memory(_now()), only(site, "plc"))
    await servers.start()
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", int(str(servers.endpoints["plc"]["port"]))
    )
    try:
        request = bytes.fromhex("0001 0000 0006 01 03 000a 0001")
        async with patience():
            for byte in request:
                writer.write(bytes([byte]))
                await writer.drain()
            assert await reader.readexactly(11) == bytes.fromhex("0001 0000 0005 01 03 02 0000")
            writer.write(request + request.replace(b"\0\1", b"\0\2", 1))
            both = await reader.readexactly(22)
            assert both[:2] == b"\0\1"
            assert both[11:13] == b"\0\2"
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert await reader.read() == b""
    finally:
        writer.close()
        await writer.wait_closed()
        await servers.stop()


async def test_opcua_shows_the_plant_and_obeys(site: Path) -> None:
    plant = Memory(_now())
    servers = ParkServers(plant, read_links(site))
    await servers.start()
    try:
        async with Client(str(servers.endpoints["opc"]["url"])) as client:
            index = await client.get_namespace_index("urn:test:park")
            enable = client.get_node(f"ns={index};s=b.node-1.enable")
            power = client.get_node(f"ns={index};s=b.node-1.power")
            await enable.write_value(ua.DataValue(ua.Variant(True, ua.VariantType.Boolean)))
            assert plant.values["b.node-1.enable"] == 1.0
            await servers.advance(_now())
            assert await power.read_value() == 7.5
            speed = client.get_node(f"ns={index};s=b.node-1.speed")
            await speed.write_value(ua.DataValue(ua.Variant(475, ua.VariantType.Int16)))
            assert plant.values["b.node-1.speed"] == 47.5
            plant.values["b.node-1.speed"] = 33.4
            await servers.advance(_now())
            assert await speed.read_value() == 334
            with pytest.raises(UaStatusCodeError):
                await power.write_value(1.0)
    finally:
        await servers.stop()


async def test_links_are_cut_and_restored_on_the_same_port(site: Path) -> None:
    servers = ParkServers(Memory(_now()), read_links(site))
    await servers.start()
    before = servers.endpoints
    port = int(str(before["plc"]["port"]))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await servers.stop_link("plc")
    await servers.stop_link("opc")
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), PATIENCE_S)
    writer.close()
    with pytest.raises(OSError, match=r"."):
        await asyncio.open_connection("127.0.0.1", port)
    await servers.start_link("plc")
    await servers.start_link("opc")
    assert servers.endpoints == before
    _, again = await asyncio.open_connection("127.0.0.1", port)
    again.close()
    await again.wait_closed()
    with pytest.raises(KeyError):
        await servers.stop_link("nowhere")
    await servers.stop()


def test_the_command_line(site: Path, tmp_path: Path) -> None:
    endpoints = tmp_path / "endpoints.json"
    process = subprocess.Popen(
        [
            sys.executable, "-m", "simulators", "serve", str(site), "--period", "0.1",
            "--plant", "tests.simulators.test_servers:Memory", "--endpoints", str(endpoints),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["ready"]
        assert json.loads(endpoints.read_text()) == ready["endpoints"]
        for line, answer in (
            ("stop plc", "done"), ("start plc", "done"), ("stop x", "error"), ("hm", "error"),
        ):  # fmt: skip
            process.stdin.write(line + "\n")
            process.stdin.flush()
            assert answer in json.loads(process.stdout.readline())
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.mark.parametrize("plant", ["nowhere:Plant", "tests.simulators.test_servers:Nothing"])
def test_a_wrong_plant_is_said_in_a_sentence(site: Path, plant: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulators", "serve", str(site), "--plant", plant],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot make the plant" in done.stderr
    assert "Traceback" not in done.stderr
