"""History of the first minutes gets the time it really was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bms.core.clock import SystemClock
from bms.core.readings import Reading
from bms.historian.recording.gate import HELD_BATCHES, ClockGate
from bms.historian.records import Batch
from drivers.points import Quality, Sample

TRUE = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
WRONG = datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)


def batch(now: datetime, value: float) -> Batch:
    return Batch(
        [Sample("b.m.power", value, Quality.GOOD, now)],
        readings=[Reading("b.m.energy", now, 5)],
        alive=now,
        begun=now,
    )


def test_what_was_held_is_moved_to_its_real_time() -> None:
    gate = ClockGate(TRUE - timedelta(hours=1), 120)
    for i in range(5):
        now = WRONG + timedelta(seconds=i)
        assert gate.offer(batch(now, i), now, 100.0 + i, settled=False) == []
    assert gate.held == 5
    released = gate.offer(batch(TRUE, 9.0), TRUE, 110.0, settled=True)
    times = [b.samples[0].time for b in released]
    assert times == [TRUE - timedelta(seconds=10 - i) for i in range(5)] + [TRUE]
    assert [b.readings[0].time for b in released] == times
    assert [b.alive for b in released] == times
    assert gate.open
    assert gate.offer(None, TRUE, 111.0, settled=False) == []
    later = batch(TRUE + timedelta(seconds=1), 1.0)
    assert gate.offer(later, TRUE, 111.0, settled=False) == [later]


def test_a_clock_behind_what_was_stored_is_not_believed_until_nothing_better_comes() -> None:
    gate = ClockGate(TRUE, 10)
    early = TRUE - timedelta(hours=1)
    assert gate.offer(batch(early, 1.0), early, 0.0, settled=True) == []
    later = early + timedelta(seconds=100)
    assert len(gate.offer(None, later, 100.0, settled=True)) == 1
    assert gate.moved == timedelta(0)


def test_a_settled_clock_is_not_waited_for() -> None:
    now = TRUE + timedelta(minutes=1)
    first = batch(now, 1.0)
    assert ClockGate(TRUE, 120).offer(first, now, 5.0, settled=True) == [first]
    assert ClockGate(TRUE, 0).offer(first, now, 5.0, settled=False) == [first]
    assert SystemClock().settled(0.0)


def test_memory_is_bounded_and_readings_stay() -> None:
    gate = ClockGate(None, 3600)
    for i in range(HELD_BATCHES + 50):
        now = WRONG + timedelta(seconds=i)
        gate.offer(batch(now, i), now, float(i), settled=False)
    assert gate.held == HELD_BATCHES
    released = gate.release(TRUE, float(HELD_BATCHES + 49))
    assert sum(len(b.samples) for b in released) == HELD_BATCHES
    assert sum(len(b.readings) for b in released) == HELD_BATCHES + 50
