"""What a chiller takes at another load and other temperatures: EnergyPlus' EIR curves. Pure.

Control reference, 10 (MBL `Chillers.Data.ElectricEIR`): with CAPFT and EIRFT of the leaving
chilled and the entering condenser water, PLR = Q / (Qref CAPFT) and P = Qref CAPFT EIRFT EIRFPLR /
COPref. Below its least load a machine cycles; EnergyPlus lets it do so for nothing, which flatters
machines that are too large: a start costs three minutes of full power here (D). A machine's own
meter corrects its curve, within bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from bms.core.machines.relations import Curve

START_PENALTY_H = 0.05
"""Hours of full power for each start of a machine that cycles (D: 3 min)."""
SHORTEST_RUN_H = 0.25
"""A machine that cycles is on and off for 15 min at least (control reference, 3)."""
LEAST_FACTOR = 0.1
"""No polynomial is believed below this, outside the range it was fitted in."""
COOLER_C = (-15.0, 25.0)
CONDENSER_C = (10.0, 40.0)
"""Water temperatures beyond these are read as these: polynomials leap outside their data. The
printed ones are valid from 12.8 to 35 degC."""


@dataclass(frozen=True, slots=True)
class ChillerModel:
    """A curve and what it is relative to: kW of cooling and COP at the reference point."""

    capacity_kw: float
    cop: float
    curve: Curve
    min_load: float = 0.1
    """The least load at which it runs on, as a share of what it can give."""


def at_temperatures(
    coefficients: tuple[float, float, float, float, float, float], chw_c: float, cw_c: float
) -> float:
    """A biquadratic of leaving chilled and entering condenser water in degC; at least 0.1."""
    a, b, c, d, e, f = coefficients
    cold = min(max(chw_c, COOLER_C[0]), COOLER_C[1])
    warm = min(max(cw_c, CONDENSER_C[0]), CONDENSER_C[1])
    value = a + b * cold + c * cold * cold + d * warm + e * warm * warm + f * cold * warm
    return max(value, LEAST_FACTOR)


class FullLoad(NamedTuple):
    """What a machine can give at some temperatures, and what it then takes, in kW."""

    can_kw: float
    power_kw: float


def full_load(model: ChillerModel, chw_c: float, cw_c: float) -> FullLoad:
    """Full load at leaving chilled and entering condenser water in degC."""
    can_kw = model.capacity_kw * at_temperatures(model.curve.capacity, chw_c, cw_c)
    return FullLoad(can_kw, can_kw * at_temperatures(model.curve.eir, chw_c, cw_c) / model.cop)


def part_load_kw(
    model: ChillerModel, full: FullLoad, load_kw: float, start_h: float = START_PENALTY_H
) -> float:
    """The electricity it takes for a load; 0 for none, that of full load for more than it can.

    Below its least load it is the mean over cycles of on and off, with `start_h` hours of full
    power for each start.
    """
    if load_kw <= 0.0:
        return 0.0
    share = min(load_kw / full.can_kw, 1.0)
    a, b, c = model.curve.part_load
    running = max(share, model.min_load)
    running_kw = full.power_kw * max(a + b * running + c * running * running, 0.0)
    if share >= model.min_load:
        return running_kw
    on = share / model.min_load
    starts_per_h = min(on, 1.0 - on) / SHORTEST_RUN_H
    return on * running_kw + starts_per_h * start_h * full.power_kw


def power_kw(
    model: ChillerModel,
    load_kw: float,
    chw_c: float,
    cw_c: float,
    start_h: float = START_PENALTY_H,
) -> float:
    """`part_load_kw` at leaving chilled and entering condenser water in degC."""
    return part_load_kw(model, full_load(model, chw_c, cw_c), load_kw, start_h)


@dataclass(frozen=True, slots=True)
class Learned:
    """How much more or less than its curve a machine was measured to take."""

    factor: float = 1.0
    samples: int = 0


UNLEARNED = Learned()


@dataclass(frozen=True, slots=True)
class LearningRules:
    """How a curve follows the meter (D)."""

    least: float = 0.7
    most: float = 1.4
    """Beyond these it is the meter, or the nameplate, that is wrong."""
    believed: tuple[float, float] = (0.4, 2.5)
    """A sample outside of this share of the curve is left out."""
    min_samples: int = 96
    """So many samples before it counts: a day of quarter hours."""
    weight: float = 0.02
    """Of a new sample, once there are many."""


def learn(
    learned: Learned, rules: LearningRules, modelled_kw: float, measured_kw: float
) -> Learned:
    """The correction after a sample: means over a time in which the machine ran steadily."""
    if modelled_kw <= 0.0 or measured_kw <= 0.0:
        return learned
    ratio = measured_kw / modelled_kw
    low, high = rules.believed
    if not low <= ratio <= high:
        return learned
    weight = max(rules.weight, 1.0 / (learned.samples + 1))
    factor = learned.factor + weight * (ratio - learned.factor)
    return Learned(min(max(factor, rules.least), rules.most), learned.samples + 1)


def correction(learned: Learned, rules: LearningRules) -> float:
    """By what the curve's power is multiplied: 1 until enough was seen."""
    return learned.factor if learned.samples >= rules.min_samples else 1.0
