"""Energy from meter registers, by difference, in whole counts: nothing invented, nothing lost.

A *mark* is a register value in whole counts of the meter's resolution. Between two marks lies an
*interval*, whose counts are the difference of the two. So the counts of a stretch of intervals
always sum to its last mark minus its first, exactly. Nothing is explained away: an interval is
missing, with the reason, where the register stepped back, or rose by more than the meter can have
seen (a meter swapped for one that shows more). To make such an interval known, a person says what
happened: a `Replacement` ends one register and begins another.

A register that jumps away and comes back is believed before and after, but not in between (zero
from a gateway whose meter is offline, all ones from one that boots). Otherwise coming back would
count the whole register as energy.

Times are milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise
from typing import Final, NamedTuple

from bms.core.instants import DAY_MS, from_ms, to_ms
from bms.core.readings import Label, Reading, worst
from bms.texts.messages import msg

HOUR_MS: Final = 3_600_000
BORDER_LIMIT_MS: Final = HOUR_MS
"""The longest interval whose share on one side of a period's border still counts as covered.

Across a longer gap the total is true but its shape is a guess, so a share of it is included in
the energy and not in the coverage.
"""

ROLLOVER_HIGH: Final = Fraction(95, 100)
ROLLOVER_LOW: Final = Fraction(5, 100)
"""A step back is a rollover only from the last to the first twentieth of the register."""

CAME_BACK: Final = Fraction(9, 10)
"""Marks are not believed if one step away and one step back make up this share of each other.
A reset register climbs back in small steps, if ever."""

RETURN_WITHIN_MS: Final = 7 * DAY_MS
"""A register that comes back later than this is believed in what it showed meanwhile: so a week
of marks decides about any mark, and late ones redo a week and not a meter's life."""

HELD_COUNTS: Final = 1
"""A step back by no more than this is below the register's resolution: the register is held."""


class Event(StrEnum):
    """What happened to a register."""

    ROLLOVER = "rollover"
    RESET = "reset"
    REPLACEMENT = "replacement"
    QUARANTINE = "quarantine"
    """A step that the meter cannot have measured and nobody explained."""
    JUMP = "jump"
    """Marks between a jump and the return from it."""
    GAP = "gap"
    """Nothing was read for more than `BORDER_LIMIT_MS`."""


class Mark(NamedTuple):
    """A register value at `ms`; `manual` if a person read it."""

    ms: int
    counts: int
    manual: bool = False


class Interval(NamedTuple):
    """Energy between two marks; `counts` is None exactly when the label is missing.

    `shown` is what the register showed at `end_ms` (less what it is held at).
    """

    start_ms: int
    end_ms: int
    counts: int | None
    label: Label
    shown: int
    reason: str = ""
    """For people; empty when measured."""
    event: Event | None = None

    @property
    def start(self) -> datetime:
        return from_ms(self.start_ms)

    @property
    def end(self) -> datetime:
        return from_ms(self.end_ms)


@dataclass(frozen=True, slots=True)
class Register:
    """What is known of a register, in counts of its resolution."""

    size: int | None = None
    """After so many counts it is back at zero (1,000,000 for six digits of whole counts)."""
    most_per_h: Fraction | None = None
    """More than this in an hour the meter cannot measure; None: not known."""
    held: int = HELD_COUNTS
    """A step back by no more is below what the register shows: more than one count where counts
    are finer than the register, since somebody wrote down more of its digits."""

    def plausible(self, counts: int, span_ms: int) -> bool:
        """Whether so much can have been measured in that time (one count is rounding)."""
        most = self.most_per_h
        # In whole numbers: fractions would take most of the time that a ledger takes.
        return most is None or (
            (counts - 1) * HOUR_MS * most.denominator <= most.numerator * span_ms
        )


@dataclass(frozen=True, slots=True)
class Replacement:
    """At `ms` one register ended at `final` counts and another began at `initial` counts.

    A reset, deliberate or not, is the replacement of a register by itself. `final` None: nobody
    knows where the old one ended, so what it counted since its last mark is missing.
    """

    ms: int
    final: int | None
    initial: int


@dataclass(frozen=True, slots=True)
class Energy:
    """The amount of a period in the meter's unit. Nothing known makes `amount` None, never 0."""

    start: datetime
    end: datetime
    amount: Fraction | None
    """Adjacent periods sum exactly to the whole."""
    covered: Fraction
    """Share of the period for which the amount is known, 0 to 1."""
    guessed: Fraction = Fraction(0)
    """The part of `amount` that is a share of a gap longer than `BORDER_LIMIT_MS` across one of
    the period's borders: not covered."""
    problems: tuple[str, ...] = ()
    """Why parts of the period are missing, oldest first, at most `MAX_PROBLEMS`."""
    shares: Mapping[Label, Fraction] = field(default_factory=dict)
    """The amount by label; sums to `amount`."""

    @property
    def coverage_pct(self) -> float:
        return float(self.covered * 100)


MAX_PROBLEMS: Final = 5


def marks_of(readings: Iterable[Reading]) -> list[Mark]:
    """Readings of one meter as marks."""
    return [Mark(to_ms(reading.time), reading.counts) for reading in readings]


def to_decimal(value: Fraction) -> Decimal:
    """The nearest decimal of 28 significant digits."""
    with localcontext() as context:
        context.prec = 28
        return Decimal(value.numerator) / Decimal(value.denominator)


def intervals(
    marks: Iterable[Mark],
    register: Register = Register(),
    replacements: Sequence[Replacement] = (),
) -> list[Interval]:
    """The intervals between consecutive believed marks of one meter, in time order.

    Marks may come in any order and repeated. A mark at the very instant of a replacement is
    neither of the two registers: what the replacement says stands in its place. Raises ValueError
    for two different marks of one instant.
    """
    ordered = sorted(marks)
    for before, after in pairwise(ordered):
        if before.ms == after.ms and before.counts != after.counts:
            raise ValueError(msg("two register values at {instant_ms} ms", instant_ms=before.ms))
    if not replacements:
        return _of_register(ordered, register)
    result: list[Interval] = []
    times = [mark.ms for mark in ordered]
    begin = 0
    opened: Replacement | None = None
    for change in sorted(replacements, key=lambda r: r.ms):
        at = bisect_right(times, change.ms)
        part = ordered[begin:at]
        if part and part[-1].ms == change.ms:
            part.pop()
        result += _segment(part, register, opened, change)
        begin, opened = at, change
    return result + _segment(ordered[begin:], register, opened, None)


def _segment(
    marks: list[Mark], register: Register, opened: Replacement | None, closed: Replacement | None
) -> list[Interval]:
    """The intervals of one register from its begin to its end, as far as there are any."""
    if opened is not None:
        marks = [Mark(opened.ms, opened.initial), *marks]
    if closed is not None and closed.final is None:
        if not marks:
            return []
        found = _of_register(marks, register)
        reason = msg("the register was replaced, and nobody noted its final reading")
        start = found[-1].end_ms if found else marks[0].ms
        last = Interval(start, closed.ms, None, Label.MISSING, closed.initial, reason)
        return [*found, last._replace(event=Event.REPLACEMENT)]
    if closed is not None and closed.final is not None:
        if not marks:
            return []
        marks = [*marks, Mark(closed.ms, closed.final)]
    found = _of_register(marks, register)
    if opened is not None and found:
        found[0] = _at_replacement(
            found[0], msg("a register that began at {initial} counts", initial=opened.initial)
        )
    if closed is not None and found:
        found[-1] = _at_replacement(
            found[-1], msg("the register was replaced at {final}", final=closed.final)
        )
        found[-1] = found[-1]._replace(shown=closed.initial)
    return found


def _at_replacement(part: Interval, reason: str) -> Interval:
    if part.counts is None:
        return part
    label = worst(part.label, Label.CORRECTED)
    return part._replace(label=label, reason=reason, event=Event.REPLACEMENT)


def _of_register(ordered: Sequence[Mark], register: Register) -> list[Interval]:
    """The intervals of one register."""
    result: list[Interval] = []
    believed, skipped = _believed(_held(ordered, register.held), register)
    if not believed:
        return result
    start, shown, by_hand = believed[0]
    for ms, counts, manual in believed[1:]:
        if ms == start:
            continue
        step = counts - shown
        span = ms - start
        label, event = Label.MEASURED, None
        reason: str = ""
        known: int | None = step
        if ms in skipped:
            label, reason, event = Label.CORRECTED, skipped[ms], Event.JUMP
        if step < 0 and register.size is not None and _rolled_over(shown, counts, register.size):
            known = register.size + step
            label, event = Label.CORRECTED, Event.ROLLOVER
            reason = msg(
                "the register rolled over from {before} to {after} counts",
                before=shown,
                after=counts,
            )
        elif step < 0:
            known, label = None, Label.MISSING
            event = Event.RESET if counts <= ROLLOVER_LOW * shown else Event.QUARANTINE
            reason = msg(
                "the register stepped back from {before} to {after} counts",
                before=shown,
                after=counts,
            )
        if known is not None and not register.plausible(known, span):
            known, label, event = None, Label.MISSING, Event.QUARANTINE
            reason = msg(
                "the register went from {before} to {after} counts in {minutes:.0f} min: more "
                "than the meter's rating allows",
                before=shown,
                after=counts,
                minutes=span / 60000,
            )
        if (manual or by_hand) and known is not None:
            label = worst(label, Label.MANUAL)
        if event is None and span > BORDER_LIMIT_MS and known is not None:
            event = Event.GAP
        result.append(Interval(start, ms, known, label, counts, reason, event))
        start, shown, by_hand = ms, counts, manual
    return result


def _held(ordered: Sequence[Mark], most: int) -> Sequence[Mark]:
    """The marks, those that fell by no more than the register's resolution at what was before."""
    if not any(one.counts > other.counts for one, other in pairwise(ordered)):
        return ordered
    held: list[Mark] = []
    for mark in ordered:
        if held and held[-1].counts - most <= mark.counts < held[-1].counts:
            held.append(mark._replace(counts=held[-1].counts))
        else:
            held.append(mark)
    return held


def suspicious(counts: Sequence[int]) -> bool:
    """Whether a register in time order does anything but stand or rise."""
    return any(one > other + HELD_COUNTS for one, other in pairwise(counts))


def _believed(
    ordered: Sequence[Mark], register: Register
) -> tuple[Sequence[Mark], Mapping[int, str]]:
    """The marks without those between a jump and the return from it, and what was left out, by
    the time of the mark after it. The first and the last are always believed."""
    if all(before.counts <= after.counts for before, after in pairwise(ordered)):
        return ordered, {}
    kept: list[Mark] = []
    skipped: dict[int, str] = {}
    high: int | None = None  # the last mark before a step back
    for mark in ordered:
        first = None  # the first of the kept ones that is not believed
        if kept and mark.counts < kept[-1].counts:
            first = _spike(kept, mark, register)
            if first is None:
                high = len(kept) - 1
        elif high is not None and mark.counts >= kept[high].counts:
            fall = kept[high].counts - kept[high + 1].counts
            if (
                mark.counts - kept[-1].counts >= CAME_BACK * fall
                and mark.ms - kept[high].ms <= RETURN_WITHIN_MS
            ):
                first = high + 1
            high = None
        if first is not None:
            skipped[mark.ms] = msg(
                "the register jumped from {before} to {after} counts and back",
                before=kept[first - 1].counts,
                after=kept[first].counts,
            )
            del kept[first:]
            if high is not None and high >= len(kept) - 1:
                high = None
        kept.append(mark)
    return kept, skipped


def _spike(kept: Sequence[Mark], after: Mark, register: Register) -> int | None:
    """Where a jump up began from which `after` is the return; None if it is no return."""
    first = len(kept) - 1
    while first > 0 and kept[first - 1].counts > after.counts:
        first -= 1
        if after.ms - kept[first].ms > RETURN_WITHIN_MS:
            return None
    if first == 0 or after.ms - kept[first - 1].ms > RETURN_WITHIN_MS:
        return None
    rise = kept[first].counts - kept[first - 1].counts
    fall = kept[-1].counts - after.counts
    if rise < CAME_BACK * fall:
        return None
    if register.size is not None and _rolled_over(kept[-1].counts, after.counts, register.size):
        # A small register that was quiet and then rolled over looks like a jump and its return.
        span = kept[first].ms - kept[first - 1].ms
        if register.most_per_h is not None and register.plausible(rise, span):
            return None
    return first


def _rolled_over(before: int, after: int, size: int) -> bool:
    return ROLLOVER_HIGH * size < before < size and 0 <= after < ROLLOVER_LOW * size
