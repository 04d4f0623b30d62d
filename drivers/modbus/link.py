"""The one connection to a Modbus endpoint: made on use, watched, and shared by its units.

Work comes as jobs, which name one request after the other and are told each answer. The link runs
them in turn, with callbacks only: no task sleeps, and a request costs no future and no timer of
its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from bms.texts.messages import Message, joined, message_of, msg
from bms.texts.system_errors import os_cause
from drivers.backoff import Backoff, waiting
from drivers.errors import ConnectionLost, DriverError, NoAnswer
from drivers.health import DriverHealth, Latencies
from drivers.modbus.job import Job, LinkDown, NotSent
from drivers.modbus.units import Unit
from drivers.modbus.wire.connect import open_wire, wire_type
from drivers.modbus.wire.frames import ExceptionAnswer, Request
from drivers.modbus.wire.resync import probe
from drivers.modbus.wire.transport import Endpoint, Serial
from drivers.modbus.wire.wire import ReadOnly, Wire
from drivers.ticker import Ticker

_log = logging.getLogger(__name__)

SILENT_LIMIT = 3
"""Requests in a row without any answer after which the socket is taken for dead and closed."""
DOUBTFUL_EVERY = 16
"""On a link with more to do than it can, each 16th turn is one of a unit that did not answer."""
_CLOSE_LIMIT_S = 1.0


class ModbusLink:
    """Runs jobs over one connection and keeps the health of it and of each unit.

    Writes go before reads, reads of units that answer before reads of those that do not. A unit
    that does not answer is asked again only when its back-off has passed, so it costs its
    neighbours at most one timeout per back-off interval. The back-off of the connection starts
    over only after a valid answer. Requests are sent once; nothing is repeated.

    `depth` jobs run at a time where answers say which request they are for, otherwise one.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        timeout_s: float,
        connect_delay_s: float,
        min_gap_s: float,
        depth: int,
        shadow: bool,
        ticker: Ticker,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._endpoint = endpoint
        self._wire_type = wire_type(endpoint)
        self._timeout_s = timeout_s
        self._connect_delay_s = connect_delay_s
        line = endpoint if isinstance(endpoint, Serial) else None
        self._min_gap_s = max(min_gap_s, line.silence_s) if line else min_gap_s
        self._character_s = line.character_s if line else 0.0
        self._depth = depth if self._wire_type.in_step and not self._min_gap_s else 1
        self._shadow = shadow
        self._ticker = ticker
        self._monotonic = monotonic
        self._chance = chance
        self._wire: Wire[Job] | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._backoff = Backoff(chance)
        self._units: dict[int, Unit] = {}
        self._urgent: deque[Job] = deque()
        self._queue: deque[Job] = deque()
        self._doubtful: deque[Job] = deque()
        self._parked: list[tuple[Job, Request]] = []
        self._active = 0
        self._turn = 0
        self._writing = False
        self._pumping = False
        self._watched = False
        self._closed = False
        self._check_deadlines = self._check
        self._silent = 0
        self._suspect = False
        self._last_end = 0.0
        self._reason = ""
        self._time: Callable[[], float] = lambda: 0.0
        self._latencies = Latencies()
        self._latency = self._latencies.add
        self._requests = self._failures = self._timeouts = self._connects = 0

    # --- for those who have work -------------------------------------------------------------

    def submit(self, job: Job, *, urgent: bool = False) -> None:
        """Queue a job; it may begin before this returns."""
        if not (self._active or self._queue or self._urgent or self._pumping):
            self._writing = urgent
            self._advance(job, None)
        elif urgent:
            self._urgent.append(job)
        elif job.unit is not None and self.failures(job.unit):
            self._doubtful.append(job)
        else:
            self._queue.append(job)
        if self._active < self._depth and not self._pumping:
            self._pump()

    def give_up(self, job: Job) -> None:
        """Nobody waits for this job any more. On a stream without ids its answer is awaited all
        the same: whoever speaks meanwhile would speak over it."""
        job.cancelled = True
        wire = self._wire
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
        now = self._monotonic()
        units = tuple(unit.health(number, now) for number, unit in sorted(self._units.items()))
        return DriverHealth(
            connected=self._wire is not None,
            requests=self._requests,
            failures=self._failures,
            timeouts=self._timeouts,
            connects=self._connects,
            overruns=overruns,
            latency_p50_ms=self._latencies.percentile_ms(50),
            latency_p95_ms=self._latencies.percentile_ms(95),
            latency_p99_ms=self._latencies.percentile_ms(99),
            units=units,
            detail="" if self._wire is not None else self._reason,
        )

    async def close(self) -> None:
        """Close for good, and wait until the socket is closed. Work that is left is given up."""
        self._closed = True
        self._reason = msg("closed here")
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait((self._connecting,), timeout=_CLOSE_LIMIT_S)
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close(msg("closed here"))
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await asyncio.shield(wire.closed)
        self._unpark(LinkDown(msg("closed here")))
        self._pump()

    # --- running jobs ------------------------------------------------------------------------

    def _pump(self) -> None:
        """Begin as many jobs as may run at a time."""
        self._pumping = True
        try:
            while self._active < self._depth and (job := self._next()) is not None:
                self._advance(job, None)
        finally:
            self._pumping = False

    def _next(self) -> Job | None:
        if self._urgent:
            # A read on its way could bring the old value back after the write.
            if self._active:
                return None
            self._writing = True
            return self._urgent.popleft()
        if self._active and self._writing:
            return None
        self._writing = False
        self._turn += 1
        if self._doubtful and (not self._queue or self._turn % DOUBTFUL_EVERY == 0):
            return self._doubtful.popleft()
        return self._queue.popleft() if self._queue else None

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
        """A job is total; what lands here is a defect, and must not end the others."""
        _log.error("modbus %s: unexpected error", self._endpoint, exc_info=error)
        job.finish(error)

    # --- one request -------------------------------------------------------------------------

    def _obstacle(self, job: Job, request: Request) -> DriverError | None:
        """Send the request or park it; or return what keeps it from being sent."""
        unit = self._units.get(request.unit)
        if unit is None:
            unit = self._units[request.unit] = Unit(self._chance)
        if unit.backoff.failures:
            wait = unit.backoff.remaining_s(self._monotonic())
            if wait:
                return NotSent(
                    msg(
                        "unit {unit} does not answer; asked again in {wait_s:.1f} s",
                        unit=request.unit,
                        wait_s=wait,
                    )
                )
        wire = self._wire
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
        job.request = request
        job.sent_at = self._time()
        wire.strays = 0
        try:
            wire.send(job)
        except ReadOnly as error:
            return error
        except ConnectionLost as error:
            return NotSent(message_of(error))
        self._requests += 1
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
        if self._silent or self._suspect or self._backoff.failures:
            self._alive()
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
        self._failures += 1
        self._last_end = self._time()
        request, held = call.request, call.held
        call.held = None
        unit = self._units[request.unit]
        if isinstance(error, ExceptionAnswer):
            self._alive()
            unit.refused(error, self._monotonic())
        elif isinstance(error, NoAnswer):
            self._unanswered(unit, request, error)
        elif isinstance(error, ConnectionLost):
            unit.failed(message_of(error), self._monotonic())
        else:
            self._silent, self._suspect = 0, False
        if held is not None and isinstance(error, ExceptionAnswer):
            self._send(call, held)  # an exception to the probe: the unit is in step again
        else:
            self._throw(call, error)
        if not self._pumping and self._active < self._depth:
            self._pump()

    def _check(self, now: float) -> bool:
        """The sweep for time-outs: one for all links, from the ticker."""
        wire = self._wire
        if wire is not None:
            for call in list(wire.calls()):
                allowed = self._timeout_s + self._character_s * (
                    len(call.request.body) + call.request.size
                )
                if now - call.sent_at >= allowed:
                    self._overdue(wire, call)
        self._watched = self._wire is not None and any(True for _ in self._wire.calls())
        return self._watched

    def _overdue(self, wire: Wire[Job], job: Job) -> None:
        wire.forget(job)
        if job.verdict is not None:
            # Nothing better came in this time: the exception was meant for this request.
            self.failed(job, job.verdict)
            return
        if wire.torn and wire is self._wire:
            # What comes next would be taken for the rest. Left before anything else is sent.
            self._leave(msg("the device sent half an answer"))
            self._after(wire)
        self.failed(job, NoAnswer(self._no_answer(wire)))

    def _no_answer(self, wire: Wire[Job]) -> Message:
        late = msg("no answer within {limit_s:g} s", limit_s=self._timeout_s)
        return joined("; ", late, wire.strayed) if wire.strayed else late

    # --- health ------------------------------------------------------------------------------

    def _alive(self) -> None:
        self._silent, self._suspect = 0, False
        self._backoff.succeeded()

    def _unanswered(self, unit: Unit, request: Request, error: NoAnswer) -> None:
        self._timeouts += 1
        if not self._wire_type.in_step:
            unit.owes(request)
        # Units known to be dead prove nothing about the socket as long as another one answers.
        self._suspect |= not unit.backoff.failures
        unit.failed(message_of(error), self._monotonic())
        self._silent += 1
        if self._silent < SILENT_LIMIT:
            return
        if self._suspect or all(unit.backoff.failures for unit in self._units.values()):
            # The units' own back-off keeps the attempts apart; the connection needs none.
            self._leave(msg("{requests} requests in a row unanswered", requests=self._silent))

    def _leave(self, reason: str) -> None:
        wire, self._wire = self._wire, None
        self._reason = reason
        self._silent, self._suspect = 0, False
        if wire is not None:
            wire.close(reason)

    def lost(self, wire: Wire[Job]) -> None:
        """The wire closed by itself."""
        if wire is not self._wire:
            return
        self._wire = None
        self._reason = wire.reason
        self._silent, self._suspect = 0, False
        self._after(wire)

    def _after(self, wire: Wire[Job]) -> None:
        """Devices close idle connections, and a gateway may close one over a single unit: whoever
        has answered is connected to again at once, so that its neighbours miss nothing. The
        back-off of the unit that was asked keeps the attempts apart."""
        if not wire.answers:
            self._backoff.failed(self._monotonic())

    # --- the connection ----------------------------------------------------------------------

    def _connect(self, job: Job, request: Request) -> DriverError | None:
        if self._closed:
            return LinkDown(msg("closed here"))
        if self._connecting is None:
            wait = self._backoff.remaining_s(self._monotonic())
            if wait:
                return LinkDown(waiting(self._reason, wait))
            loop = asyncio.get_running_loop()
            self._time = loop.time
            self._connecting = loop.create_task(self._open(), name=f"connect {self._endpoint}")
        self._park(job, request)
        return None

    async def _open(self) -> None:
        wire: Wire[Job] | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                wire = await open_wire(
                    self._endpoint, lambda: self._wire_type(self, read_only=self._shadow)
                )
            if self._connect_delay_s:  # some devices swallow what comes right after the connection
                await asyncio.sleep(self._connect_delay_s)
            reason = wire.reason
        except TimeoutError:
            reason = msg("no connection within {limit_s:g} s", limit_s=self._timeout_s)
        except OSError as error:
            reason = msg("no connection: {cause}", cause=os_cause(error))
        except asyncio.CancelledError:
            if wire is not None:
                wire.close(msg("closed here"))
            raise
        except Exception as error:
            _log.exception("modbus %s: unexpected error while connecting", self._endpoint)
            reason = msg("no connection: {cause}", cause=error)
        finally:
            self._connecting = None
        if reason:
            self._reason = reason
            self._backoff.failed(self._monotonic())
            self._unpark(LinkDown(reason))
        else:
            self._wire = wire
            self._connects += 1
            self._unpark()

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
