"""Makes a lost `roll.db` again from the raw segments that are still there.

Segments are only a copy of the log for as long as the log is kept. So where rows have left the log
and no manifest names a file, the files are taken into a new manifest at once, and the roll-ups of
their time are made from them day by day. A file that cannot be read is put aside, not deleted.
"""

from __future__ import annotations

import logging
import re
from contextlib import closing
from pathlib import Path
from typing import Final

from bms.core.errors import DiskError, StoreError
from bms.historian.compaction.passes import DAY_MS, REACH_MS, Points, quarter_of
from bms.historian.files.rawfiles import LogView, whole_series
from bms.historian.files.rolldb import RollDb
from bms.historian.files.segments import LAYOUT, whole
from bms.historian.formats.rollups import QUARTER_MS, Samples, last_of, quarters
from bms.historian.manifest import GROUPS, Segment
from bms.storage.sqlite import open_database, store_errors

_log = logging.getLogger(__name__)

_NAME: Final = re.compile(rf"raw-\d{{8}}(?:T\d{{4}})?-({'|'.join(GROUPS)})(?:-(\d+))?\.db")
DAMAGED: Final = "damaged-"


def adopt(directory: Path, log: LogView, roll: RollDb) -> None:
    """Name the raw files of a directory in a manifest that is new. Raises StoreError."""
    if roll.progress().horizon_ms is not None or log.whole():
        return
    segments = [s for path in sorted(directory.glob("raw-*.db")) if (s := _segment(path))]
    if not segments:
        return
    _log.warning("roll.db was lost: %d raw files are taken into a new one", len(segments))
    # A pass that took log rows ends behind all their samples that are over.
    seq = min(max(s.last_seq for s in segments), log.last_seq())
    first = quarter_of(min(s.t0 for s in segments))
    horizon = quarter_of(max(s.t1 for s in segments)) + QUARTER_MS
    recent = whole_series(directory, segments, horizon - REACH_MS, horizon)
    held = [last_of(part) for part in recent]
    with roll.transaction():
        roll.put_segments(segments)
        roll.advance(seq, horizon, Samples.joined(held).in_order())
        roll.put_restoring(first, horizon)


def _segment(path: Path) -> Segment | None:
    """What the manifest says of a file; None if it says nothing, or is put aside."""
    name = _NAME.fullmatch(path.name)
    if name is None:
        return None
    try:
        whole(path)
        with (
            closing(open_database(path, LAYOUT, read_only=True, immutable=True)) as db,
            store_errors(path),
        ):
            t0, t1, n = db.execute("SELECT min(t0), max(t1), sum(n) FROM chunk").fetchone()
            db.execute("SELECT sum(length(blob)) FROM chunk").fetchone()
    except DiskError:
        raise
    except StoreError as error:
        _log.error("%s is put aside as %s%s: %s", path.name, DAMAGED, path.name, error)
        path.rename(path.with_name(DAMAGED + path.name))
        return None
    if not n:
        return None
    return Segment(path.name, name[1], t0, t1, n, path.stat().st_size, int(name[2] or 0))


def restore_day(directory: Path, points: Points, log: LogView, roll: RollDb, start: int) -> int:
    """The quarter hours from `start` to the end of its day of UTC, from segments; that end."""
    span = roll.restoring()
    assert span is not None
    end = min(span[1], (start // DAY_MS + 1) * DAY_MS)
    segments = roll.segments(start - REACH_MS, end)
    sessions = log.sessions()
    with roll.transaction():
        for samples in whole_series(directory, segments, start - REACH_MS, end):
            held = last_of(samples.where(samples.times_ms < start))
            now = samples.where(samples.times_ms >= start)
            timeline = Samples.joined([held, now]).in_order()
            roll.gather(start, end, quarters(timeline, start, end, sessions, points.classes))
        roll.merge(start, end, 0)
    return end
