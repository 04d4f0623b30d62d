"""Operators' overrides: what may be asked for, until when, and what comes after. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from math import inf

from bms.config.points import (
    groups_of,
    own_group,
    owner_of,
    point_class,
    points_behind,
    role_of,
    shown,
    zone_of,
)
from bms.config.site import Group, Site
from bms.control import STRATEGIES
from bms.control.engine.protection import is_on
from bms.control.supervise.next_change import next_effective_change
from bms.core.decisions import Override
from bms.core.durations import parse_duration
from bms.core.equipment import PointClass
from bms.core.errors import InvalidInput, Refused
from bms.core.moments import END_OF_BLOCK, coming
from bms.core.reasons import reason_of
from bms.operations.requests.override_requests import After, ExtendOverride, SetOverride
from bms.people.roles import Action, may, may_for
from bms.texts.messages import Message, message_of, msg
from bms.texts.problems import suggestion
from drivers.points import ModbusAddress, PointId, Value
from schedules.answering.resolve import Resolver

ResolverOf = Callable[[Group], Resolver | None]
"""The schedule in force of a group; None if none governs it."""

_ON_OFF = {"on": 1, "off": 0, "true": 1, "false": 0, "1": 1, "0": 0}


def _end(
    asked: SetOverride | ExtendOverride,
    site: Site,
    point: PointId,
    begin: datetime,
    now: datetime,
    resolver: ResolverOf,
) -> datetime:
    """When an override shall end (aware UTC); a duration counts from `begin`. Raises
    InvalidInput."""
    duration, moment = asked.duration or "", asked.until or ""
    if bool(duration) == bool(moment):
        raise InvalidInput(msg("say either how long (--for) or until when (--until)"))
    if duration:
        try:
            return begin + parse_duration(duration)
        except ValueError as error:
            raise InvalidInput(message_of(error)) from None
        except OverflowError:
            raise InvalidInput(msg("'{duration}' is too long", duration=duration)) from None
    if moment.strip().lower() == END_OF_BLOCK:
        return end_of_block(site, point, now, resolver)
    return coming(moment, now, zone_of(site, point))


def end_of_block(site: Site, point: PointId, now: datetime, resolver: ResolverOf) -> datetime:
    """The next time that a schedule changes what the group of a point does.

    Of equipment in several groups the first. Raises InvalidInput where there is no such time.
    """
    groups = groups_of(site, point)
    if not groups:
        raise InvalidInput(
            msg("no group runs {point}: there is no block that ends; say until when", point=point)
        )
    schedules = [found for group in groups if (found := resolver(group)) is not None]
    names = ", ".join(group.id for group in groups)
    if not schedules:
        raise InvalidInput(
            msg("no schedule governs {names}: there is no block; say until when", names=names)
        )
    changes = [change for s in schedules if (change := next_effective_change(s, now)) is not None]
    if not changes:
        raise InvalidInput(
            msg("the schedule of {names} does not change within 14 d; say until when", names=names)
        )
    return min(change.time for change in changes)


def wanted(
    site: Site, asked: SetOverride, owner: str, now: datetime, resolver: ResolverOf
) -> Override:
    """Check a request; returns the override, not yet stored (id 0).

    Raises InvalidInput for an unknown point, value or end, Refused where it is not allowed.
    """
    point = asked.point
    value = _value(site, point, asked.value)
    may(site, owner, Action.OVERRIDE, point)
    reason = needed(asked.reason)
    end = _end(asked, site, point, now, now, resolver)
    may_for(site, owner, end - now)
    return Override(0, point, value, now, end, reason, owner)


def extended(
    site: Site,
    override: Override,
    asked: ExtendOverride,
    user: str,
    now: datetime,
    resolver: ResolverOf,
) -> Override:
    """The override with a later end; a duration is added to the end that it has.

    Whoever extends it answers for the time from now on. Raises InvalidInput and Refused.
    """
    may(site, user, Action.OVERRIDE, override.point)
    why = needed(asked.reason)
    end = _end(asked, site, override.point, override.until, now, resolver)
    if end <= override.until:
        raise InvalidInput(
            msg(
                "override {number} lasts longer already; to end it sooner, set it again or "
                "clear it",
                number=override.id,
            )
        )
    may_for(site, user, end - now)
    longer = msg(
        "{reason}; extended by {user}: {extension}",
        reason=_first_reason(override),
        user=user,
        extension=why,
    )
    return replace(override, until=end, reason=longer)


def _first_reason(override: Override) -> str:
    """What was said for an override before anybody extended it."""
    reason = override.reason
    if isinstance(reason, Message) and "extension" in reason.arguments:
        return str(reason.arguments["reason"])
    return reason


def needed(reason: str) -> str:
    """The reason of an override. Raises InvalidInput if it says nothing."""
    return reason_of(reason, msg("an override needs a reason that the next shift understands"))


def found(overrides: Iterable[Override], which: str, now: datetime) -> Override:
    """The override in force with this number or on this point. Raises Refused if there is none."""
    for override in overrides:
        if override.until > now and which in (str(override.id), override.point):
            return override
    raise Refused(
        msg("no override '{override}' is in force; see 'bms override list'", override=which)
    )


def commandable(site: Site) -> list[PointId]:
    """Every point an override may name."""
    points: list[PointId] = []
    for group in site.groups.values():
        points.append(group.mode_point)
        points += [group.setpoint_point(name) for name in STRATEGIES[group.strategy].setpoints]
    return [*points, *site.outputs]


def back_to(
    site: Site,
    override: Override,
    others: Iterable[Override],
    resolver: ResolverOf,
) -> After:
    """What becomes of the point when the override ends, as the schedule stands now."""
    point, end = override.point, override.until
    own = own_group(site, point)
    if own is not None:
        value, reason = _scheduled(own, point, end, resolver)
        if value is None:
            return _after(
                point, None, reason, msg("then nobody commands it ({reason})", reason=reason)
            )
        told = _told(own, point, value)
        return _after(
            point, value, reason, msg("then back to {state} ({reason})", state=told, reason=reason)
        )
    for behind in points_behind(site, STRATEGIES, point):
        group = site.groups[owner_of(behind)]
        longer = [o for o in others if o.point == behind and o.until > end]
        if longer:
            value, reason = (
                longer[0].value,
                msg("override {number}: {reason}", number=longer[0].id, reason=longer[0].reason),
            )
        else:
            value, reason = _scheduled(group, behind, end, resolver)
        if value is not None:
            text = msg(
                "then back to its group {group}: {state} ({reason})",
                group=group.id,
                state=_told(group, behind, value),
                reason=reason,
            )
            return _after(behind, value, reason, text)
    default = site.defaults.get(point)
    if default is not None:
        value = shown(site, point, default)
        return _after(
            point,
            value,
            msg("default of the output"),
            msg("then back to its default {default}", default=value),
        )
    return _after(
        point,
        None,
        msg("nobody commands it"),
        msg("then nobody commands it: it is released, or stays as is"),
    )


def _told(group: Group, point: PointId, value: Value) -> str:
    """A group's mode as on or off, where it is no other; a setpoint as a number."""
    if point != group.mode_point:
        return f"{value:g}" if isinstance(value, float) else str(value)
    state = "on" if is_on(value) else "off"
    return state if value == state else msg("mode {mode}", mode=value)


def _after(point: PointId, value: Value | None, reason: str, text: str) -> After:
    return After(point=point, value=value, reason=reason, text=text)


def _scheduled(
    group: Group, point: PointId, at: datetime, resolver: ResolverOf
) -> tuple[Value | None, str]:
    schedule = resolver(group)
    if schedule is None:
        return None, msg("no schedule governs {group}", group=group.id)
    entry = schedule.effective(at)
    reason = msg("{reason}, {origin}", reason=entry.reason, origin=entry.origin)
    if point == group.mode_point:
        return entry.mode, reason
    return entry.setpoints.get(point.rpartition(".")[2]), reason


def _value(site: Site, point: PointId, text: str) -> Value:
    group = own_group(site, point)
    if group is not None:
        spec = STRATEGIES[group.strategy]
        if point == group.mode_point:
            if text not in spec.modes:
                raise InvalidInput(
                    msg(
                        "'{mode}' is no mode of {group}; {suggestion}",
                        mode=text,
                        group=group.id,
                        suggestion=suggestion(text, spec.modes),
                    )
                )
            return text
        for name, setpoint in spec.setpoints.items():
            if point == group.setpoint_point(name):
                return _between(point, _number(point, text), setpoint.least, setpoint.most)
    known = next((p for link in site.links.values() for p in link.points if p.id == point), None)
    if point not in site.outputs:
        machine = site.equipment.get(owner_of(point))
        if machine is not None and machine.emergency:
            raise Refused(
                msg("'{name}' is emergency lighting, which nobody may switch", name=machine.id)
            )
        if known is not None:
            raise Refused(
                msg("{point} is measured, not commanded: it cannot be overridden", point=point)
            )
        raise InvalidInput(
            msg(
                "unknown point '{point}'; {suggestion}",
                point=point,
                suggestion=suggestion(point, commandable(site)),
            )
        )
    if point_class(site, point) is PointClass.STATE:
        if text.lower() not in _ON_OFF:
            raise InvalidInput(msg("'{text}' is no state; write on or off", text=text))
        return _ON_OFF[text.lower()]
    number = _number(point, text)
    role = role_of(site, point)
    if role is not None and role.limits is not None:
        _between(point, number, *role.limits)
    if known is not None and isinstance(known.address, ModbusAddress):
        low, high = known.address.low, known.address.high
        _between(point, number, -inf if low is None else low, inf if high is None else high)
    return number


def _between(point: PointId, number: float, least: float, most: float) -> float:
    if least <= number <= most:
        return number
    raise InvalidInput(
        msg(
            "{point} cannot be {number:g}; write {least:g} to {most:g}",
            point=point,
            number=number,
            least=least,
            most=most,
        )
    )


def _number(point: PointId, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise InvalidInput(
            msg("'{text}' is not a number, and {point} takes one", text=text, point=point)
        ) from None
    if number != number or number in (float("inf"), float("-inf")):
        raise InvalidInput(
            msg("{point} takes a finite number, not '{text}'", point=point, text=text)
        )
    return number
