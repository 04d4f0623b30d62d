"""What pumps that hold a level are commanded, publish and complain of, in words. Pure."""

from __future__ import annotations

from typing import Final

from bms.config.site import Group
from bms.control.engine.states import Words
from bms.control.protect.level.tank_gauge import Limits
from bms.control.strategies import group as groups
from bms.control.strategies.water_supply.leak_watch import (
    Night,
    leaks_m3h,
    runs_too_much,
    usual_hours,
)
from bms.control.strategies.water_supply.level_state import LevelLook, LevelState
from bms.control.strategies.water_supply.pump_house import PumpHouse
from bms.core.decisions import Command, Condition, Fact, Priority, Severity
from bms.texts.messages import Message, msg
from drivers.points import Quality

LEVEL: Final = "level_pct"
PUMPS: Final = "pumps_on"
NIGHT_FLOW: Final = "night_flow_m3h"
ROUNDED_PCT: Final = 0.5
"""Reasons name the level so roughly: a command with another reason is another command."""


class LevelOrders:
    """Puts the decisions of one group into commands."""

    def __init__(
        self, group: Group, house: PumpHouse, limits: Limits, night: Night, source: str
    ) -> None:
        self._group = group
        self._house = house
        self._limits = limits
        self._night = night
        self._source = source

    def key(self, look: LevelLook, state: LevelState) -> object:
        """What the commands are made of: the same commands while it is the same."""
        alarming = look.level.known and look.steps.alarming(look.level)
        return (
            look.mode, look.steps, state.house.on, state.count, state.overrun, look.level.known,
            alarming, tuple(self._house.tried_again(p, state.house) for p in self._house.pumps),
        )  # fmt: skip

    def commands(self, look: LevelLook, state: LevelState) -> tuple[Command, ...]:
        """On or off for every pump."""
        why = groups.because(self._why(look, state), look.mode)
        return tuple(
            Command(
                point=pump.enable,
                value=int(pump.name in state.house.on),
                priority=Priority.SEQUENCE,
                source=self._source,
                reason=self._house.tried_again(pump, state.house) or why,
            )
            for pump in self._house.pumps
            if pump.enable is not None
        )

    def _why(self, look: LevelLook, state: LevelState) -> Words:
        steps = look.steps
        if not look.level.known:
            if look.mode.value == "off":
                return msg("group {mode}", mode=look.mode.value)
            if steps.fills:
                return msg("nothing tells the level: no more than surely fits")
            return msg("nothing tells the level: one pump from time to time")
        shown = look.level.shown_pct
        level: Words = msg("level by floats") if shown is None else msg(
            "level {level_pct:.0f} %", level_pct=shown
        )  # fmt: skip
        if steps.alarming(look.level) and state.count:
            return msg("{level}: all pumps from {all_pct:g} % on", level=level,
                       all_pct=steps.all_pct)  # fmt: skip
        if look.mode.value == "off":
            return msg("group {mode}", mode=look.mode.value)
        if state.count and state.overrun:
            return msg("{level}: {count} of {pumps} pumps, one more because this takes too long",
                       level=level, count=len(state.house.on),
                       pumps=len(self._house.pumps))  # fmt: skip
        if state.count:
            return msg(
                "{level}: {count} of {pumps} pumps, from {start_pct:g} % until {stop_pct:g} %",
                level=level,
                count=len(state.house.on),
                pumps=len(self._house.pumps),
                start_pct=steps.start_pct,
                stop_pct=steps.stop_pct,
            )
        return msg("{level}: pumps start at {start_pct:g} %", level=level,
                   start_pct=steps.start_pct)  # fmt: skip

    # --- facts and conditions ----------------------------------------------------------------

    def facts(self, look: LevelLook, state: LevelState) -> tuple[Fact, ...]:
        """Level, pumps and the flow at night, for everybody to see."""
        shown = look.level.shown_pct
        detail = msg("no transmitter is believed") if shown is None else ""
        found = [
            Fact(
                self._group.fact_point(LEVEL),
                None if shown is None else round(shown / ROUNDED_PCT) * ROUNDED_PCT,
                Quality.BAD if shown is None else Quality.GOOD,
                detail,
            ),
            Fact(self._group.fact_point(PUMPS), float(len(state.house.on))),
        ]
        if state.night.last_m3h is not None:
            point = self._group.fact_point(NIGHT_FLOW)
            found.append(Fact(point, round(state.night.last_m3h, 2)))
        return tuple(found)

    def conditions(self, look: LevelLook, state: LevelState) -> tuple[Condition, ...]:
        """What is wrong now."""
        found = self._house.conditions(state.house)
        group = self._group.id
        if look.level.known and look.steps.alarming(look.level):
            found.append(self._extreme(look))
        if state.count and not self._house.able(state.house, look.views):
            text = msg("{group}: no pump can run, and the level asks for {count}", group=group,
                       count=state.count)  # fmt: skip
            found.append(Condition(f"{group}:no-pump", Severity.CRITICAL, text))
        if state.overrun:
            found.append(Condition(f"{group}:run-time", Severity.URGENT, self._too_long(look)))
        if runs_too_much(state.days):
            text = msg(
                "{group}: pumps ran {hours:.1f} h yesterday, {usual_h:.1f} h are usual: more water "
                "comes than used to; look for a leak or a valve that does not close",
                group=group,
                hours=state.days.last_h,
                usual_h=usual_hours(state.days),
            )
            found.append(Condition(f"{group}:run-hours", Severity.NORMAL, text))
        leak = leaks_m3h(state.night, self._night)
        if leak is not None:
            found.append(leak_condition(group, leak))
        return tuple(found)

    def _extreme(self, look: LevelLook) -> Condition:
        group = self._group.id
        if look.steps.fills:
            text = msg("{group}: the tank is at or below {all_pct:g} %: all pumps fill it",
                       group=group, all_pct=look.steps.all_pct)  # fmt: skip
            return Condition(f"{group}:low-level", Severity.CRITICAL, text)
        text = msg("{group}: the pit is at or above {all_pct:g} %: all pumps run", group=group,
                   all_pct=look.steps.all_pct)  # fmt: skip
        return Condition(f"{group}:high-level", Severity.CRITICAL, text)

    def _too_long(self, look: LevelLook) -> Message:
        group = self._group.id
        if look.steps.fills:
            return msg(
                "{group}: pumps have filled longer than the tank takes: a burst pipe, or a pump "
                "that brings little",
                group=group,
            )
        return msg(
            "{group}: pumps have run longer than the pit takes: more comes than they carry, or a "
            "pump, its valve or its strainer is blocked",
            group=group,
        )


def leak_condition(group: str, leak_m3h: float) -> Condition:
    """The alarm of water that flows at night."""
    text = msg(
        "{group}: {leak_m3h:.2f} m3/h more than usual flow at night, {leak_m3_a:.0f} m3 a year: "
        "look for a leak",
        group=group,
        leak_m3h=leak_m3h,
        leak_m3_a=leak_m3h * 8760.0,
    )
    return Condition(f"{group}:leak", Severity.URGENT, text)
