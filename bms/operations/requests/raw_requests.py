"""Asked of one raw register or node of a device, for commissioning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue

from bms.operations.requests.operation import Answer, Given, Operation, Request, Told, Value

Order = Literal["big", "little"]


class ReadRaw(Request):
    """Look at one place of a device: `holding:40`, `coil:3`, or an OPC-UA node."""

    link: Given
    place: Given
    unit: int | None = Field(default=None, ge=0, le=255)
    count: int | None = Field(default=None, ge=0)
    type: str | None = None
    word_order: Order = "big"
    byte_order: Order = "big"


class WriteRaw(ReadRaw):
    """Write to it, and look again."""

    value: Given
    reason: Given


class BitsLook(Answer):
    """Coils or discrete inputs."""

    unit: int
    place: str
    bits: tuple[bool, ...]
    value: bool


class RegistersLook(Answer):
    """Registers, as hexadecimal words and as a number of the type that was named."""

    unit: int
    place: str
    registers: tuple[str, ...]
    value: Value | None


class GuessedLook(RegistersLook):
    """Registers without a type: what they may be, by type and order of words and bytes, the likely
    readings first. `value` is the likeliest."""

    likely: str = ""
    may_be: dict[str, Value | None]


class NodeLook(Answer):
    """An OPC-UA node."""

    node: str
    value: JsonValue
    type: str | None
    status: str
    source_time: str | None


class RawLook(Told[GuessedLook | RegistersLook | BitsLook | NodeLook]):
    """What is there."""


class RawWritten(Answer):
    """What was there before, and what is there now."""

    before: RawLook
    after: RawLook


READ = Operation("raw.read", ReadRaw, RawLook)
WRITE = Operation("raw.write", WriteRaw, RawWritten)
