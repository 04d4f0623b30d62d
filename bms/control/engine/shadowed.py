"""Shadow mode: deciding as usual beside the system that is in charge, and writing nothing. Pure.

Machines do not obey commands that are not sent. A sequence that waits for the proof of its command
would call every machine failed and stop deciding. So in shadow the controllers see each machine as
they command it: its commanded points, its run status and end switches. They see everything else as
it is. They decide as they would if the machines obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bms.config.site import Site
from bms.control.engine.protection import is_on
from bms.core.decisions import Award
from bms.texts.messages import msg
from drivers.points import PointId, Quality, Sample

ASSUMED = msg("assumed: in shadow mode nothing is written")


_FOLLOWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "enable": "status",
        "oa_damper": "oa_damper_open",
        "damper": "damper_open",
        "valve": "valve_open",
        "chw_valve": "chw_valve_open",
        "cw_valve": "cw_valve_open",
    }
)
"""What shows that a command was obeyed, by the role that is commanded."""


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The outputs that are commanded in shadow only, and the proof that follows each."""

    outputs: tuple[PointId, ...]
    statuses: Mapping[PointId, PointId]
    """Status point by the point that starts the machine; end switch by that of its valve."""

    def __call__(
        self, samples: Mapping[PointId, Sample], awards: Mapping[PointId, Award]
    ) -> Mapping[PointId, Sample]:
        """The samples as the controllers are to see them."""
        seen = dict(samples)
        for point in self.outputs:
            award = awards.get(point)
            if award is None or point not in samples:
                continue
            time, value = samples[point].time, award.value
            seen[point] = Sample(point, value, Quality.GOOD, time, ASSUMED)
            status = self.statuses.get(point)
            if status is not None:
                seen[status] = Sample(status, is_on(value), Quality.GOOD, time, ASSUMED)
        return seen


def shadowed(site: Site) -> Shadowed | None:
    """The part of a site that is commanded in shadow only; None if nothing is."""
    whole = site.file.mode == "shadow"
    points = {
        point.id
        for link in site.links.values()
        if whole or link.settings.mode == "shadow"
        for point in link.points
    }
    outputs = tuple(point for point in site.outputs if point in points)
    if not points:
        return None
    statuses = {
        machine.points[told]: machine.points[shows]
        for machine in site.equipment.values()
        for told, shows in _FOLLOWS.items()
        if told in machine.points and shows in machine.points
    }
    return Shadowed(outputs, statuses)
