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
from fractions import Fraction
from itertools import pairwise
from typing import Final

from bms.core.instants import to_ms
from bms.core.readings import Label, Reading, worst
from bms.energy.account import Judged
from bms.energy.judging import steps
from bms.energy.jumps import RETURN_WITHIN_MS as RETURN_WITHIN_MS
from bms.energy.jumps import believed, held
from bms.energy.jumps import suspicious as suspicious
from bms.energy.register import HOUR_MS, Doubt, Past
from bms.energy.register import ROLLOVER_HIGH as ROLLOVER_HIGH
from bms.energy.register import ROLLOVER_LOW as ROLLOVER_LOW
from bms.energy.register import Event as Event
from bms.energy.register import Interval as Interval
from bms.energy.register import Mark as Mark
from bms.energy.register import Register as Register
from bms.energy.register import Replacement as Replacement
from bms.texts.messages import msg

BORDER_LIMIT_MS: Final = HOUR_MS
"""Across a longer interval the total is true, but how it divides is a guess: growth counts with
more or less of it on one side of a period's border."""


@dataclass(frozen=True, slots=True)
class Energy:
    """The amount of a period in the meter's unit. Nothing known makes `amount` None, never 0."""

    start: datetime
    end: datetime
    amount: Fraction | None
    """Adjacent periods sum exactly to the whole."""
    covered: Fraction
    """Coverage: the share of the period's time for which there is an amount, 0 to 1, whatever the
    label of it. That of a period follows from those of its parts."""
    problems: tuple[str, ...] = ()
    """Why parts of the period are missing, oldest first, at most `MAX_PROBLEMS`."""
    shares: Mapping[Label, Fraction] = field(default_factory=dict)
    """The amount by label; sums to `amount`."""

    @property
    def coverage_pct(self) -> float:
        return float(self.covered * 100)


MAX_PROBLEMS: Final = 5
UNKNOWN: Final = Register()
"""A register of which nothing is known."""


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
    register: Register = UNKNOWN,
    replacements: Sequence[Replacement] = (),
) -> list[Interval]:
    """The intervals of a register that begins with the first of these marks; see `judged`."""
    return judged(marks, register, replacements).parts


def judged(
    marks: Iterable[Mark],
    register: Register,
    replacements: Sequence[Replacement] = (),
    past: Past | None = None,
) -> Judged:
    """The intervals between consecutive believed marks of one meter, in time order.

    Marks may come in any order and repeated. A mark at the very instant of a replacement is
    neither of the two registers: what the replacement says stands in its place. `past` is that
    at the first mark, if the register was known before. Raises ValueError for two different
    marks of one instant.
    """
    ordered = sorted(marks)
    for before, after in pairwise(ordered):
        if before.ms == after.ms and before.counts != after.counts:
            raise ValueError(msg("two register values at {instant_ms} ms", instant_ms=before.ms))
    if not replacements:
        return _of_register(ordered, register, past)
    found: list[Judged] = []
    times = [mark.ms for mark in ordered]
    begin = 0
    opened: Replacement | None = None
    for change in sorted(replacements, key=lambda r: r.ms):
        at = bisect_right(times, change.ms)
        part = ordered[begin:at]
        if part and part[-1].ms == change.ms:
            part.pop()
        found.append(_segment(part, register, past, opened, change))
        past = _after(found[-1], past, change.ms)
        begin, opened = at, change
    found.append(_segment(ordered[begin:], register, past, opened, None))
    return Judged(
        [part for one in found for part in one.parts],
        {ms: known for one in found for ms, known in one.pasts.items()},
        min((one.back_ms for one in found if one.back_ms is not None), default=None),
    )


def _after(known: Judged, past: Past | None, ms: int) -> Past | None:
    """What the life of a register says about the one that takes its place at an instant."""
    if known.parts:
        past = known.pasts[known.parts[-1].end_ms]
    return past and Past(ms, past.begun_ms, past.most, past.cadence_ms, 0, ms, past.live)


def _segment(
    marks: list[Mark],
    register: Register,
    past: Past | None,
    opened: Replacement | None,
    closed: Replacement | None,
) -> Judged:
    """The intervals of one register from its begin to its end, as far as there are any."""
    if opened is not None:
        marks = [Mark(opened.ms, opened.initial), *marks]
    if not marks:
        return Judged([], {})
    if closed is not None and closed.final is not None:
        marks = [*marks, Mark(closed.ms, closed.final)]
    known = _of_register(marks, register, past)
    found = known.parts
    if closed is not None and closed.final is None:
        reason = msg("the register was replaced, and nobody noted its final reading")
        start = found[-1].end_ms if found else marks[0].ms
        found.append(
            Interval(
                start, closed.ms, None, Label.MISSING, closed.initial, reason, Event.REPLACEMENT
            )
        )
        known.pasts[closed.ms] = known.pasts.get(start, past or Past(closed.ms, closed.ms))
    if opened is not None and found and found[0].event is not Event.REPLACEMENT:
        found[0] = _at_replacement(
            found[0], msg("a register that began at {initial} counts", initial=opened.initial)
        )
    if closed is not None and closed.final is not None and found:
        found[-1] = _at_replacement(
            found[-1], msg("the register was replaced at {final}", final=closed.final)
        )
        found[-1] = found[-1]._replace(shown=closed.initial)
    if closed is not None and found:
        after = known.pasts[found[-1].end_ms]
        known.pasts[found[-1].end_ms] = after._replace(
            since_ms=closed.ms, alone=0, doubt=Doubt.NONE
        )
    return known


def _at_replacement(part: Interval, reason: str) -> Interval:
    if part.counts is None:
        return part
    label = worst(part.label, Label.CORRECTED)
    return part._replace(label=label, reason=reason, event=Event.REPLACEMENT)


def _of_register(ordered: Sequence[Mark], register: Register, past: Past | None) -> Judged:
    """The intervals of one register."""
    if not ordered:
        return Judged([], {})
    marks, skipped = believed(held(ordered, register.held), register)
    return steps(marks, skipped, register, past)
