"""What of each energy was used in each year: as `energy.yaml` says, else as meters say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from bms.config.shapes.energy_keys import EnergyEntry, EnergyFile
from bms.config.site import MeterSpec, Site
from bms.core.equipment import Medium
from bms.core.instants import local_midnight
from bms.energy.carbon.energy_table import Amount, Energy
from bms.energy.carbon.factors import ELECTRICITY, UNITS, WATER
from bms.ledger.database.store import Ledger


def yearly_energies(
    site: Site, file: EnergyFile, ledger: Ledger | None, years: Sequence[int], now: datetime
) -> tuple[list[Energy], dict[str, EnergyEntry]]:
    """Every energy with its amounts, and the entries they come from, written or supposed."""
    entries = dict(file.energies) or dict(supposed(site))
    found = []
    for name, entry in entries.items():
        amounts = {
            year: amount
            for year in years
            if (amount := _amount(site, entry, ledger, year, now)) is not None
        }
        found.append(Energy(name, entry.kind, entry.unit, amounts, entry.base))
    return found, entries


def supposed(site: Site) -> Iterator[tuple[str, EnergyEntry]]:
    """Of a site that names no energies: what each base gets from the grid and generates itself,
    and its gas, heat and water by the meters behind which no other stands."""
    for base in site.bases.values():
        if base.imports:
            yield (
                f"electricity-{base.id}",
                EnergyEntry(kind=ELECTRICITY, unit="MWh", base=base.id, title=base.file.title),
            )
        if base.generation:
            meters = list(base.generation)
            yield (
                f"pv-{base.id}",
                EnergyEntry(
                    kind="pv", unit="MWh", base=base.id, title=base.file.title, meters=meters
                ),
            )
        for medium, kind, unit in (
            (Medium.GAS, "natural_gas", "m3"),
            (Medium.WATER, WATER, "m3"),
        ):
            meters = [
                spec.name
                for spec in site.metering.values()
                if spec.base == base.id
                and spec.medium is medium
                and spec.parent is None
                and not spec.virtual
            ]
            if meters:
                entry = {"kind": kind, "unit": unit, "base": base.id, "meters": meters}
                yield (
                    f"{kind.replace('_', '-')}-{base.id}",
                    EnergyEntry.model_validate({**entry, "title": base.file.title}),
                )


def meters_of(site: Site, entry: EnergyEntry) -> list[MeterSpec]:
    """The meters whose sum an energy is; none where only files have it."""
    if entry.meters:
        return [site.meter_named(name) for name in entry.meters]
    if entry.kind != ELECTRICITY:
        return []
    bases = [base for base in site.bases.values() if entry.base in (None, base.id)]
    return [site.meter_named(name) for base in bases for name in base.imports]


def _amount(
    site: Site, entry: EnergyEntry, ledger: Ledger | None, year: int, now: datetime
) -> Amount | None:
    if year in entry.amounts:
        return Amount(Fraction(entry.amounts[year]), entered=True)
    specs = meters_of(site, entry)
    if ledger is None or not specs:
        return None
    parts = [_of_meter(ledger, spec, entry.unit, year) for spec in specs]
    if all(part.known is None for part in parts):
        return None
    known = sum((part.known for part in parts if part.known is not None), Fraction(0))
    coverage = min(part.coverage_pct for part in parts)
    over = all(now >= _year(spec, year)[1] for spec in specs)
    whole = over and all(part.amount is not None for part in parts)
    return Amount(known if whole else None, known, coverage)


def _of_meter(ledger: Ledger, spec: MeterSpec, unit: str, year: int) -> Amount:
    energy = ledger.energy_in(spec, *_year(spec, year))
    if energy.amount is None:
        return Amount(None, None, energy.coverage_pct)
    amount = energy.amount / _per(unit, spec.medium.unit)
    return Amount(amount if energy.covered == 1 else None, amount, energy.coverage_pct)


def _per(unit: str, kept: str) -> Fraction:
    """How many of the ledger's units one of a table's is. A tonne of water is a cubic metre."""
    kind, many = UNITS[unit]
    return many if kind in (kept, "t") else Fraction(1)


def _year(spec: MeterSpec, year: int) -> tuple[datetime, datetime]:
    zone = ZoneInfo(spec.zone)
    return local_midnight(date(year, 1, 1), zone), local_midnight(date(year + 1, 1, 1), zone)


def activity_amounts(file: EnergyFile) -> Mapping[str, Mapping[int, Fraction]]:
    """What totals are divided by, by year."""
    return {
        name: {year: Fraction(amount) for year, amount in entry.amounts.items()}
        for name, entry in file.activities.items()
    }
