"""Shadow mode: deciding as usual beside the system that is in charge, and writing nothing. Pure.

Machines do not obey commands that are not sent. A sequence that waits for the proof of its command
would call every machine failed and stop deciding. So in shadow the controllers see each machine as
they command it: its commanded points and its run status. They see everything else as it is. They
decide as they would if the machines obeyed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bms.config.site import Site
from bms.control.engine.protection import is_on
from bms.core.decisions import Award
from bms.texts.messages import msg
from drivers.points import PointId, Quality, Sample

ASSUMED = msg("assumed: in shadow mode nothing is written")


@dataclass(frozen=True, slots=True)
class Shadowed:
    """The outputs that are commanded in shadow only, and the run status that follows each."""

    outputs: tuple[PointId, ...]
    statuses: Mapping[PointId, PointId]
    """Status point by the point that starts the machine."""

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
        machine.points["enable"]: machine.points["status"]
        for machine in site.equipment.values()
        if "enable" in machine.points and "status" in machine.points
    }
    return Shadowed(outputs, statuses)
