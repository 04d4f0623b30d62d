"""What a good site becomes, and problems that take more than one changed line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bms.config.load import (
    check,
    check_schedules,
    load,
    schedule_texts,
    sources,
    with_endpoints,
)
from bms.config.resolving.output_rules import FLOAT_TOLERANCE, WHOLE_NUMBER_TOLERANCE
from bms.config.shapes.links import ModbusLink, OpcUaLink, opcua_url
from bms.core.errors import InvalidInput
from drivers.points import ModbusAddress, OpcUaAddress
from tests.config.sites import STRATEGIES, Draft

AHU = "devices/example-ahu.yaml"
METER = "devices/example-meter.yaml"
PLANT = "equipment/plant.yaml"
GROUPS = "groups/plant.yaml"
OFFICES = "schedules/offices.yaml"

TWO_GROUPS = """base: plant
groups:
  again:
    strategy: on_off
    members: ["ahu-{01..02}"]
"""


def test_site(draft: Draft) -> None:
    site = draft.site()
    assert site.state_dir == draft.directory / "state"
    assert list(site.equipment) == ["plant.ahu-01", "plant.ahu-02", "plant.meter-main"]
    ahu = site.equipment["plant.ahu-02"]
    assert ahu.points["zone_temp"] == "plant.ahu-02.zone_temp"
    assert ahu.title == {"zh": "办公楼空调2", "en": "Office air handler 2"}
    assert site.bases["plant"].zone == "Asia/Shanghai"
    assert site.bases["plant"].imports == ("plant.meter-main",)
    group = site.groups["plant.offices"]
    assert [member.id for member in group.members] == ["plant.ahu-01", "plant.ahu-02"]
    assert group.origin.line == 6
    assert group.mode_point == "plant.offices.mode"
    by_id = {point.id: point for point in site.links["gateway-1"].points}
    address = by_id["plant.ahu-02.zone_setpoint"].address
    assert isinstance(address, ModbusAddress)
    assert (address.unit, address.table, address.address, address.scale) == (2, "holding", 0, 0.1)


def test_outputs_take_the_kind_then_the_file(draft: Draft) -> None:
    draft.edit(PLANT, "enable: {min_on_s: 300, ", "enable: {min_on_s: 10, refresh_s: 60, ")
    draft.edit(PLANT, "min_off_s: 300, ", "")
    site = draft.site()
    assert set(site.outputs) == {
        f"plant.ahu-{n}.{role}" for n in ("01", "02") for role in ("enable", "zone_setpoint")
    }
    enable = site.outputs["plant.ahu-01.enable"]
    assert (enable.min_on_s, enable.min_off_s, enable.tolerance) == (10, 300, 0)
    assert (enable.refresh_s, enable.release_on_stop) == (60, False)
    assert site.outputs["plant.ahu-01.zone_setpoint"].min_on_s == 0


@pytest.mark.parametrize(
    ("register", "tolerance"),
    [
        ("type: int16, scale: 0.5", 0.5),
        ("type: int16, scale: -0.1", 0.1),
        ("type: int16, scale: 1", WHOLE_NUMBER_TOLERANCE),
        ("type: float32", FLOAT_TOLERANCE),
        ("type: float32, scale: 0.1", FLOAT_TOLERANCE),
    ],
)
def test_tolerance_is_what_the_register_cannot_tell(
    draft: Draft, register: str, tolerance: float
) -> None:
    draft.edit(PLANT, "      zone_setpoint: {tolerance: 0.1}\n", "")
    draft.edit(AHU, "{address: 0, scale: 0.1, unit", f"{{address: 0, {register}, unit")
    assert draft.site().outputs["plant.ahu-01.zone_setpoint"].tolerance == tolerance


def test_tolerance_of_the_device(draft: Draft) -> None:
    draft.edit(AHU, "0.1, unit: degC, writable", "0.1, tolerance: 0.3, unit: degC, writable")
    assert draft.site().outputs["plant.ahu-01.zone_setpoint"].tolerance == 0.1
    draft.edit(PLANT, "      zone_setpoint: {tolerance: 0.1}\n", "")
    assert draft.site().outputs["plant.ahu-01.zone_setpoint"].tolerance == 0.3


def test_defaults(draft: Draft) -> None:
    draft.edit(PLANT, "tolerance: 0.1", "default: 26")
    draft.edit(PLANT, "on_stop: hold", "default: false")
    assert draft.site().defaults == {
        "plant.ahu-01.enable": False,
        "plant.ahu-01.zone_setpoint": 26,
        "plant.ahu-02.enable": False,
        "plant.ahu-02.zone_setpoint": 26,
    }


def test_meters(draft: Draft) -> None:
    meters = draft.site().meters
    assert list(meters) == ["plant.meter-main.energy"]
    register = meters["plant.meter-main.energy"]
    assert (register.equipment, register.base, register.resolution) == (
        "plant.meter-main",
        "plant",
        0.01,
    )


def test_float_meter_counts_watt_hours(draft: Draft) -> None:
    draft.edit(METER, "type: uint32, scale: 0.01", "type: float64")
    assert draft.site().meters["plant.meter-main.energy"].resolution == 0.001


def test_group_needs_no_schedule(draft: Draft) -> None:
    for name in [name for name in draft.files if name.startswith("schedules/")]:
        draft.remove(name)
    assert draft.site().groups


def test_problems_of_many_files_at_once(draft: Draft) -> None:
    draft.edit("site.yaml", "zone: Asia/Shanghai", "zone: Asia/Shanghi")
    draft.edit("links.yaml", "poll_s: 1", "pol_s: 1")
    draft.edit(AHU, "  zone_temp:", "  zone_tmp:")
    draft.edit(METER, "unit: kWh", "unit: MWh")
    draft.edit(PLANT, "rated_kw: 7.5", "rated_kw: -1")
    draft.edit(GROUPS, "strategy: on_off", "strategy: onoff")
    draft.add("schedules/calendars/cn-2027.yaml", "calendar： cn-2027\n")
    draft.add("link.yaml", "")
    places = [problem.partition(": ")[0] for problem in draft.problems()]
    assert places == [
        draft.place(AHU, "zone_tmp:"),
        draft.place(METER, "MWh"),
        draft.place(PLANT, "-1", "rated_kw: -1"),
        draft.place(GROUPS, "onoff"),
        "link.yaml:1:1",
        draft.place("links.yaml", "pol_s"),
        "schedules/calendars/cn-2027.yaml:1:9",
        draft.place("site.yaml", "Asia/Shanghi"),
    ]


def test_broken_links_do_not_make_every_link_unknown(draft: Draft) -> None:
    draft.edit("links.yaml", "    port: 502", "  port: 502")
    assert all(problem.startswith("links.yaml:") for problem in draft.problems())


def test_broken_equipment_does_not_make_members_unknown(draft: Draft) -> None:
    draft.edit(PLANT, "kind: meter", "kind: metr")
    draft.edit(PLANT, "kind: air_handler", "kind: air_handlr")
    assert len(draft.problems()) == 2


def test_broken_equipment_does_not_make_parameters_wrong(draft: Draft) -> None:
    draft.edit(GROUPS, "stagger_s: 5 ", "header: meter-main ").site()
    draft.edit(PLANT, "kind: meter", "kind: metr")
    (problem,) = draft.problems()
    assert "no kind 'metr'" in problem


def test_duplicate_equipment_over_files(draft: Draft) -> None:
    draft.add(
        "equipment/second.yaml",
        "base: plant\nequipment:\n"
        "  ahu-02: {kind: air_handler, device: example-ahu, link: gateway-1, unit: 7}\n",
    )
    assert draft.problems() == [
        "equipment/second.yaml:3:3: 'ahu-02' is already described in equipment/plant.yaml:7; "
        "give it another name"
    ]


def test_same_name_in_another_base(draft: Draft) -> None:
    draft.edit("site.yaml", "bases:\n", "bases:\n  north: {zone: Asia/Urumqi}\n")
    draft.add(
        "equipment/north.yaml",
        "base: north\nequipment:\n"
        "  ahu-02: {kind: air_handler, device: example-ahu, link: gateway-1, unit: 7}\n",
    )
    site = draft.site()
    assert site.equipment["north.ahu-02"].points["status"] == "north.ahu-02.status"
    assert site.bases["north"].zone == "Asia/Urumqi"


def test_duplicate_device(draft: Draft) -> None:
    draft.add("devices/other.yaml", draft.files[METER])
    assert draft.problems() == [
        "devices/other.yaml:3:9: device 'example-meter' is already described in "
        "devices/example-meter.yaml:3; give it another id"
    ]


def test_duplicate_group(draft: Draft) -> None:
    draft.add("groups/second.yaml", draft.files[GROUPS])
    (problem,) = draft.problems()
    assert problem.startswith("groups/second.yaml:6:3: group 'offices' of base 'plant' is already")


def test_the_same_device_twice(draft: Draft) -> None:
    draft.append(
        PLANT,
        "  ahu-9: {kind: air_handler, device: example-ahu, link: gateway-1, unit: 2}\n",
    )
    (problem,) = draft.problems()
    assert problem.startswith(draft.place(PLANT, "ahu-9"))
    assert "'plant.ahu-9' has exactly the registers of 'plant.ahu-02'" in problem


@pytest.mark.parametrize(
    ("point", "clashes"),
    [
        ("{table: holding, address: 0, type: int16, unit: degC, writable: true}", True),
        ("{table: input, address: 0, type: int16, unit: degC}", False),
        ("{table: holding, address: 0, type: int16, unit: degC}", False),
        ("{table: holding, address: 1, type: int16, unit: degC, writable: true}", False),
    ],
)
def test_two_writers_of_one_register(draft: Draft, point: str, clashes: bool) -> None:
    draft.add(
        "devices/room.yaml",
        "device: room\nkind: fan_coil\ntitle: Room\ndocument: none\nprotocol: modbus\npoints:\n"
        "  enable: {table: coil, address: 9, type: bool, writable: true}\n"
        f"  zone_setpoint: {point}\n",
    )
    draft.append(PLANT, "  room: {kind: fan_coil, device: room, link: gateway-1, unit: 2}\n")
    problems = draft.problems()
    assert len(problems) == clashes, problems
    if clashes:
        assert problems[0].startswith(draft.place(PLANT, "room:"))
        assert (
            "'plant.room.zone_setpoint' writes the same register as 'plant.ahu-02.zone_setpoint'"
            in problems[0]
        )


def test_two_groups_on_one_machine(draft: Draft) -> None:
    draft.add("groups/second.yaml", TWO_GROUPS)
    assert draft.problems() == [
        "groups/second.yaml:3:3: groups 'plant.offices' and 'plant.again' both command "
        "plant.ahu-01.enable, plant.ahu-02.enable at priority 10 (SEQUENCE); "
        "take the equipment out of one of them"
    ]


def test_a_strategy_that_claims_points_twice(draft: Draft) -> None:
    draft.edit(GROUPS, "strategy: on_off", "strategy: careless")
    problems = [p for p in draft.problems() if p.startswith("groups/")]
    assert len(problems) == 1
    assert "two controllers of group 'plant.offices' (first is one) both command" in problems[0]


def test_a_strategy_that_writes_what_is_not_writable(draft: Draft) -> None:
    draft.edit(AHU, "type: bool, writable: true", "type: bool")
    draft.edit(PLANT, "      enable: {min_on_s: 300, min_off_s: 300, on_stop: hold}\n", "")
    assert draft.problems() == [
        "groups/plant.yaml:6:3: strategy on_off writes what is not writable: "
        "plant.ahu-01.enable, plant.ahu-02.enable; "
        "set writable: true in the device's file if the machine allows it"
    ]


def test_group_named_like_equipment(draft: Draft) -> None:
    draft.edit(GROUPS, "  offices:", "  meter-main:")
    draft.edit(OFFICES, "governs: [plant.offices]", "governs: [plant.meter-main]")
    (problem,) = draft.problems()
    assert problem.startswith(
        "groups/plant.yaml:6:3: 'meter-main' is also equipment, in equipment/plant.yaml:19"
    )


def test_infinite_number(draft: Draft) -> None:
    draft.edit("site.yaml", "target_growth_pct: 5", "target_growth_pct: .inf")
    assert f"{draft.place('site.yaml', '.inf')}: .inf is not a finite number" in "\n".join(
        draft.problems()
    )


OPCUA_DEVICE = """device: server-meter
kind: meter
title: Meter on a server
document: none
protocol: opcua
namespace: "urn:example:plant"
points:
  energy: {node: "s={base}.{equipment}.energy", type: float64, unit: kWh}
"""
OPCUA_LINK = """  server-1: {protocol: opcua, url: "opc.tcp://127.0.0.1:4840", security: none}
"""


def test_opcua(draft: Draft) -> None:
    draft.append("links.yaml", OPCUA_LINK).add("devices/server-meter.yaml", OPCUA_DEVICE)
    draft.append(PLANT, "  meter-{1..2}: {kind: meter, device: server-meter, link: server-1}\n")
    site = draft.site()
    assert [point.id for point in site.links["server-1"].points] == [
        "plant.meter-1.energy",
        "plant.meter-2.energy",
    ]
    assert site.meters["plant.meter-2.energy"].resolution == 0.001


def test_opcua_nodes_with_a_unit(draft: Draft) -> None:
    device = OPCUA_DEVICE.replace("{equipment}.energy", "m{unit}.energy")
    draft.append("links.yaml", OPCUA_LINK).add("devices/server-meter.yaml", device)
    draft.append(PLANT, "  m-{1..2}: {kind: meter, device: server-meter, link: server-1}\n")
    (problem,) = draft.problems()
    assert "device 'server-meter' needs its unit" in problem
    draft.edit(PLANT, "link: server-1}", 'link: server-1, unit: "{7..8}"}')
    (point, _) = draft.site().links["server-1"].points
    assert point.address == OpcUaAddress("urn:example:plant", "s=plant.m7.energy")


def test_opcua_node_with_a_format_that_does_not_fit(draft: Draft) -> None:
    device = OPCUA_DEVICE.replace("{base}", "{base:d}")
    draft.append("links.yaml", OPCUA_LINK).add("devices/server-meter.yaml", device)
    draft.append(PLANT, "  m-1: {kind: meter, device: server-meter, link: server-1}\n")
    problems = draft.problems()
    assert problems
    assert all("server-meter" in problem for problem in problems)


@pytest.mark.parametrize(
    ("entry", "at", "message"),
    [
        (
            "{kind: meter, device: server-meter, link: gateway-1}",
            "gateway-1}",
            "link 'gateway-1' speaks modbus, device 'server-meter' opcua; allowed: server-1",
        ),
        (
            "{kind: meter, device: server-meter, link: server-1, unit: 3}",
            "unit: 3",
            "device 'server-meter' on opcua has no unit; remove it",
        ),
    ],
)
def test_opcua_problems(draft: Draft, entry: str, at: str, message: str) -> None:
    draft.append("links.yaml", OPCUA_LINK).add("devices/server-meter.yaml", OPCUA_DEVICE)
    draft.append(PLANT, f"  meter-2: {entry}\n")
    assert draft.problems() == [f"{draft.place(PLANT, at, entry)}: {message}"]


@pytest.mark.case(
    "N7",
    when="A file lacks a key that takes one of a few words",
    then="The line says which words may stand there.",
)
def test_security_of_a_server_is_stated(draft: Draft) -> None:
    draft.append("links.yaml", OPCUA_LINK.replace(", security: none", ""))
    assert draft.problems() == [
        f"{draft.place('links.yaml', 'server-1: {')}: 'security' is missing; "
        "add it: none, basic256sha256, aes128, aes256"
    ]


# --- files ------------------------------------------------------------------------------------


def test_a_directory_that_is_none(tmp_path: Path) -> None:
    site, (problem,) = check(tmp_path / "nowhere", STRATEGIES)
    assert site is None
    assert "does not exist" in problem.message
    (tmp_path / "file").write_text("x")
    assert "is not a directory" in check(tmp_path / "file", STRATEGIES)[1][0].message


def test_an_empty_directory(tmp_path: Path) -> None:
    _, problems = check(tmp_path, STRATEGIES)
    assert [str(problem) for problem in problems] == [
        "equipment:1:1: the site has no equipment; "
        "describe machines and meters in equipment/<name>.yaml",
        "links.yaml:1:1: this file is missing; every site has one",
        "site.yaml:1:1: this file is missing; every site has one",
    ]


@pytest.mark.parametrize("name", ["site.yaml", "links.yaml"])
def test_a_missing_file_is_one_problem(draft: Draft, name: str) -> None:
    draft.remove(name)
    assert draft.problems() == [f"{name}:1:1: this file is missing; every site has one"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("link.yaml", "did you mean 'links.yaml'?"),
        ("site.yml", "name it site.yaml"),
        ("groups/labs.yml", "name it labs.yaml"),
        ("equipement/labs.yaml", "did you mean 'equipment'?"),
        ("schedules/calendar/cn-2027.yaml", "did you mean 'schedules/calendars'?"),
    ],
)
def test_a_file_that_nobody_reads(draft: Draft, name: str, hint: str) -> None:
    draft.add(name, "")
    (problem,) = draft.problems()
    assert problem.startswith(f"{name}:1:1: no part of the site reads this file; {hint}")


def test_files_that_are_not_looked_at(draft: Draft) -> None:
    draft.add("state/left.yaml", "[").add(".git/x.yaml", "[").add("notes.txt", "[")
    draft.add("groups/.plant.yaml.swp.yaml", "[")
    assert draft.problems() == []


def test_state_directory_elsewhere(draft: Draft) -> None:
    draft.edit("site.yaml", "state_dir: state", "state_dir: /var/lib/park")
    assert draft.site().state_dir == Path("/var/lib/park")


@pytest.mark.parametrize(("encoding", "name"), [("gb18030", "GB18030"), ("utf-16", "UTF-16")])
def test_text_in_another_encoding(draft: Draft, encoding: str, name: str) -> None:
    draft.site()
    text = draft.files["links.yaml"] + "# 地址\n"
    (draft.directory / "links.yaml").write_bytes(text.encode(encoding))
    _, (problem,) = check(draft.directory, STRATEGIES)
    assert problem.file == "links.yaml"
    assert problem.message == "this file is not UTF-8 text"
    assert problem.hint == f"it looks like {name}; save it as UTF-8"
    if encoding == "gb18030":
        assert (problem.line, problem.column) == (text.count("\n"), 3)


def test_byte_order_mark(draft: Draft) -> None:
    draft.files["links.yaml"] = "\ufeff" + draft.files["links.yaml"]
    assert draft.problems() == []


def test_a_directory_where_a_file_should_be(draft: Draft) -> None:
    (draft.directory / "groups" / "labs.yaml").mkdir(parents=True)
    (problem,) = draft.problems()
    assert problem.startswith("groups/labs.yaml:1:1: cannot be read: ")


# --- the other entrances ----------------------------------------------------------------------


def test_load(draft: Draft) -> None:
    draft.edit("links.yaml", "poll_s: 1", "poll_s: 0").check()
    with pytest.raises(InvalidInput, match="has 1 problem") as caught:
        load(draft.directory, STRATEGIES)
    assert [problem.file for problem in caught.value.problems] == ["links.yaml"]
    draft.edit("links.yaml", "poll_s: 0", "poll_s: 2").check()
    assert load(draft.directory, STRATEGIES).links["gateway-1"].settings.poll_s == 2
    assert sources(draft.directory) == draft.files


def test_schedules_alone(draft: Draft) -> None:
    site = draft.site()
    texts = schedule_texts(draft.directory)
    assert set(texts) == {name for name in draft.files if name.startswith("schedules/")}
    library, problems = check_schedules(site, STRATEGIES, texts)
    assert library is not None
    assert problems == []
    texts["schedules/offices.yaml"] = texts["schedules/offices.yaml"].replace('"on"', "onn")
    library, problems = check_schedules(site, STRATEGIES, texts)
    assert library is None
    assert {problem.message for problem in problems} == {
        "no mode 'onn' in strategy on_off of group 'plant.offices'"
    }
    (draft.directory / "schedules" / "x.yaml").write_bytes(b"\xff")
    with pytest.raises(InvalidInput) as caught:
        schedule_texts(draft.directory)
    assert caught.value.problems[0].file == "schedules/x.yaml"


def test_a_broken_schedule_does_not_hide_what_another_does(draft: Draft) -> None:
    draft.add(
        "schedules/labs.yaml",
        "schedule: labs\ntitle: Labs\ngoverns: [plant.labs]\nseasons: default\n"
        'otherwise: {mode: "off"}\nweek: {any: {daily: []}}\n',
    )
    draft.edit(OFFICES, 'from: "08:30", to: "17:00"', 'from: "08:30", to: "7pm"')
    assert [problem.partition(": ")[0] for problem in draft.problems()] == [
        draft.place("schedules/labs.yaml", "plant.labs"),
        draft.place(OFFICES, '"7pm"'),
    ]


def test_endpoints(draft: Draft) -> None:
    draft.append("links.yaml", OPCUA_LINK)
    site = draft.site()
    moved = with_endpoints(
        site,
        {
            "gateway-1": {"host": "127.0.0.1", "port": 40001},
            "server-1": {"url": "opc.tcp://127.0.0.1:40002"},
        },
    )
    modbus, opcua = moved.links["gateway-1"].settings, moved.links["server-1"].settings
    assert isinstance(modbus, ModbusLink)
    assert isinstance(opcua, OpcUaLink)
    assert (modbus.host, modbus.port, modbus.poll_s) == ("127.0.0.1", 40001, 1)
    assert opcua.url == "opc.tcp://127.0.0.1:40002"
    assert moved.links["gateway-1"].points == site.links["gateway-1"].points
    assert site.links["gateway-1"].settings.poll_s == 1


@pytest.mark.parametrize(
    ("endpoints", "message"),
    [
        ({"gateway-2": {"port": 1}}, "no link 'gateway-2'; did you mean 'gateway-1'?"),
        ({"gateway-1": {"prot": 1}}, "link 'gateway-1': no 'prot'; did you mean 'port'?"),
        ({"gateway-1": "127.0.0.1:1"}, "link 'gateway-1': an address has keys"),
        (["gateway-1"], "addresses by link id"),
        ({"gateway-1": {"port": 0}}, "link 'gateway-1': .*greater than or equal to 1"),
    ],
)
def test_endpoints_that_cannot_be_used(draft: Draft, endpoints: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message.replace("?", r"\?")):
        with_endpoints(draft.site(), endpoints)


def test_without_transaction_ids_one_request_is_on_the_way(draft: Draft) -> None:
    draft.edit("links.yaml", "poll_s: 1", "transaction_ids: false\n    poll_s: 1")
    assert draft.site()
    draft.edit("links.yaml", "poll_s: 1", "max_in_flight: 4\n    poll_s: 1")
    (problem,) = draft.problems()
    assert problem.startswith(draft.place("links.yaml", "false", "transaction_ids: false"))
    assert "max_in_flight is 1" in problem


PV = """\
base: park
equipment:
  pv-1: {kind: pv_inverter, device: sunspec-102, link: gateway-1, unit: 77MODELS}
"""


@pytest.mark.parametrize(
    ("models", "at", "words"),
    [
        ("", "sunspec-102", "'models' is missing: where SunSpec model 102 of sunspec-102 begins"),
        (
            ", models: {103: 40070}",
            "103: 40070",
            "no point of sunspec-102 lies in SunSpec model 103",
        ),
        (", models: {102: 65530}", "102: 65530", "would lie beyond register 65535"),
        (", models: {102: 65536}", "65536", "65535"),
        (", models: {x: 1}", "x: 1", ""),
        (", models: 40070", "40070", ""),
    ],
)
def test_where_sunspec_models_begin(draft: Draft, models: str, at: str, words: str) -> None:
    base = next(iter(draft.site().bases))
    file = "equipment/pv.yaml"
    draft.add(file, PV.replace("MODELS", ", models: {102: 40070}").replace("park", base))
    assert f"{base}.pv-1" in draft.site().equipment
    draft.add(file, PV.replace("MODELS", models).replace("park", base))
    (problem,) = draft.problems()
    assert problem.startswith(draft.place(file, at))
    assert words in problem


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("opc.tcp://plc-1:4841/path", "opc.tcp://plc-1:4841/path"),
        ("opc.tcp://plc-1", "opc.tcp://plc-1:4840"),
        ("opc.tcp://plc-1.site/a/b", "opc.tcp://plc-1.site:4840/a/b"),
        ("opc.tcp://[fe80::1]:4840", "opc.tcp://[fe80::1]:4840"),
        ("opc.tcp://127.0.0.1:0", ""),
        ("opc.tcp://127.0.0.1:65536", ""),
        ("opc.tcp://127.0.0.300:4840", ""),
        ("opc.tcp://a..b:4840", ""),
        ("opc.tcp://:4840", ""),
        ("opc.tcp://a:b:4840", ""),
        ("http://plc-1:4840", ""),
    ],
)
def test_an_opcua_address_has_a_host_and_a_port(url: str, meant: str) -> None:
    if meant:
        assert opcua_url(url) == meant
        return
    with pytest.raises(ValueError, match="not an OPC-UA address"):
        opcua_url(url)


@pytest.mark.parametrize("host", ["plc_1", "plc-1.site.", "192.0.2.7", "fe80::1", "::1", "x"])
def test_a_host_is_a_name_or_an_address(draft: Draft, host: str) -> None:
    draft.edit("links.yaml", "host: 192.0.2.10", f"host: '{host}'")
    assert draft.site()
