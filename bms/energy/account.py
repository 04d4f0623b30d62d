"""The account of a register while its marks are judged: its intervals and its past. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Final, NamedTuple

from bms.core.readings import Label, worst
from bms.energy.register import HOUR_MS, Doubt, Event, Interval, Mark, Past, Register

RATE_OVER_MS: Final = 600_000
"""Rates over a shorter time are rounding."""
_ms_of: Final = attrgetter("ms")
GOES_ON: Final = (Event.WRAPS, Event.FROZEN, Event.DOUBT)
"""Troubles of a state, which last; the others are of one step."""


class Judged(NamedTuple):
    """The intervals of a register, and what its past is at their ends."""

    parts: list[Interval]
    pasts: dict[int, Past]
    """By the end of an interval: at least of the first one that ends on a day (UTC), and of the
    last one."""
    back_ms: int | None = None
    """What lies before the marks that were given comes out otherwise too, from here on; None: it
    does not."""


class Account:
    """The intervals of a register as far as its marks were judged, and its past there.

    `skipped` says where marks were left out, by the time of the one after.
    """

    def __init__(
        self,
        marks: Sequence[Mark],
        skipped: Mapping[int, str],
        register: Register,
        past: Past | None,
    ) -> None:
        self.marks = marks
        self.skipped = skipped
        self.register = register
        self.parts: list[Interval] = []
        self.pasts: dict[int, Past] = {}
        self.back_ms: int | None = None
        self.by_hand = {mark.ms for mark in marks if mark.manual}
        self.resume(past or Past(marks[0].ms, marks[0].ms))

    def resume(self, past: Past) -> None:
        self.since, self.begun, self.most, self.cadence = past[:4]
        self.alone, self.run_ms, self.live, self.doubt = past[4:]

    def past(self) -> Past:
        return Past(
            self.since, self.begun, self.most, self.cadence,
            self.alone, self.run_ms, self.live, self.doubt,
        )  # fmt: skip

    def note_rate(self, step: int, span: int) -> None:
        if span >= RATE_OVER_MS:
            self.most = max(self.most, -(-step * HOUR_MS // span))

    def can(self, counts: int, span: int, now_ms: int) -> bool:
        return self.register.plausible(counts, span) and self.usual(counts, span, now_ms)

    def usual(self, counts: int, span: int, now_ms: int) -> bool:
        # A rating is the better word, but not about a register that lost its total.
        if self.register.rated and self.doubt is not Doubt.FELL:
            return True
        return self.register.usual(counts, span, self.past(), now_ms)

    def reach(self, ms: int) -> None:
        if self.back_ms is None or ms < self.back_ms:
            self.back_ms = ms

    def cut(self, first_ms: int) -> None:
        """Take back what lies after a mark. Of what is missing across it, the part before stays."""
        if first_ms < self.marks[0].ms:
            self.reach(first_ms)
        while self.parts and self.parts[-1].end_ms > first_ms:
            last = self.parts.pop()
            if last.start_ms < first_ms and last.counts is None:
                at = bisect_right(self.marks, first_ms, key=_ms_of) - 1
                shown = self.marks[at].counts
                self.parts.append(last._replace(end_ms=first_ms, shown=shown))

    def known(
        self, start_ms: int, mark: Mark, counts: int, label: Label, reason: str = "",
        event: Event | None = None,
    ) -> None:  # fmt: skip
        """Add an interval of known energy, in place of those after its start."""
        self.cut(start_ms)
        start_ms = max(start_ms, self.parts[-1].end_ms if self.parts else self.marks[0].ms)
        for ms, jumped in self.skipped.items():
            if start_ms < ms <= mark.ms and event is None:
                label, reason, event = worst(label, Label.CORRECTED), jumped, Event.JUMP
        if mark.manual or start_ms in self.by_hand:
            label = worst(label, Label.MANUAL)
        if event is None and mark.ms - start_ms > HOUR_MS:
            event = Event.GAP
        self.parts.append(Interval(start_ms, mark.ms, counts, label, mark.counts, reason, event))

    def unknown(self, start_ms: int, mark: Mark, event: Event | None, reason: str) -> None:
        """Add a missing interval in place of those after its start; it goes on with the one
        before if that is missing in the same manner."""
        self.cut(start_ms)
        start_ms = max(start_ms, self.parts[-1].end_ms if self.parts else self.marks[0].ms)
        last = self.parts[-1] if self.parts else None
        if (
            last is not None
            and last.counts is None
            and event is last.event
            and (event is None or event in GOES_ON)
        ):
            self.parts[-1] = last._replace(end_ms=mark.ms, shown=mark.counts)
        else:
            self.parts.append(
                Interval(start_ms, mark.ms, None, Label.MISSING, mark.counts, reason, event)
            )
