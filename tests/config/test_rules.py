"""One broken site per rule: where, what, and what to write instead."""

from __future__ import annotations

import pytest

from tests.config.sites import Draft

AHU = "devices/example-ahu.yaml"
METER = "devices/example-meter.yaml"
PLANT = "equipment/plant.yaml"
GROUPS = "groups/plant.yaml"
OFFICES = "schedules/offices.yaml"


def only(draft: Draft) -> str:
    problems = draft.problems()
    assert len(problems) == 1, "\n".join(problems)
    return problems[0]


def test_the_template_is_clean(draft: Draft) -> None:
    assert draft.problems() == []


# Each case: the file, the old text, the new text, the text that the problem stands at, the message.
CASES = {
    "unknown key": (
        "site.yaml", "cycle_s: 1", "cycle: 1", "cycle: 1",
        "unknown key 'cycle'; did you mean 'cycle_s'?",
    ),
    "missing key": (
        PLANT, "    device: example-meter\n", "", "meter-main:", "'device' is missing; add it",
    ),
    "wrong type": (
        "links.yaml", "port: 502", "port: fast", "fast", "'fast': input should be a valid integer",
    ),
    "id of a base": (
        GROUPS, "  offices:", "  Offices:", "Offices:", "'Offices' is not an id: use a-z",
    ),
    "id of equipment": (
        PLANT, "  meter-main:", "  meter_main:", "meter_main:",
        "'meter_main' is not an id: use a-z, 0-9 and '-'",
    ),
    "title language": (
        "site.yaml", "en: Example park", "fr: Parc", "{zh: 示例园区",
        "'fr' is not a language of titles; allowed: zh, en",
    ),
    "zone of the site": (
        "site.yaml", "zone: Asia/Shanghai", "zone: Asia/Shanghi", "Asia/Shanghi",
        "no time zone 'Asia/Shanghi'; did you mean 'Asia/Shanghai'?",
    ),
    "zone that people expect to exist": (
        "site.yaml", "zone: Asia/Shanghai", "zone: Asia/Beijing", "Asia/Beijing",
        "no time zone 'Asia/Beijing'; did you mean 'Asia/Shanghai'?",
    ),
    "zone of a base": (
        "site.yaml", "    energy:\n", "    zone: Mars\n    energy:\n", "Mars",
        "no time zone 'Mars'; ",
    ),
    "state directory outside": (
        "site.yaml", "state_dir: state", "state_dir: ../state", "../state",
        "'../state': the state directory is inside the site, or an absolute path",
    ),
    "state directory among the files": (
        "site.yaml", "state_dir: state", "state_dir: schedules", "schedules",
        "the state directory cannot be in 'schedules', which holds site files",
    ),
    "protocol": (
        "links.yaml", "    protocol: modbus_tcp", "    protocol: modbus", "modbus\n",
        "allowed: modbus_rtu, modbus_rtu_tcp, modbus_tcp, modbus_tls",
    ),
    "host with a scheme": (
        "links.yaml", "host: 192.0.2.10", "host: http://192.0.2.10", "http://192.0.2.10",
        "is not a host name or address",
    ),
    "host with a port": (
        "links.yaml", "host: 192.0.2.10", "host: 192.0.2.10:502", "192.0.2.10:502",
        "is not a host name or address (no scheme, port, path",
    ),
    "host with an empty label": (
        "links.yaml", "host: 192.0.2.10", "host: plc..site", "plc..site",
        "is not a host name or address",
    ),
    "host that looks like an address": (
        "links.yaml", "host: 192.0.2.10", "host: 192.0.2.300", "192.0.2.300",
        "is not a host name or address",
    ),
    "kind": (
        PLANT, "kind: meter", "kind: metre", "metre", "no kind 'metre'; did you mean 'meter'?",
    ),
    "device": (
        PLANT, "device: example-meter", "device: example-metre", "example-metre",
        "no device 'example-metre'; did you mean 'example-meter'?",
    ),
    "kind of the device": (
        PLANT, "device: example-meter", "device: example-ahu # no", "example-ahu # no",
        "device 'example-ahu' is of kind air_handler, not meter; did you mean 'example-meter'?",
    ),
    "link": (
        PLANT, "link: gateway-1\n    unit: 100", "link: gateway-2\n    unit: 100", "gateway-2",
        "no link 'gateway-2'; did you mean 'gateway-1'?",
    ),
    "base of equipment": (
        PLANT, "base: plant", "base: plan", "plan\n", "no base 'plan'; did you mean 'plant'?",
    ),
    "base of groups": (
        GROUPS, "base: plant", "base: plan", "plan\n", "no base 'plan'; did you mean 'plant'?",
    ),
    "missing unit": (
        PLANT, "    unit: 100\n", "", "meter-main:",
        "device 'example-meter' needs its unit; add unit: 1 (0-255)",
    ),
    "unit out of range": (
        PLANT, "unit: 100", "unit: 256", "256", "unit '256' is not a number from 0 to 255",
    ),
    "unit is not a number": (
        PLANT, "unit: 100", "unit: one", "one\n", "unit 'one' is not a number from 0 to 255",
    ),
    "unit range without quotes": (
        PLANT, 'unit: "{1..2}"', "unit: {1..2}", "{1..2}          #",
        'a range of units is written in quotes: unit: "{1..64}"',
    ),
    "unit range of another length": (
        PLANT, 'unit: "{1..2}"', 'unit: "{1..3}"', '"{1..3}"',
        "'{1..3}' counts 3, the name of the equipment counts 2; both ranges must be",
    ),
    "one unit for all": (
        PLANT, 'unit: "{1..2}"', "unit: 1", '1          #',
        'all 2 would be unit 1 of one link; write a range: "{1..2}"',
    ),
    "title range of another length": (
        PLANT, "Office air handler {1..2}", "Office air handler {1..5}", '{zh: "办公楼空调{1..2}"',
        "'Office air handler {1..5}' counts 5",
    ),
    "range that counts down": (
        PLANT, '"ahu-{01..02}"', '"ahu-{02..01}"', '"ahu-{02..01}"',
        "'ahu-{02..01}' counts down; write {01..02}",
    ),
    "range that is none": (
        PLANT, '"ahu-{01..02}"', '"ahu-{01-02}"', '"ahu-{01-02}"',
        "'ahu-{01-02}' has braces without a number range; write {01..64}",
    ),
    "role of a device": (
        AHU, "  zone_temp:", "  zone_tmp:", "zone_tmp:",
        "no role 'zone_tmp' in kind air_handler; did you mean 'zone_temp'?",
    ),
    "wrong unit": (
        AHU, "0, scale: 0.1, unit: degC}\n  zone", "0, scale: 0.1, unit: degF}\n  zone", "degF",
        "wrong unit degF: 'supply_temp' is in degC; set scale and offset",
    ),
    "no unit": (
        METER, ", unit: kW}", "}", "power:", "'power' has no unit; write unit: kW",
    ),
    "unit where there is none": (
        AHU, "1, type: bool}", "1, type: bool, unit: degC}", "unit: degC}\n  # Sent",
        "'fault' has no unit, not degC; remove it",
    ),
    "number as a bool": (
        METER, "{address: 0, type: int32, scale: 0.1, unit: kW}",
        "{table: coil, address: 0, type: bool, unit: kW}", "bool, unit: kW",
        "'power' is a number, not a bool",
    ),
    "missing role": (
        METER, "  energy: {", "  # energy: {", "points:", "a meter needs a point 'energy'; add it",
    ),
    "kind of a device type": (
        METER, "kind: meter", "kind: meters", "meters\n", "no kind 'meters'; did you mean 'meter'?",
    ),
    "energy boundary": (
        "site.yaml", "imports: [meter-main]", "imports: [meter-mian]", "meter-mian",
        "no meter 'meter-mian'; did you mean 'meter-main'?",
    ),
    "energy without a counter": (
        "site.yaml", "imports: [meter-main]", "imports: [meter-main, ahu-01]", "ahu-01",
        "'ahu-01' has no energy point; allowed: meter-main",
    ),
    "energy counted twice": (
        "site.yaml", "imports: [meter-main]",
        "imports: [meter-main]\n      generation: [meter-main,]", "meter-main,]",
        "'meter-main' is counted twice in this base's energy; name it once",
    ),
    "outputs of no role": (
        PLANT, "enable: {min_on_s", "enabel: {min_on_s", "enabel:",
        "no role 'enabel' in kind air_handler; did you mean 'enable'?",
    ),
    "outputs of a measurement": (
        PLANT, "zone_setpoint: {tolerance", "zone_temp: {tolerance", "zone_temp:",
        "'zone_temp' is not commanded in kind air_handler; did you mean",
    ),
    "outputs of a missing point": (
        PLANT, "zone_setpoint: {tolerance", "fan_speed: {tolerance", "fan_speed:",
        "device 'example-ahu' has no point 'fan_speed'",
    ),
    "outputs of a point that is not writable": (
        AHU, "unit: degC, writable: true}", "unit: degC}", None,
        "equipment/plant.yaml:17:7: point 'zone_setpoint' of device 'example-ahu' is not writable",
    ),
    "minimum times of a number": (
        PLANT, "zone_setpoint: {tolerance: 0.1}", "zone_setpoint: {min_on_s: 60}", "min_on_s: 60}",
        "'zone_setpoint' is not switched on and off; remove it",
    ),
    "release without a value": (
        PLANT, "on_stop: hold", "on_stop: release", "release",
        "'enable' cannot be released: the device gives it no release_value; write hold",
    ),
    "default of a state": (
        PLANT, "on_stop: hold", "default: 1", "1", "1 is not a state; write true or false",
    ),
    "default of a number": (
        PLANT, "zone_setpoint: {tolerance: 0.1}", "zone_setpoint: {default: warm}", "warm",
        "'warm' is not a number; 'zone_setpoint' is a number in degC",
    ),
    "default beyond the register": (
        PLANT, "zone_setpoint: {tolerance: 0.1}", "zone_setpoint: {default: 9000}", "9000",
        "9000 does not fit the register; 9000 is out of range: the point holds -3276.8 to 3276.7",
    ),
    "strategy": (
        GROUPS, "strategy: on_off", "strategy: onoff", "onoff",
        "no strategy 'onoff'; did you mean 'on_off'?",
    ),
    "member": (
        GROUPS, "members: [ahu-*]", "members: [ahu-01, ahu-3]", "ahu-3]",
        "no equipment 'ahu-3'; did you mean 'ahu-0",
    ),
    "member range that is partly missing": (
        GROUPS, "members: [ahu-*]", 'members: ["ahu-{01..03}"]', '"ahu-{01..03}"]',
        "no equipment 'ahu-03'; did you mean 'ahu-0",
    ),
    "member pattern that matches nothing": (
        GROUPS, "members: [ahu-*]", "members: [fcu-*]", "fcu-*]", "no equipment 'fcu-*'; ",
    ),
    "member twice": (
        GROUPS, "members: [ahu-*]", "members: [ahu-01, ahu-01 ]", "ahu-01 ]",
        "'ahu-01' is already a member of this group; remove it",
    ),
    "member range that is none": (
        GROUPS, "members: [ahu-*]", 'members: ["ahu-{1,2}"]', '"ahu-{1,2}"]',
        "'ahu-{1,2}' has braces without a number range",
    ),
    "what the strategy finds": (
        GROUPS, "members: [ahu-*]", "members: [meter-main]", "meter-main",
        "'plant.meter-main' has no 'enable' point",
    ),
    "what the strategy finds in its parameters": (
        GROUPS, "stagger_s: 5 ", "header: tank ", "tank ", "no equipment 'tank'",
    ),
    "parameter": (
        GROUPS, "stagger_s: 5 ", "stager_s: 5 ", "stager_s: 5",
        "unknown key 'stager_s'; did you mean 'stagger_s'?",
    ),
    "parameter value": (
        GROUPS, "stagger_s: 5 ", "stagger_s: -5 ", "-5 ",
        "input should be greater than or equal to 0",
    ),
    "meter of a group": (
        GROUPS, "strategy: on_off", "strategy: on_off\n    meter: meter-mian", "meter-mian",
        "no equipment 'meter-mian'; did you mean 'meter-main'?",
    ),
    "meter that counts nothing": (
        GROUPS, "strategy: on_off", "strategy: on_off\n    meter: ahu-01", "ahu-01",
        "'ahu-01' has no energy point; allowed: meter-main",
    ),
    "governed group": (
        OFFICES, "governs: [plant.offices]", "governs: [plant.office]", "plant.office]",
        "no group 'plant.office'; did you mean 'plant.offices'?",
    ),
    "mode": (
        OFFICES, 'to: "17:00", mode: "on"', 'to: "17:00", mode: auto', "auto",
        "no mode 'auto' in strategy on_off of group 'plant.offices'; allowed: off, on",
    ),
    "setpoint": (
        OFFICES, "zone_setpoint_c: 27", "zone_setpoint: 27", "zone_setpoint: 27",
        "no setpoint 'zone_setpoint' in strategy on_off of group 'plant.offices'; "
        "did you mean 'zone_setpoint_c'?",
    ),
    "a slip of the pen in a setpoint": (
        OFFICES, "zone_setpoint_c: 27", "zone_setpoint_c: 270", "zone_setpoint_c: 270",
        "zone_setpoint_c cannot be 270 degC; write 5 to 40",
    ),
    "full-width punctuation": (
        "links.yaml", "port: 502", "port：502", "：502", "full-width character '：' cannot be used",
    ),
    "tab": ("links.yaml", "    port: 502", "\tport: 502", None, "links.yaml:"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_rule(draft: Draft, case: tuple[str, str, str, str | None, str]) -> None:
    file, old, new, at, message = case
    problem = only(draft.edit(file, old, new))
    if at is not None:
        assert problem.startswith(f"{draft.place(file, at, new)}: ")
    assert message in problem
