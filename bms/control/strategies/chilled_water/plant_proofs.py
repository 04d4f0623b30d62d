"""What proves the machines of a cold plant, and for which of them nothing stands in. Pure."""

from __future__ import annotations

from dataclasses import replace

from bms.control.blocks.machines.start_proof import STILL, ProofRules
from bms.control.strategies.chilled_water.looking import Look
from bms.control.strategies.chilled_water.parameters import ChilledWaterPlantParameters
from bms.control.strategies.chilled_water.plant_layout import Layout
from bms.control.strategies.chilled_water.plant_state import PlantState
from bms.control.strategies.chilled_water.staging.sequence import Sequence
from bms.control.strategies.water.pump_bank import NOBODY, latched_of_short
from bms.control.strategies.water.unit_steps import UnitRules


def alone(layout: Layout, sequence: Sequence, look: Look, state: PlantState) -> frozenset[str]:
    """The latched machines that nothing stands in for: of a header bank that is too short, and
    chillers with what is there for them alone, where no other chiller is left that helps."""
    views, proofs = look.views, state.proofs
    if not state.enabling.enabled or not any(proof.latched for proof in proofs.values()):
        return NOBODY
    found = set(latched_of_short(layout.chw_pumps, views, proofs, state.chilled.stage.count))
    found |= latched_of_short(layout.cw_pumps, views, proofs, state.condensing.pumps)
    found |= latched_of_short(layout.towers, views, proofs, state.condensing.cells)
    if sequence.short(look, state):
        own = {m.name for unit in layout.units.values() for m in (unit.chiller, *unit.auxiliaries)}
        found |= {name for name in own if proofs.get(name, STILL).latched}
    return frozenset(found)


def unit_rules(layout: Layout, parameters: ChilledWaterPlantParameters) -> UnitRules:
    """How long each step of a start may take."""
    rules = UnitRules(parameters.pump_overrun_s, parameters.proof_s.valve)
    # Trains start as their files say: water, then the chiller, as soon as it is proven.
    return replace(rules, flow_settles_s=0.0, condenser_settles_s=0.0) if layout.trains else rules


def proof_rules(layout: Layout, parameters: ChilledWaterPlantParameters) -> dict[str, ProofRules]:
    """What proves each machine, by name."""
    proof_s = parameters.proof_s
    rules: dict[str, ProofRules] = {}
    for machine in layout.machines:
        chiller = machine.name in layout.units
        within_s = proof_s.chiller if chiller else proof_s.pump
        rules[machine.name] = ProofRules(
            within_s,
            within_s,
            within_s,
            cycles=chiller,
            provable=machine.status is not None,
        )
    return rules
