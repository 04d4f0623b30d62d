"""How each commandable point is protected, and the settings that may not be given to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.config.shapes.models import OutputFile
from bms.core.decisions import OutputRules
from bms.core.equipment import Kind, PointClass, Role
from bms.texts.messages import Message, message_of, msg
from bms.texts.problems import suggestion
from drivers.codec.encoding import codec
from drivers.codec.scaling import FLOATS
from drivers.device_files.templates import PointTemplate
from drivers.points import ModbusAddress, OpcUaAddress, Point, Value

FLOAT_TOLERANCE = 1e-3
"""A float32 keeps about 1e-7 of a value; this is 1e-6 of 1000, above any set point in degC, % or
kPa, and far below what a person or a plant would notice."""

WHOLE_NUMBER_TOLERANCE = 0.5
"""The most that rounding to an unscaled integer register changes a value."""

_COARSE = ("%",)
"""Units of which a fraction makes no difference to anybody."""

_NOT_COUNTED = ("bool", "string", *FLOATS)
"""Types whose registers do not count in steps."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at a path below what was looked at."""

    path: tuple[str | int, ...]
    message: Message
    hint: str = ""
    key: bool = False


def value_type(point: Point, declared: str | None) -> str:
    """The type behind a point; one bit of a register is a bool.

    `declared` is for OPC-UA nodes; without it, the server's own type is taken for a float.
    """
    address = point.address
    if isinstance(address, ModbusAddress | OpcUaAddress):
        if address.is_text:
            return "string"
        if address.is_state:
            return "bool"
    if isinstance(address, ModbusAddress):
        return address.type
    return declared or "float64"


def step(point: Point, register_type: str) -> float | None:
    """What one count of an integer register means; None for floats and states."""
    if isinstance(point.address, OpcUaAddress) and point.address.scale is not None:
        return abs(point.address.scale)
    if register_type in _NOT_COUNTED:
        return None
    return abs(point.address.scale) if isinstance(point.address, ModbusAddress) else 1.0


def rules(
    kind: Kind, role: Role, point: Point, template: PointTemplate, setting: OutputFile | None
) -> OutputRules:
    """The rules of one output: what the site says, else the device, else the kind and register."""
    minimum = (kind.min_on_s, kind.min_off_s) if role.name == "enable" else (0.0, 0.0)
    count = step(point, value_type(point, template.type))
    tolerance = _tolerance(role, count) if template.tolerance is None else template.tolerance
    number = role.klass is not PointClass.STATE
    whole = number and count == 1.0 and isinstance(point.address, ModbusAddress)
    whole = whole and role.unit not in _COARSE
    if setting is None:
        return OutputRules(*minimum, tolerance=tolerance, number=number, whole=whole)
    return OutputRules(
        min_on_s=minimum[0] if setting.min_on_s is None else setting.min_on_s,
        min_off_s=minimum[1] if setting.min_off_s is None else setting.min_off_s,
        tolerance=tolerance if setting.tolerance is None else setting.tolerance,
        refresh_s=setting.refresh_s,
        release_on_stop=setting.on_stop == "release",
        number=number,
        whole=whole,
    )


def read_only(kind: Kind, points: Mapping[str, Point]) -> frozenset[str]:
    """The commanded roles of which the device only shows the value."""
    return frozenset(
        role for role, point in points.items() if kind.roles[role].command and not point.writable
    )


def _tolerance(role: Role, count: float | None) -> float:
    if role.klass is PointClass.STATE:
        return 0.0
    if count is None:
        return FLOAT_TOLERANCE
    return count if count != 1.0 else WHOLE_NUMBER_TOLERANCE


def _exempt_defaults(settings: Mapping[str, OutputFile]) -> list[Finding]:
    """The defaults of a machine that only a person may switch: each of them would."""
    text = msg("a default would switch what only a person may switch")
    hint = msg("remove it: 'exempt' says that nobody else commands this machine")
    return [
        Finding((role, "default"), text, hint)
        for role, setting in settings.items()
        if setting.default is not None
    ]


def check_settings(
    kind: Kind,
    settings: Mapping[str, OutputFile],
    points: Mapping[str, tuple[Point, str]],
    device: str,
    *,
    exempt: bool = False,
) -> list[Finding]:
    """What is wrong with the `outputs` of one piece of equipment; `points` has type by role."""
    findings = _exempt_defaults(settings) if exempt else []
    commands = [role.name for role in kind.roles.values() if role.command]
    for name, setting in settings.items():
        role = kind.roles.get(name)
        if role is None or not role.command:
            wrong = (
                msg("no role '{role}' in kind {kind}", role=name, kind=kind.name)
                if role is None
                else msg("'{role}' is not commanded in kind {kind}", role=name, kind=kind.name)
            )
            findings.append(
                Finding(
                    (name,),
                    wrong,
                    suggestion(name, commands),
                    True,
                )
            )
            continue
        if name not in points:
            message = msg("device '{device}' has no point '{name}'", device=device, name=name)
            findings.append(Finding((name,), message, suggestion(name, points), True))
            continue
        point, register_type = points[name]
        if not point.writable:
            message = msg(
                "point '{name}' of device '{device}' is not writable", name=name, device=device
            )
            hint = msg("set writable: true in the device's file, or remove this")
            findings.append(Finding((name,), message, hint, True))
            continue
        findings.extend(_check_setting(role, setting, point, register_type))
    return findings


def _check_setting(
    role: Role, setting: OutputFile, point: Point, register_type: str
) -> list[Finding]:
    findings: list[Finding] = []
    if role.klass is not PointClass.STATE:
        findings += [
            Finding(
                (role.name, key),
                msg("'{name}' is not switched on and off", name=role.name),
                msg("remove it"),
                key=True,
            )
            for key in ("min_on_s", "min_off_s")
            if getattr(setting, key) is not None
        ]
    if setting.on_stop == "release" and point.release_value is None:
        refused = msg(
            "'{name}' cannot be released: the device gives it no release_value", name=role.name
        )
        findings.append(Finding((role.name, "on_stop"), refused, msg("write hold")))
    if setting.default is not None:
        wrong = _check_default(role, setting.default, point, register_type)
        if wrong is not None:
            findings.append(Finding((role.name, "default"), *wrong))
    return findings


def _check_default(
    role: Role, default: Value, point: Point, register_type: str
) -> tuple[Message, Message] | None:
    if role.klass is PointClass.STATE:
        if isinstance(default, bool):
            return None
        return msg("{default!r} is not a state", default=default), msg("write true or false")
    if isinstance(default, bool | str):
        refused = msg("{default!r} is not a number", default=default)
        if not role.unit:
            return refused, msg("'{name}' is a number", name=role.name)
        return refused, msg("'{name}' is a number in {unit}", name=role.name, unit=role.unit)
    if register_type in FLOATS or not isinstance(point.address, ModbusAddress):
        return None
    made = codec(point.address)
    try:
        if made.partial:
            made.masked(default)
        else:
            made.encode(default)
    except ValueError as error:
        return msg("{default} does not fit the register", default=default), message_of(error)
    return None
