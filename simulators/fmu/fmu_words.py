"""What the two processes of an FMU say to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simulators.fmu.description import Variable


@dataclass(frozen=True, slots=True)
class FmuWork:
    """What the process is told at its start."""

    directory: str
    """Where it unpacks the FMU; thrown away by whoever ends last."""
    fmu: str
    begin_s: float
    """The model's time at the first step."""
    step_s: float
    read: Mapping[str, Variable]
    inputs: tuple[tuple[Variable, Variable | None, float | None], ...]
    """What is commanded, what says that it is, and what it is while nobody commands."""
    settings: tuple[tuple[int, str, float | bool | str], ...]
    """Reference, type and value of what is set before it begins."""


@dataclass(frozen=True, slots=True)
class Values:
    """The variables after a step."""

    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The FMU says that its simulation is over."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The FMU cannot go on, and why."""

    text: str
