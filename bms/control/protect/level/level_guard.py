"""Pumps that would draw air, let a tank overflow, or take the fire reserve are held off. Pure.

By the relations `draws_from` and `fills`, whoever commands the pumps. What a tank keeps for the
fire brigade nobody takes: no schedule, no strategy, and no override but one whose reason names the
fire reserve. Where nothing tells that water stands above the reserve, it is taken for gone. A pit
that is disputed is pumped: a flooded cellar is worse than a pump that runs dry for a while.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bms.control.blocks.delays import held_for, holds_since
from bms.control.blocks.inputs.level_vote import Level
from bms.control.protect.level.tank_gauge import GaugeState, TankGauge
from bms.control.protect.withheld import asked_on
from bms.core.decisions import Condition, Severity, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId

BACK_S: Final = 60.0
"""A level has to be in order for so long before what it stopped may run again (D)."""
BACK_PCT: Final = 2.0
"""And so far on the right side, where a transmitter tells (D)."""
UNKNOWN_S: Final = 60.0
"""A level that is not known is one late answer before it is a loss (D)."""
DOUBT_S: Final = 300.0
"""Control reference, 7: instruments that disagree for 5 min are named."""
PUMPING_S: Final = 300.0
"""While pumps move water, transmitters are looked at so often."""
RESERVE_WORDS: Final = ("fire reserve", "消防储备", "消防水")
"""What the reason of an override says that means to take it."""


@dataclass(frozen=True, slots=True)
class TankHold:
    """What is remembered of one tank; times in watched seconds."""

    gauge: GaugeState = field(default_factory=GaugeState)
    dry: bool = False
    full: bool = False
    reserved: bool = False
    """The water stands at the fire reserve."""
    right_since_s: Mapping[str, float] = field(default_factory=dict)
    """Since when what stopped pumps has been gone, by what it was."""
    unknown_since_s: float | None = None
    doubt_since_s: float | None = None


class GuardedTank:
    """One tank or pit, with the pumps that the controller can hold off."""

    def __init__(
        self, tank: Equipment, fillers: Sequence[Equipment], drawers: Sequence[Equipment]
    ) -> None:
        self.tank = tank
        self._gauge = TankGauge(tank, fillers, drawers)
        self._limits = self._gauge.limits
        self._fillers = tuple(_enables(fillers))
        self._drawers = tuple(_enables(drawers))
        self.writes = frozenset({*self._fillers, *self._drawers})
        self.reads = self._gauge.reads
        self.creeps = self._gauge.transmitters
        """What moves all day by hundredths."""

    @property
    def tells(self) -> bool:
        """Whether it has an instrument at all."""
        return bool(self.reads & frozenset(self.tank.points.values()))

    def look(self, snapshot: Snapshot, state: TankHold) -> TankHold:
        """What is remembered at a look."""
        now_s = snapshot.watched_s
        gauge = self._gauge.judge(snapshot, state.gauge)
        level = self._gauge.level(snapshot, gauge)
        limits = self._limits
        unknown = holds_since(not level.known, state.unknown_since_s, now_s)
        doubtful = bool(level.flagged or self._gauge.unread(snapshot, gauge))
        right: dict[str, float] = {}
        is_dry = level.below(limits.dry_pct)
        if self.tank.kind.name == "sump" and level.disputed:
            is_dry = all(place.below(limits.dry_pct) for place in level.places)
        dry = self._holds(
            "dry", state.dry, is_dry,
            not level.below(limits.dry_pct + BACK_PCT) or level.shown_pct is None,
            state, right, now_s,
        )  # fmt: skip
        full = self._holds(
            "full", state.full, level.above(limits.brim_pct),
            not level.above(limits.brim_pct - BACK_PCT) or level.shown_pct is None,
            state, right, now_s,
        )  # fmt: skip
        reserved = False
        if limits.reserve_pct:
            unproven = not level.clear_of(limits.reserve_pct)
            gone = level.below(limits.reserve_pct) or (
                unproven and (level.known or held_for(unknown, UNKNOWN_S, now_s))
            )
            reserved = self._holds(
                "reserve", state.reserved, gone,
                level.clear_of(limits.reserve_pct + BACK_PCT) or level.shown_pct is None,
                state, right, now_s,
            )  # fmt: skip
        after = TankHold(
            gauge, dry, full, reserved, right, unknown,
            holds_since(doubtful, state.doubt_since_s, now_s),
        )  # fmt: skip
        return state if after == state else after

    def _holds(
        self,
        name: str,
        before: bool,
        wrong: bool,
        clear: bool,
        state: TankHold,
        right: dict[str, float],
        now_s: float,
    ) -> bool:
        """Whether pumps are held: at once, and until it has been in order for a while."""
        if wrong:
            return True
        if not before:
            return False
        since_s = holds_since(clear, state.right_since_s.get(name), now_s)
        if since_s is None:
            return True
        right[name] = since_s
        return not held_for(since_s, BACK_S, now_s)

    def stops(self, snapshot: Snapshot, state: TankHold) -> dict[PointId, Message]:
        """What is held off now, and why."""
        found: dict[PointId, Message] = {}
        tank, limits = self.tank.id, self._limits
        if state.full:
            text = msg("{tank} is full: level at {brim_pct:g} %", tank=tank,
                       brim_pct=limits.brim_pct)  # fmt: skip
            found |= dict.fromkeys(self._fillers, text)
        if state.reserved:
            text = msg(
                "{tank} stands at its fire reserve ({reserve_pct:.0f} %): only an override whose "
                "reason names the fire reserve takes it",
                tank=tank,
                reserve_pct=limits.reserve_pct,
            )
            taken = self._taken(snapshot)
            found |= {point: text for point in self._drawers if point not in taken}
        if state.dry:
            text = msg("{tank} would run dry: level at {dry_pct:g} %", tank=tank,
                       dry_pct=limits.dry_pct)  # fmt: skip
            found |= dict.fromkeys(self._drawers, text)
        return found

    def _taken(self, snapshot: Snapshot) -> dict[PointId, str]:
        """The pumps by which a person takes the reserve, and in whose words."""
        found = {}
        for point in self._drawers:
            wish = asked_on(snapshot, point)
            if wish is not None and any(w in wish.reason.lower() for w in RESERVE_WORDS):
                found[point] = wish.reason
        return found

    def pending(self, state: TankHold) -> bool:
        """Whether a delay runs."""
        return bool(state.right_since_s)

    def due_s(self, state: TankHold, now_s: float) -> list[float]:
        """When something is to be told that is not yet."""
        pumping = [] if state.gauge.since_s is None else [now_s + PUMPING_S]
        times = [(state.unknown_since_s, UNKNOWN_S), (state.doubt_since_s, DOUBT_S)]
        return pumping + [
            since_s + lasts_s
            for since_s, lasts_s in times
            if since_s is not None and since_s + lasts_s > now_s
        ]

    def conditions(self, snapshot: Snapshot, state: TankHold) -> list[Condition]:
        """What is wrong with the tank now."""
        found: list[Condition] = []
        tank, now_s = self.tank.id, snapshot.watched_s
        if state.full:
            text = msg("{tank} is about to overflow: what fills it is held off", tank=tank)
            found.append(Condition(f"{tank}:overflow", Severity.CRITICAL, text))
        if state.dry and self.tank.kind.name == "tank":
            text = msg("{tank} is empty: the pumps that draw from it are held off", tank=tank)
            found.append(Condition(f"{tank}:dry", Severity.CRITICAL, text))
        if state.reserved:
            found.append(Condition(f"{tank}:reserve", Severity.CRITICAL, self._short(snapshot)))
        if held_for(state.unknown_since_s, UNKNOWN_S, now_s):
            text = msg("{tank}: nothing tells where its water stands; look at its transmitter and "
                       "floats", tank=tank)  # fmt: skip
            found.append(Condition(f"{tank}:level", Severity.CRITICAL, text))
        elif held_for(state.doubt_since_s, DOUBT_S, now_s):
            level = self._gauge.level(snapshot, state.gauge)
            odd = (*level.flagged, *self._gauge.unread(snapshot, state.gauge))
            if odd:
                text = _odd(tank, level, odd, state.gauge)
                found.append(Condition(f"{tank}:level", Severity.URGENT, text))
        return found

    def _short(self, snapshot: Snapshot) -> Message:
        taken = self._taken(snapshot)
        if taken:
            return msg(
                "{tank}: the fire reserve of {reserve:g} m3 is being taken: {reason}",
                tank=self.tank.id,
                reserve=self.tank.design.fire_reserve_m3,
                reason=next(iter(taken.values())),
            )
        return msg(
            "{tank} is at or below its fire reserve of {reserve:g} m3: its pumps are held off; "
            "fill it, and tell the fire officer",
            tank=self.tank.id,
            reserve=self.tank.design.fire_reserve_m3,
        )


def _odd(tank: str, level: Level, odd: Sequence[str], gauge: GaugeState) -> Message:
    first = odd[0]
    if first in gauge.frozen:
        return msg("{tank}: {point} has stood still while pumps moved water: it is not believed",
                   tank=tank, point=first)  # fmt: skip
    if level.disputed:
        return msg("{tank}: {points} contradict each other: the safe side counts for each pump",
                   tank=tank, points=", ".join(odd))  # fmt: skip
    return msg("{tank}: {points} cannot be believed; the others still tell the level", tank=tank,
               points=", ".join(odd))  # fmt: skip


@dataclass(frozen=True, slots=True)
class DryContact:
    """A pump's own protection against running without water."""

    machine: str
    enable: PointId
    contact: PointId

    def told(self) -> Condition:
        """The alarm while it is on."""
        text = msg("{machine} has no water, says its own dry-run protection: it is held off",
                   machine=self.machine)  # fmt: skip
        return Condition(f"{self.machine}:dry-run", Severity.URGENT, text)


def dry_contacts(equipment: Sequence[Equipment]) -> tuple[DryContact, ...]:
    """Those of the machines that the controller may hold off."""
    return tuple(
        DryContact(machine.id, enable, machine.points["dry_run"])
        for machine in equipment
        if "dry_run" in machine.points
        and not machine.exempt
        and (enable := machine.commanded("enable")) is not None
    )


def _enables(machines: Sequence[Equipment]) -> list[PointId]:
    found = (None if machine.exempt else machine.commanded("enable") for machine in machines)
    return [point for point in found if point is not None]


def guarded_tanks(equipment: Mapping[str, Equipment]) -> tuple[GuardedTank, ...]:
    """The tanks and pits of one base that have instruments; `equipment` by short name."""
    found = []
    for name, tank in equipment.items():
        if tank.kind.name not in ("tank", "sump"):
            continue
        machines = equipment.values()
        fillers = [one for one in machines if one.relations.fills == name]
        drawers = [one for one in machines if one.relations.draws_from == name]
        guarded = GuardedTank(tank, fillers, drawers)
        if guarded.tells and guarded.writes:
            found.append(guarded)
    return tuple(found)
