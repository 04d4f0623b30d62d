"""Names of the facts that `air_handlers` publishes about single machines. Pure."""

from __future__ import annotations

from enum import StrEnum

from bms.config.site import Group
from bms.control.strategies import fact_names
from bms.control.strategies.air.air_parameters import Function
from bms.control.strategies.air.served import COIL_KINDS, Unit, units_of
from bms.core.decisions import FactKind


class UnitFact(StrEnum):
    """What is worked out of one machine."""

    AIR_MODE = "air_mode"
    """Why it runs: occupied, warm-up, setback ..."""
    SUPPLY_SETPOINT_C = "supply_setpoint_c"
    """Where trim and respond arrived."""
    COLDER_REQUESTS = "colder_requests"
    STATIC_SETPOINT_PA = "static_setpoint_pa"
    PRESSURE_REQUESTS = "pressure_requests"
    SUPPLY_AIM_C = "supply_aim_c"
    """What its supply air is held at now."""
    OUTDOOR_SHARE_PCT = "outdoor_share_pct"
    """How much of its air comes from outdoors."""
    FREEZE_STAGE = "freeze_stage"
    """0, or 1 to 3."""


_KINDS = {
    UnitFact.AIR_MODE: FactKind(text=True),
    UnitFact.SUPPLY_SETPOINT_C: FactKind("degC"),
    UnitFact.COLDER_REQUESTS: FactKind(),
    UnitFact.STATIC_SETPOINT_PA: FactKind("Pa"),
    UnitFact.PRESSURE_REQUESTS: FactKind(),
    UnitFact.SUPPLY_AIM_C: FactKind("degC"),
    UnitFact.OUTDOOR_SHARE_PCT: FactKind("%"),
    UnitFact.FREEZE_STAGE: FactKind(),
}


def fact_name(unit: str, what: UnitFact) -> str:
    """The name of a fact about a machine, within its group."""
    return f"{unit}_{what.value}"


def facts_of(unit: Unit) -> tuple[UnitFact, ...]:
    """What is worked out of a machine."""
    found = [UnitFact.AIR_MODE]
    if unit.machine.kind.name == "fan_coil":
        return tuple(found)
    if Function.SUPPLY_RESET in unit.active and not unit.zone_led:
        found += [UnitFact.SUPPLY_SETPOINT_C, UnitFact.COLDER_REQUESTS]
    if Function.STATIC_RESET in unit.active:
        found += [UnitFact.STATIC_SETPOINT_PA, UnitFact.PRESSURE_REQUESTS]
    if unit.loop_valves or unit.commanded("supply_setpoint"):
        found.append(UnitFact.SUPPLY_AIM_C)
    if unit.shows_outdoor_share:
        found.append(UnitFact.OUTDOOR_SHARE_PCT)
    if Function.FREEZE_PROTECTION in unit.active:
        found.append(UnitFact.FREEZE_STAGE)
    return tuple(found)


def tells(group: Group) -> dict[str, FactKind]:
    """Every fact of a group."""
    kinds = {
        fact_names.CHW_REQUESTS: FactKind(),
        fact_names.CHW_RESETS: FactKind(),
        fact_names.HW_REQUESTS: FactKind(),
        fact_names.HW_RESETS: FactKind(),
        fact_names.OUTDOOR_C: FactKind("degC"),
    }
    for unit in units_of(group, COIL_KINDS):
        kinds |= {fact_name(unit.name, what): _KINDS[what] for what in facts_of(unit)}
    return kinds
