"""A Modbus TCP server that shows a plant's values as the registers of real devices.

Function codes 1-6, 15 and 16. Addresses between the first and the last mapped one of a table
read as zero, as many devices do; beyond them exception 2. An unknown unit answers as a gateway
does whose device is silent: exception 11.
"""

from __future__ import annotations

import asyncio
import math
import struct
from collections.abc import Callable, Iterable, Mapping

from simulators.registers import Cell
from simulators.sitefiles import ServedPoint

ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, TARGET_SILENT = 1, 2, 3, 11
_READS = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_READ_LIMIT = {1: 2000, 2: 2000, 3: 125, 4: 125}


class _Refused(Exception):
    def __init__(self, code: int) -> None:
        self.code = code


class Unit:
    """The tables of one device."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[int, int]] = {t: {} for t in _READS.values()}
        self._ends: dict[str, tuple[int, int]] = {}
        self._cells: dict[str, Cell] = {}
        self._shown: dict[str, float] = {}
        self._writable: dict[tuple[str, int], list[str]] = {}
        self.silent = False
        """No value of it is known: it has no power, or its wire is cut."""

    def add(self, point: ServedPoint) -> None:
        cell = Cell(point.at)
        self._cells[point.name] = cell
        table = self._tables[cell.table]
        for address in cell.addresses:
            table.setdefault(address, 0)
            if point.writable:
                self._writable.setdefault((cell.table, address), []).append(point.name)
        first, last = self._ends.get(cell.table, (cell.address, 0))
        self._ends[cell.table] = (min(first, cell.address), max(last, cell.addresses[-1]))

    def show(self, values: Mapping[str, float]) -> None:
        """Bring the registers up to date with the plant."""
        known = [values[name] for name in self._cells if name in values]
        self.silent = bool(known) and all(map(math.isnan, known))
        if self.silent:
            return
        for name, cell in self._cells.items():
            value = values.get(name)
            if value is None or value == self._shown.get(name):
                continue
            self._shown[name] = value
            table = self._tables[cell.table]
            for address, word in zip(
                cell.addresses, cell.words(value, table[cell.address]), strict=True
            ):
                table[address] = word

    def read(self, table: str, address: int, count: int) -> list[int]:
        first, last = self._ends.get(table, (1, 0))
        if address < first or address + count - 1 > last:
            raise _Refused(ILLEGAL_ADDRESS)
        words = self._tables[table]
        return [words.get(a, 0) for a in range(address, address + count)]

    def meaning(self, table: str, address: int, words: list[int]) -> dict[str, float]:
        """Say which points these words would set, and to what. Nothing is stored yet."""
        touched: dict[str, None] = {}
        for number in range(address, address + len(words)):
            names = self._writable.get((table, number))
            if names is None:
                raise _Refused(ILLEGAL_ADDRESS)
            touched |= dict.fromkeys(names)
        given = dict(enumerate(words, start=address))
        stored = self._tables[table]
        return {
            name: self._cells[name].value(
                [given.get(a, stored[a]) for a in self._cells[name].addresses]
            )
            for name in touched
        }

    def store(
        self, table: str, address: int, words: list[int], values: Mapping[str, float]
    ) -> None:
        """Keep what the plant has accepted."""
        self._tables[table].update(enumerate(words, start=address))
        self._shown.update(values)


class ModbusServer:
    """One endpoint on 127.0.0.1; several units may stand behind it."""

    def __init__(
        self, points: Iterable[ServedPoint], written: Callable[[Mapping[str, float]], None]
    ) -> None:
        self._units: dict[int, Unit] = {}
        self._written = written
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self.port = 0
        for point in points:
            self._units.setdefault(point.unit, Unit()).add(point)

    async def start(self) -> None:
        """Listen: on a port the system chooses, and on the same one after a `stop`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Connection(self), "127.0.0.1", self.port, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and break every connection, as a device without power does."""
        if self._server is not None:
            self._server.close()
            for connection in list(self._open):
                connection.abort()
            await self._server.wait_closed()
            self._server = None

    async def show(self, values: Mapping[str, float]) -> None:
        for unit in self._units.values():
            unit.show(values)

    def endpoint(self) -> dict[str, object]:
        return {"host": "127.0.0.1", "port": self.port}

    def opened(self, connection: _Connection) -> None:
        self._open.add(connection)

    def closed(self, connection: _Connection) -> None:
        self._open.discard(connection)

    def answer(self, number: int, pdu: bytes) -> bytes:
        """The answer to one request PDU."""
        function = pdu[0]
        try:
            unit = self._units.get(number)
            if unit is None or unit.silent:
                raise _Refused(TARGET_SILENT)
            if function in _READS:
                return self._read(unit, pdu)
            if function in (5, 6, 15, 16):
                return self._write(unit, pdu)
            raise _Refused(ILLEGAL_FUNCTION)
        except struct.error:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        except _Refused as refused:
            return bytes((function | 0x80, refused.code))

    @staticmethod
    def _read(unit: Unit, pdu: bytes) -> bytes:
        function, address, count = struct.unpack(">BHH", pdu)
        if not 1 <= count <= _READ_LIMIT[function]:
            raise _Refused(ILLEGAL_VALUE)
        words = unit.read(_READS[function], address, count)
        if function <= 2:
            packed = sum(bit << i for i, bit in enumerate(words))
            body = packed.to_bytes((count + 7) // 8, "little")
        else:
            body = struct.pack(f">{count}H", *words)
        return bytes((function, len(body))) + body

    def _write(self, unit: Unit, pdu: bytes) -> bytes:
        function, address, value = struct.unpack(">BHH", pdu[:5])
        if function == 5:
            if value not in (0, 0xFF00):
                raise _Refused(ILLEGAL_VALUE)
            words = [int(value == 0xFF00)]
        elif function == 6:
            words = [value]
        else:
            body = pdu[6:]
            size = (value + 7) // 8 if function == 15 else value * 2
            if not value or len(body) != size or pdu[5] != size:
                raise _Refused(ILLEGAL_VALUE)
            if function == 15:
                bits = int.from_bytes(body, "little")
                words = [bits >> i & 1 for i in range(value)]
            else:
                words = list(struct.unpack(f">{value}H", body))
        table = "coil" if function in (5, 15) else "holding"
        values = unit.meaning(table, address, words)
        try:
            self._written(values)
        except (KeyError, ValueError) as error:  # the plant refuses, as a device may
            raise _Refused(ILLEGAL_VALUE) from error
        unit.store(table, address, words, values)
        return pdu[:5]


class _Connection(asyncio.Protocol):
    """One client; requests are answered in order, however they are cut into packets."""

    def __init__(self, server: ModbusServer) -> None:
        self._server = server
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._server.opened(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        self._server.closed(self)

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while len(self._buffer) >= 8:
            transaction, protocol, length, unit = struct.unpack(">HHHB", self._buffer[:7])
            if protocol != 0 or not 2 <= length <= 254:
                self._transport.close()  # not Modbus TCP: there is no way to find the next frame
                return
            end = 6 + length
            if len(self._buffer) < end:
                return
            pdu, self._buffer = self._buffer[7:end], self._buffer[end:]
            answer = self._server.answer(unit, pdu)
            self._transport.write(
                struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer
            )
