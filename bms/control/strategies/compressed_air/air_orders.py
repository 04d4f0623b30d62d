"""What a station of compressors commands, tells and reports. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bms.config.site import Group
from bms.control.blocks.delays import held_for
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.control.strategies.compressed_air.air_units import AirLayout
from bms.control.strategies.compressed_air.compressor_parameters import CompressorParameters
from bms.control.strategies.compressed_air.compressor_state import CompressorState, Look
from bms.control.strategies.compressed_air.dryers_follow import DryersFollow
from bms.control.strategies.compressed_air.header_pressure import HeaderPressure
from bms.control.strategies.compressed_air.leak_indicator import leaks
from bms.control.strategies.compressed_air.unit_count import CRITICAL_FOR_S, HOLD_S, STILL_S
from bms.control.strategies.fact_names import STAGE
from bms.core.decisions import Command, Condition, Fact, Priority, Severity
from bms.texts.messages import Message, joined, msg
from drivers.points import PointId, Quality, Value

INPUT_ALARM_AFTER_S: Final = 10.0
"""A bad pressure falls back at once; it is an alarm once it lasts."""
LEAK_FLOW: Final = "leak_flow_m3h"
"""The mean of the least hour of seven days."""
LEAK_SHARE: Final = "leak_share_pct"
"""The same, of the mean of the seven days."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What commands are made of."""

    look: Look
    state: CompressorState
    trim: str
    dryers: tuple[str, ...]

    @property
    def blind(self) -> bool:
        """The units go by their own pressure switches."""
        return held_for(self.state.pressure.bad_since_s, HOLD_S, self.look.watched_s)

    def key(self) -> object:
        """Commands are the same for as long as this is."""
        state, look = self.state, self.look
        return (
            state.on, state.wanted, state.leaving, state.cap_released, state.why, look.mode,
            look.cap_award, self.trim, self.dryers, self.blind, round(state.speed.output_pct),
        )  # fmt: skip


class AirOrders:
    """Speaks for one station."""

    def __init__(
        self,
        group: Group,
        layout: AirLayout,
        pressure: HeaderPressure,
        dryers: DryersFollow,
        source: str,
    ) -> None:
        self._group = group
        self._parameters: CompressorParameters = group.parameters
        self._units = layout.units
        self._others = layout.others
        self._pressure = pressure
        self._dryers = dryers
        self._source = source
        self._flows = all(unit.flow_m3h for unit in self._units.values()) or (
            "flow" in group.equipment[self._parameters.header].points
        )
        enables = {unit.enable for unit in self._units.values()}
        held: set[PointId] = set()
        if self._parameters.regulate:
            points = [p for unit in self._units.values() for p in (unit.setpoint, unit.speed)]
            held = {point for point in points if point is not None}
        self.writes = frozenset(enables | held | {*self._others, *dryers.enables.values()})
        self._facts: tuple[object, tuple[Fact, ...]] = (None, ())

    # --- commands ----------------------------------------------------------------------------

    def commands(self, ordered: Ordered) -> tuple[Command, ...]:
        """All of them."""
        return tuple(
            Command(
                point=point,
                value=value,
                priority=Priority.SEQUENCE,
                source=self._source,
                reason=reason,
            )
            for point, value, reason in self._wishes(ordered)
        )

    def _wishes(self, ordered: Ordered) -> Iterator[tuple[PointId, Value, Words]]:
        state, look = ordered.state, ordered.look
        plain = groups.because(msg("group {mode}", mode=look.mode.value), look.mode)
        reason = self._reason(ordered, plain) if state.on else plain
        for name, unit in self._units.items():
            on = name in state.wanted or name in state.leaving
            text = joined(": ", self._place(ordered, name), reason) if state.on else plain
            yield unit.enable, int(on), text
            if self._parameters.regulate and state.on:
                if unit.setpoint is not None:
                    yield unit.setpoint, self._held_kpa(ordered, name), text
                if unit.speed is not None:
                    yield unit.speed, self._speed_pct(ordered, name), text
        running = len(state.wanted) + len(state.leaving)
        for name, enable in self._dryers.enables.items():
            text = plain
            if state.on:
                text = msg("{dryers} of {all_dryers} dryers for {units} units, {reason}",
                           dryers=len(ordered.dryers), all_dryers=len(self._dryers.enables),
                           units=running, reason=plain)  # fmt: skip
            yield enable, int(name in ordered.dryers), text
        for point in self._others:
            yield point, int(state.on), plain

    def _place(self, ordered: Ordered, name: str) -> Words:
        state = ordered.state
        if name in state.leaving:
            return msg("runs on until the next one does")
        if name not in state.wanted:
            return msg("standby")
        index = state.wanted.index(name) + 1
        if len(state.wanted) > 1 and name == ordered.trim:
            return msg("place {index} in the order, trims", index=index)
        return msg("place {index} in the order", index=index)

    def _reason(self, ordered: Ordered, plain: Words) -> Words:
        state, look = ordered.state, ordered.look
        units = len(state.wanted)
        text = msg("{units} of at most {cap} units", units=units, cap=look.cap)
        if state.cap_released:
            text = msg(
                "{units} units, cap of {cap} released for lack of pressure",
                units=units,
                cap=look.cap,
            )
        elif look.cap_award is not None:
            text = groups.because(text, look.cap_award)
        parts = [text, state.why, plain] if state.why else [text, plain]
        return joined("; ", *parts)

    def _held_kpa(self, ordered: Ordered, name: str) -> float:
        """The set point of a unit that regulates by itself."""
        parameters, wanted = self._parameters, ordered.state.wanted
        if ordered.blind and name in wanted:
            # Its place in the cascade: the lead loads first and unloads last.
            step_kpa = (parameters.high_kpa - parameters.low_kpa) / max(1, len(wanted))
            return round(parameters.high_kpa - step_kpa * wanted.index(name), 1)
        base = name in wanted and name != ordered.trim
        return parameters.high_kpa if base else parameters.middle_kpa

    def _speed_pct(self, ordered: Ordered, name: str) -> float:
        if name == ordered.trim and not ordered.blind:
            return float(round(ordered.state.speed.output_pct))
        return 100.0

    # --- facts -------------------------------------------------------------------------------

    def facts(self, state: CompressorState) -> tuple[Fact, ...]:
        """How many units, and what leaks; the same tuple while it is the same."""
        key = (len(state.wanted), state.leaks.hours)
        if self._facts[0] == key:
            return self._facts[1]
        found = leaks(state.leaks)
        unknown = msg("not a day of flow is known yet")
        told = [Fact(self._group.fact_point(STAGE), float(len(state.wanted)))]
        names = [(LEAK_SHARE, None if found is None else round(found.share_pct, 1))]
        if self._flows:
            names.append((LEAK_FLOW, None if found is None else round(found.least, 1)))
        for name, number in names:
            point = self._group.fact_point(name)
            if number is None:
                told.append(Fact(point, None, Quality.BAD, unknown))
            else:
                told.append(Fact(point, number))
        self._facts = (key, tuple(told))
        return self._facts[1]

    # --- what is wrong -----------------------------------------------------------------------

    def conditions(self, ordered: Ordered, usable: bool) -> tuple[Condition, ...]:
        """What is wrong with the station now."""
        found = [*self.faults(ordered.look)]
        found += self._about_pressure(ordered)
        group = self._group.id
        if not usable:
            text = msg("{group} is on and no compressor can run", group=group)
            found.append(Condition(f"{group}:no-compressor", Severity.CRITICAL, text))
        found += self._standing(ordered)
        if self._dryers.enables and ordered.state.on and not ordered.dryers:
            text = msg("{group}: no dryer can run, the air is wet", group=group)
            found.append(Condition(f"{group}:dryers", Severity.URGENT, text))
        limit_pct, told = self._parameters.leak_alarm_pct, leaks(ordered.state.leaks)
        if limit_pct is not None and told is not None and told.share_pct > limit_pct:
            text = msg(
                "{group}: in the quietest hour of seven days still {share_pct:.0f} % of the mean "
                "flow, more than {limit_pct:g} %: look for leaks",
                group=group,
                share_pct=told.share_pct,
                limit_pct=limit_pct,
            )
            found.append(Condition(f"{group}:leaks", Severity.NORMAL, text))
        return tuple(found)

    def faults(self, look: Look) -> Sequence[Condition]:
        """Units that report a fault."""
        return [
            Condition(
                f"{unit.id}:fault",
                Severity.URGENT,
                msg("{equipment} reports a fault", equipment=unit.id),
            )
            for name, unit in self._units.items()
            if look.views[name].faulty
        ]

    def _standing(self, ordered: Ordered) -> Iterator[Condition]:
        for name, since_s in ordered.state.still_s.items():
            if held_for(since_s, STILL_S, ordered.look.watched_s):
                text = msg(
                    "{machine} is told to run and has stood still for {minutes:g} min while others "
                    "are loaded: look at its panel, and at the pressures it starts and stops at",
                    machine=self._units[name].id,
                    minutes=STILL_S / 60.0,
                )
                yield Condition(f"{self._units[name].id}:proof", Severity.URGENT, text)

    def _about_pressure(self, ordered: Ordered) -> Iterator[Condition]:
        look, state, group = ordered.look, ordered.state, self._group.id
        known = state.pressure.kpa is not None
        low = known and held_for(state.timers.critical_s, CRITICAL_FOR_S, look.watched_s)
        if low or state.cap_released:
            text = msg(
                "{group}: pressure below {critical_kpa:g} kPa for {critical_for_s:g} s",
                group=group,
                critical_kpa=self._parameters.least_kpa,
                critical_for_s=CRITICAL_FOR_S,
            )
            if not known:
                text = msg("{group}: no pressure is known, and all that may run are at full load",
                           group=group)  # fmt: skip
            if state.cap_released:
                released = msg("the cap of {cap} units is released", cap=look.cap)
                text = joined("; ", text, released)
            yield Condition(f"{group}:pressure", Severity.CRITICAL, text)
        if held_for(state.pressure.bad_since_s, INPUT_ALARM_AFTER_S, look.watched_s):
            yield Condition(f"{group}:pressure-sensor", Severity.URGENT, self._blind_text(ordered))
        elif known:
            yield from self._doubts(ordered)

    def _blind_text(self, ordered: Ordered) -> Message:
        units = len(ordered.state.wanted)
        pressure = self._pressure.points[0]
        if ordered.blind:
            return msg(
                "{pressure} is not good: {units} units are on and go by their own pressure "
                "switches; repair the transmitter",
                pressure=pressure,
                units=units,
            )
        return msg("{pressure} is not good: {units} units go on as they were", pressure=pressure,
                   units=units)  # fmt: skip

    def _doubts(self, ordered: Ordered) -> Iterator[Condition]:
        """One of several transmitters is bad, or they contradict each other."""
        pressure, group = ordered.state.pressure, self._group.id
        lost = self._pressure.lost(pressure)
        if lost:
            others = [point for point in self._pressure.points if point not in lost]
            text = msg("{pressure} is not good: {other_pressure} is used; repair the transmitter",
                       pressure=lost[0], other_pressure=others[0])  # fmt: skip
            yield Condition(f"{group}:pressure-sensor", Severity.URGENT, text)
        elif pressure.vote.flagged:
            text = msg("{group}: pressure transmitters contradict each other: {reason}",
                       group=group, reason=pressure.vote.detail)  # fmt: skip
            yield Condition(f"{group}:pressure-sensor", Severity.URGENT, text)
