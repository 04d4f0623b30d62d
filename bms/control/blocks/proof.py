"""Proof that a machine does what it was told: its status within a time."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from bms.control.blocks.timers import lasted


class Proof(Enum):
    """What is known of a machine that was told to run."""

    PROVEN = "proven"
    WAITING = "waiting"
    FAILED = "failed"


def prove(status: bool | None, told: datetime, within_s: float, now: datetime) -> Proof:
    """Whether the run status confirms a command given at `told`.

    `status` None is a status that cannot be read: it proves nothing, and in time it fails.
    A status that is on proves at once, also long after `within_s`: at coarse steps it is the
    first look.
    """
    if status:
        return Proof.PROVEN
    return Proof.FAILED if lasted(told, within_s, now) else Proof.WAITING
