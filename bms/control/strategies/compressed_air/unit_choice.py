"""Which units: those that run stay, the least run start, the best at part load trims. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.machines.chooser import Demand, Unit, best
from bms.control.blocks.machines.lead_lag import Candidate, RunRecord, make_up
from bms.control.blocks.machines.start_proof import STILL
from bms.control.engine.states import Words
from bms.control.strategies.compressed_air.air_units import AirLayout, AirUnit, UnitView, trims
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import CompressorState, Look
from bms.control.strategies.compressed_air.unit_count import FULL_SHARE, Counted, Work
from bms.texts.messages import msg

TRADE_S: Final = 900.0
"""Another set of units has done with less for so long before it takes over (D)."""
TRADE_HOLD_S: Final = 3600.0
"""Nothing else has changed for so long: a trade is for the sake of power alone."""
SETTLED_S: Final = 900.0
"""Who leads is asked again at least so often."""
TRADE_SHARE: Final = 0.9
"""It has to be smaller by a tenth."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The units that run, lead first, and those that stay until these show that they run."""

    wanted: tuple[str, ...]
    leaving: tuple[str, ...]
    trade_s: float | None = None
    why: Words = ""
    """Why they change, where it is not for their number."""


class UnitChoice:
    """Makes up the set of a station."""

    def __init__(self, layout: AirLayout, parameters: CompressorParameters) -> None:
        self._units = layout.units
        self._alike = layout.alike
        self._parameters = parameters
        self._trims = trims(layout, parameters)

    def trim_of(self, wanted: Sequence[str]) -> str:
        """The unit that trims: the first choice of those that run, else the largest, the last of
        them. Empty if none runs."""
        for name in self._trims:
            if name in wanted:
                return name
        if not wanted:
            return ""
        most = max(self._units[name].size for name in wanted)
        return [name for name in wanted if self._units[name].size == most][-1]

    def settled_until_s(self, state: CompressorState, look: Look) -> float:
        """Until when the units stay these, if their number does and nothing about them changes."""
        now_s = look.watched_s
        if state.leaving or state.trade_s is not None or not self._alike:
            return now_s
        return now_s + min(SETTLED_S, 3600.0 * self.rests_for_h(state, look))

    def choose(
        self, state: CompressorState, look: Look, counted: Counted, work: Work | None
    ) -> Chosen:
        """The units for a number of them. What a person runs counts as one of them."""
        views, count = look.views, counted.count
        manual = [name for name, view in views.items() if view.manual]
        free = {
            name: self._able(state, name, view)
            for name, view in views.items()
            if name not in manual
        }
        kept = [name for name in state.wanted if free.get(name)]
        size = max(0, count - len(manual))
        found = self._made_up(state, look, counted, kept, free, size, work)
        wanted = (*manual, *found)
        spare = [name for name, able in free.items() if able and name not in found]
        leaving = [n for n in state.leaving if free.get(n) and n not in wanted]
        why: Words = ""
        trade_s = None
        if spare and found and not counted.superfluous and count == len(state.wanted):
            relief = self._relief(state, wanted, found, spare)
            if relief:
                wanted, gone, why = relief
                leaving.append(gone)
            else:
                trade_s = holds_since(
                    (other := self._trade(state, look, wanted, spare, work)) is not None,
                    state.trade_s,
                    look.watched_s,
                )
                if other is not None and held_for(trade_s, TRADE_S, look.watched_s):
                    leaving += [name for name in wanted if name not in other]
                    why = msg("{units} do the work with less", units=", ".join(other))
                    wanted, trade_s = other, None
        return Chosen(wanted, self._staying(look, state, wanted, leaving), trade_s, why)

    def _able(self, state: CompressorState, name: str, view: UnitView) -> bool:
        return view.available and state.proofs.get(name, STILL).available

    def _made_up(
        self,
        state: CompressorState,
        look: Look,
        counted: Counted,
        kept: list[str],
        free: Mapping[str, bool],
        size: int,
        work: Work | None,
    ) -> list[str]:
        """The units besides those that people run, lead first."""
        if counted.superfluous in kept and len(kept) > size:
            kept.remove(counted.superfluous)
        if len(kept) > size and not self._alike:
            kept = self._without(state.record, kept, size, work)
        # One that was told to stop and has not done so yet needs no start.
        running = [n for n, view in look.views.items() if view.running and free.get(n)]
        on = {*kept} if len(kept) >= size else {*kept, *running}
        if len(kept) < size and not self._alike:
            kept = self._with(state.record, kept, free, on, size, counted.urgent)
            on |= {*kept}
        candidates = [
            Candidate(
                name,
                name in on,
                able and name != counted.superfluous,
                state.proofs.get(name, STILL).failed_s,
                self._units[name].stands_by_for,
            )
            for name, able in free.items()
            if self._alike or len(kept) < size or name in kept
        ]
        found = list(make_up(candidates, state.record, size))
        # Who leads goes on leading: what is on is not sorted anew by its hours.
        order = {name: place for place, name in enumerate(kept)}
        return sorted(found, key=lambda name: order.get(name, len(order)))

    def _without(
        self, record: RunRecord, kept: Sequence[str], size: int, work: Work | None
    ) -> list[str]:
        """Unlike units: the largest one goes whose work the others can do; among equals the one
        that has run most. The trim unit goes last."""
        left = list(kept)
        while len(left) > size:
            trim = self.trim_of(left)
            can = sum(self._units[name].size for name in left)
            given = 0.0 if work is None else work.given
            fits = [n for n in left if given <= FULL_SHARE * (can - self._units[n].size)]
            pool = [n for n in fits if n != trim] or [n for n in left if n != trim] or left
            key = {n: (self._units[n].size, record.of(n).staging_h) for n in pool}
            # Where none fits, as under a cap, the smallest one goes.
            gone = max(pool, key=lambda n: key[n]) if fits else min(pool, key=lambda n: key[n][0])
            left.remove(gone)
        return left

    def _with(
        self,
        record: RunRecord,
        kept: Sequence[str],
        free: Mapping[str, bool],
        on: Collection[str],
        size: int,
        urgent: bool,
    ) -> list[str]:
        """Unlike units: the smallest one comes first, in a hurry the largest; what runs already
        before both, and what stands by last."""
        left = list(kept)
        spare = [n for n, able in free.items() if able and n not in left]
        sign = -1.0 if urgent else 1.0

        def rank(name: str) -> tuple[bool, bool, float, float]:
            unit = self._units[name]
            hours = record.of(name).staging_h
            return name not in on, bool(unit.stands_by_for), sign * unit.size, hours

        return [*left, *sorted(spare, key=rank)[: max(0, size - len(left))]]

    def _calm(self, state: CompressorState) -> bool:
        """Enough pressure to do without a unit while another starts."""
        kpa = state.pressure.kpa
        return kpa is not None and kpa >= self._parameters.middle_kpa

    def _relief(
        self,
        state: CompressorState,
        wanted: tuple[str, ...],
        found: Sequence[str],
        spare: Sequence[str],
    ) -> tuple[tuple[str, ...], str, Words] | None:
        """The units after the most run of them has handed over to one like it that has rested."""
        if not self._calm(state) or state.leaving:
            return None
        hours = {name: state.record.of(name).staging_h for name in (*found, *spare)}
        pairs = [
            (hours[one] - hours[other], one, other)
            for one in found
            for other in spare
            if self._units[one].size == self._units[other].size
            and not self._units[other].stands_by_for
        ]
        if not pairs:
            return None
        ahead_h, most, least = max(pairs, key=lambda pair: pair[0])
        # Sums of long steps and of short ones differ in their last digit.
        if round(ahead_h, 6) < self._parameters.rotate_h:
            return None
        why = msg("{unit} relieves {other_unit}, which has run {hours:.0f} h more", unit=least,
                  other_unit=most, hours=ahead_h)  # fmt: skip
        return tuple(least if name == most else name for name in wanted), most, why

    def rests_for_h(self, state: CompressorState, look: Look) -> float:
        """How many hours of running the next relief is away; infinite without one."""
        away = [
            self._parameters.rotate_h
            - (state.record.of(one).staging_h - state.record.of(other).staging_h)
            for one in state.wanted
            for other, view in look.views.items()
            if other not in state.wanted
            and self._able(state, other, view)
            and self._units[one].size == self._units[other].size
        ]
        return max(0.0, min(away, default=float("inf")))

    def _trade(
        self,
        state: CompressorState,
        look: Look,
        wanted: tuple[str, ...],
        spare: Sequence[str],
        work: Work | None,
    ) -> tuple[str, ...] | None:
        """A smaller set of unlike units that does what these do; None if there is none."""
        if self._alike or work is None or not self._calm(state) or state.leaving:
            return None
        if not held_for(state.timers.changed_s, TRADE_HOLD_S, look.watched_s):
            return None
        hours = state.record.of
        names = sorted({*wanted, *spare}, key=lambda name: hours(name).staging_h)
        pool = [
            Unit(name, unit.size, share=FULL_SHARE, kept=look.views[name].manual)
            for name in names
            if not (unit := self._units[name]).stands_by_for or name in wanted
        ]
        choice = best(pool, Demand(work.given), wanted)
        if choice is None or not choice.feasible:
            return None
        fits = self._parameters.min_units <= len(choice.names) <= max(len(wanted), look.cap)
        if not fits or choice.capacity_kw > TRADE_SHARE * work.can:
            return None
        return (*[n for n in wanted if n in choice.names],
                *[n for n in choice.names if n not in wanted])  # fmt: skip

    def _staying(
        self,
        look: Look,
        state: CompressorState,
        wanted: tuple[str, ...],
        leaving: Sequence[str],
    ) -> tuple[str, ...]:
        """Those that run on until all that are wanted run, as far as the cap has room for them."""
        if not leaving or all(look.views[name].running is not False for name in wanted):
            return ()
        room = (len(self._units) if state.cap_released else look.cap) - len(wanted)
        return tuple(leaving[: max(0, room)])


def with_units(state: CompressorState, chosen: Chosen) -> CompressorState:
    """The state with the units that were chosen; the same object if they are the same."""
    same = (chosen.wanted, chosen.leaving, chosen.trade_s) == (
        state.wanted, state.leaving, state.trade_s,
    )  # fmt: skip
    if same:
        return state
    return replace(
        state,
        wanted=chosen.wanted,
        leaving=chosen.leaving,
        trade_s=chosen.trade_s,
        why=chosen.why or state.why,
    )


def unseen(units: Mapping[str, AirUnit]) -> tuple[AirUnit, ...]:
    """Units that nothing but the pressure shows."""
    return tuple(unit for unit in units.values() if unit.runs is None)
