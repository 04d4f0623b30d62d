"""What machines really draw: their meters correct their curves, within bounds. Pure.

Only while one chiller runs alone and steadily is its load known to be its own.
"""

from __future__ import annotations

from dataclasses import replace

from bms.control.blocks.delays import held_for
from bms.control.blocks.machines.curves import UNLEARNED, learn, power_kw
from bms.control.strategies.chilled_water.instruments import Measured
from bms.control.strategies.chilled_water.plant_layout import Layout
from bms.control.strategies.chilled_water.plant_state import PlantState
from bms.control.strategies.chilled_water.staging.choosing import LEARNING, model_of
from bms.control.strategies.water.machinery import proven
from bms.core.decisions import Snapshot

EVERY_S = 900.0
STEADY_S = 1800.0
"""After a change of the stage, loads and temperatures still move."""


def learned(
    state: PlantState,
    layout: Layout,
    snapshot: Snapshot,
    measured: Measured,
    setpoint_c: float | None,
) -> PlantState:
    """The state with one sample more, if it is time for one and it can be trusted."""
    watched_s = snapshot.watched_s
    if state.learned_s is not None and not held_for(state.learned_s, EVERY_S, watched_s):
        return state
    state = replace(state, learned_s=watched_s)
    running = [name for name in layout.units if proven(name, state.proofs)]
    if len(running) != 1 or not held_for(state.choice.timers.stage_since_s, STEADY_S, watched_s):
        return state
    (name,) = running
    model = model_of(layout, name)
    drawn_kw = snapshot.number(layout.units[name].chiller.points.get("power", ""))
    cw_c, chw_c = measured.cw_supply_c, measured.supply_c or setpoint_c
    if model is None or drawn_kw is None or cw_c is None or chw_c is None:
        return state
    if measured.load_kw is None or measured.load_kw < model.min_load * model.capacity_kw:
        return state
    modelled_kw = power_kw(model, measured.load_kw, chw_c, cw_c)
    after = learn(state.learned.get(name, UNLEARNED), LEARNING, modelled_kw, drawn_kw)
    return replace(state, learned={**state.learned, name: after})
