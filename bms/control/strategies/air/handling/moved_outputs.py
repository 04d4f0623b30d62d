"""Outputs of one machine, moved no faster than actuators should, with what to say of each. Pure.

Guideline 36, 5.1.9: a loop moves by at most 25 % a minute; safety moves at once. A valve is not
moved for less than half a percent, nor a setpoint for less than a tenth: that wears actuators out
and fills histories. The command stays the same object as long as nothing differs, its reason too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.core.decisions import Command, Priority
from bms.texts.messages import Message
from drivers.points import PointId, Value

RATE_PCT_PER_MIN = 25.0
LEAST_PCT = 0.5
LEAST_OTHER = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """What one output should be, and why."""

    value: Value
    reason: Message
    share: bool = False
    """A percentage that moves at its rate; else it takes its value at once."""
    at_least: float = 0.0
    """A share is nowhere below this, whatever its rate: people's air, a coil that freezes."""
    at_most: float = 100.0
    """Nor above this."""


@dataclass(slots=True)
class Outputs:
    """Makes the commands of one machine. Holds the last ones only to give them out again."""

    source: str
    priority: Priority
    last: dict[PointId, tuple[Command, object]] = field(default_factory=dict)

    def commands(
        self,
        points: Mapping[str, PointId],
        wishes: Mapping[str, Wish],
        positions: Mapping[str, float],
    ) -> tuple[Command, ...]:
        """Commands by role; `positions` are where the shares are to stand now (`moved`)."""
        made = []
        for role, wish in wishes.items():
            value = positions.get(role, wish.value)
            made.append(self._command(points[role], value, wish.reason))
        gone = self.last.keys() - {command.point for command in made}
        for point in gone:
            del self.last[point]
        return tuple(made)

    def _command(self, point: PointId, value: Value, reason: Message) -> Command:
        before = self.last.get(point)
        kind = _kind(reason)
        if before is not None and before[0].value == value and before[1] == kind:
            return before[0]
        command = Command(
            point=point, value=value, priority=self.priority, source=self.source, reason=reason
        )
        self.last[point] = (command, kind)
        return command


def _kind(reason: Message) -> object:
    """A reason without its numbers: who asked and why, not by how much."""
    parts = [
        _kind(value) if isinstance(value, Message) else value
        for value in reason.arguments.values()
        if isinstance(value, str)
    ]
    return (reason.template, *parts)


def moved(
    before: Mapping[str, float],
    wishes: Mapping[str, Wish],
    shown: Mapping[str, float | None],
    step_s: float,
) -> dict[str, float]:
    """Where each numeric output is to stand now.

    `shown` is what devices show: an output that was not commanded before begins there.
    """
    after: dict[str, float] = {}
    most = RATE_PCT_PER_MIN * step_s / 60.0
    for role, wish in wishes.items():
        if isinstance(wish.value, str | bool | int) and not wish.share:
            continue
        target = float(wish.value)
        here = before.get(role)
        if wish.share:
            target = min(max(target, wish.at_least), wish.at_most)
            if here is None:
                seen = shown.get(role)
                here = target if seen is None else min(max(seen, 0.0), 100.0)
            ends = (0.0, 100.0, wish.at_least, wish.at_most)
            near = abs(target - here) < LEAST_PCT and target not in ends
            new = here if near else here + min(max(target - here, -most), most)
            new = min(max(new, wish.at_least), wish.at_most)
        else:
            new = target if here is None or abs(target - here) >= LEAST_OTHER else here
        after[role] = round(new, 2)
    return after
