"""What acts on all machines of a base during one step, and parts that bases share."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from simulators.activity import Activity
from simulators.parks.board import Board
from simulators.physics.chilled_water import ChilledWaterPlant, TrainCommand, TrainSpec
from simulators.weather import Conditions


class Step(NamedTuple):
    """One step: its length, the mean weather over it and the weather at its end."""

    dt_s: float
    mean: Conditions
    end: Conditions
    activity: Activity
    years: float
    """Since the start of 2025: production grows with it."""
    local_s: float
    """Its end, in seconds of local time since 1970."""


class Base(Protocol):
    """One base of the park."""

    def step(self, step: Step) -> None: ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class WeatherStation:
    """The points of one weather station."""

    __slots__ = ("_keys", "_values")

    def __init__(self, board: Board, base: str) -> None:
        self._keys = board.add(base, "weather", "outdoor_temp wet_bulb_temp humidity irradiance")
        self._values = board.values

    def show(self, conditions: Conditions) -> None:
        self._values.update(zip(self._keys, conditions, strict=True))


def latent_factor(wet_bulb_c: float) -> float:
    """Total over sensible cooling of a coil: moisture of the air, 1 in winter, 1.25 in July."""
    return 1.0 + 0.25 * min(1.0, max(0.0, (wet_bulb_c - 14.0) / 10.0))


class CoolingPlant:
    """A chilled-water plant with its points: trains of chiller, pumps, tower, and a header."""

    def __init__(
        self,
        board: Board,
        base: str,
        chillers: Sequence[str],
        specs: Sequence[TrainSpec],
        volume_m3: float,
    ) -> None:
        self.plant = ChilledWaterPlant(specs, volume_m3)
        self._values = board.values
        wanted: list[str] = []
        self._sensors: list[str] = []
        self.machines: list[str] = []
        for i, chiller in enumerate(chillers, 1):
            pump, condenser_pump, tower = f"chwp-{i}", f"cwp-{i}", f"ct-{i}"
            self.machines += [chiller, pump, condenser_pump, tower]
            made = board.add(
                base, chiller,
                "enable chw_setpoint status fault chw_supply_temp chw_return_temp load "
                "power energy",
            )  # fmt: skip
            wanted += made[:2]
            self._sensors += [made[2], *made[4:7]]
            for name in (pump, condenser_pump):
                made = board.add(base, name, "enable speed status fault power")
                wanted += made[:2]
                self._sensors.append(made[2])
            made = board.add(base, tower, "enable speed status fault cw_supply_temp power")
            wanted += made[:2]
            self._sensors += [made[2], made[4]]
        self._sensors += board.add(
            base, "chw-header", "supply_temp return_temp flow differential_pressure"
        )
        self._commands = itemgetter(*wanted)
        self._design_m3h = sum(train.design_flow_m3h for train in self.plant.trains)

    def begin(self, step: Step) -> float:
        """Move the machines; returns what coils may draw, kW."""
        given = self._commands(self._values)
        commands = [TrainCommand._make(given[i : i + 8]) for i in range(0, len(given), 8)]
        return self.plant.begin(commands, step.mean.wet_bulb_c, step.dt_s)

    def finish(self, drawn_kw: float, dt_s: float) -> list[float]:
        """Balance the loop and show it; returns the powers of `machines`."""
        plant = self.plant
        plant.finish(drawn_kw, dt_s)
        powers: list[float] = []
        shown: list[float] = []
        supply, back = plant.supply_c, plant.return_c
        for t in plant.trains:
            on = t.chiller.running
            powers += [t.power_kw, t.chw_pump.power_kw, t.cw_pump.power_kw, t.tower.power_kw]
            shown += [
                1.0 if on else 0.0, supply if on else back, back, t.load_pct,
                1.0 if t.chw_pump.starter.running else 0.0,
                1.0 if t.cw_pump.starter.running else 0.0,
                1.0 if t.tower.starter.running else 0.0, t.entering_c,
            ]  # fmt: skip
        flow = plant.flow_m3h
        share = flow / self._design_m3h
        shown += [supply, back, flow, 180.0 * share * share]
        self._values.update(zip(self._sensors, shown, strict=True))
        return powers


class Switched:
    """Machines that draw a part of their rating while enabled: lamps, simple motors."""

    def __init__(self, board: Board, base: str, ratings: dict[str, float], part: str) -> None:
        self.machines = list(ratings)
        self._ratings = list(ratings.values())
        self._values = board.values
        wanted: list[str] = []
        self._status: list[str] = []
        for name in ratings:
            roles = f"enable {part} status" if part == "level" else f"enable {part} status fault"
            made = board.add(base, name, f"{roles} power")
            wanted += made[:2]
            self._status.append(made[2])
        self._commands = itemgetter(*wanted)

    def step(self, exponent: int) -> list[float]:
        """Powers: rating * part^exponent. They follow their command within any step."""
        given = self._commands(self._values)
        on = given[::2]
        self._values.update(zip(self._status, on, strict=True))
        return [
            kw * (pct * 0.01) ** exponent if e else 0.0
            for kw, e, pct in zip(self._ratings, on, given[1::2], strict=True)
        ]
