"""What demand limits have shed, for how long, and what that kept off the bill, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from bms.config.points import zone_of
from bms.config.site import Group, Site
from bms.control.strategies.demand.demand_controller import DemandLimit
from bms.control.strategies.demand.demand_telling import AVOIDED_KW
from bms.core.decisions import Command, Priority
from bms.core.instants import local
from bms.historian.log.log_queries import Queries
from drivers.points import PointId

_MINUTE = timedelta(minutes=1)
_LATEST = timedelta(days=1)
"""How far back the last avoided demand is looked for."""


def shed_rows(
    site: Site, history: Queries, since: datetime, until: datetime
) -> list[dict[str, Any]]:
    """Each stretch in which a point was shed, the earliest first; times in the base's zone."""
    rows: list[tuple[datetime, dict[str, Any]]] = []
    for group in site.groups.values():
        if group.strategy != "demand_limit":
            continue
        avoided_kw = _avoided(group, history, until)
        for point in sorted(DemandLimit(group).writes):
            for begin, end, command in _stretches(history, point, since, until):
                zone = zone_of(site, group.id)
                row = {
                    "group": group.id,
                    "point": point,
                    "from": local(begin, zone),
                    "to": None if end is None else local(end, zone),
                    "minutes": round(((end or until) - begin) / _MINUTE, 1),
                    "value": command.value,
                    "reason": command.reason,
                    "avoided_kw": avoided_kw,
                }
                rows.append((begin, row))
    rows.sort(key=lambda found: (found[0], found[1]["point"]))
    return [row for _, row in rows]


def _stretches(
    history: Queries, point: PointId, since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime | None, Command]]:
    """From, until and command of each time that a demand limit had the point."""
    first = history.award_at(point, since)
    changes = [] if first is None else [(since, first.award)]
    changes += [(row.time, row.award) for row in history.awards(point, since, until)]
    begun: tuple[datetime, Command] | None = None
    for time, award in changes:
        winner = None if award is None else award.winner
        sheds = winner is not None and winner.priority is Priority.DEMAND
        if begun is None and sheds and winner is not None:
            begun = (time, winner)
        elif begun is not None and not sheds:
            yield begun[0], time, begun[1]
            begun = None
    if begun is not None:
        yield begun[0], None, begun[1]


def _avoided(group: Group, history: Queries, until: datetime) -> float | None:
    """What the month's shedding has avoided by then; None if nothing is recorded."""
    found = history.samples(group.fact_point(AVOIDED_KW), until - _LATEST, until)
    shown = found[-1].value if found else None
    return None if shown is None or isinstance(shown, str) else round(float(shown), 1)
