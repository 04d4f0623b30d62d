"""Asked of links in shadow mode: what would have been written.

Carried out on the files of a site, with or without a running controller.
"""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from bms.operations.requests.operation import Answer, LocalTime, Operation, Request, Rows, Value
from bms.texts.field import Words


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


SHADOW = Operation("report.shadow", AskShadow, UnsentCommands)
