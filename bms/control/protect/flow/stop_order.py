"""A pump that is switched off by hand waits for the machine that needs its water. Pure.

An operator's word about a pump is a wish to the sequence: the machine goes off first, the pump runs
on until it stands still, and then stops (Guideline 36, 5.20: pumps stop after their chiller).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bms.control.engine.protection import is_on
from bms.control.protect.flow.flow_paths import GuardedMachine
from bms.control.protect.run_evidence import run_evidence
from bms.core.decisions import Award, Priority, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId

RUN_ON_S: Final = 300.0
"""No pump waits longer for a machine that does not stop: whoever switched it off means it."""
UNSEEN_S: Final = 60.0
"""For a machine whose status cannot be read (D)."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """One thing that has to go before another."""

    point: PointId
    on: bool
    reason: Message


def order(
    machines: Sequence[GuardedMachine],
    since_s: Mapping[str, float],
    snapshot: Snapshot,
) -> tuple[list[Ordered], dict[str, float]]:
    """What is commanded for the order's sake, and since when each machine has been told to stop.

    `since_s` is the latter of the last look, by the machine's id (watched seconds).
    """
    orders: list[Ordered] = []
    kept: dict[PointId, Message] = {}
    after: dict[str, float] = {}
    for guarded in machines:
        going = _going(guarded, snapshot)
        if not going:
            continue
        name = guarded.machine.id
        began_s = after[name] = since_s.get(name, snapshot.watched_s)
        first, award = going[0]
        orders.append(Ordered(guarded.enable, False, _stops(first, award)))
        runs = None if guarded.runs is None else guarded.runs.flag(snapshot)
        longest_s = UNSEEN_S if runs is None else RUN_ON_S
        if runs is False or snapshot.watched_s - began_s >= longest_s:
            continue
        for driver, _ in going:
            enable = driver.commanded("enable")
            if enable is not None and snapshot.flag(enable):
                kept[enable] = msg("runs on until {machine} stands still", machine=name)
    orders += [Ordered(point, True, reason) for point, reason in kept.items()]
    return orders, after


def _going(guarded: GuardedMachine, snapshot: Snapshot) -> list[tuple[Equipment, Award]]:
    """The pumps and towers that a person switches off, and without which it cannot run."""
    award = snapshot.awards.get(guarded.enable)
    runs = guarded.runs is not None and guarded.runs.flag(snapshot)
    if not runs and not snapshot.flag(guarded.enable) and (award is None or not is_on(award.value)):
        return []
    found: list[tuple[Equipment, Award]] = []
    for path in guarded.paths:
        off = [(one, switched) for one in path.drivers if (switched := _off_by_hand(one, snapshot))]
        names = {one.id for one, _ in off}
        if off and not _any_runs((one for one in path.drivers if one.id not in names), snapshot):
            found += off
    found += [(one, off_) for one in guarded.towers if (off_ := _off_by_hand(one, snapshot))]
    return found


def _off_by_hand(machine: Equipment, snapshot: Snapshot) -> Award | None:
    enable = machine.commanded("enable")
    award = None if enable is None else snapshot.awards.get(enable)
    if award is None or machine.exempt or is_on(award.value):
        return None
    return award if award.winner.priority in _BY_HAND else None


_BY_HAND: Final = (Priority.LIFE_SAFETY_MANUAL, Priority.LIFE_SAFETY, Priority.OPERATOR)


def _any_runs(machines: Iterable[Equipment], snapshot: Snapshot) -> bool:
    for machine in machines:
        runs = run_evidence(machine)
        if runs is not None and runs.flag(snapshot):
            return True
    return False


def _stops(machine: Equipment, award: Award) -> Message:
    return msg(
        "stops first: {machine} is to be switched off ({reason})",
        machine=machine.id,
        reason=award.winner.reason,
    )
