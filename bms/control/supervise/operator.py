"""What operators command (slot 8): any output or group point, always with an end. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bms.core.decisions import (
    ON_NOTHING,
    Command,
    Decision,
    Override,
    Priority,
    Snapshot,
    Stage,
)
from bms.texts.messages import msg
from drivers.points import PointId

CLOCK_SET_BACK = timedelta(days=1)
"""An override that begins later than this was made while the clock was lost: it has to wait."""


class OverrideController:
    """One override. In the SUPERVISE stage, so that strategies see an overridden mode or output."""

    stage = Stage.SUPERVISE
    priority = Priority.OPERATOR
    reads: frozenset[PointId] = frozenset()

    def __init__(self, override: Override) -> None:
        self.name = f"override:{override.id}"
        self.writes = frozenset({override.point})
        self._override = override
        self._commands = (
            Command(
                point=override.point,
                value=override.value,
                priority=self.priority,
                source=self.name,
                reason=msg(
                    "override by {owner}: {reason}", owner=override.owner, reason=override.reason
                ),
                expires=override.until,
            ),
        )

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        # A start in the future means that the clock was set back: what an operator did stands.
        begins = self._override.start - CLOCK_SET_BACK
        if now < begins:
            return Decision((), None, stands_until=begins, depends_on=ON_NOTHING)
        if now >= self._override.until:
            return Decision((), None, depends_on=ON_NOTHING)
        until = self._override.until
        return Decision(self._commands, None, stands_until=until, depends_on=ON_NOTHING)
