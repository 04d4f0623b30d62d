"""What the consumers of a heat plant ask of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bms.config.site import Group
from bms.control.strategies.fact_names import HW_REQUESTS, HW_RESETS
from bms.core.decisions import Snapshot
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class HeatDemand:
    """None: no consumer says what it needs."""

    requests: float | None = None
    resets: float | None = None


class HeatCalls:
    """Listens to the groups whose members draw from a loop."""

    def __init__(self, group: Group, loop: str) -> None:
        consumers = [name for name in group.consumers.get(loop, ()) if name != group.id]
        self._requests = tuple(f"{name}.{HW_REQUESTS}" for name in consumers)
        self._resets = tuple(f"{name}.{HW_RESETS}" for name in consumers)
        self.reads = frozenset({*self._requests, *self._resets})

    def heard(self, snapshot: Snapshot) -> HeatDemand:
        """What they ask now. One that publishes what it needs and cannot tell asks for heat."""
        requests = _sum(snapshot, self._requests, unknown=1.0)
        return HeatDemand(requests, _sum(snapshot, self._resets, unknown=0.0))


def _sum(snapshot: Snapshot, points: tuple[PointId, ...], unknown: float) -> float | None:
    told = [point for point in points if point in snapshot.samples]
    if not told:
        return None
    numbers = [snapshot.number(point) for point in told]
    return sum(unknown if number is None else number for number in numbers)
