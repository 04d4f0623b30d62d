"""Copies the history to InfluxDB: from the log, in order, at least once, whatever the server does.

The cursor moves only when the server has acknowledged a row's lines, or has refused them for good
and they are kept as dead letters. Points are identified by series and millisecond and never
change, so that sending one again does no harm.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from bms.clock import SystemClock
from bms.config.models import InfluxFile
from bms.errors import StoreError
from bms.historian.lines import LineWriter
from bms.historian.queries import Queries
from bms.historian.sinks import INFLUX, DeadLetter, SinkCursor
from bms.historian.transport import InfluxTransport, NotNow, RejectedLines, TooLarge, Transport

_log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_LINES = 5000
MAX_BYTES = 1_000_000
ROWS_AT_ONCE = 200
IDLE_S = 1.0
"""How often the log is looked at when there is nothing to send and nobody calls `wake`."""
REQUEST_TIMEOUT_S = 20.0
STORE_TIMEOUT_S = 60.0
BACKOFF_S = (0.5, 60.0)
"""Pause after the first failure, doubling up to the second number."""
DROPPED = re.compile(r"dropped=(\d+)")
"""InfluxDB 2 counts in its 422 the points it dropped, having stored the others of the request."""


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """How the copy is doing. Counts are since the start of this process."""

    cursor: int = 0
    backlog_rows: int = 0
    sent_lines: int = 0
    dead_lines: int = 0
    retries: int = 0
    last_error: str = ""
    """Empty as soon as a request succeeds."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What is sent before the cursor moves to `seq`."""

    seq: int
    lines: list[bytes]
    damaged: list[str]
    backlog_rows: int


class InfluxSink:
    """The copying task of one InfluxDB. `run` it in a TaskGroup; it ends only by cancellation.

    It reads the history of `directory` on a thread and a connection of its own, so that a slow
    server or a long backlog never holds up the controller.
    """

    def __init__(
        self,
        settings: InfluxFile,
        token: str,
        directory: Path,
        *,
        name: str = INFLUX,
        transport: Callable[[], AbstractAsyncContextManager[Transport]] | None = None,
        now: Callable[[], datetime] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        idle_s: float = IDLE_S,
        timeout_s: float = REQUEST_TIMEOUT_S,
    ) -> None:
        self.name = name
        self.status = SinkStatus()
        self._directory = directory
        self._now = now or SystemClock().now
        self._transport = transport or (
            lambda: InfluxTransport(settings, token, timeout_s=timeout_s, now=self._now)
        )
        self._sleep = sleep
        self._jitter = jitter
        self._idle_s = idle_s
        self._woken = asyncio.Event()
        self._max_lines = MAX_LINES
        self._writer = LineWriter({})
        self._failures = 0

    def wake(self) -> None:
        """Tell the sink that something was stored (from the loop's thread)."""
        self._woken.set()

    async def run(self) -> None:
        """Copy until cancelled."""
        executor = ThreadPoolExecutor(1, thread_name_prefix=f"sink-{self.name}")
        try:
            async with self._transport() as transport:
                while True:
                    try:
                        await self._copy(executor, transport)
                    except (StoreError, TimeoutError) as error:
                        await self._pause(str(error) or "the disk does not answer", None)
        finally:
            executor.shutdown(wait=True)

    async def _copy(self, executor: ThreadPoolExecutor, transport: Transport) -> None:
        """Copy with one pair of connections, until an error of the store or cancellation."""
        opened = ExitStack()
        try:
            history, cursor = await self._in(executor, self._open, opened)
            while True:
                step = await self._in(executor, self._next, history, cursor)
                if step is None:
                    await self._wait()
                    continue
                dead = [DeadLetter(self._now(), damage, ()) for damage in step.damaged]
                for first, last in self._requests(step.lines):
                    dead += await self._deliver(transport, step.lines[first:last])
                for letter in dead:
                    _log.error(
                        "%s: %d lines refused for good: %s",
                        self.name,
                        len(letter.lines),
                        letter.reason,
                    )
                await self._in(executor, cursor.advance, step.seq, dead)
                self.status = replace(
                    self.status,
                    cursor=step.seq,
                    backlog_rows=step.backlog_rows,
                    dead_lines=self.status.dead_lines + sum(len(d.lines) for d in dead),
                )
        finally:
            # Queued behind whatever the thread is doing, so nothing is closed while in use.
            executor.submit(opened.close)

    def _open(self, opened: ExitStack) -> tuple[Queries, SinkCursor]:
        history = opened.enter_context(Queries(self._directory, read_only=True))
        cursor = opened.enter_context(
            SinkCursor(self._directory, self.name, history.uid(), history.last_seq())
        )
        self.status = replace(self.status, cursor=cursor.seq)
        return history, cursor

    def _next(self, history: Queries, cursor: SinkCursor) -> _Step | None:
        seq = cursor.seq
        rows = history.log_after(seq, ROWS_AT_ONCE)
        if not rows:
            return None
        self._writer.know({s.point: s.klass for s in history.series()})
        lines: list[bytes] = []
        damaged: list[str] = []
        for row in rows:
            if lines and len(lines) + len(row.points) > MAX_LINES:
                break
            lines += self._writer.lines(row)
            seq = row.seq
            if row.damage:
                damaged.append(row.damage)
        return _Step(seq, lines, damaged, history.last_seq() - seq)

    def _requests(self, lines: list[bytes]) -> list[tuple[int, int]]:
        """Where to cut the lines into requests."""
        cuts = []
        first = size = 0
        for i, line in enumerate(lines):
            if i > first and (i - first >= self._max_lines or size + len(line) >= MAX_BYTES):
                cuts.append((first, i))
                first, size = i, 0
            size += len(line) + 1
        if first < len(lines):
            cuts.append((first, len(lines)))
        return cuts

    async def _deliver(self, transport: Transport, lines: list[bytes]) -> list[DeadLetter]:
        """Send lines until the server has every one or refused it; returns the refused ones."""
        dead: list[DeadLetter] = []
        waiting = [lines]
        while waiting:
            part = waiting.pop()
            try:
                await transport.post(b"\n".join(part))
            except NotNow as error:
                waiting.append(part)
                await self._pause(str(error), error.retry_after_s)
                continue
            except TooLarge as error:
                if len(part) > 1:
                    self._max_lines = max(1, min(self._max_lines, len(part)) // 2)
                    waiting += _halves(part)
                    continue
                dead.append(DeadLetter(self._now(), str(error), part))
            except RejectedLines as error:
                dropped = DROPPED.search(str(error))
                all_dropped = dropped is not None and int(dropped[1]) == len(part)
                if len(part) > 1 and not all_dropped:
                    waiting += _halves(part)
                    continue
                dead.append(DeadLetter(self._now(), str(error), part))
            else:
                self.status = replace(
                    self.status, sent_lines=self.status.sent_lines + len(part), last_error=""
                )
            self._failures = 0
        return dead

    async def _pause(self, error: str, retry_after_s: float | None) -> None:
        if error != self.status.last_error:
            _log.warning("%s: keeping everything, trying again: %s", self.name, error)
        self.status = replace(self.status, retries=self.status.retries + 1, last_error=error)
        shortest, longest = BACKOFF_S
        delay_s = min(longest, shortest * 2 ** min(self._failures, 20))
        self._failures += 1
        delay_s *= 0.5 + self._jitter() / 2
        # What the server asks for is a minimum; the jitter keeps many gateways apart.
        await self._sleep(delay_s if retry_after_s is None else retry_after_s + self._jitter())

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._idle_s):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    @staticmethod
    async def _in(executor: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
        async with asyncio.timeout(STORE_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(executor, call, *args)


def _halves(lines: list[bytes]) -> list[list[bytes]]:
    """Both halves, the second first: taken from the end, they go out in order."""
    middle = len(lines) // 2
    return [lines[middle:], lines[:middle]]
