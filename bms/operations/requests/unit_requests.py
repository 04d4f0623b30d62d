"""Asked of time units: who may extend what, and to let an area run longer, or not."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bms.operations.requests.operation import (
    Answer,
    Given,
    LocalTime,
    Operation,
    Request,
    Rows,
    Trial,
)
from bms.texts.field import Words


class ListUnits(Request):
    """Every time unit."""


class _OfUnit(Trial):
    unit: Given
    target: str | None = None
    """One group or machine of the unit; None for all of them."""
    reason: Given


class ExtendUnit(_OfUnit):
    """Let a unit run from now on, or from `start` on; give either `duration` or `until`."""

    start: str | None = None
    """A moment to come, written like `until`; None for now."""
    duration: str | None = None
    until: str | None = None
    mode: str | None = None
    """None for the unit's first."""
    setpoints: dict[str, Annotated[float, Field(strict=True)]] | None = None


class CancelUnit(_OfUnit):
    """Switch a unit off until what runs now would have ended."""

    day: bool = False
    """For the rest of the day."""


class ResumeUnit(_OfUnit):
    """End what people changed: it runs as its schedule says."""


class TargetView(Answer):
    """What runs in a unit, until when, and why."""

    target: str
    mode: str | None
    until: LocalTime | None
    reason: Words


class ExtensionView(Answer):
    """What somebody asked for."""

    id: int
    """0 while it is only tried."""
    unit: str
    target: str
    mode: str
    setpoints: dict[str, float]
    start: LocalTime = Field(alias="from")
    until: LocalTime
    left_s: int
    who: str
    reason: Words


class UnitView(Answer):
    """One time unit: its limits, and what runs in it."""

    unit: str
    title: dict[str, str]
    people: tuple[str, ...]
    modes: tuple[str, ...]
    setpoints: dict[str, tuple[float, float]]
    """The least and the most that may be asked for."""
    longest_min: int
    latest_min: int
    """Minutes after midnight; more than 1440 is the day after."""
    days: tuple[str, ...]
    may_cancel: bool
    targets: tuple[TargetView, ...]
    extensions: tuple[ExtensionView, ...]


class Units(Rows[UnitView]):
    """Time units in declared order."""


class UnitChanged(Answer):
    """What was changed, or would be."""

    unit: str
    extensions: tuple[ExtensionView, ...]
    ended: tuple[int, ...]
    """The numbers of those that end with it."""


UNIT_LIST = Operation("unit.list", ListUnits, Units)
UNIT_EXTEND = Operation("unit.extend", ExtendUnit, UnitChanged, changes=True)
UNIT_CANCEL = Operation("unit.cancel", CancelUnit, UnitChanged, changes=True)
UNIT_RESUME = Operation("unit.resume", ResumeUnit, UnitChanged, changes=True)
