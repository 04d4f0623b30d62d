"""Units that only the pressure shows: one that is told to run and that it does not answer. Pure.

Of all others protection judges by status, power or current (`bms/control/protect/fault_stops.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bms.control.blocks.delays import held_for
from bms.control.blocks.machines.start_proof import (
    STILL,
    ProofInputs,
    ProofRules,
    ProofState,
    watch_machine,
)
from bms.control.strategies.compressed_air.air_units import AirUnit
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import CompressorState, Look, Told
from bms.core.decisions import Condition, Severity
from bms.texts.messages import msg

ANSWERS_KPA: Final = 5.0
"""So much more than when it was told to run is an answer (D)."""
FAILURES_TO_LATCH: Final = 3


class PressureProof:
    """Judges the units of one station that cannot be seen."""

    def __init__(self, units: Sequence[AirUnit], parameters: CompressorParameters) -> None:
        self._units = tuple(units)
        self._low_kpa = parameters.low_kpa
        self._rules = ProofRules(lost_s=0.0, failures_to_latch=FAILURES_TO_LATCH)

    def look(self, state: CompressorState, look: Look) -> CompressorState:
        """The state after a look at what the pressure says of the units that are on."""
        if not self._units:
            return state
        told: dict[str, Told] = {}
        proofs: dict[str, ProofState] = {}
        for unit in self._units:
            view = look.views[unit.name]
            on = unit.name in (*state.wanted, *state.leaving) and view.available
            if on:
                told[unit.name] = self._told(state, unit.name, look.watched_s)
            after = watch_machine(
                state.proofs.get(unit.name, STILL),
                self._rules,
                ProofInputs(
                    on,
                    on and self._may_run(unit, state, told[unit.name], look.watched_s),
                    commanded=view.available,
                    reset=unit.name in look.resets,
                ),
                look.watched_s,
            )
            if after != STILL:
                proofs[unit.name] = after
        if proofs == state.proofs and told == state.told:
            return state
        return replace(state, proofs=proofs, told=told)

    def _told(self, state: CompressorState, name: str, watched_s: float) -> Told:
        """Since when it has been told to run, and the least pressure since then."""
        kpa, before = state.pressure.kpa, state.told.get(name)
        if before is None:
            return Told(watched_s, kpa)
        if before.answered or kpa is None:
            return before
        least_kpa = kpa if before.least_kpa is None else min(before.least_kpa, kpa)
        if kpa >= least_kpa + ANSWERS_KPA:
            return replace(before, answered=True)
        return before if least_kpa == before.least_kpa else replace(before, least_kpa=least_kpa)

    def _may_run(self, unit: AirUnit, state: CompressorState, told: Told, watched_s: float) -> bool:
        """Whether it may run for all that the pressure shows."""
        kpa = state.pressure.kpa
        late = held_for(told.since_s, unit.proves_s, watched_s)
        return told.answered or kpa is None or kpa >= self._low_kpa or not late

    def due_s(self, state: CompressorState) -> list[float]:
        """When the proofs are due."""
        return [
            told.since_s + unit.proves_s
            for unit in self._units
            if (told := state.told.get(unit.name)) is not None and not told.answered
        ]

    def conditions(self, proofs: Mapping[str, ProofState]) -> tuple[Condition, ...]:
        """Those that do not run, by name."""
        found = []
        for unit in self._units:
            proof = proofs.get(unit.name, STILL)
            if proof.available:
                continue
            within_s = unit.proves_s
            text = msg(
                "{machine} is told to run and the pressure does not rise within {proof_s:g} s: "
                "another one runs in its place; look at its local switch and its breaker",
                machine=unit.id,
                proof_s=within_s,
            )
            if proof.latched:
                text = msg(
                    "{machine} is told to run and the pressure did not rise, the third time "
                    "within 24 h: repair it, then 'bms reset {machine}'",
                    machine=unit.id,
                )
            found.append(Condition(f"{unit.id}:proof", Severity.URGENT, text))
        return tuple(found)
