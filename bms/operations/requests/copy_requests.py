"""Told of copies in databases: what they are to get once more.

Carried out by the running controller; where none runs, by whoever owns the state directory.
"""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from bms.operations.requests.operation import Answer, Request, Rows, on_files
from bms.texts.field import Words


class Backfill(Request):
    """Send a period (again), behind what is new."""

    sink: str | None = None
    """One database by its name; None for all."""
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime | None = Field(default=None, alias="to")
    """Not included. None for now."""
    reason: str


class WillBeSent(Answer):
    """What of one stream is sent again."""

    sink: str
    stream: str
    rows: int
    days: int | None = None
    """Days of which the rows are gone: they are filled from what is stored."""


class AllWillBeSent(Rows[WillBeSent]):
    """By database and stream; empty if nothing of the period is kept as it was recorded."""


class ResendRefused(Request):
    """Send the lines once more that databases refused."""

    sink: str | None = None
    """One database by its name; None for all."""
    reason: str


class LinesSent(Answer):
    """What one database took of them."""

    sink: str
    taken: int
    refused: int
    error: Words
    """Why it could not be asked; empty if it could."""


class AllLinesSent(Rows[LinesSent]):
    """By database."""


BACKFILL = on_files("influx.backfill", Backfill, AllWillBeSent)
RESEND = on_files("influx.dead.resend", ResendRefused, AllLinesSent)
