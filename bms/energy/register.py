"""What is known of a meter's register: its marks, what it can show, and its own past. Pure.

Counts are whole multiples of the register's resolution, times milliseconds since 1970 (UTC).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

from bms.core.instants import from_ms
from bms.core.readings import Label

HOUR_MS: Final = 3_600_000

ROLLOVER_HIGH: Final = Fraction(95, 100)
ROLLOVER_LOW: Final = Fraction(5, 100)
"""Of a register without a rating, a step back is a rollover only from the last to the first
twentieth. With one, what the meter can pass in the time decides."""

HELD_COUNTS: Final = 1
"""A step back by no more than this is below the register's resolution: the register is held."""

PAST_MS: Final = 24 * HOUR_MS
"""A register's own past says what is usual once it was watched for a day: a day has its night
and its day shift."""
SUSTAINED: Final = 2
"""Over a long time, a register rises by no more than twice the greatest rate it was ever seen at.
Nobody doubles a load and keeps it there all the time."""
BURST_H: Final = 8
"""In a short time, it rises by no more than eight hours of that rate: a quarter hour may be 34
times as heavy as any before. What a swapped or rescaled register adds is far more."""


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
    """Nothing was read, or nothing changed, for more than an hour; missing: nobody knows for how
    long, since it was never seen to change before."""
    FROZEN = "frozen"
    """The register stands although power flows, or after it fell."""
    DOUBT = "doubt"
    """The register goes on as it never did, after a step that nobody explained."""
    WRAPS = "wraps"
    """The register may have gone round more than once."""


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


class Doubt(IntEnum):
    """Why a register is not believed in what it shows now."""

    NONE = 0
    FELL = 1
    """It stepped back. Until it moves again, standing is no zero: its meter may be gone."""
    LEAPT = 2
    """It rose by more than can be. Its unit may be another one since."""
    FROZEN = 3
    """It stands although power flows."""


class Past(NamedTuple):
    """What the life of a register up to a mark says about the next one."""

    since_ms: int
    """Since when it shows what it shows: the mark at which it last changed."""
    begun_ms: int
    """The first mark."""
    most: int = 0
    """The greatest rate that was believed, in counts an hour."""
    cadence_ms: int = 0
    """How often it tells its total, if that is more rarely than it is read; 0 if it is not, or
    not known."""
    alone: int = 0
    """How many changes in a row came after it had stood: a register that tells its total rarely
    does nothing else."""
    run_ms: int = 0
    """Where the first of those began."""
    live: int = 0
    """How many changes in a row came directly after another one."""
    doubt: Doubt = Doubt.NONE


Power: TypeAlias = Callable[[int, int, int], int | None]
"""What the power beside a register says that it must have counted from one instant (ms) to
another, given the greatest rate it ever rose at (counts an hour). None: nothing that is sure."""


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
    rated: bool = False
    """`most_per_h` comes from a rating that somebody wrote down."""
    wraps_in_ms: int | None = None
    """So soon it may be round once at its rating, without a margin: over a longer time, nobody
    knows how often it went round. None: it cannot, or there is no rating."""
    own_past: bool = False
    """Whether what it did before decides what is believed."""
    slack: int = 0
    """So much is believed whatever the register did before: it is worth no question."""
    power: Power | None = None
    """The power beside it, if there is any."""
    ask_ms: int = 0
    """When in each hour it is asked while the register stands: not all meters at once."""

    def plausible(self, counts: int, span_ms: int) -> bool:
        """Whether so much can have been measured in that time (one count is rounding)."""
        most = self.most_per_h
        # In whole numbers: fractions would take most of the time that a ledger takes.
        return most is None or (
            (counts - 1) * HOUR_MS * most.denominator <= most.numerator * span_ms
        )

    def usual(self, counts: int, span_ms: int, past: Past, now_ms: int) -> bool:
        """Whether a rise by so much is like what the register did before."""
        if not self.own_past or now_ms - past.begun_ms < PAST_MS + span_ms:
            return True
        most = past.most * (SUSTAINED * span_ms + BURST_H * HOUR_MS)
        return (counts - 1 - self.slack) * HOUR_MS <= most

    def may_wrap(self, span_ms: int) -> bool:
        """Whether it can have gone round unseen in that time."""
        return self.wraps_in_ms is not None and span_ms >= self.wraps_in_ms

    def rolled_over(self, before: int, after: int, span_ms: int) -> bool:
        """Whether a step back is the register going round once."""
        if self.size is None or not 0 <= after < before < self.size:
            return False
        if not self.plausible(self.size - before + after, span_ms):
            return False
        return self.rated or self.at_its_end(before, after)

    def at_its_end(self, before: int, after: int) -> bool:
        """Whether a step back is from the last to the first twentieth of the register."""
        if self.size is None:
            return False
        return ROLLOVER_HIGH * self.size < before < self.size and after < ROLLOVER_LOW * self.size


@dataclass(frozen=True, slots=True)
class Replacement:
    """At `ms` one register ended at `final` counts and another began at `initial` counts.

    A reset, deliberate or not, is the replacement of a register by itself. `final` None: nobody
    knows where the old one ended, so what it counted since its last mark is missing.
    """

    ms: int
    final: int | None
    initial: int
