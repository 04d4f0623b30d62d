"""Who may do what at a site: people, their roles, and the areas they look after. Pure.

The operator reference (section 6) has the roles: an operator runs the site day by day, an engineer
also sets its limits, seasons and devices, a viewer looks. An admin looks after accounts and has no
plant control, on purpose: the three are separate people where the law asks for it (等保).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType

from bms.config.shapes.models import PersonFile, Role
from bms.config.site import Site
from bms.core.durations import in_words
from bms.core.errors import Refused
from bms.people.hints import account_in
from bms.texts.messages import Message, joined, msg

SUPERUSER = "root"


class Action(StrEnum):
    """Requests that not everybody may make; everybody may look."""

    OVERRIDE = "override"
    """Set, extend or clear an override."""
    MACHINE = "machine"
    """Lock a machine out for maintenance and unlock it; reset one that is latched."""
    SCHEDULE = "schedule"
    """Weekly blocks, exceptions and setpoints of schedules; restoring a revision."""
    EXTEND = "extend"
    """Let an area run longer, or not, within the limits of its time unit."""
    OVERLAY = "overlay"
    """Switch an overlay: epidemic ventilation, demand limit, shut-down."""
    SEASON = "season"
    """Switch a season by hand; edit seasons."""
    CALENDAR = "calendar"
    """Import or edit a calendar that many schedules share."""
    FIND = "find"
    """Record a visit of a round, a finding, and that one is dealt with."""
    MANAGE = "manage"
    """Set goals, rounds and measures of energy management."""
    METER = "meter"
    """Replace a meter, correct a register."""
    COPY = "copy"
    """Send what was recorded to a database once more."""
    RELOAD = "reload"
    """Put edited files of the site in force."""
    RAW = "raw"
    """Write to a device past all protection."""


_OPERATE: tuple[Role, ...] = ("operator", "engineer")
_ENGINEER: tuple[Role, ...] = ("engineer",)
ROLES: Mapping[Action, tuple[Role, ...]] = MappingProxyType(
    {
        Action.OVERRIDE: _OPERATE,
        Action.MACHINE: _OPERATE,
        Action.SCHEDULE: _OPERATE,
        Action.EXTEND: _OPERATE,
        Action.OVERLAY: _OPERATE,
        Action.SEASON: _ENGINEER,
        Action.CALENDAR: _ENGINEER,
        Action.FIND: _OPERATE,
        Action.MANAGE: _ENGINEER,
        Action.METER: _ENGINEER,
        Action.COPY: _ENGINEER,
        Action.RELOAD: _ENGINEER,
        Action.RAW: _ENGINEER,
    }
)
"""The roles that may."""

LONGEST_OVERRIDE: Mapping[Role, timedelta] = MappingProxyType(
    {"operator": timedelta(hours=24), "engineer": timedelta(days=7)}
)
"""No override is for ever (operator reference, 2)."""


def role_of(site: Site, user: str) -> Role:
    """The role of a local account; root and the account that owns the site are engineers unless
    `people` names them. What an account says of who is behind it counts for nothing."""
    user = account_in(user)
    person = site.file.people.get(user)
    if person is not None:
        return person.role
    if user in (SUPERUSER, site.owner):
        return "engineer"
    return site.file.default_role


def name_of(site: Site, user: str) -> str:
    """How a person is called, the account where nothing else is written."""
    person = site.file.people.get(account_in(user))
    return person.name if person is not None and person.name else user


def may(site: Site, user: str, action: Action, *targets: str) -> None:
    """Return if `user` may do `action` to every one of `targets`; raises Refused, saying who may.

    Targets are ids of groups, equipment or points; without any, the whole site is meant, which
    nobody may whose `areas` are limited.
    """
    role = role_of(site, user)
    allowed = ROLES[action]
    if role not in allowed:
        refusal = _may_not(action, f"{user} ({role})", targets)
        raise Refused(joined("; ", refusal, _who(site, action, targets)))
    person = site.file.people.get(account_in(user))
    if person is None or person.areas is None:
        return
    outside = [target for target in targets if not in_areas(site, person.areas, target)]
    if targets and not outside:
        return
    refusal = msg(
        "{refusal}, only in {areas}",
        refusal=_may_not(action, user, outside),
        areas=", ".join(person.areas),
    )
    raise Refused(joined("; ", refusal, _who(site, action, outside)))


def may_for(site: Site, user: str, duration: timedelta) -> None:
    """Return if `user` may override for so long; raises Refused, saying for how long and who."""
    role = role_of(site, user)
    longest = LONGEST_OVERRIDE.get(role, timedelta(0))
    if duration <= longest:
        return
    if duration <= LONGEST_OVERRIDE["engineer"]:
        way_out = _with_names(msg("engineers may for up to 7 d"), _people(site, _ENGINEER, ()))
    else:
        way_out = msg("for longer than 7 d, edit the schedule")
    raise Refused(
        msg(
            "{user} ({role}) may override for at most {duration}; {advice}",
            user=user,
            role=role,
            duration=in_words(longest),
            advice=way_out,
        )
    )


def in_areas(site: Site, areas: Iterable[str], target: str) -> bool:
    """Whether a group, equipment or point lies in an area: itself, or a group that runs it."""
    names = {target}
    owner = target.rpartition(".")[0]
    if owner in site.groups or owner in site.equipment:
        names.add(owner)
    names |= {
        group.id
        for group in (*site.declared.values(), *site.groups.values())
        if any(member.id in names for member in group.members)
    }
    return any(fnmatchcase(name, area) for area in areas for name in names)


def _may_not(action: Action, person: str, targets: Iterable[str]) -> Message:
    names = ", ".join(targets) or msg("the whole site")
    match action:
        case Action.OVERRIDE:
            return msg("{person} may not override {targets}", person=person, targets=names)
        case Action.MACHINE:
            return msg("{person} may not lock or reset {targets}", person=person, targets=names)
        case Action.SCHEDULE:
            return msg(
                "{person} may not edit the schedule of {targets}", person=person, targets=names
            )
        case Action.EXTEND:
            return msg(
                "{person} may not extend or cancel running of {targets}",
                person=person,
                targets=names,
            )
        case Action.OVERLAY:
            return msg(
                "{person} may not switch overlays of {targets}", person=person, targets=names
            )
        case Action.SEASON:
            return msg(
                "{person} may not switch the season of {targets}", person=person, targets=names
            )
        case Action.CALENDAR:
            return msg(
                "{person} may not change calendars of {targets}", person=person, targets=names
            )
        case Action.FIND:
            return msg(
                "{person} may not record rounds and findings of {targets}",
                person=person,
                targets=names,
            )
        case Action.MANAGE:
            return msg(
                "{person} may not change goals, rounds and measures of {targets}",
                person=person,
                targets=names,
            )
        case Action.METER:
            return msg("{person} may not change meters of {targets}", person=person, targets=names)
        case Action.COPY:
            return msg("{person} may not send copies of {targets}", person=person, targets=names)
        case Action.RELOAD:
            return msg("{person} may not put files of the site in force", person=person)
        case Action.RAW:
            return msg("{person} may not write by hand to {targets}", person=person, targets=names)


def _who(site: Site, action: Action, targets: Iterable[str]) -> Message:
    roles = ROLES[action]
    who = msg("engineers may") if roles == _ENGINEER else msg("operators and engineers may")
    return _with_names(who, _people(site, roles, targets))


def _with_names(advice: Message, names: Sequence[str]) -> Message:
    if not names:
        return advice
    return msg("{advice} ({names})", advice=advice, names=", ".join(names))


def _people(site: Site, roles: Iterable[Role], targets: Iterable[str]) -> list[str]:
    """Those by name whom one could ask."""
    wanted = list(targets)
    return [
        name_of(site, user)
        for user, person in site.file.people.items()
        if person.role in roles and _covers(site, person, wanted)
    ]


def _covers(site: Site, person: PersonFile, targets: list[str]) -> bool:
    areas = person.areas
    return areas is None or (
        bool(targets) and all(in_areas(site, areas, target) for target in targets)
    )
