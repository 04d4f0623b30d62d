"""No chiller without water: a running chiller whose pump stands still is switched off. Pure.

Slot 5, so that it beats the chiller's minimum on time and an operator (control reference, 3:
running flow loss).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.timers import lasted, since
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.core.decisions import Command, Decision, Priority, Snapshot, Stage
from bms.texts.messages import joined, msg
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class GuardedChiller:
    """A chiller with the run status points of the pumps it cannot do without."""

    name: str
    enable: PointId
    status: PointId
    pumps: Mapping[str, PointId]


@dataclass(frozen=True, slots=True)
class InterlockState:
    """By chiller: since when it has run without flow, and why it is switched off."""

    lost_since: Mapping[str, datetime] = field(default_factory=dict)
    tripped: Mapping[str, Words] = field(default_factory=dict)


class FlowInterlock:
    """Switches a chiller off when a pump's status has been off for `proof_s` while it runs.

    It stays off until all its pumps are proven again. A pump status that cannot be read neither
    trips nor resets.
    """

    stage = Stage.PROTECT
    priority = Priority.EQUIPMENT

    def __init__(self, group_id: str, chillers: tuple[GuardedChiller, ...], proof_s: float) -> None:
        self.name = f"flow_interlock:{group_id}"
        self._chillers = chillers
        self._pumps = {c.name: tuple(c.pumps.values()) for c in chillers}
        self._proof_s = proof_s
        self.reads = frozenset({c.status for c in chillers}).union(
            *(c.pumps.values() for c in chillers)
        )
        self.writes = frozenset(c.enable for c in chillers)
        self._last = NOTHING

    def initial(self) -> InterlockState:
        return InterlockState()

    def decide(
        self, snapshot: Snapshot, state: InterlockState, now: datetime
    ) -> Decision[InterlockState]:
        lost_since: dict[str, datetime] = {}
        tripped: dict[str, str] = {}
        for chiller in self._chillers:
            name = chiller.name
            flags = groups.flags(snapshot, self._pumps[name])
            if name not in state.tripped and False not in flags:
                continue
            still = [p for p, flag in zip(chiller.pumps, flags, strict=True) if flag is False]
            if name in state.tripped:
                if not all(flags):
                    tripped[name] = state.tripped[name]
                continue
            lost = bool(still) and bool(snapshot.flag(chiller.status))
            start = since(lost, state.lost_since.get(name), now)
            if start is None:
                continue
            lost_since[name] = start
            if lasted(start, self._proof_s, now):
                tripped[name] = msg(
                    "{pumps} not running for {proof_s:g} s",
                    pumps=joined(" and ", *still),
                    proof_s=self._proof_s,
                )
        if tripped != self._last.key:
            self._last = Commanded(
                tripped, tuple(self._command(c, tripped) for c in self._tripped(tripped))
            )
        if lost_since != state.lost_since or tripped != state.tripped:
            state = InterlockState(lost_since, tripped)
        return Decision(self._last.commands, state, depends_on=None if lost_since else self.reads)

    def _tripped(self, tripped: Mapping[str, str]) -> list[GuardedChiller]:
        return [chiller for chiller in self._chillers if chiller.name in tripped]

    def _command(self, chiller: GuardedChiller, tripped: Mapping[str, str]) -> Command:
        return Command(
            point=chiller.enable,
            value=0,
            priority=self.priority,
            source=self.name,
            reason=msg("no flow: {reason}", reason=tripped[chiller.name]),
        )
