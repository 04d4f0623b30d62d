"""Brings lines to a server until it has each of them or has refused it for good.

After 400 or 422 the lines are bisected down to the wrong ones (InfluxDB 2 stores nothing of a
request with one malformed line). 413 halves the requests and is remembered. Lines older than the
server keeps are only counted: the store here has them, and a backfill of years into a database that
keeps months would bury it in dead letters. Everything else means "not now": the lines are kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bms.forward.copying.catching_up import Pace
from bms.forward.copying.timing import Timing
from bms.forward.cursors import DeadLetter
from bms.forward.server.http import NotNow, RejectedLines, TooLarge, Transport, pack
from bms.texts.messages import message_of, msg

MAX_LINES = 5000
MAX_BYTES = 1_000_000
BACKOFF_S = (0.5, 60.0)
"""Pause after the first failure, doubling up to the second number."""
OUTAGE_S = 60.0
"""After so long without an answer, what was not sent is set aside for later."""
DROPPED = re.compile(r"dropped=(\d+)")
"""InfluxDB 2 counts in its 422 the points it dropped, having stored the others of the request."""
TOO_OLD = re.compile(r"beyond retention policy|Retention Policy Lower Bound")
"""What InfluxDB 1.6 and 2.7 say of lines older than they keep, having stored the others."""
TOO_NEW = "Retention Policy Upper Bound"
BUSY = frozenset({429, 503})
SUSPICIOUS = 20
"""A server that never took a line and refuses so many at once is not this kind of server."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Lines of one request, packed."""

    lines: Sequence[str]
    packed: bytes


def parcels(lines: Sequence[str], most_lines: int) -> list[Parcel]:
    """Lines as requests of at most `most_lines` and `MAX_BYTES`; a longer line goes alone."""
    found = []
    for first in range(0, len(lines), most_lines):
        found += _parcels(lines[first : first + most_lines])
    return found


def _parcels(lines: Sequence[str]) -> list[Parcel]:
    body = "\n".join(lines).encode()
    if len(body) <= MAX_BYTES or len(lines) == 1:
        return [Parcel(lines, pack(body))]
    middle = len(lines) // 2
    return [*_parcels(lines[:middle]), *_parcels(lines[middle:])]


class Delivery:
    """What one sink knows about its server. Counts are since the start of this process."""

    def __init__(
        self,
        pace: Pace,
        timing: Timing,
        trouble: Callable[[str], None],
        most_lines: int = MAX_LINES,
    ) -> None:
        """`trouble` is told of each failure, and of the end of failures with an empty text."""
        self.most_lines = most_lines
        self.sent_lines = 0
        self.expired_lines = 0
        """Older than the server keeps."""
        self.retries: Counter[int] = Counter()
        """By HTTP status; 0 is no answer."""
        self.last_error = ""
        self.failing_since_s: float | None = None
        self._proven = False
        self._failures = 0
        self._pace = pace
        self._timing = timing
        self._trouble = trouble

    @property
    def outage(self) -> bool:
        """Whether nothing was taken for longer than `OUTAGE_S`."""
        return (
            self.failing_since_s is not None
            and self._timing.monotonic() - self.failing_since_s > OUTAGE_S
        )

    async def bring(
        self, transport: Transport, parcel: Parcel, *, stream: str, rollup: bool, patient: bool
    ) -> list[DeadLetter] | None:
        """Send a parcel; the lines that were refused for good.

        None if it could not be brought whole: after an outage, or, if not `patient`, after one
        failure. Then none of it counts as sent.
        """
        dead: list[DeadLetter] = []
        waiting = [parcel]
        while waiting:
            part = waiting.pop()
            try:
                await transport.post(part.packed, rollup=rollup)
            except NotNow as error:
                waiting.append(part)
                await self.pause(message_of(error), error.retry_after_s, status=error.status)
                if self.outage or not patient:
                    return None
                continue
            except TooLarge as error:
                if len(part.lines) > 1:
                    self.most_lines = max(1, min(self.most_lines, len(part.lines)) // 2)
                    waiting += _halves(part)
                    continue
                dead.append(self._letter(error, part, stream))
            except RejectedLines as error:
                dropped = DROPPED.search(str(error))
                if dropped is not None and _only_too_old(str(error)):
                    self._taken(len(part.lines) - int(dropped[1]))
                    self.expired_lines += int(dropped[1])
                    self._answered()
                    continue
                all_dropped = dropped is not None and int(dropped[1]) == len(part.lines)
                if len(part.lines) > 1 and not all_dropped:
                    waiting += _halves(part)
                    continue
                dead.append(self._letter(error, part, stream))
                if not self._proven and not all_dropped and len(dead) >= SUSPICIOUS:
                    await self.pause(
                        msg(
                            "the server refuses everything ({error}): is the dialect right? "
                            "Nothing is given up",
                            error=error,
                        ),
                        None,
                        status=400,
                    )
                    return None
            else:
                self._taken(len(part.lines))
            self._answered()
        return dead

    def _taken(self, lines: int) -> None:
        self._proven = True
        self.sent_lines += lines

    def _letter(self, error: Exception, part: Parcel, stream: str) -> DeadLetter:
        return DeadLetter(
            self._timing.now(), message_of(error), [line.encode() for line in part.lines], stream
        )

    def _answered(self) -> None:
        if self.outage:
            self._pace.connected(self._timing.monotonic(), self._timing.jitter())
        self.failing_since_s = None
        self._failures = 0
        if self.last_error:
            self.last_error = ""
            self._trouble("")

    async def pause(self, error: str, retry_after_s: float | None, *, status: int = 0) -> None:
        """Note a failure and wait until it is worth another try."""
        now_s = self._timing.monotonic()
        if self.failing_since_s is None:
            self.failing_since_s = now_s
        if status in BUSY:
            self._pace.refused(now_s)
        self.retries[status] += 1
        if error != self.last_error:
            self.last_error = error
            self._trouble(error)
        shortest, longest = BACKOFF_S
        delay_s = min(longest, shortest * 2 ** min(self._failures, 20))
        self._failures += 1
        delay_s *= 0.5 + self._timing.jitter() / 2
        # What the server asks for is a minimum; the jitter keeps many gateways apart.
        if retry_after_s is not None:
            delay_s = retry_after_s + self._timing.jitter()
        await self._timing.sleep(delay_s)


def _only_too_old(text: str) -> bool:
    return TOO_OLD.search(text) is not None and TOO_NEW not in text


def _halves(parcel: Parcel) -> list[Parcel]:
    """Both halves, the second first: taken from the end, they go out in order."""
    middle = len(parcel.lines) // 2
    return [*_parcels(parcel.lines[middle:]), *_parcels(parcel.lines[:middle])]
