"""The trains of a chilled-water plant as points: what is read, what is written, what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bms.control.blocks.chiller_train import Auxiliary, Phase, TrainInputs, TrainState
from bms.control.blocks.timers import lasted
from bms.control.engine.protection import is_on
from bms.control.protect.withheld import WAITING, Cause, cause_of, powered
from bms.control.strategies import group as groups
from bms.core.decisions import Award, Condition, Priority, Severity, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import msg
from drivers.points import PointId


@dataclass(frozen=True, slots=True)
class TrainView:
    """One train as it is in this cycle."""

    state: TrainState
    inputs: TrainInputs
    faults: tuple[str, ...]
    """Ids of its equipment that report a fault."""
    blocked: bool
    """Somebody of a higher priority, or a minimum time, keeps part of it off."""
    waits: bool
    """Only a minimum off time keeps it from starting."""
    manual: bool
    """Somebody of a higher priority runs its chiller."""
    restarting: bool = False
    """It waits for its turn after an outage: no proof of it counts."""

    @property
    def available(self) -> bool:
        """May go on running."""
        return not (self.state.failed or self.faults or self.blocked)

    @property
    def startable(self) -> bool:
        """May be started: its start can be proven, too."""
        return self.available and self.inputs.status is not None

    def reset(self) -> TrainView:
        """The train with its failure forgotten."""
        if not self.state.failed:
            return self
        return replace(self, state=replace(self.state, failed=""))

    def judged(self, now: datetime) -> TrainState:
        """The state that is judged: while its power is away, its proofs begin again and again."""
        if not self.restarting or self.state.phase is Phase.OFF:
            return self.state
        return replace(self.state, phase_since=now, lost_since=None)


class PlantTrain:
    """The points of one train."""

    def __init__(
        self,
        chiller: Equipment,
        auxiliaries: tuple[Equipment, ...],
        auxiliary_proof_s: float,
        chiller_proof_s: float,
        overrun_s: float,
    ) -> None:
        self.chiller = chiller
        self.capacity_kw = chiller.capacity_kw or 0.0
        self.enable = chiller.points["enable"]
        self.setpoint: PointId | None = chiller.points.get("chw_setpoint")
        self.auxiliary_enables = tuple(a.points["enable"] for a in auxiliaries)
        self.enables = frozenset({self.enable, *self.auxiliary_enables})
        self._auxiliaries = tuple((groups.short(a), "status" in a.points) for a in auxiliaries)
        self._faulty = tuple(e.id for e in (chiller, *auxiliaries) if "fault" in e.points)
        statuses = [a.points["status"] for a in auxiliaries if "status" in a.points]
        faults = [e.points["fault"] for e in (chiller, *auxiliaries) if "fault" in e.points]
        self._points = (chiller.points["status"], *statuses, *faults)
        self._auxiliary_proof_s = auxiliary_proof_s
        self._chiller_proof_s = chiller_proof_s
        self._overrun_s = overrun_s
        self.reads = frozenset(self._points)
        self._last: tuple[Mapping[PointId, Award], list[bool | None], TrainView] | None = None

    def view(self, snapshot: Snapshot, state: TrainState, priority: Priority) -> TrainView:
        """What is known of the train; commands of `priority` are to be given."""
        flags = groups.flags(snapshot, self._points)
        if self._last is not None:
            awards, before, view = self._last
            # The engine hands out one awards mapping for as long as no award in it changes.
            if awards is snapshot.awards and flags == before and view.state is state:
                return view
        view = self._view(snapshot, flags, state, priority)
        self._last = (snapshot.awards, flags, view)
        return view

    def _view(
        self, snapshot: Snapshot, flags: list[bool | None], state: TrainState, priority: Priority
    ) -> TrainView:
        rest = iter(flags)
        inputs = TrainInputs(
            groups.short(self.chiller),
            next(rest),
            groups.forced_on(snapshot, self.enable, priority),
            tuple(
                Auxiliary(
                    name,
                    next(rest) if provable else None,
                    self._auxiliary_proof_s,
                    provable,
                )
                for name, provable in self._auxiliaries
            ),
            self._chiller_proof_s,
            self._overrun_s,
        )
        faults = tuple(name for name, flag in zip(self._faulty, rest, strict=True) if flag)
        blocking = [
            award
            for point in self.enables
            if (award := groups.overruled(snapshot, point, priority))
            and not is_on(award.value)
            # What waits for its flow goes on by itself once that is proven.
            and cause_of(award.winner) is not Cause.FLOW
        ]
        only_time = all(
            award.winner.priority is Priority.MIN_ON_OFF or cause_of(award.winner) in WAITING
            for award in blocking
        )
        return TrainView(
            state,
            inputs,
            faults,
            bool(blocking),
            bool(blocking) and only_time and not faults and not state.failed,
            groups.manually_on(snapshot, self.enable, priority),
            not all(powered(snapshot, point) for point in self.enables),
        )

    def conditions(self, state: TrainState, view: TrainView, now: datetime) -> list[Condition]:
        """What is wrong with the train now."""
        found = [
            Condition(
                f"{id_}:fault", Severity.CRITICAL, msg("{equipment} reports a fault", equipment=id_)
            )
            for id_ in view.faults
        ]
        chiller = self.chiller.id
        if state.failed:
            text = msg(
                "{chiller} is out of use: {failed}; repair it, then 'bms reset {chiller}'",
                chiller=chiller,
                failed=state.failed,
            )
            found.append(Condition(f"{chiller}:proof", Severity.CRITICAL, text))
        if (
            state.phase is Phase.STOPPING
            and view.inputs.status
            and not view.inputs.kept_on
            and lasted(state.stop_since, self._chiller_proof_s, now)
        ):
            text = msg(
                "{chiller} runs though it is told to stop; its pumps stay on", chiller=chiller
            )
            found.append(Condition(f"{chiller}:running", Severity.URGENT, text))
        return found
