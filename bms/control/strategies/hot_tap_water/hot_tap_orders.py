"""What hot tap water commands, publishes and complains of, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bms.config.site import Group
from bms.control.blocks.delays import held_for
from bms.control.blocks.machines.start_proof import STILL
from bms.control.engine.states import Words
from bms.control.strategies import group as groups
from bms.control.strategies.fact_names import HW_REQUESTS
from bms.control.strategies.hot_tap_water.circulation import COOL_S
from bms.control.strategies.hot_tap_water.disinfection import NOT_SECURED, overdue
from bms.control.strategies.hot_tap_water.hot_tap_layout import HotTapLayout, StoreLayout
from bms.control.strategies.hot_tap_water.hot_tap_parameters import HotTapParameters
from bms.control.strategies.hot_tap_water.hot_tap_state import HotTapLook, HotTapState, StoreState
from bms.control.strategies.hot_tap_water.store_heat import TOLD_K
from bms.control.strategies.water.machinery import tried_again, usable
from bms.control.strategies.water_supply.pump_house import PumpHouse
from bms.core.decisions import Command, Condition, Fact, Priority, Severity
from bms.core.equipment import base_of
from bms.texts.messages import msg
from drivers.points import PointId, Quality, Value

COLDEST: Final = "coldest_c"
"""The fact that names the coldest top of all stores."""
COLD_S: Final = 1800.0
"""A store that is too cold for so long while water is used is an alarm (D)."""


class HotTapOrders:
    """Puts the decisions of one group into commands."""

    def __init__(self, group: Group, layout: HotTapLayout, house: PumpHouse, source: str) -> None:
        self._group = group
        self._layout = layout
        self._house = house
        self._source = source
        found: set[PointId | None] = {machine.enable for machine in layout.machines}
        for store in layout.stores:
            found |= {store.setpoint, store.mix_setpoint, store.outlets}
            found |= {one.setpoint for one in store.sources}
        self.writes = frozenset({p for p in found if p is not None} | {*house.enables})
        self.charges = any(s.charges for store in layout.stores for s in store.sources)

    def key(self, look: HotTapLook, state: HotTapState) -> object:
        """What the commands are made of: the same commands while it is the same."""
        return (
            look.mode,
            tuple(look.targets_c.values()),
            tuple((one.heating, one.sources, one.disinfection.phase)
                  for one in state.stores.values()),
            tuple(one.top_c is None for one in look.seen.values()),
            look.scalds,
            look.shuts,
            state.house.on,
            state.circulates,
        )  # fmt: skip

    def commands(self, look: HotTapLook, state: HotTapState) -> tuple[Command, ...]:
        """All of them; only what may be written."""
        return tuple(
            Command(
                point=point,
                value=value,
                priority=Priority.SEQUENCE,
                source=self._source,
                reason=groups.because(reason, look.mode),
            )
            for point, value, reason in self._wishes(look, state)
            if point is not None
        )

    def _wishes(
        self, look: HotTapLook, state: HotTapState
    ) -> Iterator[tuple[PointId | None, Value, Words]]:
        parameters: HotTapParameters = self._group.parameters
        switched: dict[PointId, tuple[bool, Words]] = {}
        for store in self._layout.stores:
            here, target_c = state.stores[store.name], look.targets_c[store.name]
            text = self._why(store, here, look)
            for source in store.sources:
                on = source.name in here.sources
                enable = source.machine.enable
                if enable is not None:  # one that serves several stores runs for any of them
                    before = switched.get(enable)
                    if before is None or (on and not before[0]):
                        switched[enable] = (on, text)
                if source.setpoint != store.setpoint:
                    yield source.setpoint, min(target_c + TOLD_K, source.hottest_c), text
            yield store.setpoint, target_c + TOLD_K, text
            shut = here.disinfection.shuts or store.name in look.shuts
            yield store.outlets, int(not shut), self._outlets_text(store, here, look)
            if parameters.mix_c is not None:
                yield store.mix_setpoint, parameters.mix_c, msg("mixed for people's hands")
        for enable, (on, text) in switched.items():
            yield enable, int(on), text
        why = self._circulation_text(look, state)
        for pump in self._house.pumps:
            yield pump.enable, int(pump.name in state.house.on), why

    def _why(self, store: StoreLayout, here: StoreState, look: HotTapLook) -> Words:
        shows, target_c = look.seen[store.name], look.targets_c[store.name]
        if shows.top_c is None or shows.low_c is None:
            return msg("no sensor of {store} is believed: heat off", store=store.name)
        if store.name in look.scalds:
            return msg("{store} could scald people: heat off", store=store.name)
        if not here.heating:
            return msg("{store} is hot enough for {target_c:g} degC", store=store.name,
                       target_c=target_c)  # fmt: skip
        if here.disinfection.hot:
            return msg("{store}: disinfection at {target_c:g} degC", store=store.name,
                       target_c=target_c)  # fmt: skip
        return msg("{store} is heated to {target_c:g} degC by {sources}", store=store.name,
                   target_c=target_c, sources=", ".join(here.sources) or "-")  # fmt: skip

    def _outlets_text(self, store: StoreLayout, here: StoreState, look: HotTapLook) -> Words:
        if here.disinfection.shuts:
            return msg("shut for the disinfection, until {store} scalds nobody", store=store.name)
        if store.name in look.shuts:
            return msg("{store} could scald people", store=store.name)
        return msg("open: {store} scalds nobody", store=store.name)

    def _circulation_text(self, look: HotTapLook, state: HotTapState) -> Words:
        if look.scalds:
            return msg("what circulates could scald people")
        if state.circulates == "use":
            return msg("hot water is used")
        if state.circulates == "overrun":
            return msg("hot water was used a moment ago")
        if state.circulates == "flush":
            return msg("water has stood in the pipes for a day")
        if state.circulates == "disinfection":
            return msg("pipes are disinfected")
        return msg("nobody uses hot water")

    # --- facts and conditions ----------------------------------------------------------------

    def facts(self, look: HotTapLook, state: HotTapState) -> tuple[Fact, ...]:
        """The coldest store, and what is asked of the loop behind."""
        tops = [one.top_c for one in look.seen.values() if one.top_c is not None]
        point = self._group.fact_point(COLDEST)
        if tops and len(tops) == len(look.seen):
            found = [Fact(point, round(min(tops) * 2.0) / 2.0)]
        else:
            found = [Fact(point, None, Quality.BAD, msg("a store shows nothing"))]
        if self.charges:
            names = {s.name for store in self._layout.stores for s in store.sources if s.charges}
            asks = any(names & {*one.sources} for one in state.stores.values())
            found.append(Fact(self._group.fact_point(HW_REQUESTS), float(asks)))
        return tuple(found)

    def conditions(
        self, look: HotTapLook, state: HotTapState, parameters: HotTapParameters
    ) -> tuple[Condition, ...]:
        """What is wrong now."""
        found = self._house.conditions(state.house)
        base, group = base_of(self._group.id), self._group.id
        for machine in self._layout.machines:
            proof = state.proofs.get(machine.name, STILL)
            again = tried_again(f"{base}.{machine.name}", proof)
            if again or not proof.available:
                text = again or msg("{machine} is out of use: {reason}", reason=proof.failed,
                                    machine=f"{base}.{machine.name}")  # fmt: skip
                found.append(Condition(f"{base}.{machine.name}:proof", Severity.URGENT, text))
        for store in self._layout.stores:
            found += self._of_store(store, look, state)
        if held_for(state.circulation.cool_since_s, COOL_S, look.watched_s):
            text = msg(
                "{group}: hot water comes back below {least_c:g} degC: look at the circulation "
                "pump, its valves and the insulation",
                group=group,
                least_c=parameters.distribution_c,
            )
            found.append(Condition(f"{group}:return-temp", Severity.URGENT, text))
        ran = state.circulation.ran_steady_s
        stagnant_s = parameters.stagnant_h * 3600.0
        if self._house.pumps and ran is not None:
            stood_s = look.snapshot.steady_s - ran
            if stood_s > stagnant_s:
                text = msg("{group}: water has stood in the pipes for {hours:.0f} h", group=group,
                           hours=stood_s // 3600.0)  # fmt: skip
                found.append(Condition(f"{group}:stagnant", Severity.URGENT, text))
        return tuple(found)

    def _of_store(
        self, store: StoreLayout, look: HotTapLook, state: HotTapState
    ) -> Iterator[Condition]:
        here, shows = state.stores[store.name], look.seen[store.name]
        if shows.top_c is None:
            text = msg(
                "{store}: no sensor tells how hot it is: its heat is off; let its own thermostat "
                "hold it until a sensor is repaired",
                store=store.id,
            )
            yield Condition(f"{store.id}:sensor", Severity.CRITICAL, text)
        elif shows.layers < len(store.sensors):
            text = msg("{store}: {count} of {sensors} sensors are believed", store=store.id,
                       count=shows.layers, sensors=len(store.sensors))  # fmt: skip
            yield Condition(f"{store.id}:sensor", Severity.URGENT, text)
        if here.heating and not any(usable(s.name, look.views, state.proofs) or
                                    look.views[s.name].waits for s in store.sources):  # fmt: skip
            text = msg("{store} is cold and no heat source can run", store=store.id)
            yield Condition(f"{store.id}:no-source", Severity.CRITICAL, text)
        cold = held_for(here.short_since_s, COLD_S, look.watched_s)
        if cold and not here.disinfection.hot:
            text = msg("{store} stays below {target_c:g} degC while hot water is used",
                       store=store.id, target_c=look.targets_c[store.name])  # fmt: skip
            yield Condition(f"{store.id}:cold", Severity.URGENT, text)
        disinfection = here.disinfection
        if disinfection.due and disinfection.failed == NOT_SECURED:
            text = msg(
                "{store} was not disinfected: neither a mixing valve nor shut outlets were proven; "
                "it is tried again the next night",
                store=store.id,
            )
            yield Condition(f"{store.id}:disinfection", Severity.URGENT, text)
        elif disinfection.due:
            text = msg("{store} was not disinfected: it did not get hot enough; it is tried again "
                       "the next night", store=store.id)  # fmt: skip
            yield Condition(f"{store.id}:disinfection", Severity.URGENT, text)
        elif overdue(disinfection, look.snapshot.steady_s):
            text = msg("{store} was not disinfected for more than ten days", store=store.id)
            yield Condition(f"{store.id}:disinfection", Severity.URGENT, text)
