"""One OPC-UA session: opened fresh for each connection, and always closed.

asyncua's own reconnection is not used: it forgets what it cannot restore at once, so that a
client may look connected and never deliver again. A broken session is thrown away whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from drivers.errors import BadAnswer, ConnectionLost, DeviceRefused, DriverError, NoAnswer
from drivers.points import OpcUaAddress

BATCH = 500
"""Nodes per request; some controllers refuse more than about a thousand."""
_SESSION_TIMEOUT_MS = 60_000
_WATCHDOG_S = 10.0  # asyncua's own probe; at its default of 1 s it gives up on a mere stall
_CLOSE_LIMIT_S = 1.0


_log = logging.getLogger(__name__)


class UnknownNamespace(Exception):
    """The server has no such namespace URI."""


class OpcUaSession:
    """An open session with everything that is valid only while it lasts."""

    def __init__(self, client: Client, namespaces: Sequence[str], timeout_s: float) -> None:
        self._client = client
        self._namespaces = {uri: index for index, uri in enumerate(namespaces)}
        self._timeout_s = timeout_s
        self._nodes: dict[OpcUaAddress, ua.NodeId] = {}
        self._types: dict[ua.NodeId, ua.VariantType] = {}

    def node(self, address: OpcUaAddress) -> ua.NodeId:
        """The node's id in this session: indices move, URIs do not."""
        node = self._nodes.get(address)
        if node is None:
            index = self._namespaces.get(address.namespace)
            if index is None:
                raise UnknownNamespace(f"the server has no namespace {address.namespace}")
            node = self._nodes[address] = ua.NodeId.from_string(f"ns={index};{address.node}")
        return node

    async def values(self, nodes: Sequence[ua.NodeId]) -> list[ua.DataValue]:
        """Value, status and times of up to BATCH nodes, in order."""
        async with _bounded(self._timeout_s):
            answer = await self._client.uaclient.read_attributes(list(nodes), AttributeIds.Value)
        return _counted(answer, len(nodes))

    async def kind(self, node: ua.NodeId) -> ua.VariantType:
        """The data type of a node, asked once per session."""
        kind = self._types.get(node)
        if kind is None:
            async with _bounded(self._timeout_s):
                kind = await self._client.get_node(node).read_data_type_as_variant_type()
            self._types[node] = kind
        return kind

    async def write(
        self, nodes: Sequence[ua.NodeId], variants: Sequence[ua.Variant]
    ) -> list[ua.StatusCode]:
        """Write up to BATCH values; one status per node, in order.

        Only the value is sent: many servers refuse a status or time from outside.
        """
        values = [ua.DataValue(variant, SourceTimestamp=None) for variant in variants]
        async with _bounded(self._timeout_s):
            answer = await self._client.uaclient.write_attributes(list(nodes), values)
        return _counted(answer, len(nodes))

    async def close(self) -> None:
        """Close session, channel and socket, whatever state they are in."""
        await _discard(self._client)


async def open_session(url: str, timeout_s: float) -> OpcUaSession:
    """Connect and open a session. Raises NoAnswer, ConnectionLost or DeviceRefused."""
    _quiet()
    client = Client(url, timeout=timeout_s, watchdog_intervall=_WATCHDOG_S)
    client.session_timeout = _SESSION_TIMEOUT_MS
    client.name = client.description = "bms"
    try:
        async with _bounded(timeout_s):
            await client.connect()
            namespaces = await client.get_namespace_array()
    except BaseException:
        await _discard(client)
        raise
    return OpcUaSession(client, namespaces, timeout_s)


@asynccontextmanager
async def _bounded(timeout_s: float) -> AsyncIterator[None]:
    """The one place where errors of asyncua become ours."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise NoAnswer(f"no answer within {timeout_s:g} s") from None
    except UaStatusCodeError as error:
        name = ua.StatusCode(error.code).name
        if error.code in _SESSION_IS_GONE:
            raise ConnectionLost(f"the server ended the session: {name}") from None
        raise DeviceRefused(name) from None
    except (OSError, UnicodeError) as error:
        text = getattr(error, "strerror", None) or str(error)
        raise ConnectionLost(f"no connection: {text}") from None
    except DriverError:
        raise
    except Exception as error:  # asyncua raises plain errors for frames it cannot decode
        raise BadAnswer(f"the server's answer cannot be used: {error!r}") from None


_SESSION_IS_GONE = frozenset(
    (
        StatusCodes.BadSessionIdInvalid,
        StatusCodes.BadSessionClosed,
        StatusCodes.BadSessionNotActivated,
        StatusCodes.BadSecureChannelIdInvalid,
        StatusCodes.BadSecureChannelClosed,
        StatusCodes.BadConnectionClosed,
        StatusCodes.BadServerHalted,
        StatusCodes.BadShutdown,
        StatusCodes.BadTcpSecureChannelUnknown,
    )
)


def _counted(answer: list[Any], count: int) -> list[Any]:
    if len(answer) != count:
        raise BadAnswer(f"{len(answer)} results for {count} nodes")
    return answer


async def _discard(client: Client) -> None:
    if client.uaclient.has_session:
        try:
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await client.disconnect()
        except Exception as error:
            _log.debug("the session could not be closed nicely: %r", error)
    client.disconnect_socket()


def _quiet() -> None:
    """asyncua logs each expected outage with a traceback; our own state says it once."""
    for name in ("asyncua.client", "asyncua.common"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL + 1)
