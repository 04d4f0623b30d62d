"""What outputs do when nobody else commands them (slot 16). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bms.core.decisions import ON_NOTHING, Command, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId, Value


class DefaultsController:
    """Commands the site's default values, always."""

    name = "defaults"
    stage = Stage.SUPERVISE
    priority = Priority.DEFAULT
    reads: frozenset[PointId] = frozenset()

    def __init__(self, defaults: Mapping[PointId, Value]) -> None:
        self.writes = frozenset(defaults)
        commands = tuple(
            Command(
                point=point,
                value=value,
                priority=self.priority,
                source=self.name,
                reason=msg("default of the output"),
            )
            for point, value in defaults.items()
        )
        self._decision: Decision[None] = Decision(commands, None, depends_on=ON_NOTHING)

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        return self._decision
