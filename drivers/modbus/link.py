"""The one connection to a Modbus endpoint: made on use, watched, and shared by its units.

Work comes as jobs, which name one request after the other and are told each answer. The link runs
them in turn, with callbacks only: no task sleeps, and no request costs a future or a timer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bms.texts.messages import Message, joined, message_of, msg
from drivers.errors import ConnectionLost, DriverError, NoAnswer
from drivers.health import DriverHealth, Tally
from drivers.modbus.connection import SILENT_LIMIT, Connection
from drivers.modbus.job import Job, LinkDown, NotSent
from drivers.modbus.job_queue import JobQueue
from drivers.modbus.units import Unit
from drivers.modbus.wire.frames import ExceptionAnswer, Request
from drivers.modbus.wire.resync import look, probe
from drivers.modbus.wire.transport import Endpoint, Pacing, Serial
from drivers.modbus.wire.wire import ReadOnly, Wire
from drivers.ticker import Ticker
from drivers.times import Times

_log = logging.getLogger(__name__)


class ModbusLink:
    """Runs jobs over one connection and keeps the health of it and of each unit.

    Writes go before reads, reads of units that answer before reads of those that do not. A unit
    that does not answer is asked again only when its back-off has passed, so it costs its
    neighbours at most one timeout per back-off interval. Requests are sent once; nothing is
    repeated.

    `pacing.max_in_flight` jobs run at a time where answers say which request they are for,
    otherwise one.
    """

    __slots__ = ("_active", "_character_s", "_check_deadlines", "_connection", "_depth",
                 "_endpoint", "_last_end", "_latency", "_min_gap_s", "_parked", "_pumping",
                 "_queue", "_tally", "_ticker", "_time", "_timeout_s", "_times", "_units",
                 "_watched")  # fmt: skip

    def __init__(
        self, endpoint: Endpoint, pacing: Pacing, times: Times, ticker: Ticker, *, shadow: bool
    ) -> None:
        self._endpoint = endpoint
        self._times = times
        self._ticker = ticker
        self._timeout_s = pacing.timeout_s
        line = endpoint if isinstance(endpoint, Serial) else None
        self._min_gap_s = max(pacing.min_gap_s, line.silence_s) if line else pacing.min_gap_s
        self._character_s = line.character_s if line else 0.0
        self._connection = Connection(endpoint, pacing, times, self, self._unpark, shadow=shadow)
        in_turn = not self._connection.in_step or self._min_gap_s > 0
        self._depth = 1 if in_turn else pacing.max_in_flight
        self._units: dict[int, Unit] = {}
        self._queue = JobQueue()
        self._parked: list[tuple[Job, Request]] = []
        """Requests that wait for the connection, or for the gap after the last answer."""
        self._active = 0
        self._pumping = False
        self._watched = False
        self._check_deadlines = self._check
        self._last_end = 0.0
        self._time: Callable[[], float] = lambda: 0.0
        """The loop's, as soon as there is one."""
        self._tally = Tally()
        self._latency = self._tally.latencies.add

    # --- for those who have work -------------------------------------------------------------

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Queue a job; it may begin before this returns."""
        queue = self._queue
        if not (self._active or queue.usual or queue.writes or self._pumping):
            queue.writing = urgent
            self._advance(job, None)
        elif urgent:
            queue.writes.append(job)
        elif job.unit is not None and self.failures(job.unit):
            queue.doubtful.append(job)
        else:
            queue.usual.append(job)
        if self._active < self._depth and not self._pumping:
            self._pump()

    def give_up(self, job: Job) -> None:
        """Nobody waits for this job now. On a stream without ids the link still waits for its
        answer: a request sent meanwhile would collide with it."""
        job.cancelled = True
        wire = self._connection.wire
        if wire is None or not wire.in_step or not any(call is job for call in wire.calls()):
            return
        wire.forget(job)
        self._active -= 1
        job.finish()
        self._pump()

    def failures(self, unit: int) -> int:
        """How often in a row the unit failed to answer."""
        health = self._units.get(unit)
        return health.backoff.failures if health is not None else 0

    def health(self, overruns: int) -> DriverHealth:
        """Counted since the link was made."""
        now, tally, connection = self._times.monotonic(), self._tally, self._connection
        units = tuple(unit.health(number, now) for number, unit in sorted(self._units.items()))
        return DriverHealth(
            connected=connection.wire is not None,
            requests=tally.requests,
            failures=tally.failures,
            timeouts=tally.timeouts,
            connects=connection.connects,
            overruns=overruns,
            latency_p50_ms=tally.latencies.percentile_ms(50),
            latency_p95_ms=tally.latencies.percentile_ms(95),
            latency_p99_ms=tally.latencies.percentile_ms(99),
            units=units,
            detail="" if connection.wire is not None else connection.reason,
        )

    async def close(self) -> None:
        """Close for good, and wait until the socket is closed. Work that is left is given up."""
        await self._connection.close()
        self._unpark(LinkDown(msg("closed here")))
        self._pump()

    # --- running jobs ------------------------------------------------------------------------

    def _pump(self) -> None:
        """Begin as many jobs as may run at a time."""
        self._pumping = True
        try:
            while self._active < self._depth:
                job = self._queue.next(self._active)
                if job is None:
                    return
                self._advance(job, None)
        finally:
            self._pumping = False

    def _advance(self, job: Job, body: bytes | None) -> None:
        """Let the job go on to its next request, or to its end."""
        try:
            request = job.step(body)
        except Exception as error:
            self._broken(job, error)
            return
        if request is None:
            job.finish()
        else:
            self._send(job, request)

    def _throw(self, job: Job, error: DriverError) -> None:
        try:
            request = job.fail(error)
        except Exception as broken:
            self._broken(job, broken)
            return
        if request is None:
            job.finish()
        else:
            self._send(job, request)

    def _send(self, job: Job, request: Request) -> None:
        """Send, or tell the job what is in the way, as long as it has requests."""
        following: Request | None = request
        while following is not None and not job.cancelled:
            error = self._obstacle(job, following)
            if error is None:
                return
            try:
                following = job.fail(error)
            except Exception as broken:
                self._broken(job, broken)
                return
        job.finish()

    def _broken(self, job: Job, error: Exception) -> None:
        """A job is total; an error that lands here is a defect, and must not end the others."""
        _log.error("modbus %s: unexpected error", self._endpoint, exc_info=error)
        job.finish(error)

    # --- one request -------------------------------------------------------------------------

    def _obstacle(self, job: Job, request: Request) -> DriverError | None:
        """Send the request or park it; or return what keeps it from being sent."""
        unit = self._units.get(request.unit)
        if unit is None:
            unit = self._units[request.unit] = Unit(self._times.chance)
        if unit.backoff.failures:
            wait = unit.backoff.remaining_s(self._times.monotonic())
            if wait:
                return NotSent(
                    msg(
                        "unit {unit} does not answer; asked again in {wait_s:.1f} s",
                        unit=request.unit,
                        wait_s=wait,
                    )
                )
        wire = self._connection.wire
        if wire is None:
            return self._connect(job, request)
        if self._min_gap_s:
            wait = self._last_end + self._min_gap_s - self._time()
            if wait > 0:
                self._park(job, request)
                asyncio.get_running_loop().call_later(wait, self._unpark)
                return None
        if unit.owed or job.owed:
            job.held, job.owed, job.verdict = None, bool(unit.owed), None
            if unit.owed and (asked := probe(request, unit.owed)) is not None:
                job.held, request = request, asked
        if job.held is None and wire.doubts(request):
            job.held, request = request, look(request)
        job.request = request
        job.sent_at = self._time()
        wire.strays = 0
        try:
            wire.send(job)
        except ReadOnly as error:
            return error
        except ConnectionLost as error:
            return NotSent(message_of(error))
        self._tally.requests += 1
        self._active += 1
        if not self._watched:
            self._watched = True
            self._ticker.watch(self._check_deadlines)
        return None

    def answered(self, call: Job, body: bytes) -> None:
        """A valid answer."""
        now = self._time()
        self._latency(now - call.sent_at)
        self._active -= 1
        unit = self._units[call.request.unit]
        if unit.backoff.failures:
            unit.answered()
        connection = self._connection
        if connection.silent or connection.suspect or connection.backoff.failures:
            connection.alive()
        self._last_end = now
        if unit.owed:
            # Units answer in order: what it owed has come, or never will.
            unit.owed.clear()
        held, call.held = call.held, None
        if held is not None:
            self._send(call, held)
        else:
            self._advance(call, body)
        if not self._pumping and self._active < self._depth:
            self._pump()

    def failed(self, call: Job, error: DriverError) -> None:
        """The answer was none, or not to be used."""
        self._active -= 1
        self._tally.failures += 1
        self._last_end = self._time()
        request, held = call.request, call.held
        call.held = None
        unit = self._units[request.unit]
        if isinstance(error, ExceptionAnswer):
            self._connection.alive()
            unit.refused(error, self._times.monotonic())
        elif isinstance(error, NoAnswer):
            self._unanswered(unit, request, error)
        elif isinstance(error, ConnectionLost):
            unit.failed(message_of(error), self._times.monotonic())
        else:
            self._connection.heard()
        if held is not None and isinstance(error, ExceptionAnswer):
            self._send(call, held)  # an exception to the probe: the unit is in step again
        else:
            self._throw(call, error)
        if not self._pumping and self._active < self._depth:
            self._pump()

    def _check(self, now: float) -> bool:
        """The sweep for time-outs: one for all links, from the ticker."""
        wire = self._connection.wire
        if wire is not None:
            for call in list(wire.calls()):
                allowed = self._timeout_s + self._character_s * (
                    len(call.request.body) + call.request.size
                )
                if now - call.sent_at >= allowed:
                    self._overdue(wire, call)
        wire = self._connection.wire
        self._watched = wire is not None and any(True for _ in wire.calls())
        return self._watched

    def _overdue(self, wire: Wire[Job], job: Job) -> None:
        wire.forget(job)
        if job.verdict is not None:
            # Nothing better came in this time: the exception was meant for this request.
            self.failed(job, job.verdict)
            return
        self.failed(job, NoAnswer(self._no_answer(wire)))

    def _no_answer(self, wire: Wire[Job]) -> Message:
        late = msg("no answer within {limit_s:g} s", limit_s=self._timeout_s)
        return joined("; ", late, wire.strayed) if wire.strayed else late

    def _unanswered(self, unit: Unit, request: Request, error: NoAnswer) -> None:
        connection = self._connection
        self._tally.timeouts += 1
        if not connection.in_step:
            unit.owes(request)
        # Units known to be dead prove nothing about the socket as long as another one answers.
        connection.suspect |= not unit.backoff.failures
        unit.failed(message_of(error), self._times.monotonic())
        connection.silent += 1
        if connection.silent < SILENT_LIMIT:
            return
        if connection.suspect or all(unit.backoff.failures for unit in self._units.values()):
            # The units' own back-off keeps the attempts apart; the connection needs none.
            connection.leave(
                msg("{requests} requests in a row unanswered", requests=connection.silent)
            )

    # --- the connection ----------------------------------------------------------------------

    def _connect(self, job: Job, request: Request) -> DriverError | None:
        self._time = asyncio.get_running_loop().time
        error = self._connection.wanted()
        if error is None:
            self._park(job, request)
        return error

    def lost(self, wire: Wire[Job]) -> None:
        """The wire closed by itself."""
        self._connection.lost(wire)

    def _park(self, job: Job, request: Request) -> None:
        self._active += 1
        self._parked.append((job, request))

    def _unpark(self, error: DriverError | None = None) -> None:
        """Send what waited, or tell it why it cannot be sent."""
        parked, self._parked = self._parked, []
        self._active -= len(parked)
        pumping, self._pumping = self._pumping, True  # whoever waited goes first
        try:
            for job, request in parked:
                if error is None:
                    self._send(job, request)
                else:
                    self._throw(job, error)
        finally:
            self._pumping = pumping
        if not pumping:
            self._pump()
