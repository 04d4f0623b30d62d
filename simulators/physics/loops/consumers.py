"""What hangs on a loop: coils and process loads, each a valve and a heat flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from simulators.physics.water.actuators import Actuator, equal_percentage
from simulators.physics.water.hydraulics import KW_PER_M3H_K, conductance


class Consumer(Protocol):
    """One branch between supply and return header."""

    def conductance(self) -> float:
        """What the branch is open now, m3/h at 1 kPa."""
        ...

    def draw(self, flow_m3h: float, supply_c: float, dt_s: float) -> float:
        """Take water; returns the temperature at which it goes back."""
        ...


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A load without air: a machine hall's cooling, a heat exchanger for something else."""

    design_kw: float
    """Above 0: heat given to chilled water. Below 0: heat taken from hot water."""
    design_supply_c: float = 7.0
    design_return_c: float = 12.0
    other_c: float = 22.0
    """Temperature on the other side."""
    drop_kpa: float = 50.0
    travel_s: float = 90.0

    @property
    def flow_m3h(self) -> float:
        return abs(self.design_kw / (KW_PER_M3H_K * (self.design_return_c - self.design_supply_c)))


class ProcessLoad:
    """A load that opens its valve until it gets the heat it wants, if the water can give it.

    Heat = design * share of flow^0.5 * share of the temperature difference, as of a coil.
    """

    __slots__ = ("_open", "_possible_kw", "drawn_kw", "missing_kwh", "spec", "valve", "wanted_kw")

    def __init__(self, spec: ProcessSpec) -> None:
        self.spec = spec
        self.valve = Actuator(spec.travel_s)
        self._open = conductance(spec.flow_m3h, spec.drop_kpa)
        self.wanted_kw = 0.0
        self._possible_kw = 0.0
        self.drawn_kw = 0.0
        """Heat given to the water, mean over the last step; negative: taken from it."""
        self.missing_kwh = 0.0
        """What it wanted and did not get, since the beginning."""

    def want(self, wanted_kw: float, dt_s: float) -> None:
        """Say what is wanted now; the local controller moves the valve."""
        self.wanted_kw = wanted_kw
        short = (abs(wanted_kw) - self._possible_kw) / abs(self.spec.design_kw)
        if wanted_kw == 0.0:
            self.valve.move(0.0, dt_s)
        else:
            target = self.valve.position + 0.5 * short * min(1.0, dt_s / 60.0)
            self.valve.move(min(1.0, max(0.05, target)), dt_s)

    def conductance(self) -> float:
        return self._open * equal_percentage(self.valve.position)

    def draw(self, flow_m3h: float, supply_c: float, dt_s: float) -> float:
        spec = self.spec
        share = flow_m3h / spec.flow_m3h
        span = (spec.other_c - supply_c) / (spec.other_c - spec.design_supply_c)
        possible = abs(spec.design_kw) * share**0.5 * max(0.0, span)
        if flow_m3h > 0.0:  # never nearer to the other side than it is
            possible = min(possible, KW_PER_M3H_K * flow_m3h * abs(spec.other_c - supply_c))
        self._possible_kw = possible
        drawn = min(possible, abs(self.wanted_kw))
        self.missing_kwh += (abs(self.wanted_kw) - drawn) * dt_s / 3600.0
        self.drawn_kw = drawn = drawn if spec.design_kw > 0.0 else -drawn
        return supply_c + drawn / (KW_PER_M3H_K * flow_m3h) if flow_m3h > 0.0 else supply_c
