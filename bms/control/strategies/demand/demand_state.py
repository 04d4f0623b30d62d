"""What a demand limit remembers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.control.blocks.inputs.filtered import FilterState
from bms.control.strategies.demand.billing_interval import Pulse
from bms.control.strategies.demand.boundary_account import Account
from bms.control.strategies.demand.shedding import LoadState


@dataclass(frozen=True, slots=True)
class IntervalBook:
    """The interval so far."""

    begin_ms: int | None = None
    """When it began, by the wall; None: none has been seen."""
    begin_s: float = 0.0
    """The same in steady seconds."""
    shed_kwh: float = 0.0
    """What was not drawn because it was shed."""
    power_kwh: float = 0.0
    """By the power points, to judge them by the registers."""
    powered: bool = True
    """They could be read all the time."""
    whole: bool = False
    """It was watched from its begin."""


@dataclass(frozen=True, slots=True)
class MonthBook:
    """The month so far."""

    month: str = ""
    """`2026-07`, by the base's calendar."""
    peak_kw: float = 0.0
    """The greatest demand of its intervals."""
    without_kw: float = 0.0
    """What it would have been had nothing been shed."""

    @property
    def avoided_kw(self) -> float:
        """What shedding kept off the bill."""
        return max(0.0, self.without_kw - self.peak_kw)


@dataclass(frozen=True, slots=True)
class DemandState:
    """See the module."""

    account: Account = field(default_factory=Account)
    filters: tuple[FilterState, ...] = ()
    pulse: Pulse = field(default_factory=Pulse)
    loads: Mapping[str, LoadState] = field(default_factory=dict)
    interval: IntervalBook = field(default_factory=IntervalBook)
    month: MonthBook = field(default_factory=MonthBook)
    factor: float = 1.0
    """Registers over power points: what a wrong transformer ratio makes of power."""
    power_doubts: int = 0
    """In how many intervals it was far from 1, since it was last near: power that jumps between
    two looks is far from its register now and then, and a wrong ratio always."""
    sun_kw: float = 0.0
    """The last that inverters showed."""
    blind_s: float | None = None
    """Since when nothing is measured, steady seconds."""
    acted_s: float | None = None
    """When something was last shed or came back."""
    short_s: float | None = None
    """Since when the limit cannot be held with what may be shed."""
    looked_s: float | None = None
    """Watched seconds of the last look."""
    swapped_s: float | None = None
    """When a register last jumped."""
