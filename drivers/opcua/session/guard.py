"""Shadow mode at the lowest place we reach: what is not known to read does not leave."""

from __future__ import annotations

import asyncio
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UASocketProtocol

from bms.texts.messages import msg
from drivers.errors import DriverError

_READING = (
    ua.FindServersRequest,
    ua.GetEndpointsRequest,
    ua.OpenSecureChannelRequest,
    ua.CloseSecureChannelRequest,
    ua.CreateSessionRequest,
    ua.ActivateSessionRequest,
    ua.CloseSessionRequest,
    ua.ReadRequest,
    ua.BrowseRequest,
    ua.BrowseNextRequest,
    ua.TranslateBrowsePathsToNodeIdsRequest,
    ua.CreateSubscriptionRequest,
    ua.ModifySubscriptionRequest,
    ua.DeleteSubscriptionsRequest,
    ua.CreateMonitoredItemsRequest,
    ua.DeleteMonitoredItemsRequest,
    ua.SetPublishingModeRequest,
    ua.PublishRequest,
    ua.RepublishRequest,
)


class ReadOnly(DriverError):
    """The session is in shadow mode, and the request could have changed something."""


def guard(client: Client) -> None:
    """Let the client send only what reads."""
    connect = client.uaclient._make_protocol

    def make() -> UASocketProtocol:
        protocol = connect()
        send = protocol._send_request

        def reading_only(request: Any, *args: Any, **settings: Any) -> asyncio.Future[Any]:
            if not isinstance(request, _READING):
                raise ReadOnly(msg("shadow mode: nothing is written"))
            return send(request, *args, **settings)

        protocol._send_request = reading_only  # type: ignore[method-assign]
        return protocol

    client.uaclient._make_protocol = make  # type: ignore[method-assign]
