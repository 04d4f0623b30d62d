"""An OPC-UA server that sends any bytes as values, at any pace, with any limits.

Frames and services are asyncua's own; what is inside a data value is made by the test, byte by
byte, so that an encoder can neither help nor hinder.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import nodeid_from_binary, struct_from_binary, struct_to_binary

from tests.servers.opcua_parts import ua_time
from tests.servers.streams import StreamServer

NAMESPACE = "urn:odd"
GOOD_DOUBLE = b"\x01\x0b"
_POLICY = "http://opcfoundation.org/UA/SecurityPolicy#None"


def double(value: float) -> bytes:
    """A data value with a Double and nothing else."""
    return GOOD_DOUBLE + struct.pack("<d", value)


def string(raw: bytes) -> bytes:
    """A data value with a String of these bytes."""
    return b"\x01\x0c" + struct.pack("<i", len(raw)) + raw


def status(code: int) -> bytes:
    """A data value that is only a status."""
    return b"\x02" + struct.pack("<I", code)


@dataclass
class Subscription:
    """What one client is told."""

    number: int
    period_s: float
    items: dict[int, str] = field(default_factory=dict)
    told: dict[int, bytes] = field(default_factory=dict)
    sequence: int = 0


class OddServer(StreamServer):
    """`values` are the data values by the name of the node, as bytes; tests change them.

    Nodes are `ns=1;s=<name>`; one that is in `types` has that data type. `state` is what the
    server says of itself. `s_per_node` is how long it works on each node of a read and each item,
    one after the other; `most_items` how many a subscription takes; `most_subscriptions` how many
    there may be. `spoils` may change a whole response: its kind and bytes in, bytes out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, bytes] = {}
        self.types: dict[str, ua.NodeId] = {}
        self.written: dict[str, Any] = {}
        self.ranges: dict[str, str | None] = {}
        names = ua.Variant(["http://opcfoundation.org/UA/", NAMESPACE], ua.VariantType.String)
        self.names: bytes = struct_to_binary(ua.DataValue(names))
        self.state = 0
        self.s_per_node = 0.0
        self.most_items = 1_000_000
        self.most_subscriptions = 1_000_000
        self.largest_read = 0
        self.reads = 0
        self.value_of: Callable[[str], bytes] = lambda name: self.values[name]
        self.spoils: Callable[[str, bytes], bytes] = lambda kind, data: data
        self.subscriptions: dict[int, Subscription] = {}
        self._numbers = 0

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = _Talk(self, writer)
        try:
            while True:
                header = await reader.readexactly(8)
                kind, size = header[:3], struct.unpack("<I", header[4:])[0]
                body = await reader.readexactly(size - 8)
                if kind == b"CLO":
                    return
                await talk.take(kind, body)
        finally:
            talk.end()

    def data_value(self, read: ua.ReadValueId) -> bytes:
        """The bytes that answer one read."""
        node = read.NodeId
        if node.NamespaceIndex == 0:
            return self._own(node)
        name = str(node.Identifier)
        if name not in self.values:
            return status(StatusCodes.BadNodeIdUnknown)
        if read.AttributeId == AttributeIds.Value:
            return self.value_of(name)
        if read.AttributeId == AttributeIds.DataType:
            kind = self.types.get(name, ua.NodeId(ua.Int32(ObjectIds.Double)))
            return bytes(struct_to_binary(ua.DataValue(ua.Variant(kind, ua.VariantType.NodeId))))
        if read.AttributeId == AttributeIds.ValueRank:
            return b"\x01\x06" + struct.pack("<i", -1)
        return status(StatusCodes.BadAttributeIdInvalid)

    def _own(self, node: ua.NodeId) -> bytes:
        if node.Identifier == ObjectIds.Server_ServerStatus_State:
            return b"\x01\x06" + struct.pack("<i", self.state)
        if node.Identifier == ObjectIds.Server_NamespaceArray:
            return self.names
        return status(StatusCodes.BadNodeIdUnknown)


class _Talk:
    """One connection."""

    def __init__(self, server: OddServer, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._writer = writer
        self._sequence = 0
        self._publishes: list[tuple[int, int]] = []
        """Request id and handle of those that wait."""
        self._mine: dict[int, Subscription] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._services: dict[Any, Callable[[int, Any], Awaitable[None]]] = {
            ua.OpenSecureChannelRequest: self.open_secure_channel,
            ua.GetEndpointsRequest: self.get_endpoints,
            ua.CreateSessionRequest: self.create_session,
            ua.ActivateSessionRequest: self.activate_session,
            ua.CloseSessionRequest: self.close_session,
            ua.BrowseRequest: self.browse,
            ua.ReadRequest: self.read,
            ua.WriteRequest: self.write,
            ua.CreateSubscriptionRequest: self.create_subscription,
            ua.DeleteSubscriptionsRequest: self.delete_subscriptions,
            ua.CreateMonitoredItemsRequest: self.create_monitored_items,
            ua.PublishRequest: self.publish,
        }

    def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        for number in self._mine:
            self._server.subscriptions.pop(number, None)

    async def take(self, kind: bytes, body: bytes) -> None:
        if kind == b"HEL":
            self._writer.write(b"ACKF" + struct.pack("<IIIIII", 28, 0, 65536, 65536, 0, 0))
            return
        data = Buffer(body)
        data.skip(4)
        if kind == b"OPN":
            for _ in range(3):
                (length,) = struct.unpack("<i", data.read(4))
                data.skip(max(0, length))
        else:
            data.skip(4)
        _, request_id = struct.unpack("<II", data.read(8))
        identifier = nodeid_from_binary(data.copy()).Identifier
        for cls, serve in self._services.items():
            if identifier == getattr(ObjectIds, f"{cls.__name__}_Encoding_DefaultBinary"):
                await serve(request_id, struct_from_binary(cls, data))
                return
        self._fault(request_id, 0, StatusCodes.BadServiceUnsupported)

    # --- services ----------------------------------------------------------------------------

    async def open_secure_channel(self, request_id: int, request: Any) -> None:
        token = ua.ChannelSecurityToken(
            ChannelId=ua.UInt32(1),
            TokenId=ua.UInt32(1),
            CreatedAt=ua_time(datetime.now(UTC)),
            RevisedLifetime=ua.UInt32(3_600_000),
        )
        response = ua.OpenSecureChannelResponse(
            Parameters=ua.OpenSecureChannelResult(SecurityToken=token)
        )
        body = self._bytes(response, request)
        policy = _POLICY.encode()
        head = struct.pack("<I", 1) + struct.pack("<i", len(policy)) + policy
        self._send(b"OPN", head + struct.pack("<ii", -1, -1), request_id, body)

    async def get_endpoints(self, request_id: int, request: Any) -> None:
        self._answer(request_id, request, ua.GetEndpointsResponse(Endpoints=self._endpoints()))

    def _endpoints(self) -> list[ua.EndpointDescription]:
        token = ua.UserTokenPolicy(
            PolicyId=ua.String("anonymous"), TokenType=ua.UserTokenType.Anonymous
        )
        return [
            ua.EndpointDescription(
                EndpointUrl=ua.String(self._server.url),
                SecurityMode=ua.MessageSecurityMode.None_,
                SecurityPolicyUri=ua.String(_POLICY),
                UserIdentityTokens=[token],
            )
        ]

    async def create_session(self, request_id: int, request: Any) -> None:
        session = ua.NodeId(ua.Int32(7), ua.Int16(1))
        made = ua.CreateSessionResult(
            SessionId=session,
            AuthenticationToken=session,
            RevisedSessionTimeout=request.Parameters.RequestedSessionTimeout,
            ServerNonce=ua.ByteString(b"\0" * 32),
            ServerEndpoints=self._endpoints(),
        )
        self._answer(request_id, request, ua.CreateSessionResponse(Parameters=made))

    async def activate_session(self, request_id: int, request: Any) -> None:
        self._answer(request_id, request, ua.ActivateSessionResponse())

    async def close_session(self, request_id: int, request: Any) -> None:
        self._answer(request_id, request, ua.CloseSessionResponse())

    async def browse(self, request_id: int, request: Any) -> None:
        self._fault(request_id, request.RequestHeader.RequestHandle, StatusCodes.BadNodeIdUnknown)

    async def read(self, request_id: int, request: Any) -> None:
        server, reads = self._server, request.Parameters.NodesToRead
        server.reads += 1
        server.largest_read = max(server.largest_read, len(reads))
        if server.s_per_node:
            await asyncio.sleep(server.s_per_node * len(reads))
        found = [server.data_value(read) for read in reads]
        body = self._header(ObjectIds.ReadResponse_Encoding_DefaultBinary, request)
        body += struct.pack("<i", len(found)) + b"".join(found) + struct.pack("<i", -1)
        own = reads[0].NodeId.NamespaceIndex == 0
        self._send_message(request_id, body if own else server.spoils("read", body))

    async def write(self, request_id: int, request: Any) -> None:
        response = ua.WriteResponse()
        for write in request.Parameters.NodesToWrite:
            name = str(write.NodeId.Identifier)
            self._server.written[name] = write.Value.Value
            self._server.ranges[name] = write.IndexRange
            response.Results.append(ua.StatusCode())
        self._answer(request_id, request, response)

    async def create_subscription(self, request_id: int, request: Any) -> None:
        server = self._server
        if len(server.subscriptions) >= server.most_subscriptions:
            handle = request.RequestHeader.RequestHandle
            self._fault(request_id, handle, StatusCodes.BadTooManySubscriptions)
            return
        server._numbers += 1
        period_s = max(0.05, request.Parameters.RequestedPublishingInterval / 1000)
        made = Subscription(server._numbers, period_s)
        self._mine[made.number] = server.subscriptions[made.number] = made
        agreed = ua.CreateSubscriptionResult(
            SubscriptionId=ua.UInt32(made.number),
            RevisedPublishingInterval=ua.Double(period_s * 1000),
            RevisedLifetimeCount=ua.UInt32(100),
            RevisedMaxKeepAliveCount=ua.UInt32(1),
        )
        self._answer(request_id, request, ua.CreateSubscriptionResponse(Parameters=agreed))
        task = asyncio.create_task(self._publish(made))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def delete_subscriptions(self, request_id: int, request: Any) -> None:
        response = ua.DeleteSubscriptionsResponse()
        for number in request.Parameters.SubscriptionIds:
            self._mine.pop(number, None)
            self._server.subscriptions.pop(number, None)
            response.Results.append(ua.StatusCode())
        self._answer(request_id, request, response)
        if not self._mine:
            for waiting, handle in self._publishes:
                self._fault(waiting, handle, StatusCodes.BadNoSubscription)
            self._publishes.clear()

    async def create_monitored_items(self, request_id: int, request: Any) -> None:
        server = self._server
        made = self._mine[request.Parameters.SubscriptionId]
        wanted = request.Parameters.ItemsToCreate
        if server.s_per_node:
            await asyncio.sleep(server.s_per_node * len(wanted))
        response = ua.CreateMonitoredItemsResponse()
        for item in wanted:
            result = ua.MonitoredItemCreateResult()
            name = str(item.ItemToMonitor.NodeId.Identifier)
            if name not in server.values:
                result.StatusCode = ua.StatusCode(ua.UInt32(StatusCodes.BadNodeIdUnknown))
            elif len(made.items) >= server.most_items:
                result.StatusCode = ua.StatusCode(ua.UInt32(StatusCodes.BadTooManyMonitoredItems))
            else:
                made.items[item.RequestedParameters.ClientHandle] = name
            response.Results.append(result)
        self._answer(request_id, request, response)

    async def publish(self, request_id: int, request: Any) -> None:
        handle = request.RequestHeader.RequestHandle
        if not self._mine:
            self._fault(request_id, handle, StatusCodes.BadNoSubscription)
            return
        self._publishes.append((request_id, handle))

    async def _publish(self, made: Subscription) -> None:
        """Tell what has changed, at its pace, as long as it lives."""
        server = self._server
        while made.number in self._mine:
            await asyncio.sleep(made.period_s)
            if not self._publishes or made.number not in self._mine:
                continue
            changed = {
                handle: data
                for handle, name in made.items.items()
                if made.told.get(handle) != (data := server.value_of(name))
            }
            request_id, handle = self._publishes.pop(0)
            made.told |= changed
            made.sequence += bool(changed)
            items = b"".join(struct.pack("<I", h) + data for h, data in changed.items())
            change = struct.pack("<i", len(changed)) + items + struct.pack("<i", -1)
            notification = struct.pack("<BBHBi", 1, 0, 811, 1, len(change)) + change
            sequence = made.sequence + (not changed)
            body = self._response_header(829, handle) + struct.pack("<Ii", made.number, -1)
            body += struct.pack("<?Iqi", False, sequence, _now(), bool(changed))
            body += notification if changed else b""
            body += struct.pack("<ii", -1, -1)
            self._send_message(request_id, server.spoils("publish", body) if changed else body)

    # --- frames ------------------------------------------------------------------------------

    def _answer(self, request_id: int, request: Any, response: Any) -> None:
        self._send_message(request_id, self._bytes(response, request))

    def _bytes(self, response: Any, request: Any) -> bytes:
        response.ResponseHeader.RequestHandle = request.RequestHeader.RequestHandle
        response.ResponseHeader.Timestamp = datetime.now(UTC)
        return bytes(struct_to_binary(response))

    def _header(self, identifier: int, request: Any) -> bytes:
        return self._response_header(identifier, request.RequestHeader.RequestHandle)

    @staticmethod
    def _response_header(identifier: int, handle: int, result: int = 0) -> bytes:
        head = struct.pack("<BBH", 1, 0, identifier)
        return head + struct.pack("<qIIBi", _now(), handle, result, 0, -1) + b"\0\0\0"

    def _fault(self, request_id: int, handle: int, code: int) -> None:
        self._send_message(request_id, self._response_header(397, handle, code))

    def _send_message(self, request_id: int, body: bytes) -> None:
        self._send(b"MSG", struct.pack("<II", 1, 1), request_id, body)

    def _send(self, kind: bytes, head: bytes, request_id: int, body: bytes) -> None:
        self._sequence += 1
        whole = head + struct.pack("<II", self._sequence, request_id) + body
        self._writer.write(kind + b"F" + struct.pack("<I", len(whole) + 8) + whole)


def _now() -> int:
    return int(datetime.now(UTC).timestamp() * 10_000_000) + 116_444_736_000_000_000
