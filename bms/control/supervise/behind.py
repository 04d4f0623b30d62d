"""A plant starts with the groups that live on it, when optimal start begins them early. Pure.

Rooms that shall be cool at eight need cold water before eight. A plant with hours of its own would
sleep until its schedule begins; so while a consumer runs early, its plant is on at the same slot,
with the set points of its own coming block.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bms.config.site import Group, Site
from bms.control.engine.protection import is_on
from bms.core.decisions import Award, Command, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg


def loops_of(group: Group) -> tuple[str, ...]:
    """The loops that a group feeds, by short name."""
    return tuple(dict.fromkeys(m.relations.header for m in group.members if m.relations.header))


def consumers_of(group: Group) -> tuple[str, ...]:
    """The ids of the groups that live on what a group makes."""
    found = (name for loop in loops_of(group) for name in group.consumers.get(loop, ()))
    return tuple(dict.fromkeys(name for name in found if name != group.id))


def behind(site: Site, group: Group) -> BehindController | None:
    """The controller of a plant behind groups with optimal start; None if there are none."""
    early = [
        consumer
        for name in consumers_of(group)
        if (consumer := site.groups.get(name)) is not None and consumer.optimal is not None
    ]
    # A plant with optimal start of its own is begun by that.
    if not early or group.optimal is not None:
        return None
    return BehindController(group, early)


class BehindController:
    """Switches a plant on while one of its consumers runs earlier than its schedule says."""

    stage = Stage.PLAN
    priority = Priority.OPTIMISER

    def __init__(self, group: Group, consumers: Sequence[Group]) -> None:
        self.name = f"behind:{group.id}"
        self._mode = group.mode_point
        self._consumers = {
            one.mode_point: one.id
            for consumer in consumers
            for one in (consumer.each or (consumer,))
        }
        self.reads = frozenset({self._mode, *self._consumers})
        self.writes = frozenset({self._mode})
        self._last: tuple[Award | None, tuple[Command, ...]] = (None, ())

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        return Decision(self._commands(snapshot), None, depends_on=self.reads)

    def _commands(self, snapshot: Snapshot) -> tuple[Command, ...]:
        early = None
        for point in self._consumers:
            award = snapshot.awards.get(point)
            if award is None or award.winner.priority is not Priority.OPTIMISER:
                continue
            if is_on(award.value):
                early = award
                break
        before, commands = self._last
        if early is before or early == before:
            return commands
        commands = ()
        if early is not None:
            commands = (
                Command(
                    point=self._mode,
                    value="on",
                    priority=self.priority,
                    source=self.name,
                    reason=msg(
                        "for {group}, which begins early ← {reason}",
                        group=self._consumers[early.point],
                        reason=early.winner.reason,
                    ),
                ),
            )
        self._last = (early, commands)
        return commands
