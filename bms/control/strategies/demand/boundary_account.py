"""The energy that came in since an interval began, whatever meters do. Pure.

The registers count; power only bridges: between two counts of a coarse register, and while a
register cannot be read. A register that jumps (another meter, a reset, a slip of its ratio) is
bridged too, and counted on from where it is then. So the account only grows, and a few marks of it
tell what it was when the interval began, also if the clock is set or the controller was away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bms.control.blocks.replacing import replace

MARKS_PER_INTERVAL = 30
JUMP_FACTOR = 3.0
"""A register that rises so many times faster than its meter can measure was swapped."""
FROZEN_COUNTS = 3.0
"""A register that should have moved so many counts and did not is frozen: power counts on."""
LEAST_COUNT_KWH = 1.0
"""A step of a register below this is a count, however quick."""


@dataclass(frozen=True, slots=True)
class MeterAccount:
    """One boundary meter: the account is `kwh` with what power says since the last count."""

    register: float | None = None
    kwh: float = 0.0
    since_kwh: float = 0.0
    """By power, since the register last moved."""
    swaps: int = 0
    """How often its register jumped."""

    def total(self, count_kwh: float | None) -> float:
        """kWh in all; `count_kwh` is what the register resolves, None while it is not read."""
        since = self.since_kwh
        if count_kwh and since <= FROZEN_COUNTS * count_kwh:
            since = min(since, count_kwh)
        return self.kwh + since


@dataclass(frozen=True, slots=True)
class Mark:
    """The account at a moment."""

    steady_s: float
    wall_s: float
    kwh: float


@dataclass(frozen=True, slots=True)
class Account:
    """All boundary meters, and marks of their sum."""

    meters: tuple[MeterAccount, ...] = ()
    marks: tuple[Mark, ...] = ()
    boot: str = ""
    steady_s: float | None = None
    count_kwh: float = 0.0
    """The smallest step that the registers were seen to make."""


@dataclass(frozen=True, slots=True)
class MeterSeen:
    """What one meter shows; None: not good."""

    register: float | None
    power_kw: float | None
    most_kw: float
    """More than this it cannot measure."""


@dataclass(frozen=True, slots=True)
class Instant:
    """Now, by three clocks."""

    steady_s: float
    wall_s: float
    boot: str


def book(account: Account, seen: Sequence[MeterSeen], at: Instant, interval_s: float) -> Account:
    """The account at a look."""
    before = account.meters if len(account.meters) == len(seen) else ()
    if not before:
        before = tuple(MeterAccount() for _ in seen)
        account = replace(account, marks=())
    marks = account.marks
    step_s = 0.0 if account.steady_s is None else max(0.0, at.steady_s - account.steady_s)
    if account.boot and account.boot != at.boot and marks:
        # Nobody counted over the boot; the wall did.
        step_s = max(0.0, at.wall_s - marks[-1].wall_s)
        shift = at.steady_s - at.wall_s
        marks = tuple(Mark(mark.wall_s + shift, mark.wall_s, mark.kwh) for mark in marks)
    count_kwh = account.count_kwh
    meters = []
    for meter, shown in zip(before, seen, strict=True):
        booked, count = _booked(meter, shown, step_s)
        if count is not None:
            count_kwh = count if not count_kwh else min(count_kwh, count)
        meters.append(booked)
    after = Account(tuple(meters), marks, at.boot, at.steady_s, count_kwh)
    total = kwh_of(after, seen)
    every_s = interval_s / MARKS_PER_INTERVAL
    if not marks or at.steady_s - marks[-1].steady_s >= every_s:
        oldest_s = at.steady_s - 1.5 * interval_s
        kept = tuple(mark for mark in marks if mark.steady_s >= oldest_s)
        kept = kept or marks[-1:]
        marks = (*kept, Mark(at.steady_s, at.wall_s, total))
    return replace(after, marks=marks)


def kwh_of(account: Account, seen: Sequence[MeterSeen]) -> float:
    """The account now."""
    return sum(
        meter.total(None if shown.register is None else account.count_kwh)
        for meter, shown in zip(account.meters, seen, strict=True)
    )


def kwh_at(account: Account, now_kwh: float, steady_s: float) -> tuple[float, float]:
    """The account at an earlier moment, and how many seconds lay between the marks around it.

    Without a mark before it, the first one counts.
    """
    assert account.steady_s is not None
    later = Mark(account.steady_s, 0.0, now_kwh)
    for mark in reversed(account.marks):
        if mark.steady_s <= steady_s:
            span_s = later.steady_s - mark.steady_s
            share = 0.0 if span_s <= 0.0 else (steady_s - mark.steady_s) / span_s
            return mark.kwh + min(1.0, share) * (later.kwh - mark.kwh), span_s
        later = mark
    return later.kwh, later.steady_s - steady_s


def mean_kw(account: Account, now_kwh: float, first_s: float, last_s: float) -> float | None:
    """The mean power between two moments so many seconds ago; None if marks do not reach back."""
    assert account.steady_s is not None
    now_s = account.steady_s
    if not account.marks or account.marks[0].steady_s > now_s - first_s:
        return None
    first, _ = kwh_at(account, now_kwh, now_s - first_s)
    last = now_kwh if last_s <= 0.0 else kwh_at(account, now_kwh, now_s - last_s)[0]
    return (last - first) * 3600.0 / (first_s - last_s)


def _booked(
    meter: MeterAccount, shown: MeterSeen, step_s: float
) -> tuple[MeterAccount, float | None]:
    """One meter at a look, and the count that its register made."""
    by_power = max(0.0, shown.power_kw or 0.0) * step_s / 3600.0
    since_kwh = meter.since_kwh + by_power
    register = shown.register
    if register is None:
        return replace(meter, since_kwh=since_kwh), None
    if meter.register is None:
        return replace(meter, register=register, kwh=meter.kwh + since_kwh, since_kwh=0.0), None
    moved = register - meter.register
    if moved == 0.0:
        return replace(meter, since_kwh=since_kwh), None
    most_kwh = JUMP_FACTOR * shown.most_kw * step_s / 3600.0 + LEAST_COUNT_KWH + 2.0 * since_kwh
    if 0.0 < moved <= most_kwh:
        count = moved if step_s <= 60.0 else None
        return replace(meter, register=register, kwh=meter.kwh + moved, since_kwh=0.0), count
    return (
        replace(
            meter,
            register=register,
            kwh=meter.kwh + since_kwh,
            since_kwh=0.0,
            swaps=meter.swaps + 1,
        ),
        None,
    )
