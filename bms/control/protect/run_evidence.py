"""What shows that a machine runs: its status, or what it draws, or how fast it turns. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
LEAST_A: Final = 2.0
"""A motor that turns draws more, whatever its size; a heater of its drain does not (D)."""


@dataclass(frozen=True, slots=True)
class RunEvidence:
    """The point that tells whether a machine runs, and above what it does."""

    point: PointId
    above: float = 0.0
    """0 for a status: anything but 0 is running."""
    drawn: RunEvidence | None = None
    """What it draws while it runs: without that, a contact that says so is stuck."""

    @property
    def points(self) -> tuple[PointId, ...]:
        """All that it rests on."""
        return (self.point,) if self.drawn is None else (self.point, self.drawn.point)

    def flag(self, snapshot: Snapshot) -> bool | None:
        """Whether it runs; None if that cannot be read."""
        number = snapshot.number(self.point)
        if number is None:
            return None if self.drawn is None else self.drawn.flag(snapshot)
        runs = number > self.above if self.above else number != 0
        if runs and self.drawn is not None and self.drawn.flag(snapshot) is False:
            return False
        return runs

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
    drawn = _drawn(machine)
    if drawn is None and "speed_feedback" in points:
        return RunEvidence(points["speed_feedback"], RUNS_ABOVE * FULL_SPEED_PCT)
    return drawn


def loaded_evidence(machine: Equipment) -> RunEvidence | None:
    """The same for a machine that draws much as long as it turns, as a screw does unloaded: its
    status is believed only with what it draws, where that and its rating are known."""
    evidence = run_evidence(machine)
    if evidence is None or evidence.above or machine.rated_kw is None:
        return evidence
    return replace(evidence, drawn=_drawn(machine))


def _drawn(machine: Equipment) -> RunEvidence | None:
    points, rated_kw = machine.points, machine.rated_kw
    if "power" in points:
        return RunEvidence(points["power"], LEAST_KW if rated_kw is None else RUNS_ABOVE * rated_kw)
    if "current" in points:
        return RunEvidence(points["current"], LEAST_A)
    return None
