"""Time units: areas whose own people may extend or cancel running, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schedules.problems import Origin
from schedules.week import WEEKDAYS, time_text


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """An area, who may extend its running, and how far."""

    id: str
    title: Mapping[str, str]
    targets: tuple[str, ...]
    """Group and equipment ids, selections expanded."""
    people: tuple[str, ...]
    """User names."""
    modes: tuple[str, ...]
    """What they may ask for."""
    setpoints: Mapping[str, tuple[float, float]]
    """By setpoint they may set: least and most."""
    longest_min: int
    """Minutes that one extension lasts at most."""
    latest_min: int
    """Minutes after the midnight of the day it begins by which it ends; over 1440 on the next."""
    days: frozenset[int]
    """Weekdays 0-6 on which an extension may begin."""
    may_cancel: bool
    """Whether they may also switch off what the schedule runs."""
    origin: Origin

    def refusal(
        self,
        user: str,
        target: str,
        mode: str,
        setpoints: Mapping[str, float],
        start: datetime,
        end: datetime,
        zone: str,
    ) -> str | None:
        """Why an extension is not allowed, for people; None if it is. Instants are aware."""
        local = start.astimezone(ZoneInfo(zone))
        if user not in self.people:
            return f"{user} is not among the people of {self.id}: {', '.join(self.people)}"
        if target not in self.targets:
            return f"{target} does not belong to {self.id}: {', '.join(self.targets)}"
        if mode not in self.modes:
            return f"{self.id} may run in {', '.join(self.modes)}, not in {mode}"
        for name, value in setpoints.items():
            if name not in self.setpoints:
                return f"{self.id} may not set {name}"
            least, most = self.setpoints[name]
            if not least <= value <= most:
                return f"{name} of {self.id} is {least:g} to {most:g}, not {value:g}"
        if end <= start:
            return "it would end before it begins"
        if end - start > timedelta(minutes=self.longest_min):
            return f"one extension of {self.id} lasts at most {self.longest_min} min"
        if local.weekday() not in self.days:
            words = ", ".join(WEEKDAYS[day] for day in sorted(self.days))
            return f"{self.id} may be extended on {words}"
        if end > self.latest_end(start, zone):
            return f"{self.id} may run until {_clock(self.latest_min)}"
        return None

    def latest_end(self, start: datetime, zone: str) -> datetime:
        """The latest end of an extension that begins at `start` (aware)."""
        local = start.astimezone(ZoneInfo(zone))
        days, minutes = divmod(self.latest_min, 1440)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return midnight + timedelta(days=days, minutes=minutes)


def _clock(minutes: int) -> str:
    if minutes <= 1440:
        return time_text(minutes)
    return f"{time_text(minutes - 1440)} of the next day"
