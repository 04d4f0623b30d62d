"""Asked of the past: who changed what, whether the audit's chain holds, what shadow mode did not
send.

Carried out on the files of a site, with or without a running controller.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import AwareDatetime, ConfigDict, Field

from bms.operations.requests.operation import Answer, LocalTime, Operation, Request, Rows, Value
from bms.texts.field import Words


class ListAudit(Request):
    """Entries that fit; a part of a word is enough."""

    who: str | None = None
    what: str | None = None
    """The kind of change: a dotted word, such as `schedule.edit`."""
    text: str | None = None
    """What the entry has anywhere."""
    since: AwareDatetime | None = Field(default=None, alias="from")
    limit: int = Field(default=50, ge=1)


class AuditEntry(Answer):
    """An entry as it stands in the file, with the details of its kind.

    A line that somebody tampered with is told too: nothing need be there, or be what it should.
    """

    model_config = ConfigDict(extra="allow")

    seq: int | Any = None
    time: str | Any = None
    who: str | Any = None
    via: str | Any = None
    what: str | Any = None
    why: Any = None
    """A message, or what somebody wrote."""


class AuditEntries(Rows[AuditEntry]):
    """The latest first."""

    leaves_out: ClassVar = True


class VerifyAudit(Request):
    """Whether no entry was changed, removed or put in between."""

    anchor: str | None = None
    """The hash of an entry that was noted elsewhere, or its beginning, alone or as NUMBER:HASH:
    it has to stand in the chain."""


class AuditVerified(Answer):
    """How many entries the chain holds, and what is wrong with it."""

    entries: int
    problems: tuple[Words, ...]
    head: str | None = None
    """The last entry as NUMBER:HASH, to be noted elsewhere; None before the first."""
    anchors: int = 0
    """How many earlier entries the state database has kept, and were looked for."""


class AskShadow(Request):
    """What would have been written in a period."""

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")
    """Not included. None for now."""
    link: str | None = None
    """One link; None for all."""


class UnsentCommand(Answer):
    """A command that was not sent, beside what the field showed."""

    time: LocalTime
    point: str
    value: Value | None
    """None: the point would have been released."""
    field_value: Value | None = Field(alias="field")
    """None if it could not be read."""
    agrees: bool | None
    """Whether whoever is in charge commanded the same; None where that cannot be told."""
    noted: bool
    """Whether it was noted then that it was not sent. False: an earlier version did not note it,
    and the link is in shadow mode now, or was named."""
    source: str
    reason: Words


class UnsentCommands(Rows[UnsentCommand]):
    """The earliest first."""


class AskSheds(Request):
    """What demand limits have shed in a period."""

    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")
    """Not included. None for now."""


class Shed(Answer):
    """A stretch in which a demand limit had a point."""

    group: str
    """The demand limit."""
    point: str
    start: LocalTime = Field(alias="from")
    end: LocalTime | None = Field(alias="to")
    """None: it is shed still."""
    minutes: float
    value: Value
    """What it was commanded to."""
    reason: Words
    avoided_kw: float | None
    """What shedding had kept off that month's peak at the end of the period; None: not known."""


class Sheds(Rows[Shed]):
    """The earliest first."""


LIST = Operation("audit.list", ListAudit, AuditEntries)
VERIFY = Operation("audit.verify", VerifyAudit, AuditVerified)
SHADOW = Operation("report.shadow", AskShadow, UnsentCommands)
SHEDS = Operation("report.demand", AskSheds, Sheds)
