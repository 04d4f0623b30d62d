"""`lighting`: lamp circuits of offices, halls, garages and grounds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bms.config.site import Ability, Group, Setpoint, StrategySpec
from bms.control.strategies import group as groups
from bms.control.strategies.lighting.circuit_controller import MODES, CircuitController
from bms.control.strategies.lighting.circuits import Circuit, circuits_of
from bms.control.strategies.lighting.lighting_parameters import LightingParameters
from bms.control.strategies.lighting.night import Nights
from bms.core.decisions import Controller
from bms.texts.messages import Message, msg

SETPOINTS: Mapping[str, Setpoint] = MappingProxyType({"level_pct": Setpoint.of("level", "%")})


def _build(group: Group) -> Sequence[Controller[Any]]:
    parameters: LightingParameters = group.parameters
    circuits = circuits_of(group)
    cells = tuple(group.equipment[name] for name in parameters.photocells)
    uses_sun = parameters.only_dark or any(circuit.daylight is not None for circuit in circuits)
    nights = (
        Nights(group.place, group.zone, parameters.dusk_min, parameters.twilight_min)
        if group.place is not None and uses_sun
        else None
    )
    return [CircuitController(group, circuit, cells, nights) for circuit in circuits]


def _check(group: Group) -> Sequence[groups.Finding]:
    parameters: LightingParameters = group.parameters
    found = list(groups.members_without(group, "enable"))
    names = {groups.short(member) for member in group.members}
    for member in group.members:
        if member.kind.name != "lighting_circuit":
            text = msg(
                "'{equipment}' is a {kind}, a {expected_kind} belongs here",
                equipment=groups.short(member),
                kind=member.kind.name,
                expected_kind="lighting_circuit",
            )
            found.append((("members",), text))
    for key in ("target_lux_of", "floor_of"):
        found += [
            (("parameters", key, name), msg("'{name}' is no member of this group", name=name))
            for name in getattr(parameters, key)
            if name not in names
        ]
    for index, name in enumerate(parameters.photocells):
        found += groups.named(group, ("parameters", "photocells", index), name, "photocell", ())
    if parameters.daylight_on >= parameters.daylight_off:
        at = ("parameters", "daylight_on")
        found.append((at, msg("daylight_on must be below daylight_off")))
    if parameters.only_dark and group.place is None and not parameters.photocells:
        text = msg(
            "only_dark needs the location of base '{base}' in site.yaml, or a photocell",
            base=group.base,
        )
        found.append((("parameters", "only_dark"), text))
    if parameters.warning == "point":
        found += [(finding[0], finding[1]) for finding in groups.members_without(group, "warning")]
    return found


def _abilities(group: Group) -> Sequence[Ability]:
    """What it can do for each circuit, and what that would need."""
    parameters: LightingParameters = group.parameters
    found: list[Ability] = []
    for circuit in circuits_of(group):
        found += [
            Ability(circuit.name, title, lacks) for title, lacks in _of_circuit(circuit, parameters)
        ]
    return found


def _of_circuit(
    circuit: Circuit, parameters: LightingParameters
) -> list[tuple[Message, Message | None]]:
    power = "power" in circuit.machine.points
    return [
        (
            msg("off where nobody is"),
            None if circuit.presence else msg("nothing that it serves sees people"),
        ),
        (
            msg("off where daylight is enough"),
            None
            if circuit.daylight is not None
            else msg("no light sensor")
            if not circuit.lux
            else msg("no target_lux"),
        ),
        (
            msg("off by day"),
            None if parameters.only_dark else msg("only_dark is not set"),
        ),
        (
            msg("names lamps that do not do what they are told"),
            None if power else msg("no point that shows its power"),
        ),
    ]


LIGHTING = StrategySpec(
    name="lighting",
    summary=msg("lamps by schedule, people, daylight and the sun; car parks by bays"),
    modes=MODES,
    setpoints=SETPOINTS,
    parameters=LightingParameters,
    check=_check,
    build=_build,
    each=True,
    can=_abilities,
)
