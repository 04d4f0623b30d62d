"""Trim and respond: a setpoint drifts to where it saves, and requests bring it back. Pure.

Guideline 36, 5.1.14: once the device has been proven on for a delay, every period the setpoint
moves by `trim`; if there are more requests than `ignored`, it also moves by `respond` for each one
above them, by at most `respond_most`, the other way. Off: the start value. The resets of plants
rest while the plant changes its stage (5.20.5). Every row of the control reference, 3, is a rule
set here; what depends on the site is an argument. The unit is that of the setpoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from bms.control.blocks.delays import held_for, holds_since, later, passed_s, soonest


@dataclass(frozen=True, slots=True)
class TrimRespondRules:
    """One row of the table: values in the unit of the setpoint, times in seconds."""

    start: float
    """SP0: the setpoint while the device is off, and when it starts."""
    least: float
    most: float
    delay_s: float
    """Td: how long the device is proven on before anything moves."""
    period_s: float
    """T, above 0."""
    ignored: float
    """I: so many requests change nothing."""
    trim: float
    respond: float
    """For each request above those ignored; its sign is the direction."""
    respond_most: float
    freeze_s: float = 0.0
    """At least so long the setpoint rests once a change of stage begins."""


ONE_IN = 5.0
"""For each five that can ask one request is ignored, up to what the Guideline ignores (D)."""


def of_few(rules: TrimRespondRules, asking: float | None) -> TrimRespondRules:
    """The rules where so many can ask; None: nobody knows how many. The Guideline's numbers are
    for many: of few, a single one that is short would never be heard."""
    if asking is None:
        return rules
    ignored = min(rules.ignored, float(asking // ONE_IN))
    return rules if ignored == rules.ignored else replace(rules, ignored=ignored)


CHW_PLANT_RESET = TrimRespondRules(100.0, 0.0, 100.0, 900.0, 300.0, 2.0, -2.0, 3.0, 7.0, 900.0)
"""Guideline 36, 5.20.5: percent of the plant reset (`linear_reset.chilled_water` says of what)."""
HOT_WATER_NON_CONDENSING = TrimRespondRules(
    80.0, 68.3, 80.0, 600.0, 300.0, 2.0, -1.1, 1.7, 3.9, 900.0
)
"""Guideline 36, 5.21.4: hot-water supply in degrees Celsius, boilers that must not condense."""
HOT_WATER_CONDENSING = TrimRespondRules(80.0, 32.2, 80.0, 600.0, 300.0, 2.0, -1.1, 1.7, 3.9, 900.0)
"""The same with condensing boilers. It starts at its highest; another one is `replace`."""
SUPPLY_AIR = TrimRespondRules(18.0, 12.0, 18.0, 600.0, 120.0, 2.0, 0.1, -0.2, -0.6)
"""Guideline 36, 5.16.2: supply air in degrees Celsius; requests are for cooling."""


def duct_static(design_pa: float) -> TrimRespondRules:
    """Guideline 36, 5.16.1: static pressure of a duct in pascal, 25 Pa to its design value."""
    most = max(design_pa, 25.0)
    start = min(120.0, most)
    return TrimRespondRules(start, 25.0, most, 600.0, 120.0, 2.0, -12.0, 15.0, 32.0)


def economizer_pump(design_pct: float, least_pct: float) -> TrimRespondRules:
    """Guideline 36, 5.20.3: speed of the pump of a waterside heat exchanger in percent."""
    return TrimRespondRules(design_pct, least_pct, design_pct, 900.0, 120.0, 0.0, 2.0, -3.0, -6.0)


def hot_water_pump(start_pct: float, least_pct: float) -> TrimRespondRules:
    """Guideline 36, 5.21.6: speed of the primary hot-water pumps in percent."""
    return TrimRespondRules(start_pct, least_pct, 100.0, 900.0, 120.0, 0.0, -2.0, 3.0, 6.0)


_MOST_PERIODS = 100
"""Every setpoint of the table is at its limit by then."""


@dataclass(frozen=True, slots=True)
class TrimRespondState:
    """What a reset remembers; `setpoint` None: it has not begun."""

    setpoint: float | None = None
    on_since_s: float | None = None
    moved_s: float | None = None
    """The watched second to which its periods are counted."""
    frozen_since_s: float | None = None


def reset(
    state: TrimRespondState,
    rules: TrimRespondRules,
    *,
    proven: bool,
    requests: float,
    watched_s: float,
    staging: bool = False,
) -> TrimRespondState:
    """The reset at a look; its `setpoint` is never None after it.

    `proven`: the device runs and shows it. `requests`: with importance, rogue zones left out.
    `staging`: the plant changes its stage now. At steps longer than the period, every period that
    passed moves the setpoint, with the requests of this look.
    """
    if not proven:
        return _same(state, TrimRespondState(rules.start))
    on_since_s = holds_since(True, state.on_since_s, watched_s)
    setpoint = rules.start if state.setpoint is None or state.on_since_s is None else state.setpoint
    frozen_since_s = _frozen(state, rules, staging, watched_s)
    moved_s = state.moved_s
    if frozen_since_s is not None or not held_for(on_since_s, rules.delay_s, watched_s):
        moved_s = None
    elif moved_s is None or moved_s > watched_s:
        moved_s = watched_s
        setpoint = _moved(setpoint, rules, requests)
    else:
        periods = math.floor(passed_s(moved_s, watched_s) / rules.period_s + 1e-9)
        moved_s += periods * rules.period_s
        for _ in range(min(periods, _MOST_PERIODS)):
            setpoint = _moved(setpoint, rules, requests)
    setpoint = _within(setpoint, rules.least, rules.most)
    return _same(state, TrimRespondState(setpoint, on_since_s, moved_s, frozen_since_s))


def _same(state: TrimRespondState, after: TrimRespondState) -> TrimRespondState:
    return state if after == state else after


def reset_due_s(state: TrimRespondState, rules: TrimRespondRules, watched_s: float) -> float | None:
    """Until when the setpoint stands; None while the device is off."""
    if state.frozen_since_s is not None:
        return soonest(
            watched_s, later(state.frozen_since_s, rules.freeze_s), watched_s + rules.period_s
        )
    if state.moved_s is not None:
        return later(state.moved_s, rules.period_s)
    return later(state.on_since_s, rules.delay_s)


def _frozen(
    state: TrimRespondState, rules: TrimRespondRules, staging: bool, watched_s: float
) -> float | None:
    """Since when it rests; None: it does not."""
    since_s = state.frozen_since_s
    if staging:
        return holds_since(True, since_s, watched_s)
    if since_s is None or since_s > watched_s or held_for(since_s, rules.freeze_s, watched_s):
        return None
    return since_s


def _moved(setpoint: float, rules: TrimRespondRules, requests: float) -> float:
    setpoint += rules.trim
    if requests > rules.ignored:
        size = min(abs(rules.respond) * (requests - rules.ignored), abs(rules.respond_most))
        setpoint += math.copysign(size, rules.respond)
    return _within(setpoint, rules.least, rules.most)


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
