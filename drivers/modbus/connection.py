"""The connection of a Modbus endpoint: made on use, left when it is dead, with its back-off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bms.texts.messages import msg
from bms.texts.system_errors import os_cause
from drivers.backoff import Backoff, waiting
from drivers.modbus.job import Job, LinkDown
from drivers.modbus.wire.connect import open_wire, wire_maker, wire_type
from drivers.modbus.wire.transport import Endpoint, Pacing
from drivers.modbus.wire.wire import Receiver, Wire
from drivers.times import Times

_log = logging.getLogger(__name__)

SILENT_LIMIT = 3
"""Requests in a row without any answer after which the socket is taken for dead and closed."""
_CLOSE_LIMIT_S = 1.0


class Connection:
    """The way to one endpoint. The back-off starts over only after a valid answer.

    `made` is called at the end of each attempt, with None or with what was in the way; then
    whoever waited can go on.
    """

    __slots__ = ("_connecting", "_endpoint", "_made", "_make_wire", "_monotonic", "_pacing",
                 "_receiver", "_shadow", "_wire_type", "backoff", "closed", "connects", "reason",
                 "silent", "suspect", "wire")  # fmt: skip

    def __init__(
        self,
        endpoint: Endpoint,
        pacing: Pacing,
        times: Times,
        receiver: Receiver[Job],
        made: Callable[[LinkDown | None], None],
        *,
        shadow: bool,
    ) -> None:
        self._endpoint = endpoint
        self._pacing = pacing
        self._monotonic = times.monotonic
        self._receiver = receiver
        self._made = made
        self._shadow = shadow
        self._wire_type = wire_type(endpoint)
        self._make_wire = wire_maker(endpoint)
        self._connecting: asyncio.Task[None] | None = None
        self.wire: Wire[Job] | None = None
        """None while there is no connection."""
        self.backoff = Backoff(times.chance)
        self.connects = 0
        self.reason = ""
        """Why there is none, or was none the last time."""
        self.closed = False
        self.silent = 0
        """Requests in a row without an answer."""
        self.suspect = False
        """A unit that had answered before is among the silent ones."""

    @property
    def in_step(self) -> bool:
        """Every answer says which request it is for."""
        return self._wire_type.in_step

    def wanted(self) -> LinkDown | None:
        """Connect, if nothing is in the way."""
        if self.closed:
            return LinkDown(msg("closed here"))
        if self._connecting is None:
            wait = self.backoff.remaining_s(self._monotonic())
            if wait:
                return LinkDown(waiting(self.reason, wait))
            self._connecting = asyncio.get_running_loop().create_task(
                self._open(), name=f"connect {self._endpoint}"
            )
        return None

    async def _open(self) -> None:
        wire: Wire[Job] | None = None
        try:
            async with asyncio.timeout(self._pacing.timeout_s):
                wire = await open_wire(
                    self._endpoint, lambda: self._make_wire(self._receiver, read_only=self._shadow)
                )
            if self._pacing.connect_delay_s:
                await asyncio.sleep(self._pacing.connect_delay_s)
            reason = wire.reason
        except TimeoutError:
            reason = msg("no connection within {limit_s:g} s", limit_s=self._pacing.timeout_s)
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
            self.reason = reason
            self.backoff.failed(self._monotonic())
            self._made(LinkDown(reason))
        else:
            self.wire = wire
            self.connects += 1
            self._made(None)

    def alive(self) -> None:
        """A valid answer has come."""
        self.silent, self.suspect = 0, False
        self.backoff.succeeded()

    def heard(self) -> None:
        """Something has come that proves the socket alive, and nothing more."""
        self.silent, self.suspect = 0, False

    def leave(self, reason: str) -> None:
        """Close a connection that is no longer of use; the next request makes another."""
        wire, self.wire = self.wire, None
        self.reason = reason
        self.heard()
        if wire is not None:
            wire.close(reason)

    def lost(self, wire: Wire[Job]) -> None:
        """The wire closed by itself."""
        if wire is not self.wire:
            return
        self.wire = None
        self.reason = wire.reason
        self.heard()
        self.after(wire)

    def after(self, wire: Wire[Job]) -> None:
        """Devices close idle connections, and a gateway may close one over a single unit: whoever
        has answered is connected to again at once, so that its neighbours miss nothing. The
        back-off of the unit that was asked keeps the attempts apart."""
        if not wire.answers:
            self.backoff.failed(self._monotonic())

    async def close(self) -> None:
        """Close for good, and wait until the socket is closed."""
        self.closed = True
        self.reason = msg("closed here")
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.wait((self._connecting,), timeout=_CLOSE_LIMIT_S)
        wire, self.wire = self.wire, None
        if wire is not None:
            wire.close(msg("closed here"))
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await asyncio.shield(wire.closed)
