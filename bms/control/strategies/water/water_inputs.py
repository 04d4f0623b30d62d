"""How instruments of a water plant are judged, and what is believed of them. Pure."""

from __future__ import annotations

from dataclasses import replace

from bms.control.blocks.inputs.filtered import RULES, FilterState, Flaw, InputRules, scaled
from drivers.points import Quality

LEAST_SPAN_KPA = 50.0
"""Of a differential pressure, however small the design is."""


def flow_rules(design_m3h: float | None) -> InputRules:
    """Flow by its design; where nobody wrote that down, anything that is no flow at all."""
    if not design_m3h:
        return InputRules(0.0, 100_000.0, 0.1, related_moved=10.0)
    rules = scaled(RULES["flow_share"], design_m3h)
    return replace(rules, high=2.0 * rules.high)


def pressure_rules(design_kpa: float) -> InputRules:
    """A differential pressure by its design. A pump that is off, or of a higher head, shows what
    the design pressure does not bound."""
    rules = scaled(RULES["pressure_share"], max(design_kpa, LEAST_SPAN_KPA))
    return replace(rules, high=2.0 * rules.high)


def believed(judged: FilterState | None) -> float | None:
    """The value of an input, None where it is not good or has a flaw."""
    if judged is None or judged.quality is not Quality.GOOD or judged.flaw is not Flaw.NONE:
        return None
    return judged.accepted
