"""kWh since local midnight, per base, from registers: the number on the status screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from bms.config.models import Base, Site
from bms.energy.ledger import Reading
from drivers.points import PointId, Quality, Sample


class EnergyToday:
    """Register now minus register at local midnight, for the meters of each base's boundary.

    The midnight register comes from history (`wanted` says what to look up, `learn` takes it);
    the current one from the process image. A meter without either makes its base None.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._now_kwh: dict[PointId, float] = {}
        self._midnight: dict[PointId, tuple[datetime, float]] = {}
        self._asked: dict[PointId, datetime] = {}

    def offer(self, _now: datetime, samples: Mapping[PointId, Sample]) -> None:
        """Take the registers of one cycle."""
        for base in self._site.bases.values():
            for _sign, point in self._meters(base):
                sample = samples.get(point)
                if sample is None or sample.quality is not Quality.GOOD:
                    continue
                # OPC-UA servers may send texts where a number belongs.
                if sample.value is not None and not isinstance(sample.value, str):
                    self._now_kwh[point] = float(sample.value)

    def _meters(self, base: Base) -> list[tuple[int, PointId]]:
        equipment = self._site.equipment
        return [
            (sign, equipment[name].points["energy"])
            for sign, names in ((1, base.imports), (1, base.generation), (-1, base.exports))
            for name in names
        ]

    def _local_midnight(self, base: Base, now: datetime) -> datetime:
        zone = ZoneInfo(base.zone)
        return datetime.combine(now.astimezone(zone).date(), time.min, zone)

    def wanted(self, now: datetime) -> Iterable[tuple[PointId, datetime, datetime]]:
        """Registers to look up in history: point and the time range that holds midnight."""
        for base in self._site.bases.values():
            midnight = self._local_midnight(base, now)
            for _sign, point in self._meters(base):
                known = self._midnight.get(point)
                asked = self._asked.get(point)
                if known is not None and known[0] == midnight:
                    continue
                if asked is not None and abs(now - asked) < timedelta(seconds=60):
                    continue
                self._asked[point] = now
                yield point, midnight - timedelta(hours=1), midnight + timedelta(hours=1)

    def learn(
        self, point: PointId, now: datetime, readings: Sequence[Reading], resolution: Decimal
    ) -> None:
        """Take the register nearest to midnight, if it was read within a quarter of an hour.

        `resolution` is what one count of these readings is worth, in kWh.
        """
        meter = self._site.meters[point]
        midnight = self._local_midnight(self._site.bases[meter.base], now)
        near = [r for r in readings if abs(r.time - midnight) <= timedelta(minutes=15)]
        if near:
            best = min(near, key=lambda reading: abs(reading.time - midnight))
            self._midnight[point] = (midnight, float(best.counts * resolution))

    def kwh(self, now: datetime) -> dict[str, float | None]:
        """kWh today per base; None while a register is missing."""
        result: dict[str, float | None] = {}
        for base in self._site.bases.values():
            midnight = self._local_midnight(base, now)
            total: float | None = 0.0 if base.imports else None
            for sign, point in self._meters(base):
                start = self._midnight.get(point)
                current = self._now_kwh.get(point)
                if start is None or start[0] != midnight or current is None or current < start[1]:
                    total = None
                    break
                assert total is not None
                total += sign * (current - start[1])
            result[base.id] = None if total is None else round(total, 1)
        return result
