"""How many units: by the pressure, where it is going, what they give, and the schedule's cap. Pure.

Control reference, 6: one more when the pressure is below the band for 20 s or will be within 30 s;
one fewer when the trim unit has less than 20 % to do for 5 min and the others can give a unit more
than they do. Where no load is known, one fewer when the pressure has been above the band for 5 min.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bms.control.blocks.delays import held_for, holds_since
from bms.control.engine.states import Words
from bms.control.strategies.compressed_air.air_units import UNLOADED_PCT, AirUnit
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import (
    CompressorState,
    CountTimers,
    Look,
)
from bms.texts.messages import msg

CRITICAL_FOR_S: Final = 60.0
"""Below the critical pressure for this long, the cap is released (control reference, 6)."""
FULL_SHARE: Final = 0.9
"""What is left has to do the work with no more than this share of what it can give (D): else the
next gust of demand starts again what has just been stopped."""
HOLD_S: Final = 300.0
"""With no pressure, units stay as they are for so long (control reference, 7); then they go by
their own pressure switches."""
FULL_PCT: Final = 95.0
FULL_FOR_S: Final = 60.0
"""With no pressure: all that run show more than that for so long, and another one joins them."""
LOADED_SHARE: Final = 0.5
STILL_S: Final = 600.0
"""A unit may pause by itself; one that should run and stands for so long beside others that are
loaded is not ready, or set to a lower band than they are (D)."""
EFFECT_S: Final = 30.0
"""A unit that was just told to run has had no effect before that: no projection counts (D)."""


@dataclass(frozen=True, slots=True)
class Work:
    """What units give together, in the unit of their sizes."""

    given: float
    can: float

    @property
    def share(self) -> float:
        """Of what they can give."""
        return self.given / self.can if self.can > 0.0 else 0.0


def work_of(
    units: Mapping[str, AirUnit], loads: Mapping[str, float | None], names: Sequence[str]
) -> Work | None:
    """What these give; None where one that runs does not say."""
    given = can = 0.0
    for name in names:
        load = loads[name]
        if load is None:
            return None
        given += load * units[name].size
        can += units[name].size
    return Work(given, can)


@dataclass(frozen=True, slots=True)
class Counted:
    """The state with its timers, and the number of units that it asks for."""

    state: CompressorState
    count: int
    urgent: bool = False
    """The pressure falls so fast that the largest unit is needed."""
    superfluous: str = ""
    """The unit that has to go, where it is one of them."""


class UnitCount:
    """The number of units of one station."""

    def __init__(self, units: Mapping[str, AirUnit], parameters: CompressorParameters) -> None:
        self._units = units
        self._parameters = parameters

    def least(self, cap: int) -> int:
        """A cap below `min_units` counts; else, once released, it could never be in force again."""
        return min(self._parameters.min_units, cap)

    def limit(self, state: CompressorState, cap: int) -> int:
        """How many may run."""
        return len(self._units) if state.cap_released else cap

    def timed(self, state: CompressorState, look: Look, work: Work | None) -> CompressorState:
        """The state with what has begun or ended to hold."""
        now_s, kpa = look.watched_s, state.pressure.kpa
        known = kpa is not None
        p = 0.0 if kpa is None else kpa
        roomy = known and p >= self._parameters.low_kpa and self._roomy(work, state.wanted)
        full = not known and work is not None and work.share >= FULL_PCT / 100.0
        before = state.timers
        low_kpa, least_kpa = self._parameters.low_kpa, self._parameters.least_kpa
        timers = CountTimers(
            holds_since(known and p < low_kpa, before.low_s, now_s),
            holds_since(known and p > self._parameters.high_kpa, before.high_s, now_s),
            holds_since(roomy, before.roomy_s, now_s),
            holds_since(known and p < least_kpa, before.critical_s, now_s),
            holds_since(full, before.full_s, now_s),
            before.changed_s,
        )
        unloaded: dict[str, float] = {}
        for name in state.wanted:
            load = look.loads[name]
            if load is not None and load < UNLOADED_PCT / 100.0:
                unloaded[name] = state.unloaded_s.get(name, now_s)
        loaded = any(load is not None and load >= LOADED_SHARE for load in look.loads.values())
        still = {
            name: state.still_s.get(name, now_s)
            for name in state.wanted
            if loaded and look.views[name].running is False
        }
        if (timers, unloaded, still) == (before, state.unloaded_s, state.still_s):
            return state
        return replace(state, timers=timers, unloaded_s=unloaded, still_s=still)

    def _roomy(self, work: Work | None, wanted: Sequence[str]) -> bool:
        """Whether one of the units is too many, by what they and those that still run give."""
        if work is None or len(wanted) < 2:
            return False
        sizes = [self._units[name].size for name in wanted]
        can, largest = sum(sizes), max(sizes)
        # However they share the work: with the others full, so much is left for the trim unit.
        left = work.given - (can - largest)
        trims = left < self._parameters.trim_pct / 100.0 * largest
        return trims and work.given <= FULL_SHARE * (can - min(sizes))

    def counted(self, state: CompressorState, look: Look, work: Work | None) -> Counted:
        """The number of units asked for. Each change restarts its delay.

        A released cap is in force again once the pressure has shed the units above it.
        """
        now_s, cap, count = look.watched_s, look.cap, len(state.wanted)
        whole = len(self._units)
        if held_for(state.timers.critical_s, CRITICAL_FOR_S, now_s) and not state.cap_released:
            if count >= cap and cap < whole:
                released = replace(state, cap_released=True)
                return Counted(_changed(released, now_s, self._low(state)), count + 1, urgent=True)
        elif state.cap_released and state.timers.critical_s is None and count <= cap:
            state = replace(state, cap_released=False)
        limit = self.limit(state, cap)
        if state.pressure.kpa is None:
            return self._blind(state, look, count, limit)
        why, urgent = self._more(state, now_s)
        if why and count < limit:
            return Counted(_changed(state, now_s, why), count + 1, urgent)
        if count > self.least(cap):
            why, name = self._fewer(state, look, work)
            if why:
                return Counted(_changed(state, now_s, why), count - 1, superfluous=name)
        return Counted(state, count)

    def _more(self, state: CompressorState, now_s: float) -> tuple[Words, bool]:
        """Why another unit is needed, and whether fast; empty if it is not."""
        parameters, timers = self._parameters, state.timers
        falls = state.pressure.falls_kpa_s(now_s)
        kpa = state.pressure.kpa or 0.0
        fast = kpa - 2.0 * parameters.ahead_s * falls < parameters.least_kpa
        urgent = falls > 0.0 and fast
        if held_for(timers.low_s, parameters.add_delay_s, now_s):
            return self._low(state), urgent
        settled = timers.changed_s is None or held_for(timers.changed_s, EFFECT_S, now_s)
        if falls > 0.0 and parameters.ahead_s > 0.0 and settled:
            projected_kpa = kpa - parameters.ahead_s * falls
            if projected_kpa < parameters.low_kpa:
                text = msg(
                    "one more: {kpa:.0f} kPa falls by {kpa_s:.1f} kPa/s, below {low_kpa:g} kPa "
                    "within {ahead_s:g} s",
                    kpa=kpa,
                    kpa_s=falls,
                    low_kpa=parameters.low_kpa,
                    ahead_s=parameters.ahead_s,
                )
                return text, urgent
        return "", False

    def _low(self, state: CompressorState) -> Words:
        return msg(
            "one more: {kpa:.0f} kPa, below {low_kpa:g} kPa for {delay_s:g} s",
            kpa=state.pressure.kpa or 0.0,
            low_kpa=self._parameters.low_kpa,
            delay_s=self._parameters.add_delay_s,
        )

    def _fewer(self, state: CompressorState, look: Look, work: Work | None) -> tuple[Words, str]:
        """Why a unit is too many, and which where it is a certain one; empty if none is."""
        parameters, timers, now_s = self._parameters, state.timers, look.watched_s
        for name, since_s in state.unloaded_s.items():
            low = timers.low_s is not None
            if not low and held_for(since_s, parameters.unloaded_stop_s, now_s):
                text = msg("one fewer: {unit} unloaded for {minutes:g} min", unit=name,
                           minutes=parameters.unloaded_stop_s / 60.0)  # fmt: skip
                return text, name
        if work is not None and held_for(timers.roomy_s, parameters.shed_delay_s, now_s):
            text = msg(
                "one fewer: {units} units give {share_pct:.0f} % of what they can for {delay_s:g} "
                "s, one is too many",
                units=len(state.wanted),
                share_pct=100.0 * work.share,
                delay_s=parameters.shed_delay_s,
            )
            return text, ""
        high = held_for(timers.high_s, parameters.shed_delay_s, now_s)
        if high and not self._all_needed(work, state.wanted):
            text = msg(
                "one fewer: {kpa:.0f} kPa, above {high_kpa:g} kPa for {delay_s:g} s",
                kpa=state.pressure.kpa or 0.0,
                high_kpa=parameters.high_kpa,
                delay_s=parameters.shed_delay_s,
            )
            return text, ""
        return "", ""

    def _all_needed(self, work: Work | None, wanted: Sequence[str]) -> bool:
        """Whether the others cannot do the work of one: a high pressure is their own set point."""
        if work is None or not wanted:
            return False
        sizes = [self._units[name].size for name in wanted]
        return work.given > sum(sizes) - min(sizes)

    # --- without a pressure ------------------------------------------------------------------

    def _blind(self, state: CompressorState, look: Look, count: int, limit: int) -> Counted:
        """With no pressure nothing is shed; after a while the units' own switches are trusted,
        with so many of them on that these have something to start."""
        now_s = look.watched_s
        if not held_for(state.pressure.bad_since_s, HOLD_S, now_s):
            return Counted(state, count)
        if not self._shows(look) and count < limit:
            text = msg("no pressure and no load is known: all units by their own switches")
            return Counted(_changed(state, now_s, text), limit)
        if held_for(state.timers.full_s, FULL_FOR_S, now_s):
            if count < limit:
                text = msg("one more: no pressure is known, and all that run are at full load")
                return Counted(_changed(state, now_s, text), count + 1)
            if count < len(self._units) and not state.cap_released:
                text = msg("no pressure is known, and all that may run are at full load")
                return Counted(_changed(replace(state, cap_released=True), now_s, text), count + 1)
        return Counted(state, count)

    def _shows(self, look: Look) -> bool:
        """Whether anything is read of what the units do."""
        points = (p for unit in self._units.values() for p in (unit.load, unit.power))
        return any(p is not None and look.snapshot.number(p) is not None for p in points)


def _changed(state: CompressorState, now_s: float, why: Words) -> CompressorState:
    """After the number has changed its delays begin again, and so does what is projected."""
    timers = replace(
        state.timers,
        low_s=_again(state.timers.low_s, now_s),
        high_s=_again(state.timers.high_s, now_s),
        roomy_s=_again(state.timers.roomy_s, now_s),
        full_s=_again(state.timers.full_s, now_s),
        changed_s=now_s,
    )
    pressure = replace(state.pressure, fall=()) if state.pressure.fall else state.pressure
    return replace(state, timers=timers, pressure=pressure, why=why, unloaded_s={})


def _again(since_s: float | None, now_s: float) -> float | None:
    return None if since_s is None else now_s
