"""Minimum on and off times of machines. Pure.

A `Hold` keeps a machine on, or off, for its minimum time (BACnet's minimum on/off: slot 6, so only
slots 1 to 5 beat it). It counts seconds that nobody sets. What people read and what is recorded of
it are times on the wall, which follow the clock when it is set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from bms.control.engine.protection import is_on
from bms.core.decisions import Award, Command, OutputRules, Priority
from bms.core.durations import in_words
from bms.texts.messages import msg
from drivers.points import PointId, Value

MIN_ON_OFF_SOURCE = "minimum on/off"

FOLLOWS = timedelta(seconds=1)
"""Times on the wall follow the clock when they differ from it by more: less is its usual drift."""


class Instant(NamedTuple):
    """Now, by the clock on the wall and by those that nobody sets."""

    now: datetime
    steady_s: float
    boots: int = 0
    """In how many boots this site has been controlled."""


@dataclass(frozen=True, slots=True)
class Hold:
    """What an output was last changed to, and how long it has to stay so."""

    value: Value
    since: datetime
    until: datetime
    """Equal to `since` where no minimum applies."""
    since_s: float | None = None
    """`since` in steady seconds, which decide. None in what earlier versions saved."""
    boots: int = 0

    @property
    def on(self) -> bool:
        return is_on(self.value)

    @property
    def ends_s(self) -> float:
        """When it ends, in steady seconds."""
        begun_s = self.since_s if self.since_s is not None else 0.0
        return begun_s + _minimum_s(self)

    def in_force(self, at: Instant) -> bool:
        """Whether it still holds; a sum of many steps may be off by less than a millisecond."""
        return self.ends_s - at.steady_s > 0.001


def changed_to(value: Value, rules: OutputRules, at: Instant) -> Hold:
    """The hold that begins when an output changes to `value` now."""
    minimum_s = rules.min_on_s if is_on(value) else rules.min_off_s
    until = at.now + timedelta(seconds=minimum_s)
    return Hold(value, at.now, until, at.steady_s, at.boots)


def already(value: Value, at: Instant) -> Hold:
    """The machine did this before it was commanded to: nothing to hold."""
    return Hold(value, at.now, at.now, at.steady_s, at.boots)


def gone_on(hold: Hold, rules: OutputRules, at: Instant) -> Hold:
    """The same hold by the clocks as they are now; the same object if it is to the second.

    After another boot of the machine it begins again in full: nobody knows for how long there was
    no power. Times on the wall follow a clock that was set.
    """
    if hold.since_s is None:  # from an earlier version, which counted on the wall
        so_far_s = min(max(0.0, (at.now - hold.since).total_seconds()), _minimum_s(hold))
        hold = replace(hold, since_s=at.steady_s - so_far_s, boots=at.boots)
    elif hold.boots != at.boots:
        return changed_to(hold.value, rules, at)
    assert hold.since_s is not None
    since = at.now - timedelta(seconds=at.steady_s - hold.since_s)
    if abs(since - hold.since) <= FOLLOWS:
        return hold
    return replace(hold, since=since, until=since + (hold.until - hold.since))


def _minimum_s(hold: Hold) -> float:
    return (hold.until - hold.since).total_seconds()


def hold_command(point: PointId, hold: Hold, now: datetime) -> Command:
    """The slot 6 command of a hold."""
    return Command(
        point=point,
        value=hold.value,
        priority=Priority.MIN_ON_OFF,
        source=MIN_ON_OFF_SOURCE,
        reason=_held(hold, now),
        expires=hold.until,
    )


def _held(hold: Hold, now: datetime) -> str:
    so_far, minimum = in_words(now - hold.since), in_words(hold.until - hold.since)
    if hold.on:
        return msg("on for {so_far} of at least {minimum}", so_far=so_far, minimum=minimum)
    return msg("off for {so_far} of at least {minimum}", so_far=so_far, minimum=minimum)


def _overruling(point: PointId, hold: Hold, losers: tuple[Command, ...], now: datetime) -> Award:
    """The award of a hold, saying what comes when it ends."""
    command = hold_command(point, hold, now)
    return Award(replace(command, reason=_then(command.reason, losers)), losers)


def _then(held: str, losers: tuple[Command, ...]) -> str:
    if not losers:
        return msg("{held}, then released", held=held)
    source, reason = losers[0].source, losers[0].reason
    if is_on(losers[0].value):
        return msg(
            "{held}, then on wanted by {source} ({reason})",
            held=held,
            source=source,
            reason=reason,
        )
    return msg(
        "{held}, then off wanted by {source} ({reason})", held=held, source=source, reason=reason
    )


def holding(hold: Hold | None, wanted: Award | None, at: Instant) -> bool:
    """Whether the hold overrules `wanted`: it is in force, disagrees, and is not outranked."""
    if hold is None or not hold.in_force(at):
        return False
    if wanted is None:
        return True
    priority = wanted.winner.priority
    if priority < Priority.MIN_ON_OFF or is_on(wanted.value) == hold.on:
        return False
    # Slot 7 holds off what an outage has stopped: there is nothing to keep running.
    return not (hold.on and priority is Priority.RESTART)


def protect(
    point: PointId, wanted: Award | None, hold: Hold | None, rules: OutputRules, at: Instant
) -> tuple[Award | None, Hold | None]:
    """The value that the point gets after its minimum times, and the hold from now on.

    A hold that agrees with the award leaves it alone, so that "why" keeps naming who wants it.
    """
    if holding(hold, wanted, at):
        assert hold is not None
        losers = (wanted.winner, *wanted.losers) if wanted is not None else ()
        return _overruling(point, hold, losers, at.now), hold
    if wanted is not None and (hold is None or is_on(wanted.value) != hold.on):
        hold = changed_to(wanted.value, rules, at)
    return wanted, hold


def retold(award: Award, hold: Hold | None, now: datetime) -> Award:
    """The award with the reason of a minimum time told as of `now`."""
    if hold is None or award.winner.source != MIN_ON_OFF_SOURCE:
        return award
    return _overruling(award.point, hold, award.losers, now)
