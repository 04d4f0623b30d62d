"""A floor, a garage and a garden under an engine, with sensors that tests move."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bms.core.equipment import Equipment
from bms.core.machines.relations import Relations, Standing
from schedules.model.context import Place
from tests.control.parts import BASE, Rig, group, machine

HANGZHOU = Place(30.19, 120.21)
MINIMAL = ("occupied", "motion", "extend", "warning", "illuminance", "local", "fault")


def circuit(
    name: str, *serves: str, has: tuple[str, ...] = (), rated_kw: float | None = 2.0
) -> Equipment:
    """A circuit with enable, status, level and power, and what `has` names."""
    without = tuple(role for role in MINIMAL if role not in has)
    made = machine(name, "lighting_circuit", without=without)
    return replace(made, rated_kw=rated_kw, standing=Standing(Relations(serves=serves)))


def bay(name: str) -> Equipment:
    return machine(name, "parking_bay")


def area(name: str, *has: str) -> Equipment:
    without = tuple(
        role
        for role in ("occupied", "motion", "arrival", "extend", "illuminance")
        if role not in has
    )
    return machine(name, "lit_area", without=without)


class Lamps(Rig):
    """Lamps draw what they are told, unless a test breaks them."""

    def __init__(
        self,
        members: list[Equipment],
        others: list[Equipment] | None = None,
        *,
        place: Place | None = None,
        zone: str = "Asia/Shanghai",
        saved: Any = None,
        **parameters: Any,
    ) -> None:
        made = replace(group("lighting", members, others, **parameters), place=place, zone=zone)
        super().__init__(made, saved=saved)
        self.welded: set[str] = set()
        self.tripped: set[str] = set()
        self.plant = self._burn
        for member in members:
            if "level" in member.points:
                self.values[member.points["level"]] = 100

    def _burn(self) -> None:
        for member in self.group.members:
            name = member.id.removeprefix(f"{BASE}.")
            points = member.points
            on = (bool(self.values[points["enable"]]) or name in self.welded) and (
                name not in self.tripped
            )
            level = float(self.values.get(points.get("level", ""), 100))
            self.values[points["power"]] = (member.rated_kw or 1.5) * level / 100 if on else 0.0

    def lit(self, name: str) -> bool:
        return bool(self.get(f"{name}.enable"))

    def level(self, name: str) -> float:
        """What it gives, %; 0 while it is off."""
        return float(self.get(f"{name}.level")) if self.lit(name) else 0.0

    def why(self, name: str) -> str:
        return str(self.reason(f"{name}.enable"))
