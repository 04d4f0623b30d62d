"""OPC-UA servers that send any variant and any text, beside nodes that are always right."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping, Sequence

from asyncua import ua

from drivers.points import PointId, Value
from tests.servers.odd_opcua import OddServer, double, string

MACHINES = 6
POLL_S = 0.2
_SPOILING = 3
"""Machines of which the first value may even hide where the next one begins."""
_TEXTS = (
    "n/a",
    "NaN",
    "1e999",
    "",
    " ",
    "冷机",
    "on",
    "\x1b[2J\x1b]0;x\x07",
    "=1+1",
    "a\nb",
    "\0",
    "9" * 400,
)
_LAYOUTS = dict(enumerate("?bBhHiIqQfd", start=1))

HOSTILE = """\
device: hostile-opcua
kind: air_handler
document: test
protocol: opcua
namespace: urn:odd
points:
  enable: {node: "s={equipment}.enable", writable: true}
  status: {node: "s={equipment}.status", on: [1, 2, RUN], off: [0, STOP]}
  fault: {node: "s={equipment}.fault", bit: 3}
  supply_temp: {node: "s={equipment}.supply_temp", scale: 0.1, range: [0, 80],
    unit: degC}
  supply_setpoint: {node: "s={equipment}.supply_setpoint", unit: degC, writable: true}
  zone_temp: {node: "s={equipment}.zone_temp", index: 1, unit: degC}
  fan_speed: {node: "s={equipment}.fan_speed", unit: "%", deadband: 0.5}
  cooling_valve: {node: "s={equipment}.cooling_valve", offset: 1, unit: "%"}
  power: {node: "s={equipment}.power", not_available: 32767, unit: kW}
  energy: {node: "s={equipment}.energy", unit: kWh}
"""
ROLES = (
    "enable", "status", "fault", "supply_temp", "supply_setpoint", "zone_temp", "fan_speed",
    "cooling_valve", "power", "energy",
)  # fmt: skip
HONEST = """\
device: honest-opcua
kind: meter
document: test
protocol: opcua
namespace: urn:odd
points:
  power: {node: "s={equipment}.power", unit: kW}
  energy: {node: "s={equipment}.energy", unit: kWh}
"""


class HostileOpcUa:
    """`links` servers, each with hostile machines and an honest one; every second is polled.

    `seed` decides every value, as far as the order of the requests does not.
    """

    base = "opcua"

    def __init__(self, links: int, seed: int) -> None:
        self.inputs = 0
        self._chance = random.Random(seed)
        self._servers = [_Server(self._value) for _ in range(links)]

    @property
    def links(self) -> Sequence[str]:
        return [
            f'opcua-{n}: {{protocol: opcua, url: "{server.url}", security: none, '
            f"poll_s: {POLL_S}, subscribe: {'true' if n % 2 == 0 else 'false'}}}"
            for n, server in enumerate(self._servers)
        ]

    @property
    def files(self) -> Mapping[str, str]:
        equipment, members = [f"base: {self.base}", "equipment:"], []
        for n in range(len(self._servers)):
            link = f"link: opcua-{n}"
            equipment.append(f"  honest-{n}: {{kind: meter, device: honest-opcua, {link}}}")
            for machine in range(MACHINES):
                name = f"hostile-{n}-{machine}"
                members.append(name)
                device = f"kind: air_handler, device: hostile-opcua, {link}"
                equipment.append(f"  {name}: {{{device}, outputs: {{enable: {{min_on_s: 0}}}}}}")
        group = f"{{strategy: on_off, members: [{', '.join(members)}]}}"
        return {
            "devices/hostile-opcua.yaml": HOSTILE,
            "devices/honest-opcua.yaml": HONEST,
            "equipment/opcua.yaml": "\n".join(equipment) + "\n",
            "groups/opcua.yaml": f"base: {self.base}\ngroups: {{air: {group}}}\n",
            "schedules/opcua.yaml": f"schedule: {self.base}\ngoverns: [{self.base}.air]\n"
            "otherwise: {mode: 'on', supply_setpoint_c: 18}\nweek: {any: {}}\n",
        }

    @property
    def neighbours(self) -> Mapping[PointId, Value]:
        return {
            f"{self.base}.honest-{n}.{role}": value
            for n in range(len(self._servers))
            for role, value in (("power", 12.5), ("energy", 70000.0))
        }

    def can_be(self, point: PointId, value: Value) -> bool:
        """Its points have no type of their own."""
        return point not in self.neighbours or value == self.neighbours[point]

    async def start(self) -> None:
        for n, server in enumerate(self._servers):
            server.values = {f"honest-{n}.power": double(12.5), f"honest-{n}.energy": double(70000)}
            for machine in range(MACHINES):
                server.values |= {f"hostile-{n}-{machine}.{role}": b"" for role in ROLES}
            await server.start()

    async def stop(self) -> None:
        for server in self._servers:
            await server.stop()

    def _value(self, name: str) -> bytes:
        """Any data value; its bytes end where they should, but for a few nodes."""
        self.inputs += 1
        chance = self._chance
        machine, _, role = name.partition(".")
        if role == "zone_temp" and int(machine[-1]) < _SPOILING and chance.randrange(4) == 0:
            return chance.randbytes(chance.randint(1, 30))
        parts = b"\x01" + _variant(chance, 0)
        if chance.randrange(3) == 0:
            code = chance.choice((0, 0x40000000, 0x80000000, chance.getrandbits(32)))
            ticks = chance.choice((0, 134_000_000_000_000_000, chance.getrandbits(63)))
            return b"\x07" + parts[1:] + struct.pack("<Iq", code, ticks)
        return parts


def _variant(chance: random.Random, depth: int) -> bytes:
    """A variant of any type, scalar or list, right to the last byte."""
    kind = chance.choice((*range(32), 11, 11, 12, 12, 6))
    if chance.randrange(4):
        return bytes((kind,)) + _scalar(kind, chance, depth)
    count = chance.choice((-1, 0, 1, 2, 3))
    body = b"".join(_scalar(kind, chance, depth) for _ in range(count))
    dimensions = chance.randrange(4) == 0
    shape = struct.pack("<ii", 1, max(count, 0)) if dimensions else b""
    return bytes((kind | 0x80 | 0x40 * dimensions,)) + struct.pack("<i", count) + body + shape


def _scalar(kind: int, chance: random.Random, depth: int) -> bytes:
    if kind in _LAYOUTS:
        size = struct.calcsize("<" + _LAYOUTS[kind])
        small = kind in (6, 11) and chance.randrange(2)
        return (
            struct.pack("<" + _LAYOUTS[kind], chance.randrange(200))
            if small
            else (bytes((chance.randrange(2),)) if kind == 1 else chance.randbytes(size))
        )
    makers: dict[int, Callable[[], bytes]] = {
        0: lambda: b"",
        12: lambda: _text(chance),
        13: lambda: chance.randbytes(8),
        14: lambda: chance.randbytes(16),
        17: lambda: _node(chance),
        18: lambda: _node(chance),
        19: lambda: chance.randbytes(4),
        20: lambda: chance.randbytes(2) + _text(chance),
        21: lambda: chance.choice((b"\x00", b"\x02" + _text(chance), b"\x03" + _text(chance) * 2)),
        22: lambda: _node(chance) + chance.choice((b"\x00", b"\x01" + _text(chance))),
        23: lambda: b"\x01" + _variant(chance, depth + 1) if depth < 3 else b"\x00",
        24: lambda: _variant(chance, depth + 1) if depth < 3 else b"\x00",
        25: lambda: chance.choice(
            (b"\x00", b"\x01" + chance.randbytes(4), b"\x10" + _text(chance))
        ),
    }
    return makers.get(kind, lambda: _text(chance))()


def _text(chance: random.Random) -> bytes:
    which = chance.randrange(4)
    if which == 0:
        return struct.pack("<i", -1)
    raw = chance.randbytes(chance.randrange(20)) if which == 1 else chance.choice(_TEXTS).encode()
    return string(raw)[2:]


def _node(chance: random.Random) -> bytes:
    return chance.choice(
        (
            b"\x00" + chance.randbytes(1),
            b"\x01" + chance.randbytes(3),
            b"\x02" + chance.randbytes(6),
            b"\x03" + chance.randbytes(2) + _text(chance),
            b"\x04" + chance.randbytes(18),
            b"\x05" + chance.randbytes(2) + _text(chance),
        )
    )


class _Server(OddServer):
    def __init__(self, hostile: Callable[[str], bytes]) -> None:
        super().__init__()
        self.value_of = lambda name: self.values[name] or hostile(name)

    def data_value(self, read: ua.ReadValueId) -> bytes:
        """Of hostile nodes any attribute may be anything."""
        name = str(read.NodeId.Identifier)
        if read.NodeId.NamespaceIndex and self.values.get(name) == b"":
            return self.value_of(name)
        return super().data_value(read)
