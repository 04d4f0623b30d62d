"""Several protections hold one machine at once: each is told, and who speaks is certain."""

from __future__ import annotations

from pathlib import Path

import pytest

import simulators.parks
from bms.config.load import load
from bms.control import STRATEGIES, assemble
from bms.control.protect.withheld import Cause, causes
from bms.core.equipment import Equipment
from tests.control.air.rigs import FULL, AirRig, group_of, made
from tests.control.protect.house_of_water import POINT, works

PARKS = Path(simulators.parks.__path__[0])


@pytest.mark.case(
    "P77",
    when="A person starts a chiller that reports a fault, and its water does not flow either.",
    then="`bms why` lists both reasons at slot 5, the fault first; it starts only when both are "
    "gone.",
)
def test_every_protection_that_holds_is_told() -> None:
    world = works(1)
    world.dead = {"chp-1"}
    world.put("ch-1.fault", 1)
    world.operator.values[f"{POINT}ch-1.enable"] = 1
    world.run(60)
    award = world.engine.why(f"{POINT}ch-1.enable")
    assert award is not None
    told = [(c.source, int(c.priority)) for c in (award.winner, *award.losers)][:2]
    assert told == [("fault_stop:b", 5), ("flow_guard:b", 5)]
    assert causes(award)[:2] == (Cause.FAULT, Cause.FLOW)
    assert "chilled water is not proven" in str(award.losers[0].reason)
    world.put("ch-1.fault", 0)
    world.reset("ch-1")
    world.run(30)
    assert world.winner("ch-1")[2] == "flow_guard:b"
    assert not world.on("ch-1")


@pytest.mark.parametrize("site", ["demo", "hospital"])
def test_at_one_slot_one_controller_speaks_for_a_point(site: str) -> None:
    """Freeze protection alone speaks for an air handler at slot 5: a fault contact of its own may
    be a filter, so that the protection of the base does not claim it."""
    found = load(PARKS / site / "site", STRATEGIES)
    claims: dict[tuple[str, int], list[str]] = {}
    for controller in assemble(found, ()):
        for point in controller.writes:
            claims.setdefault((point, int(controller.priority)), []).append(controller.name)
    assert {key: names for key, names in claims.items() if len(names) > 1} == {}
    handlers = [e.points["enable"] for e in found.equipment.values() if _handles_air(e)]
    freezes = [names[0] for point in handlers if (names := claims.get((point, 5)))]
    assert freezes or site == "demo"  # whose handlers have their own freezestats
    assert all(name.startswith("freeze:") for name in freezes)


def _handles_air(machine: Equipment) -> bool:
    return machine.kind.name == "air_handler" and "enable" in machine.points


@pytest.mark.case(
    "P77",
    when="The freezestat of an air handler trips, and a fault contact of it closes as well.",
    then="Freeze protection speaks for its fan, dampers and coils; the contact alone stops no air.",
)
def test_freeze_protection_speaks_alone_for_its_air_handler() -> None:
    machine = made("ahu-1", "air_handler", (*FULL, "freezestat", "fault", "zone_temp"))
    rig = AirRig(group_of([machine]))
    rig.mode("on")
    rig.air.outdoor_c, rig.air.gains_kw["ahu-1"] = -8.0, 1.0
    rig.put("ahu-1.fault", 1)
    rig.run(900, 5)
    assert rig.out("enable") == 1
    rig.put("ahu-1.freezestat", 1)
    rig.run(rig.seconds + 30, 5)
    award = rig.engine.why("b.ahu-1.enable")
    assert award is not None
    ladder = (award.winner, *award.losers)
    assert [c.source for c in ladder if c.priority == 5] == ["freeze:b.ahu-1"]
    assert (rig.out("enable"), rig.out("oa_damper"), rig.out("cooling_valve")) == (0, 0.0, 100.0)
