"""The protection of a whole site: its controllers, base by base. Pure."""

from __future__ import annotations

from typing import Any, Final

from bms.config.site import Site
from bms.control.engine.shadowed import shadowed
from bms.control.protect.flow.flow_paths import as_commanded, guarded_machines
from bms.control.protect.outage import Restartable
from bms.control.protect.restart_manager import RestartManager
from bms.control.protect.run_evidence import run_evidence
from bms.control.protect.safety import Safety
from bms.core.decisions import Controller
from bms.core.equipment import Equipment
from drivers.points import PointId

AT_ONCE: Final = ("lighting_circuit",)
"""Kinds that wait for no turn after an outage: people need light to find their way."""


def protections(site: Site) -> list[Controller[Any]]:
    """Every protective controller; a base without anything to protect has none."""
    links = {point.id: name for name, link in site.links.items() for point in link.points}
    shadow = shadowed(site)
    unsent = frozenset(shadow.outputs if shadow is not None else ())
    found: list[Controller[Any]] = []
    for base, file in site.bases.items():
        equipment = {
            name.removeprefix(f"{base}."): machine
            for name, machine in site.equipment.items()
            if machine.base == base
        }
        groups = [group for group in site.declared.values() if group.base == base]
        guarded = tuple(
            as_commanded(one) if one.enable in unsent else one
            for one in guarded_machines(equipment, groups)
        )
        safety = Safety(base, tuple(equipment.values()), guarded)
        if safety.writes:
            found.append(safety)
        machines = [one for machine in equipment.values() if (one := _restartable(machine, links))]
        if machines:
            found.append(RestartManager(base, file.zone, machines))
    return found


def _restartable(machine: Equipment, links: dict[PointId, str]) -> Restartable | None:
    enable = machine.commanded("enable")
    if enable is None or machine.exempt or machine.kind.name in AT_ONCE:
        return None
    places = (
        f"link {links[enable]}" if enable in links else "",
        f"building {machine.building}" if machine.building else "",
        f"base {machine.base}",
    )
    known = tuple(place for place in places if place)
    return Restartable(machine, enable, run_evidence(machine), known)
