"""Looking at devices by hand: scan, read, write, watch; against real servers."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.server.server import Server
from click.testing import CliRunner, Result
from pymodbus import ModbusDeviceIdentification
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from ruamel.yaml import YAML

from bms.cli import main
from bms.cli.live.watch import changes
from bms.config.shapes.models import EquipmentEntry
from bms.core.errors import InvalidInput
from bms.field.commissioning.raw_access import value_of
from bms.field.commissioning.server_survey import Browsed, Variable, draft_opcua, names
from bms.field.commissioning.survey import Answering, draft, hosts, units
from bms.operations.requests.live_requests import PointView
from bms.storage import audit
from drivers.device_files.catalogue import DeviceType, bind, shipped
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.identify import Found
from drivers.modbus.wire.transport import Tcp
from drivers.opcua.driver import OpcUaDriver
from drivers.points import Point
from drivers.times import Times
from tests.app.test_app import FILES
from tests.drivers.fieldbus import Asked, Device, FieldBus, Reply
from tests.machine_time import utc_now
from tests.servers.opcua_parts import node_id, url_of
from tests.servers.pymodbus_parts import port_of


def text_words(text: str, registers: int) -> list[int]:
    data = text.encode().ljust(2 * registers, b"\0")
    return [int.from_bytes(data[n : n + 2], "big") for n in range(0, len(data), 2)]


@pytest_asyncio.fixture
async def modbus() -> AsyncIterator[int]:
    """Unit 1 says what it is; unit 2 is a SunSpec inverter."""
    identity = ModbusDeviceIdentification(
        info_name={"VendorName": "Acme", "ProductCode": "PM-7", "MajorMinorRevision": "1.2"}
    )
    sunspec = [
        *text_words("SunS", 2), 1, 66, *text_words("Sunny", 16), *text_words("Roof 5", 16),
        *[0] * 16, *text_words("SN-0815", 16), *[0] * 2, 103, 50, *[0] * 50, 0xFFFF, 0,
    ]  # fmt: skip
    plain = SimDevice(
        id=1, simdata=[SimData(0, values=list(range(50)), datatype=DataType.REGISTERS)]
    )
    inverter = SimDevice(
        id=2,
        simdata=[
            SimData(0, values=[0], datatype=DataType.REGISTERS),
            SimData(40000, values=sunspec, datatype=DataType.REGISTERS),
        ],
    )
    server = ModbusTcpServer([plain, inverter], identity=identity, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    yield port_of(server)
    await server.shutdown()


def swapped(data: bytes) -> bytes:
    """The bytes of each register exchanged."""
    return b"".join(data[n : n + 2][::-1] for n in range(0, len(data), 2))


async def bms(*words: object, stdin: str = "") -> Result:
    """A command in a separate thread, so that the servers of the test go on."""
    return await asyncio.to_thread(CliRunner().invoke, main, list(map(str, words)), stdin)


async def test_scan_finds_what_is_there_and_drafts_it(modbus: int, tmp_path: Path) -> None:
    output = tmp_path / "draft.yaml"
    result = await bms(
        "scan", "modbus", "127.0.0.1", "--port", modbus, "--units", "1-2", "--timeout", 0.3,
        "--rate", 200, "-o", output, "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [one["unit"] for one in found] == [1, 2]
    assert found[0]["identification"]["vendor"] == "Acme"
    assert found[0]["identification"]["product"] == "PM-7"
    assert [model["model"] for model in found[1]["sunspec"]] == [1, 103]
    assert found[1]["sunspec"][1]["address"] == 40070
    draft = YAML(typ="safe", pure=True).load(output.read_text(encoding="utf-8"))
    assert draft["links"]["link-1"]["port"] == modbus
    assert draft["equipment"]["unit-2"] == {
        "kind": "pv_inverter", "device": "sunspec-103", "link": "link-1", "unit": 2,
        "models": {103: 40070},
    }  # fmt: skip
    assert found[1]["identification"]["vendor"] == "Sunny"
    assert found[1]["identification"]["serial"] == "SN-0815"
    again = await bms("scan", "modbus", "127.0.0.1", "--port", modbus, "--units", 1, "-o", output)
    assert again.exit_code == 2
    assert "it exists already" in again.output


def sunspec_map(base: int) -> dict[tuple[int, int], int]:
    """Model 1, an inverter of floats, and two meters, as behind many inverters."""
    words = [*text_words("SunS", 2), 1, 65, *text_words("Sunny", 16), *[0] * 49]
    words += [113, 60, *[0] * 20, 0x460C, 0xA000, *[0] * 8, 0x4B6C, 0x82E0, *[0] * 28]
    for power, energy in ((-1234, 123456), (500, 7_000_000)):
        meter = [203, 105, *[0] * 105]
        meter[18], meter[22] = power & 0xFFFF, 1
        meter[46:48], meter[54] = [energy >> 16, energy & 0xFFFF], 2
        words += meter
    words += [0xFFFF, 0]
    return {(1, base + n): word for n, word in enumerate(words)}


@pytest.mark.parametrize("base", [0, 40000, 50000])
async def test_a_sunspec_device_is_scanned_drafted_and_read(base: int, tmp_path: Path) -> None:
    bus = FieldBus(Device({(1, 0): 0} | sunspec_map(base)))
    await bus.start()
    try:
        output = tmp_path / "draft.yaml"
        result = await bms(
            "scan", "modbus", f"127.0.0.1:{bus.port}", "--units", 1, "--rate", 1000, "-o", output
        )
        assert result.exit_code == 0, result.output
        draft = YAML(typ="safe", pure=True).load(output.read_text(encoding="utf-8"))
        points: list[Point] = []
        for name, entry in draft["equipment"].items():
            entry = EquipmentEntry.model_validate(entry)
            device = shipped()[entry.device]
            points += bind(device, base="b", equipment=name, unit=1, models=entry.models).values()
        async with ModbusDriver(
            Tcp("127.0.0.1", bus.port), points, times=Times(now=utc_now)
        ) as driver:
            samples = await driver.read([point.id for point in points])
        assert {s.point: s.value for s in samples} == {
            "b.unit-1.power": 9.0, "b.unit-1.energy": 15500.0,
            "b.unit-1-2.power": -12.34, "b.unit-1-2.energy": 12345.6,
            "b.unit-1-3.power": 5.0, "b.unit-1-3.energy": 700000.0,
        }  # fmt: skip
    finally:
        await bus.stop()


async def test_scan_only_reads() -> None:
    bus = FieldBus(Device({(1, at): at for at in range(10)}))
    await bus.start()
    try:
        result = await bms(
            "scan", "modbus", f"127.0.0.1:{bus.port}", "--units", "1,2", "--rate", 500
        )
        assert result.exit_code == 0, result.output
        assert bus.asked
        assert {asked.function for asked in bus.asked} <= {1, 2, 3, 4, 43}
    finally:
        await bus.stop()


async def test_a_device_that_does_not_repeat_transaction_ids_is_found(tmp_path: Path) -> None:
    device = Device({(1, at): at for at in range(10)})

    def unnumbered(asked: Asked) -> Reply:
        reply = device(asked)
        assert isinstance(reply, bytes)
        return b"\0\0" + reply[2:]

    bus = FieldBus(unnumbered)
    await bus.start()
    try:
        host = f"127.0.0.1:{bus.port}"
        words = ("scan", "modbus", host, "--units", 1, "--rate", 500, "--timeout", 0.1)
        result = await bms(*words)
        assert (result.exit_code, "--any-transaction-id" in result.output) == (1, True)
        output = tmp_path / "draft.yaml"
        result = await bms(*words, "--any-transaction-id", "-o", output)
        assert result.exit_code == 0, result.output
        draft = YAML(typ="safe", pure=True).load(output.read_text(encoding="utf-8"))
        assert draft["links"]["link-1"]["transaction_ids"] is False
    finally:
        await bus.stop()


async def test_a_host_that_is_not_there_is_said() -> None:
    result = await bms("scan", "modbus", "127.0.0.1:1", "--units", "1-3")
    assert result.exit_code == 1
    assert "no connection" in result.output
    assert "nothing answered" in result.output
    assert "CHOOSE" not in result.output


def test_what_devices_say_of_themselves_cannot_break_a_draft() -> None:
    found = Found(7, {"vendor": "Acme\nlinks: {evil: 1}", "product": "\x00X\u2028Y"})
    text = draft([Answering("10.0.0.1", 502, found, None)], rtu=False)
    read = YAML(typ="safe", pure=True).load(text)
    assert list(read["links"]) == ["link-1"]
    assert list(read["equipment"]) == ["unit-1"]
    browsed = Browsed([], [Variable("/a\nb", "urn:x", "s=a", "String", "1\n2: 3", True)])
    points = YAML(typ="safe", pure=True).load(draft_opcua(browsed).partition("---")[2])["points"]
    assert points == {"a_b": {"node": "s=a", "writable": True}}


def test_hosts_and_units() -> None:
    assert hosts(["a", "10.0.0.1:503"], 502) == [("a", 502), ("10.0.0.1", 503)]
    assert len(hosts(["10.0.0.0/30"], 502)) == 2
    assert units("1,5,7-9") == [1, 5, 7, 8, 9]
    for wrong in ("10.0.0.0/8", "10.0.0.0/x"):
        with pytest.raises(InvalidInput):
            hosts([wrong], 502)
    for wrong in ("", "x", "300", "1-"):
        with pytest.raises(InvalidInput):
            units(wrong)


def test_points_get_the_names_that_the_server_gives() -> None:
    paths = [
        "/AHU 1/Supply Temp (°C)", "/AHU 1/Fan/Speed", "/AHU 2/Fan/Speed", "/冷机/温度",
        "/1st/2nd", "/Fan/Speed",
    ]  # fmt: skip
    made = [Variable(path, "urn:x", f"s={n}", "Double", 1.0, False) for n, path in enumerate(paths)]
    found = names(made)
    assert found == ["supply_temp_c", "speed", "fan_speed", "p4", "p2nd", "speed_6"]
    shown = Variable("/冷机/温度", "urn:x", "s=t", "Double", 1.0, False, "Temperature")
    assert names([shown]) == ["temperature"]


@pytest.mark.case(
    "N3",
    when="A unit answers every question of a scan with an exception",
    then="It is listed as one that answers and reads nothing, and is not drafted.",
)
async def test_a_unit_that_only_refuses_is_listed_and_not_drafted(tmp_path: Path) -> None:
    right = Device({(1, at): at for at in range(10)})

    def half(asked: Asked) -> Reply:
        if asked.unit != 4:
            return right(asked)
        return asked.exception(4)

    bus = FieldBus(half)
    await bus.start()
    try:
        output = tmp_path / "draft.yaml"
        words = ("scan", "modbus", f"127.0.0.1:{bus.port}", "--units", "1,4", "--rate", 1000)
        result = await bms(*words, "-o", output)
        assert result.exit_code == 0, result.output
        assert "answers, reads nothing" in " ".join(result.output.split())
        text = output.read_text(encoding="utf-8")
        assert list(YAML(typ="safe", pure=True).load(text)["equipment"]) == ["unit-1"]
        assert "# unit 4 of link-1 answers and reads nothing" in text
        alone = await bms(*words[:4], 4, "--rate", 1000, "--json")
        assert [one["unit"] for one in json.loads(alone.stdout)] == [4]
    finally:
        await bus.stop()


@pytest.mark.case(
    "O13",
    when="An OPC-UA server is scanned",
    then="Its nodes can be pasted as they are printed, and points have the server's names.",
)
async def test_scan_opcua_browses_and_drafts(tmp_path: Path) -> None:
    server = Server()
    await server.init()
    server.set_endpoint("opc.tcp://127.0.0.1:0")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace("urn:maker")
    folder = await server.nodes.objects.add_object(index, "Chiller")
    node = await folder.add_variable(node_id("ch1.power", index), "Power", 12.5)
    await node.set_writable()
    await folder.add_variable(node_id("{1};b", index), "SupplyTemp", 7.5)
    odd = ua.String(b"\xb0\x43".decode("utf-8", "surrogateescape"))
    await folder.add_variable(node_id("odd", index), "no text", odd, ua.VariantType.String)
    await server.start()
    try:
        url = url_of(server)
        output = tmp_path / "device.yaml"
        result = await bms("scan", "opcua", url, "--rate", 1000, "-o", output, "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert found["endpoints"] == ["None"]
        variable = found["variables"][0]
        assert variable["node"] == "s=ch1.power"
        assert variable["namespace"] == "urn:maker"
        assert (variable["type"], variable["value"], variable["writable"]) == ("Double", 12.5, True)
        draft = YAML(typ="safe", pure=True).load(output.read_text(encoding="utf-8"))
        assert draft["points"]["power"] == {"node": "s=ch1.power", "writable": True}
        assert draft["points"]["supply_temp"] == {"node": "s={{1}};b"}
        assert draft["points"]["no_text"] == {"node": "s=odd"}
        odd = next(v for v in found["variables"] if v["node"] == "s=odd")
        assert odd["value"] == "text is not UTF-8"
        # What the scan prints is what a person pastes.
        table = await bms("scan", "opcua", url, "--rate", 1000)
        assert table.exit_code == 0, table.output
        link = f'links:\n  plc: {{protocol: opcua, url: "{url}", security: none}}\n'
        (tmp_path / "links.yaml").write_text(link, encoding="utf-8")
        for variable in found["variables"]:
            read = await bms("read", tmp_path, "plc", variable["paste"], "--json")
            assert read.exit_code == 0, read.output
            assert json.loads(read.stdout)["value"] == variable["value"]
        device = DeviceType.model_validate(
            draft | {"device": "x", "kind": "meter", "points": draft["points"]}
        )
        points = bind(device, base="b", equipment="e", unit=None)
        async with OpcUaDriver(url, points.values(), times=Times(now=utc_now)) as driver:
            samples = await driver.read([point.id for point in points.values()])
        assert {s.point: s.value for s in samples} == {
            "b.e.power": 12.5, "b.e.supply_temp": 7.5, "b.e.no_text": None,
        }  # fmt: skip
    finally:
        await server.stop()
    assert (await bms("scan", "opcua", "http://x")).exit_code == 2


@pytest.fixture
def site(tmp_path: Path, modbus: int) -> Path:
    directory = tmp_path / "site"
    for name, text in FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    links = f"links:\n  plc: {{protocol: modbus_tcp, host: 127.0.0.1, port: {modbus}}}\n"
    (directory / "links.yaml").write_text(links, encoding="utf-8")
    return directory


async def test_read_shows_all_that_registers_may_be(site: Path) -> None:
    result = await bms("read", site, "plc", "holding:10", "--unit", 1, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["registers"] == ["0x000A", "0x000B"]
    assert found["may_be"]["uint16"] == 10
    assert found["may_be"]["uint32"] == 10 * 65536 + 11
    assert found["may_be"]["uint32 (low word first)"] == 11 * 65536 + 10
    result = await bms("read", site, "plc", "holding:10", "--unit", 1, "--type", "uint32", "--json")
    assert json.loads(result.stdout)["value"] == 10 * 65536 + 11


LIKELY = {
    "float32": (struct.pack(">f", 21.5), 21.5),
    "float32 of a full number": (struct.pack(">f", 123801.6), 123801.6),
    "float32 (low word first)": (
        struct.pack(">f", 50.02)[2:] + struct.pack(">f", 50.02)[:2],
        50.02,
    ),
    "float32 (bytes swapped)": (swapped(struct.pack(">f", -8.25)), -8.25),
    "float32 (low word first, bytes swapped)": (struct.pack("<f", 231.4), 231.4),
    "uint32": (struct.pack(">I", 7_000), 7_000),
    "uint16": (struct.pack(">HH", 215, 218), 215),
    "uint16 with a large neighbour": (struct.pack(">HH", 215, 40_000), 215),
    "int16": (struct.pack(">hh", -35, 12), -35),
}


@pytest.mark.parametrize("name", LIKELY)
@pytest.mark.case(
    "N4",
    when="A register is read without saying its type",
    then="The likely reading comes first, all others beside it, also with bytes swapped.",
)
async def test_the_likely_reading_comes_first(name: str, tmp_path: Path) -> None:
    data, value = LIKELY[name]
    words = struct.unpack(">HH", data)
    bus = FieldBus(Device({(1, at): word for at, word in enumerate(words)}))
    await bus.start()
    link = f"links:\n  plc: {{protocol: modbus_tcp, host: 127.0.0.1, port: {bus.port}}}\n"
    (tmp_path / "links.yaml").write_text(link, encoding="utf-8")
    try:
        result = await bms("read", tmp_path, "plc", "holding:0", "--unit", 1, "--json")
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert found["value"] == pytest.approx(value, rel=1e-6)
        assert (
            found["likely"]
            == next(iter(found["may_be"]))
            == name.partition(" of ")[0].partition(" with ")[0]
        )
        assert len(found["may_be"]) == 16
        shown = await bms("read", tmp_path, "plc", "holding:0", "--unit", 1)
        assert f"if it is {found['likely']}" in shown.output
        assert "(low word first, bytes swapped)" in shown.output
    finally:
        await bus.stop()


@pytest.mark.case(
    "N2",
    when="Devices are explored before anything is described but the links",
    then="Reading, writing and scanning work with links.yaml alone.",
)
async def test_with_the_links_alone_one_may_read_and_write(modbus: int, tmp_path: Path) -> None:
    link = f"links:\n  plc: {{protocol: modbus_tcp, host: 127.0.0.1, port: {modbus}}}\n"
    (tmp_path / "links.yaml").write_text(link, encoding="utf-8")
    result = await bms("read", tmp_path, "plc", "holding:10", "--unit", 1, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["may_be"]["uint16"] == 10
    words = ("write", tmp_path, "plc", "holding:5", 77, "--unit", 1, "--reason", "trial", "--yes")
    done = await bms(*words)
    assert done.exit_code == 0, done.output
    assert [line["outcome"] for line in audit.entries(tmp_path / "state")] == ["asked for", "done"]
    result = await bms("read", tmp_path, "gone", "holding:5", "--unit", 1)
    assert (result.exit_code, "no link 'gone'" in result.output) == (2, True)
    (tmp_path / "site.yaml").write_text("mode: shadow\nbases: {}\n", encoding="utf-8")
    refused = await bms(*words)
    assert (refused.exit_code, "site.yaml" in refused.output) == (2, True), refused.output
    assert (await bms("read", tmp_path, "plc", "holding:5", "--unit", 1)).exit_code == 0


async def test_a_device_that_does_not_answer_is_said_as_of_the_controller(tmp_path: Path) -> None:
    link = "links:\n  plc: {protocol: modbus_tcp, host: 127.0.0.1, port: 1}\n"
    (tmp_path / "links.yaml").write_text(link, encoding="utf-8")
    result = await bms("read", tmp_path, "plc", "holding:5", "--unit", 1)
    assert (result.exit_code, "no connection" in result.output) == (3, True)


async def test_write_asks_reads_back_and_is_kept(site: Path) -> None:
    words = ("write", site, "plc", "holding:5", 77, "--unit", 1)
    missing = await bms(*words)
    assert missing.exit_code == 2
    assert "--reason" in missing.output
    refused = await bms(*words, "--reason", "trial", stdin="n\n")
    assert refused.exit_code == 1
    assert "holds 5" in refused.output
    state = site / "state"
    assert not (state / "audit.jsonl").exists()
    done = await bms(*words, "--reason", "trial", stdin="y\n")
    assert done.exit_code == 0, done.output
    assert "held 5, holds 77" in done.output
    kept = list(audit.entries(state))
    assert [line["outcome"] for line in kept] == ["asked for", "done"]
    assert all(line["why"] == "trial" and line["who"] for line in kept)
    assert audit.verify(state) == (2, [])
    assert kept[1]["before"]["value"] == 5


@pytest.mark.case(
    "N12",
    when="Somebody wrote to a device by hand",
    then="The audit shows place, unit, value and what became of it, also as text",
)
async def test_the_audit_says_what_was_written_where(site: Path) -> None:
    words = ("write", site, "plc", "holding:5", 77, "--unit", 1, "--reason", "trial", "--yes")
    assert (await bms(*words)).exit_code == 0
    shown = (await bms("audit", "list", site)).output
    assert "plc holding:5 of unit 1 = 77 (asked for)" in shown
    assert "plc holding:5 of unit 1 = 77 (done)" in shown


@pytest.mark.case(
    "M15",
    when="Somebody writes 26.5 by hand to a register that holds whole numbers",
    then="It is refused, and says what to write: with scale 0.1 write 265",
)
async def test_a_fraction_is_not_written_to_whole_numbers(site: Path) -> None:
    words = ("write", site, "plc", "holding:5", 26.5, "--unit", 1, "--reason", "x", "--yes")
    refused = await bms(*words, "--type", "int16")
    assert refused.exit_code == 2
    assert "int16 takes whole numbers, not 26.5; with scale 0.1 write 265" in refused.output
    shown = await bms("read", site, "plc", "holding:5", "--unit", 1, "--json")
    assert json.loads(shown.stdout)["value"] == 5
    done = await bms(*(265 if word == 26.5 else word for word in words), "--type", "int16")
    assert done.exit_code == 0, done.output


async def test_in_shadow_nothing_is_written_by_hand_either(site: Path) -> None:
    path = site / "site.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "mode: shadow\n", encoding="utf-8")
    result = await bms("write", site, "plc", "holding:5", 77, "--unit", 1, "--reason", "x", "--yes")
    assert result.exit_code == 4
    assert "shadow mode" in result.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("plc", "holding:5"), "--unit 1"),
        (("plc", "40001", "--unit", 1), "names no place"),
        (("nobody", "holding:5", "--unit", 1), "no link 'nobody'"),
        (("plc", "holding:70000", "--unit", 1), "65535"),
        (("plc", "ns=2;s=x"), "does not speak OPC-UA"),
        (("plc", "holding:500", "--unit", 1), "exception 2"),
        (("plc", "holding:5", "--unit", 1, "--type", "float99"), "float99"),
    ],
)
async def test_what_cannot_be_read_is_said(
    site: Path, words: tuple[object, ...], sentence: str
) -> None:
    result = await bms("read", site, *words)
    assert result.exit_code in (2, 4)
    assert sentence in result.output


def test_values_as_people_type_them() -> None:
    assert [value_of(t) for t in ("on", "False", "0x10", "-3", "2.5", "abc")] == [
        True, False, 16, -3, 2.5, "abc",
    ]  # fmt: skip


def test_only_what_changed_is_shown() -> None:
    def row(point: str, value: int, quality: str = "good", age_s: float = 1.0) -> PointView:
        return PointView(
            point=point, value=value, unit="", quality=quality, age_s=age_s, source_time=None,
            detail="",
        )  # fmt: skip

    before = {"a": row("a", 1), "b": row("b", 2)}
    rows = [row("a", 1, age_s=3.0), row("b", 2, "stale"), row("c", 3)]
    assert [r.point for r in changes(before, rows)] == ["b", "c"]
