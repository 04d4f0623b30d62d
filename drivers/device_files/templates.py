"""One point of a device type, as device files write it, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bms.texts.messages import message_of, msg
from drivers.codec.encoding import codec, is_bit_table, width
from drivers.codec.scaling import FLOATS
from drivers.points import (
    ModbusAddress,
    Order,
    RegisterType,
    Table,
    Value,
    WriteFunction,
)

MODBUS_KEYS = (
    "model",
    "table",
    "address",
    "scale",
    "offset",
    "word_order",
    "byte_order",
    "bit",
    "half",
    "length",
    "labels",
    "on",
    "off",
    "not_available",
    "range",
    "scale_address",
    "write",
)
_OPCUA_KEYS = ("node", "method", "deadband", "index")
_NODE_KEYS = ("base", "equipment", "unit")


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(msg("a value is a number, true or false, or a text"))


def _codes(value: object) -> object:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


def _words(value: object) -> object:
    return [value] if isinstance(value, str) else _codes(value)


ModelNumber: TypeAlias = Annotated[int, Field(ge=1, le=65534)]
Models: TypeAlias = dict[ModelNumber, Annotated[int, Field(ge=0, le=65535)]]
"""SunSpec models, and the zero-based address of the register that holds the model's number."""


OwnClass: TypeAlias = Literal["measurement", "setpoint", "command", "state", "counter"]
"""What a point is that the kind of equipment does not know: a number that is read, a number that
may be commanded, a switch, on or off that is read, a number that counts up."""


class FileModel(BaseModel):
    """Unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PointDefaults(FileModel):
    """What the points of a Modbus device have in common."""

    table: Table | None = None
    """As of a point."""
    type: RegisterType | None = None
    """As of a point."""
    word_order: Order | None = None
    """As of a point."""
    byte_order: Order | None = None
    """As of a point."""
    scale: float | None = None
    """As of a point; not of bits and texts."""
    not_available: dict[RegisterType, Annotated[tuple[int, ...], BeforeValidator(_codes)]] = {}
    """By type, for makers who use one code for all registers of it."""


class PointTemplate(FileModel):
    """One point of a device, without the installation: a Modbus, OPC-UA or plant address.

    In a loaded `DeviceType` the device's defaults are already filled in. `address` is the
    zero-based PDU address. `node` is an OPC-UA identifier such as `s={base}.{equipment}.power`;
    `{base}`, `{equipment}` and `{unit}` are replaced per installation. `name` is what an
    in-process plant calls the point, with the same replacements.
    """

    table: Table | None = None
    """Modbus: which table the point lies in."""
    address: int | None = Field(default=None, ge=0, le=65535)
    """Modbus: the first register, counted as `addresses` says."""
    model: ModelNumber | None = None
    """The SunSpec model that holds the point: `address` and `scale_address` then count from the
    model's first register, the one with its number; `models` says where that is."""
    type: RegisterType | None = None
    """How the registers are read; `uint16` if absent, `bool` for bits."""
    scale: float | None = None
    """What the raw number is multiplied by."""
    offset: float | None = None
    """What is added after scaling."""
    word_order: Order | None = None
    """Which register of several comes first: `big` (the high one) if absent."""
    byte_order: Order | None = None
    """Which byte of a register comes first: `big` (the high one) if absent."""
    bit: int | None = Field(default=None, ge=0, le=63)
    """One bit of a register (0 to 15), or of a whole number of a server; 0 is the lowest."""
    half: Literal["high", "low"] | None = None
    """int8 and uint8: which byte of the register; the low one if absent."""
    length: int | None = Field(default=None, ge=1)
    """Registers of a string."""
    labels: dict[int, str] | None = Field(default=None, min_length=1)
    """The texts of a whole number; other numbers are no value. Of a state: words for its codes."""
    on: Annotated[tuple[int | str, ...] | None, BeforeValidator(_words)] = Field(None, min_length=1)
    """States and commands: the raw numbers that mean on, of which the first is written; 1 if
    absent. A number that is in neither list is no value, and never "on". OPC-UA: also texts."""
    off: Annotated[tuple[int | str, ...] | None, BeforeValidator(_words)] = Field(
        None, min_length=1
    )
    """States and commands: the raw numbers that mean off; 0 if absent."""
    not_available: Annotated[tuple[int, ...] | None, BeforeValidator(_codes)] = None
    """Raw numbers, unsigned, that mean "no value"; `[]` takes the device's defaults away."""
    range: tuple[float, float] | None = None
    """The lowest and the highest value, after scaling, that the device can mean."""
    scale_address: int | None = Field(default=None, ge=0, le=65535)
    """A register holding the power of ten that the scale is multiplied by, -10 to 10."""
    write: WriteFunction | None = None
    """How it is written; `auto` if absent."""
    node: str | None = Field(default=None, min_length=1)
    """OPC-UA: the node, such as `s={base}.{equipment}.power`."""
    method: str | None = Field(default=None, min_length=1)
    """OPC-UA: writing the point calls this method of the object `node`."""
    index: int | None = Field(default=None, ge=0)
    """OPC-UA: which element of an array the point is; the first is 0."""
    deadband: float | None = Field(default=None, ge=0)
    """OPC-UA: the least change that the server reports, in the node's own unit."""
    name: str | None = Field(default=None, min_length=1)
    """Plants: what the plant calls the point."""
    unit: str = ""
    """The canonical unit of the value after scaling."""
    own: OwnClass | None = None
    """What the point is, where its name is no role of the kind but one of the device's own:
    voltages and currents of a meter, a set point of a tower."""
    writable: bool = False
    """Whether it may be commanded."""
    release_value: Annotated[Value | None, BeforeValidator(_scalar)] = None
    """What is written when nobody commands the point; without it the last value holds."""
    tolerance: float | None = Field(default=None, ge=0)
    """How far the value read back may be off; one step of the register if absent."""
    scan: float | None = Field(default=None, gt=0, le=86400)
    """Seconds between reads; as often as the link is polled if absent."""
    readback: bool = True
    """`false` for commands that the device does not keep, such as a reset pulse."""
    register_size: float | None = Field(default=None, gt=0)
    """Counters: the value at which the register is back at zero, in the point's unit."""
    resolution: float | None = Field(default=None, gt=0)
    """Counters in floating point: what one count of the device's own counter is worth."""

    @property
    def pattern(self) -> str:
        """The node or the name, before base, equipment and unit are put in; "" for Modbus."""
        return self.node or self.name or ""

    def modbus(self, unit: int, first: int = 0) -> ModbusAddress:
        """The address on one Modbus unit. The template must be a checked Modbus one.

        `first` is where its SunSpec model begins, 0 if it is of none.
        """
        assert self.table is not None
        assert self.address is not None
        low, high = self.range or (None, None)
        return ModbusAddress(
            unit=unit,
            table=self.table,
            address=first + self.address,
            type=self.type or "uint16",
            half="big" if self.half == "high" else "little",
            length=self.length or 1,
            labels=tuple((self.labels or {}).items()),
            on=tuple(code for code in self.on or () if isinstance(code, int)),
            off=tuple(code for code in self.off or () if isinstance(code, int)),
            left=self.left if self.on or self.off or self.type == "bool" else None,
            not_available=self.not_available or (),
            low=low,
            high=high,
            scale_address=None if self.scale_address is None else first + self.scale_address,
            write=self.write or "auto",
            scale=1.0 if self.scale is None else self.scale,
            offset=self.offset or 0.0,
            word_order=self.word_order or "big",
            byte_order=self.byte_order or "big",
            bit=self.bit,
        )

    @property
    def left(self) -> int | None:
        """The code that gives a command back to the device, if it is neither on nor off."""
        code = self.release_value
        given = isinstance(code, int) and not isinstance(code, bool) and code not in (0, 1)
        return int(code) if given else None  # type: ignore[arg-type]

    @property
    def step(self) -> float | None:
        """What one count of the register means; None for floats, states, texts and OPC-UA."""
        counted = self.type is not None and self.type not in ("bool", "string", *FLOATS)
        state = self.bit is not None or self.on is not None or self.off is not None
        if self.table is None or not counted or state or self.labels:
            return None
        return abs(self.scale) if self.scale is not None else 1.0


def filled(point: Any, defaults: Mapping[str, Any]) -> Any:
    """One point with the defaults that concern it."""
    if not isinstance(point, dict):
        return point
    own = ("type", "scale", "not_available", "word_order", "byte_order")
    found = {key: value for key, value in defaults.items() if key not in own} | point
    bit = found.get("table") in ("coil", "discrete") or found.get("bit") is not None
    if "type" not in point:
        found["type"] = "bool" if bit else defaults.get("type", "uint16")
    kind = found["type"]
    worded = any(key in point for key in ("labels", "on", "off"))
    plain = kind not in ("bool", "string") and not bit and not worded
    if "scale" not in point and "scale" in defaults and plain:
        found["scale"] = defaults["scale"]
    if kind != "string":
        found |= {key: defaults[key] for key in own[3:] if key in defaults and key not in point}
    codes = defaults.get("not_available")
    if "not_available" not in point and isinstance(codes, Mapping) and kind in codes and not bit:
        found["not_available"] = codes[kind]
    return found


Problem: TypeAlias = tuple[str, str]
"""The key of a point that is wrong (empty: the point as a whole), and a sentence."""


def modbus_problem(template: PointTemplate) -> Problem | None:
    for key in (*_OPCUA_KEYS, "name"):
        if getattr(template, key) is not None:
            return key, msg("a Modbus point has 'table' and 'address', not '{key}'", key=key)
    for key in ("on", "off"):
        if any(isinstance(code, str) for code in getattr(template, key) or ()):
            return key, msg("a register holds numbers, no texts")
    if template.table is None:
        return "", msg(
            "'{key}' is missing: {choices}", key="table", choices="holding, input, coil, discrete"
        )
    if template.address is None:
        return "", msg("'address' is missing: the zero-based address of the register")
    if template.type == "string" and template.length is None:
        return "", msg("a text needs its 'length' in registers, two characters each")
    if template.type != "string" and template.length is not None:
        return "length", msg("only a string has a length; {type} has its own", type=template.type)
    if template.type not in ("int8", "uint8") and template.half is not None:
        return "half", msg("only int8 and uint8 are half of a register")
    if template.write is not None and not template.writable:
        return "write", msg("how to write is of no use to a point that is not writable")
    if template.writable and template.table in ("input", "discrete"):
        writable = "holding" if template.table == "input" else "coil"
        return "writable", (
            msg(
                "nothing can be written to table '{table}'; a writable point lies in "
                "'{writable_table}'",
                table=template.table,
                writable_table=writable,
            )
        )
    address = template.modbus(unit=1)
    if is_bit_table(address) and template.type != "bool":
        return "type", msg(
            "a {table} is one bit: its type is bool, not {type}",
            table=template.table,
            type=template.type,
        )
    try:
        made = codec(address)
    except ValueError as error:
        return "", message_of(error)
    found = _write_problem(template, partial=made.partial)
    release = found or release_problem(template)
    if release is None and template.release_value is not None:
        try:
            if made.partial:
                made.masked(template.release_value)
            else:
                made.encode(template.release_value)
        except ValueError as error:
            return "release_value", message_of(error)
    return release


def _write_problem(template: PointTemplate, *, partial: bool) -> Problem | None:
    how, bit = template.write, template.table == "coil"
    if how in ("mask", "read_write", "single") and bit:
        return "write", msg(
            "a coil is written one by one, or with {setting}, not {way}",
            setting="write: multiple",
            way=how,
        )
    if how == "mask" and not partial:
        return "write", msg("{setting} is for a bit or a half of a register", setting="write: mask")
    address = template.modbus(unit=1)
    if how == "single" and not bit and width(address) > 1:
        return "write", msg("one register cannot hold {type}", type=template.type)
    return None


def plant_problem(template: PointTemplate) -> Problem | None:
    for key in (*(k for k in MODBUS_KEYS if k not in ("scale", "offset")), *_OPCUA_KEYS):
        if getattr(template, key) is not None:
            return key, msg(
                "'{key}' belongs to a device on a wire; a plant's point has 'name'", key=key
            )
    if template.name is None:
        return "", msg("'name' is missing: what the plant calls this point")
    if template.scale == 0:
        return "scale", msg("a scale of 0 makes every value the same")
    return braces_problem("name", template.name) or release_problem(template)


def braces_problem(key: str, text: str) -> Problem | None:
    try:
        used = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError:
        return key, msg(
            "the braces in '{text}' are not closed; a brace that is meant is written twice",
            text=text,
        )
    for name in used:
        if name not in _NODE_KEYS:
            return key, msg(
                "'{name}' is not known; allowed: {allowed}",
                name=f"{{{name}}}",
                allowed=", ".join(f"{{{key}}}" for key in _NODE_KEYS),
            )
    try:
        text.format(base="base", equipment="equipment", unit=1)
    except ValueError:
        return key, msg("a format in '{text}' does not fit what stands there", text=text)
    return None


def release_problem(template: PointTemplate) -> Problem | None:
    if template.release_value is not None and not template.writable:
        return "release_value", msg("a point that is not writable cannot be released")
    return None
