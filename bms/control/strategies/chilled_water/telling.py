"""What a plant says of itself: why a chiller does what it does, and what is wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bms.control.blocks.delays import held_for
from bms.control.blocks.machines.start_proof import STILL, Failure
from bms.control.engine.states import Words
from bms.control.strategies.chilled_water.instruments import FLOW, RETURN, SUPPLY, Instruments
from bms.control.strategies.chilled_water.plant_layout import Layout, Unit
from bms.control.strategies.water.fittings import Machine
from bms.control.strategies.water.machinery import Machinery, Proofs, View, tried_again
from bms.control.strategies.water.unit_steps import Step, UnitHold, UnitState
from bms.core.decisions import Condition, Severity
from bms.texts.messages import joined, msg
from drivers.points import PointId

INPUT_ALARM_AFTER_S = 10.0
"""A bad input falls back at once; it is an alarm once it lasts (at start nothing is read yet)."""


def failed(unit: Unit, proofs: Proofs, hold: UnitHold) -> Words:
    """Why a chiller is out of use, with the machine that failed; empty if it is not."""
    if hold.failed:
        return hold.failed
    for machine in (unit.chiller, *unit.auxiliaries):
        proof = proofs.get(machine.name, STILL)
        if proof.failure is Failure.FAULT and not proof.latched:
            continue  # told as a fault, for as long as it lasts
        if proof.failure is not Failure.NONE:
            return joined(" ", machine.name, proof.failed)
    return ""


def faults(machines: tuple[Machine, ...], views: Mapping[str, View]) -> list[Condition]:
    """Machines that report a fault."""
    return [
        Condition(
            f"{machine.id}:fault",
            Severity.CRITICAL,
            msg("{equipment} reports a fault", equipment=machine.id),
        )
        for machine in machines
        if views[machine.name].fault
    ]


def of_unit(unit: Unit, hold: UnitHold, proofs: Proofs, doubted: bool) -> list[Condition]:
    """A chiller that is out of use, or tried again; its valves are `doubted` until it runs."""
    reason = failed(unit, proofs, hold)
    id_, key = unit.chiller.id, f"{unit.chiller.id}:proof"
    machines = (unit.chiller, *unit.auxiliaries)
    again = [text for m in machines if (text := tried_again(m.id, proofs.get(m.name, STILL)))]
    if again:
        return [Condition(key, Severity.CRITICAL, again[0])]
    if doubted and not reason:
        text = msg(
            "the valve of {chiller} did not open; no other chiller is left, so it is tried again",
            chiller=id_,
        )
        return [Condition(key, Severity.CRITICAL, text)]
    if not reason:
        return []
    text = msg(
        "{chiller} is out of use: {failed}; repair it, then 'bms reset {chiller}'",
        chiller=id_,
        failed=reason,
    )
    return [Condition(key, Severity.CRITICAL, text)]


def of_bank(machines: tuple[Machine, ...], proofs: Proofs) -> list[Condition]:
    """Pumps and towers on a header that are out of use."""
    found = []
    for machine in machines:
        proof = proofs.get(machine.name, STILL)
        text = tried_again(machine.id, proof)
        if proof.failure in (Failure.NONE, Failure.FAULT) and not proof.latched and not text:
            continue
        text = text or msg(
            "{machine} is out of use: {failed}; repair it, then 'bms reset {machine}'",
            machine=machine.id,
            failed=proof.failed,
        )
        found.append(Condition(f"{machine.id}:proof", Severity.URGENT, text))
    return found


def runs_on(
    layout: Layout,
    units: Mapping[str, UnitState],
    views: Mapping[str, View],
    machinery: Machinery,
    proofs: Proofs,
    watched_s: float,
) -> list[Condition]:
    """Chillers that run though they are told to stop."""
    found = []
    for name, state in units.items():
        view = views[name]
        if state.step is not Step.STOPPING or not view.status or view.kept_on:
            continue
        if machinery.runs_though_stopped(name, proofs, watched_s):
            id_ = layout.units[name].chiller.id
            text = msg("{chiller} runs though it is told to stop; its pumps stay on", chiller=id_)
            found.append(Condition(f"{id_}:running", Severity.URGENT, text))
    return found


def no_machine(group_id: str) -> Condition:
    """A plant that is on and has nothing to run."""
    text = msg("{group} is on and no chiller train can run", group=group_id)
    return Condition(f"{group_id}:no-train", Severity.CRITICAL, text)


def outdoor_unknown(
    group_id: str, point: PointId, since_s: float | None, locked: bool, watched_s: float
) -> list[Condition]:
    """An outdoor temperature that cannot be used."""
    if not held_for(since_s, INPUT_ALARM_AFTER_S, watched_s):
        return []
    text = (
        msg("{oat} is not good: the plant stays locked out as it was", oat=point)
        if locked
        else msg("{oat} is not good: the plant stays released as it was", oat=point)
    )
    return [Condition(f"{group_id}:outdoor-temp", Severity.URGENT, text)]


def load_unknown(group_id: str, instruments: Instruments, stage: int) -> Condition:
    """A load that is not known."""
    text = msg(
        "{group}: load not known ({flow}, {returned} or {supply} is not good): stage "
        "{stage} is held",
        group=group_id,
        flow=instruments.point(FLOW) or msg("flow"),
        returned=instruments.point(RETURN),
        supply=instruments.point(SUPPLY),
        stage=stage,
    )
    return Condition(f"{group_id}:load", Severity.URGENT, text)


def flaws(found: Mapping[PointId, Words]) -> list[Condition]:
    """Instruments that show what cannot be."""
    return [
        Condition(
            f"{point}:implausible",
            Severity.URGENT,
            msg("{point} is not used: {detail}", point=point, detail=detail),
        )
        for point, detail in found.items()
    ]


def no_flow(group_id: str) -> Condition:
    """A change of the stage that was given up because the flow never came."""
    text = msg(
        "{group}: the least flow of the next chiller was not reached; look at valves and pumps",
        group=group_id,
    )
    return Condition(f"{group_id}:least-flow", Severity.URGENT, text)
