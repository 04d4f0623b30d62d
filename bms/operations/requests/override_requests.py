"""Asked by hand: overrides of points, locks and resets of machines."""

from __future__ import annotations

from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Rows,
    Value,
)
from bms.texts.field import Words


class SetOverride(Request):
    """Take a point over by hand; give either `duration` or `until`."""

    point: Given
    value: Given
    """As people write it: on, off, 21.5, a mode."""
    duration: str | None = None
    """`45m`, `2h`, `1h30m`."""
    until: str | None = None
    """`18:30`, `tomorrow 07:00`, `2026-07-01T18:30`, `end-of-block`."""
    reason: Given


class ExtendOverride(Request):
    """Let an override last longer; a duration counts from the end that it has."""

    override: Given
    """Its number or its point."""
    duration: str | None = None
    until: str | None = None
    reason: Given


class ClearOverride(Request):
    """Give a point back."""

    override: Given
    """Its number or its point."""
    reason: str = ""


class ListOverrides(Request):
    """Those in force."""


class ListPastOverrides(Request):
    """Those that ended."""

    back: Given
    """How long ago at most: `7d`."""


class After(Answer):
    """What becomes of a point when its override ends, as the schedule stands now."""

    point: str
    """Who decides then: the point itself, or the mode or setpoint of its group."""
    value: Value | None
    reason: Words
    text: Words


class CostView(Answer):
    """kWh more (or less) than without the override; None: cannot be told."""

    kwh: float | None
    how: Words
    detail: Words


class OverrideView(Answer):
    """An override in force."""

    id: int
    point: str
    value: Value
    since: LocalTime
    until: LocalTime
    age_s: int
    left_s: int
    owner: str
    reason: Words
    stored: bool = True
    """False: in force, and not on the disk yet; a restart before it is would forget it."""
    orphaned: bool = False
    """True: it does nothing, the site has no such point to command."""


class OverrideTold(OverrideView):
    """An override and what follows on it."""

    then: After


class OverrideListed(OverrideTold):
    """An override and what it costs."""

    cost: CostView


class PastOverrideView(OverrideListed):
    """An override that is over."""

    ended: LocalTime
    how: Words


class Overrides(Rows[OverrideListed]):
    """Overrides in force, oldest first."""


class PastOverrides(Rows[PastOverrideView]):
    """Overrides that ended, oldest first."""


class LockMachine(Request):
    """Lock a machine out for maintenance: it is held off until somebody unlocks it."""

    machine: Given
    reason: Given


class UnlockMachine(Request):
    """Take the lock off a machine."""

    machine: Given
    reason: str = ""


class ResetMachine(Request):
    """Say that a machine that is latched may be used again."""

    machine: Given
    reason: Given


class LockView(Answer):
    """A machine that is locked out."""

    machine: str
    since: LocalTime
    by: str
    reason: Words


class MachineReset(Answer):
    """A machine that may be used again, and what had latched it."""

    machine: str
    cleared: tuple[Words, ...]
    """What was wrong with it when it was reset; empty if nothing was."""


SET = Operation("override.set", SetOverride, OverrideTold, changes=True)
EXTEND = Operation("override.extend", ExtendOverride, OverrideTold, changes=True)
CLEAR = Operation("override.clear", ClearOverride, OverrideTold, changes=True)
LIST = Operation("override.list", ListOverrides, Overrides)
PAST = Operation("override.past", ListPastOverrides, PastOverrides)
LOCK = Operation("machine.lock", LockMachine, LockView, changes=True)
UNLOCK = Operation("machine.unlock", UnlockMachine, LockView, changes=True)
RESET = Operation("machine.reset", ResetMachine, MachineReset, changes=True)
"""Lock, unlock and reset machines."""
