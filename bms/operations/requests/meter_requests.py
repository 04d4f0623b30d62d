"""Told of meters: replacements, corrections, readings by hand, and what of it counts no longer.

Carried out by the running controller; where none runs, by whoever owns the state directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field

from bms.operations.requests.operation import Answer, Given, LocalTime, Request, on_files
from bms.texts.field import Words


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
    """Readings or intervals of a file that people wrote or another system exported."""

    file: Path
    """What it is called where it comes from."""
    format: dict[str, str] = Field(default={})
    """What the file does not say itself, by the keys of `readings.yaml`."""
    meters: dict[str, str] = Field(default={})
    """The meter of each name in the file; `*` for its only one, `-` for what is left alone."""
    reason: str
    text: bytes | None = None
    """What it holds; None: it lies here under its name."""


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


class SeriesTaken(Answer):
    """What was taken of one name in the file."""

    name: str
    meter: str
    holds: Literal["registers", "intervals", "power"]
    by: Literal["person", "instrument"]
    unit: str
    step_min: float | None
    """How long an interval is; None for registers."""
    start: LocalTime | None = Field(alias="from")
    end: LocalTime | None = Field(alias="to")
    added: int
    known: int
    amount: float | None
    """Of the new intervals, in the meter's unit."""
    estimated: int
    """Intervals that the file itself calls estimated."""
    beneath: int
    """Quarter hours that the register measured itself: its own stay."""


class LinesLeft(Answer):
    """Lines that were left alone, and why."""

    why: Words
    count: int
    lines: tuple[int, ...]


class ReadingsImported(Answer):
    """What was taken of a file, and what was left alone. Nothing of it was refused."""

    added: int
    known: int
    kind: Words
    kept: bool
    """How files of its kind are taken was kept in `readings.yaml`."""
    series: tuple[SeriesTaken, ...]
    left: tuple[LinesLeft, ...]


REPLACE = on_files("meter.replace", ReplaceMeter, EntryTold)
CORRECT = on_files("meter.correct", CorrectMeter, EntryTold)
WITHDRAW = on_files("meter.withdraw", WithdrawEntry, EntryWithdrawn)
IMPORT = on_files("meter.import", ImportReadings, ReadingsImported, body="text")
