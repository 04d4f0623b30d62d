"""Whether anybody is there: presence, motion, arrivals and bays of one circuit together. Pure.

What is not known counts as somebody. Delays are measured in `watched_s`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bms.control.blocks.delays import held_for, holds_since


class Seen(StrEnum):
    """What the sensors of a circuit say together."""

    ALWAYS = "always"
    """There are none."""
    UNKNOWN = "unknown"
    """One of them cannot be read."""
    PRESENT = "present"
    LEAVING = "leaving"
    """Nobody is seen, and the time is not over."""
    VACANT = "vacant"


DOUBT_S: Final = 300.0
"""Sensors that cannot be read for so long are named."""


@dataclass(frozen=True, slots=True)
class Presence:
    """Sensors of one circuit over time, in the order of its points."""

    vacant_since_s: float | None = None
    unknown_since_s: float | None = None
    values: tuple[bool | None, ...] = ()
    changed_s: tuple[float, ...] = ()
    """When each last changed; a value that could not be read is no change."""


def watch_presence(before: Presence, flags: Sequence[bool | None], watched_s: float) -> Presence:
    """The state at a look; the same object where nothing has changed."""
    values = tuple(flags)
    if len(before.values) != len(values):
        before = Presence(values=(None,) * len(values), changed_s=(watched_s,) * len(values))
    unknown = None in values
    vacant = not unknown and not any(values)
    since_s = before.vacant_since_s
    if (
        values == before.values
        and not unknown
        and before.unknown_since_s is None
        and vacant is (since_s is not None)
        and max((since_s or 0.0, *before.changed_s)) <= watched_s
    ):
        return before
    after = Presence(
        holds_since(vacant, before.vacant_since_s, watched_s),
        holds_since(unknown, before.unknown_since_s, watched_s),
        tuple(b if v is None else v for v, b in zip(values, before.values, strict=True)),
        tuple(
            watched_s if (v is not None and b is not None and v is not b) or s > watched_s else s
            for v, b, s in zip(values, before.values, before.changed_s, strict=True)
        ),
    )
    return before if after == before else after


def seen(presence: Presence, delay_s: float, watched_s: float) -> Seen:
    """What it means: vacant only after `delay_s` without anybody."""
    if not presence.values:
        return Seen.ALWAYS
    if presence.unknown_since_s is not None:
        return Seen.UNKNOWN
    if presence.vacant_since_s is None:
        return Seen.PRESENT
    over = held_for(presence.vacant_since_s, delay_s, watched_s)
    return Seen.VACANT if over else Seen.LEAVING
