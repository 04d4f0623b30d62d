"""What of each cycle is recorded, and with which time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bms.config.site import Site
from bms.core.decisions import Award, Command, Priority, Severity
from bms.core.equipment import PointClass
from bms.core.readings import Reading
from bms.energy.intervals import intervals
from bms.historian.log.embedded import History
from bms.historian.recording.recorder import Recorder, meters_of, series_of
from bms.historian.records import AlarmRow, AwardRow, Batch, Series
from drivers.points import PointId, Quality, Sample, Value
from tests.energy.registers import marks_of
from tests.historian.support import at, good, image, make_site

STATUS = "plant.ch-1.status"
POWER = "plant.ch-1.power"
ENERGY = "plant.ch-1.energy"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path, {"plant.ch-1": "chiller"})


@pytest.fixture
def recorder(site: Site) -> Recorder:
    return Recorder(site, trend_s=60, commit_s=1)


def stored(recorder: Recorder) -> list[Sample]:
    batch = recorder.flush()
    return [] if batch is None else list(batch.samples)


def readings(recorder: Recorder) -> list[Reading]:
    batch = recorder.flush()
    return [] if batch is None else list(batch.readings)


def test_states_on_change_and_trends_on_the_grid(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(STATUS, False), good(POWER, 1.0)]))
    assert stored(recorder) == [good(STATUS, False), good(POWER, 1.0)]
    for second in range(1, 60):
        recorder.offer(at(second), image([good(STATUS, False, second), good(POWER, 2.0, second)]))
    assert recorder.flush() is None
    recorder.offer(at(30), image([good(STATUS, True, 30), good(POWER, 2.0, 30)]))
    assert stored(recorder) == [good(STATUS, True, 30)]
    recorder.offer(at(60), image([good(STATUS, True, 60), good(POWER, 3.0, 60)]))
    assert stored(recorder) == [good(POWER, 3.0, 60)]


def test_the_trend_grid_is_that_of_the_clock(recorder: Recorder) -> None:
    recorder.offer(at(50), image([good(POWER, 1.0, 50)]))
    stored(recorder)
    recorder.offer(at(61), image([good(POWER, 2.0, 61)]))
    assert stored(recorder) == [good(POWER, 2.0, 61)]
    recorder.offer(at(119), image([good(POWER, 3.0, 119)]))
    assert stored(recorder) == []


def test_a_sample_that_is_not_newer_is_not_stored_again(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(POWER, 1.0, 0)]))
    recorder.offer(at(60), image([good(POWER, 1.0, 0)]))
    assert stored(recorder) == [good(POWER, 1.0, 0)]


def test_a_quality_change_is_stored_at_once_with_the_time_it_was_found(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(POWER, 1.0, 0), good(STATUS, True)]))
    stored(recorder)
    stale = Sample(POWER, 1.0, Quality.STALE, at(0), "no answer")
    recorder.offer(at(5), image([stale, good(STATUS, True, 5)]))
    assert stored(recorder) == [stale._replace(time=at(5))]
    recorder.offer(at(6), image([stale, good(STATUS, True, 6)]))
    assert stored(recorder) == []
    recorder.offer(at(7), image([good(POWER, 1.0, 7), good(STATUS, True, 7)]))
    assert stored(recorder) == [good(POWER, 1.0, 7)]


def test_states_are_repeated_once_a_day(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(STATUS, True)]))
    stored(recorder)
    recorder.offer(at(16 * 3600 - 1), image([good(STATUS, True, 16 * 3600 - 1)]))
    assert stored(recorder) == []
    recorder.offer(at(16 * 3600), image([good(STATUS, True, 16 * 3600)]))  # midnight UTC
    assert stored(recorder) == [good(STATUS, True, 16 * 3600)]


def test_points_may_appear_and_vanish(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(STATUS, True)]))
    stored(recorder)
    recorder.offer(at(1), image([good("plant.ch-1.fault", False, 1)]))
    assert stored(recorder) == [good("plant.ch-1.fault", False, 1)]
    recorder.offer(at(2), image([good("plant.ch-1.fault", False, 2), good(STATUS, False, 2)]))
    assert stored(recorder) == [good(STATUS, False, 2)]
    recorder.offer(at(3), {})
    assert stored(recorder) == []


@dataclass(frozen=True)
class Change:
    point: PointId
    award: Award | None
    held_since: datetime | None = None


@dataclass(frozen=True)
class Event:
    key: str
    severity: Severity
    text: str
    kind: str
    time: datetime


def test_awards_and_alarms_pass_through(recorder: Recorder) -> None:
    command = Command(
        point="plant.chw.mode", value="on", priority=Priority.SCHEDULE, source="s", reason="r"
    )
    award = Award(command)
    recorder.offer(
        at(0),
        {},
        [Change("plant.chw.mode", award), Change("plant.ch-1.enable", None)],
        [Event("k", Severity.URGENT, "t", "raised", at(0))],
    )
    batch = recorder.flush()
    assert batch is not None
    assert batch.awards == [
        AwardRow("plant.chw.mode", at(0), award),
        AwardRow("plant.ch-1.enable", at(0), None),
    ]
    assert batch.alarms == [AlarmRow("k", Severity.URGENT, "t", "raised", at(0))]


def test_a_batch_is_due_when_commit_s_has_passed(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(STATUS, True)]))
    assert recorder.take(at(0.9)) is None
    assert recorder.take(at(1.0)) is not None
    assert recorder.take(at(9.0)) is None


def test_the_first_batch_declares_points_and_meters(site: Site, tmp_path: Path) -> None:
    recorder = Recorder(site, trend_s=60, commit_s=1)
    recorder.offer(at(0), image([good(STATUS, True), good(ENERGY, 12.34)]))
    first = recorder.flush()
    recorder.offer(at(1), image([good(STATUS, False), good(ENERGY, 12.34)]))
    second = recorder.flush()
    assert first is not None
    assert second is not None
    assert Series(POWER, "kW", PointClass.ANALOG) in first.series
    assert [meter.resolution for meter in first.meters] == [Decimal("0.01")]
    assert (second.series, second.meters) == ((), ())
    with History(tmp_path / "state") as history:
        history.append(first.joined(second))
        assert history.last_reading(ENERGY) == Reading(ENERGY, at(0), 1234)
        assert {s.point for s in history.series()} == {p.point for p in series_of(site)}
        assert history.meters() == meters_of(site)


def test_what_is_never_given_up() -> None:
    batch = Batch([good(POWER, 1.0)], readings=[Reading(ENERGY, at(0), 1)])
    assert batch.without_samples() == Batch(readings=[Reading(ENERGY, at(0), 1)])


# --- readings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "stamped"),
    [(900, 900), (901.5, 900), (960, 900), (960.5, 960.5), (1799, 1799)],
)
def test_a_reading_belongs_to_the_quarter_hour_if_it_is_near(
    recorder: Recorder, second: float, stamped: float
) -> None:
    recorder.offer(at(0), image([good(ENERGY, 1.0, 0)]))
    readings(recorder)
    recorder.offer(at(899), image([good(ENERGY, 2.0, 899)]))
    assert readings(recorder) == []
    recorder.offer(at(second), image([good(ENERGY, 3.0, second)]))
    assert readings(recorder) == [Reading(ENERGY, at(stamped), 300)]
    recorder.offer(at(second + 0.5), image([good(ENERGY, 4.0, second + 0.5)]))
    assert readings(recorder) == []


def test_the_tolerance_can_be_a_simulated_step(site: Site) -> None:
    recorder = Recorder(site, trend_s=60, commit_s=1, edge_tolerance_s=600)
    recorder.offer(at(1200), image([good(ENERGY, 3.0, 1200)]))
    assert readings(recorder) == [Reading(ENERGY, at(900), 300)]


def test_a_register_from_before_the_edge_waits_for_a_newer_one(recorder: Recorder) -> None:
    recorder.offer(at(0), image([good(ENERGY, 1.0, 0)]))
    readings(recorder)
    recorder.offer(at(900), image([good(ENERGY, 2.0, 898)]))
    assert readings(recorder) == []
    recorder.offer(at(902), image([good(ENERGY, 2.5, 901)]))
    assert readings(recorder) == [Reading(ENERGY, at(900), 250)]


@pytest.mark.parametrize(
    ("value", "quality"),
    [
        (5.0, Quality.STALE),
        (5.0, Quality.BAD),
        (None, Quality.BAD),
        (float("nan"), Quality.GOOD),
        (float("inf"), Quality.GOOD),
        ("12", Quality.GOOD),
    ],
)
def test_what_is_not_a_good_number_never_becomes_a_reading(
    recorder: Recorder, value: Value | None, quality: Quality
) -> None:
    recorder.offer(at(0), image([Sample(ENERGY, value, quality, at(0))]))
    assert readings(recorder) == []
    recorder.offer(at(120), image([good(ENERGY, 7.0, 120)]))
    assert readings(recorder) == [Reading(ENERGY, at(120), 700)]


@pytest.mark.parametrize(
    ("resolution", "raw"),
    [(0.01, 123_456_789), (0.1, 3), (0.001, 2**31), (1.0, 7), (0.25, 11), (0.01, 2**50)],
)
def test_counts_are_the_register(tmp_path: Path, resolution: float, raw: int) -> None:
    site = make_site(tmp_path, {"plant.m": "meter"}, resolution=resolution)
    recorder = Recorder(site, trend_s=60, commit_s=1)
    recorder.offer(at(0), image([good("plant.m.energy", raw * resolution)]))
    assert readings(recorder) == [Reading("plant.m.energy", at(0), raw)]


@pytest.mark.parametrize("kwh", [1e30, -1e30, 2.0**63])
def test_a_register_that_no_meter_has_is_not_read(recorder: Recorder, kwh: float) -> None:
    recorder.offer(at(0), image([good(ENERGY, kwh)]))
    recorder.offer(at(5), image([good(ENERGY, 12.0, 5)]))
    assert readings(recorder) == [Reading(ENERGY, at(0), 1200)]


def test_a_clock_set_back_leaves_nothing_untaken(recorder: Recorder) -> None:
    recorder.offer(at(3600), image([good(POWER, 1.0, 3600)]))
    recorder.offer(at(0), image([good(POWER, 2.0)]))
    assert recorder.take(at(0)) is not None


def test_a_clock_set_back_invents_no_energy(recorder: Recorder) -> None:
    def kwh(second: float) -> float:
        return 100.0 + second / 100

    real = 0.0
    for wall in [*range(0, 4200, 60), *range(600, 9000, 60)]:  # an hour back after 70 minutes
        recorder.offer(at(wall), image([good(ENERGY, kwh(real), wall)]))
        real += 60.0
    found = readings(recorder)
    parts = intervals(marks_of(found))
    assert all(part.counts is not None for part in parts)
    used = sum(part.counts for part in parts if part.counts is not None) * Decimal("0.01")
    assert used == Decimal(str(kwh(8100 + 3600))) - Decimal(100)


def test_where_asked_for_an_award_is_committed_with_its_own_cycle(site: Site) -> None:
    recorder = Recorder(site, trend_s=60, commit_s=10, events_at_once=True)
    recorder.offer(at(0), image([good(STATUS, False)]))
    assert recorder.take(at(1)) is None
    recorder.offer(at(1), image([good(STATUS, False, 1)]), [Change("plant.ch-1.enable", None)], [])
    batch = recorder.take(at(1))
    assert batch is not None
    assert [row.point for row in batch.awards] == ["plant.ch-1.enable"]
    assert [sample.point for sample in batch.samples] == [STATUS]
    assert recorder.take(at(2)) is None
