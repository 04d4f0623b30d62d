"""Parts of asyncua's own server, with the types that its annotations ask for."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from asyncua import ua
from asyncua.server.binary_server_asyncio import BinaryServer
from asyncua.server.server import Server


def node_id(name: str, index: int) -> ua.NodeId:
    """The id of a node that has a name in a namespace."""
    return ua.NodeId(ua.String(name), ua.Int16(index))


def listener(server: Server) -> BinaryServer:
    """What listens for the clients of a server that was started."""
    assert server.bserver is not None
    return server.bserver


def url_of(server: Server) -> str:
    """Where clients find a server that was started."""
    return f"opc.tcp://127.0.0.1:{listener(server).port}"


def ua_time(time: datetime) -> ua.DateTime:
    """A time as asyncua names its type; it takes any datetime."""
    return cast("ua.DateTime", time)
