"""Keeps publish requests waiting at the server and hands its responses on, without a task.

asyncua has its own loop for this. It decodes every value with its general decoder and forgets
items that it cannot restore. Here a callback takes each response as bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.client.ua_client import UASocketProtocol
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaStatusCodeError

from bms.texts.messages import msg
from drivers.opcua.opcua_times import to_filetime
from drivers.opcua.subscribing.decode import Changes, Published, Unusual, decode_published

_log = logging.getLogger(__name__)

_IGNORED = (StatusCodes.BadTimeout, StatusCodes.BadRequestTimeout)
"""The request waited too long for something to report; the next one goes on."""


class Publishing:
    """One per session. `published` gets each response, `broken` once why there will be no more."""

    def __init__(
        self,
        protocol: UASocketProtocol,
        published: Callable[[Published], None],
        broken: Callable[[str], None],
    ) -> None:
        self._protocol = protocol
        self._published = published
        self._broken: Callable[[str], None] | None = broken
        self._acknowledge: list[ua.SubscriptionAcknowledgement] = []
        self._waiting: set[asyncio.Future[Any]] = set()

    def begin(self, requests: int) -> None:
        """Put so many requests at the server's disposal."""
        for _ in range(requests):
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
        try:
            published = self._decode(future.result())
        except UaStatusCodeError as refused:
            if refused.code == StatusCodes.BadTooManyPublishRequests:
                return  # one less is enough for this server
            if refused.code not in _IGNORED:
                self._end_with(
                    msg("publishing ended: {status}", status=ua.StatusCode(refused.code).name)
                )
                return
        except Exception as undecodable:
            self._end_with(
                msg("a publish response cannot be decoded: {error}", error=repr(undecodable))
            )
            return
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

    def _decode(self, buffer: Any) -> Published:
        try:
            return decode_published(buffer.copy().read(len(buffer)))
        except Unusual as reason:
            _log.debug("publish response decoded by asyncua: %s", reason)
        self._protocol.check_answer(buffer, " to a publish request")
        return from_response(struct_from_binary(ua.PublishResponse, buffer))


def from_response(response: ua.PublishResponse) -> Published:
    """The same from asyncua's own decoder. Raises UaStatusCodeError if a subscription ended."""
    response.ResponseHeader.ServiceResult.check()
    parameters = response.Parameters
    message = parameters.NotificationMessage
    changes = Changes()
    for notification in message.NotificationData or ():
        if isinstance(notification, ua.StatusChangeNotification):
            notification.Status.check()
            continue
        if not isinstance(notification, ua.DataChangeNotification):
            continue
        for item in notification.MonitoredItems or ():
            data = item.Value
            changes.handles.append(item.ClientHandle)
            changes.values.append(data.Value.Value if data.Value is not None else None)
            changes.statuses.append(data.StatusCode.value if data.StatusCode is not None else 0)
            changes.source_times.append(
                to_filetime(_aware(data.SourceTimestamp)) if data.SourceTimestamp else 0
            )
    return Published(
        parameters.SubscriptionId,
        message.SequenceNumber,
        to_filetime(_aware(response.ResponseHeader.Timestamp)),
        not message.NotificationData,
        changes,
    )


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
