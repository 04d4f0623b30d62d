"""Kinds of equipment of water supply, drainage and hot tap water. Pure.

Levels are in percent of the height from the outlet's floor to the brim. A float is on while water
reaches it.
"""

from __future__ import annotations

from bms.core.equipment import Role
from bms.core.machines.kind_parts import analog, command, kind, state, switch


def _basin() -> tuple[Role, ...]:
    """What a tank or a pit shows of its water."""
    return (
        analog("water_level", "%"),
        analog("second_level", "%"),  # another transmitter
        state("dry_float"),
        state("low_float"),
        state("high_float"),
        state("overflow_float"),
        analog("inflow", "m3/h"),
        analog("outflow", "m3/h"),
    )


WATER_SUPPLY = (
    kind("tank", *_basin()),
    kind("sump", *_basin()),
    kind(
        "water_main",
        analog("pressure", "kPa", required=True),
        analog("second_pressure", "kPa"),
        command("pressure_setpoint", "kPa"),
        analog("flow", "m3/h"),
    ),
    kind(
        "hot_water_store",
        analog("top_temp", "degC"),
        analog("middle_temp", "degC"),
        analog("bottom_temp", "degC"),
        command("tank_setpoint", "degC"),
    ),
    kind(
        "tap_water_loop",
        analog("supply_temp", "degC"),
        analog("return_temp", "degC"),
        analog("flow", "m3/h"),  # what people draw
    ),
    kind(
        "mixing_valve",
        command("mix_setpoint", "degC"),
        analog("mixed_temp", "degC", required=True),
        switch("enable"),
        state("fault"),
        state("local"),
    ),
)
