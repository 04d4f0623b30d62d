"""A set point that the schedule raises is raised a while earlier: a cap is lifted before the shift
comes, not with it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import Group, Site, StrategySpec
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.engine.protection import is_on
from bms.control.supervise.next_change import next_effective_change
from bms.control.supervise.scheduled import resolver_of
from bms.core.decisions import ON_NOTHING, Command, Decision, Priority, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId
from schedules.answering.answers import Change, Entry
from schedules.answering.resolve import Resolver
from schedules.model.context import Context

HORIZON: Final = timedelta(days=8)
AGAIN: Final = timedelta(hours=1)
"""How long it stands that nothing changes within `HORIZON`."""


def early_rises(site: Site, group: Group, spec: StrategySpec, context: Context) -> list[EarlyRise]:
    """The early rise of a group; none without a schedule, and none beside an optimal start, which
    gives all of the coming block early."""
    leads = {name: lead for name, lead in spec.early(group).items() if lead > timedelta(0)}
    resolver = resolver_of(site, group.id, context)
    if not leads or resolver is None or group.optimal is not None:
        return []
    most = {name: spec.setpoints[name].most for name in leads}
    return [EarlyRise(group, leads, most, resolver)]


class EarlyRise:
    """Gives set points that will rise while the group goes on, their lead ahead."""

    stage = Stage.SUPERVISE
    priority = Priority.OPTIMISER
    reads: frozenset[PointId] = frozenset()

    def __init__(
        self,
        group: Group,
        leads: Mapping[str, timedelta],
        most: Mapping[str, float],
        resolver: Resolver,
    ) -> None:
        self.name = f"early_rise:{group.id}"
        self.writes = frozenset(group.setpoint_point(name) for name in leads)
        self._group, self._leads, self._most = group, dict(leads), dict(most)
        self._resolver = resolver
        self._last = NOTHING

    def initial(self) -> None:
        return None

    def decide(self, snapshot: Snapshot, state: None, now: datetime) -> Decision[None]:  # noqa: ARG002
        entry = self._resolver.effective(now)
        change = next_effective_change(self._resolver, now, HORIZON)
        if change is None:
            return Decision((), None, stands_until=now + AGAIN, depends_on=ON_NOTHING)
        begins = {name: change.time - lead for name, lead in self._leads.items()}
        rising = tuple(
            name
            for name, begin in begins.items()
            if now >= begin and self._rises(name, entry, change.entry)
        )
        until = min([begin for begin in begins.values() if begin > now], default=change.time)
        return Decision(
            self._commands(rising, change), None, stands_until=until, depends_on=ON_NOTHING
        )

    def _rises(self, name: str, entry: Entry, following: Entry) -> bool:
        """Whether the group goes on with a higher set point; none at all is the highest."""
        if not (is_on(entry.mode) and is_on(following.mode)):
            return False
        before, after = entry.setpoints.get(name), following.setpoints.get(name)
        return before is not None and (after is None or after > before)

    def _commands(self, rising: tuple[str, ...], change: Change) -> tuple[Command, ...]:
        if not rising:
            return ()
        key = (rising, change)
        if self._last.key != key:
            zone = ZoneInfo(self._group.zone)
            reason = msg(
                "already as from {time:%H:%M}: {reason}, {origin}",
                time=change.time.astimezone(zone),
                reason=change.entry.reason,
                origin=change.entry.origin,
            )
            commands = tuple(
                Command(
                    point=self._group.setpoint_point(name),
                    value=change.entry.setpoints.get(name, self._most[name]),
                    priority=self.priority,
                    source=self.name,
                    reason=reason,
                )
                for name in rising
            )
            self._last = Commanded(key, commands)
        return self._last.commands
