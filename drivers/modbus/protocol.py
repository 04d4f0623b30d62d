"""One Modbus TCP connection on asyncio: one request at a time, every answer checked."""

from __future__ import annotations

import asyncio
from typing import cast

from drivers.errors import BadAnswer, ConnectionLost, DriverError, NoAnswer
from drivers.modbus.frames import Request, check, next_frame

_TRANSACTION_STEP = 7919
"""Odd, so that all 65536 ids are used before one comes again; and not 1, so that the late answer
of a device that counts for itself cannot pass for the answer to the next request."""


class ModbusProtocol(asyncio.Protocol):
    """Frames in, futures out. Made per connection; closed for good when it is lost."""

    def __init__(self, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout_s = timeout_s
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._transaction = 0
        self._pending: tuple[bytes, Request, asyncio.Future[bytes]] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.reason = ""
        """Why it was closed, once it is."""
        self._strays = 0
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the socket is closed."""
        self.answers = 0
        """Valid answers so far."""

    @property
    def usable(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def request(self, request: Request) -> bytes:
        """The whole answer frame, checked against the request.

        Raises NoAnswer after the timeout, ConnectionLost, BadAnswer or ExceptionAnswer. The
        caller keeps to one request at a time. Cancelling is safe: a late answer is thrown away.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            raise ConnectionLost(self.reason or "the connection is closed")
        if self._pending is not None:
            raise RuntimeError("one request at a time")
        self._transaction = (self._transaction + _TRANSACTION_STEP) & 0xFFFF
        transaction = self._transaction.to_bytes(2, "big")
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._pending = (transaction, request, future)
        self._strays = 0
        self._deadline = self._loop.time() + self._timeout_s
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
        transport.write(transaction + request.frame)
        try:
            return await future
        finally:
            self._pending = None

    def close(self, reason: str) -> None:
        """Close now; a pending request fails with ConnectionLost(reason)."""
        self.reason = self.reason or reason
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.reason:
            self.reason = f"connection lost: {exc}" if exc else "the device closed the connection"
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._settle(ConnectionLost(self.reason))
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        pending = self._pending
        if pending is not None and not self._buffer:
            transaction, request, future = pending
            # The usual case first: exactly the answer, in one piece.
            if (
                len(data) == request.size
                and data.startswith(transaction)
                and data.startswith(request.answer, 2)
            ):
                if not future.done():
                    self.answers += 1
                    future.set_result(data)
                return
        self._buffer += data
        try:
            while (frame := next_frame(self._buffer)) is not None:
                self._take(frame)
        except BadAnswer as error:
            self.close(str(error))

    def _take(self, frame: bytes) -> None:
        pending = self._pending
        if pending is None or not frame.startswith(pending[0]):
            self._strays += 1  # the late answer to a request that was given up, or nonsense
            return
        _, request, future = pending
        try:
            check(request, frame)
        except DriverError as error:
            self._settle(error)
        else:
            if not future.done():
                self.answers += 1
                future.set_result(frame)

    def _settle(self, error: DriverError) -> None:
        if self._pending is not None and not self._pending[2].done():
            self._pending[2].set_exception(error)

    def _check_deadline(self) -> None:
        """One timer for all requests: setting and cancelling one each would cost more than they."""
        self._timer = None
        if self._pending is None or self._pending[2].done():
            return
        if self._deadline > self._loop.time():
            self._timer = self._loop.call_at(self._deadline, self._check_deadline)
            return
        strays = f"; {self._strays} answers to other requests" if self._strays else ""
        self._settle(NoAnswer(f"no answer within {self._timeout_s:g} s{strays}"))
        if self._buffer:  # what comes next would be taken for the rest of this frame
            self.close("the device sent half an answer")
