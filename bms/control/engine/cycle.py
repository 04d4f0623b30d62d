"""The cycle: decide, arbitrate, protect, find the due writes. Pure.

A quiet cycle is cheap: controllers return the commands they returned before, so nothing is
arbitrated, and an output is only looked at where a reading differs from what confirmed it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

from bms.alarms import Alarm, AlarmEvent, advance
from bms.control.engine import protection
from bms.control.engine.arbiter import AwardChange, award
from bms.control.engine.outputs import Outputs, SavedOutput
from bms.control.engine.protection import same_value, same_winner
from bms.control.engine.seats import Seat, check_commands
from bms.control.engine.states import Codec
from bms.core.decisions import (
    Award,
    Command,
    Condition,
    Controller,
    OutputRules,
    Severity,
    Snapshot,
    Stage,
)
from bms.texts.messages import msg
from drivers.base import Write, WriteResult
from drivers.points import PointId, Sample

__all__ = ["AwardChange", "Cycle", "Engine"]

FAILURES_BEFORE_RELINQUISH = 3
"""A failing controller's commands stand until it failed this often in a row."""
SAVED_ALARM_FOR = timedelta(hours=1)
"""How long it is reported that a saved state could not be used."""
PROTECTION = "protection"
"""Key of the outputs' protection among the saved states; no controller may have this name."""

_NO_AWARDS: Mapping[PointId, Award] = MappingProxyType({})


Assume: TypeAlias = Callable[
    [Mapping[PointId, Sample], Mapping[PointId, Award]], Mapping[PointId, Sample]
]


@dataclass(frozen=True, slots=True)
class Cycle:
    """What one cycle decided."""

    time: datetime
    snapshot: Snapshot
    """What the SEQUENCE stage saw: its awards are those of the SUPERVISE stage and of minimum
    times in force."""
    awards: Mapping[PointId, Award]
    """Every award in force after this cycle."""
    changed: tuple[AwardChange, ...]
    """Points whose winner is another, or gone."""
    reordered: tuple[AwardChange, ...]
    """Points whose winner stays, and whose losers are others."""
    writes: tuple[Write, ...]
    alarms: tuple[AlarmEvent, ...]


class Engine:
    """Controllers, the awards they lead to, and the outputs they end in.

    `saved` comes from `states()` before the restart. A state that no longer fits is reported as a
    condition, and its controller starts from the beginning. `assume` turns the values that were
    read and awarded into those that the controllers see, for outputs that are commanded in shadow
    only. Raises ValueError if two controllers share a name.
    """

    def __init__(
        self,
        controllers: Sequence[Controller[Any]],
        outputs: Mapping[PointId, OutputRules],
        saved: Mapping[str, object] = MappingProxyType({}),
        assume: Assume | None = None,
    ) -> None:
        self._assume = assume
        self._codec = Codec()
        self._saved_problems: list[Condition] = []
        self._saved_problems_until: datetime | None = None
        self._unclaimed = dict(saved)
        """Saved states of controllers that are not there (yet)."""
        self._outputs = Outputs(outputs, self._restored_outputs())
        self._seats: dict[str, Seat] = {}
        self._stages: dict[Stage, list[Seat]] = {}
        # Commands by point and controller; SEQUENCE may see those of SUPERVISE.
        self._commands: dict[Stage, dict[PointId, dict[str, Command]]] = {s: {} for s in Stage}
        self._touched: dict[PointId, None] = {}
        self._expiries: list[tuple[datetime, PointId]] = []
        self._early: dict[PointId, Award] = {}
        self._early_view: Mapping[PointId, Award] = _NO_AWARDS
        self._early_touched: dict[PointId, None] = {}
        self._awards: dict[PointId, Award] = {}
        self._awards_view: Mapping[PointId, Award] = _NO_AWARDS
        self._conditions: list[Condition] = []
        self._alarms: Mapping[str, Alarm] = {}
        self._time: datetime | None = None
        for point in outputs:
            hold = self._outputs.hold(point)
            if hold is not None:
                self._expires(point, hold.until)
                self._touched[point] = None
        self.replace(controllers)

    # --- the cycle ---------------------------------------------------------------------------

    def cycle(
        self,
        samples: Mapping[PointId, Sample],
        now: datetime,
        conditions: Sequence[Condition] = (),
    ) -> Cycle:
        """Run one cycle on `samples` at `now` (aware UTC).

        `conditions` come from outside and hold now: a link that is down, a rejected schedule.
        """
        if self._time is not None and now < self._time:
            self._clock_set_back(now)
        self._time = now
        for point in self._outputs.unknown:
            self._touched[point] = None
        while self._expiries and self._expiries[0][0] <= now:
            self._touched[heapq.heappop(self._expiries)[1]] = None
        seen = samples if self._assume is None else self._assume(samples, self._awards)
        snapshot = Snapshot(now, seen, _NO_AWARDS)
        for seat in self._stages[Stage.SUPERVISE]:
            self._decide(seat, snapshot, now)
        if self._touched or self._early_touched:
            self._arbitrate_early(now)
        snapshot = Snapshot(now, seen, self._early_view)
        for seat in self._stages[Stage.SEQUENCE]:
            self._decide(seat, snapshot, now)
        if self._assume is not None:
            snapshot = Snapshot(now, samples, self._early_view)
        changed, reordered = self._arbitrate(samples, now) if self._touched else ((), ())
        writes = self._outputs.due(samples, now)
        alarms = self._advance_alarms(conditions, now)
        return Cycle(now, snapshot, self._awards_view, changed, reordered, writes, alarms)

    def written(self, results: Sequence[WriteResult], now: datetime) -> None:
        """What became of writes that earlier cycles gave out."""
        self._outputs.written(results, now)

    def replace(self, controllers: Sequence[Controller[Any]]) -> None:
        """Control with these from the next cycle on.

        A controller keeps the state and, until it decides, the commands of the one that had its
        name; the commands of those that are gone are dropped.
        """
        names = [controller.name for controller in controllers]
        doubled = sorted({name for name in names if names.count(name) > 1 or name == PROTECTION})
        if doubled:
            raise ValueError(
                msg("controller names taken twice: {doubled}", doubled=", ".join(doubled))
            )
        before = self._seats
        self._seats = {}
        for controller in controllers:
            seat = before.pop(controller.name, None)
            if seat is not None and seat.controller.stage is controller.stage:
                if type(seat.controller.initial()) is not type(controller.initial()):
                    seat.state = controller.initial()
                seat.controller = controller
                seat.failures = 0
            else:
                if seat is not None:
                    self._take(seat, ())
                seat = Seat(controller, self._restored(controller))
            self._seats[controller.name] = seat
        for seat in before.values():
            self._take(seat, ())
        self._stages = {
            stage: [s for s in self._seats.values() if s.controller.stage is stage]
            for stage in Stage
        }

    def renew(
        self,
        controllers: Sequence[Controller[Any]],
        outputs: Mapping[PointId, OutputRules],
        assume: Assume | None,
        moved: Collection[PointId] = (),
    ) -> None:
        """Go on with other equipment: what keeps its name keeps its state.

        `moved` are outputs that are at another place now: they are commanded there as if for the
        first time.
        """
        self._assume = assume
        for point in moved:
            self._awards.pop(point, None)
            self._early.pop(point, None)
        for point in self._outputs.renew(outputs, moved):
            self._touched[point] = None
        self.replace(controllers)

    # --- questions ---------------------------------------------------------------------------

    def why(self, point: PointId) -> Award | None:
        """The award in force; a minimum time is told as of the last cycle."""
        found = self._awards.get(point)
        if found is None or self._time is None:
            return found
        return protection.retold(found, self._outputs.hold(point), self._time)

    def alarms(self) -> tuple[Alarm, ...]:
        """What is abnormal, the most severe first."""
        return tuple(sorted(self._alarms.values(), key=lambda a: (a.severity, a.since, a.key)))

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition that held in the last cycle."""
        return tuple(self._conditions)

    def state_of(self, name: str) -> object:
        """The state of a controller; None if there is no such controller, or it has none."""
        seat = self._seats.get(name)
        return seat.state if seat is not None else None

    def states(self) -> dict[str, object]:
        """What must survive a restart, as JSON values by controller name."""
        states: dict[str, object] = dict(self._unclaimed)
        for name, seat in self._seats.items():
            if seat.state is not None:
                states[name] = self._codec.encode(seat.state)
        states[PROTECTION] = {
            point: self._codec.encode(output) for point, output in self._outputs.saved().items()
        }
        return states

    # --- deciding ----------------------------------------------------------------------------

    def _decide(self, seat: Seat, snapshot: Snapshot, now: datetime) -> None:
        controller = seat.controller
        try:
            decision = controller.decide(snapshot, seat.state, now)
            commands = decision.commands
            if commands is not seat.commands:
                check_commands(controller, commands)
                self._take(seat, commands)
        except Exception as error:  # one controller's defect must not stop the others
            seat.failures += 1
            if seat.failures >= FAILURES_BEFORE_RELINQUISH and seat.commands:
                self._take(seat, ())
            kept = msg("its last commands stand") if seat.commands else msg("it commands nothing")
            seat.conditions = (
                Condition(
                    f"controller:{controller.name}",
                    Severity.CRITICAL,
                    msg(
                        "controller {controller} failed: {error_type}: {error}; {kept}",
                        controller=controller.name,
                        error_type=type(error).__name__,
                        error=error,
                        kept=kept,
                    ),
                ),
            )
            return
        seat.state = decision.state
        seat.conditions = decision.conditions
        seat.failures = 0

    def _take(self, seat: Seat, commands: tuple[Command, ...]) -> None:
        """Put a controller's commands in place of its last ones; notes the points that differ."""
        name = seat.controller.name
        by_point = self._commands[seat.controller.stage]
        gone = {command.point: command for command in seat.commands}
        for command in commands:
            before = gone.pop(command.point, None)
            if before is command or before == command:
                continue
            by_point.setdefault(command.point, {})[name] = command
            self._touched[command.point] = None
            if command.expires is not None:
                self._expires(command.point, command.expires)
        for point in gone:
            rest = by_point[point]
            del rest[name]
            if not rest:
                del by_point[point]
            self._touched[point] = None
        seat.commands = commands

    def _expires(self, point: PointId, when: datetime) -> None:
        heapq.heappush(self._expiries, (when, point))

    def _clock_set_back(self, now: datetime) -> None:
        """Every answer may be another one at an earlier time: ask for all of them again."""
        self._outputs.clock_set_back(now)
        self._expiries = []
        for by_point in self._commands.values():
            for point, commands in by_point.items():
                self._touched[point] = None
                for command in commands.values():
                    if command.expires is not None:
                        self._expires(point, command.expires)
        for point in self._awards:
            self._touched[point] = None
            hold = self._outputs.hold(point)
            if hold is not None:
                self._expires(point, hold.until)

    # --- arbitrating -------------------------------------------------------------------------

    def _arbitrate_early(self, now: datetime) -> None:
        """What the SEQUENCE stage may see: supervision, operators, minimum times in force."""
        supervised = self._commands[Stage.SUPERVISE]
        differs = False
        for point in {**self._touched, **self._early_touched}:
            commands = [*supervised.get(point, {}).values()]
            if point in self._outputs:
                hold = self._outputs.hold_command(point, now)
                if hold is not None:
                    commands.append(hold)
            found = award(commands, now) if commands else None
            before = self._early.get(point)
            if found == before:
                continue
            differs = True
            if found is None:
                del self._early[point]
            else:
                self._early[point] = found
        self._early_touched = {}
        if differs:
            self._early_view = MappingProxyType(self._early.copy())

    def _arbitrate(
        self, samples: Mapping[PointId, Sample], now: datetime
    ) -> tuple[tuple[AwardChange, ...], tuple[AwardChange, ...]]:
        """The points whose winner changed, and those of which only the losers did."""
        changes: list[AwardChange] = []
        reordered: list[AwardChange] = []
        differs = False
        touched, self._touched = self._touched, {}
        for point in touched:
            commands: list[Command] = []
            for by_point in self._commands.values():
                commands.extend(by_point.get(point, {}).values())
            found = award(commands, now) if commands else None
            output = point in self._outputs
            if output:
                found, hold_until = self._outputs.protect(point, found, samples.get(point), now)
                if hold_until is not None:
                    self._expires(point, hold_until)
                    self._early_touched[point] = None
            before = self._awards.get(point)
            if found == before:
                continue
            differs = True
            if found is None:
                del self._awards[point]
            else:
                self._awards[point] = found
            if output and not same_value(found, before):
                self._outputs.want(point, found.value if found is not None else None)
            if not same_winner(found, before):
                changes.append(self._change(point, found))
            elif found is not None and before is not None and found.losers != before.losers:
                reordered.append(self._change(point, found))
        if differs:
            self._awards_view = MappingProxyType(self._awards.copy())
        return tuple(changes), tuple(reordered)

    def _change(self, point: PointId, found: Award | None) -> AwardChange:
        held = found is not None and found.winner.source == protection.MIN_ON_OFF_SOURCE
        hold = self._outputs.hold(point) if held else None
        return AwardChange(point, found, hold.since if hold is not None else None)

    # --- alarms and saved states -------------------------------------------------------------

    def _advance_alarms(
        self, external: Iterable[Condition], now: datetime
    ) -> tuple[AlarmEvent, ...]:
        conditions = [c for seat in self._seats.values() for c in seat.conditions]
        conditions.extend(self._outputs.conditions)
        conditions.extend(external)
        if self._saved_problems:
            until = self._saved_problems_until = self._saved_problems_until or now + SAVED_ALARM_FOR
            if now < until:
                conditions.extend(self._saved_problems)
        if conditions == self._conditions:
            return ()
        self._conditions = conditions
        self._alarms, events = advance(self._alarms, conditions, now)
        return events

    def _restored(self, controller: Controller[Any]) -> object:
        initial = controller.initial()
        data = self._unclaimed.pop(controller.name, None)
        if data is None or initial is None:
            return initial
        try:
            return self._codec.decode(type(initial), data)
        except ValueError as error:
            self._report_saved(controller.name, error)
            return initial

    def _restored_outputs(self) -> Mapping[PointId, SavedOutput]:
        data = self._unclaimed.pop(PROTECTION, None)
        if data is None:
            return {}
        try:
            restored: Mapping[PointId, SavedOutput] = self._codec.decode(
                dict[str, SavedOutput], data
            )
        except ValueError as error:
            self._report_saved(PROTECTION, error)
            return {}
        return restored

    def _report_saved(self, name: str, error: ValueError) -> None:
        self._saved_problems.append(
            Condition(
                f"saved:{name}",
                Severity.NORMAL,
                msg(
                    "the saved state of {name} cannot be used, so it starts over: {error}",
                    name=name,
                    error=error,
                ),
            )
        )
