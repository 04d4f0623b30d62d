"""Student's t and Fisher's F: how sure a figure is that rests on few days.

Both come from the regularised incomplete beta function, by its continued fraction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_STEPS: Final = 300
_TINY: Final = 1e-300
_CLOSE: Final = 1e-15
CONFIDENCE: Final = 0.9
"""Of intervals, if nobody says otherwise."""


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, _STEPS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / _away(1.0 + term * d)
            c = _away(1.0 + term / c)
            result *= c * d
        if abs(c * d - 1.0) < _CLOSE:
            break
    return result


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY


def beta_share(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function, 0 to 1; `a` and `b` above zero."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(log_front) * _fraction(a, b, x) / a
    return 1.0 - math.exp(log_front) * _fraction(b, a, 1.0 - x) / b


def below(t: float, freedom: float) -> float:
    """The probability that Student's t is below `t`; `freedom` > 0 may be infinite."""
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    if math.isinf(freedom):
        return 0.5 * math.erfc(-t / math.sqrt(2.0))
    tail = 0.5 * beta_share(freedom / 2.0, 0.5, freedom / (freedom + t * t))
    return 1.0 - tail if t > 0 else tail


def p_value(t: float, freedom: float) -> float:
    """How probable so large a |t| is where there is no effect."""
    return 2.0 * below(-abs(t), freedom)


def p_of_f(f: float, upper: float, lower: float) -> float:
    """How probable so large an F is where there is no effect."""
    if f <= 0.0:
        return 1.0
    if math.isinf(f):
        return 0.0
    return beta_share(lower / 2.0, upper / 2.0, lower / (lower + upper * f))


@lru_cache(maxsize=512)
def quantile(share: float, freedom: float) -> float:
    """The t below which `share` of all lie; `share` between 0 and 1."""
    if share == 0.5:
        return 0.0
    if share < 0.5:
        return -quantile(1.0 - share, freedom)
    low, high = 0.0, 1.0
    while below(high, freedom) < share and high < 1e12:
        low, high = high, high * 2.0
    for _ in range(200):
        middle = 0.5 * (low + high)
        if high - low <= 1e-12 * max(1.0, high):
            break
        if below(middle, freedom) < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure that is not known exactly."""

    value: float
    error: float = 0.0
    """Its standard uncertainty, in the same unit."""
    freedom: float = math.inf
    """Degrees of freedom behind that."""

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The least and the most that it can be, with the given probability."""
        half = quantile(0.5 + confidence / 2.0, self.freedom) * self.error if self.error else 0.0
        return self.value - half, self.value + half

    def below(self, limit: float) -> float:
        """The probability that it is less than `limit`."""
        if not self.error:
            return 1.0 if self.value < limit else 0.0
        return below((limit - self.value) / self.error, self.freedom)

    def scaled(self, factor: float) -> Estimate:
        """The same times a factor that is known exactly."""
        return Estimate(self.value * factor, self.error * abs(factor), self.freedom)


def total(*parts: Estimate) -> Estimate:
    """The sum of independent estimates; freedom by Welch and Satterthwaite."""
    value = math.fsum(part.value for part in parts)
    variance = math.fsum(part.error**2 for part in parts)
    spread = math.fsum(part.error**4 / part.freedom for part in parts if part.error)
    return Estimate(value, math.sqrt(variance), variance**2 / spread if spread else math.inf)
