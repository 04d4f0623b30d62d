"""What people enter into the ledger. Entries are only ever added; a later one withdraws."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class EntryKind(StrEnum):
    REPLACEMENT = "replacement"
    """`final` and `initial`: decimal texts in the meter's unit as its register shows them, without
    the ratio; `final` None if nobody noted it."""
    READING = "reading"
    """`value`: what a person read, likewise."""
    CORRECTION = "correction"
    """`label`, `scale` and `counts`, one per quarter hour: what the period used in truth."""
    WITHDRAWAL = "withdrawal"
    """`entry`: the number of the entry that is no longer to count."""


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
