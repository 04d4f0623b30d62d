"""The last answer of a controller: the same tuple for the same reason costs the engine nothing."""

from __future__ import annotations

from typing import NamedTuple

from bms.core.decisions import Command


class Commanded(NamedTuple):
    """Commands, and what they were made of."""

    key: object
    commands: tuple[Command, ...]


NOTHING = Commanded(None, ())
