"""`energy.yaml`: fuels, factors and activities for the table of energy, coal equivalent and CO2."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from bms.config.shapes.filemodel import FileModel
from bms.config.shapes.models import Identifier, Title

Unit: TypeAlias = Literal["t", "kg", "m3", "1e4m3", "L", "kWh", "MWh", "1e4kWh", "GJ", "MJ"]
Year: TypeAlias = Annotated[int, Field(ge=1990, le=2200)]
Amounts: TypeAlias = dict[Year, Annotated[Decimal, Field(ge=0)]]


class FactorEntry(FileModel):
    """What one unit of an energy counts."""

    amount: Decimal = Field(ge=0)
    """Tonnes of coal equivalent or of CO2 per unit."""
    unit: Unit
    """Per which unit."""


class FactorSetEntry(FileModel):
    """Factors from one source."""

    of: Literal["tce", "scope_1", "scope_2"]
    """Into what it turns amounts: coal equivalent, CO2 of what is burnt, CO2 of what is bought."""
    source: str = Field(min_length=1, max_length=500)
    """Who printed it, where, for which year."""
    verified: bool = False
    """Somebody read the source; else reports print "unverified" beside what rests on it."""
    per: dict[str, FactorEntry] = Field(min_length=1)
    """By kind of energy: `electricity`, `natural_gas`, `petrol`, `diesel`, `steam`, …"""


class FactorSetsFile(FileModel):
    """A file of factor sets that are shipped."""

    sets: dict[Identifier, FactorSetEntry] = Field(min_length=1)
    """The sets by id."""


class UseEntry(FileModel):
    """Where a set counts. Of several that fit, the first counts."""

    set: str
    """The set's id: one of this file, or a shipped one."""
    from_year: Year | None = None
    """The first year; absent: any."""
    to_year: Year | None = None
    """The last year; absent: any."""
    bases: list[str] = []
    """Bases whose energy it is for; absent: all."""


class EnergyEntry(FileModel):
    """One energy of the site: electricity, a fuel, heat, water, or what is generated here."""

    kind: str
    """By which its factor is found; `water` and `pv` have none."""
    unit: Unit
    """In which amounts are given and shown."""
    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    base: str | None = None
    """The base that uses it; absent: the site as a whole."""
    meters: list[str] = []
    """Meters whose sum it is, `<base>.<name>`; of electricity without any: what the grid gave."""
    amounts: Amounts = {}
    """By year, from invoices or older reports; a year that is given here is not asked of meters."""


class ActivityEntry(FileModel):
    """What energy is divided by: revenue, product, area, persons."""

    title: Title = ""
    """A name for people: one text, or one per language, `{zh: …, en: …}`."""
    unit: str = Field(min_length=1, max_length=40)
    """`MRMB`, `m2`, `persons`, `pieces`."""
    amounts: Amounts = Field(min_length=1)
    """By year."""


class EnergyFile(FileModel):
    """`energy.yaml`. Every key is optional."""

    sets: dict[Identifier, FactorSetEntry] = {}
    """Factor sets of the site, with their sources."""
    use: list[UseEntry] = []
    """Which sets count, and where."""
    energies: dict[Identifier, EnergyEntry] = {}
    """The energies by name; absent: electricity of each base, and what its gas meters say."""
    activities: dict[Identifier, ActivityEntry] = {}
    """What totals are divided by."""
    printed: dict[str, Amounts] = {}
    """A table that was printed elsewhere, by row and year: it is checked cell by cell."""
