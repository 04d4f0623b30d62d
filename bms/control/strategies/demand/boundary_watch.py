"""What is known at the boundary: power, energy of the interval, forecast, the sun. Pure.

Power is a mean of a minute of values that can be. A meter that shows neither register nor power
is silent: the declared known loads stand in for the boundary as a whole, or nobody knows. Power
points are held to the registers, interval by interval: what differs for long is a wrong ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import Group
from bms.control.blocks.delays import passed_s
from bms.control.blocks.inputs.filtered import FilterState, InputRules, filter_input
from bms.control.blocks.replacing import replace
from bms.control.strategies.demand import billing_interval, boundary_account
from bms.control.strategies.demand.billing_interval import Pulse
from bms.control.strategies.demand.boundary_account import Instant, MeterSeen
from bms.control.strategies.demand.demand_parameters import LIMIT, DemandParameters
from bms.control.strategies.demand.demand_state import DemandState, IntervalBook, MonthBook
from bms.control.strategies.demand.shedding import shed_kw
from bms.core.decisions import Snapshot
from bms.core.equipment import Equipment
from drivers.points import PointId

MEAN_S: Final = 60.0
TREND_S: Final = 150.0
TREND_SHARE: Final = 0.5
"""Of a trend so much goes on, and for five minutes at most (D)."""
TREND_LASTS_S: Final = 300.0
TREND_MOST: Final = 0.1
"""Of the power: no trend adds more."""
RATIO_WEIGHT: Final = 0.3
RATIO_TOLD: Final = 0.15
RATIO_FINE: Final = 0.08
MOST_SHARE: Final = 4.0
"""Without a rating a boundary meter is believed up to so many times the limit."""
BRIDGES_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Measured:
    """The boundary at a look; None where nobody knows."""

    power_kw: float | None
    used_kwh: float
    """Of the interval so far."""
    remaining_s: float
    trend_kwh: float
    """What a trend adds until the interval's end; below 0 it takes away."""
    sun_kw: float
    limit_kw: float
    stands_in: bool
    """The sum of known loads stands in for a silent meter."""
    live: bool
    """Something can be decided on: measured, or stood in for."""


class BoundaryWatch:
    """Measures the boundary of one group."""

    def __init__(self, group: Group) -> None:
        parameters: DemandParameters = group.parameters
        self._parameters = parameters
        self._zone = ZoneInfo(group.zone)
        self._interval_s = parameters.interval_min * 60.0
        self._registers = tuple(member.points["energy"] for member in group.members)
        self._powers = tuple(member.points.get("power") for member in group.members)
        self._sun = _power_points(group, parameters.pv)
        self._known = _power_points(group, parameters.known)
        self._sync = (
            None if parameters.sync is None else group.equipment[parameters.sync].points["sync"]
        )
        self.limit_point = group.setpoint_point(LIMIT)
        largest_kw = max(
            [limit.limit_kw for limit in parameters.limits]
            + [kw for kw in (parameters.limit_kw, parameters.contract_kw) if kw is not None]
        )
        self._most_kw = tuple(_most_kw(member, largest_kw) for member in group.members)
        self._rules = tuple(
            InputRules(-most, most, 0.1, mean_s=MEAN_S, bridge_s=BRIDGES_S)
            for most in self._most_kw
        )
        self.wakes: frozenset[PointId] = frozenset(
            {
                *(point for point in self._powers if point),
                *self._registers,  # a power point may be frozen
                *((self._sync,) if self._sync else ()),
                group.mode_point,
                self.limit_point,
            }
        )
        self.reads = self.wakes | {*self._sun, *self._known}

    def wants_look(self, snapshot: Snapshot, state: DemandState) -> bool:
        """Whether the pulse has just come or gone."""
        return self._sync is not None and bool(snapshot.flag(self._sync)) != state.pulse.high

    def below(self, snapshot: Snapshot, state: DemandState, age_s: float, kw: float) -> bool:
        """Whether all power points show less than `kw` now, and what registers have counted since
        the last look, `age_s` ago, is less too: power may be frozen."""
        shown = [None if point is None else snapshot.number(point) for point in self._powers]
        counts = [snapshot.number(register) for register in self._registers]
        account = state.account
        if None in shown or None in counts or len(account.meters) != len(counts):
            return False
        counted_kwh = sum(
            now - (now if one.register is None else one.register)
            for now, one in zip(counts, account.meters, strict=True)
            if now is not None
        )
        most_kwh = kw * age_s / 3600.0 + account.count_kwh * len(counts)
        return sum(one for one in shown if one is not None) < kw and counted_kwh <= most_kwh

    def look(
        self, snapshot: Snapshot, state: DemandState, now: datetime, steps: bool
    ) -> tuple[Measured, DemandState]:
        """Measure; `steps`: own actions have just moved the power, so that it has no trend."""
        at = Instant(snapshot.steady_s, now.timestamp(), snapshot.boot)
        state, powers, stands_in, live = self._powered(snapshot, state)
        seen = [
            MeterSeen(snapshot.number(register), power, most)
            for register, power, most in zip(self._registers, powers, self._most_kw, strict=True)
        ]
        before = state.account
        account = boundary_account.book(before, seen, at, self._interval_s)
        jumped = sum(m.swaps for m in account.meters) > sum(m.swaps for m in before.meters)
        blind_s = None if live else (at.steady_s if state.blind_s is None else state.blind_s)
        state = replace(
            state,
            account=account,
            blind_s=blind_s,
            swapped_s=at.steady_s if jumped and before.meters else state.swapped_s,
        )
        total_kwh = boundary_account.kwh_of(account, seen)
        power_kw = self._power_kw(state, powers, total_kwh)
        looked_s = passed_s(state.looked_s, snapshot.watched_s)
        state = self._interval(snapshot, state, now, total_kwh, power_kw, looked_s)
        elapsed_s = at.steady_s - state.interval.begin_s
        remaining_s = max(0.0, self._interval_s - elapsed_s)
        trend_kwh = 0.0 if steps else self._trend_kwh(state, power_kw, total_kwh, remaining_s)
        shown = [snapshot.number(point) for point in self._sun]
        if shown and None not in shown:
            state = replace(state, sun_kw=max(0.0, sum(kw for kw in shown if kw is not None)))
        measured = Measured(
            power_kw,
            self._used_kwh(state, total_kwh, power_kw),
            remaining_s,
            trend_kwh,
            state.sun_kw,
            self._limit_kw(snapshot, now, elapsed_s),
            stands_in,
            live and power_kw is not None,
        )
        return measured, state

    # --- power -------------------------------------------------------------------------------

    def _powered(
        self, snapshot: Snapshot, state: DemandState
    ) -> tuple[DemandState, list[float | None], bool, bool]:
        """The power of each meter, whether known loads stand in, and whether anything is known."""
        filters = state.filters
        if len(filters) != len(self._powers):
            filters = tuple(FilterState() for _ in self._powers)
        judged = tuple(
            one
            if point is None
            else filter_input(one, rules, snapshot.samples.get(point), snapshot.watched_s)
            for one, rules, point in zip(filters, self._rules, self._powers, strict=True)
        )
        means = [
            None if point is None else one.averaged(rules).good
            for one, rules, point in zip(judged, self._rules, self._powers, strict=True)
        ]
        state = replace(state, filters=judged)
        powers: list[float | None] = [None if kw is None else kw * state.factor for kw in means]
        silent = [
            index
            for index, (register, power) in enumerate(zip(self._registers, powers, strict=True))
            if power is None and snapshot.number(register) is None
        ]
        if not silent:
            return state, powers, False, True
        known = [snapshot.number(point) for point in self._known]
        if not known or None in known:
            return state, powers, False, False
        whole_kw = sum(kw for kw in known if kw is not None) + self._parameters.known_rest_kw
        rest_kw = max(0.0, whole_kw - sum(kw for kw in powers if kw is not None))
        for index in silent:
            powers[index] = rest_kw / len(silent)
        return state, powers, True, True

    def _power_kw(
        self, state: DemandState, powers: list[float | None], total_kwh: float
    ) -> float | None:
        """The power that is bought now; where a meter shows none, by the registers."""
        known = [kw for kw in powers if kw is not None]
        if len(known) == len(powers):
            return sum(max(0.0, kw) for kw in known)
        span_s = 120.0
        count_kwh = state.account.count_kwh
        while span_s <= self._interval_s:
            found = boundary_account.mean_kw(state.account, total_kwh, span_s, 0.0)
            if found is not None and found * span_s / 3600.0 >= 5.0 * count_kwh:
                return found
            span_s *= 2.0
        return boundary_account.mean_kw(state.account, total_kwh, 120.0, 0.0)

    def _trend_kwh(
        self, state: DemandState, power_kw: float | None, total_kwh: float, remaining_s: float
    ) -> float:
        """What a rise or fall of the last minutes makes until the interval's end, damped."""
        account = state.account
        if power_kw is None:
            return 0.0
        late = boundary_account.mean_kw(account, total_kwh, TREND_S, 0.0)
        early = boundary_account.mean_kw(account, total_kwh, 2.0 * TREND_S, TREND_S)
        if late is None or early is None:
            return 0.0
        rise_kw = late - early
        if abs(rise_kw) < 0.05 * max(power_kw, 1.0):
            return 0.0
        lasts_s = min(remaining_s, TREND_LASTS_S)
        goes_kw = TREND_SHARE * rise_kw * lasts_s / TREND_S / 2.0
        goes_kw = min(max(goes_kw, -TREND_MOST * power_kw), TREND_MOST * power_kw)
        return goes_kw * remaining_s / 3600.0

    # --- interval ----------------------------------------------------------------------------

    def _limit_kw(self, snapshot: Snapshot, now: datetime, elapsed_s: float) -> float:
        award = snapshot.awards.get(self.limit_point)
        if award is not None and not isinstance(award.value, str):
            return float(award.value)
        # A second later, so that a pulse that comes a little early is of the new tariff.
        begin = now - timedelta(seconds=elapsed_s - 1.0)
        return billing_interval.limit_kw(self._parameters, begin, self._zone)

    def _used_kwh(self, state: DemandState, total_kwh: float, power_kw: float | None) -> float:
        """Of the interval so far; what was before the first mark is taken for power as it is."""
        account, begin_s = state.account, state.interval.begin_s
        first_s = account.marks[0].steady_s
        begin_kwh, _ = boundary_account.kwh_at(account, total_kwh, begin_s)
        unseen_s = max(0.0, first_s - begin_s)
        return max(0.0, total_kwh - begin_kwh) + unseen_s * (power_kw or 0.0) / 3600.0

    def _interval(
        self,
        snapshot: Snapshot,
        state: DemandState,
        now: datetime,
        total_kwh: float,
        power_kw: float | None,
        looked_s: float,
    ) -> DemandState:
        """The books of interval and month, turned over where one has ended.

        What was since the last look, `looked_s` ago, belongs to both sides of a turn.
        """
        steady_s, interval_s = snapshot.steady_s, self._interval_s
        pulse: Pulse | None = None
        if self._sync is not None:
            shown = snapshot.flag(self._sync)
            pulse = billing_interval.watch_pulse(state.pulse, shown, interval_s, steady_s)
            if pulse is not state.pulse:
                state = replace(state, pulse=pulse)
        elapsed_s = billing_interval.elapsed_s(now, self._zone, interval_s, pulse, steady_s)
        begin_s = steady_s - elapsed_s
        book = state.interval
        if book.begin_ms is None or begin_s - book.begin_s >= 0.5 * interval_s:
            book = self._since(book, state, max(0.0, looked_s - elapsed_s))
            state = self._turned(replace(state, interval=book), total_kwh, power_kw, begin_s)
            begin_ms = round((now.timestamp() - elapsed_s) * 1000)
            whole = book.begin_ms is not None and looked_s > 0.0
            book = IntervalBook(begin_ms, begin_s, whole=whole)
        elif abs(begin_s - book.begin_s) > 1.0:
            # The clock was set, or the pulse came otherwise: the account knows.
            book = replace(book, begin_s=begin_s, whole=False)
        return replace(state, interval=self._since(book, state, min(looked_s, elapsed_s)))

    def _since(self, book: IntervalBook, state: DemandState, seconds: float) -> IntervalBook:
        """The book after some seconds of power as it is."""
        shown_kw = [
            one.averaged(rules).good for one, rules in zip(state.filters, self._rules, strict=True)
        ]
        hours = seconds / 3600.0
        return replace(
            book,
            shed_kwh=book.shed_kwh + shed_kw(state.loads) * hours,
            power_kwh=book.power_kwh + sum(max(0.0, kw or 0.0) for kw in shown_kw) * hours,
            powered=book.powered and None not in shown_kw,
        )

    def _turned(
        self,
        state: DemandState,
        total_kwh: float,
        power_kw: float | None,
        end_s: float,
    ) -> DemandState:
        """The interval that has ended, entered into its month; the power points, judged by it."""
        book, hours = state.interval, self._interval_s / 3600.0
        lasted_s = end_s - book.begin_s
        if book.begin_ms is None or abs(lasted_s - self._interval_s) > 0.1 * self._interval_s:
            return state
        end_kwh, _ = boundary_account.kwh_at(state.account, total_kwh, end_s)
        kwh = max(0.0, self._used_kwh(state, total_kwh, power_kw) - max(0.0, total_kwh - end_kwh))
        begun = datetime.fromtimestamp(book.begin_ms / 1000, self._zone)
        name = f"{begun:%Y-%m}"
        month = state.month if state.month.month == name else MonthBook(name)
        month = MonthBook(
            name,
            max(month.peak_kw, kwh / hours),
            max(month.without_kw, (kwh + book.shed_kwh) / hours),
        )
        factor, doubts = state.factor, state.power_doubts
        if book.whole and book.powered and state.blind_s is None and kwh > 0.0:
            counts = kwh >= 10.0 * state.account.count_kwh
            if counts and book.power_kwh > 0.1 * kwh:
                ratio = min(max(kwh / book.power_kwh, 0.1), 10.0)
                factor += RATIO_WEIGHT * (ratio - factor)
                apart = abs(factor - 1.0)
                doubts = doubts + 1 if apart > RATIO_TOLD else 0 if apart < RATIO_FINE else doubts
        return replace(state, month=month, factor=factor, power_doubts=doubts)


def _power_points(group: Group, names: list[str]) -> tuple[PointId, ...]:
    return tuple(group.equipment[name].points["power"] for name in names)


def _most_kw(meter: Equipment, largest_kw: float) -> float:
    return 1.5 * meter.rated_kw if meter.rated_kw is not None else MOST_SHARE * largest_kw
