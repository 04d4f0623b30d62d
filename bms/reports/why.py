"""Why a point has its value, now or at a past moment: the whole ladder, as plain values.

Of equipment, the ladders of the groups that run it follow: what the strategy made its command of,
with everything that the group's schedule had for that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bms.config.points import own_group, point_class, points_behind, shown, zone_of
from bms.config.site import Site, StrategySpec
from bms.control.engine.minimum_times import Hold, retold
from bms.core.decisions import Award, Command
from bms.core.equipment import PointClass
from bms.core.errors import BmsError, InvalidInput
from bms.core.instants import local
from bms.historian.log.log_queries import Queries
from bms.texts.messages import msg
from bms.texts.problems import suggestion
from drivers.points import PointId, Quality, Sample

ANALOG_WITHIN = (timedelta(hours=1),)
STATE_WITHIN = (*ANALOG_WITHIN, timedelta(hours=6), timedelta(hours=25))
"""How far back a past reading is looked for, the nearest first because the log is decoded for it:
states are stored when they change, and once a day."""


def why(
    site: Site,
    strategies: Mapping[str, StrategySpec],
    point: PointId,
    time: datetime,
    award_of: Callable[[PointId], Award | None],
    sample: Sample | None,
    *,
    units: Mapping[PointId, str],
    note: str = "",
) -> dict[str, Any]:
    """The answer at `time`, in the zone of the point's base.

    `award_of` gives the award of then, `sample` is what the field showed, `units` every known
    point. Raises InvalidInput for an unknown point.
    """
    if point not in units:
        hint = suggestion(point, units)
        raise InvalidInput(msg("unknown point '{point}'; {hint}", point=point, hint=hint))
    zone = ZoneInfo(zone_of(site, point))
    return {
        "point": point,
        "time": local(time, zone),
        "commandable": point in site.outputs or own_group(site, point) is not None,
        **_ladder(site, award_of(point), zone),
        "behind": [
            {"point": other, **_ladder(site, award_of(other), zone)}
            for other in points_behind(site, strategies, point)
        ],
        "field": {
            "value": sample.value if sample is not None else None,
            "unit": units[point],
            "quality": (sample.quality if sample is not None else Quality.BAD).name.lower(),
            "age_s": round((time - sample.time).total_seconds(), 1) if sample is not None else None,
            "detail": sample.detail if sample is not None else "",
        },
        "note": note,
    }


def why_then(
    site: Site,
    strategies: Mapping[str, StrategySpec],
    history: Queries,
    point: PointId,
    time: datetime,
    now: datetime,
    *,
    units: Mapping[PointId, str],
) -> dict[str, Any]:
    """The answer at a past moment, from history; what is not known is said.

    Raises InvalidInput for a moment in the future or an unknown point, BmsError for one before
    the first command that history knows.
    """
    zone = ZoneInfo(zone_of(site, point))
    if time > now:
        raise InvalidInput(
            msg(
                "{time} is still to come; 'bms schedule preview' shows what is planned",
                time=local(time, zone),
            )
        )
    begin = history.first_award()
    if begin is None or time < begin:
        moment = local(time, zone)
        if begin is None:
            raise BmsError(
                msg("nothing is known of {time}: the history of commands is empty", time=moment)
            )
        raise BmsError(
            msg(
                "nothing is known of {time}: the history of commands begins at {begin}",
                time=moment,
                begin=local(begin, zone),
            )
        )
    sample = _recorded(site, history, point, time)
    if sample is None and own_group(site, point) is not None:
        found = award_at(history, point, time)  # a group's point shows what it is awarded
        if found is not None:
            sample = Sample(point, found.value, Quality.GOOD, time)
    if sample is None:
        sample = Sample(point, None, Quality.BAD, time, msg("no reading of then is recorded"))
    return why(
        site,
        strategies,
        point,
        time,
        lambda other: award_at(history, other, time),
        sample,
        units=units,
        note=_whether_it_ran(site, history, time),
    )


def award_at(history: Queries, point: PointId, time: datetime) -> Award | None:
    """The award in force at `time` as the engine told it then, minimum times included."""
    row = history.award_at(point, time)
    if row is None or row.award is None:
        return None
    winner = row.award.winner
    if row.held_since is None or winner.expires is None:
        return row.award
    return retold(row.award, Hold(winner.value, row.held_since, winner.expires), time)


def _ladder(site: Site, award: Award | None, zone: ZoneInfo) -> dict[str, Any]:
    commands = (award.winner, *award.losers) if award is not None else ()
    told = [_command(site, command, zone) for command in commands]
    return {"winner": told[0] if told else None, "losers": told[1:]}


def _command(site: Site, command: Command, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "value": shown(site, command.point, command.value),
        "priority": int(command.priority),
        "slot": command.priority.name.lower(),
        "source": command.source,
        "reason": command.reason,
        "expires": local(command.expires, zone) if command.expires is not None else None,
    }


def _whether_it_ran(site: Site, history: Queries, time: datetime) -> str:
    """A note where nothing was recorded around a moment; empty where something was."""
    within = timedelta(seconds=max(120.0, 2 * site.file.history.trend_s))
    first = history.span()[0]
    if first is None or time < first or history.recorded(time - within, time + within):
        return ""
    minutes = within.total_seconds() / 60
    return msg(
        "nothing was recorded within {minutes:g} min: the controller may not have been "
        "running; shown is what it had commanded last",
        minutes=minutes,
    )


def _recorded(site: Site, history: Queries, point: PointId, time: datetime) -> Sample | None:
    """The last reading up to a moment."""
    state = point_class(site, point) is PointClass.STATE
    end = time
    for within in STATE_WITHIN if state else ANALOG_WITHIN:
        found = history.samples(point, time - within, end)
        if found:
            return found[-1]
        end = time - within
    return None
