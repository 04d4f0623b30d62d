"""Why a machine is held off, as those who sequence it see it in the ladder of its enable. Pure.

Protection commands at slots 2, 5 and 7. A strategy sees its commands as of the cycle before, among
the awards of its snapshot. It must not call a machine failed that is not allowed to run, and must
not drop one that is only waiting for its flow or for its turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from bms.control.engine.protection import is_on
from bms.core.decisions import Award, Command, Priority, Snapshot
from drivers.points import PointId


class Cause(StrEnum):
    """What holds a machine off."""

    LOCKED = "lock_out"
    """A person works on it: until that person unlocks it."""
    FAULT = "fault_stop"
    """It reports a fault, or did so too often: until the fault is gone, or until it is reset."""
    FLOW = "flow_guard"
    """Its flow is not proven: it may start as soon as it is."""
    LEVEL = "level_guard"
    """It would draw air, let a tank overflow or take the fire reserve: until the level is right."""
    SCALD = "scald_guard"
    """Its store would scald people, or nothing tells how hot it is."""
    ORDER = "stop_order"
    """Its pump is to be switched off by hand: it stops first."""
    RESTART = "restart"
    """Power, a PLC or the controller was away: it waits for its turn."""
    STARTS = "start_limit"
    """It has started as often as its maker allows: until the next start is possible."""


WAITING: Final = frozenset({Cause.FLOW, Cause.RESTART})
"""Pass by themselves in the course of a start: wait, take no other machine."""


def source_of(cause: Cause, base: str) -> str:
    """The source of commands for this cause."""
    return f"{cause}:{base}"


def cause_of(command: Command) -> Cause | None:
    """What a protective command is for; None for all other commands."""
    name = command.source.partition(":")[0]
    return Cause(name) if name in _NAMES else None


_NAMES: Final = frozenset(cause.value for cause in Cause)


def causes(award: Award | None) -> tuple[Cause, ...]:
    """Everything protective in a ladder, the strongest first."""
    if award is None:
        return ()
    found = (cause_of(command) for command in ladder(award))
    return tuple(cause for cause in found if cause is not None)


def ladder(award: Award) -> Iterator[Command]:
    """The winner and the losers, in order."""
    yield award.winner
    yield from award.losers


def powered(snapshot: Snapshot, enable: PointId) -> bool:
    """Whether nothing speaks against the machine's having power, or its turn: False from when an
    outage is seen until the restart has let the machine go. No proof counts meanwhile."""
    return Cause.RESTART not in causes(snapshot.awards.get(enable))


def wanted(snapshot: Snapshot, enable: PointId) -> bool:
    """Whether those below protection want a machine on, also while a minimum time off stands
    before that. For controllers of the PROTECT stage, who do not see each other."""
    award = snapshot.awards.get(enable)
    if award is None:
        return False
    if is_on(award.value) or award.winner.priority is not Priority.MIN_ON_OFF:
        return is_on(award.value)
    return bool(award.losers) and is_on(award.losers[0].value)


def asked_on(snapshot: Snapshot, enable: PointId) -> Command | None:
    """An operator's wish that the machine run, also while protection withholds it."""
    award = snapshot.awards.get(enable)
    if award is None:
        return None
    for command in ladder(award):
        if command.priority is Priority.OPERATOR:
            return command if is_on(command.value) else None
    return None


def reset_point(machine: str) -> PointId:
    """The point that is commanded on for one cycle when a person resets a machine."""
    return f"{machine}.reset"


def reset_now(snapshot: Snapshot, machine: str) -> bool:
    """Whether a person says in this cycle that the machine may be used again: latches go."""
    return reset_point(machine) in snapshot.awards
