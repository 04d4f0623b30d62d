"""Told of meters: replacements, corrections, readings by hand, and what of it counts no longer.

Carried out on the files of a site, with or without a running controller.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field

from bms.operations.requests.operation import Answer, Given, LocalTime, Operation, Request


class ReplaceMeter(Request):
    """A meter was replaced, or its register reset; registers as they show it, before any ratio."""

    meter: Given
    """Equipment, name or point id."""
    final: str | None = None
    """What the old register showed last; None if nobody noted it."""
    initial: Given
    at: AwareDatetime
    reason: str


class CorrectMeter(Request):
    """What a meter really used in a period of whole quarter hours."""

    meter: Given
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    amount: Given
    """In the meter's unit."""
    label: Literal["corrected", "estimated", "manual"] = "corrected"
    reason: str


class WithdrawEntry(Request):
    """Let an entry count no longer."""

    entry: int = Field(ge=1)
    reason: str


class ImportReadings(Request):
    """Readings that people took: a CSV file with the columns meter, time, reading."""

    file: Path
    reason: str


class EntryTold(Answer):
    """An entry as the ledger has it."""

    entry: int
    kind: str
    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")
    final: str | None = None
    initial: str | None = None
    label: str | None = None
    amount: float | None = None
    who: str
    why: str
    recorded: LocalTime
    withdrawn: bool
    meter: str


class EntryWithdrawn(Answer):
    """An entry that counts no longer."""

    entry: int
    kind: str
    meter: str
    withdrawn: bool = True


class ReadingsImported(Answer):
    """How many readings are new, and how many were known."""

    added: int
    known: int


REPLACE = Operation("meter.replace", ReplaceMeter, EntryTold, changes=True)
CORRECT = Operation("meter.correct", CorrectMeter, EntryTold, changes=True)
WITHDRAW = Operation("meter.withdraw", WithdrawEntry, EntryWithdrawn, changes=True)
IMPORT = Operation("meter.import", ImportReadings, ReadingsImported, changes=True)
