"""What the ledger knows of the meters that are reported."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from bms.config.shapes.upload_keys import Kind, Quality
from bms.config.site import MeterSpec
from bms.core.instants import DAY_MS, from_ms
from bms.core.readings import Label
from bms.energy.intervals import Energy
from bms.energy.quarters import QUARTER_MS, Slot
from bms.forward.platforms.periods import Period
from bms.forward.platforms.wording import Figure
from bms.ledger.database.daily import DailyQueries


class Figures:
    """Figures of some meters; what it has read of the ledger stays as it was."""

    def __init__(
        self, ledger: DailyQueries, meters: Mapping[str, MeterSpec], least_coverage_pct: float
    ) -> None:
        self._ledger = ledger
        self._meters = meters
        self._least = Fraction(str(least_coverage_pct)) / 100
        self._day_ms = -1
        self._slots: dict[str, dict[int, Slot]] = {}

    def of(self, period: Period) -> list[Figure]:
        """The figure of every meter, in their order. Raises StoreError."""
        if period.kind is Kind.QUARTER:
            return [
                quarter_figure(name, self._slot(name, spec, period.start_ms))
                for name, spec in self._meters.items()
            ]
        start, end = from_ms(period.start_ms), from_ms(period.end_ms)
        return [
            longer_figure(name, self._ledger.energy_in(spec, start, end), self._least)
            for name, spec in self._meters.items()
        ]

    def _slot(self, name: str, spec: MeterSpec, ms: int) -> Slot | None:
        """Days of UTC are read whole: most quarter hours are asked for one after the other."""
        day_ms = ms - ms % DAY_MS
        if day_ms != self._day_ms:
            self._day_ms, self._slots = day_ms, {}
        if name not in self._slots:
            self._slots[name] = dict(self._ledger.slots(spec.id, day_ms, day_ms + DAY_MS))
        return self._slots[name].get(ms)


def quarter_figure(meter: str, slot: Slot | None) -> Figure:
    """What is known in part only is missing: it would be too little."""
    if slot is None or slot.label is Label.MISSING or slot.covered_ms < QUARTER_MS:
        return Figure(meter, None, Quality.MISSING)
    return Figure(meter, slot.amount, Quality(slot.label.value))


def longer_figure(meter: str, energy: Energy, least: Fraction) -> Figure:
    """A day or a month; `least` is the share of it that has to be known."""
    if energy.amount is None or energy.covered < least:
        return Figure(meter, None, Quality.MISSING)
    if energy.covered < 1:
        return Figure(meter, energy.amount, Quality.PARTIAL)
    *_, worst = energy.shares  # the most certain stands first
    return Figure(meter, energy.amount, Quality(worst.value))
