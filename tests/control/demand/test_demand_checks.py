"""What `check` refuses of a demand limit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bms.config.site import Group, Neighbour
from bms.control import STRATEGIES
from bms.control.strategies.demand.billing_interval import limit_kw
from bms.control.strategies.demand.demand_parameters import DemandParameters
from bms.core.equipment import Equipment
from bms.core.machines.relations import Relations, Standing
from tests.control.parts import BASE, machine
from tests.control.test_chilled_water import Plant, plant

SPEC = STRATEGIES["demand_limit"]


def standing(name: str, kind: str, **keys: Any) -> Equipment:
    return replace(machine(name, kind), standing=Standing(**keys))


EQUIPMENT = [
    machine("meter-main", "meter"),
    machine("lamp", "lighting_circuit"),
    standing("server-room", "fan_coil", critical=True),
    standing("store", "fan", exempt=True),
    standing("escape", "lighting_circuit", emergency=True),
    standing("ch-1", "chiller", relations=Relations(header="chw")),
    standing("chwp-1", "pump", relations=Relations(header="chw")),
    standing("cwp-1", "pump", relations=Relations(serves=("ch-1",))),
    standing("tank-pump", "pump"),
    machine("room", "room"),
]


def found(load: dict[str, Any], **parameters: Any) -> list[str]:
    """What is wrong with a demand limit that may shed this."""
    equipment = {e.id.partition(".")[2]: e for e in EQUIPMENT}
    cold = STRATEGIES["chilled_water_plant"]
    neighbours = {
        "cold": Neighbour(
            "b.cold", (equipment["ch-1"], equipment["chwp-1"]), None, cold.modes, cold.setpoints,
            cold.each,
        ),
        "rooms": Neighbour(
            "b.rooms", (equipment["server-room"],), None, ("on", "off"), {}, True
        ),
    }  # fmt: skip
    made = SPEC.parameters.model_validate({"limit_kw": 500, "loads": [load], **parameters})
    group = Group(
        f"{BASE}.demand", BASE, SPEC.name, (equipment["meter-main"],), made, equipment,
        neighbours=neighbours,
    )  # fmt: skip
    return [str(text) for _, text in SPEC.check(group)]


@pytest.mark.parametrize(
    ("load", "said"),
    [
        ({"machines": ["server-room"], "kw": 5}, "'server-room' is critical"),
        ({"machines": ["store"], "kw": 5}, "only a person may switch"),
        ({"machines": ["escape"], "kw": 5}, "emergency lighting"),
        ({"machines": ["ch-1"], "kw": 5}, "runs in the sequence of 'cold'"),
        ({"machines": ["chwp-1"], "kw": 5}, "runs in the sequence of 'cold'"),
        ({"machines": ["cwp-1"], "kw": 5}, "lives on 'cwp-1'"),
        ({"group": "rooms", "kw": 5}, "'server-room' is critical"),
        ({"group": "nobody", "kw": 5}, "no group 'nobody'"),
        ({"group": "rooms", "how": "limit", "to": 50, "kw": 5}, "'server-room' is critical"),
        ({"machines": ["lamp"], "how": "limit", "role": "speed", "to": 50}, "has no 'speed'"),
        ({"machines": ["lamp"], "meter": "room"}, "'room' has no 'power' point"),
        (
            {
                "machines": ["lamp"],
                "comfort": [{"equipment": "room", "role": "pressure", "least": 1}],
            },
            "'room' has no 'pressure' point",
        ),
    ],
)
def test_what_may_not_be_shed_is_refused(load: dict[str, Any], said: str) -> None:
    assert any(said in text for text in found(load)), found(load)


def test_what_may_be_shed_is_not() -> None:
    assert found({"machines": ["lamp"]}) == []
    assert found({"machines": ["tank-pump"], "kw": 7}) == []
    assert found({"group": "cold", "how": "limit", "to": 60}) == []
    assert found({"group": "cold", "how": "shift", "setpoint": "chw_setpoint_c", "by": 2}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit_kw": None, "loads": [{"machines": ["lamp"]}]},
        {"limit_kw": 5, "loads": [{}]},
        {"limit_kw": 5, "loads": [{"group": "cold", "machines": ["lamp"]}]},
        {"limit_kw": 5, "loads": [{"group": "cold", "how": "shift", "by": 2}]},
        {"limit_kw": 5, "loads": [{"machines": ["lamp"], "how": "limit", "to": 5}]},
        {"limit_kw": 5, "loads": [{"machines": ["lamp"]}], "interval_min": 20},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        SPEC.parameters.model_validate(wrong)


def test_a_limit_may_begin_on_a_day() -> None:
    """What is agreed with the utility changes with the year; the first entry that fits holds."""
    limits = [{"since": "2026-01-01", "limit_kw": 2000}, {"months": [7], "limit_kw": 1700}]
    made = DemandParameters.model_validate(
        {"limit_kw": 1850, "limits": limits, "loads": [{"machines": ["lamp"]}]}
    )
    zone = ZoneInfo("Asia/Shanghai")
    for begin, expected in (
        (datetime(2025, 12, 31, 23, 45, tzinfo=zone), 1850.0),
        (datetime(2025, 7, 1, tzinfo=zone), 1700.0),
        (datetime(2026, 1, 1, tzinfo=zone), 2000.0),
        (datetime(2026, 7, 1, tzinfo=zone), 2000.0),
    ):
        assert limit_kw(made, begin, zone) == expected


def test_a_plant_under_a_limit_starts_no_further_chiller() -> None:
    rig = Plant(plant(2, functions={"limit": True}))
    rig.mode("on")
    rig.give("demand_limit_pct", 50.0)
    rig.load_kw = lambda _: 1000.0
    rig.run(3600, 5.0)
    assert len(rig.chillers()) == 1
    for name in rig.chillers():
        assert rig.get(f"{name}.demand_limit") == 50
    rig.give("demand_limit_pct", None)
    rig.run(7200, 5.0)
    assert len(rig.chillers()) == 2
