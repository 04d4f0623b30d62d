"""Rigs around servers that are not ours: libmodbus over every transport, and node-opcua.

What goes away and comes back is a proxy in front of the server, which also makes the transports
that the server does not speak: TLS, and TCP to a serial line.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import ssl
import struct
import tempfile
import tty
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from drivers.base import Driver
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Endpoint, Pacing, RtuOverTcp, Serial, Tcp, Tls
from drivers.opcua.driver import OpcUaDriver
from drivers.points import ModbusAddress, OpcUaAddress, PointId
from drivers.times import Times
from tests.contract.rigs import (
    HOLDING,
    MODBUS_VALUES,
    NAMESPACE,
    OPCUA,
    TIMEOUT_S,
    contract_points,
    holding_registers,
    modbus_address,
)
from tests.drivers.fieldbus import Clocks
from tests.servers.peers import Libmodbus, NodeOpcUa
from tests.servers.streams import StreamServer

_WAIT_S = 0.3
"""Of rigs whose server cannot say that it is gone: silence is all there is."""


class Proxy(StreamServer):
    """Joins each connection to the server that listens on `port`."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        super().__init__(context)
        self._to = port

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self._to)
        back = asyncio.ensure_future(_pass_on(there, writer))
        try:
            await _pass_on(reader, here)
        finally:
            back.cancel()
            with suppress(asyncio.CancelledError):
                await back
            here.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(4096):
            writer.write(data)
            await writer.drain()


class Line:
    """A pseudo-terminal: the far end is a device that the libmodbus server opens."""

    def __init__(self) -> None:
        self.near, self._far = os.openpty()
        tty.setraw(self.near)
        tty.setraw(self._far)
        self.device = os.ttyname(self._far)

    def close(self) -> None:
        os.close(self.near)
        os.close(self._far)


class LineProxy(Proxy):
    """A serial gateway that passes bytes on as they are."""

    def __init__(self, line: Line) -> None:
        super().__init__(0)
        self._line = line

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._line.near, lambda: writer.write(os.read(self._line.near, 4096)))
        try:
            while data := await reader.read(4096):
                os.write(self._line.near, data)
        finally:
            loop.remove_reader(self._line.near)


class LibmodbusRig:
    """The C server, with the same registers as pymodbus's."""

    def __init__(self) -> None:
        self.points = contract_points(modbus_address, MODBUS_VALUES, "missing_ro")
        self.expected = {f"b.e.{name}": value for name, value in MODBUS_VALUES.items()}
        self.missing = "b.e.missing_ro"
        self._server = Libmodbus()
        self._made = False

    @property
    def port(self) -> int:
        return self._proxy.port

    def endpoint(self) -> Endpoint:
        return Tcp("127.0.0.1", self.port)

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver:
        return ModbusDriver(
            self.endpoint(),
            self.points,
            pacing=Pacing(timeout_s=timeout_s),
            times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
        )

    def make(self) -> None:
        """Bring the server up; the proxy comes before it."""
        self._proxy = Proxy(self._server.listen())

    async def start(self) -> None:
        if not self._made:
            self._made = True
            self._server.say("unit", 1, 16, 16, 42, 16)
            self.make()
        say = self._server.say
        say("set", 1, "coil", 0, *(int(n == 3) for n in range(16)))
        say("set", 1, "discrete", 0, *(int(n == 9) for n in range(16)))
        say("set", 1, "holding", 0, *holding_registers())
        say("set", 1, "input", 7, *struct.unpack(">HH", struct.pack(">f", -0.25))[::-1])
        await self._proxy.start()

    async def stop(self) -> None:
        await self._proxy.stop()

    async def end(self) -> None:
        if self._made:
            await self.stop()
        self._server.end()

    async def inside(self, point: PointId) -> Any:
        address = next(p.address for p in self.points if p.id == point)
        assert isinstance(address, ModbusAddress)
        if address.table == "coil":
            return int(self._server.say("get", 1, "coil", address.address, 1)[0])
        name = point.rsplit(".", 1)[1]
        if name == "bit":
            return int(self._server.say("get", 1, "holding", address.address, 1)[0])
        code = ">h" if name == "scaled" else HOLDING[name][0]
        count = struct.calcsize(code) // 2
        words = map(int, self._server.say("get", 1, "holding", address.address, count))
        return struct.unpack(code, struct.pack(f">{count}H", *words))[0]


class LibmodbusTlsRig(LibmodbusRig):
    """The same behind TLS, with a certificate that only this rig's own authority signed."""

    def make(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="bms-tls-"))
        certificate, key = _self_signed(self._folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._ca = certificate
        self._proxy = Proxy(self._server.listen(), context)

    def endpoint(self) -> Endpoint:
        return Tls("127.0.0.1", self.port, ca=self._ca)


class LibmodbusRtuTcpRig(LibmodbusRig):
    """libmodbus's own RTU framing behind a gateway that passes bytes on."""

    def make(self) -> None:
        self._line = Line()
        self._server.say("open", self._line.device, 115200, "N", 1)
        self._proxy: Proxy = LineProxy(self._line)

    def endpoint(self) -> Endpoint:
        return RtuOverTcp("127.0.0.1", self.port)

    async def end(self) -> None:
        await super().end()
        if self._made:
            self._line.close()


class LibmodbusSerialRig(LibmodbusRig):
    """A serial line, of which both ends are pseudo-terminals."""

    def make(self) -> None:
        self._theirs, self._ours = Line(), Line()
        self._server.say("open", self._theirs.device, 115200, "N", 1)

    def endpoint(self) -> Endpoint:
        return Serial(self._ours.device, 115200, "N")

    async def start(self) -> None:
        self._proxy = _NoProxy()
        await super().start()
        loop = asyncio.get_running_loop()
        for one, other in ((self._theirs, self._ours), (self._ours, self._theirs)):
            loop.add_reader(one.near, _copy, one.near, other.near)

    async def stop(self) -> None:
        loop = asyncio.get_running_loop()
        for line in (self._theirs, self._ours):
            loop.remove_reader(line.near)

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver:
        return super().driver(clocks, min(timeout_s, _WAIT_S))

    async def end(self) -> None:
        await super().end()
        if self._made:
            self._theirs.close()
            self._ours.close()


class _NoProxy(Proxy):
    def __init__(self) -> None:
        super().__init__(0)

    async def start(self) -> None:
        """There is only the line."""


def _copy(source: int, target: int) -> None:
    os.write(target, os.read(source, 4096))


def _self_signed(folder: Path) -> Sequence[Path]:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rig")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate, key = folder / "rig.pem", folder / "rig.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


class NodeOpcUaRig:
    """node-opcua's server behind a proxy."""

    def __init__(self) -> None:
        values = {name: value for name, (_, value) in OPCUA.items()}
        self.points = contract_points(
            lambda name: OpcUaAddress(NAMESPACE, f"s={name}"), values, "missing_ro"
        )
        self.expected = {f"b.e.{name}": value for name, value in values.items()}
        self.missing = "b.e.missing_ro"
        self._server: NodeOpcUa | None = None

    @property
    def port(self) -> int:
        return self._proxy.port

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver:
        return OpcUaDriver(
            f"opc.tcp://127.0.0.1:{self.port}",
            self.points,
            timeout_s=timeout_s,
            times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
        )

    async def start(self) -> None:
        nodes = {name: [kind.name, _told(value)] for name, (kind, value) in OPCUA.items()}
        if self._server is None:
            folder = Path(tempfile.mkdtemp(prefix="bms-pki-"))
            self._server = NodeOpcUa(folder, namespace=NAMESPACE, nodes=nodes)
            self._proxy = Proxy(self._server.port)
        for name, (_, value) in nodes.items():
            self._server.say(set=name, value=value)
        await self._proxy.start()

    async def stop(self) -> None:
        await self._proxy.stop()

    async def end(self) -> None:
        if self._server is not None:
            await self.stop()
            self._server.end()

    async def inside(self, point: PointId) -> Any:
        assert self._server is not None
        name = point.rsplit(".", 1)[1]
        value = self._server.say(get=name)["value"]
        return int(value) if name in ("int64", "uint64") else value


def _told(value: Any) -> Any:
    """64-bit integers do not survive JSON as numbers."""
    return str(value) if isinstance(value, int) and abs(value) >= 2**53 else value
