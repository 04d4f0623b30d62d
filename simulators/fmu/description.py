"""What an FMU says of itself, read without running any of it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is a number or a truth value."""

    reference: int
    kind: str
    """As FMI calls its type: Real, Integer, Boolean, Enumeration, Float64, ..."""
    unit: str
    start: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Description:
    """Names of an FMU and what they are."""

    version: str
    variables: Mapping[str, Variable]
    inputs: frozenset[str]
    settable: Mapping[str, tuple[int, str]]
    """Reference and type of what may be set before it begins, texts too."""


def installed() -> Any:
    """The package `fmpy`. Raises ImportError that says what to install."""
    try:
        import fmpy
    except ImportError as error:
        raise ImportError("FMPy is not installed: pip install 'bms[fmu]'") from error
    return fmpy


def describe(path: Path) -> Description:
    """Raises OSError for a file that cannot be read, ValueError for one that cannot be run here,
    ImportError if FMPy is not installed."""
    fmpy = installed()
    if not path.is_file():
        raise FileNotFoundError(f"there is no FMU {path}")
    try:
        said = fmpy.read_model_description(str(path), validate=False)
        platforms = fmpy.supported_platforms(str(path))
    except Exception as error:
        # Its own, and those of zip files and XML: all mean that this is no FMU.
        raise ValueError(f"{path.name} is no FMU: {' '.join(str(error).split())}") from error
    if said.coSimulation is None:
        raise ValueError(f"{path.name} is for model exchange; export it for co-simulation")
    if said.fmiVersion not in ("2.0", "3.0"):
        raise ValueError(f"{path.name} is FMI {said.fmiVersion}; bms runs 2.0 and 3.0")
    if fmpy.platform not in platforms:
        has = ", ".join(platforms) or "no platform"
        raise ValueError(f"{path.name} has no binary for {fmpy.platform}; it has one for {has}")
    variables = {}
    inputs = set()
    settable = {}
    for variable in said.modelVariables:
        kind = variable.type
        if kind != "String" and not variable.dimensions:
            variables[variable.name] = Variable(
                variable.valueReference,
                kind,
                variable.unit or _unit_of(variable),
                _number(variable.start),
                _number(variable.min),
                _number(variable.max),
            )
            if variable.causality == "input":
                inputs.add(variable.name)
        if variable.causality in ("input", "parameter") or variable.initial in ("exact", "approx"):
            settable[variable.name] = (variable.valueReference, kind)
    return Description(said.fmiVersion, variables, frozenset(inputs), settable)


def _unit_of(variable: Any) -> str:
    declared = variable.declaredType
    return "" if declared is None else declared.unit or ""


def _number(text: str | None) -> float | None:
    if text in ("true", "false"):
        return float(text == "true")
    with suppress(TypeError, ValueError):
        return float(text)  # type: ignore[arg-type]
    return None
