"""The fill conserves energy: the intervals of a meter sum to register end - start, exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bms.app.simulate import simulate
from bms.config.load import load
from bms.control import STRATEGIES
from bms.core.instants import MILLISECOND, to_ms
from bms.energy.intervals import intervals
from bms.energy.quarters import QUARTER_MS
from bms.field.plants import make_plant
from bms.historian.log.embedded import History
from bms.ledger.database.store import Ledger
from tests.acceptance.park import PLANT, SITE
from tests.energy.registers import marks_of


async def _fill(into: Path, start: datetime, end: datetime, step: timedelta) -> None:
    site = load(SITE, STRATEGIES)
    plant = make_plant(PLANT, start, {})
    registers_at_start = dict(plant.read())
    try:
        done = await simulate(site, plant, start=start, end=end, step=step, into=into)
        registers_at_end = dict(plant.read())
    finally:
        plant.close()
    assert done.cycles == (end - start) / step

    assert len(site.meters) > 20
    risen = 0
    with History(into, read_only=True) as history, Ledger(into) as ledger:
        for point, meter in site.meters.items():
            readings = history.readings(point, start, end)
            assert readings[-1].time == end, point
            found = intervals(marks_of(readings))
            total = sum(i.counts for i in found if i.counts is not None)
            assert all(i.counts is not None for i in found), point
            assert total == readings[-1].counts - readings[0].counts, point
            # The plant's own registers, not what was recorded of them.
            last = round(registers_at_end[point] / meter.resolution)
            assert readings[-1].counts == last, point
            first = round(registers_at_start[point] / meter.resolution)
            assert 0 <= readings[0].counts - first <= last - first, point
            # No quarter-hour is lost between the first and the last reading.
            assert [a.end_ms for a in found[:-1]] == [b.start_ms for b in found[1:]], point
            risen += total > 0
            # And so does the ledger that was kept meanwhile.
            slots = ledger.slots(point, 0, to_ms(end))
            known = ledger.known(point)
            assert known is not None
            tip = ledger.tip(known)
            assert tip is not None
            booked = sum(slot.counts for _, slot in slots) + tip.anchor.opened.counts
            assert booked == tip.anchor.shown - readings[0].counts, point
            assert to_ms(end) - tip.anchor.ms <= max(QUARTER_MS, step // MILLISECOND), point
    assert risen > 20


async def test_a_week_conserves_energy(tmp_path: Path) -> None:
    start = datetime(2026, 6, 29, tzinfo=UTC)
    await _fill(tmp_path, start, start + timedelta(days=7), timedelta(minutes=15))


@pytest.mark.slow
async def test_a_whole_year_conserves_energy(tmp_path: Path) -> None:
    start = datetime(2024, 12, 31, 16, tzinfo=UTC)
    await _fill(tmp_path, start, start + timedelta(days=365), timedelta(minutes=15))
