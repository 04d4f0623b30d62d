"""What stands between an award and the wire: writing only when due. Pure.

One small state machine per output, a frozen value: `Delivery` decides when to write, confirms by
read-back, retries, and says when a point cannot be commanded. Its pauses are counted on the wall:
a clock that is set makes one of them longer or shorter, and at worst a value is written once more.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from bms.core.decisions import Award, OutputRules, Priority
from bms.texts.messages import msg
from drivers.base import Write, WriteResult, WriteStatus
from drivers.points import PointId, Quality, Sample, Value

RETRY_AFTER_S = (1.0, 2.0, 4.0)
"""Waits after the first failures of a write (control reference, 7: write verify)."""
RETRY_EVERY_S = 30.0
"""Wait after every later failure; from then on the point counts as uncommandable."""
RETRY_LIMIT_S = 900.0
"""A state that a device takes and does not keep is written more and more rarely, at last so."""
UNDONE_WITHIN_S = 600.0
"""A state that goes back sooner than this after it was confirmed has not been kept."""
READ_BACK_WITHIN_S = 2.0
"""A device may take this long to show what was written (control reference, 7: write verify)."""
HELD_FIRST_S = 900.0
"""A number that the device takes and does not keep is written again after this pause at first,
each time after twice as long ..."""
HELD_LIMIT_S = 86400.0
"""... and at last once a day: a device that clamps a set point keeps it in memory that wears."""
RESULT_WITHIN_S = 60.0
"""Without a result for this long a write counts as unanswered; links promise one within 30 s."""
KNOW_BEFORE_WRITE_S = 5.0
"""An output that has not been read yet is first written after this wait, or once it is read:
a machine that already does what is wanted must not be commanded, nor held for its minimum time."""


def is_on(value: Value) -> bool:
    """Whether a value means running: anything but zero, False, `off` and the empty text."""
    return value not in ("", "off") if isinstance(value, str) else value != 0


def same(wanted: Value | None, found: Value | None, tolerance: float = 0.0) -> bool:
    """Whether two values agree: numbers and states as numbers within `tolerance`, texts exactly."""
    if wanted is None or found is None or isinstance(wanted, str) or isinstance(found, str):
        return wanted == found
    # A tolerance of one register step must hold for values that are sums of binary fractions.
    return abs(float(wanted) - float(found)) <= tolerance * (1 + 1e-9)


def same_value(one: Award | None, other: Award | None) -> bool:
    """Whether two awards ask the same of the output."""
    if one is None or other is None:
        return one is other
    return one.value == other.value


def same_winner(one: Award | None, other: Award | None) -> bool:
    """Whether two awards have one winner; how long a minimum time has run makes no difference."""
    if one is None or other is None:
        return one is other
    a, b = one.winner, other.winner
    if a.priority is Priority.MIN_ON_OFF and b.priority is Priority.MIN_ON_OFF:
        return (a.value, a.source, a.expires) == (b.value, b.source, b.expires)
    return a == b


# --- writing when due ------------------------------------------------------------------------


class Phase(StrEnum):
    """How far the last write of an output has come."""

    IDLE = "idle"
    """Nothing written since the start, or released."""
    IN_FLIGHT = "in flight"
    """Handed to the link, no result yet."""
    SENT = "sent"
    """Acknowledged by the device, not yet seen in a reading."""
    CONFIRMED = "confirmed"
    SHADOW = "shadow"
    """The link is in shadow mode: it would have been sent, and nothing confirms or denies it."""
    FAILED = "failed"
    """To be tried again at `retry`."""
    HELD = "held"
    """The device took the number and holds another: to be written again at `retry`."""


class Delivery(NamedTuple):
    """Where the writing of one output stands. A tuple because each write makes four of them."""

    phase: Phase = Phase.IDLE
    value: Value | None = None
    """What was last handed to the link; None for a release."""
    commanded: bool = False
    """Somebody commanded the point since it was last released."""
    since: datetime | None = None
    """When the point was first wanted while IDLE."""
    issued: datetime | None = None
    failures: int = 0
    """In a row; a confirmed value ends the row."""
    retry: datetime | None = None
    detail: str = ""
    """Why the last try failed."""
    unseen: bool = False
    """The point could not be read since the failure: its link or device is away."""
    held: Value | None = None
    """What the device holds instead of the number it took."""
    undone: int = 0
    """How often in a row it went back to that, sooner than it would have been written again."""

    @property
    def uncommandable(self) -> bool:
        return self.failures > len(RETRY_AFTER_S)


def deliver(
    point: PointId,
    delivery: Delivery,
    wanted: Value | None,
    sample: Sample | None,
    rules: OutputRules,
    now: datetime,
) -> tuple[Delivery, Write | None]:
    """One step: compares wanted and read; returns the new delivery and the write now due.

    `wanted` None: nobody commands the point. It is released once, and only if it had been
    commanded. `sample` is the latest reading; one that is not GOOD, or from before the write,
    neither confirms nor denies; None: the point cannot be read, so an acknowledgement confirms.
    """
    if delivery.issued is not None and delivery.issued > now:  # the clock was set back
        delivery = delivery._replace(issued=now, retry=now if delivery.retry else None)
    if delivery.since is not None and delivery.since > now:
        delivery = delivery._replace(since=now)
    if wanted is None:
        return _release(point, delivery, now)
    fresh = _reading(delivery, sample)
    agrees = fresh is not None and same(wanted, fresh, rules.tolerance)
    if delivery.phase is Phase.IDLE or not same(wanted, delivery.value):
        if agrees and rules.refresh_s is None and delivery.phase is not Phase.IN_FLIGHT:
            return Delivery(Phase.CONFIRMED, wanted, True, None, now), None
        if delivery.phase is Phase.IDLE and fresh is None and sample is not None:
            since = delivery.since or now
            if now - since < timedelta(seconds=KNOW_BEFORE_WRITE_S):
                return delivery._replace(since=since), None
        wish = delivery._replace(failures=0, detail="", held=None, undone=0)
        return _issue(point, wish, wanted, now)
    if delivery.phase is Phase.SHADOW:
        return delivery, None
    if delivery.phase is Phase.IN_FLIGHT:
        return _unanswered(delivery, now), None
    if delivery.phase is Phase.FAILED:
        if agrees:
            return _confirmed(delivery), None
        readable = sample is None or sample.quality is Quality.GOOD
        # A device that is back is told at once, not when the retry of a dead one would be due.
        if delivery.retry is None or now >= delivery.retry or (delivery.unseen and readable):
            return _issue(point, delivery, wanted, now)
        return (delivery if readable else delivery._replace(unseen=True)), None
    if delivery.phase is Phase.HELD:
        if not agrees:
            return _while_held(point, delivery, wanted, sample, rules, now)
        delivery = _confirmed(delivery)
    elif delivery.phase is Phase.SENT:
        if agrees or sample is None:
            delivery = _confirmed(delivery)
        elif fresh is not None:
            if _elapsed_s(delivery, now) < READ_BACK_WITHIN_S:
                return delivery, None
            if rules.number:
                return _holds(delivery, fresh, now), None
            return _not_kept(delivery, msg("reads back {reading}", reading=shown(fresh)), now), None
    elif fresh is not None and not agrees:  # confirmed before: somebody or a reboot changed it
        if not rules.number:
            soon = _elapsed_s(delivery, now) < UNDONE_WITHIN_S
            delivery = delivery._replace(undone=delivery.undone + 1 if soon else 0)
            if delivery.undone <= len(RETRY_AFTER_S):
                return _issue(point, delivery, wanted, now)
            goes_back = msg("goes back to {reading} each time", reading=shown(fresh))
            return _not_kept(delivery, goes_back, now), None
        soon = _elapsed_s(delivery, now) < 2 * _pause_s(delivery.undone)
        if soon and delivery.undone:
            return _holds(delivery, fresh, now), None
        return _issue(point, delivery._replace(undone=int(soon)), wanted, now)
    if rules.refresh_s is not None and _elapsed_s(delivery, now) >= rules.refresh_s:
        return _issue(point, delivery, wanted, now)
    return delivery, None


def acknowledge(delivery: Delivery, result: WriteResult, now: datetime) -> Delivery:
    """The delivery after a result; one of an older write, meanwhile replaced, changes nothing."""
    if delivery.phase is not Phase.IN_FLIGHT or not same(result.value, delivery.value):
        return delivery
    released = (WriteStatus.OK, WriteStatus.REFUSED, WriteStatus.SHADOW)
    if result.value is None and result.status in released:
        # A point without a release value cannot be released; it holds, and that is no alarm.
        return Delivery(issued=delivery.issued)
    if result.status is WriteStatus.SHADOW:
        return delivery._replace(phase=Phase.SHADOW, failures=0, retry=None, detail="")
    if result.status in (WriteStatus.OK, WriteStatus.MISMATCH):
        # The device took it; that it does not show it (yet) is for the readings to tell.
        return delivery._replace(phase=Phase.SENT)
    refused = result.status is WriteStatus.REFUSED
    what = msg("refused") if refused else msg("timeout")
    detail = msg("{what}: {detail}", what=what, detail=result.detail) if result.detail else what
    return _failed(delivery, detail, now)


def _holds(delivery: Delivery, held: Value, now: datetime) -> Delivery:
    pause = timedelta(seconds=_pause_s(delivery.undone))
    return delivery._replace(
        phase=Phase.HELD, held=held, undone=delivery.undone + 1, retry=now + pause, unseen=False
    )


def _pause_s(undone: int) -> float:
    """How long a number that was not kept so often is left alone."""
    return float(min(HELD_FIRST_S * 2 ** min(undone, 16), HELD_LIMIT_S))


def _while_held(
    point: PointId,
    delivery: Delivery,
    wanted: Value,
    sample: Sample | None,
    rules: OutputRules,
    now: datetime,
) -> tuple[Delivery, Write | None]:
    """One step while the device holds another number than it was given."""
    if sample is None or sample.quality is not Quality.GOOD:
        return (delivery if delivery.unseen else delivery._replace(unseen=True)), None
    # A device that was away and holds something else now has lost what it was told.
    lost = delivery.unseen and not same(delivery.held, sample.value, rules.tolerance)
    due = delivery.retry is None or now >= delivery.retry
    refreshed = rules.refresh_s is not None and _elapsed_s(delivery, now) >= rules.refresh_s
    if lost or due or refreshed:
        return _issue(point, delivery, wanted, now)
    return (delivery._replace(unseen=False) if delivery.unseen else delivery), None


def _release(point: PointId, delivery: Delivery, now: datetime) -> tuple[Delivery, Write | None]:
    if not delivery.commanded:
        return (delivery if delivery.since is None else delivery._replace(since=None)), None
    if delivery.value is not None or delivery.phase is Phase.IDLE:
        return _issue(point, delivery._replace(failures=0, detail=""), None, now)
    if delivery.phase is Phase.IN_FLIGHT:
        return _unanswered(delivery, now), None
    if delivery.retry is None or now >= delivery.retry:
        return _issue(point, delivery, None, now)
    return delivery, None


def _issue(
    point: PointId, delivery: Delivery, value: Value | None, now: datetime
) -> tuple[Delivery, Write]:
    issued = Delivery(
        Phase.IN_FLIGHT,
        value,
        True,
        None,
        now,
        delivery.failures,
        None,
        delivery.detail,
        held=None if value is None else delivery.held,
        undone=delivery.undone,
    )
    return issued, Write(point, value)


def _confirmed(delivery: Delivery) -> Delivery:
    return delivery._replace(phase=Phase.CONFIRMED, failures=0, retry=None, detail="", held=None)


def _failed(delivery: Delivery, detail: str, now: datetime) -> Delivery:
    row = delivery.failures
    wait_s = RETRY_AFTER_S[row] if row < len(RETRY_AFTER_S) else RETRY_EVERY_S
    return delivery._replace(
        phase=Phase.FAILED,
        failures=row + 1,
        retry=now + timedelta(seconds=wait_s),
        detail=detail,
    )


def _not_kept(delivery: Delivery, detail: str, now: datetime) -> Delivery:
    """The device took a state, and shows another: each try may be a write to memory that wears."""
    row = max(delivery.failures, delivery.undone)
    failed = _failed(delivery._replace(failures=row), detail, now)
    wait_s = RETRY_EVERY_S * 2.0 ** min(row - len(RETRY_AFTER_S), 16)
    if row < len(RETRY_AFTER_S):
        return failed
    return failed._replace(retry=now + timedelta(seconds=min(wait_s, RETRY_LIMIT_S)))


def _unanswered(delivery: Delivery, now: datetime) -> Delivery:
    if _elapsed_s(delivery, now) < RESULT_WITHIN_S:
        return delivery
    return _failed(
        delivery,
        msg("no result within {result_within_s:.0f} s", result_within_s=RESULT_WITHIN_S),
        now,
    )


def _reading(delivery: Delivery, sample: Sample | None) -> Value | None:
    """The good value read after the last write, if there is one."""
    if sample is None or sample.quality is not Quality.GOOD:
        return None
    if delivery.issued is not None and sample.time <= delivery.issued:
        return None
    return sample.value


def _elapsed_s(delivery: Delivery, now: datetime) -> float:
    return (now - delivery.issued).total_seconds() if delivery.issued is not None else float("inf")


def shown(value: Value) -> str:
    """A value as people read it."""
    return f"{value:g}" if isinstance(value, float) else str(value)
