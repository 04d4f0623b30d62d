"""What every motor shares: a start delay, and power against speed."""

from __future__ import annotations

import math
from collections.abc import Callable


class Starter:
    """Runs a given time after it is enabled, stops at once.

    `state` is the time since it was enabled, which is all there is to save.
    """

    __slots__ = ("delay_s", "running", "starts", "state")

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.state = 0.0
        self.running = False
        self.starts = 0
        """Starts in the last step: 0 or 1."""

    def run(self, enabled: bool, dt_s: float) -> float:
        """Advance `dt_s`; returns the share (0-1) of it during which the machine ran."""
        self.starts = 0
        if not enabled:
            self.state = 0.0
            self.running = False
            return 0.0
        waited = self.state
        if waited >= self.delay_s:
            self.running = True
            return 1.0
        # Longer waits mean nothing: bounded, so that the state stays comparable.
        self.state = min(self.delay_s, waited + dt_s)
        if self.state < self.delay_s:
            self.running = False
            return 0.0
        self.running = True
        self.starts = 1
        return (waited + dt_s - self.delay_s) / dt_s

    def restore(self, state: float) -> None:
        self.state = state
        self.running = state >= self.delay_s


def pump_power_share(speed: float) -> float:
    """Electrical power of a variable-speed pump as a share of its rating; `speed` 0-1.

    Shaft power follows the cube of speed (affinity laws); motor and drive efficiencies are the
    fits of Bernier and Bourret to percent of load and of speed.
    """
    if speed <= 0.0:
        return 0.0
    shaft = speed * speed * speed
    return shaft * _FULL_SPEED_EFFICIENCY / (motor_efficiency(shaft) * drive_efficiency(speed))


def motor_efficiency(load: float) -> float:
    """Efficiency (0-1) of a motor at a share of its rated load (Bernier and Bourret)."""
    return 0.94187 * (1.0 - math.exp(-9.04 * max(0.05, load)))


def drive_efficiency(speed: float) -> float:
    """Efficiency (0-1) of a frequency drive at a share of full speed (Bernier and Bourret)."""
    x = 100.0 * speed
    return 0.01 * (50.87 + 1.283 * x - 0.0142 * x * x + 5.834e-5 * x * x * x)


_FULL_SPEED_EFFICIENCY = motor_efficiency(1.0) * drive_efficiency(1.0)


def fan_power_share(speed: float) -> float:
    """Electrical power of a variable-speed fan as a share of its rating (90.1 Appendix G)."""
    if speed <= 0.0:
        return 0.0
    return 0.0013 + 0.147 * speed + 0.9506 * speed * speed - 0.0998 * speed * speed * speed


def cube_power_share(speed: float) -> float:
    """Electrical power of a fan without ducts, as of a tower: the cube of its speed."""
    return speed * speed * speed


class Motor:
    """A pump or a fan: enabled and given a speed in %, it draws power after its start delay."""

    __slots__ = ("_curve", "_share", "_speed_pct", "power_kw", "rated_kw", "run_share", "starter")

    def __init__(
        self,
        rated_kw: float,
        curve: Callable[[float], float] = pump_power_share,
        *,
        delay_s: float = 8.0,
    ) -> None:
        self.rated_kw = rated_kw
        self.starter = Starter(delay_s)
        self.power_kw = 0.0
        self.run_share = 0.0
        self._curve = curve
        self._speed_pct = -1.0
        self._share = 0.0

    def step(self, enabled: bool, speed_pct: float, dt_s: float) -> float:
        """Advance; returns mean delivered flow as a share (0-1) of the design flow."""
        self.run_share = run = self.starter.run(enabled, dt_s)
        if run == 0.0:
            self.power_kw = 0.0
            return 0.0
        if speed_pct != self._speed_pct:
            self._speed_pct = speed_pct
            self._share = self._curve(speed_pct * 0.01)
        self.power_kw = self.rated_kw * self._share * run
        return run * speed_pct * 0.01

    @property
    def running(self) -> bool:
        return self.starter.running
