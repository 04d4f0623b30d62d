"""Errors of the controller.

BmsError
├── InvalidInput        what a person wrote cannot be used; carries every problem   (exit 2)
├── Unreachable         the controller does not answer                              (exit 3)
│   ├── Silent          a device does not                                           (exit 3)
│   └── Unanswered      it was asked, and did not answer: it may still do it        (exit 3)
├── Refused             understood, and not done: conflict, not allowed             (exit 4)
├── Unfinished          being carried out still: it stands as soon as it is stored (exit 1)
├── NotAvailable        what a command needs is not installed, or not known yet     (exit 1)
├── PlantFailed         a plant inside the process cannot go on                     (exit 1)
└── StoreError          the state or history database cannot be used                (exit 1)
    ├── UnusableFile    the file itself is damaged, foreign or newer: no trying again helps
    └── DiskError       the disk is full, read-only or failing: it may take it later
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from bms.texts.messages import Message
from bms.texts.problems import Problem


class BmsError(Exception):
    """Anything the command line reports without a traceback."""

    exit_code = 1

    def __init__(self, message: Message) -> None:
        super().__init__(message)


class InvalidInput(BmsError):
    """Files or arguments that cannot be used; `problems` lists all of them."""

    exit_code = 2

    def __init__(self, message: Message, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class Unreachable(BmsError):
    """The controller process does not answer on its socket."""

    exit_code = 3


class Silent(Unreachable):
    """A device or server of the field does not answer."""


class Unanswered(Unreachable):
    """The controller was asked and did not answer: nobody knows whether it does what was asked."""


class Refused(BmsError):
    """The request was understood and is not carried out."""

    exit_code = 4


class Unfinished(BmsError):
    """The time is over, and the request is still carried out: look before asking again."""


class NotAvailable(BmsError):
    """Something that a command needs is not installed, or nobody knows it yet."""


class PlantFailed(BmsError):
    """A plant inside the process cannot go on: what was simulated before is kept."""


class StoreError(BmsError):
    """A database of the site cannot be opened, read or written."""


Unusable: TypeAlias = Literal["damaged", "foreign", "misplaced", "newer", "unreadable"]
"""Why nobody can go on with a file: it does not read back, is not ours (or no file at all), belongs
to another history, was written by a later version of the program, or may not be opened by this
account."""


class UnusableFile(StoreError):
    """A file can never be used as it is. Who owns it puts it aside and goes on without it."""

    def __init__(self, message: Message, path: Path, why: Unusable) -> None:
        super().__init__(message)
        self.path = path
        self.why = why


class DiskError(StoreError):
    """The disk does not take it now; trying again later may help. Never ends the control."""
