"""The cycle: decide, arbitrate, protect, find the due writes. Pure.

A quiet cycle is cheap: controllers return the commands they returned before, so nothing is
arbitrated, and an output is only looked at where a reading differs from what confirmed it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, TypeAlias

from bms.alarms import Alarm, AlarmEvent, advance
from bms.control.engine import minimum_times
from bms.control.engine.arbiter import AwardChange
from bms.control.engine.facts import Facts, all_bad
from bms.control.engine.layers import Wishes
from bms.control.engine.outputs import Outputs, SavedOutput
from bms.control.engine.protection import same_value, same_winner
from bms.control.engine.seats import Seat, Standing, check_commands, staged
from bms.control.engine.states import Codec, Restored
from bms.control.engine.steady_time import SteadyTime, by_the_wall, looked, resumed
from bms.core.decisions import (
    Award,
    Condition,
    Controller,
    Fact,
    OutputRules,
    Severity,
    Snapshot,
    Stage,
    Steady,
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
STEADY = "steady"
"""Key of the steady time there; nor this one."""
RESERVED = frozenset({PROTECTION, STEADY})

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
    facts: Mapping[PointId, Sample] = field(default_factory=dict)
    """What controllers have worked out, for the next cycle to see among its samples; the same
    object as in the last cycle if nothing is different."""


class Engine:
    """Controllers, the awards they lead to, and the outputs they end in.

    `saved` comes from `states()` before the restart. A state that no longer fits is reported as a
    condition, and its controller starts from the beginning. `assume` turns the values that were
    read and awarded into those that the controllers see, for outputs that are commanded in shadow
    only. A step of more than `watched_s` seconds counts for no delay: nobody looked on. Raises
    ValueError if two controllers share a name.
    """

    def __init__(
        self,
        controllers: Sequence[Controller[Any]],
        outputs: Mapping[PointId, OutputRules],
        saved: Mapping[str, object] = MappingProxyType({}),
        assume: Assume | None = None,
        watched_s: float = math.inf,
    ) -> None:
        self._assume = assume
        self._watched_s = watched_s
        self._codec = Codec()
        self._restore = Restored(saved, self._codec)
        self._saved_problems_until: datetime | None = None
        held: Mapping[PointId, SavedOutput] = {}
        held = self._restore.take(PROTECTION, dict[PointId, SavedOutput], held)
        self._outputs = Outputs(outputs, held)
        self._seats: dict[str, Seat] = {}
        self._stages: dict[Stage, list[Seat]] = {}
        self._wishes = Wishes()
        self._standing = Standing()
        self._ends: list[tuple[float, PointId]] = []
        """Minimum times in force, by the steady second in which they end."""
        self._facts = Facts()
        self._awards: dict[PointId, Award] = {}
        self._awards_view: Mapping[PointId, Award] = _NO_AWARDS
        self._conditions: list[Condition] = []
        self._alarms: Mapping[str, Alarm] = {}
        self._time: datetime | None = None
        self._steady = self._restore.take(STEADY, SteadyTime, SteadyTime())
        self._begun = False
        self.replace(controllers)

    # --- the cycle ---------------------------------------------------------------------------

    def cycle(
        self,
        samples: Mapping[PointId, Sample],
        now: datetime,
        conditions: Sequence[Condition] = (),
        steady: Steady | None = None,
    ) -> Cycle:
        """Run one cycle on `samples` at `now` (aware UTC).

        `conditions` come from outside and hold now: a link that is down, a rejected schedule.
        `steady` is the machine's clock that nobody sets; without it, `now` is taken for one.
        """
        self._look(steady, now)
        self._time = now
        for point in self._outputs.unknown:
            self._wishes.again(point)
        self._wishes.expire(now)
        while self._ends and self._ends[0][0] <= self._steady.steady_s + 0.001:
            self._wishes.again(heapq.heappop(self._ends)[1])
        seen = samples if self._assume is None else self._assume(samples, self._awards)
        self._standing.look(seen)
        watched_s = self._steady.watched_s
        snapshot = sequenced = self._snapshot(seen, _NO_AWARDS, now)
        for stage, seats in self._stages.items():
            if not seats:
                continue
            if stage is not Stage.SUPERVISE:
                others = self._wishes.refresh(stage, self._outputs.hold_command, now)
                self._standing.awarded(others, stage)
                snapshot = self._snapshot(seen, self._wishes.view(stage), now)
            if stage is Stage.SEQUENCE:
                sequenced = snapshot
            for seat in seats:
                if seat.asked(now, watched_s):
                    self._decide(seat, snapshot, now)
        if self._assume is not None:
            sequenced = self._snapshot(samples, sequenced.awards, now)
        self._facts.confirm(now)
        changed, reordered = self._arbitrate(samples, now) if self._wishes.touched else ((), ())
        writes = self._outputs.due(samples, now)
        alarms = self._advance_alarms(conditions, now)
        return Cycle(
            now, sequenced, self._awards_view, changed, reordered, writes, alarms, self._facts.view
        )

    def _look(self, steady: Steady | None, now: datetime) -> None:
        at = by_the_wall(self._steady, self._time, now) if steady is None else steady
        first, back = not self._begun, self._time is not None and now < self._time
        if self._begun:
            self._steady = looked(self._steady, at, self._watched_s)
        else:
            self._steady, self._begun = resumed(self._steady, at), True
        time = self._steady
        told = self._outputs.look(minimum_times.Instant(now, time.steady_s, time.boots))
        for point in self._outputs.held if first or back else told:
            self._held(point)
        if back:
            self._clock_set_back()

    def _snapshot(
        self, samples: Mapping[PointId, Sample], awards: Mapping[PointId, Award], now: datetime
    ) -> Snapshot:
        time = self._steady
        return Snapshot(now, samples, awards, time.steady_s, time.watched_s, time.boot)

    def written(self, results: Sequence[WriteResult], now: datetime) -> None:
        """What became of writes that earlier cycles gave out."""
        self._outputs.written(results, now)

    def replace(self, controllers: Sequence[Controller[Any]]) -> None:
        """Control with these from the next cycle on.

        A controller keeps the state and, until it decides, the commands of the one that had its
        name; the commands of those that are gone are dropped.
        """
        names = [controller.name for controller in controllers]
        doubled = sorted({name for name in names if names.count(name) > 1 or name in RESERVED})
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
                seat.failures, seat.stands = 0, False
            else:
                if seat is not None:
                    self._drop(seat)
                seat = Seat(controller, self._restored(controller))
            self._seats[controller.name] = seat
        for seat in before.values():
            self._drop(seat)
        self._stages = staged(self._seats.values())
        # Who reads a cycle sees what SEQUENCE saw, also where nothing is sequenced.
        self._wishes.use(lambda stage: bool(self._stages[stage]) or stage is Stage.SEQUENCE)
        self._standing.forget()

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
        self._wishes.forget(tuple(moved))
        for point in self._outputs.renew(outputs, moved):
            self._wishes.again(point)
        self.replace(controllers)

    def keep_facts(self, points: Container[PointId]) -> None:
        """What was worked out for others is no longer a point."""
        self._facts.keep(points)

    # --- questions ---------------------------------------------------------------------------

    def left_s(self, now: datetime, least_s: float = 0.0) -> float:
        """For how many seconds nothing will be decided or written if nothing is read differently.

        0: a controller is asked in each cycle, or the last one decided something. What is not more
        than `least_s` is not looked at any closer.
        """
        watched_s = self._steady.watched_s
        if self._wishes.touched:
            return 0.0
        ends_s = self._ends[0][0] - self._steady.steady_s if self._ends else math.inf
        left_s = min(ends_s, self._wishes.left_s(now), self._outputs.left_s(now))
        for seat in self._seats.values():
            if left_s <= least_s:
                break
            left_s = min(left_s, seat.left_s(now, watched_s))
        return max(0.0, left_s)

    def why(self, point: PointId) -> Award | None:
        """The award in force; a minimum time is told as of the last cycle."""
        found = self._awards.get(point)
        if found is None or self._time is None:
            return found
        return minimum_times.retold(found, self._outputs.hold(point), self._time)

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
        states: dict[str, object] = dict(self._restore.unclaimed)
        for name, seat in self._seats.items():
            if seat.state is not None:
                states[name] = self._codec.encode(seat.state)
        states[PROTECTION] = {
            point: self._codec.encode(output) for point, output in self._outputs.saved().items()
        }
        states[STEADY] = self._codec.encode(self._steady)
        return states

    # --- deciding ----------------------------------------------------------------------------

    def _decide(self, seat: Seat, snapshot: Snapshot, now: datetime) -> None:
        controller = seat.controller
        try:
            decision = controller.decide(snapshot, seat.state, now)
            commands = decision.commands
            if commands is not seat.commands:
                check_commands(controller, commands)
                self._wishes.take(seat, commands)
            self._publish(seat, decision.facts, now)
            seat.settle(decision)
            self._standing.stand(seat)
        except Exception as error:  # one controller's defect must not stop the others
            seat.failures += 1
            seat.stands = False
            if seat.failures >= FAILURES_BEFORE_RELINQUISH and seat.commands:
                self._wishes.take(seat, ())
            failed = msg("controller {controller} failed", controller=controller.name)
            self._publish(seat, all_bad(seat.facts, failed), now)
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

    def _publish(self, seat: Seat, facts: tuple[Fact, ...], now: datetime | None) -> None:
        if facts is not seat.facts and facts != seat.facts and now is not None:
            self._facts.put(seat.facts, facts, now)
        seat.facts = facts

    def _drop(self, seat: Seat) -> None:
        """A controller is gone, with what it commanded and published."""
        self._wishes.take(seat, ())
        self._publish(seat, (), self._time)

    def _held(self, point: PointId) -> None:
        """Arbitrate an output that was held, now and when its minimum time is over."""
        hold = self._outputs.hold(point)
        if hold is not None:
            heapq.heappush(self._ends, (hold.ends_s, point))
        self._wishes.again(point)

    def _clock_set_back(self) -> None:
        """Every answer may be another one at an earlier time: ask for all of them again."""
        self._outputs.clock_set_back()
        self._wishes.clock_set_back()
        for seat in self._seats.values():
            seat.stands = False
        for point in self._awards:
            self._wishes.again(point)

    # --- arbitrating -------------------------------------------------------------------------

    def _arbitrate(
        self, samples: Mapping[PointId, Sample], now: datetime
    ) -> tuple[tuple[AwardChange, ...], tuple[AwardChange, ...]]:
        """The points whose winner changed, and those of which only the losers did."""
        changes: list[AwardChange] = []
        reordered: list[AwardChange] = []
        differs = False
        for point in self._wishes.take_touched():
            found = self._wishes.of(point, now)
            output = point in self._outputs
            if output:
                found, ends_s = self._outputs.protect(point, found, samples.get(point))
                if ends_s is not None:
                    heapq.heappush(self._ends, (ends_s, point))
                    self._wishes.mark(point)
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
        held = found is not None and found.winner.source == minimum_times.MIN_ON_OFF_SOURCE
        hold = self._outputs.hold(point) if held else None
        return AwardChange(point, found, hold.since if hold is not None else None)

    # --- alarms and saved states -------------------------------------------------------------

    def _advance_alarms(
        self, external: Iterable[Condition], now: datetime
    ) -> tuple[AlarmEvent, ...]:
        conditions = [c for seat in self._seats.values() for c in seat.conditions]
        conditions.extend(self._outputs.conditions)
        conditions.extend(external)
        if self._restore.problems:
            until = self._saved_problems_until = self._saved_problems_until or now + SAVED_ALARM_FOR
            if now < until:
                conditions.extend(self._restore.problems)
        if conditions == self._conditions:
            return ()
        self._conditions = conditions
        self._alarms, events = advance(self._alarms, conditions, now)
        return events

    def _restored(self, controller: Controller[Any]) -> object:
        initial = controller.initial()
        if initial is None:
            self._restore.unclaimed.pop(controller.name, None)
            return None
        return self._restore.take(controller.name, type(initial), initial)
