"""Tanks and pits, what fills and empties them, and a main that pumps hold under pressure."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.physics.motor import Starter, pump_power_share

STARTS_WITHIN_S = 5.0
OF_HEIGHT = 0.25
"""What a pump's flow loses from an empty to a full height against it."""


class Basin:
    """A tank or pit of upright walls; what does not fit runs over, what is not there is missing."""

    def __init__(self, volume_m3: float, level_pct: float) -> None:
        self.volume_m3 = volume_m3
        self.water_m3 = volume_m3 * level_pct / 100.0
        self.overflow_m3 = 0.0
        """Run over since ever."""
        self.missing_m3 = 0.0
        """Wanted and not there, since ever."""

    @property
    def level_pct(self) -> float:
        """Of its height."""
        return 100.0 * self.water_m3 / self.volume_m3

    def step(self, inflow_m3h: float, outflow_m3h: float, dt_s: float) -> float:
        """Advance; returns the share (0-1) of the outflow that it could give."""
        hours = dt_s / 3600.0
        there_m3 = self.water_m3 + inflow_m3h * hours
        wanted_m3 = outflow_m3h * hours
        given_m3 = min(wanted_m3, there_m3)
        self.missing_m3 += wanted_m3 - given_m3
        left_m3 = there_m3 - given_m3
        self.overflow_m3 += max(0.0, left_m3 - self.volume_m3)
        self.water_m3 = min(left_m3, self.volume_m3)
        return given_m3 / wanted_m3 if wanted_m3 > 0.0 else 1.0


class WaterPump:
    """A pump that lifts water: its flow falls with the height against it and follows its speed."""

    def __init__(self, flow_m3h: float, rated_kw: float) -> None:
        self.flow_m3h = flow_m3h
        self.rated_kw = rated_kw
        self.starter = Starter(STARTS_WITHIN_S)
        self.power_kw = 0.0
        self.broken = False
        """Its coupling: the motor turns, and no water moves."""

    def step(
        self, enabled: bool, dt_s: float, *, against: float = 0.0, speed_pct: float = 100.0
    ) -> float:
        """Advance; returns the mean flow, m3/h. `against` is the height, 0 (none) to 1 (design)."""
        share = self.starter.run(enabled, dt_s)
        speed = speed_pct / 100.0
        self.power_kw = self.rated_kw * pump_power_share(speed) * share
        if self.broken:
            return 0.0
        return self.flow_m3h * speed * share * (1.0 - OF_HEIGHT * against)

    @property
    def running(self) -> bool:
        """Whether the motor turns."""
        return self.starter.running


class Main:
    """A water main with a pressure vessel: pumps press, taps let out by the pressure's root."""

    def __init__(self, design_kpa: float, vessel_m3: float) -> None:
        self.design_kpa = design_kpa
        self.vessel_m3 = vessel_m3
        self.pressure_kpa = design_kpa
        self.flow_m3h = 0.0
        """What taps and leaks let out."""

    def step(
        self, pumps: Sequence[tuple[float, float]], taps_m3h: float, dt_s: float
    ) -> tuple[float, float]:
        """Advance; returns what pumps gave and taps got, m3/h. `pumps` are (design flow, speed as a
        share); `taps_m3h` is what taps let out at the design pressure."""
        gave = got = 0.0
        parts = max(1, int(dt_s / 2.0))
        part_h = dt_s / parts / 3600.0
        for _ in range(parts):
            pressure = self.pressure_kpa
            flow = sum(_boosted(design, speed, pressure / self.design_kpa)
                       for design, speed in pumps)  # fmt: skip
            out = taps_m3h * (max(0.0, pressure) / self.design_kpa) ** 0.5
            # A vessel half full of air: its pressure doubles as a quarter of it fills.
            rise = (flow - out) * part_h / self.vessel_m3 * 2.0 * self.design_kpa
            balance = self._balance(pumps, taps_m3h)
            after = pressure + rise
            overshoots = (pressure - balance) * (after - balance) < 0.0
            self.pressure_kpa = max(0.0, balance if overshoots else after)
            gave += flow / parts
            got += out / parts
        self.flow_m3h = got
        return gave, got

    def _balance(self, pumps: Sequence[tuple[float, float]], taps_m3h: float) -> float:
        """The pressure at which pumps give what taps let out."""
        low, high = 0.0, 2.0
        for _ in range(24):
            middle = (low + high) / 2.0
            gives = sum(_boosted(design, speed, middle) for design, speed in pumps)
            low, high = (middle, high) if gives > taps_m3h * middle**0.5 else (low, middle)
        return low * self.design_kpa


def _boosted(design_m3h: float, speed: float, pressure: float) -> float:
    """Flow of a booster at a pressure by its design: head at no flow is 1.4 of that at design."""
    if speed <= 0.0:
        return 0.0
    head = 1.4 * speed * speed - pressure
    return design_m3h * (head / 0.4) ** 0.5 if head > 0.0 else 0.0
