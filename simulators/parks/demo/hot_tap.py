"""Hot tap water of a base: a store with a heat pump and a heating rod, circulation, a mixer."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from simulators.parks.board import Board
from simulators.parks.demo.surroundings import Step
from simulators.physics.motor import Starter
from simulators.physics.water.hot_store import HotStore, circulation_return_c

_STORE_M3 = 3.0
_HEAT_PUMP_KW, _COP = 28.0, 3.2
_ROD_KW = 18.0
_CIRCULATION_KW, _CIRCULATION_M3H, _LOOP_KW_K = 0.25, 0.9, 0.06
_COLD_C, _MIXED_C = 14.0, 48.0
_DRAWN_M3H = 0.55
"""Mixed water that people draw with the base full."""


class HotTap:
    """See the module; steps are driven by the base."""

    def __init__(self, board: Board, base: str) -> None:
        self._values = board.values
        self.store = HotStore(_STORE_M3, 58.0, layers=3)
        self._mixer_broken = False
        self._sensors = board.add(base, "tap-store", "top_temp middle_temp bottom_temp")
        made = [
            board.add(base, name, "enable status fault power")
            for name in ("tap-hp", "tap-rod", "tap-circ-1", "tap-circ-2")
        ]
        self._sensors += board.add(base, "tap-mixer", "mixed_temp")
        self._sensors += board.add(base, "tap-loop", "return_temp flow")
        self._enables = itemgetter(*(names[0] for names in made))
        self._setpoint = itemgetter(board.add(base, "tap-store", "tank_setpoint")[0])
        self._statuses = [names[1] for names in made]
        self._starters = [Starter(60.0), Starter(1.0), Starter(3.0), Starter(3.0)]
        self._show(_COLD_C, 0.0)

    @property
    def machines(self) -> Sequence[str]:
        """What draws electricity, in the order of the powers."""
        return ("tap-hp", "tap-rod", "tap-circ-1", "tap-circ-2")

    def step(self, step: Step) -> list[float]:
        """Advance; returns the powers of its machines."""
        dt, store = step.dt_s, self.store
        shares = [
            starter.run(on != 0.0, dt)
            for starter, on in zip(self._starters, self._enables(self._values), strict=True)
        ]
        top_c = store.temps_c[0]
        drawn = _DRAWN_M3H * step.activity.occupancy
        mixed = min(top_c, _MIXED_C) if not self._mixer_broken else top_c
        hot = drawn * (mixed - _COLD_C) / (top_c - _COLD_C) if top_c > mixed else drawn
        circulated = _CIRCULATION_M3H * max(shares[2], shares[3])
        back_c = circulation_return_c(top_c, circulated, _LOOP_KW_K)
        # Each source has a thermostat of its own, at the store's set point.
        room_kw = _kw_up_to(store, self._setpoint(self._values), dt)
        pump_kw = min(_HEAT_PUMP_KW * shares[0], room_kw)
        rod_kw = min(_ROD_KW * shares[1], max(0.0, room_kw - pump_kw))
        store.step(
            dt, draw_m3h=hot, cold_c=_COLD_C, heat_kw=pump_kw + rod_kw,
            circulated_m3h=circulated, return_c=back_c,
        )  # fmt: skip
        self._show(back_c, drawn)
        return [pump_kw / _COP, rod_kw, _CIRCULATION_KW * shares[2], _CIRCULATION_KW * shares[3]]

    def _show(self, back_c: float, drawn_m3h: float) -> None:
        top, middle, bottom = self.store.temps_c
        mixed = top if self._mixer_broken else min(top, _MIXED_C)
        shown = (top, middle, bottom, mixed, back_c, drawn_m3h)
        self._values.update(zip(self._sensors, shown, strict=True))
        running = (float(starter.running) for starter in self._starters)
        self._values.update(zip(self._statuses, running, strict=True))

    def break_(self, machine: str, on: bool) -> bool:
        """The mixing valve lets hot water through; whether there is such a thing."""
        if machine == "tap-mixer":
            self._mixer_broken = on
        return machine == "tap-mixer"

    def state(self) -> dict[str, Any]:
        """For `restore`."""
        return {
            "store": self.store.state(),
            "starters": [starter.state for starter in self._starters],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.store.restore(state["store"])
        for starter, waited in zip(self._starters, state["starters"], strict=True):
            starter.restore(waited)


def _kw_up_to(store: HotStore, setpoint_c: float, dt_s: float) -> float:
    """The heat that brings all of a store to its set point within a step."""
    missing_k = setpoint_c - sum(store.temps_c) / len(store.temps_c)
    return max(0.0, missing_k * store.volume_m3 * 4180.0 / dt_s) + 1.0
