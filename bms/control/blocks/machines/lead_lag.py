"""Which machine of several leads, which follows, which stands by. Pure.

Guideline 36, 5.1.15 (control reference, 3 "Rotation"): those on and available by their staging
runtime, the least first; then those off and available, the same way; then those out of use, the
newest fault last. What runs is never swapped merely to balance hours: the order counts at the next
change of the stage. Lifetime hours are kept beside the staging runtime, which people may reset.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bms.control.blocks.delays import passed_s


@dataclass(frozen=True, slots=True)
class MachineHours:
    """How long one machine has run, as far as somebody watched."""

    staging_h: float = 0.0
    lifetime_h: float = 0.0
    starts: int = 0


NO_HOURS = MachineHours()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Hours and starts by machine, and which ran at the last look."""

    machines: Mapping[str, MachineHours] = field(default_factory=dict)
    running: tuple[str, ...] = ()
    watched_s: float | None = None

    def of(self, machine: str) -> MachineHours:
        """What is known of a machine; nothing yet is 0 hours."""
        return self.machines.get(machine, NO_HOURS)


RECORDED_EVERY_S = 60.0
"""Hours go on so often while the same machines run: a record that is new each second is saved
each second."""


def record_hours(record: RunRecord, running: Collection[str], watched_s: float) -> RunRecord:
    """The record at a look. What ran at the last look has run until now."""
    names = tuple(sorted(running))
    step_s = passed_s(record.watched_s, watched_s)
    if names == record.running and record.watched_s is not None:
        since_s = watched_s - record.watched_s
        if not names or 0.0 <= since_s < RECORDED_EVERY_S:
            return record
    machines = dict(record.machines)
    for name in record.running:
        hours = record.of(name)
        step_h = step_s / 3600.0
        machines[name] = MachineHours(
            hours.staging_h + step_h, hours.lifetime_h + step_h, hours.starts
        )
    for name in names:
        if name not in record.running:
            hours = machines.get(name, NO_HOURS)
            machines[name] = replace(hours, starts=hours.starts + 1)
    return RunRecord(machines, names, watched_s)


def reset_staging_hours(record: RunRecord, machine: str) -> RunRecord:
    """The record after a person set the staging runtime of a machine to 0; the rest stands."""
    hours = replace(record.of(machine), staging_h=0.0)
    return replace(record, machines={**record.machines, machine: hours})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One machine when the next stage is made up."""

    name: str
    on: bool = False
    available: bool = True
    """In nobody's hand and not out of use, and it may start."""
    faulted_s: float | None = None
    """When it went out of use."""
    stands_by_for: tuple[str, ...] = ()
    """It runs in place of these, and not beside them all."""


def lead_order(candidates: Sequence[Candidate], record: RunRecord) -> tuple[str, ...]:
    """All machines, the lead first; equals keep the given order.

    Of those that are off, what stands by comes behind what it stands by for.
    """

    def rank(candidate: Candidate) -> tuple[int, float]:
        if not candidate.available:
            return 3, candidate.faulted_s if candidate.faulted_s is not None else float("-inf")
        group = 0 if candidate.on else 2 if candidate.stands_by_for else 1
        return group, record.of(candidate.name).staging_h

    return tuple(candidate.name for candidate in sorted(candidates, key=rank))


def make_up(candidates: Sequence[Candidate], record: RunRecord, count: int) -> tuple[str, ...]:
    """The machines of a stage of `count`, the lead first; fewer, if not so many are available.

    What is on stays on; the most run go first when there are too many, the least run come first
    when there are too few. One that stands by comes in for one that is not available.
    """
    if count <= 0:
        return ()
    by_name = {candidate.name: candidate for candidate in candidates}
    found: list[str] = []
    for name in lead_order(candidates, record):
        fits = by_name[name].available and _fits(by_name[name], by_name, found)
        if len(found) < count and fits:
            found.append(name)
    return tuple(found)


def _fits(candidate: Candidate, by_name: Mapping[str, Candidate], found: Collection[str]) -> bool:
    """Whether it may run beside those: of machines and who stands by for them, only so many run
    as there are machines; one that stands by and is off comes in only where one is missing."""
    if not candidate.stands_by_for:
        over = [by_name[n] for n in found if candidate.name in by_name[n].stands_by_for]
        return all(_running_for(standby, found, by_name) < len(_mains(standby, by_name))
                   for standby in over)  # fmt: skip
    mains = _mains(candidate, by_name)
    missing = sum(not by_name[name].available for name in mains)
    standing_in = _running_for(candidate, found, by_name) - sum(name in found for name in mains)
    fits = _running_for(candidate, found, by_name) < len(mains)
    return fits and (candidate.on or missing > standing_in)


def _mains(standby: Candidate, by_name: Mapping[str, Candidate]) -> list[str]:
    return [name for name in standby.stands_by_for if name in by_name]


def _running_for(
    standby: Candidate, found: Collection[str], by_name: Mapping[str, Candidate]
) -> int:
    """How many of its machines, and of those that stand in for them, are in the stage."""
    mains = set(standby.stands_by_for)
    return sum(name in mains or bool(mains & set(by_name[name].stands_by_for)) for name in found)
