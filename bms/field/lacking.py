"""The alarms of devices behind a link that works: those that are silent or lack points.

A device that answers and has no good value of a point for minutes is looked at in the wrong place:
a register that it does not have, or another type, order or scale than the device file says.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from bms.config.points import owner_of
from bms.core.decisions import Condition, Severity
from bms.texts.messages import Message, msg
from drivers.backoff import without_countdown
from drivers.codec.codes import declared_absent
from drivers.points import PointId, Sample

NO_ANSWER = msg("no answer")
OFFLINE_AFTER_S = 30.0
"""Without one good value for this long, a link or a device raises its alarm."""
LACKING_AFTER_S = 120.0
"""Without a good value for this long, a point of a device that answers raises an alarm."""
POINTS_NAMED = 5
"""So many points are named in one alarm."""


PERIODS = 1.5
"""One read that is missed is no alarm: what is read rarely is not missed sooner than that."""


def lasted(since: datetime, now: datetime, least_s: float) -> bool:
    """Whether something has gone on for longer than a passing trouble does."""
    return now - since > timedelta(seconds=least_s)


class Lacking:
    """What the devices of one link lack.

    `periods` says how often each point is read, in seconds; `image` has the samples of the points.
    """

    def __init__(self, periods: Mapping[PointId, float], image: Mapping[PointId, Sample]) -> None:
        self._image = image
        self._periods = periods
        self._points_of: dict[str, int] = {}
        self._offline_after_s: dict[str, float] = {}
        for point, period_s in periods.items():
            device = owner_of(point)
            self._points_of[device] = self._points_of.get(device, 0) + 1
            least_s = self._offline_after_s.get(device, math.inf)
            after_s = max(OFFLINE_AFTER_S, PERIODS * period_s)
            self._offline_after_s[device] = min(least_s, after_s)
        self._told: dict[str, tuple[tuple[PointId, ...], str, Condition]] = {}
        """The last alarm of each device that lacks points: which ones, for which kind of reason."""

    def conditions(
        self, not_good: Mapping[PointId, datetime], details: Mapping[str, str], now: datetime
    ) -> list[Condition]:
        """One per device that is silent or lacks points, never one per point.

        `not_good` says since when a point is not good, `details` why a device is silent.
        """
        missing: dict[str, list[PointId]] = {}
        for point in not_good:
            missing.setdefault(owner_of(point), []).append(point)
        found: list[Condition] = []
        for device, points in missing.items():
            if len(points) == self._points_of[device]:
                since = max(not_good[point] for point in points)
                if lasted(since, now, self._offline_after_s[device]):
                    found.append(_silent(device, since, details.get(device, NO_ANSWER)))
                continue
            lacking = tuple(
                point
                for point in points
                if lasted(not_good[point], now, self._lacking_after_s(point))
                and not declared_absent(self._image[point].detail)
            )
            if lacking:
                found.append(self._lacks(device, lacking))
        return found

    def _lacking_after_s(self, point: PointId) -> float:
        return max(LACKING_AFTER_S, PERIODS * self._periods[point])

    def _lacks(self, device: str, lacking: tuple[PointId, ...]) -> Condition:
        """The same text as long as the points and the kind of reason are: values in it change."""
        detail = without_countdown(self._image[lacking[0]].detail or NO_ANSWER)
        reason = detail.template if isinstance(detail, Message) else detail
        told = self._told.get(device)
        if told is not None and told[0] == lacking and told[1] == reason:
            return told[2]
        text = msg(
            "{device} answers, but has no good value of {names}: {detail}; look at the register, "
            "type and scale in its device file",
            device=device,
            names=_named(lacking),
            detail=detail,
        )
        made = Condition(f"points:{device}", Severity.NORMAL, text)
        self._told[device] = lacking, reason, made
        return made


def _named(points: Sequence[PointId]) -> str:
    names = ", ".join(point.rpartition(".")[2] for point in points[:POINTS_NAMED])
    if len(points) <= POINTS_NAMED:
        return names
    return msg("{names} and {more} more", names=names, more=len(points) - POINTS_NAMED)


def _silent(device: str, since: datetime, detail: str) -> Condition:
    text = msg(
        "{device}: no good value since {since:%Y-%m-%d %H:%M:%S}Z: {detail}",
        device=device,
        since=since,
        detail=without_countdown(detail),
    )
    return Condition(f"device:{device}", Severity.URGENT, text)
