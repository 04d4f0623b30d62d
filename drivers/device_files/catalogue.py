"""Device types: which points a device has and where, as YAML files. Devices are data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from bms.texts.messages import msg
from bms.texts.yaml.parsing import read
from drivers.codec.encoding import codec, width
from drivers.device_files.opcua_points import opcua_address, opcua_problem
from drivers.device_files.templates import (
    FileModel,
    Models,
    PointDefaults,
    PointTemplate,
    Problem,
    filled,
    modbus_problem,
    plant_problem,
)
from drivers.modbus.reading.plan import MAX_BITS, MAX_REGISTERS
from drivers.modbus.wire.transport import UnitProfile
from drivers.points import Address, ModbusAddress, PlantAddress, Point, Table


def _title(value: object) -> object:
    plain = isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if plain or isinstance(value, str):
        return value
    raise ValueError(
        msg("a title is a text, or one per language: {example}", example="{zh: …, en: …}")
    )


class Forbidden(FileModel):
    """Registers that must not be read, not even on the way to others."""

    table: Table
    """The table."""
    first: int = Field(ge=0, le=65535)
    """The first register."""
    last: int = Field(ge=0, le=65535)
    """The last register."""


class Profile(FileModel):
    """What the device can take. What is absent is up to the link."""

    max_registers: int | None = Field(default=None, ge=1, le=125)
    """Most registers in one read."""
    max_gap: int | None = Field(default=None, ge=0, le=124)
    """Unused registers read along rather than asking twice."""
    forbidden: tuple[Forbidden, ...] = ()
    """What must not be read."""
    from_start: tuple[Table, ...] = ()
    """Tables of which a read always brings what begins at the first address, whatever was asked
    for: such a table is read from there on, in one go."""


class DeviceType(FileModel):
    """A make and model of a device: every point it offers, by role."""

    device: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=64)
    """The device's id, `maker-model`."""
    kind: str = Field(min_length=1)
    """The kind of equipment; it gives the roles."""
    title: Annotated[str | dict[str, str], BeforeValidator(_title)] = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    document: str = Field(min_length=1)
    """The manual that the points come from."""
    protocol: Literal["modbus", "opcua", "plant"]
    """How it is spoken to."""
    namespace: str | None = Field(default=None, min_length=1)
    """OPC-UA only: the URI of the namespace of all nodes."""
    defaults: PointDefaults = PointDefaults()
    """Modbus only."""
    profile: Profile = Profile()
    """Modbus only."""
    addresses: Literal["zero_based", "one_based"] = "zero_based"
    """Modbus only: how this file counts, said once. Maker's tables that begin with register 1,
    or 40001, are one-based; on the wire and in a loaded device the first register is 0."""
    models: Models = Field(default_factory=dict)
    """Where the SunSpec models of its points begin, unless the installation says otherwise."""
    points: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], PointTemplate] = Field(
        min_length=1
    )
    """Its points by role."""

    @property
    def sunspec(self) -> tuple[int, ...]:
        """The SunSpec models that its points lie in."""
        return tuple(sorted({t.model for t in self.points.values() if t.model is not None}))

    @model_validator(mode="before")
    @classmethod
    def _fill_in_defaults(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("protocol") != "modbus":
            return data
        points, defaults = data.get("points"), data.get("defaults", {})
        if not isinstance(points, dict) or not isinstance(defaults, dict):
            return data
        allowed = {k: v for k, v in defaults.items() if k in PointDefaults.model_fields}
        shift = 1 if data.get("addresses") == "one_based" else 0
        made = {role: _moved(filled(p, allowed), shift) for role, p in points.items()}
        found = {**data, "points": made, "profile": _profile_moved(data.get("profile", {}), shift)}
        if shift and isinstance(models := data.get("models"), dict):
            found["models"] = {k: v - 1 if isinstance(v, int) else v for k, v in models.items()}
        return found

    @model_validator(mode="after")
    def _check(self) -> Self:
        problems: list[tuple[tuple[str, ...], str]] = []
        if self.protocol == "opcua" and self.namespace is None:
            problems.append(((), msg("an OPC-UA device needs 'namespace', the URI of its nodes")))
        if self.protocol != "opcua" and self.namespace is not None:
            problems.append((("namespace",), msg("only OPC-UA devices have a namespace")))
        if self.protocol != "modbus" and self.defaults != PointDefaults():
            problems.append((("defaults",), msg("only Modbus devices have defaults")))
        if self.protocol != "modbus" and self.profile != Profile():
            problems.append((("profile",), msg("only Modbus devices have a profile")))
        if self.protocol != "modbus" and self.addresses != "zero_based":
            problems.append((("addresses",), msg("only Modbus devices count registers")))
        problems += [
            (("profile", "forbidden", str(n)), msg("the last address comes before the first"))
            for n, hole in enumerate(self.profile.forbidden)
            if hole.last < hole.first
        ]
        problems += [
            (("models", str(model)), msg("no point says 'model: {model}'", model=model))
            for model in self.models
            if model not in self.sunspec
        ]
        problems += self._out_of_reach()
        check = {
            "modbus": modbus_problem,
            "opcua": opcua_problem,
            "plant": plant_problem,
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

    def _out_of_reach(self) -> list[tuple[tuple[str, ...], str]]:
        """Points of a table that is read from its start, in one go, and that lie behind that."""
        found: list[tuple[tuple[str, ...], str]] = [
            (
                ("profile", "forbidden", str(n)),
                msg(
                    "table '{table}' is read from its start: nothing is left out", table=hole.table
                ),
            )
            for n, hole in enumerate(self.profile.forbidden)
            if hole.table in self.profile.from_start
        ]
        for role, template in self.points.items():
            if template.table not in self.profile.from_start or template.address is None:
                continue
            bits = template.table in ("coil", "discrete")
            most = MAX_BITS if bits else self.profile.max_registers or MAX_REGISTERS
            address = template.modbus(1)
            last = max(address.address + width(address) - 1, address.scale_address or 0)
            if last >= most or template.model is not None:
                found.append(
                    (
                        ("points", role),
                        msg(
                            "table '{table}' is read from its start, {most} at most: this lies "
                            "behind that",
                            table=template.table,
                            most=most,
                        ),
                    )
                )
        return found


def _moved(point: Any, shift: int) -> Any:
    """A point with its addresses counted from zero."""
    if not isinstance(point, dict) or not shift:
        return point
    return point | {
        key: point[key] - shift
        for key in ("address", "scale_address")
        if isinstance(point.get(key), int)
    }


def _profile_moved(profile: Any, shift: int) -> Any:
    holes = profile.get("forbidden") if isinstance(profile, dict) else None
    if not shift or not isinstance(holes, list):
        return profile
    moved = [
        {k: v - shift if isinstance(v, int) else v for k, v in hole.items()}
        if isinstance(hole, dict)
        else hole
        for hole in holes
    ]
    return profile | {"forbidden": moved}


def profile_of(device: DeviceType, link: UnitProfile) -> UnitProfile:
    """What a device takes on a link: the stricter of both."""
    own = device.profile
    registers, gap = own.max_registers, own.max_gap
    return UnitProfile(
        link.max_registers if registers is None else min(registers, link.max_registers),
        link.max_gap if gap is None else min(gap, link.max_gap),
        link.forbidden + tuple((hole.table, hole.first, hole.last) for hole in own.forbidden),
        own.from_start,
    )


def models_problem(device: DeviceType, models: Models) -> Problem | None:
    """Why the points of a device cannot be found with its SunSpec models beginning there."""
    known = device.sunspec
    for model in models:
        if model not in known:
            its = (
                msg("it has {models}", models=", ".join(map(str, known)))
                if known
                else msg("its addresses are fixed")
            )
            return str(model), msg(
                "no point of {device} lies in SunSpec model {model}; {fact}",
                device=device.device,
                model=model,
                fact=its,
            )
    begin = {**device.models, **models}
    for role, template in device.points.items():
        if template.model is None:
            continue
        first = begin.get(template.model)
        if first is None:
            return "", (
                msg(
                    "'{key}' is missing: where SunSpec model {model} of {device} begins, as "
                    "'bms scan modbus' says, for example {example}",
                    key="models",
                    model=template.model,
                    device=device.device,
                    example=f"models: {{{template.model}: 40070}}",
                )
            )
        address = template.modbus(1, first)
        if max(address.address + width(address) - 1, address.scale_address or 0) > 0xFFFF:
            return str(template.model), msg("'{role}' would lie beyond register 65535", role=role)
    return None


def bind(
    device: DeviceType,
    *,
    base: str,
    equipment: str,
    unit: int | None,
    models: Models | None = None,
    states: Collection[str] | None = None,
) -> dict[str, Point]:
    """The points of one installed device, by role, with ids `<base>.<equipment>.<role>`.

    `unit` is the Modbus unit id, 0 to 255; `models` says where SunSpec models begin; `states` are
    the roles that are on or off, all others are numbers (None: nobody knows). ValueError if a
    Modbus device gets no unit, or a device whose nodes or names contain `{unit}`, and for whatever
    `models_problem` finds.
    """
    if found := models_problem(device, models or {}):
        raise ValueError(found[1])
    begin = {**device.models, **(models or {})}
    return {
        role: Point(
            id=f"{base}.{equipment}.{role}",
            address=_stated(
                _address(device, template, base, equipment, unit, begin),
                template,
                state=role in (states or ()),
            ),
            unit=template.unit,
            writable=template.writable,
            release_value=template.release_value,
            scan_s=template.scan,
            tolerance=template.step if template.tolerance is None else template.tolerance,
            readback=template.readback,
            holds="any" if states is None else "state" if role in states else "number",
        )
        for role, template in device.points.items()
    }


def _stated(address: Address, template: PointTemplate, *, state: bool) -> Address:
    """A plain number that plays the role of a state: 1 is on, 0 is off, and nothing else is.

    What is scaled or shifted is left as it is: there the device file itself says otherwise.
    """
    if not state or not isinstance(address, ModbusAddress):
        return address
    odd = address.offset or address.scale_address is not None or address.low is not None
    if address.is_state or address.is_text or odd or address.high is not None:
        return address
    made = replace(address, on=(1,), off=(0,), left=template.left, scale=1.0)
    try:
        codec(made)
    except ValueError:  # what an earlier version accepted goes on as it was
        return address
    return made


def _address(
    device: DeviceType,
    template: PointTemplate,
    base: str,
    equipment: str,
    unit: int | None,
    begin: Mapping[int, int],
) -> Address:
    if device.protocol == "modbus":
        if unit is None or not 0 <= unit <= 255:
            raise ValueError(
                msg("a Modbus device needs a unit from 0 to 255, not {unit}", unit=unit)
            )
        return template.modbus(unit, 0 if template.model is None else begin[template.model])
    pattern = template.pattern
    if unit is None and "{unit}" in pattern:
        raise ValueError(
            msg(
                "the points of {device} contain {place}: a unit is needed",
                device=device.device,
                place="{unit}",
            )
        )
    text = pattern.format(base=base, equipment=equipment, unit=unit)
    if device.protocol == "plant":
        scale = 1.0 if template.scale is None else template.scale
        return PlantAddress(text, scale, template.offset or 0.0)
    assert device.namespace is not None
    method = template.method
    if method is not None:
        method = method.format(base=base, equipment=equipment, unit=unit)
    return opcua_address(template, device.namespace, text, method)


def shipped() -> dict[str, DeviceType]:
    """The device types of this package, by id. ValueError names a file that is wrong."""
    devices: dict[str, DeviceType] = {}
    for path in _yaml_files(files("drivers").joinpath("devices")):
        document, problems = read(path.name, path.read_text(encoding="utf-8"))
        if document is None or problems:
            raise ValueError(str(problems[0]))
        try:
            device = DeviceType.model_validate(document.data)
        except ValidationError as error:
            raise ValueError(f"{path.name}: {error}") from error
        if device.device in devices:
            raise ValueError(
                msg(
                    "{file}: device '{device}' is described twice",
                    file=path.name,
                    device=device.device,
                )
            )
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
