"""Intervals between register marks into quarter hours of UTC, which are those of every time zone.

A quarter hour's counts are the difference of the register's course at its two edges. Between two
marks the course is a straight line, or follows the meter's usual week where that is known, rounded
down to whole counts. So quarter hours sum to the register exactly, however the marks lie.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from bms.core.instants import from_ms, to_ms
from bms.core.readings import RANK, Label, worst
from bms.energy.intervals import BORDER_LIMIT_MS, MAX_PROBLEMS, Energy, Event, Interval
from bms.energy.register import Past
from bms.texts.messages import msg

QUARTER_MS: Final = 900_000
MEASURED_WITHIN_MS: Final = 1_200_000
"""Marks up to 20 minutes apart measure a quarter hour; what lies further apart is allocated."""

Profile: TypeAlias = Callable[[int, int], Sequence[int] | None]
"""The usual counts of the quarter hours from one edge (ms) to another, or None if not known."""


class Quarter(NamedTuple):
    """Counts of the quarter hour that begins at `start_ms`.

    `covered_ms` is for how much of it they are known; less than all of it means MISSING.
    """

    start_ms: int
    counts: int
    label: Label
    covered_ms: int


class Slot(NamedTuple):
    """A quarter hour as it is published: `counts` whole multiples of `scale` in the meter's unit.

    `rev` is the number of its last row. A slot with nothing known covers 0 ms and counts 0.
    """

    counts: int
    scale: Fraction
    label: Label
    covered_ms: int
    rev: int

    @property
    def amount(self) -> Fraction:
        return self.counts * self.scale


class Open(NamedTuple):
    """The quarter hour that the last mark lies in, as known up to that mark."""

    counts: int = 0
    label: Label = Label.MEASURED
    covered_ms: int = 0


NOTHING: Final = Open()


class Anchor(NamedTuple):
    """A believed mark from which a meter's intervals can be found again."""

    ms: int
    shown: int
    opened: Open
    past: Past | None = None
    """What its register did up to there; None: not known."""


def floor_quarter(ms: int) -> int:
    """The edge at or before an instant."""
    return ms - ms % QUARTER_MS


def ceil_quarter(ms: int) -> int:
    """The edge at or after an instant."""
    return ms + -ms % QUARTER_MS


@dataclass(slots=True)
class Course:
    """Walks along intervals that follow each other, and yields every closed quarter hour.

    Quarter hours of which nothing is known are not yielded.
    """

    profile: Profile = lambda _first, _last: None
    opened: Open = NOTHING

    def quarters(self, parts: Sequence[Interval]) -> Iterator[Quarter]:
        """The quarter hours closed by these intervals; `opened` then holds what remains open."""
        for part in parts:
            start, end, counts, label = part.start_ms, part.end_ms, part.counts, part.label
            if end - start == QUARTER_MS and start % QUARTER_MS == 0 and counts is not None:
                yield Quarter(start, counts, label, QUARTER_MS)
                continue
            yield from self._shared(part)

    def _shared(self, part: Interval) -> Iterator[Quarter]:
        start, end, counts, label = part.start_ms, part.end_ms, part.counts, part.label
        if counts is not None and end - start > MEASURED_WITHIN_MS:
            label = worst(label, Label.ALLOCATED)
        first, last = floor_quarter(start), floor_quarter(end)
        if counts is None:
            # Nothing is known between the two marks: only the quarter hours of its ends matter.
            if first == last:
                self._add(None, Label.MISSING, end - start)
                return
            self._add(None, Label.MISSING, 0)
            yield from self._close(first)
            if end > last:
                self._add(None, Label.MISSING, 0)
            return
        edges = [start, *range(first + QUARTER_MS, last + 1, QUARTER_MS)]
        if edges[-1] != end:
            edges.append(end)
        shares = self._shares(counts, edges)
        for at, share in enumerate(shares):
            self._add(share, label, edges[at + 1] - edges[at])
            if edges[at + 1] % QUARTER_MS == 0:
                yield from self._close(edges[at + 1] - QUARTER_MS)

    def _shares(self, counts: int, edges: Sequence[int]) -> list[int]:
        start, end = edges[0], edges[-1]
        span = end - start
        if len(edges) == 2:
            return [counts]
        cumulative = [counts * (edge - start) // span for edge in edges]
        if span > BORDER_LIMIT_MS:
            first, last = floor_quarter(start), ceil_quarter(end)
            weights = self.profile(first, last)
            if weights is not None:
                # The first and last quarter hour are weighed by the part that lies inside.
                parts = [
                    weight * (b - a)
                    for weight, a, b in zip(weights, edges[:-1], edges[1:], strict=True)
                ]
                total = sum(parts)
                if total > 0:
                    sums = [0, *accumulate(parts)]
                    cumulative = [counts * s // total for s in sums]
        return [b - a for a, b in pairwise(cumulative)]

    def _add(self, counts: int | None, label: Label, span_ms: int) -> None:
        was = self.opened
        if counts is None:
            self.opened = Open(was.counts, Label.MISSING, was.covered_ms)
        else:
            both = worst(was.label, label)
            self.opened = Open(was.counts + counts, both, was.covered_ms + span_ms)

    def _close(self, start_ms: int) -> Iterator[Quarter]:
        counts, label, covered_ms = self.opened
        self.opened = NOTHING
        if covered_ms:
            label = label if covered_ms == QUARTER_MS else Label.MISSING
            yield Quarter(start_ms, counts, label, covered_ms)


def anchors_of(
    parts: Sequence[Interval],
    begin: Anchor | None,
    profile: Profile,
    every_ms: int,
    pasts: Mapping[int, Past] = MappingProxyType({}),
) -> tuple[list[Quarter], list[Anchor], Anchor | None]:
    """The closed quarter hours of intervals after `begin`; an anchor at the first mark of each
    `every_ms` of time; and the anchor at the last mark (`begin` if there are no intervals).

    `pasts` are those at the ends of intervals, as far as they are known."""
    course = Course(profile, NOTHING if begin is None else begin.opened)
    found: list[Quarter] = []
    anchors: list[Anchor] = []
    slot = None if begin is None else begin.ms // every_ms
    run = 0
    if begin is None and parts:
        slot = parts[0].start_ms // every_ms

    def anchor(part: Interval) -> Anchor:
        return Anchor(part.end_ms, part.shown, course.opened, pasts.get(part.end_ms))

    for at, part in enumerate(parts):
        if part.end_ms // every_ms != slot:
            found += course.quarters(parts[run : at + 1])
            run = at + 1
            slot = part.end_ms // every_ms
            anchors.append(anchor(part))
    found += course.quarters(parts[run:])
    if not parts:
        return found, anchors, begin
    return found, anchors, anchor(parts[-1])


class Stretch(NamedTuple):
    """An interval that is more than a plain difference: what happened, and why."""

    start_ms: int
    end_ms: int
    event: Event
    label: Label
    amount: Fraction | None
    """None: missing."""
    reason: str


def energy_of(
    slots: Sequence[tuple[int, Slot]],
    stretches: Sequence[Stretch],
    start: datetime,
    end: datetime,
    known: Energy | None = None,
) -> Energy:
    """The energy between two quarter-hour edges from the slots (by start) and stretches there.

    `known` is energy of other slots of the same period, already summed. Raises ValueError unless
    start < end, and both are edges.
    """
    first, last = to_ms(start), to_ms(end)
    if not first < last:
        raise ValueError(
            msg("an energy period must have a length: {start} to {end}", start=start, end=end)
        )
    if first % QUARTER_MS or last % QUARTER_MS:
        raise ValueError(
            msg(
                "an energy period begins and ends at a quarter hour: {start} to {end}",
                start=start,
                end=end,
            )
        )
    sums: dict[tuple[Label, Fraction], int] = {}
    covered_ms = 0
    touched = False
    for at in range(bisect_left(slots, first, key=lambda s: s[0]), len(slots)):
        ms, slot = slots[at]
        if ms >= last:
            break
        if slot.covered_ms:
            touched = True
            key = slot.label, slot.scale
            sums[key] = sums.get(key, 0) + slot.counts
            covered_ms += slot.covered_ms
    shares: dict[Label, Fraction] = {} if known is None else dict(known.shares)
    for (label, scale), counts in sums.items():
        shares[label] = shares.get(label, Fraction(0)) + counts * scale
    touched = touched or (known is not None and known.amount is not None)
    problems = [
        msg("{instant:%Y-%m-%d %H:%M}Z: {reason}", instant=from_ms(s.start_ms), reason=s.reason)
        for s in stretches
        if s.amount is None and s.start_ms < last and s.end_ms > first
    ]
    return Energy(
        start,
        end,
        sum(shares.values(), Fraction(0)) if touched else None,
        coverage(covered_ms, last - first) + (0 if known is None else known.covered),
        tuple(problems[:MAX_PROBLEMS]),
        dict(sorted(shares.items(), key=lambda item: RANK[item[0]])),
    )


def coverage(covered_ms: int, span_ms: int) -> Fraction:
    """The one definition of coverage: the share of a time for which an amount is known.

    Everything that shows or judges a coverage asks here, so that it is the same number everywhere.
    """
    return Fraction(covered_ms, span_ms)


def crosses(stretch: Stretch, ms: int) -> bool:
    """Whether a long gap of known energy lies across an instant: how it divides is a guess."""
    long = stretch.end_ms - stretch.start_ms > BORDER_LIMIT_MS
    return stretch.amount is not None and long and stretch.start_ms < ms < stretch.end_ms
