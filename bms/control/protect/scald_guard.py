"""Hot water never scalds: a store hotter than usual needs a mixing valve that is proven, or outlets
that are proven shut. Pure.

By the relations `serves`, `draws_from` and `isolation_valve`. Where that is lost, or no sensor
tells how hot a store is, its heat sources are held off at slot 5, and its outlets are shut: whoever
commands them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bms.control.blocks.delays import held_for, holds_since
from bms.core.decisions import Condition, Severity, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId

OPEN_C: Final = 66.0
"""A store that is no hotter may be open to people: its usual 60 to 65 degC (D)."""
BACK_K: Final = 2.0
MOST_C: Final = 88.0
"""No store is heated beyond this, whatever is proven (D)."""
MIXED_MOST_C: Final = 60.0
"""What leaves a mixing valve that works is no hotter (D)."""
UNKNOWN_S: Final = 60.0
SENSORS: Final = ("top_temp", "middle_temp", "bottom_temp", "tank_temp")
HEATERS: Final = ("boiler", "heat_pump", "water_heater", "pump")
SPAN_C: Final = (-5.0, 110.0)


@dataclass(frozen=True, slots=True)
class StoreHold:
    """What is remembered of one store; times in watched seconds."""

    hot: bool = False
    """Hotter than people may get it."""
    scalds: bool = False
    """And nothing is proven that keeps it from them: no heat."""
    shuts: bool = False
    """And no mixing valve is proven: outlets shut, and stay shut."""
    unknown_since_s: float | None = None
    blind: bool = False
    """No sensor has told for a while."""


class GuardedStore:
    """One store with its heat sources, its mixing valve and its outlets."""

    def __init__(
        self,
        store: Equipment,
        heaters: Sequence[Equipment],
        mixing: Equipment | None,
        outlets: Equipment | None,
    ) -> None:
        self.store = store
        points = store.points
        self._sensors = tuple(points[role] for role in SENSORS if role in points)
        self._heaters = tuple(
            enable
            for one in heaters
            if not one.exempt and (enable := one.commanded("enable")) is not None
        )
        self._mixed = None if mixing is None else mixing.points.get("mixed_temp")
        self._mix_fault = None if mixing is None else mixing.points.get("fault")
        self._outlets = None if outlets is None else outlets.commanded("enable")
        self._shut = None if outlets is None else outlets.points.get("closed")
        ours = (*self._heaters, self._outlets)
        self.writes = frozenset(point for point in ours if point is not None)
        seen = (*self._sensors, self._mixed, self._mix_fault, self._shut)
        self.reads = frozenset(point for point in seen if point is not None)
        self.creeps = (*self._sensors, *((self._mixed,) if self._mixed is not None else ()))
        """What moves all day by hundredths."""

    @property
    def tells(self) -> bool:
        """Whether it shows how hot it is, and has a source that can be held off."""
        return bool(self._sensors and self._heaters)

    def look(self, snapshot: Snapshot, state: StoreHold) -> StoreHold:
        """What is remembered at a look."""
        low, high = SPAN_C
        shown = [
            value
            for point in self._sensors
            if (value := snapshot.number(point)) is not None and low <= value <= high
        ]
        unknown = holds_since(not shown, state.unknown_since_s, snapshot.watched_s)
        hot = state.hot
        if shown and max(shown) > OPEN_C:
            hot = True
        elif len(shown) == len(self._sensors) and max(shown) <= OPEN_C - BACK_K:
            hot = False  # one that cannot be read may be the hot one
        mixes = self._mixes(snapshot)
        shut = self._shut is not None and bool(snapshot.flag(self._shut))
        scalds = (hot and not (mixes or shut)) or (bool(shown) and max(shown) > MOST_C)
        blind = held_for(unknown, UNKNOWN_S, snapshot.watched_s)
        after = StoreHold(hot, scalds, hot and not mixes, unknown, blind)
        return state if after == state else after

    def _mixes(self, snapshot: Snapshot) -> bool:
        """Whether a mixing valve keeps it from people: proven, or it does not count."""
        if self._mixed is None:
            return False
        if self._mix_fault is not None and snapshot.flag(self._mix_fault) is not False:
            return False
        mixed_c = snapshot.number(self._mixed)
        return mixed_c is not None and SPAN_C[0] <= mixed_c <= MIXED_MOST_C

    def stops(self, state: StoreHold) -> dict[PointId, Message]:
        """What is held off now, and why."""
        found: dict[PointId, Message] = {}
        if state.blind:
            text = msg("no sensor tells how hot {store} is", store=self.store.id)
            found |= dict.fromkeys(self._heaters, text)
        if state.scalds:
            text = msg(
                "{store} is above {open_c:g} degC, and neither a mixing valve nor shut outlets are "
                "proven",
                store=self.store.id,
                open_c=OPEN_C,
            )
            found |= dict.fromkeys(self._heaters, text)
        if state.shuts and self._outlets is not None:
            found[self._outlets] = msg(
                "{store} is above {open_c:g} degC and no mixing valve is proven: shut until it is "
                "cooler",
                store=self.store.id,
                open_c=OPEN_C,
            )
        return found

    def due_s(self, state: StoreHold, now_s: float) -> list[float]:
        """When a loss counts that does not yet."""
        if state.unknown_since_s is None or state.blind:
            return []
        return [max(now_s, state.unknown_since_s + UNKNOWN_S)]

    def conditions(self, state: StoreHold) -> list[Condition]:
        """What is wrong with the store now."""
        found = []
        if state.scalds:
            text = msg(
                "{store} is hot enough to scald, and neither a mixing valve nor shut outlets are "
                "proven: its heat is off; keep people from its taps",
                store=self.store.id,
            )
            found.append(Condition(f"{self.store.id}:scald", Severity.LIFE_SAFETY, text))
        if state.blind:
            text = msg(
                "{store}: no sensor tells how hot it is: its heat is off; let its own thermostat "
                "hold it until a sensor is repaired",
                store=self.store.id,
            )
            found.append(Condition(f"{self.store.id}:sensor", Severity.CRITICAL, text))
        return found


def guarded_stores(equipment: Mapping[str, Equipment]) -> tuple[GuardedStore, ...]:
    """The hot-water stores of one base; `equipment` by short name."""
    found = []
    machines = equipment.values()
    for name, store in equipment.items():
        if store.kind.name not in ("hot_water_store", "water_heater"):
            continue
        heaters = [
            one for one in machines if one.kind.name in HEATERS and name in one.relations.serves
        ]
        if store.kind.name == "water_heater":
            heaters.append(store)
        mixing = next(
            (
                one
                for one in machines
                if one.kind.name == "mixing_valve" and one.relations.draws_from == name
            ),
            None,
        )
        outlets = equipment.get(store.relations.isolation_valve)
        if store.kind.name == "water_heater" and mixing is None and outlets is None:
            continue  # nobody said how it hangs together: its own thermostat keeps it
        guarded = GuardedStore(store, heaters, mixing, outlets)
        if guarded.tells:
            found.append(guarded)
    return tuple(found)
