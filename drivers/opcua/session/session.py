"""One OPC-UA session: opened fresh for each connection, and always closed.

asyncua's own reconnection is not used: it forgets what it cannot restore at once, so that a
client may look connected and never deliver again. A broken session is thrown away whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.ua_utils import data_type_to_variant_type
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaError

from bms.texts.messages import Message, msg
from drivers.errors import BadAnswer, ConnectionLost, DeviceRefused
from drivers.health import Tally
from drivers.opcua.session.calls import TooMuch, bounded
from drivers.opcua.session.guard import guard
from drivers.opcua.session.secure import secure
from drivers.opcua.session.security import NO_SECURITY, Security
from drivers.opcua.subscribing.decode import Published
from drivers.opcua.subscribing.publishing import Publishing
from drivers.points import OpcUaAddress

BATCH = 500
"""Nodes per request; some controllers refuse more than about a thousand."""
QUEUE = 2
"""Values a server keeps of an item between two responses. The controller decides on the latest;
two leave room for one that comes while a response is on its way."""
_SUBSCRIPTION_LIFE_S = 120.0
SESSION_TIMEOUT_MS = 60_000
_LIMITS = "Server_ServerCapabilities_OperationLimits_"
_LIMIT_NAMES = ("MaxNodesPerRead", "MaxNodesPerWrite", "MaxMonitoredItemsPerCall")
_WATCHDOG_S = 10.0  # asyncua's own probe; at its default of 1 s it gives up on a mere stall
_CLOSE_LIMIT_S = 1.0


_log = logging.getLogger(__name__)


@lru_cache(maxsize=64)
def _no_namespace(namespace: str) -> Message:
    """Said for each point at each poll."""
    return msg("the server has no namespace {namespace}", namespace=namespace)


class UnknownNamespace(Exception):
    """The server has no such namespace URI."""


class OpcUaSession:
    """An open session with everything that is valid only while it lasts."""

    def __init__(
        self,
        client: Client,
        namespaces: Sequence[str],
        limits: Limits,
        timeout_s: float,
        tally: Tally,
    ) -> None:
        self._client = client
        self._tally = tally
        self.limits = limits
        self._namespaces = {uri: index for index, uri in enumerate(namespaces)}
        self._timeout_s = timeout_s
        self._nodes: dict[tuple[str, str], ua.NodeId] = {}
        self._types: dict[ua.NodeId, ua.VariantType] = {}
        self._arrays: set[ua.NodeId] = set()
        self._arguments: dict[ua.NodeId, list[ua.VariantType]] = {}

    def _bounded(self) -> AbstractAsyncContextManager[None]:
        return bounded(self._timeout_s, self._tally)

    def node(self, address: OpcUaAddress) -> ua.NodeId:
        """The node's id in this session: indices move, URIs do not."""
        return self._node(address.namespace, address.node)

    def method(self, address: OpcUaAddress) -> ua.NodeId:
        """The id of the method that a point is written by."""
        assert address.method is not None
        return self._node(address.namespace, address.method)

    def parsed(self, text: str) -> ua.NodeId:
        """A node as people write it: `ns=2;s=Name`, or `nsu=urn:maker;s=Name`, which stays true.

        Raises DeviceRefused if it is none, or of a namespace that the server does not have.
        """
        try:
            if text.startswith("nsu="):
                namespace, _, rest = text.removeprefix("nsu=").partition(";")
                return self._node(namespace, rest)
            return ua.NodeId.from_string(text)
        except (UnknownNamespace, UaError, ValueError) as error:
            raise DeviceRefused(
                msg("'{node}' is no node here: {error}", node=text, error=error)
            ) from None

    def _node(self, namespace: str, text: str) -> ua.NodeId:
        node = self._nodes.get((namespace, text))
        if node is None:
            index = self._namespaces.get(namespace)
            if index is None:
                raise UnknownNamespace(_no_namespace(namespace))
            node = self._nodes[namespace, text] = ua.NodeId.from_string(f"ns={index};{text}")
        return node

    async def values(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """Value, status and times of up to BATCH nodes, in order."""
        async with self._bounded():
            answer = await self._client.uaclient.read_attributes(list(nodes), AttributeIds.Value)
        return _counted(answer, len(nodes))

    async def kind(self, node: ua.NodeId) -> ua.VariantType:
        """The data type of a node, asked once per session."""
        kind = self._types.get(node)
        if kind is None:
            async with self._bounded():
                asked = self._client.get_node(node)
                kind = await asked.read_data_type_as_variant_type()
                (rank,) = await asked.read_attributes([AttributeIds.ValueRank])
            self._types[node] = kind
            if rank.Value is not None and (rank.Value.Value or 0) > ua.ValueRank.Scalar:
                self._arrays.add(node)
        return kind

    async def scalar_kind(self, node: ua.NodeId) -> ua.VariantType:
        """The data type of a node that holds one value. ValueError if it holds an array."""
        kind = await self.kind(node)
        if node in self._arrays:
            raise ValueError(
                msg("the node holds an array of {type}, and a point is one value", type=kind.name)
            )
        return kind

    async def subscribe(self, period_s: float) -> tuple[int, float]:
        """A new subscription: its id, and the longest time in seconds between two of its responses.

        A keep-alive is asked for at every interval in which nothing changed.
        """
        request = ua.CreateSubscriptionRequest()
        wanted = request.Parameters
        wanted.RequestedPublishingInterval = period_s * 1000
        wanted.RequestedMaxKeepAliveCount = 1
        wanted.RequestedLifetimeCount = max(30, round(_SUBSCRIPTION_LIFE_S / period_s))
        wanted.MaxNotificationsPerPublish = 0
        wanted.PublishingEnabled = True
        async with self._bounded():
            data = await self._client.uaclient._send_request(request)
            response = struct_from_binary(ua.CreateSubscriptionResponse, data)
            response.ResponseHeader.ServiceResult.check()
        found = response.Parameters
        every_s = found.RevisedPublishingInterval / 1000 * max(1, found.RevisedMaxKeepAliveCount)
        return found.SubscriptionId, every_s

    async def monitor(
        self, subscription: int, items: Sequence[MonitoredItem]
    ) -> list[ua.StatusCode]:
        """Add items to a subscription; one status per item, in order."""
        requests = [_monitored(item) for item in items]
        results: list[ua.StatusCode] = []
        while len(results) < len(requests):
            params = ua.CreateMonitoredItemsParameters()
            params.SubscriptionId = subscription
            params.TimestampsToReturn = ua.TimestampsToReturn.Both
            params.ItemsToCreate = requests[len(results) : len(results) + self.limits.items]
            try:
                async with self._bounded():
                    answer = await self._client.uaclient.create_monitored_items(params)
            except TooMuch:
                if not self.halve("items"):
                    raise
                continue
            found = _counted(answer, len(params.ItemsToCreate))
            results += [result.StatusCode for result in found]
        return results

    def halve(self, which: Literal["read", "write", "items"]) -> bool:
        """Ask for half as many at a time from now on; False if one is too many already."""
        most = getattr(self.limits, which)
        self.limits = replace(self.limits, **{which: max(1, most // 2)})
        return bool(most > 1)

    async def probe(self) -> None:
        """Ask for something that every server has. Raises DriverError."""
        await self.values([ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State))])

    def publish(
        self, published: Callable[[Published], None], broken: Callable[[str], None]
    ) -> Publishing:
        """Where the responses of this session's subscriptions go; see `Publishing`."""
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionLost(msg("the connection is closed"))
        return Publishing(protocol, published, broken)

    async def call(
        self, target: ua.NodeId, method: ua.NodeId, arguments: Sequence[ua.Variant]
    ) -> ua.StatusCode:
        """Call a method of an object; what the server says of it."""
        request = ua.CallMethodRequest(target, method, list(arguments))
        async with self._bounded():
            answer = await self._client.uaclient.call([request])
        status: ua.StatusCode = _counted(answer, 1)[0].StatusCode
        return status

    async def argument_kinds(self, method: ua.NodeId) -> list[ua.VariantType]:
        """The types of a method's input arguments, asked once per session."""
        known = self._arguments.get(method)
        if known is None:
            known = []
            async with self._bounded():
                for child in await self._client.get_node(method).get_properties():
                    if (await child.read_browse_name()).Name == "InputArguments":
                        for argument in await child.read_value():
                            base = argument.DataType
                            known.append(
                                await data_type_to_variant_type(self._client.get_node(base))
                            )
            self._arguments[method] = known
        return known

    async def write(
        self, nodes: Sequence[ua.NodeId], variants: Sequence[ua.Variant]
    ) -> list[ua.StatusCode]:
        """Write up to BATCH values; one status per node, in order.

        Only the value is sent: many servers refuse a status or time from outside.
        """
        values = [ua.DataValue(variant, SourceTimestamp=None) for variant in variants]
        async with self._bounded():
            answer = await self._client.uaclient.write_attributes(list(nodes), values)
        return _counted(answer, len(nodes))

    async def close(self) -> None:
        """Close session, channel and socket, whatever state they are in."""
        await _discard(self._client)


async def open_session(
    url: str,
    timeout_s: float,
    security: Security = NO_SECURITY,
    *,
    now: datetime,
    read_only: bool = False,
    tally: Tally | None = None,
) -> OpcUaSession:
    """Connect and open a session. Raises NoAnswer, ConnectionLost or DeviceRefused.

    Certificates must be valid at `now`. With `read_only` no request that could change anything
    leaves the session. `tally` counts the requests of the session, connecting not among them.
    """
    _quiet()
    client = Client(url, timeout=timeout_s, watchdog_intervall=_WATCHDOG_S)
    client.session_timeout = SESSION_TIMEOUT_MS
    client.name = client.description = "bms"
    if read_only:
        guard(client)
    try:
        async with bounded(timeout_s, None):
            await secure(client, security, now)
            await client.connect()
            namespaces = await client.get_namespace_array()
            limits = await _limits(client)
    except BaseException:
        await _discard(client)
        raise
    return OpcUaSession(client, namespaces, limits, timeout_s, tally or Tally())


@dataclass(frozen=True, slots=True)
class Limits:
    """Most nodes, or monitored items, in one request (OPC 10000-5, 6.3.11)."""

    read: int = BATCH
    write: int = BATCH
    items: int = BATCH


async def _limits(client: Client) -> Limits:
    nodes = [ua.NodeId(getattr(ObjectIds, _LIMITS + name)) for name in _LIMIT_NAMES]
    answer = await client.uaclient.read_attributes(nodes, AttributeIds.Value)
    found = []
    for data in _counted(answer, len(nodes)):
        value = data.Value.Value if data.Value is not None else None
        # Absent or 0: the server states no limit.
        found.append(min(BATCH, value) if isinstance(value, int) and value > 0 else BATCH)
    return Limits(*found)


@dataclass(frozen=True, slots=True)
class MonitoredItem:
    """A node to be told about: `handle` comes back with its values."""

    node: ua.NodeId
    handle: int
    deadband: float
    sampling_s: float
    queue: int


def _monitored(item: MonitoredItem) -> ua.MonitoredItemCreateRequest:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = item.node
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    wanted = request.RequestedParameters
    wanted.ClientHandle = item.handle
    wanted.SamplingInterval = item.sampling_s * 1000
    wanted.QueueSize = item.queue
    wanted.DiscardOldest = True
    if item.deadband:
        change = ua.DataChangeFilter()
        change.Trigger = ua.DataChangeTrigger.StatusValue
        change.DeadbandType = ua.DeadbandType.Absolute
        change.DeadbandValue = item.deadband
        wanted.Filter = change
    return request


def _counted(answer: list[Any], count: int) -> list[Any]:
    if len(answer) != count:
        raise BadAnswer(
            msg("{results} results for {nodes} nodes", results=len(answer), nodes=count)
        )
    return answer


async def _discard(client: Client) -> None:
    """Close a client for good. In a separate task: asyncua swallows a cancellation meanwhile."""
    if not client.uaclient.has_session:
        client.disconnect_socket()
        return
    closing = asyncio.ensure_future(client.disconnect())
    try:
        await asyncio.wait((closing,), timeout=_CLOSE_LIMIT_S)
    finally:
        if not closing.done():
            closing.cancel()
        closing.add_done_callback(_seen)
        client.disconnect_socket()


def _seen(closing: asyncio.Future[None]) -> None:
    error = None if closing.cancelled() else closing.exception()
    if error is not None:
        _log.debug("the session could not be closed nicely: %r", error)


def _quiet() -> None:
    """asyncua logs each expected outage with a traceback; our own state says it once."""
    for name in ("asyncua.client", "asyncua.common"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL + 1)
