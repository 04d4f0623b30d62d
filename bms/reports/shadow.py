"""What would have been commanded: the awards of links in shadow mode, beside what ran."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bms.config.points import zone_of
from bms.config.site import Site
from bms.control.engine.protection import same, same_winner
from bms.control.engine.shadowed import shadowed
from bms.core.errors import InvalidInput
from bms.core.instants import MILLISECOND, local
from bms.historian.log.log_queries import Queries
from bms.historian.records import AwardRow
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from drivers.points import PointId, Quality, Sample, Value

BEFORE = timedelta(days=1)
"""How far back a reading is looked for that still holds when a command was decided."""


@dataclass(frozen=True, slots=True)
class Unsent:
    """One command that would have been sent; `value` None: the point would have been released."""

    time: datetime
    point: PointId
    value: Value | None
    source: str
    reason: str
    field: Value | None
    """What the point read then; None if it could not be read."""
    agrees: bool | None
    """Whoever is in charge had commanded the same; None where that cannot be told."""
    noted: bool
    """It was noted then that it was not sent; else the link is in shadow mode now, and an earlier
    version did not note it."""


def shadow_report(
    site: Site, history: Queries, since: datetime, until: datetime, link: str | None = None
) -> list[Unsent]:
    """What would have been sent in [since, until), by time: of all links, or of one.

    An earlier version did not note what was sent: of its time, it is what was commanded on the
    links that are in shadow mode now, or on `link`. Raises InvalidInput if there is no such link,
    or if nothing is found and none is in shadow.
    """
    active = shadowed(site)
    if link is None:
        outputs: Collection[PointId] = site.outputs
        assumed = frozenset(() if active is None else active.outputs)
    else:
        outputs = assumed = frozenset(_outputs(site, link))
    found: list[Unsent] = []
    for point in outputs:
        rows = [
            row
            for row in _decisions(history, point, since, until)
            if row.sent is False or (row.sent is None and point in assumed)
        ]
        if rows:
            readings = history.samples(point, since - BEFORE, until)
            found += _unsent(rows, readings, site.outputs[point].tolerance)
    if not found and active is None and link is None:
        raise InvalidInput(
            msg("no link is in shadow mode; name one with --link to see what it was")
        )
    found.sort(key=lambda row: (row.time, row.point))
    return found


def _decisions(
    history: Queries, point: PointId, since: datetime, until: datetime
) -> list[AwardRow]:
    """The rows in which another command won, not those in which only the losers changed."""
    earlier = history.award_at(point, since - MILLISECOND)
    before = earlier.award if earlier is not None else None
    rows = []
    for row in history.awards(point, since, until):
        if row.time < until and not same_winner(row.award, before):
            rows.append(row)
        before = row.award
    return rows


def _outputs(site: Site, link: str) -> Sequence[PointId]:
    if link not in site.links:
        raise InvalidInput(
            msg(
                "no link '{link}'; {suggestion}", link=link, suggestion=suggestion(link, site.links)
            )
        )
    return [p.id for p in site.links[link].points if p.id in site.outputs]


def _unsent(rows: Sequence[AwardRow], readings: Sequence[Sample], tolerance: float) -> list[Unsent]:
    times = [sample.time for sample in readings]
    found = []
    for row in rows:
        at = bisect_right(times, row.time) - 1
        sample = readings[at] if at >= 0 else None
        good = sample is not None and sample.quality is Quality.GOOD
        field = sample.value if sample is not None and good else None
        winner = row.award.winner if row.award is not None else None
        value = winner.value if winner is not None else None
        found.append(
            Unsent(
                row.time,
                row.point,
                value,
                winner.source if winner is not None else "",
                winner.reason if winner is not None else msg("nobody commands it now"),
                field,
                None if value is None or field is None else same(value, field, tolerance),
                row.sent is False,
            )
        )
    return found


def to_json(site: Site, rows: Sequence[Unsent]) -> list[dict[str, Any]]:
    """Plain values, times in the zone of each point's base."""
    return [
        {
            "time": local(row.time, zone_of(site, row.point)),
            "point": row.point,
            "value": row.value,
            "field": row.field,
            "agrees": row.agrees,
            "noted": row.noted,
            "source": row.source,
            "reason": row.reason,
        }
        for row in rows
    ]
