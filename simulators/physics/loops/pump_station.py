"""Pumps with their drives between two headers."""

from __future__ import annotations

from collections.abc import Sequence

from simulators.physics.water.actuators import Actuator
from simulators.physics.water.hydraulics import PumpBank, PumpSpec

_TURNING = 0.05
"""Relative speed at which a drive says that it runs."""
_RAMP_S = 10.0


class PumpStation:
    """Unlike pumps side by side, each with a frequency drive that ramps up and runs down."""

    def __init__(self, specs: Sequence[PumpSpec]) -> None:
        n = len(specs)
        self.bank = PumpBank(specs)
        self.drives = [Actuator(_RAMP_S) for _ in specs]
        self.running = [False] * n
        self.powers_kw = [0.0] * n
        self.broken = [False] * n
        """The coupling: the motor turns, and no water moves."""
        self.dead_head_s = [0.0] * n
        """How long each has worked against shut valves, since the beginning."""
        self.starts = [0] * n
        self.flow_m3h = self.head_kpa = self.heat_kw = 0.0
        self._speeds = [0.0] * n

    def turn(self, commands: Sequence[tuple[bool, float]], dt_s: float) -> bool:
        """Bring drives to (enabled, speed in %); says whether anything turns."""
        turns = False
        for i, (drive, (on, speed_pct)) in enumerate(zip(self.drives, commands, strict=True)):
            target = min(1.0, max(0.0, speed_pct * 0.01)) if on else 0.0
            if target == 0.0 and drive.position == 0.0:
                self._speeds[i] = 0.0
                self.running[i] = False
                continue
            self._speeds[i] = drive.move(target, dt_s)
            was, now = self.running[i], drive.position > _TURNING
            self.running[i] = now
            self.starts[i] += now and not was
            turns = True
        return turns

    def circulate(self, k: float, static_kpa: float, dt_s: float) -> float:
        """Drive a network of conductance `k`; returns the flow, m3/h."""
        speeds, bank = self._speeds, self.bank
        if not any(speeds):
            self.flow_m3h = self.head_kpa = self.heat_kw = 0.0
            self.powers_kw = [0.0] * len(speeds)
            return 0.0
        working = [0.0 if b else r for b, r in zip(self.broken, speeds, strict=True)]
        self.flow_m3h, self.head_kpa = bank.solve(working, k, static_kpa)
        heat = 0.0
        for i, (spec, r) in enumerate(zip(bank.specs, speeds, strict=True)):
            if r == 0.0:
                self.powers_kw[i] = 0.0
                continue
            flow = bank.flows_m3h[i]
            if self.broken[i]:  # idling
                self.powers_kw[i] = spec.electric_kw(0.1 * spec.shaft_kw * r**3, r)
                continue
            shaft = spec.shaft_at_kw(flow, r)
            self.powers_kw[i] = spec.electric_kw(shaft, r)
            heat += shaft
            if flow < 0.02 * spec.flow_m3h:
                self.dead_head_s[i] += dt_s
        self.heat_kw = heat  # all shaft work ends as heat of the water
        return self.flow_m3h

    def state(self) -> list[float]:
        return [drive.position for drive in self.drives]

    def restore(self, values: Sequence[float]) -> None:
        for i, value in enumerate(values):
            self.drives[i].position = value
            self.running[i] = value > _TURNING
