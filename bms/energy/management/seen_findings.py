"""What the record of a period shows to be wasted, as findings with what they are worth. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bms.energy.management.managed_items import FindingKind, Worth
from bms.energy.management.stretches import Stretch, hours, in_both, together, without
from bms.texts.messages import Message, msg

SHORTEST: Final = timedelta(minutes=15)
"""What runs on for less is run-down, a minimum time, or the order in which machines stop."""
OLD: Final = timedelta(hours=24)
"""An override that stands longer has become the way it is run."""
_YEARLY_FROM: Final = timedelta(days=7)
"""A shorter period tells nothing of a year: its weekend may be missing."""
_YEAR: Final = timedelta(days=365)
BY_ALARM: Final[Mapping[str, FindingKind]] = {
    "local": FindingKind.HAND,
    "leak": FindingKind.LEAK,
    "leaks": FindingKind.LEAK,
    "running": FindingKind.OUTSIDE_PLAN,
}
"""Alarms that tell of waste, by the last part of their key."""


@dataclass(frozen=True, slots=True)
class Amount:
    """kWh that were used in vain; None with the reason."""

    kwh: float | None
    estimated: bool = True
    how: str = ""
    """How it was come by, or why it is not known."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that the record shows."""

    key: str
    kind: FindingKind
    place: str
    title: Message
    last: datetime
    """When it was seen last."""
    worth: Worth | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alarm, and the stretches in which it stood."""

    key: str
    text: str
    stood: Sequence[Stretch]


def outside_plan(
    off: Sequence[Stretch],
    runs: Mapping[str, Sequence[Stretch]],
    allowed: Mapping[str, Sequence[Stretch]],
) -> dict[str, list[Stretch]]:
    """By machine, when it ran while its group was off and nothing above people had it run."""
    found = {}
    for machine, ran in runs.items():
        vain = in_both(without(ran, allowed.get(machine, ())), off)
        if long := [part for part in vain if part[1] - part[0] >= SHORTEST]:
            found[machine] = long
    return found


def seen_outside(
    group: str, vain: Mapping[str, Sequence[Stretch]], amount: Amount, looked: Stretch
) -> Seen:
    """The finding that machines of a group ran while its plan had them off."""
    parts = together(part for found in vain.values() for part in found)
    title = msg(
        "{group} ran for {hours:.1f} h while its plan had it off: {machines}",
        group=group,
        hours=hours(parts),
        machines=", ".join(sorted(vain)),
    )
    worth, unknown = _worth(amount, looked)
    key = f"{group}:outside"
    return Seen(key, FindingKind.OUTSIDE_PLAN, group, title, parts[-1][1], worth, unknown)


def seen_alarm(raised: Raised) -> Seen:
    """The finding behind an alarm that tells of waste."""
    place, _, kind = raised.key.rpartition(":")
    title = msg("{hours:.1f} h: {text}", hours=hours(raised.stood), text=raised.text)
    unknown = msg("what it would use otherwise is not known")
    last = raised.stood[-1][1]
    return Seen(raised.key, BY_ALARM[kind], place, title, last, None, unknown)


def seen_override(number: int, point: str, stood: Stretch, amount: Amount) -> Seen:
    """The finding that an override has grown old."""
    title = msg(
        "override {number} of {point} stands, or stood, for {hours:.0f} h",
        number=number,
        point=point,
        hours=hours([stood]),
    )
    place, _, _ = point.rpartition(".")
    worth = None
    if amount.kwh is not None and amount.kwh > 0:
        basis = msg("what it has cost: {how}", how=amount.how)
        worth = Worth(kwh=amount.kwh, per="once", estimated=amount.estimated, basis=basis)
    unknown = "" if worth else amount.how or msg("it has cost nothing so far")
    key = f"override:{number}"
    return Seen(key, FindingKind.OLD_OVERRIDE, place, title, stood[1], worth, unknown)


def _worth(amount: Amount, looked: Stretch) -> tuple[Worth | None, str]:
    """What a finding is worth a year, from a week or more; else once."""
    if amount.kwh is None:
        return None, amount.how
    period = looked[1] - looked[0]
    days = period / timedelta(days=1)
    if period < _YEARLY_FROM:
        basis = msg("{how}, in {days:.1f} days", how=amount.how, days=days)
        return Worth(kwh=amount.kwh, per="once", estimated=amount.estimated, basis=basis), ""
    basis = msg(
        "{kwh:,.1f} kWh in {days:.1f} days ({how}), times 365 days",
        kwh=amount.kwh,
        days=days,
        how=amount.how,
    )
    return Worth(kwh=amount.kwh * (_YEAR / period), estimated=True, basis=basis), ""
