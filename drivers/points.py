"""What is read from and written to the field: points, samples, quality. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Final, Literal, NamedTuple, TypeAlias

PointId: TypeAlias = str
"""`<base>.<equipment>.<role>`, for example `binjiang.ch-1.chw_supply_temp`."""

Value: TypeAlias = float | int | bool | str


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    `time` is aware UTC by our own clock: when the value was obtained, or last confirmed.
    `source_ns` is when the device says that it took the value, by the device's clock, in ns since
    1970; 0 where it does not tell. Kept as a number: making a time of it costs more than all else
    that is done with a value (measured: 1.5 us), and it is looked at once in thousands.
    """

    point: PointId
    value: Value | None
    quality: Quality
    time: datetime
    detail: str = ""
    source_ns: int = 0

    @property
    def source_time(self) -> datetime | None:
        """`source_ns` as aware UTC to the microsecond."""
        if not self.source_ns:
            return None
        return _EPOCH + timedelta(microseconds=self.source_ns // 1000)


NO_SAMPLE: Final = Sample("", None, Quality.BAD, datetime.max.replace(tzinfo=UTC))
"""What stands for a point that there is no sample of, where many are looked at as columns."""


RegisterType: TypeAlias = Literal[
    "bool",
    "int8",
    "uint8",
    "int16",
    "uint16",
    "int32",
    "uint32",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "bcd16",
    "bcd32",
    "string",
]
Table: TypeAlias = Literal["holding", "input", "coil", "discrete"]
Order: TypeAlias = Literal["big", "little"]
WriteFunction: TypeAlias = Literal["auto", "single", "multiple", "mask", "read_write"]
"""How a register is written: 6 or 16 by size; 6; 16; 22; or 23, which also reads it back."""


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
    half: Order = "little"
    """int8 and uint8: `big` is the high byte of the register, `little` the low one."""
    length: int = 1
    """Registers of a string, two characters each."""
    labels: tuple[tuple[int, str], ...] = ()
    """The texts of raw numbers. A number without a text is no usable value; of a state the texts
    are only words for the codes that are neither on nor off."""
    on: tuple[int, ...] = ()
    """Raw numbers that mean on; the first is written. Without any it is 1 (0, if 1 is off)."""
    off: tuple[int, ...] = ()
    """Raw numbers that mean off; the first is written. Without any it is 0 (1, if 0 is on)."""
    left: int | None = None
    """The raw number that leaves a state to the device: neither on nor off."""
    not_available: tuple[int, ...] = ()
    """Raw numbers, read as unsigned, by which the device says that it has no value."""
    low: float | None = None
    high: float | None = None
    """The values that the device can mean; beyond them the value is not used."""
    scale_address: int | None = None
    """A register of the same table holding a power of ten, -10 to 10, that `scale` is multiplied
    by: the scale factors of SunSpec. Read together with the point."""
    write: WriteFunction = "auto"

    @property
    def is_state(self) -> bool:
        """Its values are on and off."""
        one_bit = self.bit is not None or self.table in ("coil", "discrete")
        return one_bit or self.type == "bool" or bool(self.on or self.off)

    @property
    def is_text(self) -> bool:
        """Its values are texts."""
        return self.type == "string" or (bool(self.labels) and not self.is_state)


@dataclass(frozen=True, slots=True)
class OpcUaAddress:
    """A node by namespace URI (indices move between restarts) and identifier, as `s=Name`.

    A point with a `method` is a command: writing it calls that method of the object `node`, with
    the value as its argument if the method has one; without one, only "on" calls it.
    `deadband` is the least change worth sending, in the node's own unit.
    The value is `raw * scale + offset`; without a scale, a node of whole numbers takes no fraction.
    """

    namespace: str
    node: str
    method: str | None = None
    deadband: float = 0.0
    scale: float | None = None
    offset: float = 0.0
    index: int | None = None
    """Which element of an array, counted from 0."""
    bit: int | None = None
    """One bit of a whole number, 0 the lowest."""
    labels: tuple[tuple[int, str], ...] = ()
    """The texts of whole numbers, as of a Modbus point."""
    on: tuple[int | str, ...] = ()
    """What the node holds when the state is on; the first is what is written."""
    off: tuple[int | str, ...] = ()
    """The same for off."""
    left: int | None = None
    """The number that leaves a state to the device: neither on nor off."""
    not_available: tuple[int, ...] = ()
    """Numbers by which the device says that it has no value."""
    low: float | None = None
    high: float | None = None
    """The values that the device can mean; beyond them the value is not used."""

    @property
    def is_state(self) -> bool:
        """Its values are on and off."""
        return self.bit is not None or bool(self.on or self.off)

    @property
    def is_text(self) -> bool:
        """Its values are texts."""
        return bool(self.labels) and not self.is_state


@dataclass(frozen=True, slots=True)
class PlantAddress:
    """A point of an in-process plant, by the plant's own name.

    The value is `plant's value * scale + offset`: -273.15 brings kelvin to degC.
    """

    name: str
    scale: float = 1.0
    offset: float = 0.0


Holds: TypeAlias = Literal["any", "number", "state"]
"""What a point is read as: a state is on or off, as 1 or 0; `any` may be a text."""

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
    scan_s: float | None = None
    """How often it is read; None: as often as its link."""
    tolerance: float | None = None
    """How far a value read back may be off; None: one step of the register."""
    readback: bool = True
    """False for commands that the device does not keep, such as a reset pulse."""
    holds: Holds = "any"
