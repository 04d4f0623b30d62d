"""The pressure of the joined header: its transmitters judged and voted, and where it is going.
Pure.

Control reference, 6 and 7: a bad transmitter gives way to the second one; of two that differ for
5 min the lower counts, because a unit too many costs less than a line that stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bms.control.blocks.delays import holds_since
from bms.control.blocks.inputs.filtered import (
    Circumstances,
    FilterState,
    Flaw,
    InputRules,
    filter_input,
)
from bms.control.blocks.inputs.signals import Signal
from bms.control.blocks.inputs.voted import SafeSide, VoteRules, VoteState, vote
from bms.control.engine.states import Words
from bms.core.decisions import Snapshot
from drivers.points import PointId, Quality

PRESSURE: Final = InputRules(0.0, 1600.0, 0.5, related_moved=0.3, mean_s=0.0, back_s=60.0)
"""Gauge kPa of a network of 7 to 13 bar. It may fall as fast as a burst pipe lets it, so there is
no rate; standing still for an hour while the units' load moves by 30 % it is frozen (D)."""
VOTE: Final = VoteRules(15.0, SafeSide.LOW)
"""Two transmitters at two ends of a network differ by less than 15 kPa (D)."""
ANCHOR_S: Final = 5.0
"""A fall is measured over at least so long."""
ANCHOR_KPA: Final = 1.0
"""And over at least so much: less is noise (D)."""
ENDED_S: Final = 10.0
"""A pressure that stood still for so long does not fall: whoever stands on it looks when it moves.
Steps that are longer say nothing of the next half minute."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The pressure at one moment of its fall."""

    watched_s: float
    kpa: float


@dataclass(frozen=True, slots=True)
class PressureState:
    """What is known of the pressure, and remembered of it."""

    inputs: Mapping[PointId, FilterState] = field(default_factory=dict)
    vote: VoteState = field(default_factory=VoteState)
    kpa: float | None = None
    """What counts; None: no transmitter is good."""
    voters: int = 0
    bad_since_s: float | None = None
    fall: tuple[Anchor, ...] = ()
    """The last moments of a fall, oldest first; at most three."""
    seen_s: float | None = None
    """When it was last looked at."""

    def falls_kpa_s(self, watched_s: float) -> float:
        """How fast it falls: the slower one of its last two stretches, so that one jump or one
        stray reading is no fall. 0: it does not."""
        if len(self.fall) < 3:
            return 0.0
        first, second, third = self.fall
        if watched_s - third.watched_s > ENDED_S:
            return 0.0
        return min(
            (first.kpa - second.kpa) / (second.watched_s - first.watched_s),
            (second.kpa - third.kpa) / (third.watched_s - second.watched_s),
        )


class HeaderPressure:
    """The transmitters of one network, the joined header's own first."""

    def __init__(self, points: tuple[PointId, ...]) -> None:
        self.points = points

    def look(
        self, snapshot: Snapshot, state: PressureState, running: bool, load: float | None
    ) -> PressureState:
        """The pressure at a look; `load` of all units together moves when the pressure does."""
        around = Circumstances(running=running, related=load)
        inputs = {
            point: filter_input(
                state.inputs.get(point) or FilterState(),
                PRESSURE,
                snapshot.samples.get(point),
                snapshot.watched_s,
                around,
            )
            for point in self.points
        }
        kpa, voters, ballot = self._vote(state, inputs, snapshot.watched_s)
        return PressureState(
            inputs,
            ballot,
            kpa,
            voters,
            holds_since(kpa is None, state.bad_since_s, snapshot.watched_s),
            _fall(state, kpa, snapshot.watched_s),
            snapshot.watched_s,
        )

    def _vote(
        self, state: PressureState, inputs: Mapping[PointId, FilterState], watched_s: float
    ) -> tuple[float | None, int, VoteState]:
        if len(self.points) == 1:
            kpa = _believed(inputs[self.points[0]]).value
            return kpa, int(kpa is not None), state.vote
        signals = {point: _believed(judged) for point, judged in inputs.items()}
        voted = vote(state.vote, VOTE, signals, watched_s)
        return voted.result.good, voted.voters, voted.state

    def lost(self, state: PressureState) -> tuple[PointId, ...]:
        """Transmitters that are not believed."""
        return tuple(
            point
            for point in self.points
            if (judged := state.inputs.get(point)) is not None and _believed(judged).value is None
        )

    def detail(self, state: PressureState, point: PointId) -> Words:
        """Why a transmitter is not believed."""
        judged = state.inputs.get(point)
        return "" if judged is None else judged.detail


def _believed(judged: FilterState) -> Signal:
    if judged.quality is not Quality.GOOD or judged.flaw is not Flaw.NONE:
        return Signal(None, Quality.BAD, judged.detail)
    return Signal(judged.accepted, Quality.GOOD)


def _fall(state: PressureState, kpa: float | None, watched_s: float) -> tuple[Anchor, ...]:
    """The moments of the present fall; the same object while nothing is learned."""
    if kpa is None:
        return ()
    fall, seen_s = state.fall, state.seen_s
    if not fall or seen_s is None or not 0.0 <= watched_s - seen_s <= ENDED_S:
        return (Anchor(watched_s, kpa),)
    last = fall[-1]
    if watched_s - last.watched_s >= ANCHOR_S and last.kpa - kpa >= ANCHOR_KPA:
        return (*fall[-2:], Anchor(watched_s, kpa))
    if kpa - last.kpa >= ANCHOR_KPA:
        return (Anchor(watched_s, kpa),)
    return fall
