"""Hot tap water: heated by time, circulated with use, kept from scalding. Pure.

A store is heated to 60 degC while water is used, and all of it once a day at least; the cheapest
source first, the next one when that is not enough, cannot run, or does not get so hot. Fallbacks:

- a sensor that is bad or frozen is left out; with none left the heat is off, and the store's own
  thermostat has to hold it;
- a source that fails is passed over;
- draw-off not measured: hours of use count for the circulation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.delays import held_for, holds_since, quarter_after
from bms.control.blocks.machines.start_proof import MachinePhase, ProofRules
from bms.control.blocks.replacing import replace
from bms.control.blocks.unmoved import Unmoved
from bms.control.protect.scald_guard import MIXED_MOST_C, OPEN_C
from bms.control.strategies import group as groups
from bms.control.strategies.hot_tap_water.circulation import DRAWN_M3H, CirculationInputs, circulate
from bms.control.strategies.hot_tap_water.disinfection import (
    DisinfectionInputs,
    step_disinfection,
)
from bms.control.strategies.hot_tap_water.hot_tap_layout import (
    HeatSource,
    StoreLayout,
    hot_tap_layout,
)
from bms.control.strategies.hot_tap_water.hot_tap_orders import HotTapOrders
from bms.control.strategies.hot_tap_water.hot_tap_parameters import (
    MODES,
    STORE_C,
    HotTapParameters,
)
from bms.control.strategies.hot_tap_water.hot_tap_state import HotTapLook, HotTapState, StoreState
from bms.control.strategies.hot_tap_water.store_heat import (
    StoreSeen,
    judge_sensors,
    needs_heat,
    seen,
    shown_c,
)
from bms.control.strategies.water.machinery import Machinery, View, tellable, usable
from bms.control.strategies.water.pump_bank import NOBODY
from bms.control.strategies.water_supply.pump_house import PumpHouse
from bms.core.decisions import Award, Condition, Decision, Priority, Severity, Snapshot, Stage
from bms.texts.messages import msg
from drivers.points import PointId

DAY_S: Final = 86400.0
SHORT_K: Final = 3.0
SHORT_S: Final = 300.0
"""A store so far below its target for so long gets the next source as well (D)."""
REACHES_K: Final = 4.0
"""A source stops so far below the hottest water that it makes (D)."""
PUMP_PROOF_S: Final = 30.0
STEP_K: Final = 0.5
"""Smaller moves of a temperature change nothing (D)."""
LOOK_S: Final = 300.0
"""While nothing is waited for, it is looked so often, and whenever anything moves; on quarter hours
while it is off and does nothing."""


class HotTapController:
    """Runs the stores of one group; see the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(self, group: Group) -> None:
        parameters: HotTapParameters = group.parameters
        self.name = f"hot_tap_water:{group.id}"
        self._group = group
        self._parameters = parameters
        self._layout = layout = hot_tap_layout(group)
        kinds = {groups.short(m): m.kind for m in group.members}
        rules = {
            machine.name: ProofRules(
                within_s=PUMP_PROOF_S
                if kinds[machine.name].name == "pump"
                else kinds[machine.name].proves_s,
                cycles=kinds[machine.name].cycles,
                provable=machine.status is not None,
            )
            for machine in layout.machines
        }
        self._machinery = Machinery(layout.machines, rules)
        self._house = PumpHouse(group, layout.circulation, PUMP_PROOF_S, None)
        self._resets = {f"{m.id}.reset": m.name for m in layout.machines}
        self._orders = HotTapOrders(group, layout, self._house, self.name)
        self._setpoint = group.setpoint_point(STORE_C)
        sensors = [p for store in layout.stores for p in store.sensors]
        others = [layout.back, layout.drawn]
        for store in layout.stores:
            others += [store.mixed, store.mix_fault, store.shut]
        self.reads: frozenset[PointId] = frozenset(
            {group.mode_point, self._setpoint, *sensors, *(p for p in others if p is not None)}
            | self._machinery.reads
            | self._house.reads
            | {*self._resets}
        )
        self.writes = self._orders.writes
        self._stands_on = self.reads | self.writes
        creeps = dict.fromkeys((p for p in (*sensors, *others) if p is not None), STEP_K)
        for point in (layout.drawn, *(s.mix_fault for s in layout.stores),
                      *(s.shut for s in layout.stores)):  # fmt: skip
            creeps.pop(point or "", None)
        if layout.drawn is not None:
            creeps[layout.drawn] = DRAWN_M3H
        self._unmoved: Unmoved[HotTapState] = Unmoved(self._stands_on, creeps)
        self._last = NOTHING

    def initial(self) -> HotTapState:
        return HotTapState()

    def decide(
        self, snapshot: Snapshot, state: HotTapState, now: datetime
    ) -> Decision[HotTapState]:
        stands = self._unmoved.stands(snapshot, state, now)
        return self._unmoved.keep(self._decide(snapshot, state, now)) if stands is None else stands

    def _decide(
        self, snapshot: Snapshot, state: HotTapState, now: datetime
    ) -> Decision[HotTapState]:
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None or mode.value not in MODES:
            unknown = () if mode is None else (self._unknown_mode(mode),)
            return Decision((), state, unknown)
        look, state = self._look(snapshot, state, mode, now)
        state = self._heat(look, state)
        state = self._prove(look, state)
        state, house = self._circulate(look, state)
        look = replace(look, house=house)
        if self._last.key != (key := self._orders.key(look, state)):
            self._last = Commanded(key, self._orders.commands(look, state))
        conditions = self._orders.conditions(look, state, self._parameters)
        facts = self._orders.facts(look, state)
        if not self._calm(look, state):
            return Decision(self._last.commands, state, conditions, facts)
        rests = mode.value == "off" and not _works(state)
        return Decision(
            self._last.commands,
            state,
            conditions,
            facts,
            stands_until=quarter_after(now) if rests else None,
            stands_until_s=None if rests else look.watched_s + LOOK_S,
            depends_on=self._stands_on,
        )

    def _calm(self, look: HotTapLook, state: HotTapState) -> bool:
        """Whether nothing is waited for that may come with any look."""
        if (
            look.scalds
            or look.shuts
            or any(one.disinfection.shuts for one in state.stores.values())
        ):
            return False
        settled = (MachinePhase.OFF, MachinePhase.RUNNING, MachinePhase.PAUSED)
        if any(
            proof.phase not in settled or not proof.available or proof.unpowered
            for proof in state.proofs.values()
        ):
            return False
        return not self._house.pumps or self._house.steady(state.house, look.house)

    # --- what is known -----------------------------------------------------------------------

    def _look(
        self, snapshot: Snapshot, state: HotTapState, mode: Award, now: datetime
    ) -> tuple[HotTapLook, HotTapState]:
        views = self._machinery.views(snapshot)
        back = self._layout.back
        return_c = None if back is None else shown_c(snapshot, back)
        stores: dict[str, StoreState] = {}
        found: dict[str, StoreSeen] = {}
        targets: dict[str, float] = {}
        scalds: list[str] = []
        shuts: list[str] = []
        for store in self._layout.stores:
            before = state.stores.get(store.name, StoreState())
            heating_kw = self._heating_kw(store, before, views)
            sensors = judge_sensors(store, before.sensors, snapshot, heating_kw)
            shows = found[store.name] = seen(store, sensors, snapshot)
            secured = self._secured(store, snapshot)
            disinfection = before.disinfection
            rules = self._parameters.disinfection
            if rules is not None and store.guarded:
                inputs = DisinfectionInputs(
                    mode.value == "disinfect", secured, shows.low_c,
                    shows.hottest_c if shows.layers == len(store.sensors) else None, return_c,
                    back is not None and bool(self._house.pumps), snapshot.steady_s,
                    snapshot.watched_s, now, self._group.zone,
                )  # fmt: skip
                disinfection = step_disinfection(disinfection, rules, inputs)
            hot_s = before.hot_steady_s
            hygienic = shows.low_c is not None and shows.low_c >= self._parameters.store_c
            if hot_s is None or hygienic:
                hot_s = snapshot.steady_s
            after = replace(before, sensors=sensors, disinfection=disinfection, hot_steady_s=hot_s)
            targets[store.name] = self._target_c(after, snapshot, mode)
            stores[store.name] = after
            hot = shows.hottest_c is not None and shows.hottest_c > OPEN_C - 1.0
            if hot and not self._mixes(store, snapshot):
                shuts.append(store.name)
            if shows.hottest_c is not None and shows.hottest_c > OPEN_C and not secured:
                scalds.append(store.name)
        look = HotTapLook(
            snapshot, mode, views, found, targets, return_c, frozenset(scalds), frozenset(shuts)
        )
        return look, replace(state, stores=stores)

    def _heating_kw(
        self, store: StoreLayout, state: StoreState, views: Mapping[str, View]
    ) -> float:
        """The power of what heats a store and shows it; 0: nothing does."""
        running = [s for s in store.sources if s.name in state.sources and views[s.name].status]
        return sum(source.power_kw or 0.1 for source in running)

    def _secured(self, store: StoreLayout, snapshot: Snapshot) -> bool:
        """Whether people are kept from water that scalds, as far as is proven now."""
        if store.shut is not None and snapshot.flag(store.shut):
            return True
        return self._mixes(store, snapshot)

    def _mixes(self, store: StoreLayout, snapshot: Snapshot) -> bool:
        """Whether a mixing valve is proven now."""
        if store.mixed is None:
            return False
        if store.mix_fault is not None and snapshot.flag(store.mix_fault) is not False:
            return False
        mixed_c = shown_c(snapshot, store.mixed)
        return mixed_c is not None and mixed_c <= MIXED_MOST_C

    def _target_c(self, state: StoreState, snapshot: Snapshot, mode: Award) -> float:
        """How hot a store has to be now."""
        parameters = self._parameters
        rules = parameters.disinfection
        if state.disinfection.hot and rules is not None:
            return rules.store_c
        given = groups.setpoint(snapshot, self._group, STORE_C)
        usual_c = parameters.store_c if given is None else min(given, OPEN_C - 3.0)
        if mode.value in ("on", "heat", "disinfect"):
            return usual_c
        cold_s = snapshot.steady_s - (state.hot_steady_s or snapshot.steady_s)
        return max(usual_c, parameters.store_c) if cold_s >= DAY_S else parameters.setback_c

    # --- which sources -----------------------------------------------------------------------

    def _heat(self, look: HotTapLook, state: HotTapState) -> HotTapState:
        stores = {
            store.name: self._heat_store(store, state.stores[store.name], look, state)
            for store in self._layout.stores
        }
        return state if stores == state.stores else replace(state, stores=stores)

    def _heat_store(
        self, store: StoreLayout, before: StoreState, look: HotTapLook, state: HotTapState
    ) -> StoreState:
        shows, target_c = look.seen[store.name], look.targets_c[store.name]
        heating = needs_heat(before.heating, shows, target_c) and store.name not in look.scalds
        top_c = shows.top_c
        short = heating and top_c is not None and top_c < target_c - SHORT_K
        used = look.mode.value in ("on", "disinfect") or before.disinfection.hot
        since_s = holds_since(short and used, before.short_since_s, look.watched_s)
        sources: tuple[str, ...] = ()
        if heating:
            able = [s for s in store.sources if usable(s.name, look.views, state.proofs)]
            reach = [s for s in able if self._reaches(s, before, shows)]
            most = 1
            if held_for(since_s, SHORT_S, look.watched_s):
                most = max(2, len(before.sources)) if len(before.sources) < 2 else len(reach)
            sources = tuple(source.name for source in reach[:most])
        manual = tuple(
            s.name for s in store.sources if look.views[s.name].manual and s.name not in sources
        )
        return replace(before, heating=heating, sources=(*sources, *manual), short_since_s=since_s)

    def _reaches(self, source: HeatSource, state: StoreState, shows: StoreSeen) -> bool:
        """Whether a source makes the store hotter than it is; one that stopped comes back later."""
        if shows.low_c is None:
            return False
        back_k = 0.0 if source.name in state.sources else REACHES_K
        return shows.low_c < source.hottest_c - back_k / 2.0

    def _prove(self, look: HotTapLook, state: HotTapState) -> HotTapState:
        on = tuple(dict.fromkeys(n for store in state.stores.values() for n in store.sources))
        resets = frozenset(n for p, n in self._resets.items() if p in look.snapshot.awards)
        proofs = self._machinery.prove(
            state.proofs, look.views, on, None, resets, look.watched_s, self._alone(look, state)
        )
        return state if proofs is state.proofs else replace(state, proofs=proofs)

    def _alone(self, look: HotTapLook, state: HotTapState) -> frozenset[str]:
        """The latched sources of stores that have no other one left."""
        latched = {name for name, proof in state.proofs.items() if proof.latched}
        if not latched:
            return NOBODY
        return frozenset(
            source.name
            for store in self._layout.stores
            if state.stores[store.name].heating
            and not any(tellable(s.name, look.views, state.proofs) for s in store.sources)
            for source in store.sources
            if source.name in latched
        )

    # --- circulation -------------------------------------------------------------------------

    def _circulate(
        self, look: HotTapLook, state: HotTapState
    ) -> tuple[HotTapState, Mapping[str, View]]:
        if not self._house.pumps:
            return state, {}
        parameters, snapshot = self._parameters, look.snapshot
        drawn = self._layout.drawn
        inputs = CirculationInputs(
            look.mode.value == "on",
            None if drawn is None else snapshot.number(drawn),
            any(one.disinfection.hot for one in state.stores.values()),
            not look.scalds,
            bool(self._house.proven(state.house)),
            look.return_c,
            snapshot.steady_s,
            snapshot.watched_s,
        )
        circulation, why = circulate(
            state.circulation, inputs,
            overrun_s=parameters.overrun_min * 60.0,
            stagnant_s=parameters.stagnant_h * 3600.0,
            least_c=parameters.distribution_c,
        )  # fmt: skip
        house, views = self._house.look(snapshot, state.house, int(bool(why)))
        return replace(state, circulation=circulation, house=house, circulates=why), views

    def _unknown_mode(self, mode: Award) -> Condition:
        text = msg(
            "{group} is commanded to the unknown mode '{mode}'; allowed: {modes}; its equipment "
            "is left alone",
            group=self._group.id,
            mode=mode.value,
            modes=", ".join(MODES),
        )
        return Condition(f"{self._group.id}:mode", Severity.URGENT, text)


def _works(state: HotTapState) -> bool:
    """Whether a store is heated or disinfected, or water goes round."""
    stores = state.stores.values()
    return bool(state.circulates) or any(one.sources or one.disinfection.hot for one in stores)
