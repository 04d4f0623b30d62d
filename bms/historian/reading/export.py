"""History as rows for other programs: CSV always, Parquet where pyarrow is installed.

Rows come by point, or for raw samples by day of UTC and point, and go out as they are read: memory
stays bounded however much is exported. Gaps are empty cells, or rows that say STALE or BAD.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from bms.core.errors import InvalidInput, StoreError
from bms.historian.reading.trends import StepBlock, Trends
from bms.historian.records import from_ms
from bms.texts.clean import cell
from bms.texts.messages import msg
from bms.texts.system_errors import os_cause
from drivers.points import PointId, Quality

Step: TypeAlias = Literal["raw", "15m", "day"]
RAW_COLUMNS: Final = ("point", "time", "value", "quality")
STEP_COLUMNS: Final = (
    "point",
    "time",
    "mean",
    "min",
    "max",
    "last",
    "samples",
    "coverage_pct",
    "on_h",
    "switches",
)
_QUALITIES: Final = {quality.value: quality.name.lower() for quality in Quality}
ROWS_AT_ONCE: Final = 50_000

Row: TypeAlias = tuple[Any, ...]
Zone: TypeAlias = Callable[[PointId], str]


def columns_of(step: Step) -> tuple[str, ...]:
    return RAW_COLUMNS if step == "raw" else STEP_COLUMNS


def rows(
    trends: Trends,
    points: Sequence[PointId],
    step: Step,
    start: datetime,
    end: datetime,
    zone: Zone,
) -> Iterator[Row]:
    """Rows as `columns_of(step)` names them; times are aware, in the zone of the point's base.

    None: nothing is known. Of days, `end` belongs to the last one if it is after its midnight.
    """
    if step == "raw":
        for block in trends.raw_samples(points, start, end):
            where = ZoneInfo(zone(block.point))
            for i, ms in enumerate(block.times_ms.tolist()):
                time = from_ms(ms).astimezone(where)
                yield block.point, time, block.value(i), _QUALITIES.get(block.quality(i), "bad")
        return
    for point in points:
        where = ZoneInfo(zone(point))
        if step == "15m":
            found = trends.quarters(point, start, end)
        else:
            first = start.astimezone(where).date()
            last = (end - timedelta(microseconds=1)).astimezone(where).date()
            found = trends.days(point, first, last, zone(point))
        if found is not None:
            yield from _step_rows(found, where)


def _step_rows(block: StepBlock, zone: ZoneInfo) -> Iterator[Row]:
    table = block.rows
    columns = (
        block.starts_ms,
        block.mean(),
        table.minimum,
        table.maximum,
        table.last,
        table.n,
        block.coverage_pct(),
        table.on_s,
        table.switches,
    )
    for ms, mean, least, most, last, n, covered, on_s, switches in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        time = from_ms(ms).astimezone(zone)
        if covered <= 0 and n == 0:
            yield block.point, time, None, None, None, None, 0, 0.0, None, None
            continue
        state = block.klass.value == "state"
        yield (
            block.point,
            time,
            _known(mean),
            _known(least),
            _known(most),
            _known(last),
            n,
            round(covered, 2),
            round(on_s / 3600, 4) if state else None,
            switches if state else None,
        )


def _known(value: float) -> float | None:
    return None if value != value else float(f"{value:.9g}")


def to_csv(table: Iterator[Row], columns: Sequence[str], out: IO[str]) -> int:
    """Write a header and all rows; returns how many. Times as ISO 8601 with offset.

    A text that a spreadsheet would take for a formula gets an apostrophe.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for point, time, *rest in table:
        writer.writerow([cell(point), time.isoformat(timespec=_timespec(time)), *map(cell, rest)])
        count += 1
    return count


def _timespec(time: datetime) -> str:
    return "milliseconds" if time.microsecond else "seconds"


def to_csv_file(table: Iterator[Row], columns: Sequence[str], path: Path) -> int:
    """`to_csv` into a file that is there whole or not at all. Raises StoreError."""
    with _whole(path) as draft, draft.open("w", encoding="utf-8", newline="") as file:
        return to_csv(table, columns, file)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """Where to write so that `path` becomes the file when all is written, and only then.

    Raises StoreError for what the disk does.
    """
    device = path.exists() and not path.is_file()  # /dev/stdout, a pipe
    draft = path if device else path.with_name(f"{path.name}.new")
    try:
        yield draft
        if not device:
            draft.replace(path)
    except OSError as error:
        raise StoreError(
            msg("{path}: cannot be written: {error}", path=path, error=os_cause(error))
        ) from error
    finally:
        if not device:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def to_parquet(table: Iterator[Row], step: Step, path: Path) -> int:
    """Write all rows to a Parquet file, whole or not at all; returns how many.

    Times are UTC in milliseconds. Raw values are two columns: `value` for numbers and states,
    `text` for texts. Raises InvalidInput if pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InvalidInput(
            msg("Parquet needs pyarrow: pip install 'bms[export]', or use --format csv")
        ) from None
    schema = pa.schema(_fields(pa, step))
    count = 0
    with (
        _whole(path) as draft,
        pq.ParquetWriter(draft, schema, compression="zstd") as writer,
    ):
        for part in _parts(table):
            if step == "raw":
                part = [_split(row) for row in part]
            arrays = [
                pa.array(column, field.type)
                for column, field in zip(zip(*part, strict=True), schema, strict=True)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))
            count += len(part)
    return count


def _fields(pa: Any, step: Step) -> list[tuple[str, Any]]:
    time = pa.timestamp("ms", tz="UTC")
    if step == "raw":
        return [
            ("point", pa.string()),
            ("time", time),
            ("value", pa.float64()),
            ("text", pa.string()),
            ("quality", pa.string()),
        ]
    whole = {"samples": pa.int64(), "switches": pa.int64(), "point": pa.string(), "time": time}
    return [(name, whole.get(name, pa.float64())) for name in STEP_COLUMNS]


def _split(row: Row) -> Row:
    point, time, value, quality = row
    text = value if isinstance(value, str) else None
    number = None if value is None or text is not None else float(value)
    return point, time, number, text, quality


def _parts(table: Iterator[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in table:
        part.append(row)
        if len(part) >= ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part
