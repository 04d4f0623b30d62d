"""A lost `roll.db`, lost and damaged raw files: what is there is used, and the rest is reported."""

from __future__ import annotations

import random
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bms.core.equipment import PointClass
from bms.core.errors import StoreError
from bms.forward.positions import taken
from bms.historian.log.embedded import History
from bms.historian.reading.trends import Trends
from bms.historian.records import Batch, Series, to_ms
from bms.historian.upkeep.rounds import Outcome, Request, run
from drivers.points import Quality, Sample

ZONE = "Europe/Berlin"
BEGIN = datetime(2026, 3, 27, 5, 0, tzinfo=UTC)
POWER, STATUS, MODE = "b.m.power", "b.m.status", "b.m.mode"
SERIES = [
    Series(POWER, "kW", PointClass.ANALOG),
    Series(STATUS, "", PointClass.STATE),
    Series(MODE, "", PointClass.EVENT),
]


def record(directory: Path, first_h: int, last_h: int) -> None:
    """Samples of some hours, the same whenever they are recorded; an outage in hours 30 to 33."""
    with History(directory) as history:
        history.append(Batch(series=SERIES))
        for hour in range(first_h, last_h):
            if 30 <= hour < 33:
                continue
            rng = random.Random(hour)
            time = BEGIN + timedelta(hours=hour)
            samples = [
                Sample(POWER, rng.random() * 90, Quality.GOOD, time + timedelta(minutes=m))
                for m in range(0, 60, 7)
            ]
            if hour % 20 == 3:
                samples.append(Sample(STATUS, hour % 40 < 20, Quality.GOOD, time))
                samples.append(Sample(MODE, f"mode {hour}", Quality.GOOD, time))
            begun = time if hour in (first_h, 33) else None
            history.append(Batch(samples, alive=time + timedelta(hours=1), begun=begun))


def upkeep(directory: Path, hour: int, *, prune: bool = True, within_s: float = 60.0) -> Outcome:
    now = BEGIN + timedelta(hours=hour)
    done = run(Request(str(directory), to_ms(now), ZONE, sinks=[], within_s=within_s), taken)
    assert done.compacted is not None
    with History(directory) as history:
        while prune and history.prune(now, compacted=done.compacted, taken=None):
            pass
    return done


def known(directory: Path, hours: int) -> dict[str, list[tuple[float | None, ...]]]:
    """Every sample, quarter hour and day, as readers see them."""
    end = BEGIN + timedelta(hours=hours)
    found: dict[str, list[tuple[float | None, ...]]] = {}
    with Trends(directory) as trends:
        for point in (POWER, STATUS, MODE):
            block = trends.raw(point, BEGIN, end)
            found[f"{point} raw"] = list(zip(block.times_ms.tolist(), block.values.tolist(),
                                             strict=True))  # fmt: skip
            first, last = date(2026, 3, 27), end.date()
            for name, steps in (
                ("quarters", trends.quarters(point, BEGIN, end)),
                ("days", trends.days(point, first, last, ZONE)),
            ):
                assert steps is not None
                found[f"{point} {name}"] = [
                    tuple(None if v != v else round(v, 6) for v in values)
                    for values in zip(
                        steps.starts_ms.tolist(), steps.rows.n.tolist(),
                        steps.rows.integral.tolist(), steps.rows.covered_s.tolist(),
                        steps.rows.minimum.tolist(), steps.rows.last.tolist(),
                        steps.rows.on_s.tolist(), steps.rows.switches.tolist(), strict=True,
                    )
                ]  # fmt: skip
    return found


def lose(directory: Path, pattern: str) -> None:
    for path in directory.glob(pattern):
        path.unlink()


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Path, Path]:
    """Three days and a half with their log compacted and gone, twice."""
    whole = tmp_path / "whole"
    record(whole, 0, 85)
    upkeep(whole, 85)
    shutil.copytree(whole, tmp_path / "lost")
    return whole, tmp_path / "lost"


@pytest.mark.parametrize("within_s", [60.0, 0.0])
def test_a_lost_roll_db_is_made_anew_from_the_segments(
    stores: tuple[Path, Path], within_s: float
) -> None:
    whole, lost = stores
    lose(lost, "roll.db*")
    rounds = 1
    while not upkeep(lost, 85, within_s=within_s).finished:
        rounds += 1
    assert (rounds > 3) == (within_s == 0)  # a day a round: taken up where it broke off
    assert known(lost, 85) == known(whole, 85)
    # And on it goes, late samples of the restored time included.
    for directory in stores:
        record(directory, 85, 100)
        with History(directory) as history:
            late = BEGIN + timedelta(hours=40, minutes=1)
            history.append(Batch([Sample(POWER, 1000.0, Quality.GOOD, late)]))
        upkeep(directory, 100)
    assert known(lost, 100) == known(whole, 100)


def test_a_lost_roll_db_while_the_log_is_whole_is_made_from_the_log(tmp_path: Path) -> None:
    record(tmp_path, 0, 20)
    upkeep(tmp_path, 20, prune=False)
    before = known(tmp_path, 20)
    lose(tmp_path, "roll.db*")
    upkeep(tmp_path, 20, prune=False)
    assert known(tmp_path, 20) == before


def test_a_damaged_file_is_put_aside_and_the_others_are_taken(stores: tuple[Path, Path]) -> None:
    whole, lost = stores
    lose(lost, "roll.db*")
    (path,) = lost.glob("raw-20260328*analog*")
    path.write_bytes(b"no database" * 500)
    upkeep(lost, 85)
    assert [p.name for p in lost.glob("damaged-*")] == [f"damaged-{path.name}"]
    day = range(to_ms(datetime(2026, 3, 28, tzinfo=UTC)), to_ms(datetime(2026, 3, 29, tzinfo=UTC)))
    expected = known(whole, 85)
    found = known(lost, 85)
    assert found[f"{POWER} raw"] == [x for x in expected[f"{POWER} raw"] if x[0] not in day]
    assert found[f"{STATUS} raw"] == expected[f"{STATUS} raw"]


def test_a_file_that_was_cut_off_is_told_and_not_read_as_a_gap(stores: tuple[Path, Path]) -> None:
    _, lost = stores
    (path,) = lost.glob("raw-20260328*analog*")
    body = path.read_bytes()
    path.write_bytes(body[: len(body) * 3 // 4])
    with Trends(lost) as trends, pytest.raises(StoreError, match=r"were written.*move it away"):
        trends.raw(POWER, BEGIN, BEGIN + timedelta(days=3))
    path.unlink()  # as the message says
    upkeep(lost, 86)
    with Trends(lost) as trends:
        assert len(trends.raw(POWER, BEGIN, BEGIN + timedelta(days=3))) > 300
        (dropped,) = trends.dropped(BEGIN, BEGIN + timedelta(days=3))
        assert dropped.reason == "the file is missing"


def test_a_damaged_file_holds_up_no_other_day(tmp_path: Path) -> None:
    for first, last in ((0, 10), (10, 15), (15, 19)):
        record(tmp_path, first, last)
        upkeep(tmp_path, last)
    path = min(tmp_path.glob("raw-*-analog-*"))
    path.write_bytes(path.read_bytes()[:-512])
    record(tmp_path, 19, 35)
    assert path.name in upkeep(tmp_path, 35).error
    record(tmp_path, 35, 70)
    done = upkeep(tmp_path, 70)
    assert path.name in done.error  # an alarm, until it is moved away
    assert sorted(tmp_path.glob("raw-20260328-*"))  # the next day is merged
    assert done.compacted is not None
    with History(tmp_path, read_only=True) as history:
        first_ms = history.log.first_ms()
    # What is compacted left the log all the same.
    assert first_ms is None or first_ms > to_ms(BEGIN + timedelta(hours=60))
