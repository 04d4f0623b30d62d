"""What another instrument measured, interval by interval, as the ledger keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from bms.core.instants import to_ms
from bms.core.readings import Label
from bms.energy.intervals import Event, Interval
from bms.energy.quarters import Course, Quarter, Stretch, ceil_quarter
from bms.ledger.entered.entries import Entry


def parts_of(entry: Entry, factor: int = 1) -> list[Interval]:
    """The intervals of an entry in time order, `factor` times the counts."""
    step, label = int(entry.data["step_ms"]), Label(entry.data["label"])
    others = {int(at): Label(name) for at, name in entry.data.get("others", {}).items()}
    start = to_ms(entry.start)
    return [
        Interval(
            start + at * step,
            start + (at + 1) * step,
            None if counts is None else counts * factor,
            Label.MISSING if counts is None else others.get(at, label),
            0,
        )
        for at, counts in enumerate(entry.data["counts"])
    ]


def quarters_of(
    entries: Sequence[Entry], scale: Fraction, first_ms: int, last_ms: int
) -> list[Quarter]:
    """The quarter hours between two edges that entries know of, in counts of `scale`, of which
    the scale of every entry is a whole multiple."""
    found: list[Interval] = []
    for entry in entries:
        factor = int(Fraction(entry.data["scale"]) / scale)
        found += [
            part
            for part in parts_of(entry, factor)
            if part.end_ms > first_ms and part.start_ms < last_ms and part.counts is not None
        ]
    found.sort(key=lambda part: part.start_ms)
    quarters = Course().quarters(list(_without_holes(found)))
    return [q for q in quarters if first_ms <= q.start_ms < last_ms]


def stretches_at(entry: Entry, ms: int) -> list[Stretch]:
    """The known intervals of an entry that have an instant within them, or at an end."""
    scale = Fraction(entry.data["scale"])
    return [
        Stretch(part.start_ms, part.end_ms, Event.GAP, Label.ALLOCATED, part.counts * scale, "")
        for part in parts_of(entry)
        if part.counts is not None and part.start_ms <= ms <= part.end_ms
    ]


def _without_holes(parts: Sequence[Interval]) -> Iterable[Interval]:
    """The parts with the unknown between them, up to the end of the last quarter hour."""
    end = None
    for part in parts:
        if end is not None and part.start_ms > end:
            yield Interval(end, part.start_ms, None, Label.MISSING, 0)
        yield part
        end = part.end_ms
    if end is not None and ceil_quarter(end) > end:
        # Past the edge, so that the quarter hour of the last part is closed.
        yield Interval(end, ceil_quarter(end) + 1, None, Label.MISSING, 0)
