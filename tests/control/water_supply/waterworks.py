"""A roof tank with two pumps, and a pit with two pumps, under their strategies and protection."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bms.core.equipment import Equipment
from bms.core.machines.equipment_kinds import KINDS
from bms.core.machines.relations import Design, Relations, Standing, StartLimits
from simulators.physics.water.basins import Basin, WaterPump
from tests.control.parts import BASE, Rig, group

VOLUME_M3 = 40.0
PUMP_M3H = 10.0
ALL_FLOATS = ("dry_float", "low_float", "high_float", "overflow_float")
HEIGHTS = {"dry_float": 8.0, "low_float": 40.0, "high_float": 85.0, "overflow_float": 96.0}


def thing(name: str, kind: str, roles: tuple[str, ...], standing: Standing) -> Equipment:
    points = {role: f"{BASE}.{name}.{role}" for role in roles}
    return Equipment(f"{BASE}.{name}", BASE, KINDS[kind], points, standing=standing)


def pump(
    name: str,
    *,
    draws_from: str = "",
    fills: str = "",
    starts: StartLimits | None = None,
    more: tuple[str, ...] = (),
) -> Equipment:
    standing = Standing(
        Relations(draws_from=draws_from, fills=fills),
        Design(flow_m3h=PUMP_M3H),
        starts or StartLimits(),
    )
    return thing(name, "pump", ("enable", "status", "fault", *more), standing)


def basin(
    kind: str,
    roles: tuple[str, ...],
    *,
    reserve_m3: float | None = None,
    volume_m3: float = VOLUME_M3,
) -> Equipment:
    design = Design(
        volume_m3=volume_m3, dry_pct=8.0, low_pct=40.0, high_pct=85.0, overflow_pct=96.0,
        fire_reserve_m3=reserve_m3,
    )  # fmt: skip
    return thing(kind, kind, roles, Standing(design=design))


class Waterworks(Rig):
    """A tank or pit that truly fills and empties; `use_m3h` is what people take, or what comes."""

    def __init__(
        self,
        kind: str = "tank",
        *,
        instruments: tuple[str, ...] = ("water_level", *ALL_FLOATS),
        count: int = 2,
        level_pct: float = 60.0,
        reserve_m3: float | None = None,
        starts: StartLimits | None = None,
        booster: bool = False,
        more: tuple[str, ...] = (),
        **parameters: Any,
    ) -> None:
        fills = kind == "tank"
        relation = {"fills": kind} if fills else {"draws_from": kind}
        pumps = [pump(f"p-{n}", starts=starts, more=more, **relation) for n in range(1, count + 1)]
        self.basin_of = basin(kind, instruments, reserve_m3=reserve_m3)
        others = [self.basin_of]
        self.booster: WaterPump | None = None
        if booster:
            others.append(pump("booster", draws_from=kind))
            self.booster = WaterPump(PUMP_M3H, 3.0)
        made = group(
            "level_pumps", pumps, others,
            tank=kind, direction="fill" if fills else "empty", **parameters,
        )  # fmt: skip
        super().__init__(replace(made, zone="Asia/Shanghai"))
        self.fills = fills
        self.basin = Basin(VOLUME_M3, level_pct)
        self.pumps = {f"p-{n}": WaterPump(PUMP_M3H, 3.0) for n in range(1, count + 1)}
        self.use_m3h = 0.0
        self.kind = kind
        self.lies: dict[str, float] = {}
        """Instruments that show this, whatever is."""
        self.airlocked = False
        """Pumps turn, and move no water."""
        self.plant = self._flow
        self._at = 0.0
        self.most_pct = self.least_pct = level_pct
        self._flow()
        self.mode("on")

    def _flow(self) -> None:
        dt_s = self.seconds - self._at
        self._at = self.seconds
        if dt_s > 0.0:
            moved = 0.0
            for name, machine in self.pumps.items():
                dead = name in self.dead
                flow = machine.step(bool(self.get(f"{name}.enable")) and not dead, dt_s)
                flow = 0.0 if self.airlocked else flow
                moved += flow
                if f"{BASE}.{name}.flow" in self.values:
                    self.put(f"{name}.flow", flow)
            drawn = 0.0
            if self.booster is not None:
                drawn = self.booster.step(bool(self.get("booster.enable")), dt_s)
            if self.fills:
                self.basin.step(moved, self.use_m3h + drawn, dt_s)
            else:
                self.basin.step(self.use_m3h, moved, dt_s)
        level = self.basin.level_pct
        self.most_pct, self.least_pct = max(self.most_pct, level), min(self.least_pct, level)
        for role in self.basin_of.points:
            if role in HEIGHTS:
                shown = float(level >= HEIGHTS[role])
            elif role in ("water_level", "second_level"):
                shown = level
            else:
                shown = self.use_m3h
            self.put(f"{self.kind}.{role}", self.lies.get(role, shown))

    def live(self, hours: float, step_s: float = 30.0) -> None:
        """Live for so long."""
        self.run(self.seconds + hours * 3600.0, step_s)

    def on(self) -> set[str]:
        """The pumps that are told to run."""
        return {name for name in self.pumps if self.get(f"{name}.enable")}

    def starts(self) -> list[tuple[float, str]]:
        """Every start of a pump of the group."""
        return [(t, n) for t, n, v in self.writes() if v == 1 and n in self.pumps]

    def text(self, key: str) -> str:
        """What an alarm says."""
        return next(str(alarm.text) for alarm in self.engine.alarms() if alarm.key == key)
