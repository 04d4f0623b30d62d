"""Asked of schedule files: to look at them, to change a part, to bring a version into force.

Looking is carried out on the files of a site. A change is made by the running controller; where
none runs, by whoever owns the state directory. Every change can be tried first: `dry_run` answers
with what it would do.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, InstanceOf, JsonValue
from pydantic.json_schema import SkipJsonSchema

from bms.operations.requests.operation import (
    Answer,
    Given,
    Operation,
    Request,
    Rows,
    Trial,
    on_files,
)
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

    before: SkipJsonSchema[bytes] = Field(default=b"", exclude=True)
    """The text that was edited; of a request that is sent, `edited_from` says which it was."""
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
    before: SkipJsonSchema[bytes] = Field(default=b"", exclude=True)
    after: SkipJsonSchema[bytes] = Field(default=b"", exclude=True)
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


SET = on_files("schedule.set", SetBlock, ScheduleChanged)
COPY_DAY = on_files("schedule.copy-day", CopyDay, ScheduleChanged)
ADD_EXCEPTION = on_files("schedule.exception.add", AddException, ScheduleChanged)
REMOVE_EXCEPTION = on_files("schedule.exception.remove", RemoveException, ScheduleChanged)
EDIT = on_files("schedule.edit", EditSchedule, ScheduleChanged, body="text")
RESTORE = on_files("schedule.restore", RestoreSchedule, ScheduleChanged)
REMOVE = on_files("schedule.remove", RemoveSchedule, ScheduleRemoved)
IMPORT = on_files("schedule.import", ImportSchedule, ScheduleChanged, body="text")
CHANGES: tuple[Operation[ScheduleChange, ScheduleChanged], ...] = (
    SET,
    COPY_DAY,
    ADD_EXCEPTION,
    REMOVE_EXCEPTION,
    EDIT,
    RESTORE,
    IMPORT,
)
"""Those that make another text of a file."""
LIST = Operation("schedule.list", ListSchedules, Schedules)
SHOW = Operation("schedule.show", ShowSchedule, ScheduleText)
HISTORY = Operation("schedule.history", ScheduleHistory, Revisions)
