"""What belongs to one lamp circuit: its points, the places that it lights, its sensors. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bms.config.site import Group
from bms.control.strategies.lighting.daylight import DaylightRules
from bms.control.strategies.lighting.lighting_parameters import LightingParameters
from bms.control.strategies.lighting.sweep import SweepRules
from bms.core.equipment import Equipment
from drivers.points import PointId

_PRESENCE: Final = ("occupied", "motion", "arrival")


@dataclass(frozen=True)
class Circuit:
    """One circuit of a group, with everything that decides about it."""

    machine: Equipment
    enable: PointId
    level: PointId | None
    warning: PointId | None
    presence: tuple[PointId, ...]
    extend: tuple[PointId, ...]
    lux: tuple[PointId, ...]
    neighbours: tuple[PointId, ...]
    """Enables of the circuits that its light sensors see, too; its own among them."""
    vacancy_s: float
    floor_pct: float
    daylight: DaylightRules | None
    sweep: SweepRules
    warns_by: str
    """`point`, `blink` or `none`."""

    @property
    def name(self) -> str:
        """Within its base."""
        return self.machine.id.rpartition(".")[2]


def circuits_of(group: Group) -> tuple[Circuit, ...]:
    """The circuits of a group, in the order of its members."""
    parameters: LightingParameters = group.parameters
    return tuple(_circuit(group, parameters, member) for member in group.members)


def places_of(group: Group, machine: Equipment) -> list[Equipment]:
    """The places that a circuit lights, and the circuit itself: its device may have sensors."""
    served = [group.equipment.get(name) for name in machine.relations.serves]
    return [machine, *(place for place in served if place is not None)]


def _points(places: list[Equipment], *roles: str) -> tuple[PointId, ...]:
    return tuple(
        dict.fromkeys(
            place.points[role] for place in places for role in roles if role in place.points
        )
    )


def _neighbours(group: Group, lux: tuple[PointId, ...]) -> tuple[PointId, ...]:
    """The enables of circuits of the base that light one of these sensors."""
    return tuple(
        other.points["enable"]
        for other in group.equipment.values()
        if other.kind.name == "lighting_circuit" and "enable" in other.points
        if set(_points(places_of(group, other), "illuminance")) & set(lux)
    )


def _circuit(group: Group, parameters: LightingParameters, machine: Equipment) -> Circuit:
    places = places_of(group, machine)
    name = machine.id.rpartition(".")[2]
    lux = _points(places, "illuminance")
    over_bays = any(place.kind.name == "parking_bay" for place in places)
    target = parameters.target_lux_of.get(name, parameters.target_lux)
    warning = machine.commanded("warning")
    warns_by = parameters.warning or (
        "none" if parameters.only_dark else "point" if warning is not None else "blink"
    )
    return Circuit(
        machine=machine,
        enable=machine.points["enable"],
        level=machine.commanded("level"),
        warning=warning,
        presence=_points(places, *_PRESENCE),
        extend=_points(places, "extend"),
        lux=lux,
        neighbours=_neighbours(group, lux) if lux else (),
        vacancy_s=(
            parameters.bay_confirm_s + parameters.bay_timer_s if over_bays else parameters.vacancy_s
        ),
        floor_pct=parameters.floor_of.get(name, parameters.floor_pct),
        daylight=(
            DaylightRules(
                target,
                parameters.daylight_off,
                parameters.daylight_on,
                parameters.daylight_s,
                parameters.frozen_h * 3600.0,
            )
            if target is not None and lux
            else None
        ),
        sweep=SweepRules(
            0.0 if warns_by == "none" else parameters.warning_s,
            parameters.extend_min * 60.0,
            parameters.blink_s if warns_by == "blink" else 0.0,
        ),
        warns_by=warns_by,
    )
