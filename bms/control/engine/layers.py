"""What controllers command, and what each stage sees of it: the awards of the stages before it,
kept up to date. Pure."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from bms.control.engine.arbiter import award
from bms.control.engine.seats import Seat
from bms.core.decisions import Award, Command, Stage
from drivers.points import PointId

Commands: TypeAlias = Mapping[Stage, Mapping[PointId, Mapping[str, Command]]]
"""By stage, point and controller."""
Held: TypeAlias = Callable[[PointId], Command | None]
"""The minimum time in force of a point."""

_BELOW: Mapping[Stage, tuple[Stage, ...]] = MappingProxyType(
    {
        # Stages that must give way to safety see it, as of the cycle before, like minimum times.
        Stage.SUPERVISE: (),
        Stage.PLAN: (Stage.SUPERVISE, Stage.PROTECT),
        Stage.SEQUENCE: (Stage.SUPERVISE, Stage.PLAN, Stage.PROTECT),
        # Safety sees what is wanted of a machine, not its own answer to it.
        Stage.PROTECT: (Stage.SUPERVISE, Stage.PLAN, Stage.SEQUENCE),
    }
)


class Layer:
    """The awards that one stage sees. Only what was touched is arbitrated."""

    __slots__ = ("_awards", "_below", "_changed", "_touched", "used", "view")

    def __init__(self, stage: Stage) -> None:
        self._below = _BELOW[stage]
        self._awards: dict[PointId, Award] = {}
        self._touched: dict[PointId, None] = {}
        self._changed: list[PointId] = []
        self.used = False
        """Whether a controller of the stage looks at it."""
        self.view: Mapping[PointId, Award] = MappingProxyType({})

    def sees(self, stage: Stage) -> bool:
        """Whether commands of `stage` count here."""
        return stage in self._below

    def mark(self, point: PointId) -> None:
        """Something about the point may have changed."""
        if self.used:
            self._touched[point] = None

    def use(self, used: bool, commands: Commands) -> None:
        """Whether somebody looks from now on; who looks for the first time sees everything."""
        if used and not self.used:
            for stage in self._below:
                self._touched.update(dict.fromkeys(commands[stage]))
        if not used:
            self.forget(self._awards)
            self._touched = {}
        self.used = used

    def forget(self, points: Mapping[PointId, object] | tuple[PointId, ...]) -> None:
        """These are commanded as if for the first time."""
        gone = [point for point in points if point in self._awards]
        for point in gone:
            del self._awards[point]
        self._changed += gone
        if gone:
            self.view = MappingProxyType(self._awards.copy())

    def refresh(self, commands: Commands, held: Held, now: datetime) -> Iterable[PointId]:
        """Arbitrate what was touched since the last time; the points awarded otherwise since."""
        if not self._touched and not self._changed:
            return ()
        changed, self._changed = self._changed, []
        for point in self._touched:
            wishes: list[Command] = []
            for stage in self._below:
                found = commands[stage].get(point)
                if found:
                    wishes.extend(found.values())
            hold = held(point)
            if hold is not None:
                wishes.append(hold)
            after = award(wishes, now) if wishes else None
            before = self._awards.get(point)
            if after == before:
                continue
            changed.append(point)
            if after is None:
                del self._awards[point]
            else:
                self._awards[point] = after
        self._touched = {}
        if changed:
            self.view = MappingProxyType(self._awards.copy())
        return changed


class Wishes:
    """The commands of all controllers, and the points that are to be arbitrated again."""

    def __init__(self) -> None:
        self._commands: dict[Stage, dict[PointId, dict[str, Command]]] = {s: {} for s in Stage}
        self._layers = {stage: Layer(stage) for stage in Stage}
        self._touched: dict[PointId, None] = {}
        self._expiries: list[tuple[datetime, PointId]] = []

    @property
    def touched(self) -> bool:
        """Whether anything is to be arbitrated again."""
        return bool(self._touched)

    def left_s(self, now: datetime) -> float:
        """Seconds until the next command ends by itself."""
        return (self._expiries[0][0] - now).total_seconds() if self._expiries else math.inf

    def of(self, point: PointId, now: datetime) -> Award | None:
        """The award of a point, minimum times aside."""
        commands: list[Command] = []
        for by_point in self._commands.values():
            commands.extend(by_point.get(point, {}).values())
        return award(commands, now) if commands else None

    def take(self, seat: Seat, commands: tuple[Command, ...]) -> None:
        """Put a controller's commands in place of its last ones; notes the points that differ."""
        name, stage = seat.controller.name, seat.controller.stage
        by_point = self._commands[stage]
        gone = {command.point: command for command in seat.commands}
        for command in commands:
            before = gone.pop(command.point, None)
            if before is command or before == command:
                continue
            by_point.setdefault(command.point, {})[name] = command
            self.again(command.point, stage)
            if command.expires is not None:
                heapq.heappush(self._expiries, (command.expires, command.point))
        for point in gone:
            rest = by_point[point]
            del rest[name]
            if not rest:
                del by_point[point]
            self.again(point, stage)
        seat.commands = commands

    def take_touched(self) -> Iterable[PointId]:
        """The points to be arbitrated again, in the order in which they were touched."""
        touched, self._touched = self._touched, {}
        return touched

    def again(self, point: PointId, stage: Stage | None = None) -> None:
        """The point may be awarded otherwise, for those who see `stage`; None: for all."""
        self._touched[point] = None
        self.mark(point, stage)

    def mark(self, point: PointId, stage: Stage | None = None) -> None:
        """The same for the stages alone."""
        for layer in self._layers.values():
            if stage is None or layer.sees(stage):
                layer.mark(point)

    def expire(self, now: datetime) -> None:
        """Touch what has ended by itself."""
        while self._expiries and self._expiries[0][0] <= now:
            self.again(heapq.heappop(self._expiries)[1])

    def clock_set_back(self) -> None:
        """What had ended may be in force again."""
        self._expiries = []
        for by_point in self._commands.values():
            for point, commands in by_point.items():
                self.again(point)
                for command in commands.values():
                    if command.expires is not None:
                        heapq.heappush(self._expiries, (command.expires, point))

    def refresh(self, stage: Stage, held: Held, now: datetime) -> Iterable[PointId]:
        """Bring what a stage sees up to date; the points awarded otherwise since."""
        return self._layers[stage].refresh(self._commands, held, now)

    def view(self, stage: Stage) -> Mapping[PointId, Award]:
        """What a stage sees."""
        return self._layers[stage].view

    def forget(self, points: tuple[PointId, ...]) -> None:
        """These are commanded as if for the first time."""
        for layer in self._layers.values():
            layer.forget(points)

    def use(self, used: Callable[[Stage], bool]) -> None:
        """Which stages are looked at from now on."""
        for stage, layer in self._layers.items():
            layer.use(used(stage), self._commands)
