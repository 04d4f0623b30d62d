"""A measured or reckoned value with its quality and, where it is not good, why. Pure."""

from __future__ import annotations

from typing import NamedTuple

from drivers.points import Quality, Sample


class Signal(NamedTuple):
    """One value on its way into a decision. Only a GOOD one may be used for it."""

    value: float | None
    quality: Quality
    detail: str = ""
    """Why it is not good, or what is odd about it, for people."""

    @property
    def good(self) -> float | None:
        """The value if it is GOOD, else None."""
        return self.value if self.quality is Quality.GOOD else None


MISSING = Signal(None, Quality.BAD)
"""A point that is not there."""


def signal_of(sample: Sample | None) -> Signal:
    """The number of a sample; a text, or no sample, is no number and BAD."""
    if sample is None or sample.value is None or isinstance(sample.value, str):
        return MISSING if sample is None else Signal(None, Quality.BAD, sample.detail)
    return Signal(float(sample.value), sample.quality, sample.detail)


def good_signal(value: float) -> Signal:
    """A number that was worked out from good ones."""
    return Signal(value, Quality.GOOD)
