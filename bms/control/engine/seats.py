"""The place of one controller in the engine, and what it may command. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from bms.core.decisions import (
    Command,
    Condition,
    Controller,
    Fact,
    Stage,
)
from bms.texts.messages import msg
from drivers.points import PointId


class Seat:
    """One controller with what the engine keeps for it."""

    __slots__ = ("commands", "conditions", "controller", "facts", "failures", "state")

    def __init__(self, controller: Controller[Any], state: object) -> None:
        self.controller = controller
        self.state = state
        self.commands: tuple[Command, ...] = ()
        self.conditions: tuple[Condition, ...] = ()
        self.facts: tuple[Fact, ...] = ()
        self.failures = 0


def staged(seats: Iterable[Seat]) -> dict[Stage, list[Seat]]:
    """The seats of each stage, in the order in which they are asked."""
    by_stage: dict[Stage, list[Seat]] = {stage: [] for stage in Stage}
    for seat in seats:
        by_stage[seat.controller.stage].append(seat)
    return by_stage


def check_commands(controller: Controller[Any], commands: tuple[Command, ...]) -> None:
    """Raises ValueError for commands that are not this controller's to give."""
    points: set[PointId] = set()
    for command in commands:
        if command.point in points:
            raise ValueError(msg("commands {point} twice", point=command.point))
        points.add(command.point)
        if command.point not in controller.writes:
            raise ValueError(msg("commands {point}, which it did not declare", point=command.point))
        if command.priority != controller.priority:
            raise ValueError(
                msg(
                    "commands {point} at slot {slot}",
                    point=command.point,
                    slot=int(command.priority),
                )
            )
        if isinstance(command.value, float) and not math.isfinite(command.value):
            raise ValueError(
                msg("commands {point} to {commanded}", point=command.point, commanded=command.value)
            )
