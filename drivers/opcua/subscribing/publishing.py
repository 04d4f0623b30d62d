"""Keeps publish requests waiting at the server and hands its responses on, without a task.

asyncua has its own loop for this. It gives up a message for one value that it cannot decode, and
forgets items that it cannot restore. Here a callback takes each response as bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from bms.texts.messages import msg
from drivers.opcua.subscribing.decode import Published, Undecodable, decode_published

_IGNORED = (StatusCodes.BadTimeout, StatusCodes.BadRequestTimeout)
"""The request waited too long for something to report; the next one goes on."""


class Publishing:
    """One per session. `published` gets each response, `unreadable` the subscription of one that
    cannot be read, `broken` once why there will be no more."""

    def __init__(
        self,
        protocol: UASocketProtocol,
        published: Callable[[Published], None],
        unreadable: Callable[[int], None],
        broken: Callable[[str], None],
    ) -> None:
        self._protocol = protocol
        self._published = published
        self._unreadable = unreadable
        self._broken: Callable[[str], None] | None = broken
        self._acknowledge: list[ua.SubscriptionAcknowledgement] = []
        self._waiting: set[asyncio.Future[Any]] = set()
        self.expecting_none = False
        """There is no subscription for a moment: the requests that the server sends back are not
        the end."""

    def keep(self, requests: int) -> None:
        """See to it that the server has so many requests at its disposal."""
        for _ in range(requests - len(self._waiting)):
            self._send()

    def end(self) -> None:
        """Stop sending and handing on."""
        self._broken = None
        for future in self._waiting:
            future.cancel()
        self._waiting.clear()

    def _send(self) -> None:
        if self._broken is None:
            return
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = self._acknowledge
        try:
            future = self._protocol._send_request(request, timeout=0)
        except Exception as error:
            self._end_with(msg("no connection: {cause}", cause=error))
            return
        self._acknowledge = []
        self._waiting.add(future)
        future.add_done_callback(self._answered)

    def _answered(self, future: asyncio.Future[Any]) -> None:
        self._waiting.discard(future)
        error = None if future.cancelled() else future.exception()
        if future.cancelled() or self._broken is None:
            return
        if error is not None:
            self._end_with(msg("connection lost: {cause}", cause=error))
            return
        buffer = future.result()
        try:
            published = decode_published(buffer.read(len(buffer)))
        except UaStatusCodeError as refused:
            if refused.code == StatusCodes.BadTooManyPublishRequests:
                return  # one less is enough for this server
            if refused.code == StatusCodes.BadNoSubscription and self.expecting_none:
                return
            if refused.code not in _IGNORED:
                self._end_with(
                    msg("publishing ended: {status}", status=ua.StatusCode(refused.code).name)
                )
                return
        except Undecodable as undecodable:
            if undecodable.subscription is None:
                self._end_with(
                    msg("a publish response cannot be decoded: {error}", error=str(undecodable))
                )
                return
            self._unreadable(undecodable.subscription)
        else:
            if not published.keep_alive:
                self._acknowledge.append(
                    ua.SubscriptionAcknowledgement(published.subscription, published.sequence)
                )
            self._published(published)
        self._send()

    def _end_with(self, reason: str) -> None:
        broken, self._broken = self._broken, None
        if broken is not None:
            broken(reason)
