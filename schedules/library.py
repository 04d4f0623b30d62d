"""What the rest of the house uses: the library of a site's schedules, and their answers.

All times are wall-clock times of the base. A question is asked with an aware instant, and is
answered from the *state* of the calendar at that instant, never from an event: a restart, a
missed tick or a clock jump needs no repair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from bms.texts.problems import Origin
from schedules.answering.answers import Change, Entry, Stretch
from schedules.answering.clocks import zone_of
from schedules.answering.resolve import Extended, Resolver
from schedules.answering.stacking import Laid
from schedules.model.calendar import Calendar
from schedules.model.context import NOTHING, Context, Place
from schedules.model.overlays import Overlay
from schedules.model.programme import Schedule
from schedules.model.seasons import SeasonSet
from schedules.model.sun import Sun
from schedules.model.timeunits import TimeUnit

__all__ = ["Change", "Entry", "Library", "Resolver", "Schedule", "Stretch", "Use"]

_SPARE = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of a setpoint, from the least to the most, and where that is written."""

    least: float
    most: float
    origin: Origin


@dataclass(frozen=True, slots=True)
class Use:
    """What a schedule or an overlay gives to a target, to be checked against its strategy."""

    target: str
    """Group or equipment id."""
    target_origin: Origin
    """Where it is named, or selected."""
    mode: str | None
    """None: an overlay that gives setpoints only."""
    mode_origin: Origin
    setpoints: Mapping[str, Asked]
    """By setpoint name."""


@dataclass(frozen=True, slots=True)
class Library:
    """All schedules, seasons and calendars of a site."""

    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    """By id."""
    governed: Mapping[str, str] = field(default_factory=dict)
    """Group or equipment id to schedule id."""
    claims: Mapping[str, Origin] = field(default_factory=dict)
    """By governed id: where its schedule names or selects it."""
    seasons: Mapping[str, SeasonSet] = field(default_factory=dict)
    base_seasons: Mapping[str, str] = field(default_factory=dict)
    """By base, and by target where it differs from its base: the id of its season set."""
    base_places: Mapping[str, Origin] = field(default_factory=dict)
    """Where each of `base_seasons` is written."""
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    overlays: tuple[Overlay, ...] = ()
    """In declared order: the later lies on top."""
    time_units: Mapping[str, TimeUnit] = field(default_factory=dict)
    _resolvers: dict[tuple[object, ...], Resolver] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def season_set(self, target: str) -> SeasonSet | None:
        """The seasons of a target: its own, or those of its base; None if it has none."""
        set_id = self.base_seasons.get(target) or self.base_seasons.get(target.partition(".")[0])
        return self.seasons[set_id] if set_id is not None else None

    def missing_years(self, today: date) -> Mapping[str, int]:
        """The calendars that lack this year, or from 1 December on the next, and which they lack.

        Only calendars that a schedule or an overlay uses.
        """
        wanted = [today.year] + ([today.year + 1] if today.month == 12 else [])
        return {name: years[0] for name, years in self.lacking(wanted).items()}

    def lacking(
        self, years: Iterable[int], target: str | None = None
    ) -> Mapping[str, tuple[int, ...]]:
        """Which of some years the calendars lack, by calendar.

        Only calendars that a schedule (of `target`, if one is named) or an overlay uses.
        """
        schedules = (
            self.schedules.values()
            if target is None
            else [self.schedules[self.governed[target]]]
            if target in self.governed
            else []
        )
        rules = [rule.calendar for schedule in schedules for rule in schedule.exceptions]
        occasions = [o.calendar for overlay in self.overlays for o in overlay.occasions]
        used = {found.id: found for found in (*rules, *occasions) if found is not None}
        wanted = sorted(set(years))
        lacks = {
            name: tuple(year for year in wanted if found.lacks(year))
            for name, found in sorted(used.items())
        }
        return {name: found for name, found in lacks.items() if found}

    def resolver(
        self,
        target: str,
        zone: str,
        *,
        place: Place | None = None,
        context: Context = NOTHING,
    ) -> Resolver | None:
        """Answers for a group or equipment of a base in `zone` (IANA name).

        None if no schedule governs it. `place` is where the base is, for sunrise and sunset.
        Targets that no answer can tell apart share a resolver. Raises ValueError for unknown
        zones, and without a place for a schedule that hangs on the sun.
        """
        schedule_id = self.governed.get(target)
        if schedule_id is None:
            return None
        schedule = self.schedules[schedule_id]
        seasons = self.season_set(target) if schedule.seasons == "base" else schedule.seasons
        base = target.partition(".")[0]
        spells = () if seasons is None else context.seasons.get((seasons.id, base), ())
        extensions = tuple(e for e in context.extensions if e.target == target)
        overlays = self._laid(target, context)
        if schedule.hangs_on_sun is None:
            place = None
        key = (schedule_id, zone, place, seasons.id if seasons else None, spells)
        shared = not extensions and not overlays
        resolver = self._resolvers.get(key) if shared else None
        if resolver is None:
            resolver = Resolver(
                schedule,
                zone,
                seasons=seasons,
                spells=spells,
                sun=Sun(place, zone_of(zone)) if place is not None else None,
                extensions=[Extended(e, self._unit_origin(e.unit)) for e in extensions],
                overlays=overlays,
            )
            if shared:
                self._keep(key, resolver)
        return resolver

    def _keep(self, key: tuple[object, ...], resolver: Resolver) -> None:
        """Remember a resolver for others; spells that are past leave theirs behind."""
        if len(self._resolvers) > 2 * len(self.governed) + _SPARE:
            self._resolvers.clear()
        self._resolvers[key] = resolver

    def _laid(self, target: str, context: Context) -> list[Laid]:
        """The overlays that bear on a target, in declared order."""
        found = []
        for overlay in self.overlays:
            levels = tuple(level for level in context.overlays if level.overlay == overlay.id)
            if overlay.by_hand and not levels:
                continue
            givings = {
                level: mine
                for level, all_of_level in overlay.levels.items()
                if (mine := tuple(g for g in all_of_level if target in g.chosen))
            }
            if givings:
                found.append(Laid(overlay, levels, givings))
        return found

    def _unit_origin(self, unit: str) -> Origin:
        """Where a time unit is written; one that is no longer written was in its file."""
        found = self.time_units.get(unit)
        return found.origin if found is not None else Origin("schedules/time-units.yaml", 1)

    def uses(self) -> list[Use]:
        """Every mode and setpoint of schedules and overlays, once for each of their targets."""
        uses = [
            Use(
                target,
                self.claims[target],
                setting.mode,
                setting.mode_origin,
                _asked(setting.setpoints, setting.setpoint_origins),
            )
            for target, schedule_id in self.governed.items()
            for setting in self.schedules[schedule_id].settings()
        ]
        return (
            uses
            + [
                Use(
                    target,
                    giving.targets[text],
                    giving.mode,
                    giving.mode_origin,
                    _asked(giving.setpoints, giving.setpoint_origins),
                )
                for overlay in self.overlays
                for givings in overlay.levels.values()
                for giving in givings
                for target, text in giving.chosen.items()
            ]
            + [
                Use(
                    target,
                    unit.origin,
                    mode,
                    unit.origin,
                    {n: Asked(*limits, unit.origin) for n, limits in unit.setpoints.items()},
                )
                for unit in self.time_units.values()
                for target in unit.targets
                for mode in unit.modes
            ]
        )


def _asked(values: Mapping[str, float], origins: Mapping[str, Origin]) -> dict[str, Asked]:
    return {name: Asked(value, value, origins[name]) for name, value in values.items()}
