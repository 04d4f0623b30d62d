"""The shape of `drivers.yaml`: what the energy of a base depends on."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import Identifier
from bms.texts.messages import msg


def _inside(name: str) -> str:
    path = PurePath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(msg("the file lies in the site's directory: name it from there"))
    if path.suffix.lower() not in (".csv", ".txt", ".tsv"):
        raise ValueError(msg("'{name}' is no CSV file", name=name))
    return name


class DriverFile(FileModel):
    """One driver by day: of a point or a meter of the site, or of a CSV file."""

    point: str | None = None
    """`equipment.role` of the base, as `weather.outdoor_temp`: the mean of each day."""
    meter: str | None = None
    """A meter of the base, as a counter of pieces, water or gas: what it counted each day."""
    file: Annotated[str | None, AfterValidator(_inside)] = Field(
        default=None, examples=["production.csv"]
    )
    """A CSV file in the site's directory, one row per day: the day as 2026-03-01, then numbers."""
    column: str | None = None
    """The head of its column; the second one if absent."""

    production: bool = True
    """Whether it is what the base makes; false of people, visitors and the like."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        given = [key for key in ("point", "meter", "file") if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(msg("a driver has one of 'point', 'meter' and 'file'"))
        if self.column is not None and self.file is None:
            raise ValueError(msg("'column' belongs to a file"))
        return self


class BaseDrivers(FileModel):
    """What the energy of one base depends on."""

    outdoor: str | None = None
    """`equipment.role` of the outdoor temperature; the first weather station of the base, or of
    the site, if absent."""
    outdoor_past: DriverFile | None = None
    """Daily means of the outdoor temperature in °C from a CSV file, for days that the point does
    not know: ten years of them tell what the rest of a year may bring."""
    industrial: bool = True
    """Whether a model without production is marked as not valid."""
    drivers: dict[Identifier, DriverFile] = {}
    """Production, occupancy and the like by name; more of one uses more energy."""


class DriversFile(FileModel):
    """`drivers.yaml`: read by reports alone."""

    bases: dict[Identifier, BaseDrivers] = Field(min_length=1)
    """The bases by id."""
