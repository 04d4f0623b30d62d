"""Modbus devices that answer with anything, in each framing, beside devices that answer rightly."""

from __future__ import annotations

import asyncio
import math
import random
import ssl
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from drivers.points import PointId, Value
from tests.drivers.modbus.mutations import crc, mutated, pieces
from tests.servers.certificates import certificate
from tests.servers.streams import StreamServer

Framing = Literal["tcp", "tls", "tcp_without_ids", "rtu_tcp", "rtu_tcp_echo"]

HONEST_UNIT = 200
HOSTILE_UNITS = 6
TIMEOUT_S = 1.0
_SILENT = 0.01
"""Of the answers, so many never end in a frame that settles the request: each costs a time-out."""

HOSTILE = """\
device: hostile-{base}
kind: air_handler
document: test
protocol: modbus
defaults: {{table: holding}}
points:
  enable: {{table: coil, address: 3, writable: true}}
  status: {{address: 10, type: bool}}
  fault: {{address: 30, bit: 3}}
  supply_temp: {{address: 50, type: int16, scale: 0.1, range: [-40, 80], unit: degC}}
  supply_setpoint: {{address: 70, type: int16, scale: 0.1, unit: degC, writable: true}}
  zone_temp:
    {{address: 90, type: float32, word_order: little, not_available: 0x7FC00000, unit: degC}}
  fan_speed: {{address: 110, type: uint8, half: high, unit: "%"}}
  cooling_valve: {{address: 130, type: float64, byte_order: little, unit: "%"}}
  power: {{address: 150, type: int16, scale_address: 152, unit: kW}}
  energy: {{address: 170, type: bcd32, unit: kWh}}
"""
HONEST = """\
device: honest-{base}
kind: meter
document: test
protocol: modbus
defaults: {{table: holding}}
points:
  power: {{address: 5, type: float32, unit: kW}}
  energy: {{address: 9, type: uint32, unit: kWh}}
"""


class HostileModbus:
    """`links` endpoints of one framing, each with hostile units and an honest one.

    `seed` decides every answer, as far as the order of the requests does not.
    """

    def __init__(self, framing: Framing, links: int, seed: int, folder: Path) -> None:
        """`folder` is for the certificate of the servers, where the framing needs one."""
        self.base = framing.replace("_", "")
        self.inputs = 0
        self._framing = framing
        self._chance = random.Random(seed)
        self._ca: Path | None = None
        context = None
        if framing == "tls":
            authority = certificate(folder, "authority")
            server = certificate(folder, "server", address="127.0.0.1", signer=authority)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(server.certificate, server.key)
            self._ca = authority.certificate
        self._servers = [_Endpoint(self._answer, context) for _ in range(links)]

    @property
    def links(self) -> Sequence[str]:
        how = {
            "tcp": "modbus_tcp, max_in_flight: 4",
            "tls": f"modbus_tls, ca: {self._ca}",
            "tcp_without_ids": "modbus_tcp, transaction_ids: false",
            "rtu_tcp": "modbus_rtu_tcp",
            "rtu_tcp_echo": "modbus_rtu_tcp",
        }[self._framing]
        return [
            f"{self.base}-{n}: {{protocol: {how}, host: 127.0.0.1, port: {server.port}, "
            f"poll_s: 1, timeout_s: {TIMEOUT_S}, max_gap: 4}}"
            for n, server in enumerate(self._servers)
        ]

    @property
    def files(self) -> Mapping[str, str]:
        equipment, members = [f"base: {self.base}", "equipment:"], []
        for n in range(len(self._servers)):
            link = f"link: {self.base}-{n}"
            honest = f"kind: meter, device: honest-{self.base}, {link}, unit: {HONEST_UNIT}"
            equipment.append(f"  honest-{n}: {{{honest}}}")
            for unit in range(1, HOSTILE_UNITS + 1):
                name = f"hostile-{n}-{unit}"
                members.append(name)
                device = f"kind: air_handler, device: hostile-{self.base}, {link}, unit: {unit}"
                equipment.append(f"  {name}: {{{device}, outputs: {{enable: {{min_on_s: 0}}}}}}")
        group = f"{{strategy: on_off, members: [{', '.join(members)}]}}"
        return {
            f"devices/hostile-{self.base}.yaml": HOSTILE.format(base=self.base),
            f"devices/honest-{self.base}.yaml": HONEST.format(base=self.base),
            f"equipment/{self.base}.yaml": "\n".join(equipment) + "\n",
            f"groups/{self.base}.yaml": f"base: {self.base}\ngroups: {{air: {group}}}\n",
            f"schedules/{self.base}.yaml": f"schedule: {self.base}\ngoverns: [{self.base}.air]\n"
            "otherwise: {mode: 'on', supply_setpoint_c: 18}\nweek: {any: {}}\n",
        }

    @property
    def neighbours(self) -> Mapping[PointId, Value]:
        return {
            f"{self.base}.honest-{n}.{role}": value
            for n in range(len(self._servers))
            for role, value in (("power", 12.5), ("energy", 70000))
        }

    async def start(self) -> None:
        for server in self._servers:
            server.rtu = self._framing.startswith("rtu_tcp")
            server.echoes = self._framing == "rtu_tcp_echo"
            await server.start()

    async def stop(self) -> None:
        for server in self._servers:
            await server.stop()

    def can_be(self, point: PointId, value: Value) -> bool:
        """Whether a GOOD value can be one of the point's."""
        role = point.rpartition(".")[2]
        if role in ("enable", "status", "fault"):
            return isinstance(value, bool)
        assert isinstance(value, int | float)
        least, most = {
            "supply_temp": (-40.0, 80.0),
            "supply_setpoint": (-3276.8, 3276.7),
            "fan_speed": (0, 255),
            "energy": (0, 99_999_999),
        }.get(role, (-math.inf, math.inf))
        return least <= value <= most

    def _answer(self, head: bytes, body: bytes) -> list[bytes]:
        """What comes in answer to a request, in pieces. `head` is the transaction id; "" in RTU."""
        frame: Callable[[bytes], bytes] = lambda b: _framed(head, b)  # noqa: E731
        right = frame(_right(body))
        if body[0] == HONEST_UNIT:
            return [right]
        self.inputs += 1
        chance = self._chance
        kind = chance.randrange(8)
        if kind == 0:
            data = right
        elif kind == 1:
            data = frame(bytes((body[0], body[1] | 0x80, chance.randrange(256))))
        elif kind == 2 and head:  # its length lies
            data = right[:4] + struct.pack(">H", chance.choice((0, 1, 6, 254, 65535))) + right[6:]
        elif kind == 3:  # right to the frame, any value inside
            data = frame(_right(body, chance))
        elif kind == 4:
            data = chance.randbytes(chance.choice((1, 3, 8, 40, 300)))
        else:
            data = mutated(right, chance)
        if chance.randrange(3) == 0:
            data = chance.randbytes(chance.randint(1, 9)) + data
        if chance.random() > _SILENT:
            # Without ids only the right answer is found behind noise.
            numbered = self._framing in ("tcp", "tls")
            data += frame(body[:2] + b"\2\0\0") if numbered and chance.randrange(2) else right
        return pieces(data, chance) if chance.randrange(2) else [data]


def _framed(head: bytes, body: bytes) -> bytes:
    return head + struct.pack(">HH", 0, len(body)) + body if head else body + crc(body)


def _right(body: bytes, chance: random.Random | None = None) -> bytes:
    """The body of the right answer; with `chance`, any values in it."""
    unit, function, address, count = struct.unpack_from(">BBHH", body)
    if function in (1, 2):
        size = (count + 7) // 8
        bits = chance.randbytes(size) if chance else b"\xff" * size
        return bytes((unit, function, size)) + bits
    if function in (3, 4):
        if unit == HONEST_UNIT:
            registers = bytearray(2 * 65536)
            registers[10:14], registers[18:22] = struct.pack(">f", 12.5), struct.pack(">I", 70000)
            data = bytes(registers[2 * address : 2 * (address + count)])
        else:
            data = chance.randbytes(2 * count) if chance else b"\0\1" * count
        return bytes((unit, function, 2 * count)) + data
    return body[:6]


class _Endpoint(StreamServer):
    """Reads requests as they are framed and writes whatever the answer is made of."""

    def __init__(
        self, answer: Callable[[bytes, bytes], list[bytes]], context: ssl.SSLContext | None
    ) -> None:
        super().__init__(context)
        self.rtu = self.echoes = False
        self._answer = answer

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = b""
            if self.rtu:
                body = await reader.readexactly(6)
                if body[1] in (15, 16):
                    more = await reader.readexactly(1)
                    body += more + await reader.readexactly(more[0])
                sent = body + await reader.readexactly(2)
                if self.echoes:
                    writer.write(sent)
            else:
                header = await reader.readexactly(6)
                head = header[:2]
                body = await reader.readexactly(struct.unpack(">H", header[4:])[0])
            for piece in self._answer(head, body):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
