"""The copying task of one database: at least once, live first, whatever the server does.

A cursor moves only when the server has acknowledged a row's lines, or has refused them for good
and they are kept as dead letters. Points are identified by series and millisecond and never
change, so that sending one again does no harm. Rows left behind by an outage of more than a minute
become a *gap*: live data go on at once, and the gap follows behind them, oldest first, at the rate
that `pace` allows. One request is on its way at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from bms.core.errors import StoreError, UnusableFile
from bms.core.threads import in_thread
from bms.forward.checking.reconcile import Reconciler
from bms.forward.copying.catching_up import Pace
from bms.forward.copying.delivery import MAX_LINES, OUTAGE_S, Delivery, Parcel, parcels
from bms.forward.copying.opened import Copied, Opened, open_streams
from bms.forward.copying.status import SinkStatus
from bms.forward.copying.timing import Timing
from bms.forward.cursors import FILE_NAME, DeadLetter, Gap, SinkCursor
from bms.forward.server.destination import Destination
from bms.forward.server.http import InfluxTransport, Transport
from bms.forward.streams.refill import Place, Refill, StoredRollups, StoredSamples
from bms.forward.streams.sources import Hole, Stream, Take
from bms.historian.records import to_ms
from bms.storage.aside import put_aside
from bms.texts.messages import message_of, msg

_log = logging.getLogger(__name__)

T = TypeVar("T")

STORE_TIMEOUT_S = 60.0
STEPS_IN_A_ROW = 20
"""So many of one stream before the others are looked at."""
MOST_LINES = "most_lines"
TOO_OLD = msg(
    "what was just recorded is older than it keeps: set the clocks right, or lengthen its "
    "retention, then {command}",
    command="bms influx backfill",
)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is sent before the cursor, or the edge of a gap, moves to `take.seq`."""

    take: Take
    parcels: list[Parcel]
    gap: Gap | None = None
    """The gap as it is before this step."""


class InfluxSink:
    """The copying task of one database. `run` it in a TaskGroup; it ends only by cancellation.

    It reads the history on its own thread and connection, so that a slow server or a long backlog
    never holds up the controller or another sink.
    """

    def __init__(
        self,
        destination: Destination,
        copied: Copied,
        timing: Timing,
        *,
        transport: Callable[[], AbstractAsyncContextManager[Transport]] | None = None,
        reconcile: bool = True,
        trouble: Callable[[str, str], None] = lambda _key, _text: None,
        pace: Pace | None = None,
    ) -> None:
        """`trouble(kind, text)` is told what people should know; an empty text: it is over."""
        settings = destination.settings
        self.name = settings.name
        self.status = SinkStatus(settings.name, settings.dialect, settings.url)
        self._destination = destination
        self._copied = copied
        self._timing = timing
        self._reconcile = reconcile
        self._trouble = trouble
        self._transport = transport or (
            lambda: InfluxTransport(
                settings,
                destination.token,
                timeout_s=timing.timeout_s,
                now=timing.now,
                ca=destination.ca,
            )
        )
        self._too_old = False
        self._woken = asyncio.Event()
        self._pace = pace or Pace(settings.backfill_ratio, settings.max_lines_s)
        self._delivery = Delivery(self._pace, timing, self._server_trouble)

    def wake(self) -> None:
        """Tell the sink that something was stored (from the loop's thread)."""
        self._woken.set()

    async def run(self) -> None:
        """Copy until cancelled."""
        executor = ThreadPoolExecutor(1, thread_name_prefix=f"sink-{self.name}")
        self._pace.connected(self._timing.monotonic(), self._timing.jitter())
        try:
            async with self._transport() as transport:
                while True:
                    try:
                        await self._copy(executor, transport)
                    except UnusableFile as error:
                        # The cursors can be made again; what else there is has its owner.
                        if error.path.name == FILE_NAME:
                            await _in_time(executor, put_aside, error, self._timing.now())
                        await self._delivery.pause(message_of(error), None)
                    except (StoreError, TimeoutError) as error:
                        text = message_of(error) or msg("the disk does not answer")
                        await self._delivery.pause(text, None)
                    except Exception as error:
                        # A copy that fails must never stop the control of a park.
                        _log.exception("%s: unexpected; trying again", self.name)
                        await self._delivery.pause(repr(error), None)
        finally:
            executor.shutdown(wait=True)

    async def _copy(self, executor: ThreadPoolExecutor, transport: Transport) -> None:
        """Copy with one set of connections, until an error of the store or cancellation."""
        stack = ExitStack()
        try:
            opened, reconciler = await _in_time(executor, self._open, stack)
            await _in_time(executor, self._look, opened, reconciler)
            while not opened.is_replaced():
                self._woken.clear()
                busy = False
                for stream in opened.streams:
                    cursor = opened.cursors[stream.name]
                    busy |= await self._live(executor, transport, opened, stream, cursor)
                if not busy:
                    busy = await self._backfill(executor, transport, opened)
                before = self.status.outage
                await _in_time(executor, self._look, opened, reconciler)
                if self.status.outage != before:
                    text = msg("nothing is taken: {error}", error=self.status.last_error)
                    self._trouble("server", text if self.status.outage else "")
                if not busy and reconciler is not None:
                    await reconciler.step(lambda call, *a: _in_time(executor, call, *a))
                    self.status.mismatches = reconciler.mismatches
                    self.status.reconcile_error = reconciler.last_error
                if not busy:
                    await self._wait()
        finally:
            # Queued behind whatever the thread is doing, so nothing is closed while in use.
            executor.submit(stack.close)

    def _open(self, stack: ExitStack) -> tuple[Opened, Reconciler | None]:
        files = self._copied.files()
        sources = stack.enter_context(self._copied.sources(self._copied.directory))
        opened = open_streams(stack, sources, self._destination.settings, self._copied, files)
        if opened.any_cursor is None:
            return opened, None
        self._delivery.most_lines = opened.any_cursor.known(MOST_LINES, MAX_LINES)
        if not self._reconcile:
            return opened, None
        return opened, Reconciler(
            self._destination,
            sources,
            opened.streams,
            opened.cursors,
            list(opened.refills.values()),
            now=self._timing.now,
            trouble=lambda text: self._trouble("reconcile", text),
        )

    # --- live --------------------------------------------------------------------------------

    async def _live(
        self,
        executor: ThreadPoolExecutor,
        transport: Transport,
        opened: Opened,
        stream: Stream,
        cursor: SinkCursor,
    ) -> bool:
        """Bring a stream up to date; whether there was anything to send."""
        step = await _in_time(executor, self._next_live, stream, cursor)

        def commit(sent: _Step, dead: list[DeadLetter]) -> None:
            holes = sent.take.holes
            if holes and holes[0].first == cursor.seq + 1:
                # Joined to what was set aside before it, so that its times are known.
                cursor.leave(holes[0].last, cursor.newest_ms + 1, msg("has left its stream"))
                holes = holes[1:]
            self._pass_over(opened, stream.name, holes, None)
            cursor.advance(sent.take.seq, dead, sent.take.newest_ms)
            self._pace.live(len(sent.take.lines), self._timing.monotonic())

        await self._send(
            executor,
            transport,
            stream,
            step,
            lambda sent: self._make(stream, sent.take.seq, stream.last()),
            commit,
            patient=True,
        )
        return step is not None

    def _next_live(self, stream: Stream, cursor: SinkCursor) -> _Step | None:
        last, after = stream.last(), cursor.seq
        if last - after > stream.at_once:
            oldest_ms = stream.oldest_ms(after)
            limit_ms = to_ms(self._timing.now()) - (OUTAGE_S + stream.late_s) * 1000
            if self._delivery.outage or (oldest_ms is not None and oldest_ms < limit_ms):
                why = self._delivery.last_error or msg("found behind at the start")
                # The first rows may have left the stream: what follows on the last sent one is due.
                cursor.leave(last, cursor.newest_ms + 1 if cursor.newest_ms else oldest_ms, why)
                _log.warning(
                    "%s: %s %d to %d are set aside and follow later: %s",
                    self.name, stream.name, after + 1, last, why,
                )  # fmt: skip
                return None
        return self._make(stream, after, last)

    # --- backfill ----------------------------------------------------------------------------

    async def _backfill(
        self, executor: ThreadPoolExecutor, transport: Transport, opened: Opened
    ) -> bool:
        """Send some of the missed rows, the most valuable stream first, oldest first."""
        allowed = self._pace.allowance(self._timing.monotonic())
        if not allowed:
            return False
        found = await _in_time(executor, opened.oldest_gap)
        if found is None:
            return False
        stream, cursor = found.stream, found.cursor
        step = await _in_time(executor, self._fill, stream, found.gap, allowed)

        def following(sent: _Step) -> _Step | None:
            assert sent.gap is not None
            left = self._pace.allowance(self._timing.monotonic()) - len(sent.take.lines)
            newest_ms = sent.take.newest_ms
            rest = replace(
                sent.gap,
                first=sent.take.seq + 1,
                from_ms=sent.gap.from_ms if newest_ms is None else newest_ms + 1,
            )
            return self._fill(stream, rest, left)

        def commit(sent: _Step, dead: list[DeadLetter]) -> None:
            gap = sent.gap or found.gap
            self._pass_over(opened, stream.name, sent.take.holes, gap.from_ms)
            cursor.fill(gap, sent.take.seq, dead, sent.take.newest_ms, sent.take.lost)
            self._pace.backfilled(len(sent.take.lines), self._timing.monotonic())

        await self._send(executor, transport, stream, step, following, commit, patient=False)
        return True

    def _fill(self, stream: Stream | Refill, gap: Gap, allowed: int) -> _Step | None:
        most = min(allowed, self._delivery.most_lines)
        if gap.first > gap.last or most <= 0:
            return None
        if isinstance(stream, StoredSamples | StoredRollups):
            take = stream.take(gap, most)
        else:
            take = stream.take(gap.first - 1, gap.last, most)
        return _Step(take, parcels(take.lines, self._delivery.most_lines), gap)

    def _pass_over(
        self, opened: Opened, name: str, holes: Sequence[Hole], from_ms: int | None
    ) -> None:
        """Let the holes of a stream be filled from what the store keeps by series."""
        for hole in holes:
            start_ms = from_ms or 0
            if hole.after_ms is not None:
                start_ms = hole.after_ms + 1
            until_ms = to_ms(self._timing.now()) if hole.until_ms is None else hole.until_ms
            places: list[Place] = []
            if name in opened.refills:
                refill, cursor = opened.refills[name]
                places = refill.gaps(start_ms, max(start_ms + 1, until_ms), hole.first)
                why = msg(
                    "rows {first} to {last} have left the stream {name}",
                    first=hole.first,
                    last=hole.last,
                    name=name,
                )
                for place in places:
                    cursor.add_gap(place.first, place.last, place.from_ms, why, place.until_ms)
                if places:
                    _log.warning("%s: %s: they follow from what is stored", self.name, why)
            if not places:
                rows = hole.last - hole.first + 1
                self.status.missing_rows += rows
                _log.error("%s: %d rows were gone before they could be sent", self.name, rows)

    # --- both --------------------------------------------------------------------------------

    async def _send(
        self,
        executor: ThreadPoolExecutor,
        transport: Transport,
        stream: Stream | Refill,
        step: _Step | None,
        following: Callable[[_Step], _Step | None],
        commit: Callable[[_Step, list[DeadLetter]], None],
        *,
        patient: bool,
    ) -> None:
        """Send step after step; while one is on its way, the next is made ready. A step is
        committed before the next is sent: a kill costs at most one request sent twice."""
        for count in range(STEPS_IN_A_ROW):
            if step is None or (count and not patient and self._woken.is_set()):
                return
            upcoming = asyncio.ensure_future(_in_time(executor, following, step))
            try:
                dead = await self._bring(transport, stream, step, patient=patient)
                if dead is None:
                    return
                await _in_time(executor, commit, step, dead)
                self._count(step)
                step = await upcoming
            finally:
                upcoming.cancel()

    def _make(
        self, stream: Stream, after: int, last: int, most_lines: int | None = None
    ) -> _Step | None:
        """The next rows, packed; None if there are none or none are allowed."""
        most = self._delivery.most_lines if most_lines is None else most_lines
        if after >= last or most <= 0:
            return None
        take = stream.take(after, last, min(most, self._delivery.most_lines))
        return _Step(take, parcels(take.lines, self._delivery.most_lines))

    async def _bring(
        self, transport: Transport, stream: Stream | Refill, step: _Step, *, patient: bool
    ) -> list[DeadLetter] | None:
        dead = [
            DeadLetter(self._timing.now(), damage, (), stream.name) for damage in step.take.damaged
        ]
        expired = self._delivery.expired_lines
        for parcel in step.parcels:
            hold_s = self._pace.hold_s(self._timing.monotonic())
            if hold_s > 0:
                await self._timing.sleep(hold_s)
            found = await self._delivery.bring(
                transport, parcel, stream=stream.name, rollup=stream.rollup, patient=patient
            )
            if found is None:
                return None
            dead += found
        for letter in dead:
            _log.error(
                "%s: %d lines refused for good: %s", self.name, len(letter.lines), letter.reason
            )
        expired = self._delivery.expired_lines - expired
        if expired:
            _log.warning("%s: %d lines are older than it keeps", self.name, expired)
        # Of what was missed long ago it is to be expected.
        if patient and step.take.lines and self._too_old != (expired > 0):
            self._too_old = expired > 0
            self._trouble("retention", TOO_OLD if expired else "")
        if dead:
            text = msg(
                "some lines are refused for good; see {command}", command="bms influx dead list"
            )
            self._trouble("dead", text)
        return dead

    def _count(self, step: _Step) -> None:
        self.status.sent_lines = self._delivery.sent_lines
        self.status.expired_lines = self._delivery.expired_lines
        self.status.damaged_rows += len(step.take.damaged)

    def _look(self, opened: Opened, reconciler: Reconciler | None) -> None:
        """Bring the status up to date."""
        status = self.status
        opened.look(status, self._copied.directory, to_ms(self._timing.now()))
        status.retries = {
            str(code) if code else "no answer": count
            for code, count in sorted(self._delivery.retries.items())
        }
        status.last_error = self._delivery.last_error
        status.outage = self._delivery.outage
        status.backfill_lines_s = round(self._pace.backfill_lines_s(self._timing.monotonic()), 1)
        cursor = opened.any_cursor
        if cursor is not None and (
            cursor.known(MOST_LINES, MAX_LINES) != self._delivery.most_lines
        ):
            cursor.know(MOST_LINES, self._delivery.most_lines)
        if reconciler is not None:
            status.reconciled_until = reconciler.until_text()

    def _server_trouble(self, error: str) -> None:
        self.status.last_error = error
        if error:
            _log.warning("%s: keeping everything, trying again: %s", self.name, error)
        else:
            _log.info("%s: goes on", self.name)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(self._timing.idle_s):
                await self._woken.wait()
        except TimeoutError:
            return


async def _in_time(executor: ThreadPoolExecutor, call: Callable[..., T], *args: object) -> T:
    async with asyncio.timeout(STORE_TIMEOUT_S):
        return await in_thread(executor, lambda: call(*args))
