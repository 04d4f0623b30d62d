"""From the log to segments and roll-ups: nothing lost, nothing twice, redoing changes nothing."""

from __future__ import annotations

import fcntl
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bms.core.equipment import PointClass
from bms.core.errors import StoreError
from bms.historian.compaction.compaction import LOCK, Compaction, Zones
from bms.historian.files.rolldb import RollDb
from bms.historian.log.embedded import History
from bms.historian.reading.trends import Trends
from bms.historian.records import Batch, Series, to_ms
from bms.historian.streams import RollupRow
from bms.texts.messages import msg
from drivers.points import Quality, Sample, Value

ZONE = "Asia/Shanghai"
START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
POWER, STATUS, REGISTER, MODE = "b.m.power", "b.m.status", "b.m.energy", "b.m.mode"
SERIES = [
    Series(POWER, "kW", PointClass.ANALOG),
    Series(STATUS, "", PointClass.STATE),
    Series(REGISTER, "kWh", PointClass.COUNTER),
    Series(MODE, "", PointClass.EVENT),
]
Q = 900


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def sample(
    point: str, value: Value | None, seconds: float, quality: Quality = Quality.GOOD
) -> Sample:
    return Sample(point, value, quality, at(seconds))


def store(directory: Path, batches: Iterable[Batch]) -> None:
    with History(directory) as history:
        for batch in batches:
            history.append(batch)


def compact(directory: Path, now: float, zone: str = ZONE) -> None:
    done = Compaction(directory, Zones(zone, {})).run(at(now))
    assert done.finished


def recorded(samples: list[Sample], until: float, **more: Any) -> Batch:
    return Batch(samples, series=SERIES, alive=at(until), **more)


def stream(directory: Path) -> list[RollupRow]:
    rows: list[RollupRow] = []
    with Trends(directory) as trends:
        while found := trends.rollups(len(rows), 7):
            rows += found
        assert trends.last_rollup() == len(rows)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    return rows


def published(rows: Iterable[RollupRow]) -> dict[tuple[str, int], tuple[float, ...]]:
    """The sum over all revisions of each quarter hour."""
    sums: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0] * 5)
    revs: dict[tuple[str, int], int] = {}
    for row in rows:
        key = row.point, row.start_ms
        assert row.rev == revs.get(key, -1) + 1
        revs[key] = row.rev
        for i, value in enumerate((row.n, row.integral, row.covered_s, row.on_s, row.switches)):
            sums[key][i] += value
    return {key: tuple(round(v, 3) for v in value) for key, value in sums.items() if any(value)}


def expected(
    samples: list[Sample], sessions: list[tuple[float, float]], end: float
) -> dict[tuple[str, int], tuple[float, ...]]:
    """The same, one sample after the other, as the definition reads."""
    sums: dict[tuple[str, int], list[float]] = defaultdict(lambda: [0.0] * 5)
    by_point: dict[str, dict[int, Sample]] = defaultdict(dict)
    for s in samples:
        by_point[s.point].setdefault(to_ms(s.time), s)
    spans = [(to_ms(at(a)), to_ms(at(b))) for a, b in sessions]

    def session(ms: int) -> int:
        return max((i for i, (a, _) in enumerate(spans) if a <= ms), default=-1)

    classes = {s.point: s.klass for s in SERIES}
    last_ms = to_ms(at(end))
    for point, rows in by_point.items():
        times = sorted(rows)
        for i, ms in enumerate(times):
            s = rows[ms]
            if ms >= last_ms or s.quality is not Quality.GOOD or s.value is None:
                continue
            key = point, ms // 900_000 * 900_000
            sums[key][0] += 1
            if i and classes[point] is PointClass.STATE:
                before = rows[times[i - 1]]
                if before.quality is Quality.GOOD and session(times[i - 1]) == session(ms):
                    sums[key][4] += bool(before.value) != bool(s.value)
            stop = min(times[i + 1] if i + 1 < len(times) else last_ms, last_ms)
            number = session(ms)
            stop = min(stop, spans[number][1] if number >= 0 else ms)
            while ms < stop:
                edge = min(stop, (ms // 900_000 + 1) * 900_000)
                key, seconds = (point, ms // 900_000 * 900_000), (edge - ms) / 1000
                sums[key][2] += seconds
                if classes[point] in (PointClass.ANALOG, PointClass.STATE):
                    sums[key][1] += float(s.value) * seconds
                if classes[point] is PointClass.STATE and s.value:
                    sums[key][3] += seconds
                ms = edge
    return {key: tuple(round(v, 3) for v in value) for key, value in sums.items() if any(value)}


def test_a_quarter_hour_by_hand(tmp_path: Path) -> None:
    samples = [
        sample(POWER, 10.0, 0),
        sample(POWER, 20.0, 300),
        sample(POWER, 20.0, 600, Quality.STALE),  # a gap of 100 s
        sample(POWER, 40.0, 700),
        sample(STATUS, False, 0),
        sample(STATUS, True, 450),
        sample(STATUS, False, 600),
        sample(REGISTER, 100.0, 0),
        sample(MODE, "summer", 0),
    ]
    store(tmp_path, [recorded(samples, 2000)])
    compact(tmp_path, 1500)
    rows = {row.point: row for row in stream(tmp_path) if row.start_ms == to_ms(START)}
    power = rows[POWER]
    assert power.integral == 10 * 300 + 20 * 300 + 40 * 200
    assert (power.covered_s, power.n) == (800, 3)
    assert (power.minimum, power.maximum, power.last) == (10, 40, 40)
    status = rows[STATUS]
    assert (status.on_s, status.switches, status.covered_s, status.n) == (150, 2, 900, 3)
    assert (rows[REGISTER].last, rows[REGISTER].integral) == (100, 0)
    assert (rows[MODE].n, rows[MODE].covered_s, rows[MODE].last) == (1, 900, None)
    assert {row.local_date for row in rows.values()} == {START.astimezone(ZoneInfo(ZONE)).date()}


def test_nothing_is_covered_while_nothing_was_recorded(tmp_path: Path) -> None:
    store(tmp_path, [recorded([sample(STATUS, True, 0)], 300, begun=at(0))])
    store(tmp_path, [recorded([sample(STATUS, True, 1000)], 4000, begun=at(1000))])
    compact(tmp_path, 4000)
    found = published(stream(tmp_path))
    first, second = (found[STATUS, to_ms(at(q * Q))] for q in (0, 1))
    assert first == (1, 300, 300, 300, 0)
    assert second == (1, 800, 800, 800, 0)
    with Trends(tmp_path) as trends:
        assert trends.outages(at(0), at(3600)) == [(at(300), at(1000))]


@pytest.mark.parametrize("seed", range(12))
def test_any_history_gives_the_same_roll_ups_and_samples(tmp_path: Path, seed: int) -> None:
    """Outages, restarts, late and repeated samples, passes at any time, merges over midnight."""
    rng = random.Random(seed)
    everything: list[Sample] = []
    sessions: list[tuple[float, float]] = []
    now = 0.0
    for _ in range(rng.randrange(1, 4)):
        begun, first = now, True
        with History(tmp_path) as history:
            for _ in range(rng.randrange(3, 25)):
                length = rng.choice([5.0, 61.0, 700.0, 4000.0, 20000.0])
                samples = []
                for _ in range(rng.randrange(0, 12)):
                    late = not first and rng.random() < 0.15
                    when = round(now + rng.random() * length, 3)
                    if late:
                        when = round(max(0.0, now - rng.choice([30, 2000, 90000])), 3)
                    value: Value | None = rng.choice([1.0, 2.0, 7.0, 1e6, 3])
                    point = rng.choice([POWER, STATUS, REGISTER])
                    if point == STATUS:
                        value = rng.random() < 0.5
                    quality = rng.choice([Quality.GOOD] * 4 + [Quality.STALE, Quality.BAD])
                    if quality is Quality.BAD:
                        value = None
                    samples.append(sample(point, value, when, quality))
                now += length
                everything += samples
                history.append(recorded(samples, now, begun=at(begun) if first else None))
                first = False
                if rng.random() < 0.5:
                    compact(tmp_path, now + rng.random() * 300)
            # What came late is taken when the next quarter hour is over.
            now += 1000
            history.append(recorded([], now))
            sessions.append((begun, now))
        now += rng.choice([10.0, 3000.0, 200_000.0])
    compact(tmp_path, now)
    with Trends(tmp_path) as trends:
        horizon = trends.closed_until()
    if horizon is None:
        return
    end = (horizon - START).total_seconds()
    rows = stream(tmp_path)
    truth = expected(everything, sessions, end)
    assert published(rows) == truth
    first_recorded: dict[tuple[str, int], Sample] = {}
    for s in everything:
        first_recorded.setdefault((s.point, to_ms(s.time)), s)
    with Trends(tmp_path) as trends, History(tmp_path, read_only=True) as history:
        for point in (POWER, STATUS, REGISTER):
            wanted = [s for (p, _), s in sorted(first_recorded.items()) if p == point]
            assert history.samples(point, at(-9e6), at(9e6)) == wanted
            # Days are sums of quarter hours, and both equal what was published.
            block = trends.quarters(point, at(-9e6), at(9e6))
            sums: dict[date, float] = defaultdict(float)
            for (p, ms), values in truth.items():
                if p == point:
                    day = datetime.fromtimestamp(ms / 1000, ZoneInfo(ZONE)).date()
                    sums[day] += values[2]
            if block is not None:
                assert block.rows.n.sum() == sum(v[0] for (p, _), v in truth.items() if p == point)
                days = trends.days(point, min(sums), max(sums), ZONE)
                assert days is not None
                got = {
                    datetime.fromtimestamp(int(ms) / 1000, ZoneInfo(ZONE)).date(): round(c, 3)
                    for ms, c in zip(days.starts_ms, days.rows.covered_s, strict=True)
                    if c
                }
                assert got == {d: round(v, 3) for d, v in sums.items() if v}


def test_a_pass_that_breaks_off_is_redone_without_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(3)
    samples = [sample(POWER, float(rng.randrange(90)), i * 60) for i in range(100)]
    store(tmp_path, [recorded(samples, 6000)])
    steps = ["put_segments", "append", "advance"]
    for name in steps:
        original = getattr(RollDb, name)

        def broken(self: RollDb, *args: object, _name: str = name) -> None:
            raise StoreError(msg("the power failed in {step}", step=_name))

        monkeypatch.setattr(RollDb, name, broken)
        with pytest.raises(StoreError, match="power failed"):
            compact(tmp_path, 6200)
        monkeypatch.setattr(RollDb, name, original)
        assert stream(tmp_path) == []
        with History(tmp_path, read_only=True) as history:
            assert history.samples(POWER, at(0), at(9000)) == samples
    compact(tmp_path, 6200)
    compact(tmp_path, 6200)
    assert published(stream(tmp_path)) == expected(samples, [(0, 6000)], 5400)
    with RollDb(tmp_path, _uid(tmp_path), read_only=True) as roll:
        names = {segment.name for segment in roll.segments()}
    assert {path.name for path in tmp_path.glob("raw-*")} == names


def _uid(directory: Path) -> str:
    with History(directory, read_only=True) as history:
        return history.uid()


def test_days_are_merged_into_one_file_per_group(tmp_path: Path) -> None:
    samples = [sample(POWER, float(i % 7), i * 600) for i in range(400)]
    with History(tmp_path) as history:
        for i in range(0, 400, 4):
            history.append(recorded(samples[i : i + 4], (i + 3) * 600))
            if i % 8 == 0:
                compact(tmp_path, (i + 3) * 600 + 200)
    compact(tmp_path, 400 * 600)
    names = sorted(path.name for path in tmp_path.glob("raw-*"))
    assert names[:3] == [f"raw-2026030{day}-analog.db" for day in (2, 3, 4)]
    assert all("T" in name for name in names[3:])
    # A sample that comes days later goes into its day.
    store(tmp_path, [recorded([sample(POWER, 99.0, 100)], 400 * 600 + 1)])
    compact(tmp_path, 400 * 600 + 5000)
    assert sorted(path.name for path in tmp_path.glob("raw-20260302*")) == names[:1]
    with History(tmp_path, read_only=True) as history:
        found = history.samples(POWER, at(0), at(400 * 600))
    assert [s.value for s in found[:3]] == [0.0, 99.0, 1.0]
    assert len(found) == 401


def test_a_clock_far_ahead_holds_nothing_up(tmp_path: Path) -> None:
    years = 14 * 365 * 86400
    store(tmp_path, [recorded([sample(POWER, 1.0, years)], years, begun=at(years))])
    store(tmp_path, [recorded([sample(POWER, 2.0, i * 60) for i in range(100)], 6000, begun=at(0))])
    compact(tmp_path, 6200)
    rows = [row for row in stream(tmp_path) if row.start_ms < to_ms(at(years - 900))]
    assert sum(row.n for row in rows) == 90
    with History(tmp_path, read_only=True) as history:
        assert len(history.samples(POWER, at(0), at(6000))) == 100


def test_log_rows_go_only_once_compacted(tmp_path: Path) -> None:
    samples = [sample(POWER, float(i), i * 60) for i in range(100)]
    store(tmp_path, [recorded([s], i * 60) for i, s in enumerate(samples)])
    compact(tmp_path, 3000)
    with RollDb(tmp_path, _uid(tmp_path), read_only=True) as roll:
        progress = roll.progress()
    assert progress.horizon_ms is not None
    with History(tmp_path) as history:
        gone = history.prune(at(9e9), compacted=(progress.seq, progress.horizon_ms), taken=None)
        assert gone == 45
        assert history.samples(POWER, at(0), at(6000)) == samples
    compact(tmp_path, 6200)
    assert published(stream(tmp_path)) == expected(samples, [(0, 5940)], 5400)


def test_two_compactions_at_once_are_refused(tmp_path: Path) -> None:
    store(tmp_path, [recorded([sample(POWER, 1.0, 0)], 2000)])
    with (tmp_path / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            compact(tmp_path, 2000)
    compact(tmp_path, 2000)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    zone=st.sampled_from(["Asia/Shanghai", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu"]),
    day=st.sampled_from([datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)]),
)
def test_a_day_has_as_many_hours_as_the_clock_shows(
    tmp_path_factory: pytest.TempPathFactory, zone: str, day: datetime
) -> None:
    directory = tmp_path_factory.mktemp("days")
    samples = [
        Sample(POWER, 2.0, Quality.GOOD, day + timedelta(minutes=10 * i)) for i in range(6 * 96)
    ]
    end = samples[-1].time
    store(directory, [Batch(samples, series=SERIES, alive=end)])
    Compaction(directory, Zones(zone, {})).run(end + timedelta(minutes=5))
    first = (day + timedelta(days=1)).astimezone(ZoneInfo(zone)).date()
    with Trends(directory) as trends:
        found = trends.days(POWER, first, first + timedelta(days=1), zone)
    assert found is not None
    for start, length, covered in zip(
        found.starts_ms, found.length_s, found.rows.covered_s, strict=True
    ):
        assert covered == length
        local = datetime.fromtimestamp(int(start) / 1000, ZoneInfo(zone))
        assert (local.hour, local.minute) == (0, 0)
    assert set(found.mean()) == {2.0}


def test_live_and_simulated_history_follow_each_other(tmp_path: Path) -> None:
    """As in the demo: it runs, stops, the time between is simulated, it runs again."""
    samples = [sample(POWER, float(i % 9), i * 600) for i in range(144 * 60)]
    simulated = {1, 3}
    parts = [range(200), range(200, 3000), range(3000, 3100), range(3100, 6000)]
    parts.append(range(6000, len(samples)))
    with History(tmp_path) as history:
        for number, part in enumerate(parts):
            for i in part[::10]:
                rows = samples[i : min(i + 10, part[-1] + 1)]
                history.append(recorded(rows, (rows[-1].time - START).total_seconds()))
            live = number not in simulated
            now = samples[part[-1]].time + timedelta(minutes=20)
            Compaction(tmp_path, Zones(ZONE, {}), publish=live).run(now, whole_days=live)
    last = samples[-1].time
    with Trends(tmp_path) as trends:
        horizon = trends.closed_until()
        assert horizon is not None
        block = trends.quarters(POWER, at(0), last)
        assert block is not None
        before = sum(s.time < horizon for s in samples)
        assert block.rows.n.sum() == before
        assert (block.coverage_pct()[:-1] == 100).all()
        # The stream is kept for 35 days; its rows are still there by series.
        assert trends.rollups(0, 1)[0].seq > 1
        days = trends.days(POWER, at(0).date(), last.date(), ZONE)
        assert days is not None
        assert days.rows.n.sum() == before
