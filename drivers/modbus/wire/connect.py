"""Opening the way to a Modbus endpoint: the one place that knows sockets, TLS and serial lines."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

from bms.texts.messages import msg
from bms.texts.system_errors import os_cause
from drivers.modbus.wire.rtu import Echo
from drivers.modbus.wire.transport import Endpoint, RtuOverTcp, Serial, Tcp, Tls
from drivers.modbus.wire.wire import CallT, RtuWire, TcpWire, UnnumberedTcpWire, Wire

_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
_USER_TIMEOUT_MS = 10_000


def wire_type(
    endpoint: Endpoint,
) -> type[TcpWire[Any]] | type[UnnumberedTcpWire[Any]] | type[RtuWire[Any]]:
    """The framing that an endpoint speaks."""
    if not isinstance(endpoint, Tcp | Tls):
        return RtuWire
    return TcpWire if endpoint.transaction_ids else UnnumberedTcpWire


def wire_maker(endpoint: Endpoint) -> Callable[..., Wire[Any]]:
    """Makes the wires of an endpoint; what one learns of the line, the next one knows."""
    if isinstance(endpoint, RtuOverTcp | Serial):
        return partial(RtuWire, echo=Echo(endpoint.echo))
    return wire_type(endpoint)


async def open_wire(endpoint: Endpoint, make: Callable[[], Wire[CallT]]) -> Wire[CallT]:
    """Connect. Raises ConnectionError or another OSError, whose text is for people."""
    loop = asyncio.get_running_loop()
    if isinstance(endpoint, Serial):
        return await _open_line(endpoint, make)
    context = await asyncio.to_thread(tls_context, endpoint) if isinstance(endpoint, Tls) else None
    name = (endpoint.server_name or endpoint.host) if isinstance(endpoint, Tls) else None
    try:
        transport, wire = await loop.create_connection(
            make, endpoint.host, endpoint.port, ssl=context, server_hostname=name
        )
    except ssl.SSLError as error:
        raise ConnectionError(msg("TLS: {cause}", cause=_tls_reason(error))) from None
    except UnicodeError as error:  # a name with empty labels
        raise ConnectionError(str(error)) from None
    found = transport.get_extra_info("socket")
    if found is not None:
        _watch(found)
    return wire


def tls_context(endpoint: Tls) -> ssl.SSLContext:
    """TLS 1.2 or newer, the server checked against `ca`, or the system's authorities without it.

    ConnectionError says which file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=endpoint.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if endpoint.certificate is not None:
            context.load_cert_chain(endpoint.certificate, endpoint.key)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionError(
            msg("TLS: cannot use the certificate files: {cause}", cause=os_cause(error))
        ) from None
    return context


def _tls_reason(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return error.reason or str(error)


async def _open_line(endpoint: Serial, make: Callable[[], Wire[CallT]]) -> Wire[CallT]:
    # pyserial is only needed, and only imported, where there is a serial line.
    from pymodbus.transport.serialtransport import create_serial_connection

    _, wire = await create_serial_connection(
        asyncio.get_running_loop(),
        make,
        endpoint.device,
        baudrate=endpoint.baudrate,
        bytesize=8,
        parity=endpoint.parity,
        stopbits=endpoint.stopbits,
        timeout=0,
    )
    assert isinstance(wire, Wire)
    await wire.opened
    return wire


def _watch(link: socket.socket) -> None:
    """Let the kernel notice a peer that is gone; where it cannot, our own timeouts do."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = [*_KEEPALIVE, ("TCP_USER_TIMEOUT", _USER_TIMEOUT_MS)]
    for name, value in options:
        option = getattr(socket, name, None)
        if option is not None:
            link.setsockopt(socket.IPPROTO_TCP, option, value)
