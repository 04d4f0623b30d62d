"""Two runs of one plant side by side, and whether the difference counts as a saving."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bms.texts.messages import Message, msg

_SLACK = 1.05
"""Service within 5 % is equal: two runs never meet the same minute in the same state."""
_SLACK_K = 0.02
"""Beside that, a mean of 0.02 K over the occupied hours of a zone is nothing anybody feels."""
_SLACK_H = 0.005
"""Beside that, half a percent of the occupied hours."""


@dataclass(frozen=True, slots=True)
class EndUse:
    """What machines of one kind took, in kWh. A missing amount is None, never 0."""

    kind: str
    hvac: bool
    electricity_kwh: float | None = None
    gas_kwh: float | None = None


@dataclass(frozen=True, slots=True)
class ZoneService:
    """One zone over a run."""

    zone: str
    occupied_h: float
    cold_kh: float
    """Kelvin hours below the band while people were there."""
    hot_kh: float

    @property
    def outside_kh(self) -> float:
        return self.cold_kh + self.hot_kh


@dataclass(frozen=True, slots=True)
class OutdoorAir:
    """All outdoor air of a run, in m3/h."""

    mean_m3h: float
    low_m3h: float
    """What was exceeded in 95 % of the time: plenty at noon does not pay for a stuffy morning."""
    owed_low_m3h: float | None = None
    """The same of what machines were designed for at the least (`min_oa_m3h`): no machine counts
    for more. What cools for free beyond it is no service, least of all for rooms that another
    machine serves. None where one does not say what it was designed for."""

    @property
    def judged_m3h(self) -> float:
        """What is held against the baseline's."""
        return self.low_m3h if self.owed_low_m3h is None else self.owed_low_m3h


@dataclass(frozen=True, slots=True)
class Service:
    """What people got."""

    zones: tuple[ZoneService, ...]
    humidity_h: float | None
    """Zone hours outside the band of humidity: too dry at the coolest temperature of the zone's
    band, too damp at the nearest. None where nothing measures it."""
    co2_h: float | None
    outdoor_air: OutdoorAir | None

    @property
    def occupied_h(self) -> float:
        return sum(zone.occupied_h for zone in self.zones)

    @property
    def outside_kh(self) -> float:
        return sum(zone.outside_kh for zone in self.zones)

    @property
    def worst(self) -> ZoneService | None:
        return max(self.zones, key=lambda zone: zone.outside_kh, default=None)


@dataclass(frozen=True, slots=True)
class Switching:
    """How often machines of one kind were started, and their number changed."""

    kind: str
    starts: int
    stage_changes: int
    most_stage_changes_a_day: int


@dataclass(frozen=True, slots=True)
class Run:
    """One way of running the plant."""

    name: str
    end_uses: tuple[EndUse, ...]
    service: Service
    switching: tuple[Switching, ...]
    alarms_raised: int

    def kwh(self, carrier: str) -> float | None:
        """Electricity (`electricity_kwh`) or gas (`gas_kwh`) of the HVAC end uses."""
        amounts = [getattr(use, carrier) for use in self.end_uses if use.hvac]
        known = [amount for amount in amounts if amount is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Comparison:
    """A candidate against its baseline, on the same plant and weather."""

    start: datetime
    end: datetime
    step_s: float
    baseline: Run
    candidate: Run

    def saved_pct(self, carrier: str) -> float | None:
        """What the candidate took less, whether or not it counts; None if it cannot be said."""
        before, after = self.baseline.kwh(carrier), self.candidate.kwh(carrier)
        if before is None or after is None or before <= 0.0:
            return None
        return 100.0 * (before - after) / before

    @property
    def lacking(self) -> tuple[Message, ...]:
        """Why the service of the candidate is less than the baseline's; empty if it is equal."""
        return tuple(_lacking(self.baseline.service, self.candidate.service))


def _lacking(before: Service, after: Service) -> list[Message]:
    found = []
    if after.outside_kh > before.outside_kh * _SLACK + _SLACK_K * before.occupied_h:
        found.append(
            msg(
                "zones were {outside_kh:,.0f} K·h outside their band, against {baseline_kh:,.0f}",
                outside_kh=after.outside_kh,
                baseline_kh=before.outside_kh,
            )
        )
    was, worst = before.worst, after.worst
    if was is not None and worst is not None:
        allowed = was.outside_kh * _SLACK + _SLACK_K * worst.occupied_h
        if worst.outside_kh > allowed:
            found.append(
                msg(
                    "the worst zone, {zone}, was {outside_kh:,.0f} K·h outside, against "
                    "{baseline_kh:,.0f} of {baseline_zone}",
                    zone=worst.zone,
                    outside_kh=worst.outside_kh,
                    baseline_kh=was.outside_kh,
                    baseline_zone=was.zone,
                )
            )
    slack_h = _SLACK_H * before.occupied_h
    if _more(after.humidity_h, before.humidity_h, slack_h):
        found.append(
            msg(
                "{hours:,.0f} zone hours were too damp or too dry, against {baseline_hours:,.0f}",
                hours=after.humidity_h,
                baseline_hours=before.humidity_h,
            )
        )
    if _more(after.co2_h, before.co2_h, slack_h):
        found.append(
            msg(
                "{hours:,.0f} zone hours had too much CO2, against {baseline_hours:,.0f}",
                hours=after.co2_h,
                baseline_hours=before.co2_h,
            )
        )
    air, air_before = after.outdoor_air, before.outdoor_air
    # Where CO2 is measured, it says whether there was enough outdoor air.
    if air is None or air_before is None or before.co2_h is not None:
        return found
    least_m3h = air_before.judged_m3h
    if air.judged_m3h * _SLACK < least_m3h:
        found.append(
            msg(
                "outdoor air fell to {low_m3h:,.0f} m³/h, against {baseline_m3h:,.0f}",
                low_m3h=air.judged_m3h,
                baseline_m3h=least_m3h,
            )
        )
    return found


def _more(after: float | None, before: float | None, slack: float) -> bool:
    return after is not None and before is not None and after > before * _SLACK + slack
