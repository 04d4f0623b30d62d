"""Which mode an air handler is in now, by what is asked of it and by its rooms. Pure."""

from __future__ import annotations

from bms.control.strategies.air.air_parameters import Function
from bms.control.strategies.air.asked import is_early
from bms.control.strategies.air.handling import occupancy_modes
from bms.control.strategies.air.handling.air_inputs import AirInputs
from bms.control.strategies.air.handling.occupancy_modes import AirMode, Called, RestRules
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Award
from bms.texts.messages import msg


def called(unit: Unit, mode: Award, inputs: AirInputs, before: AirMode) -> Called:
    """The mode, and what called for it. `mode` is one that the strategy knows."""
    asked = mode.value
    if asked == "isolate":
        return Called(AirMode.ISOLATED, msg("nothing may carry the air on"))
    if asked == "vent":
        return Called(AirMode.VENTILATION, msg("air without heating or cooling"))
    if asked == "purge":
        return Called(AirMode.PURGE, msg("night air through warm rooms"))
    if asked == "off":
        if Function.SETBACK not in unit.active:
            return Called(AirMode.UNOCCUPIED, msg("nobody is there"))
        rules = RestRules(unit.heats, unit.cools, unit.parameters)
        return occupancy_modes.resting(inputs.zones_c, rules, before)
    if is_early(mode):
        return occupancy_modes.early(inputs.too_cold_k, inputs.too_warm_k)
    if asked == "on":
        return Called(AirMode.OCCUPIED, msg("people are there"))
    return Called(AirMode.OCCUPIED, msg("epidemic ventilation, {level}", level=asked))
