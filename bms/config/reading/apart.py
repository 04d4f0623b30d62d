"""Files that control nothing: a mistake in one withholds what it is for, and the site runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bms.config.reading.drivers_file import read_drivers
from bms.config.reading.factor_sets import read_energy_file
from bms.config.reading.files import DRIVERS, ENERGY, MEASURES, UPLOADS, Sources
from bms.config.reading.measures_file import read_measures
from bms.config.reading.sections import Names
from bms.config.reading.upload_file import read_uploads_file
from bms.texts.problems import Problem


def _nobody_knows() -> Names:
    return Names(complete=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What such files may refer to, as far as it could be read."""

    bases: Names
    meters: Names = field(default_factory=_nobody_knows)
    points: Names = field(default_factory=_nobody_knows)
    units: Mapping[str, str] | None = None
    """Of meters, by name."""
    zone: str = ""
    """Of the site."""


def problems_apart(found: Sources, known: Known) -> list[Problem]:
    """Everything wrong with them."""
    problems: list[Problem] = []
    if (text := found.texts.get(ENERGY)) is not None:
        problems += read_energy_file(text, known.bases, known.meters)[1]
    if (text := found.texts.get(DRIVERS)) is not None:
        problems += read_drivers(text, known.bases, known.points, known.meters)[1]
    if (text := found.texts.get(MEASURES)) is not None:
        problems += read_measures(text, known.bases, known.meters)[1]
    if (text := found.texts.get(UPLOADS)) is not None:
        problems += read_uploads_file(text, known.units, known.zone)[1]
    return problems
