"""What the two processes of a building say to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """What the process is told at its start."""

    directory: str
    model: str
    weather: str
    variables: tuple[tuple[str, str], ...]
    """Name and key of each variable that is read."""
    counted: tuple[int, ...]
    """Which of them are rates whose energy is wanted as well."""
    meters: tuple[str, ...]
    actuators: tuple[tuple[str, str, str], ...]
    temporary: bool
    """Nobody wants the directory once the other end is gone."""


@dataclass(frozen=True, slots=True)
class Step:
    """The values after one time step."""

    month: int
    day: int
    variables: Sequence[float]
    counts_kwh: Sequence[float]
    """Since the start, one for each counted variable."""
    meters_kwh: Sequence[float]


@dataclass(frozen=True, slots=True)
class Unknown:
    """Names of the mapping that the model does not have, as sentences."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Over:
    """EnergyPlus returned; 0 is the end of the run period."""

    code: int
