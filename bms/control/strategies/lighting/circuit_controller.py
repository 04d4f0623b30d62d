"""One lamp circuit: on by schedule and presence, unless day or daylight makes it needless. Pure.

`on = (schedule and presence) or extended or full`; what is not known counts as reason for light.
Each circuit is a controller of its own, asked only when one of its sensors or its schedule changes
or a delay is over: hundreds of circuits at rest cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from bms.config.site import Group
from bms.control.blocks.commanded import NOTHING, Commanded
from bms.control.blocks.delays import later, quarter_after, soonest
from bms.control.blocks.replacing import replace
from bms.control.engine.protection import is_on
from bms.control.strategies import group as groups
from bms.control.strategies.lighting import lamp_watch
from bms.control.strategies.lighting.circuits import Circuit
from bms.control.strategies.lighting.daylight import Daylight, watch_daylight
from bms.control.strategies.lighting.lamp_watch import LampWatch, watch_lamps
from bms.control.strategies.lighting.lighting_parameters import LightingParameters
from bms.control.strategies.lighting.lighting_words import Findings, unknown_mode
from bms.control.strategies.lighting.night import (
    CONTRADICTS_S,
    Darkness,
    Nights,
    SunSays,
    cell_dark,
    vote,
)
from bms.control.strategies.lighting.presence import (
    DOUBT_S,
    Presence,
    Seen,
    seen,
    watch_presence,
)
from bms.control.strategies.lighting.sweep import Sweep, blinks, watch_sweep
from bms.core.decisions import Award, Command, Decision, Priority, Snapshot, Stage
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId, Value

MODES: Final = ("on", "off", "full")
"""`full`: lit whoever is there and however bright it is: cleaning, an inspection, an alarm."""
LOOK_S: Final = 30.0
"""Light sensors are looked at so often; presence at once."""
_SETTLES_S: Final = 60.0
"""Lamps and meters have followed a command after this."""
_DAY_S: Final = 86400.0
_LEAST_LIT_PCT: Final = lamp_watch.LEAST_PCT
"""What a circuit is told at least that somebody else has switched on."""


@dataclass(frozen=True, slots=True)
class CircuitState:
    """Everything that one circuit remembers."""

    presence: Presence = field(default_factory=Presence)
    daylight: Daylight = field(default_factory=Daylight)
    darkness: Darkness = field(default_factory=Darkness)
    sweep: Sweep = field(default_factory=Sweep)
    lamps: LampWatch = field(default_factory=LampWatch)
    told_pct: float = 0.0
    """What it was told last, 0 for off."""
    power_due_s: float = 0.0
    """When what its lamps draw is looked at again: on quarter hours, when meters are read too."""


class _Wish(NamedTuple):
    """What a circuit is to do, and why; `cause` is the same for as long as the reason is."""

    pct: float
    cause: str
    why: Message


class CircuitController:
    """See the module."""

    stage = Stage.SEQUENCE
    priority = Priority.SEQUENCE

    def __init__(
        self, group: Group, circuit: Circuit, cells: tuple[Equipment, ...], nights: Nights | None
    ) -> None:
        self.name = f"lighting:{circuit.machine.id}"
        self._group = group
        self._circuit = circuit
        self._parameters: LightingParameters = group.parameters
        self._cells = cells
        self._nights = nights
        self._level_point = group.setpoint_point("level_pct")
        outputs = (circuit.enable, circuit.level, circuit.warning)
        self.writes = frozenset(point for point in outputs if point is not None)
        self._quick = frozenset(
            {
                group.mode_point,
                self._level_point,
                *circuit.presence,
                *circuit.extend,
                *(cell.points["dark"] for cell in cells if "dark" in cell.points),
            }
        )
        """What is answered in the same cycle."""
        self._bright = self._quick | set(circuit.lux)
        slow = {circuit.machine.points.get(role) for role in ("power", "local")}
        slow |= {
            *circuit.lux,
            *circuit.neighbours,
            *(cell.points.get("illuminance") for cell in cells),
        }
        self.reads = self._quick | frozenset(point for point in slow if point is not None)
        self._looks = bool(circuit.lux and circuit.daylight) or any(
            "dark" not in cell.points for cell in cells
        )
        self._lights = (
            *circuit.lux,
            *(cell.points["illuminance"] for cell in cells if "illuminance" in cell.points),
        )
        self._shown: list[Value | None] | None = None
        """What light sensors showed at the last look."""
        self._all_still = self._quick.union(self._lights, circuit.neighbours)
        """What it stands on while they show the same: at night there is nothing to look for."""
        self._findings = Findings(circuit, cells, self._parameters)
        self._last = NOTHING

    def initial(self) -> CircuitState:
        return CircuitState()

    def decide(
        self, snapshot: Snapshot, state: CircuitState, now: datetime
    ) -> Decision[CircuitState]:
        mode = snapshot.awards.get(self._group.mode_point)
        if mode is None:
            return Decision((), CircuitState(), depends_on=self._quick)
        if mode.value not in MODES:
            wrong = unknown_mode(self._group, mode.value, MODES)
            return Decision((), CircuitState(), (wrong,), depends_on=self._quick)
        circuit, watched_s = self._circuit, snapshot.watched_s
        sun = None if self._nights is None else self._nights.at(now)
        state = self._drawn(snapshot, self._look(snapshot, state, sun, mode), now)
        wish = self._wish(snapshot, state, mode.value, watched_s)
        blink = blinks(state.sweep, circuit.sweep, watched_s)
        pct = 0.0 if blink else wish.pct
        if pct != state.told_pct:
            lamps = replace(state.lamps, burns_since_s=None, dead_since_s=None)
            due_s = watched_s + _SETTLES_S
            state = replace(state, told_pct=pct, lamps=lamps, power_due_s=due_s)
        commands = self._commands(snapshot, state, wish, mode)
        still = self._still(snapshot) and state.daylight.rests
        # Lamps that daylight replaces come back with the first cloud.
        quick = self._bright if state.daylight.bright else self._quick
        return Decision(
            commands,
            state,
            self._findings.conditions(
                state.presence, state.daylight, state.darkness, state.lamps, watched_s
            ),
            stands_until=None if sun is None else sun.until,
            stands_until_s=self._due_s(state, watched_s, still=still),
            depends_on=self._all_still if still else quick,
        )

    # --- looking -----------------------------------------------------------------------------

    def _look(
        self, snapshot: Snapshot, state: CircuitState, sun: SunSays | None, mode: Award
    ) -> CircuitState:
        circuit, watched_s = self._circuit, snapshot.watched_s
        darkness = state.darkness
        if sun is not None or self._cells:
            before = darkness.cells or (None,) * len(self._cells)
            shown = [
                self._cell(snapshot, cell, old)
                for cell, old in zip(self._cells, before, strict=False)
            ]
            darkness = vote(darkness, sun, shown, watched_s)
        daylight = state.daylight
        if circuit.daylight is not None:
            night = sun is not None and sun.dark and not sun.twilight
            daylight = watch_daylight(
                daylight,
                self._lux(snapshot),
                watched_s,
                circuit.daylight,
                lit=state.told_pct > 0.0,
                no_light=night and not self._neighbours_burn(snapshot, state),
            )
        pushed = any(snapshot.flag(point) for point in circuit.extend)
        sweep = watch_sweep(
            state.sweep,
            circuit.sweep,
            watched_s,
            on=mode.value != "off",
            lit=state.told_pct > 0.0,
            pushed=pushed,
        )
        flags = groups.flags(snapshot, circuit.presence)
        return replace(
            state,
            presence=watch_presence(state.presence, flags, watched_s),
            daylight=daylight,
            darkness=darkness,
            sweep=sweep,
        )

    def _still(self, snapshot: Snapshot) -> bool:
        """Whether light sensors show what they showed at the last look."""
        shown = [snapshot.good(point) for point in self._lights]
        before, self._shown = self._shown, shown
        return shown == before

    def _cell(self, snapshot: Snapshot, cell: Equipment, before: bool | None) -> bool | None:
        contact, light = cell.points.get("dark"), cell.points.get("illuminance")
        return cell_dark(
            None if contact is None else snapshot.flag(contact),
            None if light is None else snapshot.number(light),
            self._parameters.photocell_lux,
            before,
        )

    def _lux(self, snapshot: Snapshot) -> float | None:
        """The darkest of its sensors; None if none of them can be read."""
        shown = [lux for p in self._circuit.lux if (lux := snapshot.number(p)) is not None]
        return min(shown) if len(shown) == len(self._circuit.lux) else None

    def _neighbours_burn(self, snapshot: Snapshot, state: CircuitState) -> bool:
        others = (p for p in self._circuit.neighbours if p != self._circuit.enable)
        return state.told_pct > 0.0 or any(snapshot.flag(p) is not False for p in others)

    def _drawn(self, snapshot: Snapshot, state: CircuitState, now: datetime) -> CircuitState:
        """The state after a look at what its lamps draw, if one is due."""
        points, watched_s = self._circuit.machine.points, snapshot.watched_s
        power, local = points.get("power"), points.get("local")
        if power is None or watched_s < state.power_due_s:
            return state
        told_pct = state.told_pct
        others = groups.overruled(snapshot, self._circuit.enable, self.priority)
        if others is not None and is_on(others.value) != (told_pct > 0.0):
            told_pct = _LEAST_LIT_PCT if is_on(others.value) else 0.0
        by_hand = local is not None and bool(snapshot.flag(local))
        drawn = None if by_hand else snapshot.number(power)
        rated_kw = self._circuit.machine.rated_kw
        lamps = watch_lamps(state.lamps, drawn, rated_kw, told_pct, watched_s)
        wait_s = (quarter_after(now) - now).total_seconds()
        doubts = lamps.burns_since_s == watched_s or lamps.dead_since_s == watched_s
        if doubts:  # it is told only if it is still so then
            wait_s = min(wait_s, lamp_watch.SURE_S)
        return replace(state, lamps=lamps, power_due_s=watched_s + wait_s)

    # --- deciding ----------------------------------------------------------------------------

    def _wish(
        self, snapshot: Snapshot, state: CircuitState, mode: Value, watched_s: float
    ) -> _Wish:
        circuit = self._circuit
        asked = groups.setpoint(snapshot, self._group, "level_pct")
        on_pct = max(100.0 if asked is None else asked, circuit.floor_pct)
        if on_pct <= 0.0:
            return _Wish(0.0, "level", msg("the level that is asked for is 0 %"))
        if mode == "full":
            return _Wish(100.0, "full", msg("all lamps, whoever is there"))
        if state.sweep.extended_until_s is not None:
            return _Wish(
                on_pct,
                "extended",
                msg(
                    "somebody asked for light for {minutes:g} min",
                    minutes=circuit.sweep.extend_s / 60,
                ),
            )
        if self._parameters.only_dark and state.darkness.dark is False:
            return _Wish(0.0, "day", msg("it is day outside"))
        if state.daylight.bright:
            lux, rules = state.daylight.shown_lux, circuit.daylight
            target = 0.0 if rules is None else rules.target_lux
            why = msg(
                "daylight is enough: {light_lx:.0f} lx where {target_lx:.0f} lx are asked",
                light_lx=lux or 0.0,
                target_lx=target,
            )
            return _Wish(0.0, "daylight", why)
        if mode == "off":
            if state.sweep.closing_since_s is not None:
                return _Wish(
                    on_pct,
                    "closing",
                    msg("closing: off in {minutes:g} min", minutes=circuit.sweep.warning_s / 60),
                )
            return self._floor(0.0, "closed", msg("closed"))
        return self._occupied(state, on_pct, watched_s)

    def _occupied(self, state: CircuitState, on_pct: float, watched_s: float) -> _Wish:
        circuit = self._circuit
        found = seen(state.presence, circuit.vacancy_s, watched_s)
        if found is Seen.VACANT:
            least = self._parameters.vacant_pct if circuit.level is not None else 0.0
            why = msg("nobody for {minutes:g} min", minutes=circuit.vacancy_s / 60)
            return self._floor(min(least, on_pct), "vacant", why)
        if found is Seen.UNKNOWN:
            return _Wish(on_pct, found, msg("a presence sensor cannot be read: as scheduled"))
        if found is Seen.ALWAYS:
            return _Wish(on_pct, found, msg("as scheduled"))
        # Somebody who has just left is still somebody: coming and going changes no reason.
        return _Wish(on_pct, "present", msg("somebody is there, or was a moment ago"))

    def _floor(self, pct: float, cause: str, why: Message) -> _Wish:
        floor = self._circuit.floor_pct
        if floor <= pct:
            return _Wish(pct, cause, why)
        least = floor if self._circuit.level is not None else 100.0
        text = msg("{reason}; never below {floor:g} %", reason=why, floor=floor)
        return _Wish(least, f"{cause}, floor", text)

    # --- telling -----------------------------------------------------------------------------

    def _commands(
        self, snapshot: Snapshot, state: CircuitState, wish: _Wish, mode: Award
    ) -> tuple[Command, ...]:
        circuit, on = self._circuit, state.told_pct > 0.0
        closing = state.sweep.closing_since_s is not None
        asked = groups.setpoint(snapshot, self._group, "level_pct")
        # A circuit that is off keeps its level: one write less, and the next start is right.
        level = wish.pct if wish.pct > 0.0 else (100.0 if asked is None else asked)
        key = (on, level, closing, wish.cause, mode)
        if self._last.key == key:
            return self._last.commands
        reason = groups.because(wish.why, mode)
        commands = [self._command(circuit.enable, int(on), reason)]
        if circuit.level is not None:
            commands.append(self._command(circuit.level, level, reason))
        if circuit.warning is not None:
            warns = closing and circuit.warns_by == "point"
            commands.append(self._command(circuit.warning, int(warns), reason))
        self._last = Commanded(key, tuple(commands))
        return self._last.commands

    def _command(self, point: PointId, value: Value, reason: str) -> Command:
        return Command(
            point=point, value=value, priority=self.priority, source=self.name, reason=reason
        )

    def _due_s(self, state: CircuitState, watched_s: float, *, still: bool) -> float | None:
        """When it has to be asked though nothing has changed."""
        circuit, presence, sweep = self._circuit, state.presence, state.sweep
        times = [
            later(presence.vacant_since_s, circuit.vacancy_s),
            later(presence.unknown_since_s, DOUBT_S),
            later(sweep.closing_since_s, circuit.sweep.blink_s),
            later(sweep.closing_since_s, circuit.sweep.warning_s),
            sweep.extended_until_s,
        ]
        if self._looks and not still:
            times.append(watched_s + LOOK_S)
        if still and circuit.daylight is not None:
            times.append(later(state.daylight.shown_s, circuit.daylight.frozen_s))
        if self._parameters.unchanged_days and presence.changed_s:
            days_s = self._parameters.unchanged_days * _DAY_S
            times.append(min(presence.changed_s) + days_s)
        if "power" in circuit.machine.points:
            doubt = state.lamps.burns_since_s or state.lamps.dead_since_s
            times += [state.power_due_s, later(doubt, lamp_watch.SURE_S)]
        times += [later(s, CONTRADICTS_S) for s in state.darkness.against_since_s]
        return soonest(watched_s, *times)
