"""Units that only the pressure shows: one that is told to run and that it does not answer. Pure.

Of all others protection judges by status, power or current (`bms/control/protect/fault_stops.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from bms.control.blocks.machines.start_proof import (
    STILL,
    ProofInputs,
    ProofRules,
    ProofState,
    watch_machine,
)
from bms.control.strategies.compressed_air.air_units import AirUnit
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import CompressorState, Look
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
        self._rules = {
            unit.name: ProofRules(
                within_s=unit.proves_s, cycles=True, failures_to_latch=FAILURES_TO_LATCH
            )
            for unit in units
        }

    def look(self, state: CompressorState, look: Look) -> CompressorState:
        """The state after a look at what the pressure says of the units that are on."""
        if not self._units:
            return state
        kpa = state.pressure.kpa
        told = dict(state.told_kpa)
        proofs: dict[str, ProofState] = {}
        for unit in self._units:
            on = unit.name in (*state.wanted, *state.leaving)
            if not on:
                told.pop(unit.name, None)
            elif kpa is not None and unit.name not in told:
                told[unit.name] = kpa
            after = watch_machine(
                state.proofs.get(unit.name, STILL),
                self._rules[unit.name],
                ProofInputs(
                    on,
                    self._answers(kpa, told.get(unit.name)) if on else False,
                    look.views[unit.name].faulty,
                    look.views[unit.name].available,
                    needed=None,
                    reset=unit.name in look.resets,
                ),
                look.watched_s,
            )
            if after != STILL:
                proofs[unit.name] = after
        if proofs == state.proofs and told == state.told_kpa:
            return state
        return replace(state, proofs=proofs, told_kpa=told)

    def _answers(self, kpa: float | None, told_kpa: float | None) -> bool | None:
        """Whether the pressure shows that it runs; None while nobody can tell."""
        if kpa is None or told_kpa is None:
            return None
        return kpa >= self._low_kpa or kpa >= told_kpa + ANSWERS_KPA

    def conditions(self, proofs: Mapping[str, ProofState]) -> tuple[Condition, ...]:
        """Those that do not run, by name."""
        found = []
        for unit in self._units:
            proof = proofs.get(unit.name, STILL)
            if proof.available:
                continue
            within_s = self._rules[unit.name].within_s
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
