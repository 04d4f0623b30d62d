"""The embedded history: what goes in comes out, all of it, also beside a writer."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bms.core.decisions import Award, Command, Priority, Severity
from bms.core.equipment import PointClass
from bms.core.errors import StoreError
from bms.core.readings import Reading
from bms.forward.cursors import SinkCursor
from bms.forward.positions import least_taken
from bms.historian.formats.blob import DamagedBlob, decode, encode
from bms.historian.log.embedded import ROW_SAMPLES, History
from bms.historian.log.log_queries import FILE_NAME, LAYOUT
from bms.historian.records import AlarmRow, AwardRow, Batch, Meter, Series, from_ms
from bms.storage.sqlite import open_database
from bms.texts.messages import made_of, msg
from drivers.points import Quality, Sample, Value
from tests.historian.support import START, at, good

POINT = "plant.ch-1.power"
COUNTER = "plant.meter.energy"
METER = Meter(COUNTER, "plant", Decimal("0.01"))
FOREVER = START - timedelta(days=3650), START + timedelta(days=3650)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    with History(tmp_path) as opened:
        yield opened


values = st.one_of(
    st.floats(allow_nan=False),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.text(max_size=5),
    st.none(),
)


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a.b.c", "a.b.d"]),
            values,
            st.sampled_from(Quality),
            st.integers(-(10**12), 10**13),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_a_blob_gives_back_every_sample_with_its_type(
    rows: list[tuple[str, Value, Quality, int]],
) -> None:
    samples = [Sample(p, v, q, from_ms(ms)) for p, v, q, ms in rows]
    texts: list[str] = []

    def text_id(text: str) -> int:
        texts.append(text)
        return len(texts) - 1

    t0, t1, blob = encode(samples, {"a.b.c": 7, "a.b.d": 8}, text_id)
    columns = decode(blob)
    got = [
        (columns.series[i], columns.value(i, texts.__getitem__), columns.quality(i))
        for i in range(len(samples))
    ]
    assert got == [({"a.b.c": 7, "a.b.d": 8}[p], v, q) for p, v, q, _ in rows]
    assert [type(v) for _, v, _ in got] == [type(v) for _, v, _, _ in rows]
    assert [t0 + after for after in columns.after_ms] == [ms for *_, ms in rows]
    assert (t0, t1) == (min(r[3] for r in rows), max(r[3] for r in rows))


def test_any_changed_byte_of_a_blob_is_noticed() -> None:
    _, _, blob = encode([good(POINT, 1.5), good(POINT, 2.5, 1)], {POINT: 1}, lambda _: 0)
    for i in range(len(blob) - 1):
        if 12 <= i < 16:  # the spare field
            continue
        damaged = bytearray(blob)
        damaged[i] ^= 0x41
        with pytest.raises(DamagedBlob):
            decode(bytes(damaged))
    with pytest.raises(DamagedBlob):
        decode(blob[:10])


def test_samples_by_point_and_time(history: History) -> None:
    history.append(Batch([good(POINT, float(i), i) for i in range(5)]))
    seq = history.append(Batch([good("plant.ch-2.power", 9.0, 2), good(POINT, 7, 10)]))
    assert seq == 2
    assert [s.value for s in history.samples(POINT, at(1), at(3))] == [1.0, 2.0, 3.0]
    assert history.samples(POINT, at(10), at(10)) == [good(POINT, 7, 10)]
    assert history.samples("plant.nothing.power", *FOREVER) == []
    assert history.span() == (at(0), at(10))


def test_text_and_bad_values_keep_their_meaning(history: History) -> None:
    stored = [
        good("plant.mode.state", "summer"),
        Sample("plant.mode.state", None, Quality.BAD, at(1)),
        Sample("plant.mode.state", "summer", Quality.STALE, at(2)),
        good("plant.mode.state", True, 3),
    ]
    history.append(Batch(stored))
    found = history.samples("plant.mode.state", *FOREVER)
    assert found == stored
    assert found[3].value is True
    assert history.series() == [Series("plant.mode.state", "", PointClass.STATE)]


def test_a_wide_row_is_found_from_both_its_ends(history: History) -> None:
    history.append(Batch([good(POINT, 1.0, 0), good(POINT, 2.0, 86_400)]))
    history.append(Batch([good(POINT, 3.0, 86_460)]))
    assert [s.value for s in history.samples(POINT, at(86_000), at(86_500))] == [2.0, 3.0]
    assert [s.value for s in history.samples(POINT, at(-5), at(5))] == [1.0]
    assert history.span() == (at(0), at(86_460))


def test_a_large_batch_is_several_rows_and_one_commit(history: History) -> None:
    history.append(Batch([good(POINT, float(i), i) for i in range(ROW_SAMPLES + 10)]))
    assert [len(row.points) for row in history.log_after(0, 10)] == [ROW_SAMPLES, 10]
    assert len(history.samples(POINT, *FOREVER)) == ROW_SAMPLES + 10


def test_declarations_give_series_their_unit_and_class(history: History) -> None:
    history.append(Batch(series=[Series(POINT, "kW", PointClass.ANALOG)], meters=[METER]))
    history.append(Batch(series=[Series(POINT, "W", PointClass.ANALOG)]))
    assert history.series() == [
        Series(POINT, "W", PointClass.ANALOG),
        Series(COUNTER, "kWh", PointClass.COUNTER),
    ]
    assert history.meters() == [METER]


# --- readings --------------------------------------------------------------------------------


def test_readings_with_their_neighbours(history: History) -> None:
    readings = [Reading(COUNTER, at(900 * i), 100 * i) for i in range(5)]
    history.append(Batch(readings=readings, meters=[METER]))
    assert history.readings(COUNTER, at(1000), at(2000), around=False) == [readings[2]]
    assert history.readings(COUNTER, at(1000), at(2000)) == readings[1:4]
    assert history.readings(COUNTER, at(900), at(1800)) == readings[0:4]
    assert history.last_reading(COUNTER) == readings[4]
    assert history.last_reading("plant.other.energy") is None
    assert [s.value for s in history.samples(COUNTER, *FOREVER)] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_reading_once_recorded_never_changes(history: History) -> None:
    history.append(Batch(readings=[Reading(COUNTER, at(0), 5)], meters=[METER]))
    history.append(Batch(readings=[Reading(COUNTER, at(0), 6)]))
    assert history.readings(COUNTER, *FOREVER) == [Reading(COUNTER, at(0), 5)]


def test_a_reading_of_an_undeclared_meter_stores_nothing(history: History) -> None:
    with pytest.raises(ValueError, match="never declared"):
        history.append(Batch([good(POINT, 1.0)], readings=[Reading(COUNTER, at(0), 1)]))
    assert history.span() == (None, None)
    history.append(Batch([good(POINT, 2.0)]))  # and the connection is usable
    assert [s.value for s in history.samples(POINT, *FOREVER)] == [2.0]


@pytest.mark.parametrize(
    ("old", "new", "common"),
    [("0.1", "0.01", "0.01"), ("0.01", "0.1", "0.01"), ("0.25", "0.1", "0.05"), ("2", "1", "1")],
)
def test_a_changed_resolution_keeps_every_reading_whole(
    history: History, old: str, new: str, common: str
) -> None:
    history.append(
        Batch(
            readings=[Reading(COUNTER, at(0), 40), Reading(COUNTER, at(900), 60)],
            meters=[Meter(COUNTER, "plant", Decimal(old))],
        )
    )
    history.append(
        Batch(
            readings=[Reading(COUNTER, at(1800), 4000)],
            meters=[Meter(COUNTER, "plant", Decimal(new))],
        )
    )
    meter = history.meter(COUNTER)
    assert meter is not None
    assert meter.resolution == Decimal(common)
    kwh = [r.counts * meter.resolution for r in history.readings(COUNTER, *FOREVER)]
    assert kwh == [40 * Decimal(old), 60 * Decimal(old), 4000 * Decimal(new)]
    assert len(history.readings(COUNTER, at(1000), at(1100))) == 2


# --- awards and alarms -----------------------------------------------------------------------


def command(value: Value, priority: Priority, expires: datetime | None = None) -> Command:
    return Command(
        point="plant.ch-1.enable",
        value=value,
        priority=priority,
        source="plant.chw",
        reason="开: weekly, schedules/a.yaml:3",
        expires=expires,
    )


def test_a_reason_is_kept_as_what_it_was_made_of_and_words_as_words(history: History) -> None:
    point = "plant.ch-1.enable"
    ours = msg("override by {owner}: {reason}", owner="li", reason="x")
    other = msg("override by {owner}", owner="li: x")
    nested = msg("override by {owner}: {reason}", owner="li", reason=msg("x"))
    reasons = [ours, str(ours), other, nested, ours, str(ours)]
    rows = []
    for n, reason in enumerate(reasons):
        command = Command(
            point=point, value=True, priority=Priority.OPERATOR, source="a", reason=reason
        )
        loser = replace(command, priority=Priority.SCHEDULE)
        rows.append(AwardRow(point, at(n), Award(command, (loser,))))
    for row in rows:
        history.append(Batch(awards=[row]))
    history.append(Batch([Sample("plant.ch-1.words", str(ours), Quality.GOOD, at(0))]))
    for found, reason in zip(history.awards(point, *FOREVER), reasons, strict=True):
        assert found.award is not None
        for command in (found.award.winner, *found.award.losers):
            assert command.reason == reason
            assert made_of(command.reason) == made_of(reason)
    (sample,) = history.samples("plant.ch-1.words", *FOREVER)
    assert type(sample.value) is str
    with History(history._directory, read_only=True) as reader:
        texts = reader._rows("SELECT text, made_of FROM text WHERE text = ?", str(ours))
    assert len(texts) == len({made_of(reason) for reason in reasons})


def test_awards_come_back_with_their_losers(history: History) -> None:
    first = AwardRow(
        "plant.ch-1.enable",
        at(0),
        Award(
            command(True, Priority.OPERATOR, expires=at(60)),
            (command(0.5, Priority.SEQUENCE, expires=at(90)), command("off", Priority.DEFAULT)),
        ),
    )
    second = AwardRow("plant.ch-1.enable", at(10), Award(command(1, Priority.SEQUENCE)))
    released = AwardRow("plant.ch-1.enable", at(20), None)
    history.append(Batch(awards=[first, second]))
    history.append(Batch(awards=[released]))
    assert history.awards("plant.ch-1.enable", *FOREVER) == [first, second, released]
    assert history.awards(None, at(5), at(15)) == [second]
    assert history.award_at("plant.ch-1.enable", at(9)) == first
    assert history.award_at("plant.ch-1.enable", at(-1)) is None
    found = history.award_at("plant.ch-1.enable", at(0))
    assert found is not None
    assert found.award is not None
    assert found.award.value is True


def test_alarms_by_time(history: History) -> None:
    rows = [AlarmRow("k", Severity.CRITICAL, "no proof", "raised", at(i)) for i in range(3)]
    history.append(Batch(alarms=rows))
    assert history.alarms(at(1), at(2)) == rows[1:]


# --- retention -------------------------------------------------------------------------------


def test_pruning_keeps_readings_and_what_a_sink_has_not_taken(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        for i in range(4):
            history.append(
                Batch(
                    [good(POINT, float(i), 900 * i)],
                    readings=[Reading(COUNTER, at(900 * i), i)],
                    alarms=[AlarmRow("k", Severity.NORMAL, "t", "raised", at(900 * i))],
                    meters=[METER],
                )
            )
        with SinkCursor(tmp_path, "influx", history.uid(), history.last_seq()) as cursor:
            cursor.advance(2)
        uid = history.uid()
        assert (
            history.prune(at(5000), compacted=(99, 10**14), taken=least_taken(tmp_path, None, uid))
            == 2
        )
        assert (
            history.prune(
                at(5000), compacted=(99, 10**14), taken=least_taken(tmp_path, ["other"], uid)
            )
            == 0
        )
        assert history.prune(at(2700), compacted=(99, 10**14), taken=None) == 1
        assert [row.seq for row in history.log_after(0, 10)] == [4]
        assert len(history.readings(COUNTER, *FOREVER)) == 4
        assert len(history.alarms(*FOREVER)) == 4
        history.append(Batch([good(POINT, 1.0, 9000)]))
        assert history.last_seq() == 5


def test_a_cursor_into_another_history_starts_over(tmp_path: Path) -> None:
    with SinkCursor(tmp_path, "influx", "one", 50) as cursor:
        cursor.advance(40)
    with SinkCursor(tmp_path, "influx", "one", 30) as cursor:  # restored from a backup
        assert cursor.seq == 30
    with SinkCursor(tmp_path, "influx", "two", 99) as cursor:
        assert cursor.seq == 0


# --- files -----------------------------------------------------------------------------------


def test_a_reader_sees_committed_batches_while_the_writer_goes_on(tmp_path: Path) -> None:
    with History(tmp_path) as writer, History(tmp_path, read_only=True) as reader:
        batches = 100

        def write() -> None:
            for i in range(batches):
                writer.append(Batch([good(POINT, float(i), i), good(POINT, -1.0, i + 0.5)]))

        thread = threading.Thread(target=write)
        counts = [len(reader.samples(POINT, *FOREVER))]
        thread.start()
        deadline = monotonic() + 20
        while counts[-1] < 2 * batches and monotonic() < deadline:
            counts.append(len(reader.samples(POINT, *FOREVER)))
        thread.join()
        assert counts[-1] == 2 * batches
        assert counts == sorted(counts)
        assert all(count % 2 == 0 for count in counts)  # never half a batch
        with pytest.raises(StoreError, match="readonly"):
            reader.append(Batch([good(POINT, 1.0)]))


def test_reading_where_there_is_no_history_makes_none(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no history yet"):
        History(tmp_path / "state", read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough" * 300])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"history\.db.*damaged.*backup"):
        History(tmp_path)
    assert path.read_bytes() == content


def test_damage_inside_the_file_is_an_error_and_not_a_gap(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        history.append(Batch([good(POINT, float(i), i) for i in range(100)]))
        history.append(Batch([good(POINT, 5.0, 500)]))
    path = tmp_path / FILE_NAME
    connection = sqlite3.connect(path)
    connection.execute("UPDATE log SET blob = CAST(substr(blob, 1, 40) AS BLOB) WHERE seq = 1")
    connection.commit()
    connection.close()
    with History(tmp_path) as history:
        with pytest.raises(StoreError, match="log row 1 is damaged"):
            history.samples(POINT, *FOREVER)
        first, second = history.log_after(0, 10)
        assert "row 1" in first.damage
        assert not first.points
        assert second.values == [5.0]


def test_a_newer_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    History(tmp_path).close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute(f"PRAGMA user_version = {LAYOUT.version + 1}")
    connection.close()
    with pytest.raises(StoreError, match="newer version.*update the program"):
        History(tmp_path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match="not the history database"):
        History(tmp_path)


def test_a_missing_file_beside_its_log_is_not_recreated(tmp_path: Path) -> None:
    (tmp_path / f"{FILE_NAME}-wal").write_bytes(b"committed pages")
    with pytest.raises(StoreError, match=r"missing.*history\.db-wal"):
        History(tmp_path)
    assert not (tmp_path / FILE_NAME).exists()


def test_commits_are_durable_before_append_returns(tmp_path: Path) -> None:
    connection = open_database(tmp_path / FILE_NAME, LAYOUT)
    try:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2  # FULL
    finally:
        connection.close()


def test_a_history_of_the_first_version_carries_on(tmp_path: Path) -> None:
    with History(tmp_path) as history:
        history.append(Batch([good(POINT, float(i), i) for i in range(50)]))
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    connection.executescript(
        "DROP TABLE session; DROP TABLE quarantine; DROP TABLE dropped; DROP TABLE late;"
        "DROP INDEX text_text; ALTER TABLE text DROP COLUMN made_of;"
        "ALTER TABLE alarm DROP COLUMN made_of; ALTER TABLE award DROP COLUMN sent; "
        "PRAGMA user_version=1"
    )
    connection.close()
    with pytest.raises(StoreError, match="older version.*start the controller once"):
        History(tmp_path, read_only=True)
    with History(tmp_path) as history:
        history.append(Batch([good(POINT, 99.0, 60)], alive=at(60), begun=at(60)))
        assert len(history.samples(POINT, *FOREVER)) == 51
        sessions = history.log.sessions()
    assert [from_ms(int(ms)) for ms in sessions.begun_ms] == [at(0), at(60)]
    assert [from_ms(int(ms)) for ms in sessions.seen_ms] == [at(49), at(60)]


def test_a_sample_ahead_of_the_clock_is_set_aside(history: History) -> None:
    ahead = good(POINT, 7.0, 400)
    history.append(Batch([good(POINT, 1.0, 0), ahead, good(POINT, 2.0, 290)], alive=at(0)))
    assert [s.value for s in history.samples(POINT, *FOREVER)] == [1.0, 2.0]
    assert history.quarantined() == 1
