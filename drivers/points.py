"""What is read from and written to the field: points, samples, quality."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Literal, NamedTuple, TypeAlias

PointId: TypeAlias = str
"""`<base>.<equipment>.<role>`, for example `binjiang.ch-1.chw_supply_temp`."""

Value: TypeAlias = float | int | bool | str


class Quality(IntEnum):
    """How far a value may be trusted. Only GOOD may be used for a decision."""

    GOOD = 0
    STALE = 1
    """The last good value, too old to decide on."""
    BAD = 2
    """No usable value; `Sample.detail` says why."""


class Sample(NamedTuple):
    """One reading of one point. A tuple because a gateway makes millions a day.

    `value` is None only when `quality` is BAD and nothing was ever read.
    `time` is aware UTC: when the value was obtained, not when it was asked for.
    """

    point: PointId
    value: Value | None
    quality: Quality
    time: datetime
    detail: str = ""


RegisterType: TypeAlias = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"
]
Table: TypeAlias = Literal["holding", "input", "coil", "discrete"]
Order: TypeAlias = Literal["big", "little"]


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """Where a point lives on a Modbus unit.

    `address` is the zero-based PDU address (register 40001 is 0 of `holding`).
    The value is `raw * scale + offset`. `bit` (0-15) picks one bit of a 16-bit register.
    `byte_order` is the order of the bytes in a register, `word_order` that of the
    registers in a value; Modbus itself is big/big.
    """

    unit: int
    table: Table
    address: int
    type: RegisterType = "uint16"
    scale: float = 1.0
    offset: float = 0.0
    word_order: Order = "big"
    byte_order: Order = "big"
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class OpcUaAddress:
    """A node by namespace URI (indices move between restarts) and identifier, as `s=Name`."""

    namespace: str
    node: str


@dataclass(frozen=True, slots=True)
class PlantAddress:
    """A point of an in-process plant, by the plant's own name.

    The value is `plant's value * scale + offset`: -273.15 brings kelvin to degC.
    """

    name: str
    scale: float = 1.0
    offset: float = 0.0


Address: TypeAlias = ModbusAddress | OpcUaAddress | PlantAddress


@dataclass(frozen=True, slots=True)
class Point:
    """One point of one link, in its canonical unit (the codec converts once, at the edge)."""

    id: PointId
    address: Address
    unit: str = ""
    writable: bool = False
    release_value: Value | None = None
    """Written when the point is released; None when this point cannot be released."""
