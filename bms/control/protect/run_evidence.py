"""What shows that a machine runs: its status, or what it draws, or how fast it turns. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.control.blocks.inputs.signals import Signal
from bms.core.decisions import Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId, Quality

RUNS_ABOVE: Final = 0.05
"""Of its rating, or of full speed: a drive that stands by draws 1 to 3 % (D)."""
LEAST_KW: Final = 0.1
"""Where nobody wrote down the rating."""
FULL_SPEED_PCT: Final = 100.0


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """The point that tells whether a machine runs, and above what it does."""

    point: PointId
    above: float = 0.0
    """0 for a status: anything but 0 is running."""

    def flag(self, snapshot: Snapshot) -> bool | None:
        """Whether it runs; None if that cannot be read."""
        number = snapshot.number(self.point)
        if number is None:
            return None
        return number > self.above if self.above else number != 0

    def signal(self, snapshot: Snapshot) -> Signal:
        """The same for a vote: 1 or 0, with the quality of its point."""
        flag = self.flag(snapshot)
        if flag is not None:
            return Signal(float(flag), Quality.GOOD)
        sample = snapshot.samples.get(self.point)
        detail = "" if sample is None else sample.detail
        return Signal(None, Quality.BAD, detail or self.point)


def run_evidence(machine: Equipment) -> RunEvidence | None:
    """The best evidence that a machine offers; None if it shows nothing of itself."""
    points = machine.points
    if "status" in points:
        return RunEvidence(points["status"])
    if "power" in points:
        rated_kw = machine.rated_kw
        return RunEvidence(points["power"], LEAST_KW if rated_kw is None else RUNS_ABOVE * rated_kw)
    if "speed_feedback" in points:
        return RunEvidence(points["speed_feedback"], RUNS_ABOVE * FULL_SPEED_PCT)
    return None
