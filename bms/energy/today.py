"""kWh since local midnight, per base: the number on the status screen.

The ledger knows the day up to its last quarter hour; what came since is the register now minus
the register there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Final
from zoneinfo import ZoneInfo

from bms.config.site import Base, Site
from bms.core.instants import local_midnight, to_ms
from drivers.points import PointId, Quality, Sample

_HOUR_MS: Final = 3_600_000


AT_MIDNIGHT_MS: Final = 20 * 60_000
"""A last mark this long before midnight still tells what the new day used: the quarter hour that
ends at midnight enters the ledger a few minutes after it."""


@dataclass(frozen=True, slots=True)
class Day:
    """What the ledger knows of a meter's day so far, up to its last mark."""

    used: Fraction | None
    """In the meter's unit; None if anything is missing."""
    mark_ms: int
    register: Fraction
    """What the register showed then, in the meter's unit before the ratio."""


def midnight(base: Base, now: datetime) -> datetime:
    """When the local day of a base began."""
    zone = ZoneInfo(base.zone)
    return local_midnight(now.astimezone(zone).date(), zone)


class EnergyToday:
    """Takes the registers of every cycle and what the ledger says of the day.

    A base is None while anything of the day is missing from any of its meters.
    """

    def __init__(self, site: Site) -> None:
        self._now: dict[PointId, float] = {}
        self.renew(site)

    def renew(self, site: Site) -> None:
        """Go on with other meters."""
        self._site = site
        self._meters = {base.id: _registers(site, base) for base in site.bases.values()}

    def offer(self, _now: datetime, samples: Mapping[PointId, Sample]) -> None:
        """Take the registers of one cycle."""
        for registers in self._meters.values():
            for _, point in registers:
                sample = samples.get(point)
                if sample is None or sample.quality is not Quality.GOOD:
                    continue
                # OPC-UA servers may send texts where a number belongs.
                if sample.value is not None and not isinstance(sample.value, str):
                    self._now[point] = float(sample.value)

    def wanted(self) -> list[PointId]:
        """The meters whose day is to be looked up in the ledger."""
        return [point for registers in self._meters.values() for _, point in registers]

    def kwh(self, now: datetime, days: Mapping[PointId, Day | None]) -> dict[str, float | None]:
        """kWh today per base."""
        result: dict[str, float | None] = {}
        for base in self._site.bases.values():
            total: float | None = 0.0 if base.imports else None
            for factor, point in self._meters[base.id]:
                used = self._used(base, point, now, days.get(point))
                if total is None or used is None:
                    total = None
                    break
                total += float(factor) * used
            result[base.id] = None if total is None else round(total, 1)
        return result

    def _used(self, base: Base, point: PointId, now: datetime, day: Day | None) -> float | None:
        register = self._now.get(point)
        if day is None or register is None:
            return None
        spec = self._site.metering[point]
        now_ms, start_ms = to_ms(now), to_ms(midnight(base, now))
        since = (register - float(day.register)) * float(spec.ratio(now_ms))
        span_ms = now_ms - day.mark_ms
        if since < 0 or span_ms <= 0:
            return None
        most = spec.most_per_h
        if most is not None and since > float(most) * span_ms / _HOUR_MS + float(spec.resolution):
            return None
        if day.mark_ms < start_ms - AT_MIDNIGHT_MS:
            return None
        if day.mark_ms < start_ms:
            return since * (now_ms - start_ms) / span_ms
        return None if day.used is None else float(day.used) + since


def _registers(site: Site, base: Base) -> list[tuple[Fraction, PointId]]:
    """The registers whose sum, each times its factor, is a base's load: formulas taken apart."""
    found: list[tuple[Fraction, PointId]] = []
    names = (*base.imports, *base.generation, *base.exports)
    open_terms = [
        (Fraction(-1 if name in base.exports else 1), site.meter_named(name).id)
        for name in reversed(names)
    ]
    while open_terms:
        factor, key = open_terms.pop()
        spec = site.metering[key]
        if spec.virtual:
            open_terms += [(factor * share, term) for share, term in reversed(spec.terms)]
        else:
            found.append((factor, key))
    return found
