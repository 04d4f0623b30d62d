"""The kWh that an override has cost against what would have run without it.

What would have run is read off the recorded ladders: without the override, the next command down.
Where the override keeps a machine on that would be off, its energy is measured; where it keeps one
off that would be on, what that saved can only be estimated. What cannot be told is None and says
why; it is never 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from bms.config.points import zone_of
from bms.config.site import Site
from bms.control.engine.protection import is_on
from bms.core.decisions import Award, Override, Priority
from bms.core.durations import in_words
from bms.core.instants import MILLISECOND
from bms.core.readings import Reading
from bms.energy.intervals import BORDER_LIMIT_MS, Interval, intervals, marks_of
from bms.historian.log.log_queries import Queries
from bms.texts.messages import joined, msg
from drivers.points import PointId, Quality, Sample

TYPICAL_OVER = timedelta(days=7)
"""What a machine typically draws is its mean over the time that it ran in the week before."""
TYPICAL_AT_LEAST = timedelta(hours=1)
QUARTER = timedelta(minutes=15)
POWER_GAP = timedelta(minutes=5)
"""A power reading stands for at most so long: trends are stored every minute."""
POWER_OVER = timedelta(hours=12)
"""Power without a register is summed from the log, which takes 0.2 s per hour: not for days."""


@dataclass(frozen=True, slots=True)
class Cost:
    """kWh more (positive) or less (negative) than without the override; None: cannot be told."""

    kwh: float | None
    how: str
    """`measured`, `typical` (of the machine's past), `rated`; empty if nothing was counted."""
    detail: str = ""
    """For people: why it cannot be told, or what it was worked out from."""


@dataclass(frozen=True, slots=True)
class Span:
    """A period with one ladder: whether it ran, and whether it would have without the override."""

    start: datetime
    end: datetime
    on: bool
    otherwise: bool | None
    """None: nobody else commanded it."""
    differs: bool = False
    """Both run, in different modes."""

    @property
    def extra(self) -> bool:
        return self.on and self.otherwise is False

    @property
    def saved(self) -> bool:
        return not self.on and self.otherwise is True

    @property
    def hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600


def override_cost(
    site: Site,
    history: Queries,
    override: Override,
    end: datetime,
    samples: Mapping[PointId, Sample],
) -> Cost:
    """The cost from the override's start to `end`; `samples` are the latest readings."""
    owner, _, role = override.point.rpartition(".")
    if role not in ("enable", "mode"):
        return Cost(None, "", msg("what another setting would have used cannot be told"))
    # A quarter of an hour more at both ends: registers are read so often.
    timeline = _timeline(history, override.point, override.start - QUARTER, end + QUARTER)
    spans = spans_of(timeline, f"override:{override.id}", override.start, end, end + QUARTER)
    inside = [span for span in spans if override.start <= span.start and span.end <= end]
    if not inside:
        return Cost(None, "", msg("nothing is recorded of it yet"))
    if any(span.otherwise is None for span in inside):
        return Cost(
            None, "", msg("nobody else commands it: what it would do otherwise is not known")
        )
    if any(span.differs for span in inside):
        return Cost(
            None, "", msg("it runs either way: what the other mode would use cannot be told")
        )
    costs = []
    if any(span.extra for span in inside):
        costs.append(_extra(site, history, owner, spans, inside, samples))
    if any(span.saved for span in inside):
        costs.append(_saved(site, history, override, owner, inside))
    return _total(costs)


def spans_of(
    timeline: Sequence[tuple[datetime, Award | None]],
    source: str,
    start: datetime,
    end: datetime,
    until: datetime,
) -> list[Span]:
    """The periods between changes of the ladder up to `until`, cut at `start` and `end`, in order.

    `timeline` gives the award from each instant on; `source` is the override's command.
    """
    spans: list[Span] = []
    for (since, award), (after, _) in pairwise([*timeline, (until, None)]):
        if award is None or since >= after:
            continue
        ladder = (award.winner, *award.losers)
        rest = [c for c in ladder if c.source != source and c.priority != Priority.MIN_ON_OFF]
        otherwise = rest[0].value if rest else None
        on = is_on(award.value)
        ruled = any(c.source == source for c in ladder)
        would = None if otherwise is None else is_on(otherwise)
        differs = ruled and on and would is True and otherwise != award.value
        borders = [since, *(cut for cut in (start, end) if since < cut < after), after]
        spans += [Span(a, b, on, would, differs) for a, b in pairwise(borders)]
    return spans


def measured_kwh(
    parts: Iterable[Interval], spans: Sequence[Span], inside: Sequence[Span], resolution: Fraction
) -> tuple[float | None, datetime | None, str]:
    """kWh of one register in the extra periods of `inside`: kWh, up to when, what is missing.

    The counts of an interval belong to the time that the machine ran in it: a register that is
    read at quarter hours says nothing of the minutes before it was switched on.
    """
    total = Fraction(0)
    last: datetime | None = None
    ran = [span for span in spans if span.on]
    extra = [span for span in inside if span.extra]
    for part in parts:
        ran_s = _overlap_s(part.start, part.end, ran)
        extra_s = _overlap_s(part.start, part.end, extra)
        if extra_s == 0:
            continue
        if part.counts is None:
            return None, None, part.reason
        if part.end_ms - part.start_ms > BORDER_LIMIT_MS and extra_s < ran_s:
            return (
                None,
                None,
                msg(
                    "the register was not read for {duration}",
                    duration=in_words(part.end - part.start),
                ),
            )
        total += Fraction(part.counts) * Fraction(extra_s) / Fraction(ran_s) * resolution
        last = part.end
    return (
        (None if last is None else float(total)),
        last,
        msg("the register has not been read since"),
    )


def _overlap_s(start: datetime, end: datetime, spans: Iterable[Span]) -> float:
    return sum(max(0.0, (min(end, s.end) - max(start, s.start)).total_seconds()) for s in spans)


def _extra(
    site: Site,
    history: Queries,
    owner: str,
    spans: Sequence[Span],
    inside: Sequence[Span],
    samples: Mapping[PointId, Sample],
) -> Cost:
    extra = [span for span in inside if span.extra]
    start, end = inside[0].start, inside[-1].end
    registers = _registers(site, owner)
    if registers:
        total, upto = 0.0, end
        for register in registers:
            parts, resolution = _intervals(history, register, start - QUARTER, end, samples)
            kwh, last, missing = measured_kwh(parts, spans, inside, resolution)
            if kwh is None or last is None:
                return Cost(None, "", f"{register}: {missing}")
            total, upto = total + kwh, min(upto, last)
        needed = extra[-1].end
        local = upto.astimezone(ZoneInfo(zone_of(site, owner)))
        late = needed - upto > timedelta(minutes=1)
        detail = (
            msg("up to {time:%Y-%m-%d %H:%M}, when it was last read", time=local) if late else ""
        )
        return Cost(total, "measured", detail)
    hours = sum(span.hours for span in extra)
    power = _power_point(site, owner)
    if power is not None and end - start <= POWER_OVER:
        found = _from_power(history.samples(power, start - POWER_GAP, end), extra)
        if found is not None:
            return Cost(found, "measured", msg("from {power}", power=power))
    rated = _rated_kw(site, owner)
    if rated is None:
        return Cost(None, "", msg("it has no energy register and no rated power"))
    return Cost(
        rated * hours,
        "rated",
        msg("{rated:g} kW rated for {hours:.1f} h", rated=rated, hours=hours),
    )


def _saved(
    site: Site, history: Queries, override: Override, owner: str, spans: Sequence[Span]
) -> Cost:
    hours = sum(span.hours for span in spans if span.saved)
    typical = _typical_kw(site, history, override, owner)
    if typical is not None:
        return Cost(
            -typical * hours,
            "typical",
            msg("typically {typical:.1f} kW for {hours:.1f} h", typical=typical, hours=hours),
        )
    rated = _rated_kw(site, owner)
    if rated is None:
        return Cost(
            None, "", msg("what it would have used is not known: no register, no rated power")
        )
    return Cost(
        -rated * hours,
        "rated",
        msg("{rated:g} kW rated for {hours:.1f} h", rated=rated, hours=hours),
    )


def _typical_kw(site: Site, history: Queries, override: Override, owner: str) -> float | None:
    """Mean power while it ran in the week before the override, from its registers."""
    since, until = override.start - TYPICAL_OVER, override.start
    registers = _registers(site, owner)
    if not registers:
        return None
    timeline = _timeline(history, override.point, since, until)
    spans = [s for s in spans_of(timeline, "", since, until, until) if s.on]
    total = 0.0
    ran_s = 0.0
    for register in registers:
        parts, resolution = _intervals(history, register, since, until, {})
        for part in parts:
            on_s = _overlap_s(part.start, part.end, spans)
            length_s = (part.end - part.start).total_seconds()
            if part.counts is None or on_s < length_s:  # only what ran through tells its power
                continue
            total += float(part.counts * resolution)
            ran_s += length_s
    if ran_s < TYPICAL_AT_LEAST.total_seconds() * len(registers):
        return None
    return total / (ran_s / 3600) * len(registers)


def _timeline(
    history: Queries, point: PointId, start: datetime, end: datetime
) -> list[tuple[datetime, Award | None]]:
    """The award from each instant on: that at `start`, then every change before `end`."""
    first = history.award_at(point, start)
    rows = history.awards(point, start, end - MILLISECOND)
    return [
        (start, first.award if first is not None else None),
        *((row.time, row.award) for row in rows),
    ]


def _intervals(
    history: Queries,
    register: PointId,
    start: datetime,
    end: datetime,
    samples: Mapping[PointId, Sample],
) -> tuple[list[Interval], Fraction]:
    """The register's intervals up to its latest reading, and kWh per count."""
    meter = history.meter(register)
    if meter is None:
        return [], Fraction(1)
    resolution = Fraction(meter.resolution)
    readings = history.readings(register, start, end)
    latest = samples.get(register)
    if (
        readings
        and latest is not None
        and latest.quality is Quality.GOOD
        and isinstance(latest.value, int | float)
        and readings[-1].time < latest.time <= end
    ):
        counts = round(Fraction(latest.value) / resolution)
        readings.append(Reading(register, latest.time, counts))
    return intervals(marks_of(readings)), resolution


def _from_power(samples: Sequence[Sample], extra: Sequence[Span]) -> float | None:
    """kWh of power samples in these periods; None if they leave too much of them open."""
    total = covered_h = 0.0
    for before, after in pairwise([*samples, None]):
        assert before is not None
        if before.quality is not Quality.GOOD or not isinstance(before.value, int | float):
            continue
        until = before.time + POWER_GAP
        if after is not None:
            until = min(until, after.time)
        hours = _overlap_s(before.time, until, extra) / 3600
        total += float(before.value) * hours
        covered_h += hours
    wanted_h = sum(span.hours for span in extra)
    return total if covered_h >= 0.9 * wanted_h else None


def _registers(site: Site, owner: str) -> list[PointId]:
    """The energy counters that together measure a group or a machine; empty if none do."""
    group = site.groups.get(owner)
    if group is None:
        machine = site.equipment.get(owner)
        point = machine.points.get("energy") if machine is not None else None
        return [point] if point is not None else []
    if group.meter is not None:
        return [group.meter.points["energy"]]
    found = [member.points.get("energy") for member in group.members]
    return [point for point in found if point is not None] if None not in found else []


def _power_point(site: Site, owner: str) -> PointId | None:
    machine = site.equipment.get(owner)
    return machine.points.get("power") if machine is not None else None


def _rated_kw(site: Site, owner: str) -> float | None:
    group = site.groups.get(owner)
    machines = group.members if group is not None else [site.equipment[owner]]
    rated = [machine.rated_kw for machine in machines]
    known = [kw for kw in rated if kw is not None]
    return sum(known) if len(known) == len(rated) else None


def _total(costs: Sequence[Cost]) -> Cost:
    if not costs:
        return Cost(0.0, "", msg("it would run, or stand still, just the same"))
    for cost in costs:
        if cost.kwh is None:
            return cost
    known = [cost.kwh for cost in costs if cost.kwh is not None]
    how = ", ".join(dict.fromkeys(cost.how for cost in costs))
    details = [cost.detail for cost in costs if cost.detail]
    return Cost(sum(known), how, details[0] if len(details) == 1 else joined("; ", *details))
