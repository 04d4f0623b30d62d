"""Pumps and towers side by side on one header: how many, which, and how fast. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bms.control.blocks.loops.pid import PidRules, PidState, regulate, track
from bms.control.blocks.machines.lead_lag import Candidate, RunRecord, make_up
from bms.control.blocks.machines.start_proof import STILL
from bms.control.blocks.plants.pump_stages import PumpInputs, PumpStage, stage_pumps
from bms.control.blocks.replacing import replace
from bms.control.strategies.water.fittings import Machine
from bms.control.strategies.water.machinery import Proofs, View, tellable, usable

START_PCT = 60.0
"""The speed from which the loop begins (D)."""
SPEED = PidRules(40.0, 60.0)
"""Percent per unit of the pressure by its setpoint (D: a loop of water answers in seconds)."""
CARRIED = 0.97
"""Of a design flow that a number of pumps has to carry: sizes are rounded."""


def staged_by_flow(
    stage: PumpStage, size: int, least: int, inputs: PumpInputs, watched_s: float
) -> PumpStage:
    """The number of pumps at a look: none with `least` 0, else from `least` to `size`."""
    if least <= 0 or size <= 0:
        return PumpStage(0)
    if stage.count < least:
        return PumpStage(min(least, size))
    after = stage_pumps(stage, size, inputs, watched_s)
    if after.count < least:
        return replace(stage, count=min(least, size))
    return after


def enough(flows_m3h: Sequence[float | None], asked_m3h: float | None, asking: int) -> int:
    """The least number of machines that carries a flow; one for each that asks, where nobody
    wrote the flows down. At most all of them."""
    if not asking:
        return 0
    known = [flow for flow in flows_m3h if flow is not None]
    if asked_m3h is None or len(known) < len(flows_m3h) or not known:
        return min(asking, len(flows_m3h))
    carried = 0.0
    for number, flow in enumerate(sorted(known), start=1):
        carried += flow
        if carried >= asked_m3h * CARRIED:
            return number
    return len(known)


def chosen(
    bank: Sequence[Machine],
    views: Mapping[str, View],
    proofs: Proofs,
    record: RunRecord,
    on: Collection[str],
    count: int,
) -> tuple[str, ...]:
    """The machines of a bank that run for a count: those that run stay, the least run come first,
    one that fails is replaced at once; what a person wants on runs in any case."""
    if not bank:
        return ()
    manual = [machine.name for machine in bank if views[machine.name].manual]
    if count <= len(manual):
        return tuple(manual)
    candidates = [
        Candidate(
            machine.name,
            machine.name in on or bool(views[machine.name].status),
            usable(machine.name, views, proofs),
            proofs.get(machine.name, STILL).failed_s,
            machine.stands_by_for,
        )
        for machine in bank
        if machine.name not in manual
    ]
    found = make_up(candidates, record, count - len(manual))
    return (*manual, *found)


NOBODY: Final[frozenset[str]] = frozenset()


def latched_of_short(
    bank: Collection[Machine], views: Mapping[str, View], proofs: Proofs, count: int
) -> frozenset[str]:
    """The latched machines of a bank that has fewer whole ones than are asked for: nothing stands
    in for them."""
    latched = [m.name for m in bank if proofs.get(m.name, STILL).latched]
    if not latched or sum(tellable(m.name, views, proofs) for m in bank) >= count:
        return NOBODY
    return frozenset(latched)


@dataclass(frozen=True, slots=True)
class SpeedState:
    """The speed of all pumps of a header."""

    loop: PidState = field(default_factory=lambda: PidState(output_pct=START_PCT))

    @property
    def pct(self) -> float:
        """In percent."""
        return self.loop.output_pct


def hold_pressure(
    state: SpeedState,
    least_pct: float,
    running: bool,
    shares: Sequence[float | None],
    watched_s: float,
) -> SpeedState:
    """The speed at a look; `shares` are pressures by their setpoints, None where not known.

    The one that is shortest leads. Off: where it starts. Nothing known: it stays.
    """
    if not running:
        return SpeedState(track(state.loop, max(START_PCT, least_pct), watched_s))
    known = [share for share in shares if share is not None]
    if not known and state.loop.error is None:
        return state
    rules = replace(SPEED, low_pct=least_pct)
    measured = min(known) if known else None
    return SpeedState(regulate(state.loop, rules, 1.0, measured, watched_s))
