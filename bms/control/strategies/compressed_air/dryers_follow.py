"""Dryers follow the compressors: as many as their air needs, the least run first. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bms.control.blocks.machines.lead_lag import Candidate, RunRecord, make_up
from bms.control.engine.protection import is_on
from bms.control.strategies import group as groups
from bms.control.strategies.compressed_air.air_units import AirUnit
from bms.core.decisions import Priority, Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId

CARRIED = 0.97
"""Of the air of the units that the dryers have to take: sizes are rounded."""


class DryersFollow:
    """The dryers of one station."""

    def __init__(self, dryers: Sequence[Equipment]) -> None:
        self.enables: dict[str, PointId] = {
            groups.short(dryer): dryer.points["enable"] for dryer in dryers
        }
        self._flows = {groups.short(dryer): dryer.design.flow_m3h for dryer in dryers}
        self._status = {
            groups.short(dryer): dryer.points["status"]
            for dryer in dryers
            if "status" in dryer.points
        }
        self._faults = {
            groups.short(dryer): dryer.points["fault"]
            for dryer in dryers
            if "fault" in dryer.points
        }
        self.reads = frozenset({*self._status.values(), *self._faults.values()})

    def running(self, snapshot: Snapshot) -> list[str]:
        """Those that show that they run."""
        return [name for name, point in self._status.items() if snapshot.flag(point)]

    def choose(
        self, snapshot: Snapshot, units: Sequence[AirUnit], record: RunRecord, on: bool
    ) -> tuple[str, ...]:
        """The dryers for these compressors: all of them, where flows are not written down."""
        if not self.enables or not on:
            return ()
        flows = [unit.flow_m3h for unit in units]
        sizes = [flow for flow in self._flows.values() if flow]
        if len(sizes) < len(self._flows) or not all(flows):
            return tuple(self.enables)
        asked_m3h = sum(flow or 0.0 for flow in flows)
        running = self.running(snapshot)
        candidates = [
            Candidate(name, name in running, self._usable(snapshot, name)) for name in self.enables
        ]
        found: tuple[str, ...] = ()
        for count in range(1, len(candidates) + 1):
            found = make_up(candidates, record, count)
            if self._carry(found) >= CARRIED * asked_m3h:
                break
        return found

    def _carry(self, names: Collection[str]) -> float:
        return sum(self._flows[name] or 0.0 for name in names)

    def _usable(self, snapshot: Snapshot, name: str) -> bool:
        award = groups.overruled(snapshot, self.enables[name], Priority.SEQUENCE)
        faulty = name in self._faults and bool(snapshot.flag(self._faults[name]))
        return not faulty and (award is None or is_on(award.value))
