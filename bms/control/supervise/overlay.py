"""What lies on top of a group's schedule (slot 12): epidemic ventilation, demand limit. Pure."""

from __future__ import annotations

from datetime import datetime

from bms.config.site import Group
from bms.core.decisions import ON_NOTHING, Command, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId
from schedules.answering.resolve import Resolver
from schedules.model.overlays import Given, OverlayEntry


class OverlayController:
    """Commands the mode and the setpoints that the overlays together give, and no others."""

    stage = Stage.SUPERVISE
    priority = Priority.OVERLAY
    reads: frozenset[PointId] = frozenset()

    def __init__(self, group: Group, setpoints: frozenset[str], resolver: Resolver) -> None:
        self.name = f"overlay:{group.id}"
        self.writes = frozenset({group.mode_point, *map(group.setpoint_point, setpoints)})
        self._group = group
        self._resolver = resolver
        self._last: tuple[OverlayEntry | None, tuple[Command, ...]] = (None, ())

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        commands = self._commands(self._resolver.overlay(now))
        until = self._resolver.overlay_until(now)
        return Decision(commands, None, stands_until=until, depends_on=ON_NOTHING)

    def _commands(self, entry: OverlayEntry | None) -> tuple[Command, ...]:
        """The same tuple for the same entry, so that an unchanged answer costs nothing."""
        before, commands = self._last
        if entry is before or entry == before:
            return commands
        commands = ()
        if entry is not None:
            given = {"mode": entry.mode} if entry.mode is not None else {}
            commands = tuple(
                self._command(name, value, [g for n, g in entry.beaten if n == name])
                for name, value in {**given, **entry.setpoints}.items()
            )
        self._last = (entry, commands)
        return commands

    def _command(self, name: str, given: Given, beaten: list[Given]) -> Command:
        point = self._group.mode_point if name == "mode" else self._group.setpoint_point(name)
        return Command(
            point=point,
            value=given.value,
            priority=self.priority,
            source=self.name,
            reason=msg("{reason}, {origin}", reason=given.reason, origin=given.origin),
            expires=given.until,
            beaten=tuple(self._command(name, other, []) for other in beaten),
        )
