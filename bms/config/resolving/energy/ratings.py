"""What a meter's file has to say so that its register can be judged: ratings, and sizes that last.

These are demands that sites of before may not meet: each withholds only what it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from bms.config.resolving.energy.formulas import parse
from bms.config.resolving.energy.meters import MeterEntry, exact
from bms.config.resolving.fleet import Fleet
from bms.config.shapes.models import BaseFile
from bms.core.equipment import Medium
from bms.texts.messages import msg
from bms.texts.problems import Document, Path, Problem
from drivers.points import PointId

READ_EVERY_H: Final = Fraction(1, 4)
"""Registers are read at the quarter hours."""
_SIDES: Final = ("imports", "generation", "exports")


def check_ratings(
    site: Document,
    meters: Document | None,
    bases: Mapping[str, BaseFile],
    fleet: Fleet,
    entries: Mapping[str, MeterEntry],
) -> list[Problem]:
    """Meters at a boundary without a rating, and registers that are round before they are read.

    `site` and `meters` are `site.yaml` and `meters.yaml`, `entries` the valid ones of the latter.
    """
    reader = _Ratings(site, meters, fleet, entries)
    found = {
        name: problem
        for base, file in bases.items()
        for side in _SIDES
        for index, short in enumerate(getattr(file.energy, side, ()))
        for name in reader.registers(f"{base}.{short}")
        for problem in reader.unrated(name, ("bases", base, "energy", side, index))
    }
    return [*found.values(), *(p for point in fleet.meters for p in reader.wraps(point))]


class _Ratings:
    def __init__(
        self,
        site: Document,
        meters: Document | None,
        fleet: Fleet,
        entries: Mapping[str, MeterEntry],
    ) -> None:
        self._site = site
        self._meters = meters
        self._fleet = fleet
        self._entries = entries

    def registers(self, name: str, depth: int = 0) -> Iterator[str]:
        """The equipment whose registers make a meter."""
        machine, entry = self._fleet.equipment.get(name), self._entries.get(name)
        if machine is not None:
            if machine.counter is not None:
                yield name
        elif entry is not None and entry.formula is not None and depth <= len(self._entries):
            try:
                terms = parse(entry.formula, name.split(".")[0])
            except ValueError:
                return  # reported with the meters
            for _, meter in terms:
                yield from self.registers(meter, depth + 1)

    def unrated(self, name: str, at: Path) -> Iterator[Problem]:
        """The demand for a rating of a register at a boundary."""
        if self._rating(name) is not None:
            return
        medium = self._fleet.equipment[name].kind.medium
        message = msg(
            "'{name}' has no rating: what a swapped or rescaled register shows could pass for "
            "energy",
            name=name,
        )
        hint = msg(
            "write {key} for it in {file}: what its transformers or its fuse can carry",
            key="rated_m3h" if medium.unit == "m3" else "rated_kw",
            file="meters.yaml",
        )
        document, path = self._place(name, at)
        yield document.problem(path, message, hint, key=path[0] == "meters", withholds=name)

    def wraps(self, point: PointId) -> Iterator[Problem]:
        """The demand for a register that lasts from one reading to the next."""
        register = self._fleet.meters[point]
        entry = self._entries.get(register.equipment, MeterEntry())
        size, rated = (
            entry.register_size or register.register_size,
            self._rating(register.equipment),
        )
        if size is None or rated is None:
            return
        ratio = min((ratio.factor for ratio in entry.ratios), default=1.0)
        if exact(rated) / exact(ratio) * exact(float(READ_EVERY_H)) < exact(size):
            return
        message = msg(
            "the register of '{name}' is round at {size:g} {unit}, which {rated:g} {rate_unit} "
            "are in a quarter hour: it may go round unseen",
            name=register.equipment,
            size=size,
            unit=register.medium.unit,
            rated=rated,
            rate_unit=register.medium.rate_unit,
        )
        hint = msg("read a register with more digits; its energy is missing until then")
        document, path = self._place(register.equipment, ())
        yield document.problem(path, message, hint, key=bool(path), withholds=register.equipment)

    def _place(self, name: str, at: Path) -> tuple[Document, Path]:
        """Where a meter is described, or else named."""
        if self._meters is not None and name in self._entries:
            return self._meters, ("meters", name)
        return self._site, at

    def _rating(self, name: str) -> float | None:
        machine, entry = self._fleet.equipment[name], self._entries.get(name, MeterEntry())
        rated = entry.rated_kw or entry.rated_m3h
        return rated or (machine.rated_kw if machine.kind.medium is Medium.ELECTRICITY else None)
