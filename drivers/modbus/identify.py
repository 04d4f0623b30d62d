"""What a Modbus device says it is: device identification (43/14) and SunSpec. Read-only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from bms.texts.messages import message_of, msg
from drivers.errors import BadAnswer, DeviceRefused, DriverError, NoAnswer
from drivers.modbus.job import NotSent
from drivers.modbus.wire.frames import (
    GATEWAY_CANNOT_REACH,
    PAYLOAD_AT,
    ExceptionAnswer,
    Request,
    identification_request,
    read_request,
)
from drivers.points import Table

Ask: TypeAlias = Callable[[Request], Awaitable[bytes]]

OBJECTS = dict(enumerate(("vendor", "product", "revision", "url", "name", "model", "application")))
"""The basic and regular objects (Modbus application protocol V1.1b3, 6.21)."""
SUNSPEC_BASES = (40000, 50000, 0)
"""Where the marker may stand (SunSpec device information model, 6.3), as PDU addresses."""
_MARKER = b"SunS"
_BEGINNINGS: tuple[tuple[Table, int], ...] = (
    ("input", 0),
    ("holding", 1),
    ("input", 1),
    ("coil", 0),
    ("discrete", 0),
    ("holding", 100),
    ("holding", 1000),
    ("input", 1000),
    ("holding", 4096),
)
_COMMON = (("vendor", 2, 16), ("product", 18, 16), ("revision", 42, 8), ("serial", 50, 16))
"""Where the texts of model 1 stand after its header, and how long they are, in registers."""
_END_MODEL = 0xFFFF
_MOST_MODELS = 40
_MOST_ANSWERS = 16


@dataclass(frozen=True, slots=True)
class Found:
    """One unit that answers."""

    unit: int
    identification: dict[str, str] = field(default_factory=dict)
    sunspec: tuple[tuple[int, int], ...] = ()
    """Model number and the PDU address of its header."""
    refused: str = ""
    """Why it is known only that somebody is there: the refusal of whatever it was asked."""

    @property
    def title(self) -> str:
        known = [self.identification.get(key, "") for key in ("vendor", "product", "model")]
        return " ".join(dict.fromkeys(word for word in known if word)) or msg("unknown device")


async def look_at(ask: Ask, unit: int) -> Found | None:
    """What a unit is; None if nobody is there. A refusal is an answer, but nothing to read."""
    refused = ""
    try:
        await ask(read_request(unit, "holding", 0, 1))
    except ExceptionAnswer as error:
        if error.code in GATEWAY_CANNOT_REACH:
            return None
        refused = message_of(error)
    except (NoAnswer, NotSent):
        return None
    except BadAnswer:
        pass
    identification = await _identification(ask, unit)
    models, common = await _sunspec(ask, unit)
    if refused and (identification or models or await _reads_elsewhere(ask, unit)):
        refused = ""
    return Found(unit, identification | common, tuple(models), refused)


async def _reads_elsewhere(ask: Ask, unit: int) -> bool:
    """Whether one of the places where devices usually begin can be read."""
    for table, address in _BEGINNINGS:
        try:
            await ask(read_request(unit, table, address, 1))
        except DriverError:
            continue
        return True
    return False


async def _identification(ask: Ask, unit: int) -> dict[str, str]:
    """The texts of 43/14; empty where the device has none."""
    found: dict[int, bytes] = {}
    for code in (1, 2):  # basic, then regular
        following = 0
        for _ in range(_MOST_ANSWERS):
            try:
                body = await ask(identification_request(unit, code, following))
            except DriverError:
                break
            more, following, objects = parse_identification(body)
            found |= objects
            if not more:
                break
    return {OBJECTS[n]: _text(data) for n, data in sorted(found.items()) if n in OBJECTS}


def parse_identification(body: bytes) -> tuple[bool, int, dict[int, bytes]]:
    """More to come, the next object to ask for, and the objects of one checked answer."""
    objects: dict[int, bytes] = {}
    at = 8
    for _ in range(body[7]):
        size = body[at + 1]
        objects[body[at]] = body[at + 2 : at + 2 + size]
        at += 2 + size
    return body[5] == 0xFF, body[6], objects


async def _sunspec(ask: Ask, unit: int) -> tuple[list[tuple[int, int]], dict[str, str]]:
    for base in SUNSPEC_BASES:
        if await _registers(ask, unit, base, 2) == _MARKER:
            return await _models(ask, unit, base + 2)
    return [], {}


async def _models(ask: Ask, unit: int, at: int) -> tuple[list[tuple[int, int]], dict[str, str]]:
    """The chain of models, and who made the device, which the first of them says."""
    models: list[tuple[int, int]] = []
    common: dict[str, str] = {}
    for _ in range(_MOST_MODELS):
        head = await _registers(ask, unit, at, 2)
        if head is None:
            break
        model, length = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
        if model in (0, _END_MODEL):
            break
        models.append((model, at))
        if model == 1:
            for key, offset, count in _COMMON:
                texts = await _registers(ask, unit, at + offset, count)
                if texts is not None and (text := _text(texts)):
                    common[key] = text
        at += 2 + length
        if at > 0xFFFF:
            break
    return models, common


async def _registers(ask: Ask, unit: int, address: int, count: int) -> bytes | None:
    try:
        return (await ask(read_request(unit, "holding", address, count)))[PAYLOAD_AT:]
    except (DeviceRefused, DriverError):
        return None


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "replace").strip()
