"""Filtered input: is a value possible, does it move as it can, does it move at all? And its mean.
Pure.

Control reference, 7: outside the span by 5 % for 10 s is bad; a change faster than the plant can
make, confirmed by 3 readings, is bad; still for an hour while the machine works and a related value
moved is frozen. A reading that fails the range or the rate is not used from the first one on: until
it is confirmed, the input stands at the last that passed. What was bad is believed again after it
has been in order for 5 min. Bad is said at once to who asks; nobody gets the last good value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bms.control.blocks.delays import held_for, holds_since, later, passed_s, soonest
from bms.control.blocks.inputs.moving_mean import WINDOW_S, MeanState, average, mean_of
from bms.control.blocks.inputs.signals import Signal
from bms.control.engine.states import Words
from bms.texts.messages import msg
from drivers.points import Quality, Sample


@dataclass(frozen=True, slots=True)
class InputRules:
    """What one input can show. Values in its unit, times in seconds."""

    low: float
    high: float
    """The span of the instrument, or of what can be there."""
    resolution: float
    """The least change that it shows; above 0."""
    rate_per_min: float | None = None
    """The fastest that it can change; None: it may jump."""
    rate_least_s: float = 15.0
    """A change between two readings is judged as if they were so far apart at least: noise is
    quick, and small (D)."""
    rate_readings: int = 3
    margin_pct: float = 5.0
    """Of the span, beyond both ends."""
    range_s: float = 10.0
    frozen_s: float = 3600.0
    related_moved: float = 0.0
    """How far a related value moves, in its own unit, before this one should have (0: no test)."""
    back_s: float = 300.0
    bridge_s: float = 30.0
    """The mean stands for so long without a good value; after that there is none."""
    mean_s: float = WINDOW_S
    """The window of the mean; 0: the value itself, at less than half of the cost."""

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the most that is believed."""
        margin = (self.high - self.low) * self.margin_pct / 100.0
        return self.low - margin, self.high + margin


RULES: Final[Mapping[str, InputRules]] = MappingProxyType(
    {
        "outdoor_temp": InputRules(-40.0, 55.0, 0.1, 3.0),
        "wet_bulb_temp": InputRules(-40.0, 40.0, 0.1, 3.0),
        "humidity": InputRules(0.0, 100.0, 0.5),
        "zone_temp": InputRules(-10.0, 60.0, 0.1, 3.0),
        "supply_air_temp": InputRules(-20.0, 80.0, 0.1, 3.0, related_moved=10.0),
        "chilled_water_temp": InputRules(-10.0, 50.0, 0.1, 5.0, related_moved=1.0),
        "condenser_water_temp": InputRules(-5.0, 60.0, 0.1, 5.0, related_moved=1.0),
        "hot_water_temp": InputRules(0.0, 130.0, 0.1, 5.0, related_moved=2.0),
        "flow_share": InputRules(0.0, 150.0, 0.2, 3000.0, 1.0, related_moved=10.0),
        "pressure_share": InputRules(0.0, 150.0, 0.2, related_moved=10.0),
        "co2": InputRules(0.0, 5000.0, 5.0),
    }
)
"""Rules by what is measured, in degC, %, ppm; flow and pressure in percent of design. Rates:
control reference, 7 (water 5 K/min, air 3 K/min, flow 50 %/s); spans and `related_moved`: D. What
is related to water is the other end of the pipe in kelvin; to supply air its valve, to flow and
pressure the speed of the pump or fan, in percent. A strategy replaces the span with that of the
instrument where the site gives it."""


def scaled(rules: InputRules, design: float) -> InputRules:
    """Rules in percent of design (`flow_share`, `pressure_share`) for a value in its own unit."""
    factor = design / 100.0
    rate = None if rules.rate_per_min is None else rules.rate_per_min * factor
    return replace(
        rules,
        low=rules.low * factor,
        high=rules.high * factor,
        resolution=rules.resolution * factor,
        rate_per_min=rate,
    )


class Flaw(StrEnum):
    """What is wrong with an input."""

    NONE = "none"
    RANGE = "range"
    RATE = "rate"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class Stillness:
    """Since the value last moved, and what a related one did meanwhile."""

    anchor: float | None = None
    running_s: float = 0.0
    """Watched seconds in which the machine worked."""
    related_low: float | None = None
    related_high: float | None = None


@dataclass(frozen=True, slots=True)
class FilterState:
    """What the filter of one input remembers."""

    flaw: Flaw = Flaw.NONE
    detail: Words = ""
    """What is wrong, for people."""
    quality: Quality = Quality.BAD
    accepted: float | None = None
    """The last value that passed; while the input is bad, the last in its bounds."""
    accepted_time: datetime | None = None
    """When that was read."""
    read: datetime | None = None
    """The time of the last reading: tells a new one from one that was seen already."""
    strange: int = 0
    """Readings in a row that came too quickly."""
    outside_since_s: float | None = None
    right_since_s: float | None = None
    """Since when a bad input has been in order."""
    missing_since_s: float | None = None
    still: Stillness = field(default_factory=Stillness)
    mean: MeanState = field(default_factory=MeanState)
    watched_s: float = 0.0

    @property
    def value(self) -> Signal:
        """The value now."""
        good = self.quality is Quality.GOOD
        return Signal(self.accepted if good else None, self.quality, self.detail)

    def averaged(self, rules: InputRules) -> Signal:
        """The mean of the last minutes. BAD with a flaw, or `bridge_s` after the value."""
        late = held_for(self.missing_since_s, rules.bridge_s, self.watched_s)
        if not rules.mean_s:
            return self.value
        mean = None if late or self.flaw is not Flaw.NONE else mean_of(self.mean, rules.mean_s)
        if mean is None:
            return Signal(None, Quality.BAD, self.detail)
        return Signal(mean, Quality.GOOD)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What else is known when an input is judged."""

    running: bool = False
    """The machine works that should move it."""
    settling: bool = False
    """Machines have just started or stopped: it may move as fast as it likes."""
    related: float | None = None
    """A value that moves when this one does: the other end of the pipe, a speed, a valve."""
    held_at: float | None = None
    """The setpoint at which a loop holds it: standing there, it is not frozen."""


RESTING = Circumstances()
HELD_WITHIN = 2.0
"""Resolutions from its setpoint (D): plants that regulate ideally show no movement at all."""


def filter_input(
    state: FilterState,
    rules: InputRules,
    sample: Sample | None,
    watched_s: float,
    around: Circumstances = RESTING,
) -> FilterState:
    """The input at a look."""
    number = _number(sample)
    if sample is None or number is None:
        return _missing(state, rules, sample, watched_s)
    outside = not rules.low <= number <= rules.high and _beyond(rules, number)
    new = sample.time != state.read
    quick = (
        not outside
        and not around.settling
        and (_quick(state, rules, number, sample.time) if new else state.strange > 0)
    )
    strange = state.strange + int(new) if quick else 0
    outside_since_s = holds_since(True, state.outside_since_s, watched_s) if outside else None
    still = _stillness(state, rules, number, watched_s, around)
    flaw = _flaw(rules, outside_since_s, strange, still, watched_s)
    passes = not outside and not quick
    right_since_s = None
    if flaw is Flaw.NONE and state.flaw is not Flaw.NONE:  # in order again, but for how long?
        right_since_s = holds_since(passes, state.right_since_s, watched_s)
        if not held_for(right_since_s, rules.back_s, watched_s):
            flaw = state.flaw
    good = passes and flaw is Flaw.NONE
    # Until a strange reading is confirmed, the last one that passed stands; a bad input is
    # compared with itself, to see whether it steadies.
    stands = flaw is Flaw.NONE and state.quality is Quality.GOOD
    taken = not outside and (passes or flaw is not Flaw.NONE or state.quality is Quality.BAD)
    return FilterState(
        flaw,
        state.detail if flaw is state.flaw else _told(flaw, rules, number, state),
        Quality.GOOD if good or stands else Quality.BAD,
        number if taken else state.accepted,
        sample.time if taken else state.accepted_time,
        sample.time,
        strange,
        outside_since_s,
        right_since_s,
        None if good else holds_since(True, state.missing_since_s, watched_s),
        still,
        _mean(state, rules, number if good else None, watched_s),
        watched_s,
    )


def _mean(
    state: FilterState, rules: InputRules, value: float | None, watched_s: float
) -> MeanState:
    return average(state.mean, value, watched_s, rules.mean_s) if rules.mean_s else state.mean


def _number(sample: Sample | None) -> float | None:
    """What a good sample shows, as a number that is one."""
    if sample is None or sample.quality is not Quality.GOOD:
        return None
    shown = sample.value
    if shown is None or isinstance(shown, str):
        return None
    number = float(shown)
    return number if math.isfinite(number) else None


def _beyond(rules: InputRules, number: float) -> bool:
    low, high = rules.bounds
    return not low <= number <= high


def _flaw(
    rules: InputRules,
    outside_since_s: float | None,
    strange: int,
    still: Stillness,
    watched_s: float,
) -> Flaw:
    if held_for(outside_since_s, rules.range_s, watched_s):
        return Flaw.RANGE
    if strange >= rules.rate_readings:
        return Flaw.RATE
    return Flaw.FROZEN if _frozen(still, rules) else Flaw.NONE


def filter_due_s(state: FilterState, rules: InputRules) -> float | None:
    """Until when value and quality stand if the same is shown on; None: for ever.

    The mean still moves for `mean_s` after the value has.
    """
    frozen_s = None
    if rules.related_moved and state.flaw is not Flaw.FROZEN:
        frozen_s = state.watched_s + max(rules.frozen_s - state.still.running_s, 0.0)
    return soonest(
        state.watched_s,
        later(state.outside_since_s, rules.range_s),
        later(state.right_since_s, rules.back_s),
        later(state.missing_since_s, rules.bridge_s),
        frozen_s,
    )


def _missing(
    state: FilterState, rules: InputRules, sample: Sample | None, watched_s: float
) -> FilterState:
    """No good reading: bad at once, with the reason of its link. A flaw stays until it is gone."""
    detail = state.detail
    if state.flaw is Flaw.NONE:
        detail = "" if sample is None else sample.detail
    quality = Quality.BAD if sample is None else max(sample.quality, Quality.STALE)
    return replace(
        state,
        detail=detail,
        quality=quality if state.flaw is Flaw.NONE else Quality.BAD,
        outside_since_s=None,
        right_since_s=None,
        missing_since_s=holds_since(True, state.missing_since_s, watched_s),
        mean=_mean(state, rules, None, watched_s),
        watched_s=watched_s,
    )


def _quick(state: FilterState, rules: InputRules, number: float, time: datetime) -> bool:
    """Whether it moved faster than it can since the last reading that passed.

    By the times of readings: over a stop of the controller, they know how long it was.
    """
    if rules.rate_per_min is None or state.accepted is None or state.accepted_time is None:
        return False
    minutes = abs(number - state.accepted) / rules.rate_per_min
    if minutes * 60.0 <= rules.rate_least_s:
        return False
    return minutes * 60.0 > (time - state.accepted_time).total_seconds()


def _stillness(
    state: FilterState, rules: InputRules, number: float, watched_s: float, around: Circumstances
) -> Stillness:
    if not rules.related_moved:
        return state.still
    held = around.held_at is not None and (
        abs(number - around.held_at) <= HELD_WITHIN * rules.resolution
    )
    still, related = state.still, around.related
    if held or still.anchor is None or abs(number - still.anchor) >= rules.resolution:
        return Stillness(number, 0.0, related, related)
    running_s = still.running_s
    if around.running:
        running_s += passed_s(state.watched_s, watched_s)
    if related is None:
        return Stillness(still.anchor, running_s, still.related_low, still.related_high)
    low = related if still.related_low is None else min(still.related_low, related)
    high = related if still.related_high is None else max(still.related_high, related)
    return Stillness(still.anchor, running_s, low, high)


def _frozen(still: Stillness, rules: InputRules) -> bool:
    if still.running_s < rules.frozen_s or still.related_low is None or still.related_high is None:
        return False
    return still.related_high - still.related_low >= rules.related_moved > 0.0


def _told(flaw: Flaw, rules: InputRules, number: float, state: FilterState) -> str:
    low, high = rules.bounds
    if flaw is Flaw.RANGE:
        return msg(
            "{reading:g} is outside {low:g} to {high:g}, what can be there",
            reading=number,
            low=low,
            high=high,
        )
    if flaw is Flaw.RATE:
        return msg(
            "went from {before:g} to {reading:g} faster than it can",
            before=state.accepted,
            reading=number,
        )
    if flaw is Flaw.FROZEN:
        return msg(
            "has stood at {reading:g} for {minutes:.0f} min while the machine ran",
            reading=number,
            minutes=rules.frozen_s / 60.0,
        )
    return ""
