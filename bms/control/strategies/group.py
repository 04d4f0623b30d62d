"""What every strategy asks of its group: the mode, setpoints, who else commands an output. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from bms.config.site import Group
from bms.control.engine.protection import is_on
from bms.control.protect.withheld import WAITING, cause_of
from bms.core.decisions import Award, Condition, Priority, Severity, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId, Quality

Finding: TypeAlias = tuple[tuple[str | int, ...], Message]
"""Where in the group entry something is wrong, and what."""

MODES = ("on", "off")


def because(what: str, award: Award) -> Message:
    """A reason with the reason behind it."""
    return msg("{action} ← {reason}", action=what, reason=award.winner.reason)


def unknown_mode(group: Group, mode: object) -> Condition:
    """For a mode that the strategy does not know: it then commands nothing."""
    return Condition(
        f"{group.id}:mode",
        Severity.URGENT,
        msg(
            "{group} is commanded to the unknown mode '{mode}'; allowed: {modes}; its equipment "
            "is left alone",
            group=group.id,
            mode=mode,
            modes=", ".join(MODES),
        ),
    )


def setpoint(snapshot: Snapshot, group: Group, name: str) -> float | None:
    """The value of one of the group's setpoints, None if nobody gives it."""
    award = snapshot.awards.get(group.setpoint_point(name))
    if award is None or isinstance(award.value, str):
        return None
    return float(award.value)


def flags(snapshot: Snapshot, points: Sequence[PointId]) -> list[bool | None]:
    """`Snapshot.flag` of many points, at a third of its cost."""
    found: list[bool | None] = []
    read = snapshot.samples.get
    for point in points:
        sample = read(point)
        value = sample[1] if sample is not None and sample[2] is Quality.GOOD else None
        found.append(None if value is None or isinstance(value, str) else value != 0)
    return found


def overruled(snapshot: Snapshot, point: PointId, priority: Priority) -> Award | None:
    """The award that a command at `priority` would lose against: an operator's, a minimum time."""
    award = snapshot.awards.get(point)
    return award if award is not None and award.winner.priority < priority else None


def manually_on(snapshot: Snapshot, point: PointId, priority: Priority) -> bool:
    """Whether somebody of a higher priority wants the point on, minimum times aside, and also
    while it has to wait for its flow or its turn: such a wish is one to the sequence."""
    award = overruled(snapshot, point, priority)
    if award is None:
        return False
    wishes = (
        command
        for command in (award.winner, *award.losers)
        if command.priority is not Priority.MIN_ON_OFF and cause_of(command) not in WAITING
    )
    first = next(wishes, None)
    return first is not None and first.priority < priority and is_on(first.value)


def short(equipment: Equipment) -> str:
    """The name of equipment within its base."""
    return equipment.id.rpartition(".")[2]


def members_without(group: Group, role: str) -> list[Finding]:
    """One finding for each member whose device has no such point."""
    return [
        (
            ("members",),
            msg(
                "{short} ({name}) has no '{role}' point",
                short=short(member),
                name=member.kind.name,
                role=role,
            ),
        )
        for member in group.members
        if role not in member.points
    ]


def named(
    group: Group, where: tuple[str | int, ...], name: str, kind: str, roles: Iterable[str]
) -> Sequence[Finding]:
    """What is wrong with a parameter that names equipment of `kind` with points for `roles`."""
    equipment = group.equipment.get(name)
    if equipment is None:
        return [(where, msg("no equipment '{name}' in base '{base}'", name=name, base=group.base))]
    if equipment.kind.name != kind:
        return [
            (
                where,
                msg(
                    "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                    equipment=name,
                    kind=equipment.kind.name,
                    expected_kind=kind,
                ),
            )
        ]
    return [
        (where, msg("'{name}' has no '{role}' point", name=name, role=role))
        for role in roles
        if role not in equipment.points
    ]
