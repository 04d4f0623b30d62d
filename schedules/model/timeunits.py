"""Time units: areas whose own people may extend or cancel running, within limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bms.texts.messages import Message, msg
from bms.texts.problems import Origin
from schedules.model.week import DAY_MINUTES, WEEKDAYS, time_text


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
    """Weekdays 0-6 of the working days on which an extension may begin."""
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
    ) -> Message | None:
        """Why an extension is not allowed, for people; None if it is. Instants are aware."""
        if user not in self.people:
            return msg(
                "{user} is not among the people of {unit}: {people}",
                user=user,
                unit=self.id,
                people=", ".join(self.people),
            )
        if target not in self.targets:
            return msg(
                "{target} does not belong to {unit}: {targets}",
                target=target,
                unit=self.id,
                targets=", ".join(self.targets),
            )
        if mode not in self.modes:
            return msg(
                "{unit} may run in {modes}, not in {mode}",
                unit=self.id,
                modes=", ".join(self.modes),
                mode=mode,
            )
        for name, value in setpoints.items():
            if name not in self.setpoints:
                return msg("{unit} may not set {setpoint}", unit=self.id, setpoint=name)
            least, most = self.setpoints[name]
            if not least <= value <= most:
                return msg(
                    "{setpoint} of {unit} is {least:g} to {most:g}, not {number:g}",
                    setpoint=name,
                    unit=self.id,
                    least=least,
                    most=most,
                    number=value,
                )
        if end <= start:
            return msg("it would end before it begins")
        if end - start > timedelta(minutes=self.longest_min):
            return msg(
                "one extension of {unit} lasts at most {longest_min} min",
                unit=self.id,
                longest_min=self.longest_min,
            )
        if self.working_day(start, zone).weekday() not in self.days:
            words = ", ".join(WEEKDAYS[day] for day in sorted(self.days))
            return msg("{unit} may be extended on {days}", unit=self.id, days=words)
        if end > self.latest_end(start, zone):
            return msg("{unit} may run until {clock}", unit=self.id, clock=_clock(self.latest_min))
        return None

    def working_day(self, start: datetime, zone: str) -> date:
        """The day whose work an extension that begins at `start` (aware) belongs to.

        Its own date if the unit may be extended on that. Else, where an extension may end after
        midnight, the date before for as long: 00:30 on Saturday is still Friday's shift.
        """
        local = start.astimezone(ZoneInfo(zone))
        today, before = local.date(), local.date() - timedelta(days=1)
        minutes = local.hour * 60 + local.minute
        late = minutes < self.latest_min - DAY_MINUTES
        if late and today.weekday() not in self.days and before.weekday() in self.days:
            return before
        return today

    def latest_end(self, start: datetime, zone: str) -> datetime:
        """The latest end of an extension that begins at `start` (aware)."""
        days, minutes = divmod(self.latest_min, DAY_MINUTES)
        day = self.working_day(start, zone) + timedelta(days=days)
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
        return midnight + timedelta(minutes=minutes)


def _clock(minutes: int) -> str:
    if minutes <= DAY_MINUTES:
        return time_text(minutes)
    return msg("{clock} of the next day", clock=time_text(minutes - DAY_MINUTES))
