"""Which readings of the weather are believed. Pure.

Seasons, lockouts and early starts hang on one outdoor sensor. A broken one still answers, with good
quality: 850 degC from an open thermocouple, -50 degC in July from a cut wire. What cannot be is
taken as BAD before anything looks at it, and is an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bms.control.engine.states import Codec
from bms.core.decisions import Condition, Severity
from bms.core.equipment import Equipment
from bms.texts.messages import Message, msg
from drivers.points import PointId, Quality, Sample

WEATHER: Final = "weather"
"""The name under which the state is kept."""
POSSIBLE: Final[Mapping[str, tuple[float, float]]] = {
    "outdoor_temp": (-60.0, 60.0),
    "wet_bulb_temp": (-60.0, 40.0),
    "humidity": (0.0, 105.0),  # sensors in fog show a little more than there can be
}
"""What the weather of inhabited places has ever been, by role, with a little to spare."""
STEP_K, PER_HOUR_K, FRONT_K, PER_DAY_K = 15.0, 6.0, 35.0, 5.0
"""How far the air's temperature may be from the last that was believed: at once, more each hour, at
most with any front within three days, and after those more each day. Known extremes are 27 K in
minutes (Spearfish 1943) and 57 K in a day (Loma 1972); both would be believed a day later."""
FRONT_LASTS: Final = timedelta(days=3)
KEPT_EVERY: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Believed:
    """The last temperature that was believed, and when."""

    value_c: float
    time: datetime


class WeatherSensors:
    """The outdoor sensors of a site. `saved` is what `states()` returned before a restart."""

    def __init__(self, equipment: Iterable[Equipment], saved: object = None) -> None:
        self._codec = Codec()
        self._conditions: dict[PointId, Condition] = {}
        self._believed = self._restored(saved)
        self._kept = dict(self._believed)
        self.renew(equipment)

    def renew(self, equipment: Iterable[Equipment]) -> None:
        """Go on with other equipment; what was believed of a sensor that stays is kept."""
        self._roles = {
            point: role
            for machine in equipment
            for role, point in machine.points.items()
            if role in POSSIBLE
        }
        for known in (self._believed, self._kept, self._conditions):
            for point in known.keys() - self._roles.keys():
                del known[point]

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """One for each sensor that shows what cannot be."""
        return tuple(self._conditions.values())

    def believed(
        self, samples: Mapping[PointId, Sample], now: datetime
    ) -> Mapping[PointId, Sample]:
        """The samples, those of the weather BAD where they cannot be true."""
        doubtful: dict[PointId, Sample] = {}
        for point, role in self._roles.items():
            sample = samples.get(point)
            if sample is None or sample.quality is not Quality.GOOD:
                continue
            value = sample.value
            if isinstance(value, str) or value is None:
                continue
            why = self._doubt(point, role, float(value), now)
            if why is None:
                self._conditions.pop(point, None)
                continue
            doubtful[point] = sample._replace(quality=Quality.BAD, detail=why)
            if point not in self._conditions:
                text = msg(
                    "{point}: {reason}; repair or replace the sensor", point=point, reason=why
                )
                self._conditions[point] = Condition(f"{point}:weather", Severity.URGENT, text)
        return {**samples, **doubtful} if doubtful else samples

    def states(self) -> dict[str, Any]:
        """What must survive a restart, as JSON values; it changes once an hour."""
        if not self._kept:
            return {}
        kept = {point: self._codec.encode(seen) for point, seen in self._kept.items()}
        return {WEATHER: kept}

    def _restored(self, saved: object) -> dict[PointId, Believed]:
        if saved is None:
            return {}
        try:
            found: dict[PointId, Believed] = self._codec.decode(dict[str, Believed], saved)
        except ValueError:  # known again with the next reading
            return {}
        return found

    def _doubt(self, point: PointId, role: str, value: float, now: datetime) -> Message | None:
        """Why a value is not believed; None: it is."""
        least, most = POSSIBLE[role]
        if not least <= value <= most:
            return msg(
                "{reading:g} cannot be, it lies between {least:g} and {most:g}",
                reading=value,
                least=least,
                most=most,
            )
        if role == "humidity":
            return None
        before = self._believed.get(point)
        moved_k = 0.0 if before is None else abs(value - before.value_c)
        if (
            before is not None
            and moved_k > STEP_K
            and now >= before.time
            and moved_k > farthest_k(now - before.time)
        ):
            return msg(
                "{reading:g} degC cannot be so soon after {earlier:g} degC",
                reading=value,
                earlier=before.value_c,
            )
        self._believed[point] = seen = Believed(value, now)
        kept = self._kept.get(point)
        if kept is None or not timedelta(0) <= now - kept.time < KEPT_EVERY:
            self._kept[point] = seen
        return None


def farthest_k(since: timedelta) -> float:
    """How far the temperature may be from one that was believed `since` ago, K."""
    hours = since / timedelta(hours=1)
    days_more = max(timedelta(0), since - FRONT_LASTS) / timedelta(days=1)
    return min(STEP_K + PER_HOUR_K * hours, FRONT_K) + PER_DAY_K * days_more
