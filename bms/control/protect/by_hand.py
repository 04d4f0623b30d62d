"""What people do to single machines: lock-outs at slot 2, and resets of what is latched. Pure.

A lock stands at slot 2, above protective *starts* at slot 5 (a pump that freeze protection or a
stop in order runs): somebody's hands are in the machine. It is no safe isolation: the breaker is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from bms.config.site import Site
from bms.control.protect.withheld import Cause, reset_point
from bms.core.decisions import ON_NOTHING, Command, Controller, Decision, Priority, Snapshot, Stage
from bms.core.equipment import Equipment
from bms.core.machines.interventions import Interventions, Lock, Reset
from bms.texts.messages import msg
from drivers.points import PointId

_SWITCHED: Final = ("enable", "speed", "fan_speed", "level", "position")
"""By what a machine is held still, the first that it has."""


def lockable(machine: Equipment) -> PointId | None:
    """The point that holds a machine off; None if the controller cannot switch it."""
    found = (machine.commanded(role) for role in _SWITCHED)
    return next((point for point in found if point is not None), None)


class LockController:
    """One lock-out. In the SUPERVISE stage, so that everybody sees it in the same cycle."""

    stage = Stage.SUPERVISE
    priority = Priority.LIFE_SAFETY
    reads: frozenset[PointId] = frozenset()

    def __init__(self, lock: Lock, point: PointId) -> None:
        self.name = f"{Cause.LOCKED}:{lock.machine}"
        self.writes = frozenset({point})
        reason = msg("locked out by {owner}: {reason}", owner=lock.by, reason=lock.reason)
        self._decision: Decision[None] = Decision(
            (
                Command(
                    point=point, value=0, priority=self.priority, source=self.name, reason=reason
                ),
            ),
            None,
            depends_on=ON_NOTHING,
        )

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        return self._decision


@dataclass(frozen=True, slots=True)
class ToldResets:
    """The number of the last reset of each machine that the others have been told of."""

    told: Mapping[str, int] = field(default_factory=dict)


class ResetController:
    """Commands the reset point of a machine for one cycle after a person has reset it."""

    stage = Stage.SUPERVISE
    priority = Priority.OPERATOR
    reads: frozenset[PointId] = frozenset()
    name = "resets"

    def __init__(self, resets: Mapping[str, Reset]) -> None:
        self._resets = resets
        self.writes = frozenset(reset_point(machine) for machine in resets)

    def initial(self) -> ToldResets:
        return ToldResets()

    def decide(
        self,
        snapshot: Snapshot,  # noqa: ARG002
        state: ToldResets,
        now: datetime,  # noqa: ARG002
    ) -> Decision[ToldResets]:
        new = {m: r for m, r in self._resets.items() if r.id > state.told.get(m, 0)}
        if not new:
            return Decision((), state, depends_on=ON_NOTHING)
        commands = tuple(
            Command(
                point=reset_point(machine),
                value=1,
                priority=self.priority,
                source=self.name,
                reason=msg("reset by {owner}: {reason}", owner=reset.by, reason=reset.reason),
            )
            for machine, reset in new.items()
        )
        told = {machine: reset.id for machine, reset in self._resets.items()}
        return Decision(commands, ToldResets(told))


def by_hand(site: Site, interventions: Interventions) -> Sequence[Controller[Any]]:
    """The controllers of what people have done to machines of a site."""
    found: list[Controller[Any]] = []
    for lock in interventions.locks:
        machine = site.equipment.get(lock.machine)
        point = None if machine is None else lockable(machine)
        if point is not None and point in site.outputs:
            found.append(LockController(lock, point))
    if interventions.resets:
        found.append(ResetController(interventions.resets))
    return found
