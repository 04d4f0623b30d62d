"""Device types: which points a device has and where, as YAML files. Devices are data."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from string import Formatter
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from drivers.codec import as_bool, codec, is_bit_table
from drivers.points import (
    Address,
    ModbusAddress,
    OpcUaAddress,
    Order,
    PlantAddress,
    Point,
    RegisterType,
    Table,
    Value,
)

ValueType: TypeAlias = Literal[
    "bool", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "string"
]
"""All register types, and the texts of OPC-UA."""

_MODBUS_KEYS = ("table", "address", "scale", "offset", "word_order", "byte_order", "bit")
_NODE_KEYS = ("base", "equipment", "unit")


def _scalar(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError("a value is a number, true or false, or a text")


def _title(value: object) -> object:
    plain = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if plain or isinstance(value, str):
        return value
    raise ValueError("a title is a text, or one per language: {zh: …, en: …}")


class _FileModel(BaseModel):
    """Unknown keys are errors, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PointDefaults(_FileModel):
    """What the points of a Modbus device have in common."""

    table: Table | None = None
    type: RegisterType | None = None
    word_order: Order | None = None
    byte_order: Order | None = None
    scale: float | None = None


class PointTemplate(_FileModel):
    """One point of a device, without the installation: a Modbus, OPC-UA or plant address.

    In a loaded `DeviceType` the device's defaults are already filled in. `address` is the
    zero-based PDU address. `node` is an OPC-UA identifier such as `s={base}.{equipment}.power`;
    `{base}`, `{equipment}` and `{unit}` are replaced per installation. `name` is what an
    in-process plant calls the point, with the same replacements.
    """

    table: Table | None = None
    address: int | None = Field(default=None, ge=0, le=65535)
    type: ValueType | None = None
    scale: float | None = None
    offset: float | None = None
    word_order: Order | None = None
    byte_order: Order | None = None
    bit: int | None = Field(default=None, ge=0, le=15)
    node: str | None = Field(default=None, min_length=1)
    name: str | None = Field(default=None, min_length=1)
    unit: str = ""
    """The canonical unit of the value after scaling."""
    writable: bool = False
    release_value: Annotated[Value | None, BeforeValidator(_scalar)] = None
    tolerance: float | None = Field(default=None, ge=0)
    """How far the value read back may be off; one step of the register if absent."""

    @property
    def pattern(self) -> str:
        """The node or the name, before base, equipment and unit are put in; "" for Modbus."""
        return self.node or self.name or ""

    def modbus(self, unit: int) -> ModbusAddress:
        """The address on one Modbus unit. The template must be a checked Modbus one."""
        assert self.table is not None
        assert self.address is not None
        assert self.type != "string"
        return ModbusAddress(
            unit=unit,
            table=self.table,
            address=self.address,
            type=self.type or "uint16",
            scale=1.0 if self.scale is None else self.scale,
            offset=self.offset or 0.0,
            word_order=self.word_order or "big",
            byte_order=self.byte_order or "big",
            bit=self.bit,
        )


class DeviceType(_FileModel):
    """A make and model of a device: every point it offers, by role."""

    device: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)
    kind: str = Field(min_length=1)
    title: Annotated[str | dict[str, str], BeforeValidator(_title)] = ""
    document: str = Field(min_length=1)
    """The manual that the points come from."""
    protocol: Literal["modbus", "opcua", "plant"]
    namespace: str | None = Field(default=None, min_length=1)
    """OPC-UA only: the URI of the namespace of all nodes."""
    defaults: PointDefaults = PointDefaults()
    """Modbus only."""
    points: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], PointTemplate] = Field(
        min_length=1
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_in_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("protocol") != "modbus":
            return data
        points, defaults = data.get("points"), data.get("defaults", {})
        if not isinstance(points, dict) or not isinstance(defaults, dict):
            return data
        allowed = {k: v for k, v in defaults.items() if k in PointDefaults.model_fields}
        return {**data, "points": {role: _filled(p, allowed) for role, p in points.items()}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems: list[tuple[tuple[str, ...], str]] = []
        if self.protocol == "opcua" and self.namespace is None:
            problems.append(((), "an OPC-UA device needs 'namespace', the URI of its nodes"))
        if self.protocol != "opcua" and self.namespace is not None:
            problems.append((("namespace",), "only OPC-UA devices have a namespace"))
        if self.protocol != "modbus" and self.defaults != PointDefaults():
            problems.append((("defaults",), "only Modbus devices have defaults"))
        check = {
            "modbus": _modbus_problem,
            "opcua": _opcua_problem,
            "plant": _plant_problem,
        }[self.protocol]
        for role, template in self.points.items():
            found = check(template)
            if found is not None:
                key, message = found
                problems.append((("points", role, *((key,) if key else ())), message))
        if problems:
            raise ValidationError.from_exception_data(
                self.device,
                [
                    InitErrorDetails(
                        type=PydanticCustomError("device", "{problem}", {"problem": message}),
                        loc=where,
                        input=None,
                    )
                    for where, message in problems
                ],
            )
        return self


def _filled(point: Any, defaults: Mapping[str, Any]) -> Any:
    """One point with the defaults that concern it."""
    if not isinstance(point, dict):
        return point
    filled = {key: value for key, value in defaults.items() if key not in ("type", "scale")}
    filled |= point
    bit = filled.get("table") in ("coil", "discrete") or filled.get("bit") is not None
    if "type" not in point:
        filled["type"] = "bool" if bit else defaults.get("type", "uint16")
    if "scale" not in point and "scale" in defaults and filled["type"] != "bool":
        filled["scale"] = defaults["scale"]
    return filled


Problem: TypeAlias = tuple[str, str]
"""The key of a point that is wrong (empty: the point as a whole), and a sentence."""


def _modbus_problem(template: PointTemplate) -> Problem | None:
    for key in ("node", "name"):
        if getattr(template, key) is not None:
            return key, f"a Modbus point has 'table' and 'address', not '{key}'"
    if template.table is None:
        return "", "'table' is missing: holding, input, coil or discrete"
    if template.address is None:
        return "", "'address' is missing: the zero-based address of the register"
    if template.type == "string":
        return "type", "texts in registers are not supported"
    if template.writable and template.table in ("input", "discrete"):
        writable = "holding" if template.table == "input" else "coil"
        return "writable", (
            f"nothing can be written to table '{template.table}'; "
            f"a writable point lies in '{writable}'"
        )
    address = template.modbus(unit=1)
    if is_bit_table(address) and template.type != "bool":
        return "type", f"a {template.table} is one bit: its type is bool, not {template.type}"
    try:
        made = codec(address)
    except ValueError as error:
        return "", str(error)
    release = _release_problem(template)
    if release is None and template.release_value is not None:
        try:
            if is_bit_table(address) or made.partial:
                as_bool(template.release_value)
            else:
                made.encode(template.release_value)
        except ValueError as error:
            return "release_value", str(error)
    return release


def _opcua_problem(template: PointTemplate) -> Problem | None:
    for key in _MODBUS_KEYS:
        if getattr(template, key) is not None:
            return key, f"'{key}' belongs to Modbus points; an OPC-UA point has 'node'"
    if template.name is not None:
        return "name", "an OPC-UA point has 'node', not 'name'"
    if template.node is None:
        return "", "'node' is missing, for example s={base}.{equipment}.power"
    kind, _, rest = template.node.partition("=")
    if kind not in ("s", "i", "g", "b") or not rest:
        return "node", "a node is written s=Name, i=number, g=GUID or b=base64"
    return _braces_problem("node", template.node) or _release_problem(template)


def _plant_problem(template: PointTemplate) -> Problem | None:
    for key in ("table", "address", "word_order", "byte_order", "bit", "node"):
        if getattr(template, key) is not None:
            return key, f"'{key}' belongs to a device on a wire; a plant's point has 'name'"
    if template.name is None:
        return "", "'name' is missing: what the plant calls this point"
    if template.scale == 0:
        return "scale", "a scale of 0 makes every value the same"
    return _braces_problem("name", template.name) or _release_problem(template)


def _braces_problem(key: str, text: str) -> Problem | None:
    try:
        used = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as error:
        return key, f"{error}; a brace that is meant is written twice"
    for name in used:
        if name not in _NODE_KEYS:
            return key, f"'{{{name}}}' is not known; allowed: {{base}}, {{equipment}}, {{unit}}"
    return None


def _release_problem(template: PointTemplate) -> Problem | None:
    if template.release_value is not None and not template.writable:
        return "release_value", "a point that is not writable cannot be released"
    return None


def bind(device: DeviceType, *, base: str, equipment: str, unit: int | None) -> dict[str, Point]:
    """The points of one installed device, by role, with ids `<base>.<equipment>.<role>`.

    `unit` is the Modbus unit id, 0 to 255. ValueError if a Modbus device gets none, or a
    device whose nodes or names contain `{unit}`.
    """
    return {
        role: Point(
            id=f"{base}.{equipment}.{role}",
            address=_address(device, template, base, equipment, unit),
            unit=template.unit,
            writable=template.writable,
            release_value=template.release_value,
        )
        for role, template in device.points.items()
    }


def _address(
    device: DeviceType, template: PointTemplate, base: str, equipment: str, unit: int | None
) -> Address:
    if device.protocol == "modbus":
        if unit is None or not 0 <= unit <= 255:
            raise ValueError(f"a Modbus device needs a unit from 0 to 255, not {unit}")
        return template.modbus(unit)
    pattern = template.pattern
    if unit is None and "{unit}" in pattern:
        raise ValueError(f"the points of {device.device} contain {{unit}}: a unit is needed")
    text = pattern.format(base=base, equipment=equipment, unit=unit)
    if device.protocol == "plant":
        scale = 1.0 if template.scale is None else template.scale
        return PlantAddress(text, scale, template.offset or 0.0)
    assert device.namespace is not None
    return OpcUaAddress(device.namespace, text)


def shipped() -> dict[str, DeviceType]:
    """The device types of this package, by id. ValueError names a file that is wrong."""
    devices: dict[str, DeviceType] = {}
    for path in _yaml_files(files("drivers").joinpath("devices")):
        try:
            data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
            device = DeviceType.model_validate(data)
        except (ValidationError, YAMLError) as error:
            raise ValueError(f"{path.name}: {error}") from error
        if device.device in devices:
            raise ValueError(f"{path.name}: device '{device.device}' is described twice")
        devices[device.device] = device
    return devices


def _yaml_files(folder: Traversable) -> list[Traversable]:
    found: list[Traversable] = []
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            found += _yaml_files(entry)
        elif entry.name.endswith(".yaml"):
            found.append(entry)
    return found
