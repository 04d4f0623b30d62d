"""One OPC-UA session: opened fresh for each connection, and always closed.

asyncua's own reconnection is not used: it forgets what it cannot restore at once, so that a
client may look connected and never deliver again. A broken session is thrown away whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import lru_cache
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import UaError

from bms.texts.messages import Message, msg
from drivers.errors import BadAnswer, ConnectionLost, DeviceRefused, NoAnswer
from drivers.health import Tally
from drivers.opcua.session.calls import TooMuch, bounded
from drivers.opcua.session.closing import discard, quiet
from drivers.opcua.session.guard import guard
from drivers.opcua.session.items import MonitoredItem, creation
from drivers.opcua.session.kinds import argument_kinds, node_kind
from drivers.opcua.session.portions import Portion, Portions
from drivers.opcua.session.secure import secure
from drivers.opcua.session.security import NO_SECURITY, Security
from drivers.opcua.subscribing.decode import Published
from drivers.opcua.subscribing.publishing import Publishing
from drivers.opcua.values.walking import UNREADABLE, SentValue, Unwalkable, read_answer
from drivers.points import OpcUaAddress

_SUBSCRIPTION_LIFE_S = 120.0
SESSION_TIMEOUT_MS = 60_000
UNREADABLE_FOR_S = 60.0
"""A node whose value spoils the whole answer is left out for so long."""
_LIMITS = "Server_ServerCapabilities_"
_LIMIT_NAMES = (
    "OperationLimits_MaxNodesPerRead",
    "OperationLimits_MaxNodesPerWrite",
    "OperationLimits_MaxMonitoredItemsPerCall",
    "MaxMonitoredItemsPerSubscription",
)
_NAMESPACES = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
_STATE = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_State))
_WATCHDOG_S = 10.0  # asyncua's own probe; at its default of 1 s it gives up on a mere stall


@lru_cache(maxsize=64)
def _no_namespace(namespace: str) -> Message:
    """Said for each point at each poll."""
    return msg("the server has no namespace {namespace}", namespace=namespace)


@lru_cache(maxsize=8)
def _not_running(state: int) -> Message:
    known = state in ua.ServerState._value2member_map_
    name = ua.ServerState(state).name if known else str(state)
    return msg("the server says that its state is {state}", state=name)


class UnknownNamespace(Exception):
    """The server has no such namespace URI."""


class OpcUaSession:
    """An open session with everything that is valid only while it lasts."""

    def __init__(
        self,
        client: Client,
        portions: Portions,
        timeout_s: float,
        tally: Tally,
    ) -> None:
        self._client = client
        self._tally = tally
        self.portions = portions
        self.doubt = ""
        """Why no value of this server may be trusted now: the state that it says it is in."""
        self.state_asked = time.monotonic()
        self._namespaces: dict[str, int] = {}
        self._timeout_s = timeout_s
        self._nodes: dict[tuple[str, str], ua.NodeId] = {}
        self._types: dict[ua.NodeId, ua.VariantType] = {}
        self._arrays: set[ua.NodeId] = set()
        self._arguments: dict[ua.NodeId, list[ua.VariantType]] = {}
        self._unreadable: dict[ua.NodeId, float] = {}
        """Nodes that spoil an answer, and until when they are left out."""

    async def look_around(self) -> None:
        """Ask for namespaces, for what the server takes at a time, and for its state.

        Raises DriverError.
        """
        (named,) = await self.values([_NAMESPACES])
        if not isinstance(named.value, list):
            raise BadAnswer(msg("the server does not name its namespaces"))
        for index, uri in enumerate(named.value):
            if isinstance(uri, str):
                self._namespaces.setdefault(uri, index)
        nodes = [ua.NodeId(ua.Int32(getattr(ObjectIds, _LIMITS + name))) for name in _LIMIT_NAMES]
        stated = await self.values(nodes)
        portions = self.portions
        every = (portions.read, portions.write, portions.items, portions.subscription)
        for portion, found in zip(every, stated, strict=True):
            portion.limited(found.value)  # absent or 0: the server states no limit
        await self.probe()

    def count_in(self, tally: Tally) -> None:
        """Count the requests from now on in this tally."""
        self._tally = tally

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

    def namespace_of(self, node: ua.NodeId) -> str:
        """The URI of a node's namespace; its index if the server does not say."""
        index = node.NamespaceIndex
        return next((uri for uri, n in self._namespaces.items() if n == index), str(index))

    def _node(self, namespace: str, text: str) -> ua.NodeId:
        node = self._nodes.get((namespace, text))
        if node is None:
            index = self._namespaces.get(namespace)
            if index is None:
                raise UnknownNamespace(_no_namespace(namespace))
            node = self._nodes[namespace, text] = ua.NodeId.from_string(f"ns={index};{text}")
        return node

    async def values(self, nodes: Sequence[ua.NodeId]) -> list[SentValue]:
        """Value, status and times of nodes, in order; at most `portions.read.size` of them.

        A node whose value makes an answer unreadable is looked for by halves, and left out of the
        requests of the next minute.
        """
        now = time.monotonic()
        left_out = {node for node, until in self._unreadable.items() if until > now}
        asked = [node for node in nodes if node not in left_out]
        found = dict(zip(asked, await self._values(asked), strict=True)) if asked else {}
        return [found.get(node) or SentValue(UNREADABLE) for node in nodes]

    async def _values(self, nodes: Sequence[ua.NodeId]) -> list[SentValue]:
        try:
            found = await self._read([_value_of(node) for node in nodes], self.portions.read)
        except TooMuch:
            if not self.portions.read.halve() or len(nodes) == 1:
                raise
            found = None
        if found is not None:
            return found
        if len(nodes) == 1:
            self._unreadable[nodes[0]] = time.monotonic() + UNREADABLE_FOR_S
            return [SentValue(UNREADABLE)]
        half = len(nodes) // 2
        return [*await self._values(nodes[:half]), *await self._values(nodes[half:])]

    async def attributes(self, node: ua.NodeId, *which: AttributeIds) -> list[SentValue]:
        """Attributes of one node, in order. Raises BadAnswer if they cannot be read."""
        found = await self._read([ua.ReadValueId(node, attribute) for attribute in which])
        if found is None:
            raise BadAnswer(msg("the server's answer cannot be read"))
        return found

    async def _read(
        self, reads: Sequence[ua.ReadValueId], portion: Portion | None = None
    ) -> list[SentValue] | None:
        """None if the answer cannot be read, or is not one value for each."""
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
        request.Parameters.NodesToRead = list(reads)
        begun = time.monotonic()
        try:
            async with self._bounded():
                buffer = await self._client.uaclient._send_request(request)
                try:
                    found = read_answer(buffer.read(len(buffer)))
                except Unwalkable:
                    return None
        except NoAnswer:
            if portion is not None:
                portion.unanswered(len(reads))
            raise
        if portion is not None:
            portion.took(len(reads), time.monotonic() - begun, self._timeout_s)
        return found if len(found) == len(reads) else None

    async def kind(self, node: ua.NodeId) -> ua.VariantType:
        """The data type of a node, asked once per session. ValueError if it cannot be known."""
        kind = self._types.get(node)
        if kind is None:
            kind, is_array = await node_kind(self, self._client, node, self._bounded)
            self._types[node] = kind
            if is_array:
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
        requests = [creation(item) for item in items]
        portion = self.portions.items
        results: list[ua.StatusCode] = []
        while len(results) < len(requests):
            params = ua.CreateMonitoredItemsParameters()
            params.SubscriptionId = subscription
            params.TimestampsToReturn = ua.TimestampsToReturn.Both
            params.ItemsToCreate = requests[len(results) : len(results) + portion.size]
            asked = len(params.ItemsToCreate)
            begun = time.monotonic()
            try:
                async with self._bounded():
                    answer = await self._client.uaclient.create_monitored_items(params)
            except TooMuch:
                if not portion.halve():
                    raise
                continue
            except NoAnswer:
                portion.unanswered(asked)
                raise
            portion.took(asked, time.monotonic() - begun, self._timeout_s)
            found = _counted(answer, asked)
            results += [result.StatusCode for result in found]
        return results

    async def unsubscribe(self, subscriptions: Sequence[int]) -> None:
        """Delete subscriptions, as far as the server still has them."""
        request = ua.DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [ua.UInt32(number) for number in subscriptions]
        async with self._bounded():
            await self._client.uaclient._send_request(request)

    async def probe(self) -> None:
        """Ask for the server's state, which every server has: `doubt` is what it says.

        Raises DriverError.
        """
        (found,) = await self.values([_STATE])
        self.state_asked = time.monotonic()
        known = isinstance(found.value, int) and found.status >> 30 <= 1
        self.doubt = _not_running(found.value) if known and found.value else ""  # type: ignore[arg-type]

    def publish(
        self,
        published: Callable[[Published], None],
        unreadable: Callable[[int], None],
        broken: Callable[[str], None],
    ) -> Publishing:
        """Where the responses of this session's subscriptions go; see `Publishing`."""
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionLost(msg("the connection is closed"))
        return Publishing(protocol, published, unreadable, broken)

    async def call(
        self, target: ua.NodeId, method: ua.NodeId, arguments: Sequence[ua.Variant]
    ) -> ua.StatusCode:
        """Call a method of an object; what the server says of it."""
        request = ua.CallMethodRequest(target, method, list(arguments))
        async with self._bounded():
            answer = await self._client.uaclient.call([request])
        status: ua.StatusCode = _counted(answer, 1)[0].StatusCode
        return status

    async def children(self, node: ua.NodeId) -> list[ua.ReferenceDescription]:
        """What a node leads to: ids, names and classes. Raises DriverError."""
        async with self._bounded():
            found: list[ua.ReferenceDescription] = await self._client.get_node(
                node
            ).get_children_descriptions()
        return found

    async def argument_kinds(self, method: ua.NodeId) -> list[ua.VariantType]:
        """The types of a method's input arguments, asked once per session."""
        known = self._arguments.get(method)
        if known is None:
            known = await argument_kinds(self._client, method, self._bounded)
            self._arguments[method] = known
        return known

    async def write(
        self,
        nodes: Sequence[ua.NodeId],
        variants: Sequence[ua.Variant],
        elements: Sequence[int | None] = (),
    ) -> list[ua.StatusCode]:
        """Write up to `portions.write.size` values; one status per node, in order.

        `elements` says of each which element of an array it is. Only the value is sent: many
        servers refuse a status or time from outside.
        """
        request = ua.WriteRequest()
        for place, (node, variant) in enumerate(zip(nodes, variants, strict=True)):
            index = elements[place] if elements else None
            value = ua.DataValue(variant, SourceTimestamp=None)
            request.Parameters.NodesToWrite.append(
                ua.WriteValue(
                    node,
                    AttributeIds.Value,
                    None if index is None else ua.String(str(index)),
                    value,
                )
            )
        portion = self.portions.write
        begun = time.monotonic()
        try:
            async with self._bounded():
                data = await self._client.uaclient._send_request(request)
                response = struct_from_binary(ua.WriteResponse, data)
                response.ResponseHeader.ServiceResult.check()
        except NoAnswer:
            portion.unanswered(len(nodes))
            raise
        portion.took(len(nodes), time.monotonic() - begun, self._timeout_s)
        return _counted(response.Results, len(nodes))

    async def close(self) -> None:
        """Close session, channel and socket, whatever state they are in."""
        await discard(self._client)


async def open_session(
    url: str,
    timeout_s: float,
    security: Security = NO_SECURITY,
    *,
    now: datetime,
    read_only: bool = False,
    tally: Tally | None = None,
    portions: Portions | None = None,
) -> OpcUaSession:
    """Connect and open a session. Raises NoAnswer, ConnectionLost or DeviceRefused.

    Certificates must be valid at `now`. With `read_only` no request that could change anything
    leaves the session. `tally` counts the requests of the session, connecting not among them.
    `portions` is what is known of the server, and learns more.
    """
    quiet()
    client = Client(url, timeout=timeout_s, watchdog_intervall=_WATCHDOG_S)
    client.session_timeout = SESSION_TIMEOUT_MS
    client.name = client.description = "bms"
    if read_only:
        guard(client)
    try:
        async with bounded(timeout_s, None):
            await secure(client, security, now)
            await client.connect()
        opened = OpcUaSession(client, portions or Portions(), timeout_s, Tally())
        await opened.look_around()
    except BaseException:
        await discard(client)
        raise
    opened.count_in(tally or Tally())
    return opened


def _range(index: int | None) -> ua.String | None:
    return None if index is None else ua.String(str(index))


def _value_of(node: ua.NodeId) -> ua.ReadValueId:
    return ua.ReadValueId(node, AttributeIds.Value)


def _counted(answer: list[Any], count: int) -> list[Any]:
    if len(answer) != count:
        raise BadAnswer(
            msg("{results} results for {nodes} nodes", results=len(answer), nodes=count)
        )
    return answer
