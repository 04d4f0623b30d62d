"""How complete the reports to a platform are, and what people should know of it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from bms.core.decisions import Condition, Severity
from bms.core.instants import DAY_MS, from_ms
from bms.forward.platforms.wording import Sent
from bms.texts.messages import Message, msg, plural

LEAST_COMPLETE_PCT: Final = 90.0
MOST_APART_PCT: Final = 5.0
SILENT_MS: Final = DAY_MS
"""A platform that acknowledges nothing for so long is somebody's business."""
JUDGED_FROM: Final = 96
"""Quarter hours: of less than a day no share is said to be too small."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The messages of one platform, counted."""

    waiting: int
    oldest_ms: int | None
    """When the oldest that waits was made."""
    refused: int
    """Of those that wait: tried three times or more."""
    last_acknowledged_ms: int | None
    said: str
    """What was last said of one that waits."""


@dataclass(frozen=True, slots=True)
class Month:
    """What a platform has of one month."""

    name: str
    """`2026-07`"""
    expected: int
    """Quarter hours that should be there by now, times meters."""
    arrived: int
    """Those that were sent with a value and acknowledged."""
    quarters: int
    """Quarter hours of the month that should be there by now."""
    apart: Apart | None = None
    """Of a month that is over: the meter whose days and month differ most."""

    @property
    def complete_pct(self) -> float | None:
        """The share that arrived; None before the first is due."""
        return 100.0 * self.arrived / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Apart:
    """By how much the days of a meter differ from its month."""

    meter: str
    pct: float
    days: int
    """How many days the platform has a value of."""


def expected(made: int, readings: int, quarters: int, meters: int) -> int:
    """How many readings should be there: those of messages, and of those that nobody made."""
    return readings + max(0, quarters - made) * meters


def apart(days: Iterable[Sent], month: Sent) -> Apart | None:
    """The meter whose days differ most from its month, of those whose month has a value."""
    sums: dict[str, Fraction] = defaultdict(Fraction)
    counts: dict[str, int] = defaultdict(int)
    for day in days:
        for meter, (amount, _) in day.items():
            if amount is not None:
                sums[meter] += Fraction(amount)
                counts[meter] += 1
    found = [
        Apart(meter, _difference_pct(sums[meter], Fraction(amount)), counts[meter])
        for meter, (amount, _) in month.items()
        if amount is not None
    ]
    return max(found, key=lambda one: one.pct, default=None)


def _difference_pct(days: Fraction, month: Fraction) -> float:
    if days == month:
        return 0.0
    return float(abs(days - month) / abs(month) * 100) if month else 100.0


def conditions(
    platform: str,
    counted: Counted,
    months: Sequence[Month],
    dropped: int,
    now_ms: int,
    cause: str,
) -> Iterator[Condition]:
    """What people should know of the reports to one platform; `cause` is what it last answered."""

    def told(what: str, text: Message) -> Condition:
        return Condition(f"upload:{platform}:{what}", Severity.NORMAL, text)

    silent_since = max(counted.last_acknowledged_ms or 0, counted.oldest_ms or 0)
    if counted.waiting and now_ms - silent_since >= SILENT_MS:
        yield told(
            "server",
            msg(
                "{platform} has acknowledged nothing since {since:%Y-%m-%d %H:%M}Z; {count} "
                "messages are kept and sent again ({cause}): ask the platform, see {command}",
                platform=platform,
                since=from_ms(silent_since),
                count=counted.waiting,
                cause=cause or msg("no answer"),
                command="bms upload status",
            ),
        )
    elif counted.refused:
        yield told(
            "refused",
            plural(
                "{platform} refuses {count} message ({cause}); it is sent again: see {command}",
                "{platform} refuses {count} messages ({cause}); they are sent again: see {command}",
                count=counted.refused,
                platform=platform,
                cause=cause,
                command="bms upload list --waiting",
            ),
        )
    for month in months:
        pct = month.complete_pct
        if pct is not None and pct < LEAST_COMPLETE_PCT and month.quarters >= JUDGED_FROM:
            yield told(
                "completeness",
                msg(
                    "{platform} has {complete_pct:.1f} % of the quarter hours of {month}, less "
                    "than {least_pct:.0f} %: see which meters are missing, and what waits",
                    platform=platform,
                    complete_pct=pct,
                    month=month.name,
                    least_pct=LEAST_COMPLETE_PCT,
                ),
            )
            break
    for month in months:
        if month.apart is not None and month.apart.pct > MOST_APART_PCT:
            yield told(
                "agreement",
                msg(
                    "{platform}: the days of {meter} differ from its month {month} by "
                    "{apart_pct:.1f} %, more than {most_pct:.0f} % ({count} days have a value)",
                    platform=platform,
                    meter=month.apart.meter,
                    month=month.name,
                    apart_pct=month.apart.pct,
                    most_pct=MOST_APART_PCT,
                    count=month.apart.days,
                ),
            )
            break
    if dropped:
        yield told(
            "lost",
            plural(
                "{platform} never acknowledged {count} message, which is older than six months "
                "and gone by now",
                "{platform} never acknowledged {count} messages, which are older than six months "
                "and gone by now",
                count=dropped,
                platform=platform,
            ),
        )
