"""What `check` asks for safety: proofs of flow, and machines that only people switch."""

from __future__ import annotations

from pathlib import Path

import pytest

from bms.config.load import check
from bms.config.site import Site
from bms.control import STRATEGIES, assemble
from bms.texts.problems import Problem
from tests.config.sites import write

PUMP = """\
device: {name}
kind: pump
document: test
protocol: modbus
points:
  enable: {{table: coil, address: 0, type: bool, writable: true}}
{status}"""
STATUS = "  status: {table: discrete, address: 0, type: bool}\n"
FILES = {
    "site.yaml": "id: small\nzone: Asia/Shanghai\nbases: {b: {}}\n",
    "links.yaml": "links:\n  plc: {protocol: modbus_tcp, host: 127.0.0.1}\n",
    "devices/chiller.yaml": """\
device: ch
kind: chiller
document: test
protocol: modbus
points:
  enable: {table: coil, address: 0, type: bool, writable: true}
  status: {table: discrete, address: 0, type: bool}
""",
    "devices/pump.yaml": PUMP.format(name="seen", status=STATUS),
    "devices/blind.yaml": PUMP.format(name="blind", status=""),
    "devices/loop.yaml": """\
device: loop
kind: water_loop
document: test
protocol: modbus
points:
  supply_temp: {table: input, address: 0, type: float32, unit: degC}
  return_temp: {table: input, address: 2, type: float32, unit: degC}
""",
    "equipment/b.yaml": """\
base: b
equipment:
  ch-1: {kind: chiller, device: ch, link: plc, unit: 1, capacity_kw: 500}
  p-1: {kind: pump, device: seen, link: plc, unit: 2}
  hdr: {kind: water_loop, device: loop, link: plc, unit: 3}
""",
    "groups/b.yaml": """\
base: b
groups:
  cold:
    strategy: chilled_water_plant
    members: [ch-1, p-1]
    parameters:
      header: hdr
      trains: [{chiller: ch-1, chw_pump: p-1}]
""",
    "schedules/cold.yaml": "schedule: cold\ngoverns: [b.cold]\n"
    "otherwise: {mode: 'on', chw_setpoint_c: 7}\nweek: {any: {}}\n",
}
BLIND = FILES["equipment/b.yaml"].replace("device: seen", "device: blind")
BARE = FILES["groups/b.yaml"].replace(", chw_pump: p-1", "")
EXEMPT = FILES["equipment/b.yaml"].replace("unit: 2}", "unit: 2, exempt: true}")


def checked(directory: Path, **changes: str) -> tuple[Site | None, list[Problem]]:
    return check(write(directory, {**FILES, **changes}), STRATEGIES)


@pytest.mark.case(
    "P8",
    when="A pump has no status, a train no pump, or a flow is nowhere measured",
    then="bms check refuses it unless the file says what proves the flow; a site of before goes on "
    "with one alarm",
)
@pytest.mark.parametrize(("file", "text"), [("equipment/b.yaml", BLIND), ("groups/b.yaml", BARE)])
def test_a_flow_that_nothing_proves_is_refused(tmp_path: Path, file: str, text: str) -> None:
    assert checked(tmp_path / "whole")[1] == []
    site, problems = checked(tmp_path / "less", **{file: text})
    (problem,) = problems
    assert "nothing proves that water flows through 'ch-1'" in problem.message
    assert problem.withholds == "b.ch-1"
    assert site is not None
    assert site.unmet == (problem,)
    assert assemble(site, ())
    told = text if file.startswith("equipment") else FILES["equipment/b.yaml"]
    told = told.replace("capacity_kw: 500", "capacity_kw: 500, flow_proof: machine")
    changes = {file: text, "equipment/b.yaml": told}
    assert checked(tmp_path / "told", **changes)[1] == []


@pytest.mark.parametrize("kind", ["chiller", "boiler", "heat_pump"])
def test_a_plain_group_is_asked_what_proves_flow_too(tmp_path: Path, kind: str) -> None:
    """A boiler that follows its schedule burns dry as well as one that is staged."""
    machine = FILES["equipment/b.yaml"].replace("kind: chiller", f"kind: {kind}, header: hdr")
    plain = {
        "devices/chiller.yaml": FILES["devices/chiller.yaml"].replace(
            "kind: chiller", f"kind: {kind}"
        ),
        "groups/b.yaml": "base: b\ngroups:\n  plain: {strategy: on_off, members: [ch-1, p-1]}\n",
        "schedules/cold.yaml": FILES["schedules/cold.yaml"]
        .replace("b.cold", "b.plain")
        .replace(", chw_setpoint_c: 7", ""),
    }
    seen = machine.replace("device: seen", "device: seen, header: hdr")
    blind = seen.replace("device: seen", "device: blind")
    assert checked(tmp_path / "seen", **plain, **{"equipment/b.yaml": seen})[1] == []
    site, (problem,) = checked(tmp_path / "blind", **plain, **{"equipment/b.yaml": blind})
    assert "nothing proves that water flows through 'ch-1'" in problem.message
    assert site is not None
    assert site.unmet == (problem,)
    assert assemble(site, ())


@pytest.mark.case(
    "P79",
    when="A chiller or boiler runs by its own schedule, and nothing proves its water.",
    then="bms check refuses it. A site of before goes on, with one alarm for the machine.",
)
@pytest.mark.parametrize("kind", ["chiller", "boiler"])
@pytest.mark.parametrize("strategy", ["on_off", "air_handlers"])
def test_a_machine_by_its_own_schedule_is_asked_what_proves_its_flow(
    tmp_path: Path, kind: str, strategy: str
) -> None:
    alone = {
        "devices/chiller.yaml": FILES["devices/chiller.yaml"].replace(
            "kind: chiller", f"kind: {kind}"
        ),
        "equipment/b.yaml": FILES["equipment/b.yaml"].replace("kind: chiller", f"kind: {kind}"),
        "groups/b.yaml": f"base: b\ngroups:\n  g: {{strategy: {strategy}, members: [ch-1]}}\n",
        "schedules/cold.yaml": FILES["schedules/cold.yaml"]
        .replace("b.cold", "b.ch-1")
        .replace(", chw_setpoint_c: 7", ""),
    }
    site, problems = checked(tmp_path / "alone", **alone)
    assert site is not None, problems
    assert "b.ch-1" in site.groups  # a group of one
    (problem,) = problems
    assert "nothing proves that water flows through 'ch-1'" in problem.message
    assert problem.withholds == "b.ch-1"
    assert assemble(site, ())
    told = alone["equipment/b.yaml"].replace("capacity_kw: 500", "flow_proof: machine")
    assert checked(tmp_path / "told", **alone | {"equipment/b.yaml": told})[1] == []


@pytest.mark.case(
    "P44",
    when="A machine that only a person may switch is put into a group, a schedule or a default",
    then="bms check refuses each of them",
)
def test_what_only_people_switch_is_in_no_group_schedule_or_default(tmp_path: Path) -> None:
    alone = {
        "groups/b.yaml": "base: b\ngroups:\n  air: {strategy: on_off, members: [p-1]}\n",
        "schedules/cold.yaml": FILES["schedules/cold.yaml"]
        .replace("b.cold", "b.air")
        .replace(", chw_setpoint_c: 7", ""),
    }
    assert checked(tmp_path / "whole", **alone)[1] == []
    _, problems = checked(tmp_path / "group", **alone, **{"equipment/b.yaml": EXEMPT})
    assert ["only a person" in problem.message for problem in problems] == [True]
    _, problems = checked(tmp_path / "train", **{"equipment/b.yaml": EXEMPT})
    assert ["only a person" in problem.message for problem in problems] == [True]
    governs = {"schedules/cold.yaml": FILES["schedules/cold.yaml"].replace("b.cold", "b.p-1")}
    nobody = {"groups/b.yaml": "base: b\ngroups: {}\n", "equipment/b.yaml": EXEMPT}
    _, problems = checked(tmp_path / "schedule", **nobody, **governs)
    assert any("only a person may switch 'b.p-1'" in problem.message for problem in problems)
    default = EXEMPT.replace("exempt: true}", "exempt: true, outputs: {enable: {default: 1}}}")
    _, problems = checked(tmp_path / "default", **{"equipment/b.yaml": default})
    assert any("a default would switch" in problem.message for problem in problems)


def test_in_shadow_only_pumps_prove_flow_for_no_water_obeys_there(tmp_path: Path) -> None:
    metered = FILES["devices/loop.yaml"] + (
        "  flow: {table: input, address: 4, type: float32, unit: m3/h}\n"
    )
    for mode, reads in (("control", True), ("shadow", False)):
        text = FILES["site.yaml"] + f"mode: {mode}\n"
        site, problems = checked(
            tmp_path / mode, **{"site.yaml": text, "devices/loop.yaml": metered}
        )
        assert problems == []
        assert site is not None
        (safety,) = [c for c in assemble(site, ()) if c.name == "safety:b"]
        assert ("b.hdr.flow" in safety.reads) is reads
