"""The one connection to a Modbus TCP endpoint: made on use, watched, and shared by its units."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import NoReturn

from drivers.backoff import Backoff, waiting
from drivers.errors import BadAnswer, ConnectionLost, DriverError, NoAnswer
from drivers.modbus.frames import GATEWAY_CANNOT_REACH, ExceptionAnswer, Request
from drivers.modbus.protocol import ModbusProtocol

SILENT_LIMIT = 3
"""Requests in a row without any answer after which the socket is taken for dead and closed."""
_CLOSE_LIMIT_S = 1.0
_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
_USER_TIMEOUT_MS = 10_000


class NotSent(DriverError):
    """The request never left: no connection, or its unit is left alone for a while."""


class LinkDown(NotSent):
    """No connection, so no unit can be asked."""


class ModbusLink:
    """Sends one request at a time and keeps the health of the connection and of each unit.

    A unit that does not answer is asked again only when its back-off has passed, so it costs its
    neighbours at most one timeout per back-off interval. The back-off of the connection starts
    over only after a valid answer. Requests are sent once; nothing is repeated.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float,
        connect_delay_s: float,
        min_gap_s: float,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._connect_delay_s = connect_delay_s
        self._min_gap_s = min_gap_s
        self._monotonic = monotonic
        self._chance = chance
        self._protocol: ModbusProtocol | None = None
        self._backoff = Backoff(chance)
        self._units: dict[int, Backoff] = {}
        self._silent = 0
        self._suspect = False
        self._last_end = 0.0
        self._reason = ""

    def failures(self, unit: int) -> int:
        """How often in a row the unit failed to answer."""
        health = self._units.get(unit)
        return health.failures if health is not None else 0

    async def send(self, request: Request) -> bytes:
        """The checked answer frame. The caller keeps to one call at a time.

        Raises NotSent, NoAnswer, ConnectionLost, ExceptionAnswer or BadAnswer.
        """
        health = self._units.get(request.unit)
        if health is None:
            health = self._units[request.unit] = Backoff(self._chance)
        wait = health.remaining_s(self._monotonic()) if health.failures else 0.0
        if wait:
            raise NotSent(f"unit {request.unit} does not answer; asked again in {wait:.1f} s")
        protocol = self._protocol
        if protocol is None or not protocol.usable:
            protocol = await self._connect()
        if self._min_gap_s:
            await self._keep_gap()
        try:
            frame = await protocol.request(request)
        except ExceptionAnswer as error:
            self._answered()
            if error.code in GATEWAY_CANNOT_REACH:
                health.failed(self._monotonic())
            else:
                health.succeeded()
            raise
        except NoAnswer:
            self._unanswered(health)
            if protocol is self._protocol and not protocol.usable:
                self._drop(protocol.reason)
            raise
        except ConnectionLost as error:
            health.failed(self._monotonic())
            self._drop(str(error))
            raise
        except BadAnswer:
            self._silent, self._suspect = 0, False
            raise
        finally:
            if self._min_gap_s:
                self._last_end = self._monotonic()
        if health.failures:
            health.succeeded()
        self._answered()
        return frame

    async def close(self) -> None:
        """Close the socket and wait until it is closed."""
        protocol, self._protocol = self._protocol, None
        if protocol is None:
            return
        protocol.close("closed here")
        async with asyncio.timeout(_CLOSE_LIMIT_S):
            await asyncio.shield(protocol.closed)

    def _answered(self) -> None:
        self._silent, self._suspect = 0, False
        if self._backoff.failures:
            self._backoff.succeeded()

    def _unanswered(self, health: Backoff) -> None:
        # Units known to be dead prove nothing about the socket as long as another one answers.
        self._suspect |= not health.failures
        health.failed(self._monotonic())
        self._silent += 1
        if self._silent < SILENT_LIMIT:
            return
        if self._suspect or all(unit.failures for unit in self._units.values()):
            # The units' own back-off keeps the attempts apart; the connection needs none.
            self._close(f"{self._silent} requests in a row unanswered")

    def _drop(self, reason: str) -> None:
        self._close(reason)
        self._backoff.failed(self._monotonic())

    def _close(self, reason: str) -> None:
        protocol, self._protocol = self._protocol, None
        self._reason = reason
        self._silent, self._suspect = 0, False
        if protocol is not None:
            protocol.close(reason)

    async def _connect(self) -> ModbusProtocol:
        lost, self._protocol = self._protocol, None
        if lost is not None and not lost.answers:
            # It accepted and closed without ever answering: that is a failure like any other.
            self._reason = lost.reason
            self._backoff.failed(self._monotonic())
        wait = self._backoff.remaining_s(self._monotonic())
        if wait:
            raise LinkDown(waiting(self._reason, wait))
        try:
            async with asyncio.timeout(self._timeout_s):
                transport, protocol = await asyncio.get_running_loop().create_connection(
                    lambda: ModbusProtocol(self._timeout_s), self._host, self._port
                )
        except TimeoutError:
            self._refused(f"no connection within {self._timeout_s:g} s")
        except (OSError, UnicodeError) as error:  # a name with empty labels is a UnicodeError
            self._refused(f"no connection: {getattr(error, 'strerror', None) or error}")
        self._protocol = protocol
        _watch(transport.get_extra_info("socket"))
        if self._connect_delay_s:  # some devices swallow what comes right after the connection
            await asyncio.sleep(self._connect_delay_s)
        return protocol

    def _refused(self, reason: str) -> NoReturn:
        self._reason = reason
        self._backoff.failed(self._monotonic())
        raise LinkDown(reason) from None

    async def _keep_gap(self) -> None:
        wait = self._last_end + self._min_gap_s - self._monotonic()
        if wait > 0:
            await asyncio.sleep(wait)


def _watch(link: socket.socket) -> None:
    """Let the kernel notice a peer that is gone; where it cannot, our own timeouts do."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = [*_KEEPALIVE, ("TCP_USER_TIMEOUT", _USER_TIMEOUT_MS)]
    for name, value in options:
        option = getattr(socket, name, None)
        if option is not None:
            link.setsockopt(socket.IPPROTO_TCP, option, value)
