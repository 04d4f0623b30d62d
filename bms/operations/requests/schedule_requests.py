"""Asked of schedule files: to look at them, to change a part, to bring a version into force.

Carried out on the files of a site, with or without a running controller, which takes them over by
itself. Every change can be tried first: `dry_run` answers with what it would do.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, InstanceOf, JsonValue
from pydantic.json_schema import SkipJsonSchema

from bms.operations.requests.operation import Answer, Given, Operation, Request, Rows, Trial
from bms.texts.field import Words
from bms.texts.problems import Problem

# --- changes ---------------------------------------------------------------------------------


class ScheduleChange(Trial):
    """What all changes have; a reason is needed unless it is a trial."""

    reason: str = ""
    edited_from: str | None = None
    """The hash of the text that was looked at: refused if the file is another one by now."""


class _OfSchedule(ScheduleChange):
    schedule: Given
    """An id, or the name of a file."""


class SetBlock(_OfSchedule):
    """Change, add or remove one block of a day, or what runs outside all blocks."""

    day: Given
    """`mon` … `sun`, `mon-fri`, `sat,sun`, `daily`, or `otherwise`."""
    block: str | None = None
    """Its number, or the time it begins at."""
    start: str | None = Field(default=None, alias="from")
    end: str | None = Field(default=None, alias="to")
    mode: str | None = None
    setpoints: dict[str, str] = Field(default_factory=dict)
    unset: tuple[str, ...] = ()
    """Setpoints to leave to the group."""
    add: bool = False
    remove: bool = False
    season: str | None = None
    """Whose week; None for the only one that has the day."""


class CopyDay(_OfSchedule):
    """Give days the plan of another."""

    day: Given
    to: tuple[str, ...]
    season: str | None = None


class AddException(_OfSchedule):
    """Days that differ: replaced, run by another day's plan, or with blocks on top."""

    do: Literal["replace", "use", "add"]
    name: Given
    dates: tuple[str, ...]
    day: str | None = None
    """With `use`: whose plan."""
    blocks: tuple[str, ...] = ()
    """With `replace` or `add`: `20:30-21:30=off,level_pct=20`."""


class RemoveException(_OfSchedule):
    """Take an exception away."""

    which: Given
    """Its number in the file from 1 on, or its name."""


class EditSchedule(_OfSchedule):
    """A whole new text."""

    before: bytes
    """The text that was edited."""
    text: bytes


class RestoreSchedule(_OfSchedule):
    """Put an earlier version in force again."""

    revision: int = Field(ge=1)


class ImportSchedule(ScheduleChange):
    """Take a schedule or calendar from elsewhere: a YAML file, or a CSV week table."""

    name: Given
    """The name of the file that it was in."""
    text: bytes
    into: str | None = None
    """For a table: the schedule whose weeks it replaces."""
    replace: bool = False
    """Also if a file of that name is there."""


class RemoveSchedule(Request):
    """Take a schedule or calendar file out of force, whether it is still there or is gone."""

    schedule: Given
    reason: str = ""


class ScheduleRemoved(Answer):
    """A file that is no longer in force, and the version that would bring it back."""

    file: str
    revision: int


class ScheduleChanged(Answer):
    """What was changed, or would be."""

    file: str
    applied: bool
    changes: tuple[Words, ...]
    """For people; empty if only comments or layout differ."""
    lines: tuple[str, ...]
    """`-` before and `+` after."""
    edited_from: str
    revision: int | None = None
    sha256: str | None = None
    before: SkipJsonSchema[bytes] = Field(exclude=True)
    after: SkipJsonSchema[bytes] = Field(exclude=True)
    problems: SkipJsonSchema[tuple[InstanceOf[Problem], ...]] = Field(default=(), exclude=True)
    """Of a trial: why it would not be applied."""


# --- looking ---------------------------------------------------------------------------------


class ListSchedules(Request):
    """Every schedule."""


class ShowSchedule(Request):
    """The text of a schedule."""

    schedule: Given
    revision: int | None = None
    """An earlier one; None for the file."""


class ScheduleHistory(Request):
    """Who changed a schedule, or any, when and why."""

    schedule: str | None = None
    limit: int = Field(default=20, ge=1)


class ScheduleView(Answer):
    """What a schedule governs, and who changed it last."""

    id: str
    title: dict[str, str]
    governs: tuple[str, ...]
    seasons: str | None
    file: str
    revision: int | None
    changed: str | None
    by: str | None
    why: Words | None


class Schedules(Rows[ScheduleView]):
    """By id."""


class ScheduleText(Answer):
    """A file as it is written, and as it is read."""

    file: str
    sha256: str
    text: str
    data: JsonValue
    problems: tuple[Words, ...]


class RevisionView(Answer):
    """One version of one file."""

    file: str
    revision: int
    time: str
    who: str
    via: str
    why: Words
    sha256: str
    changes: tuple[Words, ...]


class Revisions(Rows[RevisionView]):
    """The latest first."""


SET = Operation("schedule.set", SetBlock, ScheduleChanged, changes=True)
COPY_DAY = Operation("schedule.copy-day", CopyDay, ScheduleChanged, changes=True)
ADD_EXCEPTION = Operation("schedule.exception.add", AddException, ScheduleChanged, changes=True)
REMOVE_EXCEPTION = Operation(
    "schedule.exception.remove", RemoveException, ScheduleChanged, changes=True
)
EDIT = Operation("schedule.edit", EditSchedule, ScheduleChanged, changes=True)
RESTORE = Operation("schedule.restore", RestoreSchedule, ScheduleChanged, changes=True)
REMOVE = Operation("schedule.remove", RemoveSchedule, ScheduleRemoved, changes=True)
IMPORT = Operation("schedule.import", ImportSchedule, ScheduleChanged, changes=True)
LIST = Operation("schedule.list", ListSchedules, Schedules)
SHOW = Operation("schedule.show", ShowSchedule, ScheduleText)
HISTORY = Operation("schedule.history", ScheduleHistory, Revisions)
