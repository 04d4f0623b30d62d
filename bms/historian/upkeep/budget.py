"""What is given up when the disk is full, and in which order. Pure.

The log is a copy of what is in segments, so it goes first. Then analog trends that every sink has
taken, oldest first; then the oldest analog trends that were not taken everywhere (their quarter
hours survive); then states. Counters, events, roll-ups, readings, awards, alarms and the audit are
never given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bms.historian.manifest import ANALOG, STATE, Segment
from bms.texts.messages import msg

DAY_MS: Final = 86_400_000
RESERVE_SHARE: Final = 0.05
"""Kept free of both the budget and the disk, for what is never given up and for other programs."""


@dataclass(frozen=True, slots=True)
class Room:
    """The space that the history uses and that there is, in bytes."""

    used: int
    """Of all files of the history; free pages inside a database do not count."""
    disk_free: int
    """What can still be written: free disk, and free pages inside the databases."""
    disk_total: int
    max_bytes: int | None = None
    """The budget in site.yaml."""

    def missing(self) -> int:
        """How many bytes have to go; 0 if all is well."""
        over = 0
        if self.max_bytes is not None:
            over = self.used - int(self.max_bytes * (1 - RESERVE_SHARE))
        return max(0, over, int(self.disk_total * RESERVE_SHARE) - self.disk_free)


def given_up(
    segments: Sequence[Segment],
    missing: int,
    taken_seq: int | None,
    waiting_ms: int | None = None,
) -> list[tuple[Segment, str]]:
    """Segments to give up for `missing` bytes, in order, each with the reason.

    `taken_seq` is the log row up to which every sink has taken everything; None: no sinks.
    From `waiting_ms` on a sink that fell behind still waits for segments themselves.
    May not be enough: what is never given up stays.
    """

    def taken(segment: Segment) -> bool:
        return _taken(segment, taken_seq, waiting_ms)

    analog = sorted((s for s in segments if s.group == ANALOG), key=lambda s: s.t0)
    states = sorted((s for s in segments if s.group == STATE), key=lambda s: s.t0)
    copied = msg("disk full: analog, copied elsewhere")
    if taken_seq is None:
        copied = msg("disk full: analog")
    not_copied, of_states = msg("disk full: analog, not yet copied"), msg("disk full: states")
    order = [(s, copied) for s in analog if taken(s)]
    order += [(s, not_copied) for s in analog if not taken(s)]
    order += [(s, of_states) for s in states]
    result: list[tuple[Segment, str]] = []
    for segment, why in order:
        if missing <= 0:
            break
        result.append((segment, why))
        missing -= segment.bytes
    return result


def expired(
    segments: Sequence[Segment],
    now_ms: int,
    retain_days: int,
    taken_seq: int | None,
    waiting_ms: int | None = None,
) -> list[Segment]:
    """Segments that are older than `retain_days`, and that no sink still waits for.

    So many days of UTC with something recorded lie behind them, too: a clock that runs years ahead
    for an hour makes everything old, and has recorded no more than that hour.
    """
    days = sorted({segment.t1 // DAY_MS for segment in segments}, reverse=True)
    if len(days) <= retain_days:
        return []
    before_ms = min(now_ms - retain_days * DAY_MS, days[retain_days - 1] * DAY_MS)
    return [
        segment
        for segment in segments
        if segment.t1 < before_ms and _taken(segment, taken_seq, waiting_ms)
    ]


def _taken(segment: Segment, taken_seq: int | None, waiting_ms: int | None) -> bool:
    if taken_seq is None:
        return True
    return segment.last_seq <= taken_seq and (waiting_ms is None or segment.t1 < waiting_ms)
