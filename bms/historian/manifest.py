"""The files of raw samples, as the manifest in `roll.db` knows them, and their groups. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.core.equipment import PointClass

ANALOG, STATE, KEPT = "analog", "state", "kept"
GROUPS: Final = (ANALOG, STATE, KEPT)
"""In the order in which they are given up; `kept` (counters and events) never is."""


def group_of(klass: PointClass) -> str:
    """The group of files that the samples of a point lie in."""
    if klass is PointClass.ANALOG:
        return ANALOG
    return STATE if klass is PointClass.STATE else KEPT


@dataclass(frozen=True, slots=True)
class Segment:
    """One file, as the manifest knows it."""

    name: str
    group: str
    t0: int
    """First and last millisecond of its samples."""
    t1: int
    samples: int
    bytes: int
    last_seq: int
    """No log row beyond this has samples in it."""
