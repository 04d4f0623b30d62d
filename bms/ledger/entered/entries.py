"""What people enter into the ledger. Entries are only ever added; a later one withdraws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final


class EntryKind(StrEnum):
    REPLACEMENT = "replacement"
    """`final` and `initial`: decimal texts in the meter's unit as its register shows them, without
    the ratio; `final` None if nobody noted it."""
    READING = "reading"
    """`value`: what a person read, likewise; `by` is "instrument" if no person did."""
    INTERVALS = "intervals"
    """What another instrument measured in intervals that follow each other, ratios included:
    `step_ms`, `scale`, `counts` (null: not known), `label`, and `others` (a label by index)."""
    CORRECTION = "correction"
    """`label`, `scale` and `counts`, one per quarter hour: what the period used in truth."""
    WITHDRAWAL = "withdrawal"
    """`entry`: the number of the entry that is no longer to count."""


OF_QUARTERS: Final = (EntryKind.CORRECTION, EntryKind.INTERVALS)
"""What says amounts of quarter hours itself, and is no mark of a register."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that a person told the ledger."""

    number: int
    meter: str
    kind: EntryKind
    start: datetime
    end: datetime
    """The same as `start`, except for corrections."""
    data: dict[str, Any]
    who: str
    why: str
    recorded: datetime
    withdrawn: bool = False
