"""The tags that points are sent with: only what is part of their identity, so that a point is one
series and cardinality is the number of points.

`base`, `bldg` (where the equipment names its building), `equip`, `kind` (of equipment), `class`
(the role of the point, `chw_supply_temp`), `point` (the full id); energy besides `medium` and
`role`: `main`, `generation` and `export` make up a base's load, `load` is that sum, `sub` are all
others. Names, units and the gateway are no tags: they change, and a tag that changes makes another
series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bms.config.site import MeterRole
from bms.forward.streams.text import escaped
from drivers.points import PointId

if TYPE_CHECKING:
    from bms.config.site import Site

BEGINNING = 0


def tag_text(tags: Mapping[str, str]) -> str:
    """Tags as they follow a measurement: `,base=b,equip=e`; sorted, empty ones left out."""
    return "".join(
        f",{key}={text}" for key, value in sorted(tags.items()) if (text := escaped(value))
    )


def plain_tags(point: PointId) -> dict[str, str]:
    """What the id alone says of a point that the site does not know (or no longer knows)."""
    base, _, rest = point.partition(".")
    return {"base": base, "equip": rest.rpartition(".")[0], "point": point}


def site_tags(site: Site) -> dict[PointId, str]:
    """The tags of every point and meter of a site, ready for a line."""
    found: dict[PointId, dict[str, str]] = {}
    for equipment in site.equipment.values():
        for role, point in equipment.points.items():
            found[point] = {
                **plain_tags(point),
                "bldg": equipment.building,
                "kind": equipment.kind.name,
                "class": role,
            }
    for meter in site.metering.values():
        tags = found.setdefault(meter.id, plain_tags(meter.id) | {"base": meter.base})
        tags["medium"] = meter.medium.value
        tags["role"] = "main" if meter.role is MeterRole.IMPORT else meter.role.value
    return {point: tag_text(tags) for point, tags in found.items()}


class Tagging:
    """The tags of points by time: a point that was given others keeps the old ones in its past."""

    def __init__(self, versions: Mapping[PointId, Sequence[tuple[int, str]]]) -> None:
        """`versions` as `sinks.remember_tags` returns them."""
        self.renew(versions)

    def renew(self, versions: Mapping[PointId, Sequence[tuple[int, str]]]) -> None:
        """Go on with those of other equipment."""
        self._versions = versions
        self.settled_ms = max(
            (since_ms for found in versions.values() for since_ms, _ in found[-1:]),
            default=BEGINNING,
        )
        """From here on every point has its latest tags."""

    def of(self, point: PointId, ms: int) -> str:
        """The tags of a point in a line of that time."""
        for since_ms, text in reversed(self._versions.get(point, ())):
            if since_ms <= ms:
                return text
        return tag_text(plain_tags(point))
