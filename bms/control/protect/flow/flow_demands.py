"""What `bms check` asks of machines that need water: something that proves their flow. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bms.config.site import Demand, Group
from bms.control.protect.flow.flow_paths import FlowPath, GuardedMachine, guarded_machines
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg

_SIDES: Final = {"chiller": "chilled", "boiler": "hot"}
"""What always needs water, also where no file says which; a heat pump may heat air."""


def unproven_flows(group: Group) -> Sequence[Demand]:
    """The machines of a group whose flow nothing proves, one demand for each side."""
    mine = {member.id for member in group.members} | {
        f"{group.base}.{name}" for name in _in_trains(group)
    }
    guarded_ones = guarded_machines(group.equipment, [group])
    guarded_ids = {guarded.machine.id for guarded in guarded_ones}
    dry = [
        _demand(group, machine, _nowhere(machine, _SIDES[machine.kind.name]))
        for machine in group.equipment.values()
        if machine.id in mine - guarded_ids
        and machine.kind.name in _SIDES
        and machine.commanded("enable") is not None
        and not machine.exempt
        and not machine.standing.flow_proof
    ]
    return dry + [
        _demand(group, guarded.machine, _text(guarded, path))
        for guarded in guarded_ones
        if guarded.machine.id in mine and not guarded.machine.standing.flow_proof
        for path in guarded.paths
        if not path.provable
    ]


def _demand(group: Group, machine: Equipment, text: Message) -> Demand:
    return Demand(
        _where(group, machine),
        text,
        msg(
            "give its pump a status, or the machine or its header a flow meter, a flow switch "
            "or a differential pressure; 'flow_proof: machine' in the equipment file says that "
            "its own switch trips it"
        ),
        machine.id,
    )


def _text(guarded: GuardedMachine, path: FlowPath) -> Message:
    name = guarded.machine.id.rpartition(".")[2]
    if path.drivers:
        pumps = ", ".join(pump.id.rpartition(".")[2] for pump in path.drivers)
        return msg(
            "nothing proves that water flows through '{machine}': {pumps} shows nothing of itself "
            "({side} side)",
            machine=name,
            pumps=pumps,
            side=path.side,
        )
    return _nowhere(guarded.machine, path.side)


def _nowhere(machine: Equipment, side: str) -> Message:
    return msg(
        "nothing proves that water flows through '{machine}': it has no pump, and its flow is "
        "nowhere measured ({side} side)",
        machine=machine.id.rpartition(".")[2],
        side=side,
    )


def _in_trains(group: Group) -> list[str]:
    parameters: Any = group.parameters
    return [train.chiller for train in getattr(parameters, "trains", None) or ()]


def _where(group: Group, machine: Equipment) -> tuple[str | int, ...]:
    """Where the file names the machine."""
    name = machine.id.rpartition(".")[2]
    names = _in_trains(group)
    return ("parameters", "trains", names.index(name)) if name in names else ("members",)
