"""`drivers.yaml`, which says what the energy of the bases depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bms.config.reading.files import DRIVERS
from bms.config.reading.sections import Names, read_all
from bms.config.shapes.driver_files import BaseDrivers, DriverFile, DriversFile
from bms.texts.messages import msg
from bms.texts.problems import Document, Path, Problem
from bms.texts.yaml.parsing import validate


def read_drivers(
    text: str, bases: Names, points: Names, meters: Names
) -> tuple[Mapping[str, BaseDrivers], list[Problem]]:
    """What is said of each base, and every problem. Empty if there is one.

    `points` and `meters` are full names, `<base>.<equipment>.<role>` and `<base>.<name>`. Only
    reports read the file: each problem withholds them, and nothing that controls.
    """
    documents, problems, _ = read_all({DRIVERS: text})
    file = None
    if documents:
        (document,) = documents
        file, found = validate(DriversFile, document)
        problems += found
        if file is not None:
            problems += _names(document, file, bases, points, meters)
    withheld = [replace(problem, withholds=DRIVERS) for problem in problems]
    return ({} if problems or file is None else dict(file.bases)), withheld


def full_point(base: str, name: str) -> str:
    """`weather.outdoor_temp` of a base as the id of its point; one of another base says which."""
    return name if name.count(".") == 2 else f"{base}.{name}"


def full_meter(base: str, name: str) -> str:
    """`meter-1` of a base as the name of its meter; one of another base says which."""
    return name if "." in name else f"{base}.{name}"


def _names(
    document: Document, file: DriversFile, bases: Names, points: Names, meters: Names
) -> list[Problem]:
    problems: list[Problem] = []
    for base, told in file.bases.items():
        path: Path = ("bases", base)
        unknown = bases.unknown(document, path, base, msg("base"), key=True)
        problems += unknown
        if unknown:
            continue
        if told.outdoor is not None:
            full = full_point(base, told.outdoor)
            problems += points.unknown(document, (*path, "outdoor"), full, msg("point"))
        sources: list[tuple[Path, DriverFile]] = [
            ((*path, "drivers", name), driver) for name, driver in told.drivers.items()
        ]
        if told.outdoor_past is not None:
            sources.append(((*path, "outdoor_past"), told.outdoor_past))
        for at, driver in sources:
            if driver.point is not None:
                full = full_point(base, driver.point)
                problems += points.unknown(document, (*at, "point"), full, msg("point"))
            if driver.meter is not None:
                full = full_meter(base, driver.meter)
                problems += meters.unknown(document, (*at, "meter"), full, msg("meter"))
    return problems
