"""What people ask to have switched: checked against the files, the time and who asks. Pure.

Each function answers with what is to be kept and put in force, or raises InvalidInput for what
does not exist and Refused for what is not allowed, saying what to do instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bms.config.models import Site
from bms.control.schedule import resolver_of
from bms.durations import parse_duration
from bms.errors import InvalidInput, Refused
from bms.moments import coming
from bms.people import Action, may, name_of
from bms.standing import Standing
from bms.switched import Spell, SpellKey, current, planned
from schedules.context import Extension, OverlayLevel
from schedules.overlays import OFF, Overlay
from schedules.problems import suggestion
from schedules.resolve import Resolver
from schedules.seasons import HandRule, SeasonSet
from schedules.timeunits import TimeUnit

CHANGEOVER = timedelta(hours=4)
"""Least time in `transitional` on the way from one season to another, also if somebody insists:
ASHRAE 90.1, 6.5.2.2.2 wants a two-pipe system to stay in a mode for so long."""
OFF_MODE = "off"
"""The mode of every strategy in which nothing runs."""


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
    seasons, key = season_set(site, standing, set_id, base)
    may(site, user, Action.SEASON, *targets_of(site, key))
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


def plan_withdrawal(
    site: Site, standing: Standing, user: str, set_id: str, base: str, now: datetime
) -> SpellKey:
    """The set and base for which what is planned is taken back."""
    _, key = season_set(site, standing, set_id, base)
    may(site, user, Action.SEASON, *targets_of(site, key))
    if not planned(standing.spells(key), now):
        raise Refused(f"nothing is planned for {set_id} of {base}")
    return key


def season_set(
    site: Site, standing: Standing, set_id: str, base: str
) -> tuple[SeasonSet, SpellKey]:
    """The season set that a base uses, and its key. Raises InvalidInput if there is none."""
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


def targets_of(site: Site, key: SpellKey) -> list[str]:
    """The groups whose season it is: who may switch it looks after all of them."""
    set_id, base = key
    found = []
    for target, schedule_id in site.library.governed.items():
        own = site.library.schedules[schedule_id].seasons
        seasons = own if isinstance(own, SeasonSet) else site.library.season_set(target)
        if target.partition(".")[0] == base and seasons is not None and seasons.id == set_id:
            found.append(target)
    return found


def _dwell_days(seasons: SeasonSet) -> int:
    return seasons.rule.dwell_days if seasons.rule is not None else 0


# --- overlays --------------------------------------------------------------------------------


def plan_level(
    site: Site,
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
    end = _end(until, duration, now, str(zone)) if until or duration else longest
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
    made = plan_level(site, user, name, before.level, until, duration, reason, now)
    return replace(made, start=before.start) if before.until > now else made


def set_level(site: Site, standing: Standing, name: str) -> OverlayLevel:
    """The level that an overlay has or had last. Raises Refused if it is off."""
    _overlay(site, name)
    for level in standing.switched.levels:
        if level.overlay == name:
            return level
    raise Refused(f"{name} is off")


def plan_clearing(site: Site, standing: Standing, user: str, name: str) -> OverlayLevel:
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


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """What changes in a time unit: extensions to come, and the ids of those that they end."""

    made: tuple[Extension, ...]
    ended: tuple[int, ...]


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
) -> UnitPlan:
    """Running of an area from now on, whatever its schedule says; of one target or of all."""
    unit = _unit(site, user, unit_id)
    reason = reason_of(reason, "an extension")
    if not until and not duration:
        raise InvalidInput("say for how long: --for 2h or --until 21:30")
    wanted = mode or next((m for m in unit.modes if m != OFF_MODE), OFF_MODE)
    made = []
    for name in _chosen(unit, target):
        zone = _zone(site, name)
        end = _end(until, duration, now, zone)
        refusal = unit.refusal(user, name, wanted, setpoints, now, end, zone)
        if refusal is not None:
            raise Refused(refusal)
        given = {**_usual(site, standing, name, wanted, now), **setpoints}
        by = name_of(site, user)
        made.append(Extension(0, unit.id, name, now, end, wanted, given, by, reason))
    return UnitPlan(tuple(made), _replaced(standing, made, now))


def plan_cancel(
    site: Site,
    standing: Standing,
    user: str,
    unit_id: str,
    target: str | None,
    reason: str,
    now: datetime,
    *,
    whole_day: bool = False,
) -> UnitPlan:
    """Off until what runs now would have ended, or for the rest of the day."""
    unit = _unit(site, user, unit_id)
    reason = reason_of(reason, "a cancellation")
    by = name_of(site, user)
    made: list[Extension] = []
    ended: list[int] = []
    for name in _chosen(unit, target):
        running = [e.id for e in active(standing, now) if e.target == name and e.mode != OFF_MODE]
        end = _off_until(site, standing, name, now, whole_day=whole_day)
        if end is None and not running:
            continue
        ended += running
        if end is not None:
            if not unit.may_cancel:
                raise Refused(f"{unit.id} may extend what its schedule runs, not switch it off")
            made.append(Extension(0, unit.id, name, now, end, OFF_MODE, {}, by, reason))
    if not made and not ended:
        raise Refused(f"nothing runs in {unit.id} that could be cancelled")
    return UnitPlan(tuple(made), tuple(dict.fromkeys((*ended, *_replaced(standing, made, now)))))


def plan_resume(
    site: Site, standing: Standing, user: str, unit_id: str, target: str | None, now: datetime
) -> UnitPlan:
    """Back to the schedule: what people changed ends."""
    unit = _unit(site, user, unit_id)
    chosen = _chosen(unit, target)
    ended = tuple(e.id for e in active(standing, now) if e.unit == unit.id and e.target in chosen)
    if not ended:
        raise Refused(f"{unit.id} runs as its schedule says")
    return UnitPlan((), ended)


def active(standing: Standing, now: datetime) -> list[Extension]:
    """Extensions that are not over."""
    return [e for e in standing.switched.extensions if e.end > now]


def _unit(site: Site, user: str, unit_id: str) -> TimeUnit:
    units = site.library.time_units
    if unit_id not in units:
        raise InvalidInput(f"no time unit '{unit_id}'; {suggestion(unit_id, units)}")
    unit = units[unit_id]
    if user not in unit.people:
        raise Refused(f"{user} is not among the people of {unit.id}: {', '.join(unit.people)}")
    return unit


def _chosen(unit: TimeUnit, target: str | None) -> tuple[str, ...]:
    if target is None:
        return unit.targets
    for name in unit.targets:
        if target in (name, name.partition(".")[2]):
            return (name,)
    raise Refused(f"{target} does not belong to {unit.id}: {', '.join(unit.targets)}")


def _replaced(standing: Standing, made: Sequence[Extension], now: datetime) -> tuple[int, ...]:
    """What people asked for before, for the same targets: the last word counts alone."""
    targets = {extension.target for extension in made}
    return tuple(e.id for e in active(standing, now) if e.target in targets)


def _usual(
    site: Site, standing: Standing, target: str, mode: str, now: datetime
) -> Mapping[str, float]:
    """The setpoints that the schedule last had for a mode, or will have next.

    An extension without setpoints would let go of them in the middle of a shift.
    """
    resolver = _plain(site, standing, target)
    if resolver is None:
        return {}
    today = now.astimezone(ZoneInfo(_zone(site, target))).date()
    around = resolver.preview(today - timedelta(days=7), 14)
    found = [s for s in around if s.entry.mode == mode and s.entry.setpoints]
    before = [s for s in found if s.start <= now]
    nearest = before[-1] if before else found[0] if found else None
    return dict(nearest.entry.setpoints) if nearest is not None else {}


def _off_until(
    site: Site, standing: Standing, target: str, now: datetime, *, whole_day: bool
) -> datetime | None:
    """When what the schedule runs now ends; None if it runs nothing."""
    resolver = _plain(site, standing, target)
    if resolver is None:
        return None
    zone = ZoneInfo(_zone(site, target))
    today = now.astimezone(zone).date()
    ahead = [s for s in resolver.preview(today, 2) if s.end > now]
    midnight = datetime.combine(today + timedelta(days=1), time(), zone)
    if whole_day and any(s.entry.mode != OFF_MODE for s in ahead if s.start < midnight):
        return midnight.astimezone(now.tzinfo)
    if ahead[0].entry.mode == OFF_MODE:
        return None
    ends = next((s.start for s in ahead if s.entry.mode == OFF_MODE), None)
    return ends if ends is not None else midnight.astimezone(now.tzinfo)


def _plain(site: Site, standing: Standing, target: str) -> Resolver | None:
    """The schedule of a target without what people extended."""
    return resolver_of(site, target, replace(standing.context, extensions=()))


def _zone(site: Site, target: str) -> str:
    return site.bases[target.partition(".")[0]].zone


def _end(until: str | None, duration: str | None, start: datetime, zone: str) -> datetime:
    if until and duration:
        raise InvalidInput("say either --for or --until")
    if until:
        return coming(until, start, zone)
    try:
        return start + parse_duration(duration or "")
    except (ValueError, OverflowError) as error:
        raise InvalidInput(str(error)) from None


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"
