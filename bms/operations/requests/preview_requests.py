"""Asked of schedules before they run: what a group will be commanded, what an edit would change.

Carried out on the files of a site, with or without a running controller.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import AwareDatetime, Field

from bms.operations.requests.live_requests import EarlyStart
from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Value,
)
from bms.operations.requests.season_requests import GroupEffect
from bms.texts.field import Words


class PreviewGroup(Request):
    """What a group will be commanded, with overlays, extensions and overrides as they are now."""

    group: Given
    days: int = Field(default=7, ge=1, le=400)
    start: AwareDatetime | None = Field(default=None, alias="from")
    """Any instant of the first day, by the clock of the group's base; None for today."""


class Stretch(Answer):
    """A while with one mode and its setpoints."""

    start: LocalTime = Field(alias="from")
    end: LocalTime = Field(alias="to")
    mode: Value | None
    setpoints: dict[str, Value]
    season: str | None
    reason: Words
    priority: int | None
    source: str | None
    origin: str | None
    """The line of the schedule, also where something else lies on top of it."""


class ForcedPoint(Answer):
    """An override in force that bears on the group."""

    point: str
    value: Value
    until: LocalTime
    owner: str
    reason: Words


class Preview(Answer):
    """What a group will be commanded, and because of what."""

    group: str
    title: dict[str, str]
    zone: str
    governed: bool
    """Whether any schedule governs it."""
    calendars_lack: dict[str, tuple[int, ...]]
    """Years by calendar whose holidays are shown as ordinary days."""
    stretches: tuple[Stretch, ...]
    overrides: tuple[ForcedPoint, ...] | None
    """None if the site has no state yet."""
    expected_start: EarlyStart | None
    """When optimal start begins the next block; None if no controller runs that could tell."""


class EditedFile(Request):
    """A copy that stands for the schedule file of the same name."""

    whole: ClassVar = frozenset({"text"})

    path: Path
    text: str


class CompareSchedules(Request):
    """What edited files would change, if they replaced those of the same name."""

    files: tuple[EditedFile, ...] = ()
    """None: the files on the disk as they are."""
    days: int = Field(default=14, ge=1, le=400)
    start: AwareDatetime | None = Field(default=None, alias="from")
    """None for now; a whole minute is compared from."""


class SchedulesCompared(Answer):
    """The groups for which it makes a difference."""

    groups: tuple[GroupEffect, ...]
    kwh: float | None
    """None if the power of any of them is not known."""


PREVIEW = Operation("schedule.preview", PreviewGroup, Preview)
COMPARE = Operation("schedule.diff", CompareSchedules, SchedulesCompared)
