"""`readings.yaml`: how each kind of file of readings is taken. Kept by `bms meter import`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bms.config.shapes.filemodel import FileModel


class ReadingsFormat(FileModel):
    """What a kind of file does not say itself. Every key but `header` is optional."""

    header: str = Field(default="", max_length=20_000)
    """By which a file of this kind is known again: its header, or `nem12`, `green-button`."""
    kind: Literal["nem12", "green-button", "table"] | None = None
    """What the file has to be; else it is what it is found to be."""
    decimal: Literal["point", "comma"] | None = None
    """Whether `1,234` is one thousand (point) or a little more than one (comma)."""
    dates: Literal["dmy", "mdy", "ymd"] | None = None
    """Whether `03/04/2026` is in April (dmy) or in March (mdy)."""
    holds: Literal["registers", "intervals", "power"] | None = None
    """What a number is: what a register showed, the amount of an interval, or its mean power."""
    stamp: Literal["start", "end"] | None = None
    """Whether an interval has the time of its start or of its end."""
    last_day: Literal["counts", "excluded"] | None = None
    """Whether a bill from one day to another covers the last one too."""
    step_min: int | None = Field(default=None, ge=1, le=1440)
    """How long an interval is, in minutes, if the times do not tell."""
    ratio: Literal["apply", "ignore"] | None = None
    """Whether numbers are still to be multiplied by the file's column of ratios."""
    unit: str | None = Field(default=None, max_length=20)
    """The unit of numbers that have none in the file; else the meter's."""
    zone: str | None = Field(default=None, max_length=64)
    """The zone of the times, `Europe/Berlin` or `+10:00`; else the base's."""
    by: Literal["person", "instrument"] | None = None
    """Who took readings of registers: a person with a pencil, or a logger."""
    sheet: str | None = Field(default=None, max_length=200)
    """The sheet of a workbook; else the first that holds anything."""
    meters: dict[str, str] = {}
    """The meter of each name that the file has; `-` for those that are left alone."""


class ReadingsFile(FileModel):
    """`readings.yaml`."""

    files: dict[str, ReadingsFormat] = Field(min_length=1)
    """The kinds of files, by name."""
