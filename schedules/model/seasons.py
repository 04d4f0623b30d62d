"""Season sets: which season a base is in, by the date, by the weather, or by somebody's hand.

Whatever switches them, a set that knows `transitional` goes from one season to another through
it. A set switched by weather or by hand has dates too: they decide before the first switch, and
whenever the weather is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from types import MappingProxyType
from typing import Literal, TypeAlias

from bms.texts.problems import Origin
from schedules.model.calendar import MonthDay, YearlySpan
from schedules.model.context import SeasonSpell

TRANSITIONAL = "transitional"
"""The season between two others; sets switched by weather or by hand need it."""
SUMMER, WINTER = "summer", "winter"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """When the mean outdoor temperature (degC) begins a season, and when it ends it."""

    enter_c: float
    leave_c: float


@dataclass(frozen=True, slots=True)
class OutdoorRule:
    """Seasons by a mean of the outdoor temperature, decided daily at the base's midnight.

    `running`: Trm <- (1 - alpha) * mean of yesterday + alpha * Trm, alpha 0.8 (EN 16798-1).
    `five_day`: the mean of the last five days. 22 and 10 degC are the five-day thresholds of
    GB/T 42074-2022; 2 K of hysteresis, 3 days to confirm, 14 days to dwell and the permitted
    windows are engineering defaults, to be set on site.
    """

    point: str
    """Point id of the outdoor temperature; `{base}` stands for the base asked about."""
    mean: Literal["running", "five_day"] = "running"
    alpha: float = 0.8
    """Weight of the past in the running mean, 0 to less than 1."""
    summer: Thresholds | None = Thresholds(22.0, 20.0)
    """In at `enter_c` or above, out below `leave_c`; None if the set has no summer."""
    winter: Thresholds | None = Thresholds(10.0, 12.0)
    """In at `enter_c` or below, out above `leave_c`; None if the set has no winter."""
    confirm_days: int = 3
    """Days in a row that have to ask for the same switch."""
    dwell_days: int = 14
    """Days between two switches, at least."""
    permitted: Mapping[str, tuple[YearlySpan, ...]] = field(
        default_factory=lambda: MappingProxyType(
            {
                SUMMER: (YearlySpan((4, 15), (10, 31)),),
                WINTER: (YearlySpan((11, 1), (3, 31)),),
            }
        )
    )
    """Windows outside of which a season does not begin, and ends."""
    fallback_h: float = 48.0
    """With the temperature bad for longer than this, the dates decide."""

    def point_of(self, base: str) -> str:
        """The point id of the outdoor temperature of a base."""
        return self.point.replace("{base}", base)

    def permits(self, season: str, day: date) -> bool:
        """Whether a season may be on a local date; a season without windows always may."""
        windows = self.permitted.get(season)
        return windows is None or any(day in window for window in windows)


@dataclass(frozen=True, slots=True)
class HandRule:
    """Seasons that somebody switches, after a checklist."""

    checklists: Mapping[str, tuple[Mapping[str, str], ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """By the season switched to: what to have done, each line a text by language."""
    dwell_days: int = 0
    """Days between two switches, unless somebody insists."""


SeasonRule: TypeAlias = OutdoorRule | HandRule


@dataclass(frozen=True, slots=True)
class SeasonSet:
    """Seasons that together cover every day of the year exactly once."""

    id: str
    names: tuple[str, ...]
    by_day: Mapping[MonthDay, str]
    """All 366 days."""
    rule: SeasonRule | None = None
    """What switches the seasons; None: the dates alone."""
    origin: Origin | None = None

    @property
    def by(self) -> Literal["dates", "outdoor", "hand"]:
        """The word for what switches the seasons."""
        if self.rule is None:
            return "dates"
        return "outdoor" if isinstance(self.rule, OutdoorRule) else "hand"

    def season(self, day: date) -> str:
        """The season of a local date, by the dates."""
        return self.by_day[(day.month, day.day)]

    def way(self, now: str, wanted: str) -> tuple[str, ...]:
        """The seasons to switch to, in turn, to come from one to another; () if it is the same."""
        if now == wanted:
            return ()
        if TRANSITIONAL in self.names and TRANSITIONAL not in (now, wanted):
            return (TRANSITIONAL, wanted)
        return (wanted,)


def spell_at(spells: Sequence[SeasonSpell], now: datetime) -> SeasonSpell | None:
    """The spell in force at an instant (aware); None before the first."""
    found = None
    for spell in spells:
        if spell.start > now:
            break
        found = spell
    return found


def season_at(
    seasons: SeasonSet, spells: Sequence[SeasonSpell], now: datetime, zone: tzinfo
) -> str:
    """The season in force at an instant (aware): of the spell, else by the dates."""
    spell = spell_at(spells, now)
    return spell.season if spell is not None else seasons.season(now.astimezone(zone).date())
