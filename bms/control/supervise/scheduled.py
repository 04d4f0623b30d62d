"""The schedule of one group: its mode and setpoints, asked again when they change. Pure."""

from __future__ import annotations

from datetime import datetime

from bms.config.site import Group, Site
from bms.core.decisions import ON_NOTHING, Command, Decision, Priority, Snapshot, Stage
from bms.core.equipment import base_of
from bms.texts.messages import msg
from drivers.points import PointId, Value
from schedules.answering.answers import Entry, Layer
from schedules.answering.resolve import Resolver
from schedules.model.context import Context


class ScheduleController:
    """Commands `<group>.mode` and `<group>.<setpoint>` as the entry in force says."""

    stage = Stage.SUPERVISE
    priority = Priority.SCHEDULE
    reads: frozenset[PointId] = frozenset()

    def __init__(self, group: Group, setpoints: frozenset[str], resolver: Resolver) -> None:
        self.name = f"schedule:{group.id}"
        self.writes = frozenset({group.mode_point, *map(group.setpoint_point, setpoints)})
        self._group = group
        self._resolver = resolver
        self._last: tuple[Entry, tuple[Command, ...]] | None = None

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        commands = self._commands(self._resolver.in_force(now))
        until = self._resolver.in_force_until(now)
        return Decision(commands, None, stands_until=until, depends_on=ON_NOTHING)

    def _commands(self, entry: Entry) -> tuple[Command, ...]:
        """The same tuple for the same entry, so that an unchanged answer costs nothing."""
        last = self._last
        if last is not None:
            before, commands = last
            if entry is before or (entry == before and entry.beaten == before.beaten):
                return commands
        values = {self._group.mode_point: entry.mode} | {
            self._group.setpoint_point(name): value for name, value in entry.setpoints.items()
        }
        commands = tuple(
            self._command(point, value, entry, self._beaten(point, entry))
            for point, value in values.items()
        )
        self._last = (entry, commands)
        return commands

    def _beaten(self, point: PointId, entry: Entry) -> tuple[Command, ...]:
        """What the schedule's other layers have for the point."""
        name = point.rpartition(".")[2]
        values = [
            (layer, layer.mode if point == self._group.mode_point else layer.setpoints.get(name))
            for layer in entry.beaten
        ]
        return tuple(
            self._command(point, value, layer) for layer, value in values if value is not None
        )

    def _command(
        self, point: PointId, value: Value, told: Entry | Layer, beaten: tuple[Command, ...] = ()
    ) -> Command:
        return Command(
            point=point,
            value=value,
            priority=self.priority,
            source=self.name,
            reason=msg("{reason}, {origin}", reason=told.reason, origin=told.origin),
            beaten=beaten,
        )


def resolver_of(site: Site, target: str, context: Context) -> Resolver | None:
    """The answers for a group or equipment; None if no schedule governs it."""
    base = site.bases[base_of(target)]
    return site.library.resolver(target, base.zone, place=base.place, context=context)
