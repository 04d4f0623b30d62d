"""Parts of pymodbus's own server that it has no types for."""

from __future__ import annotations

from typing import Any

from pymodbus.server import ModbusTcpServer


def port_of(server: ModbusTcpServer) -> int:
    """The port that the system chose for a server that was started."""
    transport: Any = server.transport
    return int(transport.sockets[0].getsockname()[1])
