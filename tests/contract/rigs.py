"""Real servers for the contract suite, each with the same set of points behind it.

Encoding is done here by hand with `struct`, never by the drivers' own codec.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, cast

from asyncua import ua
from asyncua.server.server import Server
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from drivers.base import Driver
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.wire.transport import Endpoint, Pacing, RtuOverTcp, Tcp
from drivers.opcua.driver import OpcUaDriver
from drivers.plant import PlantDriver, PlantPoint
from drivers.points import (
    ModbusAddress,
    OpcUaAddress,
    PlantAddress,
    Point,
    PointId,
    RegisterType,
    Value,
)
from drivers.times import Times
from tests.drivers.fieldbus import Clocks
from tests.patience import PATIENCE_S
from tests.servers.opcua_parts import listener, node_id
from tests.servers.pymodbus_parts import port_of

TIMEOUT_S = PATIENCE_S
"""Only a test of time-outs waits for it, and such a test sets its own."""


class Rig(Protocol):
    """A server or plant, and how to look into it without the driver."""

    @property
    def points(self) -> Sequence[Point]: ...

    @property
    def expected(self) -> Mapping[PointId, Value]:
        """The value of every point that exists, before anything is written."""
        ...

    @property
    def missing(self) -> PointId:
        """A point that the server does not have."""
        ...

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver: ...

    @property
    def port(self) -> int:
        """Where it listens; 0 if it is not asked over a network."""
        ...

    async def start(self) -> None:
        """Serve, on the same port as before if there was one, with the expected values."""
        ...

    async def stop(self) -> None:
        """Go away, with all connections."""
        ...

    async def end(self) -> None:
        """Go away for good."""
        ...

    async def inside(self, point: PointId) -> Any:
        """What the server itself holds."""
        ...


def contract_points(
    address: Callable[[str], Any], names: Mapping[str, Value], missing: str
) -> list[Point]:
    found = []
    for name in [*names, missing]:
        writable = not name.endswith("_ro")
        release = 18.5 if name == "float32" else None
        found.append(Point(f"b.e.{name}", address(name), "", writable, release))
    return found


# --- Modbus ----------------------------------------------------------------------------------

HOLDING: dict[str, tuple[str, int, Value]] = {
    "int16": (">h", 0, -1234),
    "uint16": (">H", 1, 60000),
    "int32": (">i", 2, -123456789),
    "uint32": (">I", 4, 4000000000),
    "int64": (">q", 6, -(2**62) - 1),
    "uint64": (">Q", 10, 2**64 - 2),
    "float32": (">f", 14, 21.5),
    "float64": (">d", 16, 3.14159265358979),
}
MODBUS_VALUES: dict[str, Value] = {
    "flag": True,
    "alarm_ro": True,
    "bit": False,
    "scaled": 12.34,
    "float_ro": -0.25,
    **{name: value for name, (_, _, value) in HOLDING.items()},
}


def modbus_address(name: str) -> ModbusAddress:
    special = {
        "flag": ModbusAddress(1, "coil", 3, "bool"),
        "alarm_ro": ModbusAddress(1, "discrete", 9, "bool"),
        "bit": ModbusAddress(1, "holding", 30, "uint16", bit=4),
        "scaled": ModbusAddress(1, "holding", 40, "int16", scale=0.01),
        "float_ro": ModbusAddress(1, "input", 7, "float32", word_order="little"),
        "missing_ro": ModbusAddress(1, "holding", 50),
    }
    if name in special:
        return special[name]
    kind = cast("RegisterType", name)
    return ModbusAddress(1, "holding", HOLDING[name][1], kind)


class ModbusRig:
    """pymodbus's own server, over TCP. Reading holding registers beyond 41 is an exception."""

    def __init__(self) -> None:
        self.points = contract_points(modbus_address, MODBUS_VALUES, "missing_ro")
        self.expected = {f"b.e.{name}": value for name, value in MODBUS_VALUES.items()}
        self.missing = "b.e.missing_ro"
        self.port = 0
        self._server: ModbusTcpServer | None = None

    framer = FramerType.SOCKET

    def endpoint(self) -> Endpoint:
        return Tcp("127.0.0.1", self.port)

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver:
        return ModbusDriver(
            self.endpoint(),
            self.points,
            pacing=Pacing(timeout_s=timeout_s),
            times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
        )

    async def start(self) -> None:
        low_word_first = struct.unpack(">HH", struct.pack(">f", -0.25))[::-1]
        device = SimDevice(
            id=1,
            simdata=(
                [SimData(0, values=[n == 3 for n in range(16)], datatype=DataType.BITS)],
                [SimData(0, values=[n == 9 for n in range(16)], datatype=DataType.BITS)],
                [SimData(0, values=holding_registers(), datatype=DataType.REGISTERS)],
                [SimData(0, values=[0] * 7 + list(low_word_first), datatype=DataType.REGISTERS)],
            ),
        )
        self._server = ModbusTcpServer(device, framer=self.framer, address=("127.0.0.1", self.port))
        await self._server.serve_forever(background=True)
        self.port = port_of(self._server)

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.shutdown()
            self._server = None

    async def end(self) -> None:
        await self.stop()

    async def inside(self, point: PointId) -> Any:
        address = next(p.address for p in self.points if p.id == point)
        assert isinstance(address, ModbusAddress)
        assert self._server is not None
        if address.table == "coil":
            return (await self._server.async_getValues(1, 1, address.address, 1))[0]
        name = point.rsplit(".", 1)[1]
        if name == "bit":
            return (await self._server.async_getValues(1, 3, address.address, 1))[0]
        code = ">h" if name == "scaled" else HOLDING[name][0]
        words = await self._server.async_getValues(
            1, 3, address.address, struct.calcsize(code) // 2
        )
        return struct.unpack(code, struct.pack(f">{len(words)}H", *words))[0]


class ModbusRtuTcpRig(ModbusRig):
    """The same with RTU frames on TCP."""

    framer = FramerType.RTU

    def endpoint(self) -> Endpoint:
        return RtuOverTcp("127.0.0.1", self.port)


def holding_registers() -> list[int]:
    """All that is in the holding registers, from 0 on."""
    holding = bytearray(2 * 42)
    for code, at, value in HOLDING.values():
        struct.pack_into(code, holding, 2 * at, value)
    struct.pack_into(">H", holding, 2 * 30, 0b1111_1111_1110_1111)
    struct.pack_into(">h", holding, 2 * 40, 1234)
    return list(struct.unpack(f">{len(holding) // 2}H", holding))


# --- OPC-UA ----------------------------------------------------------------------------------

NAMESPACE = "urn:bms:contract"
OPCUA: dict[str, tuple[ua.VariantType, Value]] = {
    "flag": (ua.VariantType.Boolean, True),
    "alarm_ro": (ua.VariantType.Boolean, True),
    "int16": (ua.VariantType.Int16, -1234),
    "uint16": (ua.VariantType.UInt16, 60000),
    "int32": (ua.VariantType.Int32, -123456789),
    "uint32": (ua.VariantType.UInt32, 4000000000),
    "int64": (ua.VariantType.Int64, -(2**62) - 1),
    "uint64": (ua.VariantType.UInt64, 2**64 - 2),
    "float32": (ua.VariantType.Float, 21.5),
    "float64": (ua.VariantType.Double, 3.14159265358979),
    "float_ro": (ua.VariantType.Double, -0.25),
    "text": (ua.VariantType.String, "冷机一号"),
}


class OpcUaRig:
    """asyncua's own server; `stop` takes its socket away and every session with it."""

    def __init__(self) -> None:
        values = {name: value for name, (_, value) in OPCUA.items()}
        self.points = contract_points(
            lambda name: OpcUaAddress(NAMESPACE, f"s=b.e.{name}"), values, "missing_ro"
        )
        self.expected = {f"b.e.{name}": value for name, value in values.items()}
        self.missing = "b.e.missing_ro"
        self.port = 0
        self.server: Server | None = None
        self.index = 0
        self._listening = False

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver:
        return OpcUaDriver(
            f"opc.tcp://127.0.0.1:{self.port}",
            self.points,
            timeout_s=timeout_s,
            times=Times(now=clocks.now, monotonic=clocks.monotonic, chance=lambda: 0.5),
        )

    async def start(self) -> None:
        if self.server is not None:  # building another one takes seconds
            for name, (kind, value) in OPCUA.items():
                node = self.server.get_node(node_id(f"b.e.{name}", self.index))
                await node.write_value(ua.Variant(value, kind))
            if not self._listening:
                await listener(self.server).start()
                self._listening = True
            return
        self.server = Server()
        await self.server.init()
        self.server.set_endpoint("opc.tcp://127.0.0.1:0")
        self.server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        await self.server.register_namespace("urn:bms:before")  # so that the index is not 2
        self.index = await self.server.register_namespace(NAMESPACE)
        folder = await self.server.nodes.objects.add_object(self.index, "device")
        for name, (kind, value) in OPCUA.items():
            node = await folder.add_variable(
                node_id(f"b.e.{name}", self.index), name, ua.Variant(value, kind)
            )
            if not name.endswith("_ro"):
                await node.set_writable()
        await self.server.start()
        self._listening = True
        self.port = listener(self.server).port

    async def stop(self) -> None:
        assert self.server is not None
        if self._listening:
            await listener(self.server).stop()
            self._listening = False

    async def inside(self, point: PointId) -> Any:
        assert self.server is not None
        return await self.server.get_node(node_id(point, self.index)).read_value()

    async def end(self) -> None:
        if self.server is not None:
            await self.start()
            await self.server.stop()
            self.server = None


# --- plant -----------------------------------------------------------------------------------

_PLANT: dict[str, Value] = {"flag": 1.0, "float32": 21.5, "int16": -1234.0, "float_ro": -0.25}


@dataclass
class TinyPlant:
    """The least that is a plant."""

    values: dict[str, float] = field(
        default_factory=lambda: {f"b.e.{n}": float(v) for n, v in _PLANT.items()}
    )

    def points(self) -> Sequence[PlantPoint]:
        return [PlantPoint(name, writable=not name.endswith("_ro")) for name in self.values]

    def read(self) -> Mapping[str, float]:
        return self.values

    def write(self, values: Mapping[str, float | None]) -> None:
        for name, value in values.items():
            self.values[name] = 0.0 if value is None else value

    def advance(self, until: datetime) -> datetime:
        return until

    def close(self) -> None:
        self.values.clear()


class PlantRig:
    port = 0

    def __init__(self) -> None:
        self.points = contract_points(
            lambda name: PlantAddress(f"b.e.{name}"), _PLANT, "missing_ro"
        )
        self.expected = {f"b.e.{name}": value for name, value in _PLANT.items()}
        self.missing = "b.e.missing_ro"
        self.plant = TinyPlant()

    def driver(self, clocks: Clocks, timeout_s: float = TIMEOUT_S) -> Driver:
        return PlantDriver(self.plant, self.points, clocks.now)

    async def start(self) -> None:
        self.plant = TinyPlant()

    async def stop(self) -> None:
        """Nothing runs."""

    async def end(self) -> None:
        """Nothing runs."""

    async def inside(self, point: PointId) -> Any:
        return self.plant.values[point]


# --- a server that says nothing ----------------------------------------------------------------


class MuteServer:
    """Accepts connections and reads what comes, and never answers."""

    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self.connections = 0
        self.received = asyncio.Event()

    async def start(self, port: int = 0) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        with suppress(ConnectionError):
            while await reader.read(4096):
                self.received.set()
        writer.close()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
        await self._server.wait_closed()
