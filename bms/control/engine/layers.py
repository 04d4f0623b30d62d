"""What a stage sees of the awards: those of the stages before it, kept up to date. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import TypeAlias

from bms.control.engine.arbiter import award
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

    __slots__ = ("_awards", "_below", "_touched", "used", "view")

    def __init__(self, stage: Stage) -> None:
        self._below = _BELOW[stage]
        self._awards: dict[PointId, Award] = {}
        self._touched: dict[PointId, None] = {}
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
        if gone:
            self.view = MappingProxyType(self._awards.copy())

    def refresh(self, commands: Commands, held: Held, now: datetime) -> None:
        """Arbitrate what was touched since the last time."""
        if not self._touched:
            return
        differs = False
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
            differs = True
            if after is None:
                del self._awards[point]
            else:
                self._awards[point] = after
        self._touched = {}
        if differs:
            self.view = MappingProxyType(self._awards.copy())
