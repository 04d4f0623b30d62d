"""The charges of a month besides those by kWh: demand, capacity, power factor. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import sqrt

from bms.config.tariffs import DemandPrice, PriceList


def billed_kw(price: DemandPrice, peak_kw: Fraction) -> Fraction:
    """How many kW a demand charge is paid for, what lies above a contract weighted."""
    if price.contract_kw is None:
        return peak_kw
    contract = Fraction(price.contract_kw)
    free = contract * (1 + Fraction(price.free_over_pct) / 100)
    over = max(Fraction(0), peak_kw - free)
    return contract + over * Fraction(price.over_times)


def power_factor(kwh: float, kvarh: float) -> float | None:
    """The mean power factor of a month, from its active and reactive energy; None without."""
    apparent = sqrt(kwh * kwh + kvarh * kvarh)
    return kwh / apparent if apparent else None


def adjustment_pct(prices: PriceList, factor: float) -> Decimal | None:
    """By how many per cent the charges change at a power factor, which counts to the hundredth;
    None where there is no such clause."""
    rounded = Decimal(repr(factor)).quantize(Decimal("0.01"), ROUND_HALF_UP)
    for least, pct in prices.power_factor:
        if rounded >= least:
            return pct
    return None
