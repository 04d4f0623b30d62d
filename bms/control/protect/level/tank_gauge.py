"""The water of one tank or pit as its instruments show it, and which of them are believed. Pure.

A transmitter that stands still while pumps move a tenth of the tank is frozen: it is not believed
until it moves again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bms.control.blocks.delays import passed_s
from bms.control.blocks.inputs.level_vote import Float, Level, vote_level
from bms.control.blocks.replacing import replace
from bms.control.protect.run_evidence import RunEvidence, run_evidence
from bms.core.decisions import Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId

TRANSMITTERS: Final = ("water_level", "second_level")
FLOATS: Final = ("dry_float", "low_float", "high_float", "overflow_float")
DRY_PCT: Final = 5.0
LOW_PCT: Final = 40.0
HIGH_PCT: Final = 85.0
BRIM_PCT: Final = 96.0
"""Where floats hang if nobody wrote it down (D)."""
STILL_PCT: Final = 0.5
"""A transmitter that moves less than this stands still (D)."""
FROZEN_PCT: Final = 10.0
"""It should have moved by so much meanwhile (D)."""
UNKNOWN_RATE_PCT_H: Final = 30.0
"""What a pump moves in an hour where nobody wrote flow and volume down (D)."""
SPAN_PCT: Final = (-5.0, 110.0)
"""What a transmitter in order shows (control reference, 7: the span and 5 %)."""
LONGEST_STEP_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Heights of one tank in percent."""

    dry_pct: float
    low_pct: float
    high_pct: float
    brim_pct: float
    reserve_pct: float = 0.0
    """What is kept for the fire brigade; 0: nothing is."""


def limits_of(tank: Equipment) -> Limits:
    """The heights of a tank, with defaults where nobody wrote them down."""
    design = tank.design

    def either(given: float | None, default: float) -> float:
        return default if given is None else given

    reserve_pct = 0.0
    if design.fire_reserve_m3 and design.volume_m3:
        reserve_pct = 100.0 * design.fire_reserve_m3 / design.volume_m3
    return Limits(
        either(design.dry_pct, DRY_PCT),
        either(design.low_pct, LOW_PCT),
        either(design.high_pct, HIGH_PCT),
        either(design.overflow_pct, BRIM_PCT),
        reserve_pct,
    )


@dataclass(frozen=True, slots=True)
class GaugeState:
    """What is remembered of the instruments of one tank."""

    anchors: Mapping[PointId, tuple[float, float]] = field(default_factory=dict)
    """By transmitter: what it showed when it last moved, and what pumps had moved by then."""
    moved_pct: float = 0.0
    """What running pumps have moved so far, of the tank's volume."""
    since_s: float | None = None
    """Up to when that is counted, while pumps run."""
    frozen: tuple[PointId, ...] = ()


class TankGauge:
    """The instruments of one tank, with the pumps that fill it and draw from it."""

    def __init__(
        self, tank: Equipment, fillers: Sequence[Equipment], drawers: Sequence[Equipment]
    ) -> None:
        self.tank = tank
        self.limits = limits_of(tank)
        points = tank.points
        self.transmitters = tuple(points[role] for role in TRANSMITTERS if role in points)
        heights = (
            self.limits.dry_pct, self.limits.low_pct, self.limits.high_pct, self.limits.brim_pct,
        )  # fmt: skip
        self._floats = {
            points[role]: height
            for role, height in zip(FLOATS, heights, strict=True)
            if role in points
        }
        self._pumps: list[tuple[RunEvidence, float]] = []
        for machines, sign in ((fillers, 1.0), (drawers, -1.0)):
            for machine in machines:
                runs = run_evidence(machine)
                if runs is not None:
                    self._pumps.append((runs, sign * self._rate_pct_h(machine)))
        self.reads = frozenset(
            {*self.transmitters, *self._floats, *(runs.point for runs, _ in self._pumps)}
        )

    def _rate_pct_h(self, machine: Equipment) -> float:
        flow, volume = machine.design.flow_m3h, self.tank.design.volume_m3
        if flow is None or volume is None:
            return UNKNOWN_RATE_PCT_H
        return 100.0 * flow / volume

    def judge(self, snapshot: Snapshot, state: GaugeState) -> GaugeState:
        """What is remembered at a look; the same object while no pump runs."""
        now_s = snapshot.watched_s
        rate = abs(sum(pct for runs, pct in self._pumps if runs.flag(snapshot)))
        running = rate > 0.0
        moved = state.moved_pct
        if state.since_s is not None:
            moved += rate * min(LONGEST_STEP_S, passed_s(state.since_s, now_s)) / 3600.0
        anchors = dict(state.anchors)
        frozen = list(state.frozen)
        for point in self.transmitters:
            shown = self._shown(snapshot, point)
            if shown is None:
                anchors.pop(point, None)
                continue
            before = anchors.get(point)
            if before is None or abs(shown - before[0]) >= STILL_PCT:
                anchors[point] = (shown, moved)
                if point in frozen:
                    frozen.remove(point)
            elif moved - before[1] >= FROZEN_PCT and point not in frozen:
                frozen.append(point)
        since_s = now_s if running else None
        after = replace(
            state, anchors=anchors, moved_pct=moved, since_s=since_s, frozen=tuple(frozen)
        )
        return state if after == state else after

    def level(self, snapshot: Snapshot, state: GaugeState) -> Level:
        """Where the water stands now."""
        shown = {
            point: value
            for point in self.transmitters
            if point not in state.frozen and (value := self._shown(snapshot, point)) is not None
        }
        floats = {
            point: Float(height, flag)
            for point, height in self._floats.items()
            if (flag := snapshot.flag(point)) is not None
        }
        return vote_level(shown, floats)

    def unread(self, snapshot: Snapshot, state: GaugeState) -> tuple[PointId, ...]:
        """Instruments that are there and say nothing that can be believed."""
        lost = [
            point
            for point in self.transmitters
            if point in state.frozen or self._shown(snapshot, point) is None
        ]
        return (*lost, *(point for point in self._floats if snapshot.flag(point) is None))

    def _shown(self, snapshot: Snapshot, point: PointId) -> float | None:
        value = snapshot.number(point)
        low, high = SPAN_PCT
        return value if value is not None and low <= value <= high else None
