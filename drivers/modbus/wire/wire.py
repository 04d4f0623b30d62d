"""A connection to a Modbus endpoint on asyncio: bodies out, checked answers in.

A wire knows framing and nothing else: which request an arriving answer belongs to, and whether it
fits. Time, order and health are the link's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar, cast

from bms.texts.messages import msg, plural
from bms.texts.system_errors import os_cause
from drivers.errors import BadAnswer, ConnectionLost, DriverError
from drivers.modbus.wire.frames import ExceptionAnswer, Request, check
from drivers.modbus.wire.rtu import CRC_SIZE, Echo, find_answer, first_frame, framed
from drivers.modbus.wire.tcp import TcpStream

_TRANSACTION_STEP = 7919
"""Odd, so that all 65536 ids are used before one comes again; and not 1, so that the late answer
of a device that counts for itself cannot pass for the answer to the next request."""


SHADOWED = msg("shadow mode: nothing is written")


class ReadOnly(DriverError):
    """The link is in shadow mode, and the request could have changed something."""


class Call:
    """One request on its way, and at the same time whatever goes on with its answer."""

    __slots__ = ("held", "owed", "request", "sent_at", "verdict")

    def __init__(self) -> None:
        self.request: Request
        self.sent_at = 0.0
        self.owed = False
        """The unit still owes answers to requests that were given up before."""
        self.verdict: ExceptionAnswer | None = None
        """An exception that may be the answer to one of those."""
        self.held: Request | None = None
        """What is to be sent once the unit is in step again; `request` is then a probe."""


CallT = TypeVar("CallT", bound=Call)


class Receiver(Protocol[CallT]):
    """Who sends through a wire."""

    def answered(self, call: CallT, body: bytes) -> None: ...

    def failed(self, call: CallT, error: DriverError) -> None: ...

    def lost(self, wire: Wire[CallT]) -> None:
        """The connection is gone; the calls on the way fail next."""
        ...


class Wire(asyncio.Protocol, Generic[CallT]):
    """The part that both framings share. Made per connection; useless once that is lost."""

    in_step = True
    """Every answer says which request it is for."""

    def __init__(self, receiver: Receiver[CallT], *, read_only: bool) -> None:
        self._receiver = receiver
        self._read_only = read_only
        self._transport: asyncio.Transport | None = None
        self._closing = False
        self.strays = 0
        """Frames that answered nothing asked."""
        self.answers = 0
        """Valid answers."""
        self.reason = ""
        """Why it was closed, once it is."""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the socket or the line is closed."""
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when it can be used."""

    def send(self, call: CallT) -> None:
        """Send the request. Raises ReadOnly instead if the wire must not change anything.

        The only place that a frame passes: in shadow mode nothing that writes can get by.
        """
        raise NotImplementedError

    def doubts(self, request: Request) -> bool:  # noqa: ARG002 - only lines have echoes
        """Nothing could tell the answer to this request from its own echo: a read has to go
        first, that finds out whether the line echoes."""
        return False

    def forget(self, call: CallT) -> None:
        """Stop waiting for its answer."""
        raise NotImplementedError

    def calls(self) -> Iterable[CallT]:
        """What is on the way."""
        raise NotImplementedError

    @property
    def strayed(self) -> str:
        """What to add to "no answer": that something came, and what it may mean."""
        if not self.strays:
            return ""
        return plural(
            "{count} answer to another request",
            "{count} answers to other requests",
            count=self.strays,
        )

    def close(self, reason: str) -> None:
        """Close now; calls on the way fail with ConnectionLost(reason)."""
        self.reason = self.reason or reason
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
            if self._transport.get_extra_info("socket") is None:
                # pymodbus's serial transport does not say that it was closed if one asked it to.
                asyncio.get_running_loop().call_soon(self.connection_lost, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self.opened.done():
            self.opened.set_result(None)
        if self._closing:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is None:
            return
        self._transport = None
        if not self.reason:
            self.reason = (
                msg(
                    "connection lost: {cause}",
                    cause=os_cause(exc) if isinstance(exc, OSError) else exc,
                )
                if exc
                else msg("the device closed the connection")
            )
        self._receiver.lost(self)
        for call in list(self.calls()):
            self.forget(call)
            self._receiver.failed(call, ConnectionLost(self.reason))
        if not self.closed.done():
            self.closed.set_result(None)


class TcpWire(Wire[CallT]):
    """Modbus TCP: transaction ids, so that several requests may be on the way."""

    def __init__(self, receiver: Receiver[CallT], *, read_only: bool) -> None:
        super().__init__(receiver, read_only=read_only)
        self._transaction = 0
        self._calls: dict[bytes, CallT] = {}
        self._stream = TcpStream()
        self._arrived = self._stream.buffer

    def send(self, call: CallT) -> None:
        self._transaction = (self._transaction + _TRANSACTION_STEP) & 0xFFFF
        transaction = self._transaction.to_bytes(2, "big")
        request = call.request
        if self._read_only and not request.reads:
            raise ReadOnly(SHADOWED)
        if self._transport is None:
            raise ConnectionLost(self.reason or msg("the connection is closed"))
        if self._arrived and not self._calls:
            self._stream.clear()  # what arrived before the question is no answer to it
        self._transport.write(transaction + request.tcp_body)
        self._calls[transaction] = call

    def forget(self, call: CallT) -> None:
        for transaction, other in self._calls.items():
            if other is call:
                del self._calls[transaction]
                return

    def calls(self) -> Iterable[CallT]:
        return self._calls.values()

    @property
    def strayed(self) -> str:
        if self._stream.noise is not None:
            return self._stream.noise
        if not self.strays or self.answers:
            return super().strayed
        return msg(
            "{strays} (a device that never repeats the transaction id needs {setting})",
            strays=super().strayed,
            setting="transaction_ids: false",
        )

    def data_received(self, data: bytes) -> None:
        if not self._arrived:
            call = self._calls.get(data[:2])
            if call is not None:
                request = call.request
                # The usual case first: exactly the answer, in one piece.
                if len(data) == request.tcp_size and data.startswith(request.tcp_answer, 2):
                    del self._calls[data[:2]]
                    self.answers += 1
                    self._receiver.answered(call, data[6:])
                    return
        self._stream.add(data)
        while not self._closing:
            asked = {transaction: call.request for transaction, call in self._calls.items()}
            frame = self._stream.take(asked)
            if frame is None:
                return
            self._take(*frame)

    def _take(self, transaction: bytes, body: bytes) -> None:
        call = self._calls.pop(transaction, None)
        if call is None:
            self.strays += 1  # the late answer to a request that was given up, or nonsense
            return
        try:
            check(call.request, body)
        except DriverError as error:
            self._receiver.failed(call, error)
        else:
            self.answers += 1
            self._receiver.answered(call, body)


class OneAtATime(Wire[CallT]):
    """One request on the way, told by its answer: for streams whose answers carry no usable id."""

    in_step = False

    def __init__(self, receiver: Receiver[CallT], *, read_only: bool) -> None:
        super().__init__(receiver, read_only=read_only)
        self._call: CallT | None = None

    def send(self, call: CallT) -> None:
        if self._read_only and not call.request.reads:
            raise ReadOnly(SHADOWED)
        if self._transport is None:
            raise ConnectionLost(self.reason or msg("the connection is closed"))
        self._clear()
        self._transport.write(self._framed(call.request))
        self._call = call

    def _framed(self, request: Request) -> bytes:
        raise NotImplementedError

    def _clear(self) -> None:
        """Forget what has arrived: it came before the question, and is no answer to it."""
        raise NotImplementedError

    def forget(self, call: CallT) -> None:
        if self._call is call:
            self._call = None

    def calls(self) -> Iterable[CallT]:
        return () if self._call is None else (self._call,)

    def _answered(self, call: CallT, body: bytes) -> None:
        self._call = None
        self.answers += 1
        self._receiver.answered(call, body)

    def _failed(self, call: CallT, error: DriverError) -> None:
        self._call = None
        self._receiver.failed(call, error)

    def _refused(self, call: CallT, error: ExceptionAnswer) -> bool:
        """Take a device's refusal for the answer, if the unit owes no other; whether it was."""
        if call.owed:
            # It may be the late answer to an earlier request. If it was meant for this one,
            # nothing else will come.
            call.verdict = error
            return False
        self._failed(call, error)
        return True


class UnnumberedTcpWire(OneAtATime[CallT]):
    """Modbus TCP of devices and gateways that do not repeat the transaction id of the request."""

    def __init__(self, receiver: Receiver[CallT], *, read_only: bool) -> None:
        super().__init__(receiver, read_only=read_only)
        self._transaction = 0
        self._stream = TcpStream()

    @property
    def strayed(self) -> str:
        return self._stream.noise or super().strayed

    def _clear(self) -> None:
        self._stream.clear()

    def _framed(self, request: Request) -> bytes:
        self._transaction = (self._transaction + 1) & 0xFFFF
        return self._transaction.to_bytes(2, "big") + request.tcp_body

    def data_received(self, data: bytes) -> None:
        if self._call is None:
            self.strays += 1
            return
        self._stream.add(data)
        while (call := self._call) is not None:
            frame = self._stream.take_unnumbered(call.request)
            if frame is None:
                return
            self._take(call, frame.body)

    def _take(self, call: CallT, body: bytes) -> None:
        try:
            check(call.request, body)
        except ExceptionAnswer as error:
            self._refused(call, error)
        except BadAnswer as error:
            self.strays += 1
            if body[0] == call.request.unit and not call.owed:
                self._failed(call, error)
        else:
            self._answered(call, body)


class RtuWire(OneAtATime[CallT]):
    """RTU frames over a line or a serial gateway. `echo` outlives the wire."""

    def __init__(
        self, receiver: Receiver[CallT], *, read_only: bool, echo: Echo | None = None
    ) -> None:
        super().__init__(receiver, read_only=read_only)
        self._buffer = bytearray()
        self._echo = Echo(told=False) if echo is None else echo
        self._sent = b""
        """What may still come back as an echo."""

    def doubts(self, request: Request) -> bool:
        return self._echo.doubts(request)

    @property
    def strayed(self) -> str:
        if self._echo.heard and not self._sent and not self.strays:
            return msg("only the echo of the request came back")
        return super().strayed

    def _clear(self) -> None:
        self._buffer.clear()

    def _framed(self, request: Request) -> bytes:
        self._sent = framed(request.body)
        return self._sent

    def data_received(self, data: bytes) -> None:
        call = self._call
        if call is None:
            self.strays += 1
            return
        self._buffer += data
        if self._sent and self._echo.expected(call.request):
            self._take_echo()
            if self._sent and call.request.answer == call.request.body:
                return  # on a line that echoes, the first that looks like the answer is none
        while (body := find_answer(call.request, self._buffer)) is not None:
            try:
                check(call.request, body)
            except ExceptionAnswer as error:
                self._learn()
                if not self._refused(call, error):
                    continue
            except BadAnswer:
                self.strays += 1
                continue
            else:
                self._learn()
                self._answered(call, body)
            return
        self._look_at_the_rest(call)

    def _take_echo(self) -> None:
        """Take what was sent off what has come back, once it is all there."""
        at = self._buffer.find(self._sent)
        if at >= 0:
            del self._buffer[at : at + len(self._sent)]
            self._sent = b""
            self._echo.learn(heard=True)

    def _learn(self) -> None:
        """An answer has come: with an echo before it, or without."""
        self._echo.learn(heard=not self._sent)

    def _look_at_the_rest(self, call: CallT) -> None:
        """A whole frame of the unit asked that does not fit is its answer, if it owes no other."""
        while (body := first_frame(self._buffer)) is not None:
            del self._buffer[: len(body) + CRC_SIZE]
            self.strays += 1
            if body[0] == call.request.unit and not call.owed:
                self._call = None
                try:
                    check(call.request, body)
                except DriverError as error:
                    self._receiver.failed(call, error)
                return
