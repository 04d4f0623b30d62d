"""What is shown when polls are missed, and when to try again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from drivers.backoff import Backoff
from drivers.memory import Memory, good_samples
from drivers.points import Quality, Sample

START = datetime(2026, 3, 2, tzinfo=UTC)


def remember(memory: Memory, value: float, time: datetime = START) -> None:
    memory.good(["a"], good_samples(["a"], [value], time))


def test_the_last_good_value_is_stale_twice_and_then_gone() -> None:
    memory = Memory()
    remember(memory, 21.5)
    later = [START + timedelta(seconds=n) for n in range(1, 5)]
    found = [memory.missed("a", time, "no answer") for time in later]
    stale = Sample("a", 21.5, Quality.STALE, START, "no answer")
    assert found[:2] == [stale, stale]
    assert found[2:] == [Sample("a", None, Quality.BAD, time, "no answer") for time in later[2:]]


def test_a_good_value_starts_the_count_anew() -> None:
    memory = Memory()
    remember(memory, 1)
    memory.missed("a", START, "x")
    memory.missed("a", START, "x")
    remember(memory, 2)
    assert memory.missed("a", START, "x").quality is Quality.STALE
    assert memory.missed("a", START, "x").value == 2
    assert memory.missed("a", START, "x").quality is Quality.BAD


def test_a_value_older_than_30_s_is_not_shown() -> None:
    memory = Memory()
    remember(memory, 1)
    assert memory.missed("a", START + timedelta(seconds=31), "x").quality is Quality.BAD


def test_a_point_never_read_is_bad_at_once() -> None:
    assert Memory().missed("a", START, "x") == Sample("a", None, Quality.BAD, START, "x")


def test_what_the_device_calls_unusable_voids_the_value_before() -> None:
    memory = Memory()
    remember(memory, 1)
    assert memory.unusable("a", START, "nan").quality is Quality.BAD
    assert memory.missed("a", START, "x").quality is Quality.BAD


def test_good_samples_are_samples() -> None:
    (sample,) = good_samples(["a"], [1], START)
    assert isinstance(sample, Sample)
    assert sample == Sample("a", 1, Quality.GOOD, START, "")


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_the_back_off_doubles_up_to_60_s(chance: float, factor: float) -> None:
    backoff = Backoff(lambda: chance)
    waits = []
    for _ in range(9):
        backoff.failed(100.0)
        waits.append(backoff.remaining_s(100.0))
    expected = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert waits == pytest.approx([factor * wait for wait in expected])


def test_only_success_resets_the_back_off() -> None:
    backoff = Backoff(lambda: 0.5)
    assert backoff.remaining_s(0.0) == 0
    for _ in range(3):
        backoff.failed(10.0)
    assert backoff.remaining_s(11.0) == pytest.approx(3.0)
    assert backoff.remaining_s(20.0) == 0
    assert backoff.failures == 3
    backoff.succeeded()
    backoff.failed(30.0)
    assert backoff.remaining_s(30.0) == pytest.approx(1.0)
