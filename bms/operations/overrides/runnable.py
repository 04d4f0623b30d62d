"""Whether a machine that a person wants on can run at all: else the wish is refused at once.

What only has to wait for its flow or its turn is not refused: an override is a wish to the
sequence, which starts pumps and proves flow first.
"""

from __future__ import annotations

from collections.abc import Iterator

from bms.config.site import Site
from bms.control.protect.by_hand import lockable
from bms.control.protect.flow.flow_paths import FlowPath, guarded_machines
from bms.control.protect.withheld import WAITING, Cause, cause_of, ladder
from bms.core.decisions import Command, Priority, Snapshot
from bms.core.equipment import Equipment
from bms.core.errors import Refused
from bms.operations.runtime import Runtime
from bms.texts.messages import Message, joined, msg
from drivers.points import PointId


def may_run(runtime: Runtime, point: PointId) -> None:
    """Return if a machine may be asked to run by hand. Raises Refused, saying what is in the way.

    `point` is what the override commands; points that start no machine pass.
    """
    machine = runtime.site.equipment.get(point.rpartition(".")[0])
    if machine is None or lockable(machine) != point:
        return
    for lock in runtime.interventions.locks:
        if lock.machine == machine.id:
            raise Refused(
                msg(
                    "{machine} is locked out by {owner}: {reason}; it runs once it is unlocked",
                    machine=machine.id,
                    owner=lock.by,
                    reason=lock.reason,
                )
            )
    held = next((c for c in _protective(runtime, point) if cause_of(c) not in WAITING), None)
    if held is not None:
        raise Refused(
            msg("{machine} cannot run now: {reason}", machine=machine.id, reason=held.reason)
        )
    last = runtime.last
    if last is not None and not last.snapshot.flag(point):
        _provable(runtime, machine, last.snapshot)


def _protective(runtime: Runtime, point: PointId) -> Iterator[Command]:
    """What holds the machine off above an operator."""
    award = runtime.award(point)
    if award is None:
        return
    for command in ladder(award):
        protects = cause_of(command) not in (None, Cause.LOCKED)
        if protects and command.priority < Priority.OPERATOR and not command.value:
            yield command


def _provable(runtime: Runtime, machine: Equipment, snapshot: Snapshot) -> None:
    """Raises Refused if no pump that makes the machine's flow can run."""
    for path in _paths(runtime.site, machine):
        reasons = [_why_not(runtime, driver, snapshot) for driver in path.drivers]
        known = [reason for reason in reasons if reason is not None]
        if known and len(known) == len(path.drivers):
            raise Refused(
                msg(
                    "{machine} cannot be started, its flow cannot be proven: {reason}",
                    machine=machine.id,
                    reason=joined("; ", *known),
                )
            )


def _paths(site: Site, machine: Equipment) -> tuple[FlowPath, ...]:
    base = machine.base
    equipment = {n.removeprefix(f"{base}."): e for n, e in site.equipment.items() if e.base == base}
    groups = [group for group in site.declared.values() if group.base == base]
    return next(
        (g.paths for g in guarded_machines(equipment, groups) if g.machine.id == machine.id), ()
    )


def _why_not(runtime: Runtime, pump: Equipment, snapshot: Snapshot) -> Message | None:
    """Why a pump cannot make the flow; None if it may."""
    if any(lock.machine == pump.id for lock in runtime.interventions.locks):
        return msg("{machine} is locked out", machine=pump.id)
    if snapshot.flag(pump.points.get("fault", "")):
        return msg("{machine} reports a fault", machine=pump.id)
    if snapshot.flag(pump.points.get("local", "")):
        return msg("{machine} is switched at its panel", machine=pump.id)
    if any(c.key == f"{pump.id}:proof" for c in runtime.engine.conditions):
        return msg("{machine} does not run though it is told to", machine=pump.id)
    enable = pump.commanded("enable")
    award = None if enable is None else runtime.award(enable)
    if award is not None and award.winner.priority <= Priority.OPERATOR and not award.value:
        by_hand = award.winner.priority is Priority.OPERATOR
        protects = cause_of(award.winner) not in (None, *WAITING)
        if by_hand or protects:
            return msg(
                "{machine} is held off ({reason})", machine=pump.id, reason=award.winner.reason
            )
    return None
