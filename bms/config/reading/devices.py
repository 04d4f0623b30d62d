"""The device types a site may use: the shipped catalogue and the site's own `devices/*.yaml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bms.config.reading.sections import Names, read_all
from bms.config.resolving.output_rules import Finding
from bms.core.equipment import Kind, PointClass, Role
from bms.core.machines.equipment_kinds import KINDS
from bms.texts.messages import Message, msg
from bms.texts.problems import Document, Origin, Problem, suggestion
from bms.texts.yaml.parsing import validate
from drivers.device_files.catalogue import DeviceType, shipped
from drivers.device_files.templates import PointTemplate

_SWITCHES = ("state", "command")


@dataclass(slots=True)
class Catalogue:
    """Device types by id. A site's own type goes before a shipped one of the same id."""

    types: dict[str, DeviceType] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    own: set[str] = field(default_factory=set)
    """Ids of types that the site defines itself: their files are already checked."""

    def of_kind(self, kind: str) -> list[str]:
        """The ids of the types of one kind."""
        return sorted(name for name, device in self.types.items() if device.kind == kind)


def read_devices(texts: Mapping[str, str], complete: bool) -> tuple[Catalogue, list[Problem]]:
    """The catalogue with the site's own device files added, and everything wrong with those.

    `complete` says whether all of them could be read from the disk.
    """
    catalogue = Catalogue(dict(shipped()))
    catalogue.names.known.update(catalogue.types)
    documents, problems, parsed = read_all(texts)
    catalogue.names.complete = complete and parsed
    defined: dict[str, Origin] = {}
    for document in documents:
        name = document.data.get("device")
        if not isinstance(name, str):
            catalogue.names.complete = False
        elif name in defined:
            message = msg(
                "device '{name}' is already described in {defined}",
                name=name,
                defined=defined[name],
            )
            problems.append(document.problem(("device",), message, msg("give it another id")))
            continue
        else:
            defined[name] = document.at(("device",))
            catalogue.names.known.add(name)
            catalogue.types.pop(name, None)
        device, found = validate(DeviceType, document)
        problems.extend(found)
        if device is None:
            continue
        problems.extend(_at(document, check_device(device)))
        if device.kind in KINDS:
            catalogue.own.add(device.device)
            catalogue.types[device.device] = device
    return catalogue, problems


def _at(document: Document, findings: Iterable[Finding]) -> list[Problem]:
    return [document.problem(f.path, f.message, f.hint, key=f.key) for f in findings]


def check_device(device: DeviceType) -> list[Finding]:
    """Where a device type does not fit its kind: roles, units, missing points."""
    kind = KINDS.get(device.kind)
    if kind is None:
        return [
            Finding(
                ("kind",), msg("no kind '{kind}'", kind=device.kind), suggestion(device.kind, KINDS)
            )
        ]
    findings: list[Finding] = []
    known, kind = kind, kind_of(device, kind)
    for name, template in device.points.items():
        role = kind.roles.get(name)
        if template.own is not None and (wrong := _check_own(known, name)) is not None:
            findings.append(wrong)
            continue
        if role is None:
            message = msg("no role '{role}' in kind {kind}", role=name, kind=kind.name)
            findings.append(Finding(("points", name), message, _own_hint(name, kind), key=True))
            continue
        findings.extend(_check_point(role, template))
    findings += [
        Finding(
            ("points",),
            msg("a {kind} needs a point '{role}'", kind=kind.name, role=role.name),
            msg("add it"),
            key=True,
        )
        for role in kind.roles.values()
        if role.required and role.name not in device.points
    ]
    return findings


FIRST_ROLES = frozenset(
    {
        "chw_return_temp", "chw_setpoint", "chw_supply_temp", "cooling_valve", "cw_supply_temp",
        "differential_pressure", "enable", "energy", "fan_speed", "fault", "flow", "humidity",
        "hw_return_temp", "hw_setpoint", "hw_supply_temp", "illuminance", "irradiance", "level",
        "load", "occupied", "outdoor_temp", "power", "pressure", "return_temp", "speed", "status",
        "supply_setpoint", "supply_temp", "tank_setpoint", "tank_temp", "volume",
        "wet_bulb_temp", "zone_setpoint", "zone_temp",
    }
)  # fmt: skip
"""Roles that kinds have had from the beginning. A device file may call one of the later ones its
own: it did so before there were any, and what it says of it goes on."""
COMMANDED = (
    "chw_setpoint", "hw_setpoint", "supply_setpoint", "tank_setpoint", "zone_setpoint",
    "fan_speed", "level", "speed",
)  # fmt: skip
"""With a unit behind them, what groups are commanded by."""


def kind_of(device: DeviceType, kind: Kind) -> Kind:
    """The kind of equipment with the roles that the device adds."""
    return kind.with_roles(
        Role(
            name,
            "" if template.own in _SWITCHES else template.unit,
            PointClass.STATE if template.own in _SWITCHES else PointClass.ANALOG,
            command=template.own in ("setpoint", "command"),
        )
        for name, template in device.points.items()
        if template.own is not None and (name not in kind.roles or name not in FIRST_ROLES)
    )


def _own_hint(name: str, kind: Kind) -> Message:
    return msg(
        "{suggestion}; or say what it is: own: measurement, setpoint, command, state or counter",
        suggestion=suggestion(name, kind.roles),
    )


def _check_own(kind: Kind, name: str) -> Finding | None:
    """What is wrong with the name of a role of the device's own."""
    if name in kind.roles and name in FIRST_ROLES:
        message = msg("'{role}' is a role of kind {kind}", role=name, kind=kind.name)
        return Finding(("points", name, "own"), message, msg("remove it"), key=True)
    if name == "mode" or name.rpartition("_")[0] in COMMANDED:
        message = msg("'{name}' is what groups are commanded by", name=name)
        return Finding(("points", name), message, msg("give it another name"), key=True)
    return None


def _check_point(role: Role, template: PointTemplate) -> list[Finding]:
    path = ("points", role.name)
    findings: list[Finding] = []
    unit = template.unit
    if unit != role.unit:
        if not role.unit:
            findings.append(
                Finding(
                    (*path, "unit"),
                    msg("'{name}' has no unit, not {unit}", name=role.name, unit=unit),
                    msg("remove it"),
                    key=True,
                )
            )
        elif unit:
            message = msg(
                "wrong unit {unit}: '{role}' is in {expected_unit}",
                unit=unit,
                role=role.name,
                expected_unit=role.unit,
            )
            hint = msg("set scale and offset so that the value is in {unit}", unit=role.unit)
            findings.append(Finding((*path, "unit"), message, hint))
        else:
            message = msg("'{name}' has no unit", name=role.name)
            findings.append(
                Finding(path, message, msg("write unit: {unit}", unit=role.unit), key=True)
            )
    if role.klass is not PointClass.COUNTER:
        findings += [
            Finding(
                (*path, key),
                msg("'{name}' is no counter: it has no {key}", name=role.name, key=key),
                msg("remove it"),
                key=True,
            )
            for key in ("register_size", "resolution")
            if getattr(template, key) is not None
        ]
    elif template.step is not None and template.resolution is not None:
        message = msg("'{name}' counts whole numbers: its scale is its resolution", name=role.name)
        findings.append(Finding((*path, "resolution"), message, msg("remove it"), key=True))
    wrong = ("string",) if role.klass is PointClass.STATE else ("bool", "string")
    worded = template.labels and not (template.on or template.off or template.type == "bool")
    kind = "string" if worded else template.type
    if kind in wrong:
        meant = msg("a state") if role.klass is PointClass.STATE else msg("a number")
        message = msg(
            "'{role}' is {expected}, not a {given}", role=role.name, expected=meant, given=kind
        )
        hint = msg("name the register's type")
        if worded and role.klass is PointClass.STATE:
            hint = msg("say which codes mean what: {example}", example="on: [1, 2], off: 0")
        findings.append(Finding((*path, "type"), message, hint))
    return findings
