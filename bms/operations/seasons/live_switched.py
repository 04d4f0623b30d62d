"""What stands switched at one running or simulated site, and how the weather goes on with it.

No clock and no disk: `advance` is given samples and now, and whoever runs the site keeps what
began (`begun`, `states`) and what people switched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.site import Site
from bms.control.engine.states import Codec
from bms.control.supervise.season_by_weather import Outdoor, advance, is_bad
from bms.core.decisions import Condition, Severity
from bms.core.equipment import base_of
from bms.core.switched import EXTENSIONS_KEPT, Spell, SpellKey, Switched, current, of_key
from bms.texts.messages import msg
from bms.texts.words import season_word
from drivers.points import PointId, Quality, Sample
from schedules.library import Library
from schedules.model.context import Context, Extension, OverlayLevel
from schedules.model.seasons import HandRule, OutdoorRule, SeasonSet

STATES = "seasons"
"""Key among the saved states; no controller has this name."""
RENEW_BEFORE = timedelta(days=3)
"""An overlay's level that ends is announced so long before, or half of its time before."""
ENDED_FOR = timedelta(days=7)
"""A level that ended by itself is told for so long, unless somebody clears it."""
UNSEEN = timedelta(hours=1)
"""An outdoor temperature missing for longer is worth telling."""
OVERDUE_DAYS = 14
"""A season by hand may differ from the dates for so long."""
_TOLD_EVERY = timedelta(minutes=1)


class LiveSwitched:
    """Seasons, overlay levels and extensions of a site.

    `saved` is what `states()` returned before the restart; what of it does not fit starts over.
    """

    def __init__(self, site: Site, switched: Switched, saved: Mapping[str, object]) -> None:
        self.switched = switched
        self._site = site
        self._known = _known(site, switched)
        self._codec = Codec()
        self._outdoor = self._restored(saved.get(STATES))
        self._begun: tuple[Spell, ...] = ()
        self._told: tuple[datetime, tuple[Condition, ...]] | None = None
        self._calendars: tuple[date, list[Condition]] | None = None
        """What was told of the calendars, and on which day."""

    @property
    def sets(self) -> Mapping[SpellKey, SeasonSet]:
        """The season sets that are used, by set and base, in order."""
        return self._known.sets

    @property
    def context(self) -> Context:
        """What the schedules know of what is switched."""
        return self._known.context

    def _restored(self, data: object) -> dict[SpellKey, Outdoor]:
        if data is None:
            return {}
        try:
            found: dict[str, Outdoor] = self._codec.decode(dict[str, Outdoor], data)
        except ValueError:  # it is learned again within days; spells are kept elsewhere
            return {}
        return {_key(text): state for text, state in found.items()}

    def adopt(self, site: Site) -> None:
        """Go on with edited schedules."""
        self._site = site
        self._put(self.switched)

    def _put(self, switched: Switched) -> None:
        """From now on this stands switched."""
        self.switched = switched
        self._known = _known(self._site, switched)
        self._told = self._calendars = None

    # --- the weather -------------------------------------------------------------------------

    def advance(self, samples: Mapping[PointId, Sample], now: datetime) -> bool:
        """Take the weather in; whether a season began."""
        begun: list[Spell] = []
        for key, seasons in self.sets.items():
            rule = seasons.rule
            if rule is None:
                continue
            spells = self._known.spells[key]
            if isinstance(rule, HandRule):
                if not spells:
                    begun.append(self._first(seasons, key.base, now))
                continue
            state, spell = advance(
                seasons,
                key.base,
                spells,
                self._outdoor.get(key, _UNKNOWN),
                self._temperature(samples, rule.point_of(key.base)),
                now,
                self._known.zones[key.base],
            )
            self._outdoor[key] = state
            if spell is not None:
                begun.append(spell)
        if not begun:
            return False
        kept = [
            s
            for s in self.switched.spells
            if s.cause == "hand" or not any(b.key == s.key and s.start > b.start for b in begun)
        ]
        self._put(replace(self.switched, spells=(*kept, *begun)))
        self._begun += tuple(begun)
        return True

    def _first(self, seasons: SeasonSet, base: str, now: datetime) -> Spell:
        """What is switched by hand begins where the dates are, and then waits for people."""
        season = seasons.season(now.astimezone(self._known.zones[base]).date())
        reason = msg("where the dates are on the first day")
        return Spell(seasons.id, base, now, season, "start", "bms", reason)

    def _temperature(self, samples: Mapping[PointId, Sample], point: PointId) -> float | None:
        sample = samples.get(point)
        if sample is None or sample.quality is not Quality.GOOD:
            return None
        value = sample.value
        return None if value is None or isinstance(value, str) else float(value)

    def outdoor(self, key: SpellKey) -> Outdoor:
        """What is known of the outdoor temperature that decides a set at a base."""
        return self._outdoor.get(key, _UNKNOWN)

    def season(self, key: SpellKey, now: datetime) -> Spell | None:
        """The spell in force of a set at a base; None where the dates decide."""
        return current(self._known.spells.get(key, ()), now)

    def spells(self, key: SpellKey) -> tuple[Spell, ...]:
        """All spells of a set at a base, past and planned."""
        return self._known.spells.get(key, ())

    # --- over restarts -----------------------------------------------------------------------

    def begun(self) -> tuple[Spell, ...]:
        """What began by itself and is not known to be kept yet."""
        return self._begun

    def kept(self, spells: Sequence[Spell]) -> None:
        """These are on the disk now."""
        self._begun = tuple(s for s in self._begun if s not in spells)

    def states(self) -> dict[str, Any]:
        """What must survive a restart beside what is switched, as JSON values."""
        states = {_text(key): self._codec.encode(state) for key, state in self._outdoor.items()}
        return {STATES: states} if states else {}

    # --- people ------------------------------------------------------------------------------

    def put_spells(self, spells: Sequence[Spell], now: datetime) -> None:
        """Put in force what a person switched, in place of what was planned for those bases."""
        keys = {spell.key for spell in spells}
        self.withdraw_planned(keys, now)
        self._put(replace(self.switched, spells=(*self.switched.spells, *spells)))

    def withdraw_planned(self, keys: set[SpellKey], now: datetime) -> None:
        """Nothing is planned for these from now on."""
        kept = tuple(s for s in self.switched.spells if s.key not in keys or s.start <= now)
        self._put(replace(self.switched, spells=kept))

    def put_level(self, level: OverlayLevel) -> None:
        """Put a level in force in place of the one that its overlay has."""
        self.clear_level(level.overlay)
        self._put(replace(self.switched, levels=(*self.switched.levels, level)))

    def clear_level(self, overlay: str) -> None:
        """The overlay is off."""
        levels = tuple(x for x in self.switched.levels if x.overlay != overlay)
        self._put(replace(self.switched, levels=levels))

    def put_extensions(
        self, made: Sequence[Extension], now: datetime, ended: Sequence[int] = ()
    ) -> None:
        """Put new extensions in force; those in `ended` end now."""
        before = [
            replace(e, end=min(e.end, now)) if e.id in ended else e
            for e in self.switched.extensions
        ]
        kept = (e for e in before if e.end > e.start and e.end > now - EXTENSIONS_KEPT)
        self._put(replace(self.switched, extensions=(*kept, *made)))

    # --- what is not as it should be ---------------------------------------------------------

    def conditions(self, now: datetime) -> tuple[Condition, ...]:
        """Alarms about seasons, overlays and calendars; looked at once a minute."""
        told = self._told
        if told is not None and timedelta(0) <= now - told[0] < _TOLD_EVERY:
            return told[1]
        found = (
            *self._calendar_conditions(now),
            *self._level_conditions(now),
            *(c for key in self.sets for c in self._season_conditions(key, now)),
        )
        self._told = (now, found)
        return found

    def _calendar_conditions(self, now: datetime) -> list[Condition]:
        today = now.astimezone(ZoneInfo(self._site.file.zone)).date()
        if self._calendars is not None and self._calendars[0] == today:
            return self._calendars[1]
        found = [
            Condition(
                f"calendar:{name}",
                Severity.URGENT if year == today.year else Severity.NORMAL,
                msg(
                    "calendar {name} has no {year}: its holidays would be ordinary days; "
                    "'bms calendar import' drafts a year for review",
                    name=name,
                    year=year,
                ),
            )
            for name, year in self._site.library.missing_years(today).items()
        ]
        self._calendars = (today, found)
        return found

    def _level_conditions(self, now: datetime) -> list[Condition]:
        found = []
        declared = {overlay.id: overlay for overlay in self._site.library.overlays}
        zone = ZoneInfo(self._site.file.zone)
        for level in self.switched.levels:
            name = msg("overlay {overlay} {level}", overlay=level.overlay, level=level.level)
            ends = f"{level.until.astimezone(zone):%Y-%m-%d %H:%M}"
            overlay = declared.get(level.overlay)
            if overlay is None or level.level not in overlay.levels:
                text = msg(
                    "{name} is set, and overlays.yaml no longer knows it: it does nothing",
                    name=name,
                )
            elif now >= level.until + ENDED_FOR:
                continue
            elif now >= level.until:
                text = msg(
                    "{name} ended on {ends}, nobody renewed it; set it again, or clear it",
                    name=name,
                    ends=ends,
                )
            elif level.until - now <= min(RENEW_BEFORE, (level.until - level.start) / 2):
                text = msg("{name} ends on {ends} unless somebody renews it", name=name, ends=ends)
            else:
                continue
            found.append(Condition(f"overlay:{level.overlay}", Severity.NORMAL, text))
        return found

    def _season_conditions(self, key: SpellKey, now: datetime) -> list[Condition]:
        seasons, (set_id, base) = self.sets[key], key
        if isinstance(seasons.rule, OutdoorRule):
            state = self._outdoor.get(key, _UNKNOWN)
            unseen = now - state.seen if state.seen is not None else timedelta(0)
            if unseen <= UNSEEN:
                return []
            bad = is_bad(seasons.rule, state, now)
            what = msg("the dates decide") if bad else msg("the season stays as it is")
            hours = unseen.total_seconds() / 3600
            point = seasons.rule.point_of(base)
            return [
                Condition(
                    f"season:{set_id}:{base}",
                    Severity.URGENT if bad else Severity.NORMAL,
                    msg(
                        "seasons {set} of {base}: {point} has not been good for "
                        "{days:.0f} d {hours:.0f} h; {consequence}",
                        set=set_id,
                        base=base,
                        point=point,
                        days=hours // 24,
                        hours=hours % 24,
                        consequence=what,
                    ),
                )
            ]
        spell = self.season(key, now)
        if not isinstance(seasons.rule, HandRule) or spell is None:
            return []
        today = now.astimezone(self._known.zones[base]).date()
        since = _differs_since(seasons, spell.season, today)
        began = spell.start.astimezone(self._known.zones[base]).date()
        if since is None or min(today - since, today - began).days <= OVERDUE_DAYS:
            return []
        return [
            Condition(
                f"season:{set_id}:{base}",
                Severity.NORMAL,
                msg(
                    "seasons {set} of {base}: by the dates it is {season} since {since}, and "
                    "nobody has switched from {present}",
                    set=set_id,
                    base=base,
                    season=season_word(seasons.season(today)),
                    since=since,
                    present=season_word(spell.season),
                ),
            )
        ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the schedule files make of what stands switched."""

    zones: Mapping[str, ZoneInfo]
    """By base."""
    sets: Mapping[SpellKey, SeasonSet]
    spells: Mapping[SpellKey, tuple[Spell, ...]]
    context: Context


def _known(site: Site, switched: Switched) -> _Known:
    sets = season_sets(site.library)
    return _Known(
        {base.id: ZoneInfo(base.zone) for base in site.bases.values()},
        sets,
        {key: of_key(switched.spells, key) for key in sets},
        known_context(site.library, switched),
    )


_UNKNOWN = Outdoor()


def season_sets(library: Library) -> Mapping[SpellKey, SeasonSet]:
    """The season sets that are used, by set and base, in order."""
    found: dict[SpellKey, SeasonSet] = {}
    for target, set_id in library.base_seasons.items():
        found[SpellKey(set_id, base_of(target))] = library.seasons[set_id]
    for target, schedule_id in library.governed.items():
        seasons = library.schedules[schedule_id].seasons
        if isinstance(seasons, SeasonSet):  # else those of its base, or none
            found[SpellKey(seasons.id, base_of(target))] = seasons
    return dict(sorted(found.items()))


def known_context(library: Library, switched: Switched) -> Context:
    """The context of what the files still know: a season, a level may have been renamed."""
    levels = {overlay.id: overlay.levels for overlay in library.overlays}
    return Switched(
        tuple(
            s
            for s in switched.spells
            if s.set_id in library.seasons and s.season in library.seasons[s.set_id].names
        ),
        tuple(x for x in switched.levels if x.level in levels.get(x.overlay, ())),
        tuple(e for e in switched.extensions if e.unit in library.time_units),
    ).context()


def _differs_since(seasons: SeasonSet, season: str, today: date) -> date | None:
    """Since when the dates have said something else, at most a year back; None if they do not."""
    for days in range(366):
        day = today - timedelta(days=days)
        if seasons.season(day) == season:
            return day + timedelta(days=1) if days else None
    return today - timedelta(days=365)


def _text(key: SpellKey) -> str:
    return "@".join(key)


def _key(text: str) -> SpellKey:
    set_id, _, base = text.partition("@")
    return SpellKey(set_id, base)
