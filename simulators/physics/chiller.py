"""Electric chillers by the EnergyPlus EIR model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

_CALM_LIFT_K = 18.0
_SURGE_PER_K = 0.03
"""A machine that turns down to 20 % at 18 K surges below 40 % at 25 K: an engineering figure."""

Biquadratic: TypeAlias = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class ChillerCurve:
    """A chiller as three curves (EnergyPlus Engineering Reference, Chiller:Electric:EIR).

    Te is the leaving chilled water, Tc the entering condenser water, both degC:
    capacity = Qref * f(Te, Tc), power = capacity * f(Te, Tc) * f(load) / COPref.
    """

    name: str
    reference_kw: float
    cop: float
    plr_min: float
    """Below this part load the machine cycles."""
    condenser_c: tuple[float, float]
    """Entering condenser water for which the curves hold."""
    capacity_by_temp: Biquadratic
    eir_by_temp: Biquadratic
    eir_by_load: tuple[float, float, float]
    surges: bool = False
    """A wheel, which surges at little load and high lift: `least_load` says when."""

    def least_load(self, lift_k: float) -> float:
        """The least part load at a lift (entering condenser over leaving chilled water)."""
        if not self.surges or lift_k <= _CALM_LIFT_K:
            return self.plr_min
        return max(self.plr_min, min(0.6, self.plr_min + _SURGE_PER_K * (lift_k - _CALM_LIFT_K)))

    def capacity_kw(self, rated_kw: float, leaving_c: float, condenser_c: float) -> float:
        """Cooling capacity of a machine of `rated_kw` at these temperatures."""
        return rated_kw * _surface(self.capacity_by_temp, leaving_c, self._held(condenser_c))

    def power_kw(
        self, cooling_kw: float, rated_kw: float, leaving_c: float, condenser_c: float
    ) -> float:
        """Electrical power while giving `cooling_kw`; capped at full load.

        Below `plr_min` power falls with load as cycling does; starts are charged elsewhere.
        """
        tc = self._held(condenser_c)
        capacity = rated_kw * _surface(self.capacity_by_temp, leaving_c, tc)
        plr = min(1.0, cooling_kw / capacity)
        on_share = 1.0
        if plr < self.plr_min:
            on_share = plr / self.plr_min
            plr = self.plr_min
        a, b, c = self.eir_by_load
        eir = _surface(self.eir_by_temp, leaving_c, tc) / self.cop
        return capacity * eir * (a + b * plr + c * plr * plr) * on_share

    def _held(self, condenser_c: float) -> float:
        low, high = self.condenser_c
        return min(high, max(low, condenser_c))


def _surface(c: Biquadratic, te: float, tc: float) -> float:
    return c[0] + te * (c[1] + c[2] * te) + tc * (c[3] + c[4] * tc) + c[5] * te * tc


# Coefficients: EnergyPlus data sets as carried by the Modelica Buildings library
# (Chillers.Data.ElectricEIR), reference 6.67 degC leaving and 29.44 degC entering.
CENTRIFUGAL_VSD = ChillerCurve(
    "Carrier 19XR",
    1406.6,
    6.04,
    0.20,
    (12.8, 32.2),
    (1.042261, 2.644821e-3, -1.468026e-3, 1.366256e-2, -8.302334e-4, 1.573579e-3),
    (1.026340, -1.612819e-2, -1.092591e-3, -1.784393e-2, 7.961842e-4, -9.586049e-5),
    (0.1188880, 0.6723542, 0.2068754),
    surges=True,
)
SCREW = ChillerCurve(
    "York YS",
    780.7,
    5.42,
    0.09,
    (15.6, 35.0),
    (1.002148, 3.300191e-2, 3.741670e-4, -5.925358e-3, -2.599267e-5, -2.172126e-4),
    (0.4475957, -1.054652e-2, 7.126870e-4, 1.158632e-2, 5.151510e-4, -9.831355e-4),
    (0.2519108, 0.2756914, 0.4725826),
)
