"""What schedules and people ask of a machine: its mode, its zone pair, other setpoints. Pure.

A machine of the group may be asked for something of its own: `<machine>.mode` beside
`<group>.mode`, as optimal start does for each machine. The stronger award of the two counts.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from bms.config.site import Group
from bms.control.strategies.air.served import Unit
from bms.core.decisions import Award, Condition, Priority, Severity, Snapshot
from bms.core.equipment import Equipment
from bms.texts.messages import msg
from drivers.points import PointId

MODES: Final = ("on", "off", "vent", "purge", "elevated", "full", "isolate")
"""`vent`: air without heating or cooling. `purge`: the same with all outdoor air. `elevated` and
`full`: epidemic ventilation, with CO2 ignored, and with outdoor air only. `isolate`: a case is
confirmed, nothing may carry the air on."""
OCCUPIED: Final = ("on", "elevated", "full")
STILL: Final = ("off", "isolate")
LEAST_GAP_K: Final = 0.5
"""Heating ends at least so far below where cooling begins (D)."""


class Pair(NamedTuple):
    """Zones are heated below one temperature and cooled above the other, in degC."""

    heating_c: float
    cooling_c: float


def own_mode_point(machine: Equipment) -> PointId:
    """The mode of one machine of a group, where it differs."""
    return f"{machine.id}.mode"


def asked(snapshot: Snapshot, group: Group, machine: Equipment, name: str) -> Award | None:
    """The award of a group's mode or setpoint for one of its machines."""
    awards = snapshot.awards
    of_group = awards.get(f"{group.id}.{name}")
    of_machine = awards.get(f"{machine.id}.{name}")
    if of_group is None or of_machine is None:
        return of_group if of_machine is None else of_machine
    stronger = of_machine.winner.priority <= of_group.winner.priority
    return of_machine if stronger else of_group


def number_asked(snapshot: Snapshot, group: Group, machine: Equipment, name: str) -> float | None:
    """A setpoint as a number; None if nobody gives it."""
    award = asked(snapshot, group, machine, name)
    return None if award is None or isinstance(award.value, str) else float(award.value)


def is_early(mode: Award) -> bool:
    """Optimal start has begun a block before people come."""
    return mode.winner.priority is Priority.OPTIMISER and mode.value in OCCUPIED


def unknown_mode(group: Group, mode: object) -> Condition:
    """For a mode that the strategy does not know: it then commands nothing."""
    text = msg(
        "{group} is commanded to the unknown mode '{mode}'; allowed: {modes}; its equipment "
        "is left alone",
        group=group.id,
        mode=mode,
        modes=", ".join(MODES),
    )
    return Condition(f"{group.id}:mode", Severity.URGENT, text)


def pair_of(snapshot: Snapshot, group: Group, unit: Unit, zone: Equipment | None) -> Pair:
    """Between what a zone is kept while people are there.

    What schedules and people give counts; without it what the thermostat of the zone shows, and
    else the parameters.
    """
    heating = number_asked(snapshot, group, unit.machine, "heating_setpoint_c")
    cooling = number_asked(snapshot, group, unit.machine, "cooling_setpoint_c")
    middle = number_asked(snapshot, group, unit.machine, "zone_setpoint_c")
    if heating is None and cooling is None and middle is None and zone is not None:
        heating = _shown(snapshot, zone, "heating_setpoint")
        cooling = _shown(snapshot, zone, "cooling_setpoint")
        middle = _shown(snapshot, zone, "zone_setpoint")
    parameters = unit.parameters
    if middle is not None:
        heating = middle - parameters.band_k if heating is None else heating
        cooling = middle + parameters.band_k if cooling is None else cooling
    if heating is None:
        heating = parameters.heating_c
        if cooling is not None:
            heating = min(heating, cooling - 2.0 * parameters.band_k)
    if cooling is None:
        cooling = max(parameters.cooling_c, heating + 2.0 * parameters.band_k)
    return Pair(min(heating, cooling - LEAST_GAP_K), cooling)


def _shown(snapshot: Snapshot, zone: Equipment, role: str) -> float | None:
    """What a thermostat shows, if it can be meant."""
    point = zone.points.get(role)
    value = None if point is None else snapshot.number(point)
    limits = zone.kind.roles[role].limits if point is not None else None
    if value is None or limits is None or not limits[0] <= value <= limits[1]:
        return None
    return value
