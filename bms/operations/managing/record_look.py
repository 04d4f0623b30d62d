"""Look through what is recorded of a period for what wastes energy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

from bms.config.site import Group, Site
from bms.control.engine.protection import is_on
from bms.control.protect.run_evidence import RunEvidence, run_evidence
from bms.core.decisions import Award, Priority
from bms.core.equipment import Equipment, base_of
from bms.core.errors import StoreError
from bms.energy.intervals import intervals, marks_of
from bms.energy.management.seen_findings import (
    BY_ALARM,
    OLD,
    Amount,
    Raised,
    Seen,
    outside_plan,
    seen_alarm,
    seen_outside,
    seen_override,
)
from bms.energy.management.stretches import Stretch, hours, in_both, together, without
from bms.historian.log.log_queries import Queries
from bms.historian.reading.trends import Trends
from bms.operations.overrides.cost import Span, measured_kwh, override_cost
from bms.storage.state import read_overrides
from bms.texts.messages import Message, message_of, msg
from drivers.points import PointId, Quality, Sample

_REPEATED: Final = timedelta(hours=25)
"""States are recorded once a day at least, so that the one before a period lies within it."""
_ALARMS_BEFORE: Final = timedelta(days=92)
"""An alarm that was raised earlier, and stands, has been overlooked for longer than that."""
_MARGIN: Final = timedelta(minutes=15)
"""Registers are read so often."""


def look(
    site: Site, start: datetime, end: datetime, now: datetime
) -> tuple[list[Seen], list[Message]]:
    """What is wasted between two instants, and what could not be looked at.

    Raises StoreError if there is no history.
    """
    remarks: list[Message] = []
    with Trends(site.state_dir) as trends:
        history = trends.history
        _, recorded = history.span()
        end = end if recorded is None else min(end, recorded)
        if end <= start:
            return [], [msg("nothing is recorded of this period")]
        outages = trends.outages(start - _REPEATED, end)
        outside = [
            seen
            for group in site.groups.values()
            for seen in _outside(group, history, outages, (start, end))
        ]
        members = {member.id for seen in outside for member in site.groups[seen.place].members}
        alarms = [
            seen
            for seen in _alarms(history, outages, start, end)
            # What runs on while its group is off has been told with its hours.
            if not (seen.key.endswith(":running") and seen.place in members)
        ]
        try:
            overrides = list(_overrides(site, history, start, end, now))
        except StoreError as error:
            overrides = []
            remarks.append(msg("overrides were not looked at: {cause}", cause=message_of(error)))
    known = [seen for seen in alarms if base_of(seen.place) in site.bases]
    return [*outside, *known, *overrides], remarks


# --- running outside the plan ----------------------------------------------------------------


def _outside(
    group: Group, history: Queries, outages: Sequence[Stretch], looked: Stretch
) -> Iterator[Seen]:
    plan = _awards(history, group.mode_point, looked)
    off = without(
        [part for award, part in plan if award is not None and not is_on(award.winner.value)],
        outages,
    )
    if not off:
        return
    runs, allowed = {}, {}
    for machine in group.members:
        evidence = run_evidence(machine)
        if evidence is None or machine.exempt or machine.emergency:
            continue  # nothing shows whether it runs, or saving must not touch it
        runs[machine.id] = without(_ran(history, evidence, looked), outages)
        allowed[machine.id] = list(_allowed(history, machine, looked))
    vain = outside_plan(off, runs, allowed)
    if vain:
        yield seen_outside(group.id, vain, _amount(group, history, runs, vain, looked), looked)


def _awards(
    history: Queries, point: PointId, looked: Stretch
) -> list[tuple[Award | None, Stretch]]:
    """Each award of a point in a period, with when it stood."""
    first = history.award_at(point, looked[0])
    changes = [(looked[0], None if first is None else first.award)]
    changes += [(row.time, row.award) for row in history.awards(point, *looked)]
    ends = [time for time, _ in changes[1:]] + [looked[1]]
    return [
        (award, (time, end)) for (time, award), end in zip(changes, ends, strict=True) if time < end
    ]


def _ran(history: Queries, evidence: RunEvidence, looked: Stretch) -> list[Stretch]:
    """When a machine was seen to run."""
    samples = history.samples(evidence.point, looked[0] - _REPEATED, looked[1])
    ends = [sample.time for sample in samples[1:]] + [looked[1]]
    ran = together(
        (sample.time, end)
        for sample, end in zip(samples, ends, strict=True)
        if _runs(sample, evidence)
    )
    return in_both(ran, [looked])


def _runs(sample: Sample, evidence: RunEvidence) -> bool:
    if sample.quality is not Quality.GOOD or not isinstance(sample.value, bool | int | float):
        return False
    return float(sample.value) > evidence.above


def _allowed(history: Queries, machine: Equipment, looked: Stretch) -> Iterator[Stretch]:
    """When something above people had it run: frost, minimum times, a safe stop of its plant."""
    point = machine.commanded("enable")
    if point is None:
        return
    for award, part in _awards(history, point, looked):
        if award is None:
            continue
        winner = award.winner
        if winner.priority < Priority.OPERATOR and is_on(winner.value):
            yield part


def _amount(
    group: Group,
    history: Queries,
    runs: Mapping[str, Sequence[Stretch]],
    vain: Mapping[str, Sequence[Stretch]],
    looked: Stretch,
) -> Amount:
    """By the group's meter, else machine by machine: its register, else its rated power."""
    if group.meter is not None and (counter := group.meter.points.get("energy")) is not None:
        every = together(part for found in runs.values() for part in found)
        lost = together(part for found in vain.values() for part in found)
        return _measured(history, counter, every, lost, looked)
    found = [
        _of_machine(history, machine, runs[machine.id], vain[machine.id], looked)
        for machine in group.members
        if machine.id in vain
    ]
    unknown = next((amount for amount in found if amount.kwh is None), None)
    if unknown is not None:
        return unknown
    estimated = any(amount.estimated for amount in found)
    how = msg("by rated power") if estimated else msg("by the machines' registers")
    return Amount(sum(amount.kwh or 0.0 for amount in found), estimated, how)


def _of_machine(
    history: Queries,
    machine: Equipment,
    ran: Sequence[Stretch],
    vain: Sequence[Stretch],
    looked: Stretch,
) -> Amount:
    counter = machine.points.get("energy")
    measured = None
    if counter is not None:
        measured = _measured(history, counter, ran, vain, looked)
        if measured.kwh is not None:
            return measured
    if machine.rated_kw is not None:
        return Amount(machine.rated_kw * hours(vain), True, msg("by rated power"))
    return measured or Amount(
        None, how=msg("{equipment} has no energy register and no rated power", equipment=machine.id)
    )


def _measured(
    history: Queries,
    counter: PointId,
    ran: Sequence[Stretch],
    vain: Sequence[Stretch],
    looked: Stretch,
) -> Amount:
    register = history.meter(counter)
    if register is None:
        return Amount(None, how=msg("{register} was never read", register=counter))
    readings = history.readings(counter, looked[0] - _MARGIN, looked[1] + _MARGIN)
    kwh, _, missing = measured_kwh(
        intervals(marks_of(readings)),
        [Span(*part, on=True, otherwise=None) for part in ran],
        [Span(*part, on=True, otherwise=False) for part in vain],
        Fraction(register.resolution),
    )
    if kwh is None:
        return Amount(None, how=msg("{register}: {reason}", register=counter, reason=missing))
    return Amount(kwh, False, msg("by {register}", register=counter))


# --- alarms and overrides --------------------------------------------------------------------


def _alarms(
    history: Queries, outages: Sequence[Stretch], start: datetime, end: datetime
) -> Iterator[Seen]:
    begun: dict[str, datetime] = {}
    stood: dict[str, list[Stretch]] = {}
    texts: dict[str, str] = {}
    for row in history.alarms(start - _ALARMS_BEFORE, end):
        if row.key.rpartition(":")[2] not in BY_ALARM:
            continue
        texts[row.key] = row.text if row.kind != "cleared" else texts.get(row.key, row.text)
        if row.kind == "raised":
            begun.setdefault(row.key, row.time)
        elif row.kind == "cleared" and row.key in begun:
            stood.setdefault(row.key, []).append((begun.pop(row.key), row.time))
    for key, since in begun.items():
        stood.setdefault(key, []).append((since, end))
    for key, parts in stood.items():
        inside = in_both(without(together(parts), outages), [(start, end)])
        if inside:
            yield seen_alarm(Raised(key, texts[key], inside))


def _overrides(
    site: Site, history: Queries, start: datetime, end: datetime, now: datetime
) -> Iterator[Seen]:
    for past in read_overrides(site.state_dir, start):
        override = past.override
        until = min(past.ended_at or override.until, now, end)
        if until - override.start <= OLD or until <= start:
            continue
        if base_of(override.point) not in site.bases:
            continue
        cost = override_cost(site, history, override, until, {})
        estimated = cost.how != "measured"
        how = cost.detail or (msg("by its register") if not estimated else "")
        yield seen_override(
            override.id, override.point, (override.start, until), Amount(cost.kwh, estimated, how)
        )
