"""Every machine of a plant as it is now: who commands it, what it shows, whether it is proven."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from bms.control.blocks.machines.start_proof import (
    STILL,
    MachinePhase,
    ProofInputs,
    ProofRules,
    ProofState,
    proof_due_s,
    watch_machine,
)
from bms.control.engine.protection import is_on
from bms.control.protect import withheld
from bms.control.strategies import group as groups
from bms.control.strategies.water.fittings import Machine, Valve
from bms.core.decisions import Award, Priority, Snapshot
from bms.texts.messages import Message, msg
from drivers.points import PointId

Proofs: TypeAlias = Mapping[str, ProofState]
"""By machine."""


@dataclass(frozen=True, slots=True)
class View:
    """One machine as it is in this cycle."""

    status: bool | None = None
    fault: bool | None = None
    blocked: bool = False
    """Somebody of a higher priority, or a minimum time, keeps it off."""
    waits: bool = False
    """Only a minimum off time, or a restart in its turn, keeps it off."""
    passing: bool = False
    """Only its flow, which is not proven yet, or its turn after an outage keeps it off: it is told
    to run, and does so as soon as that has passed."""
    unpowered: bool = False
    """It waits for its turn after an outage."""
    kept_on: bool = False
    """Somebody of a higher priority, or a minimum time, keeps it on."""
    manual: bool = False
    """Somebody of a higher priority wants it to run, minimum times aside."""


class _Stands(NamedTuple):
    """Proofs that stand as long as this does."""

    proofs: Proofs
    views: Mapping[str, View]
    on: tuple[str, ...]
    needed: Mapping[str, bool] | bool | None
    alone: Collection[str]
    from_s: float
    until_s: float


class Machinery:
    """The machines of a plant, with their proofs."""

    def __init__(self, machines: Sequence[Machine], rules: Mapping[str, ProofRules]) -> None:
        self.machines = {machine.name: machine for machine in machines}
        self._rules = rules
        self._points = [
            point for machine in self.machines.values() for point in (machine.status, machine.fault)
        ]
        self.reads = frozenset(point for point in self._points if point is not None)
        self._asked = [point or "" for point in self._points]
        self._last: tuple[Mapping[PointId, Award], list[bool | None], dict[str, View]] | None = None
        self._stands: _Stands | None = None

    def views(self, snapshot: Snapshot) -> Mapping[str, View]:
        """All machines; the same object while nothing about them changes."""
        flags = groups.flags(snapshot, self._asked)
        # The engine hands out one awards mapping for as long as no award in it changes.
        if self._last is not None:
            awards, before, found = self._last
            if awards is snapshot.awards and flags == before:
                return found
        rest = iter(flags)
        made = {
            name: _view(snapshot, machine, next(rest), next(rest))
            for name, machine in self.machines.items()
        }
        self._last = (snapshot.awards, flags, made)
        return made

    def prove(
        self,
        proofs: Proofs,
        views: Mapping[str, View],
        on: Collection[str],
        needed: Mapping[str, bool] | bool | None,
        resets: Collection[str],
        watched_s: float,
        alone: Collection[str] = frozenset(),
    ) -> Proofs:
        """The proofs at a look; the same object if none is another. `on` are commanded on,
        `needed` says whether what machines make is short, or of which it is; nothing stands in
        for those that are `alone`."""
        stands = self._stands
        if (
            stands is not None
            and stands.proofs is proofs
            and stands.views is views
            and stands.from_s <= watched_s < stands.until_s
            and stands.needed == needed
            and stands.on == on
            and stands.alone == alone
            and not resets
        ):
            return proofs
        self._stands = None
        found: dict[str, ProofState] = {}
        same = True
        for name in self.machines:
            view, before = views[name], proofs.get(name, STILL)
            after = watch_machine(
                before,
                self._rules[name],
                ProofInputs(
                    name in on,
                    view.status,
                    view.fault,
                    not view.blocked,
                    not view.unpowered,
                    needed.get(name) if isinstance(needed, Mapping) else needed,
                    name in resets,
                    name in alone,
                ),
                watched_s,
            )
            if after is not before and after != before:
                same = False
                found[name] = after
            elif name in proofs:
                found[name] = before
        if not same or len(found) != len(proofs):
            return found
        if not resets and not _moving(proofs, watched_s):
            until_s = min(
                (
                    due_s
                    for name, proof in proofs.items()
                    if (due_s := proof_due_s(proof, self._rules[name], watched_s)) is not None
                ),
                default=math.inf,
            )
            self._stands = _Stands(
                proofs, views, tuple(on), needed, alone, watched_s, until_s - ROUNDS_S
            )
        return proofs

    def runs_though_stopped(self, name: str, proofs: Proofs, watched_s: float) -> bool:
        """It shows that it runs long after it was told to stop."""
        proof = proofs.get(name)
        return proof is not None and proof.runs_though_stopped(self._rules[name], watched_s)


ROUNDS_S = 1e-3
"""A difference of two times may round to the other side of a delay."""


def _moving(proofs: Proofs, watched_s: float) -> bool:
    """Whether a time in a proof is now: it may be another one at each look."""
    return any(
        watched_s in (proof.since_s, proof.lost_since_s, proof.failed_s, proof.power_since_s)
        for proof in proofs.values()
    )


def usable(name: str, views: Mapping[str, View], proofs: Proofs) -> bool:
    """Whether a machine may be told to run, and nobody keeps it off."""
    return not views[name].blocked and tellable(name, views, proofs)


def tellable(name: str, views: Mapping[str, View], proofs: Proofs) -> bool:
    """The same for one that may have to wait for its flow, or for its turn after an outage."""
    view = views[name]
    blocked = view.blocked and not view.passing
    return not blocked and not view.fault and proofs.get(name, STILL).available


def proven(name: str, proofs: Proofs) -> bool:
    """Whether a machine runs and shows it."""
    return proofs.get(name, STILL).proven


def tried_again(machine: str, proof: ProofState) -> Message | None:
    """What is to be told of a machine that is, or will be, tried again by itself; None if it is
    not."""
    if proof.available and proof.doubted:
        return msg(
            "{machine} was out of use: {reason}; nothing stands in for it, so it is tried again",
            machine=machine,
            reason=proof.doubted,
        )
    if proof.latched and proof.retry_s is not None:
        return msg(
            "{machine} is out of use: {reason}; nothing stands in for it, so it is tried again "
            "after 15, 30 and then every 60 min; repair it, then 'bms reset {machine}'",
            machine=machine,
            reason=proof.failed,
        )
    return None


def paused_of(names: Iterable[str], proofs: Proofs) -> tuple[str, ...]:
    """Machines that are told to run, and that their own thermostats have stopped."""
    return tuple(name for name in names if proofs.get(name, STILL).phase is MachinePhase.PAUSED)


OPEN_PCT = 90.0
"""A valve that shows its way is open from here."""


def open_valves(snapshot: Snapshot, valves: Iterable[Valve]) -> bool | None:
    """Whether valves show that they are open; None if one cannot be read, or shows nothing."""
    unknown = False
    for valve in valves:
        if valve.opened is not None:
            opened = snapshot.flag(valve.opened)
        elif valve.feedback is not None:
            way_pct = snapshot.number(valve.feedback)
            opened = None if way_pct is None else way_pct >= OPEN_PCT
        else:
            opened = None
        if opened is False:
            return False
        unknown = unknown or opened is None
    return None if unknown else True


def _view(snapshot: Snapshot, machine: Machine, status: bool | None, fault: bool | None) -> View:
    if machine.enable is None:
        return View(status, fault)
    award = groups.overruled(snapshot, machine.enable, Priority.SEQUENCE)
    if award is None:
        return View(status, fault)
    on, priority = is_on(award.value), award.winner.priority
    cause = None if on else withheld.cause_of(award.winner)
    return View(
        status,
        fault,
        blocked=not on,
        waits=not on and (priority is Priority.MIN_ON_OFF or cause in withheld.WAITING),
        passing=cause in withheld.WAITING,
        unpowered=not withheld.powered(snapshot, machine.enable),
        kept_on=on,
        manual=groups.manually_on(snapshot, machine.enable, Priority.SEQUENCE),
    )
