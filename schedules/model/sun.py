"""When the sun rises and sets, as wall-clock minutes of a local date.

From astral (NOAA's equations, refraction included): within a minute or two of an almanac between
the polar circles. The sunset of a date is the first after its solar noon, and may come after
midnight; the sunrise is the last before noon, and may have come on the day before. Where the sun
does not set (polar day), a sunset and the sunrise after it are both halfway from noon to noon, and
leave no night between them; where it does not rise (polar night), both are at noon: so days grow
and shrink without a jump.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from schedules.model.context import Place
from schedules.model.week import SunTime

if TYPE_CHECKING:
    from astral import SunDirection

_HALF_A_DAY = timedelta(hours=12)
_RADIUS_DEG = 32 / 120
"""Of the sun's disc: it rises when its upper edge does."""
_DAYS_KEPT = 64


@dataclass(frozen=True, slots=True)
class SunMinutes:
    """Minutes after the midnight that begins a local date. `sunrise` may be below 0, `sunset` lie
    beyond 1440."""

    sunrise: int
    sunset: int

    def at(self, time_of_day: SunTime) -> int:
        return (self.sunrise if time_of_day.event == "sunrise" else self.sunset) + (
            time_of_day.offset
        )


class Sun:
    """The sun over one place, on the clocks of one zone."""

    def __init__(self, place: Place, zone: ZoneInfo) -> None:
        from astral import Observer  # 35 ms, for the few schedules that need it

        self._observer = Observer(place.latitude, place.longitude)
        self._zone = zone
        self._days: dict[date, SunMinutes] = {}

    def minutes(self, day: date) -> SunMinutes:
        """Sunrise and sunset of a local date, to the nearest minute."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= _DAYS_KEPT:
                self._days.pop(next(iter(self._days)))
            found = self._days[day] = self._find(day)
        return found

    def _find(self, day: date) -> SunMinutes:
        from astral import SunDirection
        from astral.sun import elevation, noon

        midday = datetime.combine(day, time(12), self._zone)
        utc_days = [midday.astimezone(UTC).date() + timedelta(days=n) for n in (-1, 0, 1)]
        around = (-2, -1, 0, 1, 2)
        noons = [noon(self._observer, utc_days[1] + timedelta(days=n), UTC) for n in around]
        at_noon = min(noons[1:-1], key=lambda moment: abs(moment - midday))
        place = noons.index(at_noon)
        noon_before, noon_after = noons[place - 1], noons[place + 1]
        rises = self._transits(utc_days, SunDirection.RISING)
        sets = self._transits(utc_days, SunDirection.SETTING)
        before = [at for at in rises if timedelta(0) <= at_noon - at <= _HALF_A_DAY]
        after = [at for at in sets if timedelta(0) <= at - at_noon <= _HALF_A_DAY]
        # Without a crossing it is summer or winter beyond the circle: on the mean of noon and
        # midnight the sun is above or below the horizon by the declination's sign. (Close to the
        # horizon, astral's elevation and its transits do not agree.)
        heights = (elevation(self._observer, at_noon + n * _HALF_A_DAY, False) for n in (0, 1))
        up = sum(heights) > 0
        no_rise = noon_before + (at_noon - noon_before) / 2 if up else at_noon
        no_set = at_noon + (noon_after - at_noon) / 2 if up else at_noon
        sunrise = max(before) if before else no_rise
        sunset = min(after) if after else no_set
        return SunMinutes(self._minute(day, sunrise), self._minute(day, sunset))

    def _transits(self, utc_days: list[date], direction: SunDirection) -> list[datetime]:
        from astral.sun import time_of_transit

        found = []
        for utc_day in utc_days:
            try:
                at = time_of_transit(self._observer, utc_day, 90 + _RADIUS_DEG, direction)
            except ValueError:  # the sun does not cross the horizon on this date
                continue
            found.append(at)
        return found

    def _minute(self, day: date, at: datetime) -> int:
        wall = (at + timedelta(seconds=30)).astimezone(self._zone)
        return (wall.date() - day).days * 1440 + wall.hour * 60 + wall.minute
