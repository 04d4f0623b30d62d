"""Seasons and overlays that people ask to have switched: checked against the files, the time and
who asks. Pure.

Each function answers with what is to be kept and put in force, or raises InvalidInput for what
does not exist and Refused for what is not allowed, saying what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bms.config.points import zone_of
from bms.config.site import Site
from bms.core.durations import parse_duration
from bms.core.equipment import base_of
from bms.core.errors import InvalidInput, Refused
from bms.core.moments import coming
from bms.core.reasons import reason_of
from bms.core.switched import Spell, SpellKey, current, planned
from bms.operations.requests.season_requests import (
    RenewOverlay,
    SetOverlay,
    SwitchSeason,
    WithdrawSeason,
)
from bms.operations.seasons.live_switched import LiveSwitched
from bms.people.roles import Action, may, name_of
from bms.texts.messages import message_of, msg
from bms.texts.problems import suggestion
from bms.texts.words import season_word
from schedules.model.context import OverlayLevel
from schedules.model.overlays import OFF, Overlay
from schedules.model.seasons import HandRule, SeasonSet

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


def reason_for(change: str, text: str) -> str:
    """The reason of a change. Raises InvalidInput if it says nothing."""
    missing = msg("{change} needs a reason that the next shift understands", change=change)
    return reason_of(text, missing)


# --- seasons ---------------------------------------------------------------------------------


def plan_season(
    site: Site, live: LiveSwitched, user: str, asked: SwitchSeason, now: datetime
) -> SeasonPlan:
    """A season switched by hand, through `transitional` where needed."""
    set_id, base, to = asked.season_set, asked.base, asked.to
    seasons, key = season_set(site, live, set_id, base)
    may(site, user, Action.SEASON, *targets_of(site, key))
    reason = reason_for(msg("a season switch"), asked.reason)
    if seasons.rule is None:
        raise Refused(
            msg(
                "the dates decide {set_id}: edit {origin}, or give the set 'by: hand'",
                set_id=set_id,
                origin=seasons.origin,
            )
        )
    if to not in seasons.names:
        raise InvalidInput(
            msg(
                "no season '{season}' in {set}; {suggestion}",
                season=to,
                set=set_id,
                suggestion=suggestion(to, seasons.names),
            )
        )
    start = coming(asked.at, now, zone_of(site, base)) if asked.at else now
    if start < now:
        raise Refused(msg("a season cannot begin in the past: leave --at away to switch now"))
    if start > now + timedelta(days=366):
        raise Refused(msg("a season is planned at most a year ahead"))
    zone = ZoneInfo(site.bases[base].zone)
    spells = live.spells(key)
    spell = current(spells, start)
    if spell is not None and spell.start > now:
        spell = current(spells, now)  # what is planned before is replaced by this
    present = spell.season if spell is not None else seasons.season(start.astimezone(zone).date())
    way = seasons.way(present, to)
    if not way:
        raise Refused(
            msg(
                "{base} is in {season} already ({set})",
                base=base,
                season=season_word(to),
                set=set_id,
            )
        )
    dwell = timedelta(days=_dwell_days(seasons))
    if spell is not None and spell.cause != "start" and not asked.force:
        ready = spell.start + dwell
        if start < ready:
            raise Refused(
                msg(
                    "{season} began on {start} and stays for at least {days} days, until "
                    "{end}; switch then with --at, or insist with --force",
                    season=season_word(present),
                    start=_local(spell.start, zone),
                    days=dwell.days,
                    end=_local(ready, zone),
                )
            )
    wait = max(dwell, CHANGEOVER) if not asked.force else CHANGEOVER
    made = []
    at = start
    for season in way:
        text = msg("switched by {user}: {reason}", user=name_of(site, user), reason=reason)
        if season != to:
            text = msg("on the way to {season}, {cause}", season=season_word(to), cause=text)
        made.append(Spell(set_id, base, at, season, "hand", user, text))
        at = at + wait
    rule = seasons.rule
    checklist = rule.checklists.get(to, ()) if isinstance(rule, HandRule) else ()
    since = spell.start if spell is not None else None
    return SeasonPlan(seasons, key, present, since, tuple(made), checklist)


def plan_withdrawal(
    site: Site, live: LiveSwitched, user: str, asked: WithdrawSeason, now: datetime
) -> SpellKey:
    """The set and base for which what is planned is taken back."""
    set_id, base = asked.season_set, asked.base
    _, key = season_set(site, live, set_id, base)
    may(site, user, Action.SEASON, *targets_of(site, key))
    if not planned(live.spells(key), now):
        raise Refused(msg("nothing is planned for {set_id} of {base}", set_id=set_id, base=base))
    return key


def season_set(
    site: Site, live: LiveSwitched, set_id: str, base: str
) -> tuple[SeasonSet, SpellKey]:
    """The season set that a base uses, and its key. Raises InvalidInput if there is none."""
    if set_id not in site.library.seasons:
        hint = suggestion(set_id, site.library.seasons)
        raise InvalidInput(
            msg("no seasons '{set_id}' in seasons.yaml; {hint}", set_id=set_id, hint=hint)
        )
    if base not in site.bases:
        raise InvalidInput(
            msg(
                "no base '{base}'; {suggestion}", base=base, suggestion=suggestion(base, site.bases)
            )
        )
    key = SpellKey(set_id, base)
    if key not in live.sets:
        used = sorted({name for name, at in live.sets if at == base}) or ["none"]
        raise InvalidInput(
            msg(
                "{base} does not use {set_id}; it uses {names}",
                base=base,
                set_id=set_id,
                names=", ".join(used),
            )
        )
    return live.sets[key], key


def targets_of(site: Site, key: SpellKey) -> list[str]:
    """The groups whose season it is: who may switch it looks after all of them."""
    set_id, base = key
    found = []
    for target, schedule_id in site.library.governed.items():
        own = site.library.schedules[schedule_id].seasons
        seasons = own if isinstance(own, SeasonSet) else site.library.season_set(target)
        if base_of(target) == base and seasons is not None and seasons.id == set_id:
            found.append(target)
    return found


def _dwell_days(seasons: SeasonSet) -> int:
    return seasons.rule.dwell_days if seasons.rule is not None else 0


# --- overlays --------------------------------------------------------------------------------


def plan_level(site: Site, user: str, asked: SetOverlay, now: datetime) -> OverlayLevel:
    """An overlay set to a level, until its renewal date at the latest."""
    name, level = asked.overlay, asked.level
    overlay = _overlay(site, name)
    may(site, user, Action.OVERLAY, *sorted(_overlaid(overlay)))
    reason = reason_for(msg("an overlay"), asked.reason)
    if level == OFF:
        raise InvalidInput(
            msg("to switch {name} off, write: bms overlay clear SITE {name}", name=name)
        )
    if level not in overlay.levels:
        hint = suggestion(level, [OFF, *overlay.levels])
        raise InvalidInput(
            msg("overlay {name} has no level '{level}'; {hint}", name=name, level=level, hint=hint)
        )
    zone = ZoneInfo(site.file.zone)
    longest = now + timedelta(days=overlay.renew_days)
    end = longest
    if asked.until or asked.duration:
        end = end_of(asked.until, asked.duration, now, str(zone))
    if end > longest:
        raise Refused(
            msg(
                "{overlay} has to be renewed every {days} days: at most until {latest}",
                overlay=name,
                days=overlay.renew_days,
                latest=_local(longest, zone),
            )
        )
    return OverlayLevel(name, level, now, end, user, reason)


def plan_renewal(
    site: Site, live: LiveSwitched, user: str, asked: RenewOverlay, now: datetime
) -> OverlayLevel:
    """The same level for longer; one that has just ended begins again."""
    before = set_level(site, live, asked.overlay)
    made = plan_level(site, user, SetOverlay(**dict(asked), level=before.level), now)
    return replace(made, start=before.start) if before.until > now else made


def set_level(site: Site, live: LiveSwitched, name: str) -> OverlayLevel:
    """The level that an overlay has or had last. Raises Refused if it is off."""
    _overlay(site, name)
    for level in live.switched.levels:
        if level.overlay == name:
            return level
    raise Refused(msg("{name} is off", name=name))


def plan_clearing(site: Site, live: LiveSwitched, user: str, name: str) -> OverlayLevel:
    """The level to be cleared."""
    may(site, user, Action.OVERLAY, *sorted(_overlaid(_overlay(site, name))))
    return set_level(site, live, name)


def _overlay(site: Site, name: str) -> Overlay:
    for overlay in site.library.overlays:
        if overlay.id == name:
            if overlay.by_hand:
                return overlay
            raise Refused(
                msg(
                    "{overlay} is in force by its dates: edit {file}; by hand are switched "
                    "{overlays}",
                    overlay=name,
                    file=overlay.origin,
                    overlays=", ".join(o.id for o in site.library.overlays if o.by_hand)
                    or msg("none"),
                )
            )
    names = [overlay.id for overlay in site.library.overlays]
    raise InvalidInput(
        msg(
            "no overlay '{name}' in overlays.yaml; {suggestion}",
            name=name,
            suggestion=suggestion(name, names),
        )
    )


def _overlaid(overlay: Overlay) -> set[str]:
    """Groups and equipment that the overlay may give something to."""
    return {
        target
        for givings in overlay.levels.values()
        for giving in givings
        for target in giving.chosen
    }


def end_of(until: str | None, duration: str | None, start: datetime, zone: str) -> datetime:
    """When something ends that begins at `start`: either given as a moment or as a duration."""
    if until and duration:
        raise InvalidInput(msg("say either --for or --until"))
    if until:
        return coming(until, start, zone)
    try:
        return start + parse_duration(duration or "")
    except (ValueError, OverflowError) as error:
        raise InvalidInput(message_of(error)) from None


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
