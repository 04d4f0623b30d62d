"""Water of a base: a roof tank that two pumps fill, and a pit that two pumps empty."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from simulators.parks.board import Board
from simulators.parks.demo.surroundings import Step
from simulators.physics.water.basins import Basin, WaterPump

_TANK_M3 = 60.0
_LIFT_M3H = 10.0
_LIFT_KW = 5.5
_PIT_M3 = 12.0
_DRAIN_M3H = 10.0
_DRAIN_KW = 2.2
_BY_DAY_M3H = 5.5
_LEAKS_M3H = 0.05
"""What people use with the base full, and what runs away all the time."""
_SEEPS_M3H = 0.15
_DRAINED = 0.05
"""Ground water, and the part of what people use that ends in the pit."""
_BURST_M3H = 14.0
_DRY_PCT, _BRIM_PCT, _HIGH_PCT = 5.0, 97.0, 85.0


class WaterSupply:
    """See the module; steps are driven by the base."""

    def __init__(self, board: Board, base: str) -> None:
        self._values = board.values
        self._base = base
        self.tank = Basin(_TANK_M3, 75.0)
        self.pit = Basin(_PIT_M3, 30.0)
        self._pumps = {
            **{f"lift-{n}": WaterPump(_LIFT_M3H, _LIFT_KW) for n in (1, 2)},
            **{f"drain-{n}": WaterPump(_DRAIN_M3H, _DRAIN_KW) for n in (1, 2)},
        }
        self._burst = False
        self._volume_m3 = 18_250.0
        self._tank_keys = board.add(
            base, "roof-tank", "water_level dry_float overflow_float outflow"
        )
        self._pit_keys = board.add(base, "pit", "water_level high_float")
        made = [board.add(base, name, "enable status fault power") for name in self._pumps]
        self._meter_keys = board.add(base, "water-meter", "flow volume")
        self._enables = itemgetter(*(names[0] for names in made))
        self._statuses = [names[1] for names in made]
        self._show(0.0, 0.0)

    @property
    def machines(self) -> Sequence[str]:
        """Its pumps, in the order of the powers."""
        return list(self._pumps)

    def step(self, step: Step) -> list[float]:
        """Advance; returns the powers of its pumps."""
        dt = step.dt_s
        used = _BY_DAY_M3H * step.activity.occupancy + _LEAKS_M3H
        taken = used + (_BURST_M3H if self._burst else 0.0)
        flows = [
            pump.step(on != 0.0, dt)
            for pump, on in zip(self._pumps.values(), self._enables(self._values), strict=True)
        ]
        lifted = flows[0] + flows[1]
        # Hard wired: a float shuts the inlet of a tank that is full.
        lifted = min(lifted, taken + (_TANK_M3 - self.tank.water_m3) * 3600.0 / dt)
        given = self.tank.step(lifted, taken, dt)
        drained = flows[2] + flows[3]
        comes = _SEEPS_M3H + _DRAINED * used
        drained = min(drained, comes + self.pit.water_m3 * 3600.0 / dt)
        self.pit.step(comes, drained, dt)
        self._volume_m3 += lifted * dt / 3600.0
        self._show(lifted, taken * given)
        return [pump.power_kw for pump in self._pumps.values()]

    def _show(self, lifted_m3h: float, taken_m3h: float) -> None:
        level, pit = self.tank.level_pct, self.pit.level_pct
        shown = (level, float(level > _DRY_PCT), float(level >= _BRIM_PCT), taken_m3h)
        self._values.update(zip(self._tank_keys, shown, strict=True))
        self._values.update(zip(self._pit_keys, (pit, float(pit >= _HIGH_PCT)), strict=True))
        # The register has whole counts of 10 litres.
        volume = int(self._volume_m3 * 100.0) / 100.0
        self._values.update(zip(self._meter_keys, (lifted_m3h, volume), strict=True))
        running = (float(pump.running) for pump in self._pumps.values())
        self._values.update(zip(self._statuses, running, strict=True))

    def break_(self, machine: str, on: bool) -> bool:
        """A pipe behind the tank bursts, or a coupling breaks; whether there is such a thing."""
        if machine == "roof-tank":
            self._burst = on
        elif machine in self._pumps:
            self._pumps[machine].broken = on
        else:
            return False
        return True

    def state(self) -> dict[str, Any]:
        """For `restore`."""
        return {
            "tank": self.tank.water_m3,
            "pit": self.pit.water_m3,
            "volume": self._volume_m3,
            "pumps": [pump.starter.state for pump in self._pumps.values()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.tank.water_m3, self.pit.water_m3 = state["tank"], state["pit"]
        self._volume_m3 = state["volume"]
        for pump, waited in zip(self._pumps.values(), state["pumps"], strict=True):
            pump.starter.restore(waited)
