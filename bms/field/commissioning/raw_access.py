"""One raw register or node, read or written by hand: what to ask, and what the answer may mean."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bms.core.errors import BmsError, InvalidInput, Refused, Silent
from bms.field.commissioning.likely_readings import READINGS, Orders, by_likelihood
from bms.storage import audit
from bms.texts.messages import message_of, msg
from drivers.base import Driver
from drivers.codec.encoding import codec, is_bit_table, width
from drivers.codec.scaling import Unusable, check_whole
from drivers.errors import ConnectionLost, DriverError, NoAnswer
from drivers.modbus.driver import ModbusDriver
from drivers.modbus.job import NotSent
from drivers.modbus.wire.frames import (
    PAYLOAD_AT,
    read_request,
    write_coil_request,
    write_register_request,
    write_registers_request,
)
from drivers.points import Address, ModbusAddress, Value

if TYPE_CHECKING:
    from drivers.opcua.driver import OpcUaDriver

_PLACE = re.compile(r"(holding|input|coil|discrete):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Register:
    """Where on a Modbus link to look, and as what."""

    unit: int
    table: str
    address: int
    count: int = 1
    type: str | None = None
    word_order: str = "big"
    byte_order: str = "big"

    def as_address(self, kind: str | None = None, orders: Orders | None = None) -> ModbusAddress:
        """InvalidInput if it makes no sense."""
        found = ModbusAddress(
            self.unit,
            self.table,  # type: ignore[arg-type]
            self.address,
            kind or self.type or "uint16",  # type: ignore[arg-type]
            word_order=orders[0] if orders else self.word_order,  # type: ignore[arg-type]
            byte_order=orders[1] if orders else self.byte_order,  # type: ignore[arg-type]
            length=self.count if (kind or self.type) == "string" else 1,
        )
        try:
            codec(found)
        except (KeyError, ValueError) as error:
            raise InvalidInput(
                msg(
                    "{table}:{address}: {error}",
                    table=self.table,
                    address=self.address,
                    error=error,
                )
            ) from None
        return found


def place_of(text: str, args: Mapping[str, Any]) -> Register | str:
    """What `holding:40` or `ns=2;s=Name` names. Raises InvalidInput."""
    if re.match(r"(ns=\d+;|nsu=[^;]+;)?[sigb]=.", text):
        return text
    found = _PLACE.fullmatch(text)
    if found is None:
        raise InvalidInput(
            msg(
                "'{text}' names no place: write holding:40, input:7, coil:3 or discrete:0 "
                "(the first register is 0), or an OPC-UA node as ns=2;s=Name or "
                "nsu=urn:maker;s=Name",
                text=text,
            )
        )
    count, unit = int(args.get("count") or 1), args.get("unit")
    if unit is None:
        raise InvalidInput(msg("a register needs the unit it is on: --unit 1"))
    most = 2000 if found[1] in ("coil", "discrete") else 125
    if not (1 <= count <= most and int(found[2]) + count <= 65536):
        raise InvalidInput(msg("a read takes 1 to {most} of them, and ends at 65535", most=most))
    return Register(
        int(unit),
        found[1],
        int(found[2]),
        count,
        args.get("type"),
        args.get("word_order") or "big",
        args.get("byte_order") or "big",
    )


_OF_NODE = re.compile(r"(?:ns=\d+;|nsu=[^;]+;)?(?P<identifier>[sigb]=.+)")
_MOST_WRITTEN = 4
"""Registers that one value takes at most."""


def touches(place: Register | str, address: Address) -> bool:
    """Whether a write there would change a point with this address.

    A node is the same whatever its namespace is called: rather once too often.
    """
    if isinstance(place, str):
        texts = (place, getattr(address, "node", ""))
        names = [found["identifier"] for t in texts if (found := _OF_NODE.fullmatch(t))]
        return len(names) == 2 and names[0] == names[1]
    if not isinstance(address, ModbusAddress):
        return False
    if (place.unit, place.table) != (address.unit, address.table):
        return False
    last = place.address + max(place.count, _MOST_WRITTEN if place.type else 1)
    return place.address < address.address + width(address) and address.address < last


async def look(driver: Driver, place: Register | str) -> dict[str, Any]:
    """What is there. Raises Refused with the device's own words, Silent, or InvalidInput."""
    try:
        if isinstance(place, str):
            return await _opcua(driver).look(place)
        return await _look(_modbus(driver), place)
    except DriverError as error:
        raise _said(place, error) from None


async def put(driver: Driver, place: Register | str, text: str) -> dict[str, Any]:
    """Write, and look again: `before` and `after`. Raises Refused, Silent or InvalidInput."""
    before = await look(driver, place)
    try:
        if isinstance(place, str):
            await _opcua(driver).put(place, text)
        else:
            await _put(_modbus(driver), place, text)
    except DriverError as error:
        raise _said(place, error) from None
    except ValueError as error:
        raise InvalidInput(msg("{name}: {error}", name=_name(place), error=error)) from None
    after = await look(driver, place)
    return {"before": before, "after": after}


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, from where and why."""

    who: str
    via: str
    why: str


async def put_audited(
    driver: Driver,
    place: Register | str,
    text: str,
    state_dir: Path,
    now: Callable[[], datetime],
    *,
    author: Author,
    link: str,
    place_text: str,
) -> dict[str, Any]:
    """`put`, with an entry in the audit before anything is sent and one with what became of it.

    `link` and `place_text` say in the audit where, as the person wrote it.
    """

    async def note(outcome: str, **found: Any) -> None:
        asked: dict[str, Any] = {"link": link, "place": place_text}
        if isinstance(place, Register):
            asked["unit"] = place.unit
        asked |= {"value": text, "outcome": outcome}
        by = asdict(author)
        told = partial(audit.record, state_dir, now(), what="raw.write", **by, **asked, **found)
        await asyncio.to_thread(told)

    await note(msg("asked for"))
    try:
        found = await put(driver, place, text)
    except BmsError as error:
        await note(msg("refused: {error}", error=error))
        raise
    await note(msg("done"), **found)
    return found


async def _look(driver: ModbusDriver, place: Register) -> dict[str, Any]:
    address = place.as_address()
    count = place.count
    if not is_bit_table(address):
        # Without a type, two registers are shown so that the orders of a number can be told apart.
        count = max(count, width(address))
    body = await driver.ask(read_request(place.unit, address.table, place.address, count))
    data = body[PAYLOAD_AT:]
    shown: dict[str, Any] = {"unit": place.unit, "place": f"{place.table}:{place.address}"}
    if is_bit_table(address):
        shown["bits"] = [bool(data[n >> 3] >> (n & 7) & 1) for n in range(count)]
        shown["value"] = shown["bits"][0]
        return shown
    shown["registers"] = [f"0x{data[n : n + 2].hex().upper()}" for n in range(0, len(data), 2)]
    if place.type is not None:
        shown["value"] = _decoded(place, data, place.type, None)
        return shown
    found = {
        name: _decoded(place, data, reading.kind, reading.orders)
        for name, reading in READINGS.items()
        if reading.registers * 2 <= len(data)
    }
    ranked = by_likelihood(data, found)
    shown["value"], shown["likely"] = found[ranked[0]], ranked[0]
    shown["may_be"] = {name: found[name] for name in ranked}
    return shown


def _decoded(place: Register, data: bytes, kind: str, orders: Orders | None) -> Value | str:
    address = place.as_address(kind, orders)
    try:
        return codec(address).decode(data[: 2 * width(address)])
    except Unusable as error:
        return message_of(error)


async def _put(driver: ModbusDriver, place: Register, text: str) -> None:
    address = place.as_address()
    value = value_of(text)
    if address.table == "coil":
        if value not in (0, 1):
            raise ValueError(
                msg(
                    "'{text}' is neither on nor off; write {true} or {false}",
                    text=text,
                    true="true",
                    false="false",
                )
            )
        await driver.ask(write_coil_request(place.unit, place.address, bool(value)))
        return
    if address.table != "holding":
        raise ValueError(msg("nothing can be written to table '{table}'", table=address.table))
    check_whole(address.type, value)
    data = codec(address).encode(text if place.type == "string" else value)
    if len(data) == 2:
        await driver.ask(write_register_request(place.unit, place.address, data))
    else:
        await driver.ask(write_registers_request(place.unit, place.address, data))


def value_of(text: str) -> Value:
    """A value as people type it."""
    plain = text.strip().lower()
    if plain in ("true", "on", "false", "off"):
        return plain in ("true", "on")
    for convert in (lambda t: int(t, 0), float):
        try:
            found: Value = convert(plain)
        except ValueError:
            continue
        return found
    return text


def _said(place: Register | str, error: DriverError) -> BmsError:
    """What the device says, or that it says nothing."""
    silent = isinstance(error, ConnectionLost | NoAnswer | NotSent)
    kind = Silent if silent else Refused
    return kind(msg("{name}: {error}", name=_name(place), error=error))


def _name(place: Register | str) -> str:
    if isinstance(place, str):
        return place
    return msg(
        "unit {unit} {table}:{address}", unit=place.unit, table=place.table, address=place.address
    )


def _modbus(driver: Driver) -> ModbusDriver:
    if not isinstance(driver, ModbusDriver):
        raise InvalidInput(msg("the link does not speak Modbus: name a node, such as ns=2;s=Name"))
    return driver


def _opcua(driver: Driver) -> OpcUaDriver:
    from drivers.opcua.driver import OpcUaDriver  # who looks at a Modbus register needs no asyncua

    if not isinstance(driver, OpcUaDriver):
        raise InvalidInput(
            msg("the link does not speak OPC-UA: name a register, such as holding:40")
        )
    return driver
