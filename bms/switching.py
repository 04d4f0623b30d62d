"""What people ask to have switched: checked against the files, the time and who asks. Pure.

Each function answers with what is to be kept and put in force, or raises InvalidInput for what
does not exist and Refused for what is not allowed, saying what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.config.models import Site
from bms.control.schedule import resolver_of
from bms.durations import in_words, parse_duration
from bms.errors import InvalidInput, Refused
from bms.people import Action, may, name_of
from bms.standing import Standing
from bms.switched import Spell, SpellKey, current
from schedules.context import Extension, OverlayLevel
from schedules.overlays import OFF, Overlay
from schedules.problems import suggestion
from schedules.seasons import HandRule, OutdoorRule, SeasonSet
from schedules.timeunits import TimeUnit

CHANGEOVER = timedelta(hours=4)
"""Least time in `transitional` on the way from one season to another, also if somebody insists:
ASHRAE 90.1, 6.5.2.2.2 wants a two-pipe system to stay in a mode for so long."""


@dataclass(frozen=True, slots=True)
class SeasonPlan:
    """What a season switch would be: the spells to come, in order."""

    seasons: SeasonSet
    key: SpellKey
    present: str
    since: datetime | None
    """When the present season began; None if only the dates say so."""
    spells: tuple[Spell, ...]
    checklist: tuple[Mapping[str, str], ...]


def reason_of(text: str, what: str) -> str:
    """A reason on one line without control characters: it is read on terminals and in the log."""
    reason = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if not reason:
        raise InvalidInput(f"{what} needs a reason that the next shift understands")
    return reason


# --- seasons ---------------------------------------------------------------------------------


def plan_season(
    site: Site,
    standing: Standing,
    user: str,
    set_id: str,
    base: str,
    to: str,
    reason: str,
    now: datetime,
    *,
    start: datetime | None = None,
    force: bool = False,
) -> SeasonPlan:
    """A season switched by hand at `start` (now if None), through `transitional` where needed."""
    seasons, key = _season_set(site, standing, set_id, base)
    may(site, user, Action.SEASON, *_targets_of(site, key))
    reason = reason_of(reason, "a season switch")
    if seasons.rule is None:
        raise Refused(
            f"the dates decide {set_id}: edit {seasons.origin}, or give the set 'by: hand'"
        )
    if to not in seasons.names:
        raise InvalidInput(f"no season '{to}' in {set_id}; {suggestion(to, seasons.names)}")
    start = start if start is not None else now
    if start < now:
        raise Refused("a season cannot begin in the past: leave --at away to switch now")
    if start > now + timedelta(days=366):
        raise Refused("a season is planned at most a year ahead")
    zone = ZoneInfo(site.bases[base].zone)
    spells = standing.spells(key)
    spell = current(spells, start)
    if spell is not None and spell.start > now:
        spell = current(spells, now)  # what is planned before is replaced by this
    present = spell.season if spell is not None else seasons.season(start.astimezone(zone).date())
    way = seasons.way(present, to)
    if not way:
        raise Refused(f"{base} is in {to} already ({set_id})")
    dwell = timedelta(days=_dwell_days(seasons))
    if spell is not None and spell.cause != "start" and not force:
        ready = spell.start + dwell
        if start < ready:
            raise Refused(
                f"{present} began on {_local(spell.start, zone)} and stays for at least "
                f"{dwell.days} days, until {_local(ready, zone)}; switch then with --at, or "
                "insist with --force"
            )
    wait = max(dwell, CHANGEOVER) if not force else CHANGEOVER
    made = []
    at = start
    for season in way:
        text = f"switched by {name_of(site, user)}: {reason}"
        if season != to:
            text = f"on the way to {to}, {text}"
        made.append(Spell(set_id, base, at, season, "hand", user, text))
        at = at + wait
    rule = seasons.rule
    checklist = rule.checklists.get(to, ()) if isinstance(rule, HandRule) else ()
    since = spell.start if spell is not None else None
    return SeasonPlan(seasons, key, present, since, tuple(made), checklist)


def _season_set(
    site: Site, standing: Standing, set_id: str, base: str
) -> tuple[SeasonSet, SpellKey]:
    if set_id not in site.library.seasons:
        hint = suggestion(set_id, site.library.seasons)
        raise InvalidInput(f"no seasons '{set_id}' in seasons.yaml; {hint}")
    if base not in site.bases:
        raise InvalidInput(f"no base '{base}'; {suggestion(base, site.bases)}")
    key = set_id, base
    if key not in standing.sets:
        used = sorted({name for name, at in standing.sets if at == base}) or ["none"]
        raise InvalidInput(f"{base} does not use {set_id}; it uses {', '.join(used)}")
    return standing.sets[key], key


def _targets_of(site: Site, key: SpellKey) -> list[str]:
    """The groups whose season it is: who may switch it looks after all of them."""
    set_id, base = key
    found = []
    for target, schedule_id in site.library.governed.items():
        seasons = site.library.schedules[schedule_id].seasons or site.library.season_set(target)
        if target.partition(".")[0] == base and seasons is not None and seasons.id == set_id:
            found.append(target)
    return found


def _dwell_days(seasons: SeasonSet) -> int:
    return seasons.rule.dwell_days if seasons.rule is not None else 0


# --- overlays --------------------------------------------------------------------------------


def plan_level(
    site: Site,
    standing: Standing,
    user: str,
    name: str,
    level: str,
    until: str | None,
    duration: str | None,
    reason: str,
    now: datetime,
) -> OverlayLevel:
    """An overlay set to a level, until its renewal date at the latest."""
    overlay = _overlay(site, name)
    may(site, user, Action.OVERLAY, *sorted(_overlaid(site, overlay)))
    reason = reason_of(reason, "an overlay")
    if level == OFF:
        raise InvalidInput(f"to switch {name} off, write: bms overlay clear SITE {name}")
    if level not in overlay.levels:
        hint = suggestion(level, [OFF, *overlay.levels])
        raise InvalidInput(f"overlay {name} has no level '{level}'; {hint}")
    zone = ZoneInfo(site.file.zone)
    longest = now + timedelta(days=overlay.renew_days)
    end = _end(until, duration, now, zone) if until or duration else longest
    if end > longest:
        raise Refused(
            f"{name} has to be renewed every {overlay.renew_days} days: at most until "
            f"{_local(longest, zone)}"
        )
    return OverlayLevel(name, level, now, end, user, reason)


def plan_renewal(
    site: Site,
    standing: Standing,
    user: str,
    name: str,
    until: str | None,
    duration: str | None,
    reason: str,
    now: datetime,
) -> OverlayLevel:
    """The same level for longer; one that has just ended begins again."""
    before = set_level(site, standing, name)
    made = plan_level(site, standing, user, name, before.level, until, duration, reason, now)
    return replace(made, start=before.start) if before.until > now else made


def set_level(site: Site, standing: Standing, name: str) -> OverlayLevel:
    """The level that an overlay has or had last. Raises Refused if it is off."""
    _overlay(site, name)
    for level in standing.switched.levels:
        if level.overlay == name:
            return level
    raise Refused(f"{name} is off")


def clear_level(site: Site, standing: Standing, user: str, name: str) -> OverlayLevel:
    """The level to be cleared."""
    may(site, user, Action.OVERLAY, *sorted(_overlaid(site, _overlay(site, name))))
    return set_level(site, standing, name)


def _overlay(site: Site, name: str) -> Overlay:
    for overlay in site.library.overlays:
        if overlay.id == name:
            if overlay.by_hand:
                return overlay
            raise Refused(
                f"{name} is in force by its dates: edit {overlay.origin}; by hand are switched "
                f"{', '.join(o.id for o in site.library.overlays if o.by_hand) or 'none'}"
            )
    names = [overlay.id for overlay in site.library.overlays]
    raise InvalidInput(f"no overlay '{name}' in overlays.yaml; {suggestion(name, names)}")


def _overlaid(site: Site, overlay: Overlay) -> set[str]:
    """Groups that the overlay may give something to: all, where a selection is not known here."""
    return {
        target
        for givings in overlay.levels.values()
        for giving in givings
        for target in giving.targets
        if target in site.groups
    }


# --- time units ------------------------------------------------------------------------------


def plan_extension(
    site: Site,
    standing: Standing,
    user: str,
    unit_id: str,
    target: str | None,
    until: str | None,
    duration: str | None,
    mode: str | None,
    setpoints: Mapping[str, float],
    reason: str,
    now: datetime,
) -> list[Extension]:
    """Running of an area beyond its schedule, for one target or for all of the unit."""
    unit = _unit(site, unit_id)
    reason = reason_of(reason, "an extension")
    found = []
    for name in _unit_targets(unit, target):
        zone = _zone_of(site, name)
        if not until and not duration:
            raise InvalidInput("how long? write --for 2h or --until 21:30")
        _person(unit, user)
        start = _from_when(site, standing, name, mode, now, duration)
        end = _end(until, duration, start, zone)
        wanted = mode if mode is not None else _running_mode(unit)
        said = unit.refusal(user, name, wanted, setpoints, now, end, str(zone))
        if said is not None:
            raise Refused(said)
        by = name_of(site, user)
        found.append(Extension(0, unit.id, name, now, end, wanted, dict(setpoints), by, reason))
    _not_chained(standing, unit, found, now)
    return found


def _from_when(
    site: Site,
    standing: Standing,
    target: str,
    mode: str | None,
    now: datetime,
    duration: str | None,
) -> datetime:
    """From when a duration counts: from now. An end of day is an end of day."""
    return now


def plan_cancel(
    site: Site,
    standing: Standing,
    user: str,
    unit_id: str,
    target: str | None,
    reason: str,
    now: datetime,
) -> tuple[list[Extension], list[Extension]]:
    """Off for the rest of the block: what ends, and what is to be put in its place."""
    return [], []
