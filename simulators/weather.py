"""Weather for a simulated park: a seeded climate, or an EPW file.

Both are functions of time alone: any instant of any year can be asked for, in any order, and
gives the same answer again. Values between full hours are interpolated linearly.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import NamedTuple, Protocol, TypeAlias

from simulators.sky import clear_sky_w_m2, humidity_pct, wet_bulb_c

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_ORDINAL = date(1970, 1, 1).toordinal()
_DAYS_KEPT = 8
"""Time mostly moves forward; neighbouring days are asked for together."""


class Conditions(NamedTuple):
    """The weather at one instant."""

    outdoor_temp_c: float
    wet_bulb_c: float
    humidity_pct: float
    """Relative, 0-100."""
    irradiance_w_m2: float
    """Global, on the horizontal."""


class Weather(Protocol):
    """Weather at any aware instant."""

    def at(self, time: datetime) -> Conditions: ...


_DEW_POINT_MAX_C = 26.5
"""No air mass is moister than the warmest sea it comes from."""
_HAZE = 0.82
"""Share of the clear-sky sun that industrial air lets through; gives Hangzhou's 1,200 kWh/m2."""

Day: TypeAlias = tuple[list[float], list[float], list[float], list[float]]
"""Outdoor temperature, wet bulb, humidity, irradiance at hours 0 to 24: 25 values each."""


class _Hourly:
    """Interpolates hourly values of local standard time; days are made when asked for."""

    def __init__(self, utc_offset_h: float) -> None:
        self._offset_s = utc_offset_h * 3600.0
        self._days: dict[int, Day] = {}

    def at(self, time: datetime) -> Conditions:
        """The conditions at `time`; raises TypeError if it has no zone."""
        local_s = (time - _EPOCH).total_seconds() + self._offset_s
        ordinal, second = divmod(local_s, 86400.0)
        day = self._days.get(int(ordinal)) or self._load(int(ordinal))
        hour = second / 3600.0
        h = int(hour)
        part = hour - h
        rest = 1.0 - part
        temp, wet, humid, sun = day
        return Conditions(
            temp[h] * rest + temp[h + 1] * part,
            wet[h] * rest + wet[h + 1] * part,
            humid[h] * rest + humid[h + 1] * part,
            sun[h] * rest + sun[h + 1] * part,
        )

    def _load(self, unix_day: int) -> Day:
        if len(self._days) >= _DAYS_KEPT:
            self._days.clear()
        day = self._days[unix_day] = self._day(date.fromordinal(unix_day + _UNIX_ORDINAL))
        return day

    def _day(self, day: date) -> Day:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Climate:
    """What a generated climate is like. Defaults: Hangzhou, as monthly means of public climate
    tables give it (January about 5, July about 29, year about 17 degC)."""

    latitude_deg: float = 30.23
    longitude_deg: float = 120.17
    utc_offset_h: float = 8.0
    mean_c: float = 17.2
    amplitude_k: float = 12.0
    """Half the swing between the coldest and the warmest day of the mean year."""
    warmest_day: int = 205
    synoptic_sd_k: float = 2.6
    """Standard deviation of daily means about the season: fronts and air masses."""
    persistence: float = 0.75
    """Correlation of that deviation from one day to the next (AR(1))."""
    clear_swing_k: float = 11.0
    """Daily range of temperature under a clear sky; under a thick cloud a third of it."""
    cloudiness: float = 0.56
    """Mean cloudiness, 0 clear to 1 overcast."""


HANGZHOU = Climate()
CHONGQING = Climate(29.56, 106.55, 8.0, 18.7, 10.3, 207, 2.1, 0.75, 8.5, 0.70)


class _DayState(NamedTuple):
    """What one day is like, before hours."""

    mean_c: float
    swing_k: float
    cloud: float
    dew_depression_k: float


class GeneratedWeather(_Hourly):
    """A climate drawn from a seed.

    Each day has its own random numbers, from (seed, date). The AR(1) deviation of a day is the
    weighted sum of the last 24 days' numbers: the same process, cut off where less than 0.1 % of
    it is left, so that no day needs all the days before it.
    """

    _MEMORY_DAYS = 24

    def __init__(self, seed: str = "1", climate: Climate = HANGZHOU) -> None:
        super().__init__(climate.utc_offset_h)
        self._seed = seed
        self._climate = climate
        phi = climate.persistence
        scale = math.sqrt(1.0 - phi * phi)
        self._weights = [scale * phi**k for k in range(self._MEMORY_DAYS)]
        self._noise: dict[int, tuple[float, float, float]] = {}
        self._states: dict[int, _DayState] = {}

    def _draw(self, ordinal: int) -> tuple[float, float, float]:
        found = self._noise.get(ordinal)
        if found is None:
            if len(self._noise) > 400:
                self._noise.clear()
            random = Random(f"{self._seed}:{ordinal}")
            found = (random.gauss(0, 1), random.gauss(0, 1), random.gauss(0, 1))
            self._noise[ordinal] = found
        return found

    def _state(self, ordinal: int) -> _DayState:
        found = self._states.get(ordinal)
        if found is not None:
            return found
        climate = self._climate
        temperature = cloud = 0.0
        for back, weight in enumerate(self._weights):
            noise = self._draw(ordinal - back)
            temperature += weight * noise[0]
            cloud += weight * noise[1]
        turn = 2 * math.pi * (_day_of_year(ordinal) - climate.warmest_day) / 365.25
        # Air masses differ more in winter than in the stable summer of the subtropics.
        spread = climate.synoptic_sd_k * (1.0 - 0.3 * math.cos(turn))
        mean = climate.mean_c + climate.amplitude_k * math.cos(turn) + spread * temperature
        # A logistic keeps cloudiness inside 0-1 with a spread like observed sky cover.
        odds = math.log(climate.cloudiness / (1.0 - climate.cloudiness))
        cloudiness = 1.0 / (1.0 + math.exp(-(odds + 1.3 * cloud)))
        swing = climate.clear_swing_k * (1.0 - 0.67 * cloudiness)
        depression = max(0.5, 3.0 + 5.0 * (1.0 - cloudiness) + 0.8 * self._draw(ordinal)[2])
        if len(self._states) > 400:
            self._states.clear()
        found = self._states[ordinal] = _DayState(mean, swing, cloudiness, depression)
        return found

    def _day(self, day: date) -> Day:
        ordinal = day.toordinal()
        climate = self._climate
        before, today, after = (self._state(ordinal + n) for n in (-1, 0, 1))
        temps: list[float] = []
        wets: list[float] = []
        humids: list[float] = []
        suns: list[float] = []
        for hour in range(25):
            # A day's state holds at its noon; hours between two noons lie between the two.
            first, second = (before, today) if hour < 12 else (today, after)
            part = (hour + 12) / 24 if hour < 12 else (hour - 12) / 24
            at = _DayState(*(a + (b - a) * part for a, b in zip(first, second, strict=True)))
            temp = at.mean_c + at.swing_k * _diurnal(hour)
            dew = min(temp, at.mean_c - at.dew_depression_k, _DEW_POINT_MAX_C)
            humid = humidity_pct(temp, dew)
            sun = clear_sky_w_m2(
                day, hour - climate.utc_offset_h, climate.latitude_deg, climate.longitude_deg
            )
            temps.append(temp)
            humids.append(humid)
            wets.append(wet_bulb_c(temp, humid))
            suns.append(sun * _HAZE * (1.0 - 0.75 * at.cloud**1.7))
        return temps, wets, humids, suns


def _day_of_year(ordinal: int) -> int:
    return date.fromordinal(ordinal).timetuple().tm_yday


def _diurnal(hour: int) -> float:
    """Deviation from the day's mean as a share of its range: lowest at 5, highest at 14."""
    hour %= 24
    if 5 <= hour <= 14:
        return -0.5 * math.cos(math.pi * (hour - 5) / 9)
    since = (hour - 14) % 24
    return 0.5 * math.cos(math.pi * since / 15)


class EpwError(ValueError):
    """The file is not an EPW file that can be used; the message says where and why."""


class EpwWeather(_Hourly):
    """An EPW file (EnergyPlus weather, one typical year of 8760 or 8784 hours) for every year.

    A year asked for is mapped by month, day and hour; 29 February repeats the 28th if the file
    has none. Temperature and humidity of hour n stand at n:00; irradiance, a sum over the hour
    before, at half past (EnergyPlus auxiliary programs, "EPW data dictionary").
    Raises EpwError for anything else, OSError if it cannot be read.
    """

    _HEADER_LINES = 8
    _COLUMNS = 35

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        text = self._path.read_bytes().decode("utf-8", errors="replace")
        rows = list(csv.reader(text.splitlines()))
        if not rows or rows[0][:1] != ["LOCATION"] or len(rows[0]) < 10:
            raise EpwError(f"{self._path}: not an EPW file: line 1 does not begin with LOCATION")
        self._check_rate(rows[: self._HEADER_LINES])
        super().__init__(self._number(rows[0][8], 1, "time zone"))
        series: list[list[float | None]] = [[], [], []]
        days: dict[tuple[int, int], int] = {}
        hours = rows[self._HEADER_LINES :]
        for number, row in enumerate(hours):
            self._read_hour(row, number, series, days)
        if not hours or len(hours) % 24:
            raise EpwError(f"{self._path}: {len(hours)} hours are not whole days")
        self._days_of_file = days
        missing = [
            f"{day:%m-%d}"
            for day in (date.fromordinal(date(2001, 1, 1).toordinal() + n) for n in range(365))
            if (day.month, day.day) not in days
        ]
        if missing:
            raise EpwError(f"{self._path}: {len(missing)} days are missing, first {missing[0]}")
        self._temps, self._humids, self._suns = (
            self._filled(values, name)
            for values, name in zip(
                series, ("dry bulb", "relative humidity", "global irradiance"), strict=True
            )
        )

    def _check_rate(self, header: list[list[str]]) -> None:
        for row in header:
            if row[:1] == ["DATA PERIODS"] and row[2:3] != ["1"]:
                raise EpwError(f"{self._path}: only one record per hour can be read")

    def _number(self, text: str, line: int, what: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise EpwError(f"{self._path}:{line}: {what} '{text}' is not a number")
        return value

    def _read_hour(
        self,
        row: list[str],
        number: int,
        series: list[list[float | None]],
        days: dict[tuple[int, int], int],
    ) -> None:
        line = number + self._HEADER_LINES + 1
        # Some writers leave out the last columns, which nothing here needs.
        if len(row) < 14:
            raise EpwError(f"{self._path}:{line}: {len(row)} columns, EPW has {self._COLUMNS}")
        month, day, hour, temp, humid, sun = (
            self._number(row[column], line, name)
            for column, name in (
                (1, "month"), (2, "day"), (3, "hour"),
                (6, "dry bulb"), (8, "relative humidity"), (13, "global irradiance"),
            )
        )  # fmt: skip
        if hour != number % 24 + 1:
            raise EpwError(f"{self._path}:{line}: hour {hour:g} where {number % 24 + 1} follows")
        days[int(month), int(day)] = number // 24
        # Missing values: 99.9, 999, 9999 (EPW data dictionary).
        series[0].append(temp if -70.0 < temp < 70.0 else None)
        series[1].append(humid if 0.0 <= humid <= 110.0 else None)
        series[2].append(sun if 0.0 <= sun < 9999.0 else None)

    def _filled(self, values: list[float | None], name: str) -> list[float]:
        """Missing hours repeat the hour before."""
        last = next((value for value in reversed(values) if value is not None), None)
        if last is None:
            raise EpwError(f"{self._path}: no {name} at all")
        filled = []
        for value in values:
            last = last if value is None else value
            filled.append(last)
        return filled

    def _day_number(self, day: date) -> int:
        found = self._days_of_file.get((day.month, day.day))
        return self._days_of_file[2, 28] if found is None else found

    def _day(self, day: date) -> Day:
        ordinal = day.toordinal()
        yesterday, today, tomorrow = (
            24 * self._day_number(date.fromordinal(ordinal + n)) for n in (-1, 0, 1)
        )
        span = slice(today, today + 24)
        temps = [self._temps[yesterday + 23], *self._temps[span]]
        humids = [min(100.0, h) for h in (self._humids[yesterday + 23], *self._humids[span])]
        sums = [self._suns[yesterday + 23], *self._suns[span], self._suns[tomorrow]]
        suns = [(a + b) / 2 for a, b in pairwise(sums)]
        wets = [wet_bulb_c(t, h) for t, h in zip(temps, humids, strict=True)]
        return temps, wets, humids, suns
