"""Requests: how urgently what is served asks for more, counted and weighed. Pure.

Control reference, 3 "Requests" (Guideline 36, 5.6.8, 5.16.16, 5.22.8): an error that lasts makes 3
or 2 requests, a valve or damper that is almost open makes 1 until it has closed a little. Errors
are positive when too little is given, whatever is asked for. Importance multiplies what a zone
asks for; a zone that asks nearly always (a broken valve, a window, too small a unit) would hold a
plant at its limit for ever: it is left out and listed (5.1.14: 70 % of its time and 40 hours; R).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from bms.control.blocks.delays import held_for, holds_since, later, passed_s, soonest


@dataclass(frozen=True, slots=True)
class RequestRules:
    """When one zone or unit asks. Errors in the unit of the input, valves in percent."""

    high: float | None = None
    """An error from here makes 3 requests; None: errors do not count."""
    middle: float | None = None
    """An error from here makes 2."""
    lasting_s: float = 120.0
    hysteresis: float = 0.2
    """A request ends when the error is so far below its limit (D)."""
    open_pct: float = 95.0
    closed_pct: float = 85.0
    """Above `open_pct` makes 1 request until below `closed_pct`."""
    only_open: bool = False
    """An error counts only while the valve or damper is above `open_pct`."""


SUPPLY_AIR_TO_RESET = RequestRules(3.0, 2.0)
"""An air handler asks the plant for colder (or warmer) water: kelvin of supply air."""
PLANT = RequestRules(closed_pct=10.0)
"""A valve asks for the plant to run at all."""
FAN_COIL = RequestRules(5.56, 2.78, 300.0)
"""A fan coil asks the plant for colder (or warmer) water: kelvin of the zone."""
ZONE_TO_SUPPLY_AIR = RequestRules(3.0, 2.0)
"""A zone asks its air handler for colder air: kelvin of the zone, cooling loop as the valve."""
STATIC_PRESSURE = RequestRules(50.0, 30.0, 60.0, 5.0, only_open=True)
"""A terminal asks for more pressure (Guideline 36, 5.6.8.2; R): by how many percent its flow is
short of its setpoint, with its damper open."""


@dataclass(frozen=True, slots=True)
class RequestState:
    """What one requester remembers."""

    requests: int = 0
    high_since_s: float | None = None
    middle_since_s: float | None = None
    valve_open: bool = False


SILENT = RequestState()
"""Asks for nothing: what is off, or not served now."""


def count_requests(
    state: RequestState,
    rules: RequestRules,
    error: float | None,
    valve_pct: float | None,
    watched_s: float,
) -> RequestState:
    """The requests of one zone or unit at a look. An input that is None asks nothing."""
    valve_open = valve_pct is not None and (
        valve_pct >= rules.closed_pct if state.valve_open else valve_pct > rules.open_pct
    )
    counts = error is not None and (valve_open or not rules.only_open)
    high = counts and _reached(error, rules.high, rules, state.high_since_s)
    middle = counts and _reached(error, rules.middle, rules, state.middle_since_s)
    high_since_s = holds_since(high, state.high_since_s, watched_s)
    middle_since_s = holds_since(middle or high, state.middle_since_s, watched_s)
    if held_for(high_since_s, rules.lasting_s, watched_s):
        requests = 3
    elif held_for(middle_since_s, rules.lasting_s, watched_s):
        requests = 2
    else:
        requests = int(valve_open)
    after = RequestState(requests, high_since_s, middle_since_s, valve_open)
    return state if after == state else after


def request_due_s(state: RequestState, rules: RequestRules, watched_s: float) -> float | None:
    """Until when the requests stand if the inputs do; None: for ever."""
    return soonest(
        watched_s,
        later(state.high_since_s, rules.lasting_s),
        later(state.middle_since_s, rules.lasting_s),
    )


def _reached(
    error: float | None, limit: float | None, rules: RequestRules, since_s: float | None
) -> bool:
    if error is None or limit is None:
        return False
    return error > limit - rules.hysteresis if since_s is not None else error >= limit


@dataclass(frozen=True, slots=True)
class Quiet:
    """After a new setpoint, an error is no request for a while (Guideline 36, 5.1.20)."""

    setpoint: float | None = None
    until_s: float | None = None


QUIET_S_PER_K = 540.0
QUIET_AT_MOST_S = 1800.0


def quiet_after(state: Quiet, setpoint: float, watched_s: float) -> Quiet:
    """The silence at a look: 9 min for each kelvin of change, 30 min at most."""
    if state.setpoint == setpoint or state.setpoint is None:
        return state if state.setpoint == setpoint else Quiet(setpoint)
    lasts_s = min(abs(setpoint - state.setpoint) * QUIET_S_PER_K, QUIET_AT_MOST_S)
    ends_s = watched_s + lasts_s
    if state.until_s is not None:
        ends_s = max(ends_s, min(state.until_s, watched_s + QUIET_AT_MOST_S))
    return Quiet(setpoint, ends_s)


def is_quiet(state: Quiet, watched_s: float) -> bool:
    """Whether errors ask nothing now: pass None as the error."""
    return state.until_s is not None and watched_s < state.until_s <= watched_s + QUIET_AT_MOST_S


@dataclass(frozen=True, slots=True)
class RogueRules:
    """When a zone is left out. Times in hours that it was served; shares in percent."""

    share_pct: float = 70.0
    least_h: float = 40.0
    back_pct: float = 50.0
    """It counts again once its share is below this."""
    memory_h: float = 168.0
    """What is older counts ever less: a zone that was repaired comes back (D)."""
    most_share_pct: float = 34.0
    """If more of the zones than this ask nearly always, the plant is short, not the zones: all
    of them count (D)."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How much of its time one zone asked, as far as it is remembered."""

    served_h: float = 0.0
    asked_h: float = 0.0
    rogue: bool = False

    @property
    def share_pct(self) -> float:
        """Of the time it was served."""
        return 100.0 * self.asked_h / self.served_h if self.served_h else 0.0


@dataclass(frozen=True, slots=True)
class RogueState:
    """The record of every zone by name, and the last look."""

    zones: Mapping[str, Asking] = field(default_factory=dict)
    watched_s: float | None = None


NO_ROGUES = RogueState()
RECORDED_EVERY_S = 60.0
"""The record goes on so often: it counts hours."""


def watch_rogues(
    state: RogueState, rules: RogueRules, requests: Mapping[str, int], watched_s: float
) -> RogueState:
    """The record at a look. `requests` has every zone that is served now, also those with 0."""
    step_s = passed_s(state.watched_s, watched_s)
    if state.watched_s is not None and 0.0 <= watched_s - state.watched_s < RECORDED_EVERY_S:
        return state
    zones = dict(state.zones)
    step_h = step_s / 3600.0
    kept = math.exp(-step_h / rules.memory_h)
    for name, count in requests.items():
        before = zones.get(name) or Asking()
        served_h = before.served_h * kept + step_h
        asked_h = before.asked_h * kept + (step_h if count else 0.0)
        share_pct = 100.0 * asked_h / served_h if served_h else 0.0
        if before.rogue:
            rogue = share_pct >= rules.back_pct
        else:
            rogue = share_pct > rules.share_pct and asked_h >= rules.least_h
        zones[name] = Asking(served_h, asked_h, rogue)
    return RogueState(zones, watched_s)


def rogues(state: RogueState) -> tuple[str, ...]:
    """The zones that ask nearly always, by name: for a list that people read."""
    return tuple(sorted(name for name, zone in state.zones.items() if zone.rogue))


def left_out(state: RogueState, rules: RogueRules, zones: Collection[str]) -> frozenset[str]:
    """Those of the zones whose requests do not count now."""
    found = frozenset(name for name in zones if name in state.zones and state.zones[name].rogue)
    return found if len(found) * 100.0 <= rules.most_share_pct * len(zones) else frozenset()


def total_requests(
    requests: Mapping[str, int],
    importance: Mapping[str, float] | None = None,
    without: Collection[str] = (),
) -> float:
    """All requests, each times the importance of its zone (1 where none is given)."""
    weights = importance or {}
    return sum(
        count * weights.get(name, 1.0) for name, count in requests.items() if name not in without
    )
